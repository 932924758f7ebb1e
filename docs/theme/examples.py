"""Show the examples of a docstring as code, wherever in it they stand."""

import re
from typing import Any

import griffe

# Consecutive lines of one indentation from the first >>> to the blank line that ends it.
_EXAMPLE = re.compile(
    r"^(?P<indent> *)>>> .*(?:\n(?P=indent)(?!>>> )\S.*|\n(?P=indent)>>> .*)*", re.MULTILINE
)


class FencedExamples(griffe.Extension):
    """Fence doctest examples: in plain Markdown ``>>>`` is a quotation within quotations."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        docstring = obj.docstring
        # An "Examples:" section is recognised by the Google style itself.
        if docstring is None or "Examples:" in docstring.value:
            return
        docstring.value = _EXAMPLE.sub(
            lambda match: f"{match['indent']}```pycon\n{match[0]}\n{match['indent']}```",
            docstring.value,
        )
