"""Cells of a column: micro-bins merged to about a hundred, values by name, and the odd ones."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from relentropy.compare.counting import Micro, Numbers, Values

MISSING, NOT_A_NUMBER, PLUS, MINUS = "(missing)", "(not a number)", "(infinity)", "(-infinity)"
FEW = 25
"""Up to so many different numbers are kept as they are, however few rows there are."""
DRAWN = 30
FINER = 8


@dataclass(frozen=True)
class Cell:
    """A cell and how many rows of each side fall in it."""

    label: str
    reference: int
    current: int
    odd: bool = False  # missing, not a number, infinite: not part of the order of the others


@dataclass(frozen=True)
class Cells:
    """The cells that a column is compared on.

    Attributes:
        cells: in natural order, the odd ones last.
        drawn: the same rows in at most 30 cells, for a picture.
        halves: cells of half the resolution, or empty where nothing was merged.
        finer: up to eight times as many cells, or empty where nothing was merged.
        resolution: what merging means for this column, or None where nothing was merged.

    """

    cells: list[Cell]
    drawn: list[Cell]
    halves: list[Cell] = field(default_factory=list)
    finer: list[Cell] = field(default_factory=list)
    resolution: str | None = None


def target_cells(sizes: tuple[int, int], bins: int) -> int:
    """How many bins samples of these sizes can fill: 2·h^(2/5), h their harmonic mean."""
    n, m = sizes
    h = 2 * n * m / (n + m) if n and m else 0.0
    return min(bins, max(8, int(2 * h**0.4)))


def number_cells(numbers: Numbers, bins: int) -> Cells:
    """Merge micro-bins to cells of about equal pooled mass; a repeated value stays alone."""
    odd = _odd_cells(numbers)
    micro = numbers.bins
    target = target_cells(numbers.finite, bins)
    if all(b.single for b in micro) and len(micro) <= max(FEW, target):
        cells = _labelled(micro)
        drawn = cells if len(cells) <= DRAWN else _labelled(_drawn(micro))
        return Cells(cells + odd, drawn + odd)
    merged = merge(micro, target)
    halves = merge(merged, max(1, len(merged) // 2), keep_heavy=False)
    return Cells(
        _labelled(merged) + odd,
        _labelled(_drawn(micro)) + odd,
        _unnamed(halves) + odd,
        _unnamed(merge(micro, FINER * target)) + odd,
        f"{len(merged)} bins",
    )


def merge(micro: Sequence[Micro], target: int, *, keep_heavy: bool = True) -> list[Micro]:
    """Neighbours joined until each cell holds about 1/target of the pooled rows.

    Depends on the pooled counts alone, so that it favours neither side; and merging cells can
    only lower a relative entropy (data processing).
    """
    goal = sum(b.pooled for b in micro) / target
    cells: list[Micro] = []
    run: list[Micro] = []
    for cell in micro:
        if keep_heavy and cell.pooled >= goal:
            cells += [*_equal_mass(run, goal), cell]
            run = []
        else:
            run.append(cell)
    return cells + _equal_mass(run, goal)


def _equal_mass(run: list[Micro], goal: float) -> list[Micro]:
    if not run:
        return []
    mass = sum(b.pooled for b in run)
    parts = max(1, round(mass / goal))
    before = [0.0, *accumulate(float(cell.pooled) for cell in run)]
    middles = (start + cell.pooled / 2 for start, cell in zip(before, run, strict=False))
    return _joined(run, (min(int(middle * parts / mass), parts - 1) for middle in middles))


def _joined(cells: Sequence[Micro], parts: Iterable[int]) -> list[Micro]:
    """Neighbours that belong to the same part, as one cell."""
    joined: list[Micro] = []
    last: int | None = None
    for cell, part in zip(cells, parts, strict=True):
        if part == last:
            joined[-1] = _join(joined[-1], cell)
        else:
            joined.append(cell)
        last = part
    return joined


def _join(a: Micro, b: Micro) -> Micro:
    return Micro(
        a.reference + b.reference, a.current + b.current, min(a.low, b.low), max(a.high, b.high)
    )


def _drawn(micro: Sequence[Micro]) -> list[Micro]:
    """Equal widths over the middle 98 % of the pooled rows, the rest at the two ends."""
    total = sum(b.pooled for b in micro)
    if len(micro) <= DRAWN:
        return list(micro)
    before, low, high = 0, micro[0].low, micro[-1].high
    for cell in micro:
        if before <= 0.01 * total:
            low = cell.low
        if before < 0.99 * total:
            high = cell.high
        before += cell.pooled
    width = high / 2 - low / 2

    def part(cell: Micro) -> int:
        middle = cell.low / 2 + cell.high / 2
        share = (middle / 2 - low / 2) / width if width > 0 else 0.0
        return math.floor(min(max(share, -0.01), 1.0) * (DRAWN - 2)) + 1

    return _joined(micro, map(part, micro))


def _labelled(cells: Sequence[Micro]) -> list[Cell]:
    names = range_labels([(b.low, b.high) for b in cells])
    return [Cell(n, b.reference, b.current) for n, b in zip(names, cells, strict=True)]


def _unnamed(cells: Sequence[Micro]) -> list[Cell]:
    return [Cell("", b.reference, b.current) for b in cells]


def range_labels(ranges: Sequence[tuple[float, float]]) -> list[str]:
    """Names such as "2.5 to 3.1", with just enough digits to tell each cell from the next."""
    ends = sorted({end for both in ranges for end in both})
    digits = next((d for d in range(3, 17) if _apart(ends, d)), 17)
    return [
        _number(low, digits)
        if low == high
        else f"{_number(low, digits)} to {_number(high, digits)}"
        for low, high in ranges
    ]


def _apart(ends: Sequence[float], digits: int) -> bool:
    # Neighbouring cells may share a rounded edge; cells may not look alike.
    shown = [_number(end, digits) for end in ends]
    return all(shown[i] != shown[i + 2] for i in range(len(shown) - 2)) and (
        len(shown) != 2 or shown[0] != shown[1]
    )


def _number(value: float, digits: int) -> str:
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.{digits}g}"


def _odd_cells(numbers: Numbers) -> list[Cell]:
    odd = [
        (MINUS, numbers.down),
        (PLUS, numbers.up),
        (NOT_A_NUMBER, numbers.nan),
        (MISSING, numbers.missing),
    ]
    return [Cell(label, r, c, odd=True) for label, (r, c) in odd if r + c]


def value_cells(values: Values, names: Sequence[str] | None, *, hidden: bool = False) -> Cells:
    """Values by name, most frequent first, then the tail and the missing ones."""
    odd = [Cell(MISSING, *values.missing, odd=True)] if sum(values.missing) else []
    if hidden:
        # By frequency, whatever the kind: the order of days or of true and false gives them away.
        values.kept.sort(key=lambda row: -(row[1] + row[2]))
        labels = [f"category {i + 1}" for i in range(len(values.kept))]
    else:
        labels = list(names) if names is not None else _text_labels([v for v, *_ in values.kept])
    kept = [Cell(label, r, c) for label, (_, r, c) in zip(labels, values.kept, strict=True)]
    tail = []
    resolution = None
    if sum(values.tail):
        many = "" if values.tail_values is None else f"{values.tail_values:,} "
        tail = [Cell(f"(other: {many}rarer values)", *values.tail)]
        resolution = f"the {len(kept):,} most frequent values, the rest in one cell"
    drawn = kept
    if len(kept) + len(tail) > DRAWN:
        rest = kept[DRAWN - 1 :] + tail
        label = f"(other: {len(rest) - len(tail):,} more values" + (
            " and the tail)" if tail else ")"
        )
        drawn = [
            *kept[: DRAWN - 1],
            Cell(label, sum(c.reference for c in rest), sum(c.current for c in rest)),
        ]
    else:
        drawn = kept + tail
    return Cells(kept + tail + odd, drawn + odd, resolution=resolution)


def _text_labels(values: Sequence[object], limit: int = 80) -> list[str]:
    """Text as it is, cut where it is long, and no two labels alike."""
    taken: set[str] = set()
    labels = []
    for value in values:
        text = str(value)
        label = text if len(text) <= limit else text[: limit - 1] + "…"
        if label.startswith("(") or not label.strip():
            label = f"'{label}'"  # not to be taken for "(missing)", "(other ...)" or nothing
        stem, number = label, 1
        while label in taken:
            number += 1
            label = f"{stem} #{number}"
        taken.add(label)
        labels.append(label)
    return labels
