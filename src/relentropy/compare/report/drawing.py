"""Geometry of the page's pictures: numbers for SVG attributes, nothing of markup."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from relentropy.compare.report.numbers import chosen, share
from relentropy.compare.report.view import Cell, Column, View
from relentropy.compare.report.visible import shorten

# The histogram's plot, in SVG units.
WIDTH, HEIGHT = 540, 240
# The interval's plot.
AXIS = 170


@dataclass(frozen=True)
class Hover:
    """A place to point at, and what it says."""

    x: str
    width: str
    text: str


@dataclass(frozen=True)
class Histogram:
    """Two step lines on one scale; ``labels`` name the first, middle and last cell."""

    reference: str
    current: str
    hovers: tuple[Hover, ...]
    labels: tuple[str, str, str]


def histogram(view: View, cells: Sequence[Cell]) -> Histogram:
    """The two histograms of a column whose cells have an order."""
    top = max(max(cell.masses) for cell in cells) or 1.0
    step = WIDTH / len(cells)
    return Histogram(
        reference=_steps([cell.reference / top for cell in cells], step),
        current=_steps([cell.current / top for cell in cells], step),
        hovers=tuple(
            Hover(
                x=_number(index * step),
                width=_number(step),
                text=f"{cell.label}: {share(cell.reference)} of {view.reference}, "
                f"{share(cell.current)} of {view.current}",
            )
            for index, cell in enumerate(cells)
        ),
        labels=_ends([shorten(cell.label, 24) for cell in cells]),
    )


def _ends(labels: Sequence[str]) -> tuple[str, str, str]:
    return labels[0], labels[len(labels) // 2], labels[-1]


def _steps(heights: Sequence[float], step: float) -> str:
    """Path data of a step line that starts and ends on the ground."""
    parts = [f"M0 {HEIGHT}"]
    for index, height in enumerate(heights):
        parts.append(f"V{_number(HEIGHT * (1 - height))}H{_number((index + 1) * step)}")
    return "".join([*parts, f"V{HEIGHT}"])


@dataclass(frozen=True)
class Whisker:
    """An interval on the axis shared by all columns."""

    low: str
    high: str
    value: str
    floor: str


@dataclass(frozen=True)
class Tick:
    """A mark of the shared axis."""

    x: str
    label: str
    anchor: str


class Axis:
    """The scale of the intervals: the square root, for relative entropy grows as a shift squared.

    Two columns, one shifted twice as far as the other, stand twice as far along.
    """

    def __init__(self, columns: Sequence[Column], material: float) -> None:
        ends = [max(c.forward.high, c.forward.noise_floor) for c in columns]
        self.end = max([*ends, 2 * material]) or 1.0
        self.material = material

    def at(self, amount: float) -> float:
        """The place of ``amount``, from 0 to ``AXIS``."""
        return AXIS * sqrt(min(max(amount, 0.0) / self.end, 1.0))

    def whisker(self, column: Column) -> Whisker:
        """The interval of a column."""
        forward = column.forward
        return Whisker(
            low=_number(self.at(forward.low)),
            high=_number(max(self.at(forward.high), self.at(forward.low) + 1)),
            value=_number(self.at(forward.value)),
            floor=_number(self.at(forward.noise_floor)),
        )

    @property
    def limit(self) -> str:
        """The place of the amount that matters."""
        return _number(self.at(self.material))

    def ticks(self) -> list[Tick]:
        """Zero, round amounts that leave room for each other, and nothing beyond the end."""
        ticks = [Tick("0", "0", "start")]
        last = 0.0
        for exponent in range(-6, 4):
            for leading in (1, 2, 5):
                amount = leading * 10.0**exponent
                place = self.at(amount)
                if amount <= self.end and place - last >= 38:
                    anchor = "end" if place > AXIS - 12 else "middle"
                    ticks.append(Tick(_number(place), chosen(amount), anchor))
                    last = place
        return ticks


def bar(amount: float, top: float) -> str:
    """The length of a bar in per cent of its room; what is there is never quite lost."""
    if amount <= 0 or top <= 0:
        return "0"
    return _number(max(100 * amount / top, 0.8))


def _number(x: float) -> str:
    """Short: a page has thousands of these."""
    return f"{x:.1f}".rstrip("0").rstrip(".") or "0"
