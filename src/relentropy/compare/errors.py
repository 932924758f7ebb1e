"""The one error that is the input's fault, and how a message shows foreign text."""

import difflib
from collections.abc import Iterable

from relentropy.compare.visible import escape


class InputError(ValueError):
    """The input cannot be compared; the message says what came and what to do instead."""


def printable(text: object, limit: int = 120) -> str:
    """Foreign text made harmless: control and invisible characters become escapes, one line."""
    escaped = escape(str(text))
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """A sentence that asks "Did you mean 'x'?", or nothing when no known name is near."""
    near = difflib.get_close_matches(wanted, list(known), n=1)
    return f" Did you mean '{printable(near[0])}'?" if near else ""
