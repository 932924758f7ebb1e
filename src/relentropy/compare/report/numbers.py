"""Numbers as people read them."""

from math import ceil, floor, log10

_LARGE = [(1e12, "trillion"), (1e9, "billion"), (1e6, "million")]


def fixed(x: float, decimals: int = 4) -> str:
    """``x`` with a fixed number of decimals, so that a column of figures lines up.

    What rounds to zero without being zero says so: ``<0.0001``.
    """
    if x != 0 and abs(x) < 0.5 * 10.0**-decimals:
        return f"{'<' if x > 0 else '>-'}{10.0**-decimals:.{decimals}f}"
    return f"{x:,.{decimals}f}"


def signed(x: float, decimals: int = 4) -> str:
    """``x`` with its sign, a minus as wide as the plus; what rounds to zero has none."""
    text = f"{x:+,.{decimals}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text[1:]


def figures(x: float, digits: int = 3) -> str:
    """``x`` to three significant digits, without an exponent down to a millionth."""
    if x == 0:
        return "0"
    rounded = float(f"{x:.{digits - 1}e}")
    exponent = floor(log10(abs(rounded)))
    if exponent < -6:
        return f"{x:.{digits - 1}e}"
    return f"{rounded:,.{max(digits - 1 - exponent, 0)}f}"


def chosen(x: float) -> str:
    """A number that somebody chose, such as a limit: no digits that are not needed."""
    text = figures(x)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def decimals_for(material: float) -> int:
    """Decimals that show two figures of the smallest amount that matters."""
    if not 0 < material < 1:
        return 4
    return min(max(2 - floor(log10(2 * material)), 4), 10)


def share(x: float) -> str:
    """A share of the rows in per cent; only nothing is 0 % and only all is 100 %."""
    percent = 100 * x
    if percent <= 0 or percent >= 100:
        return f"{percent:.0f} %"
    if percent < 0.05:
        return "<0.1 %"
    if percent >= 99.95:
        return ">99.9 %"
    return f"{percent:.1f} %"


def percent(x: float) -> str:
    """A share that somebody chose, such as a confidence: ``95 %``, ``99.9 %``."""
    return f"{100 * x:.10g} %"


def count(x: float) -> str:
    """A number of rows: exact below a million, two figures in words above."""
    for size, word in _LARGE:
        if x >= size:
            amount = x / size
            return f"{amount:,.1f} {word}" if amount < 10 else f"{amount:,.0f} {word}"
    return f"{x:,.0f}"


def about(x: float | None) -> str:
    """A number of rows that is itself an estimate: two figures; a dash where there is none."""
    if x is None or x >= 1e15:
        return "–"
    whole = max(ceil(x), 1)
    if whole >= 100:
        step = 10 ** (floor(log10(whole)) - 1)
        whole = round(whole / step) * step
    return count(whole)
