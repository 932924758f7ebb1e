"""Names and values from data, made safe to show."""


def escape(text: str) -> str:
    r"""Every character that a terminal or a browser would obey or hide, as its escape.

    Control, format (bidirectional marks, zero width), surrogate, private and unassigned
    characters, and all white space but the plain space: what Python calls unprintable.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )


def visible(text: object, limit: int = 120) -> str:
    r"""One line that shows every character of ``text``; what cannot be seen is escaped.

    A newline becomes ``\n``, a terminal escape ``\x1b``, a right-to-left override ``\u202e``.
    Where the ends cannot be seen (empty, or white space first or last) quotes show them, and
    beyond ``limit`` characters the middle gives way to an ellipsis.

    >>> visible("a\x1b[31m")
    'a\\x1b[31m'
    >>> visible("")
    '""'
    """
    raw = str(text)
    shown = escape(raw if len(raw) <= 2 * limit else _ends(raw, limit))
    if raw != raw.strip() or not raw:
        shown = f'"{shown}"'
    return shorten(shown, limit)


def visible_lines(text: object) -> str:
    """Like :func:`visible`, for messages of our own that may span lines."""
    return "\n".join(map(escape, str(text).split("\n")))


def shorten(text: str, limit: int) -> str:
    """``text``, its middle replaced by an ellipsis where it is longer than ``limit``."""
    if len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


def _ends(raw: str, limit: int) -> str:
    """Both ends of a long text: enough for :func:`shorten`, without escaping a megabyte."""
    return raw[:limit] + raw[-limit:]
