"""Geometry of the page's pictures: numbers for SVG attributes, nothing of markup."""

from collections.abc import Sequence
from dataclasses import dataclass

from relentropy.compare.report.numbers import chosen, share
from relentropy.compare.report.scale import Scale
from relentropy.compare.report.view import Cell, Column, View
from relentropy.compare.visible import shorten

# The histogram's plot, in SVG units.
WIDTH, HEIGHT = 540, 240
# The interval's plot.
AXIS = 170
_TICK = 30  # room for a label


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
    """The scale of the intervals in SVG units, 0 to ``AXIS``."""

    def __init__(self, scale: Scale, material: float) -> None:
        self.scale = scale
        self.limit = self._at(material)
        """The place of the amount that matters."""

    def whisker(self, column: Column) -> Whisker:
        """The interval of a column."""
        forward = column.forward
        return Whisker(
            low=self._at(forward.low),
            high=self._at(forward.high),
            value=self._at(forward.value),
            floor=self._at(forward.noise_floor),
        )

    def ticks(self) -> list[Tick]:
        """The labels under the axis."""
        return [
            Tick(self._at(amount), chosen(amount), self._anchor(amount))
            for amount in self.scale.ticks(AXIS // _TICK)
        ]

    def _at(self, amount: float) -> str:
        return _number(AXIS * self.scale.at(amount))

    def _anchor(self, amount: float) -> str:
        if amount == 0:
            return "start"
        return "end" if self.scale.at(amount) > 1 - 12 / AXIS else "middle"


def bar(amount: float, top: float) -> str:
    """The length of a bar in per cent of its room; what is there is never quite lost."""
    if amount <= 0 or top <= 0:
        return "0"
    return _number(max(100 * amount / top, 0.8))


def _number(x: float) -> str:
    """Short: a page has thousands of these."""
    return f"{x:.1f}".rstrip("0").rstrip(".") or "0"
