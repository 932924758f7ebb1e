"""Bars drawn with characters."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True)
class Glyphs:
    """The characters a console can show."""

    rising: str
    """Levels of a column, from empty to full."""
    growing: str
    """Levels of the last character of a row, from empty to full."""
    whisker: str
    """The ground of an interval, its line, its estimate, and the amount that matters."""
    infinity: str
    unicode: bool

    @classmethod
    def of(cls, console: Console) -> "Glyphs":
        """Block elements where the console's encoding has them, otherwise ASCII."""
        if console.options.ascii_only:
            return cls(rising=" .:=#", growing=" #", whisker=" -o|", infinity="inf", unicode=False)
        return cls(
            rising=" ▁▂▃▄▅▆▇█", growing=" ▏▎▍▌▋▊▉█", whisker=" ─●┊", infinity="∞", unicode=True
        )

    def plain(self, text: str) -> str:
        """``text`` with our own typography taken back where the console has only ASCII."""
        if self.unicode:
            return text
        for character, replacement in [("–", "-"), ("−", "-"), ("∞", "inf"), ("…", "~")]:
            text = text.replace(character, replacement)
        return text


def row_of_blocks(length: float, width: int, glyphs: Glyphs) -> str:
    """A horizontal bar: ``length`` in [0, 1] of ``width`` characters, never quite lost."""
    steps = len(glyphs.growing) - 1
    total = _steps(length, width * steps)
    full, rest = divmod(total, steps)
    return glyphs.growing[-1] * full + (glyphs.growing[rest] if rest else "")


def columns_of_blocks(heights: Sequence[float], lines: int, cell: int, glyphs: Glyphs) -> list[str]:
    """A histogram of ``lines`` lines, top line first; each height in [0, 1], ``cell`` wide."""
    steps = len(glyphs.rising) - 1
    totals = [_steps(height, lines * steps) for height in heights]
    return [
        "".join(glyphs.rising[min(max(total - below * steps, 0), steps)] * cell for total in totals)
        for below in reversed(range(lines))
    ]


def whisker(low: float, value: float, high: float, limit: float, width: int, glyphs: Glyphs) -> str:
    """An interval on an axis of ``width`` characters; all places in [0, 1]."""
    ground, line, estimate, mark = list(glyphs.whisker)

    def place(x: float) -> int:
        return round(x * (width - 1))

    cells = [ground] * width
    cells[place(limit)] = mark
    for index in range(place(low), place(high) + 1):
        cells[index] = line
    cells[place(value)] = estimate
    return "".join(cells)


def labels(places: Sequence[tuple[float, str]], width: int) -> str:
    """Labels under such an axis, each centred on its place where there is room."""
    text = ""
    for x, label in places:
        start = min(max(round(x * (width - 1)) - len(label) // 2, 0), width - len(label))
        if start > len(text) or not text:
            text = text.ljust(start) + label
    return text.ljust(width)


def _steps(amount: float, steps: int) -> int:
    """``amount`` of ``steps``, rounded, but never to 0 where there is something."""
    return max(round(amount * steps), 1) if amount > 0 else 0
