"""Refuse a page that needs anything from another host: the documentation is read offline too."""

import re
from typing import Any

from mkdocs.exceptions import PluginError

_FOREIGN = re.compile(
    r"""<(?:script|link|img|iframe|source|use)\b[^>]*?
        \b(?:src|href|srcset)\s*=\s*["']?(?:https?:)?//[^"'\s>]+""",
    re.VERBOSE | re.IGNORECASE,
)


def on_post_page(output: str, *, page: Any, **kwargs: Any) -> str:
    """Look at the finished HTML."""
    foreign = _FOREIGN.search(output)
    if foreign is not None:
        raise PluginError(f"{page.file.src_path} fetches from elsewhere: {foreign[0]}")
    return output
