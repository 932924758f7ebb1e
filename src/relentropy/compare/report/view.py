"""The JSON of a comparison, read once for every renderer: checked, typed, safe to show."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any

from relentropy.compare.report.names import call
from relentropy.compare.report.verdict import Verdict, verdict
from relentropy.compare.visible import visible

SCHEMA = "relentropy.compare/1"
_UNORDERED = {"boolean", "categorical"}
# Up to so many cells a table of bars says more than a histogram.
_FEW = 8


@dataclass(frozen=True)
class Direction:
    """One of the two relative entropies of a column; ``value`` is the finite estimate."""

    value: float
    low: float
    high: float
    infinite: bool
    unseen: float
    expected_unseen: float | None
    noise_floor: float
    rows_to_notice: float | None


@dataclass(frozen=True)
class Cell:
    """A bin or category: its share of the rows on both sides and what it adds to the value."""

    label: str
    reference: float
    current: float
    value: float = 0.0
    odd: bool = False
    """Whether it is outside the order of the others: missing, not a number, infinite."""
    rest: bool = False
    """Whether it stands for many cells: a bar for it would dwarf the others."""

    @property
    def masses(self) -> tuple[float, float]:
        """Both shares."""
        return self.reference, self.current


@dataclass(frozen=True)
class Column:
    """One judged column."""

    name: str
    kind: str
    verdict: Verdict
    forward: Direction
    """The current side coded with the reference's code."""
    backward: Direction
    """The reference side coded with the current one's code."""
    jensen_shannon: float
    p_value: float | None
    q_value: float | None
    histogram: tuple[Cell, ...]
    contributions: tuple[Cell, ...]
    missing: tuple[float, float]
    resolution: str | None

    @property
    def ordered(self) -> bool:
        """Whether the cells have an order of their own, so that a histogram has a shape."""
        return self.kind not in _UNORDERED and len(self.shape) > _FEW

    @property
    def shape(self) -> tuple[Cell, ...]:
        """The cells of the histogram that have a place in the order."""
        return tuple(cell for cell in self.histogram if not cell.odd)


@dataclass(frozen=True)
class Aside:
    """A column that got no verdict, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class View:
    """A whole comparison. Texts are safe to show; amounts are in ``unit``."""

    reference: str
    current: str
    paths: tuple[str, str]
    """The names in full."""
    rows: tuple[int, int]
    unit: str
    material: float
    confidence: float
    false_discovery_rate: float
    columns: tuple[Column, ...]
    keys: tuple[Aside, ...]
    skipped: tuple[Aside, ...]
    notes: tuple[str, ...]
    version: str

    def having(self, *verdicts: Verdict) -> tuple[Column, ...]:
        """The columns with one of these verdicts, in rank order."""
        return tuple(column for column in self.columns if column.verdict in verdicts)


def read(result: Mapping[str, Any]) -> View:
    """The view of a result; keys beyond the schema's own are optional.

    Raises ValueError where ``result`` is not of this schema.
    """
    if result.get("schema") != SCHEMA:
        raise ValueError(
            f"expected the JSON of relentropy compare with schema {SCHEMA!r}, "
            f"got schema {result.get('schema')!r}"
        )
    unit = result["unit"]
    full = result.get("reference", "the reference"), result.get("current", "the current data")
    names = call(*full)

    def aside(item: Mapping[str, Any]) -> Aside:
        return Aside(visible(item["name"]), _with_short_names(item["reason"], full, names))

    scale = log(2) if unit == "nat" else 1.0
    material = result.get("material", 0.01) * scale
    rate = result.get("false_discovery_rate", 0.05)
    return View(
        reference=names[0],
        current=names[1],
        paths=(visible(full[0], 400), visible(full[1], 400)),
        rows=(result["rows"]["reference"], result["rows"]["current"]),
        unit=unit,
        material=material,
        confidence=result.get("confidence", 0.95),
        false_discovery_rate=rate,
        columns=tuple(_column(c, scale, material, rate) for c in result["columns"]),
        keys=tuple(map(aside, result.get("keys", []))),
        skipped=tuple(map(aside, result["skipped"])),
        notes=tuple(_with_short_names(n, full, names) for n in result.get("notes", [])),
        version=visible(result.get("version", "")),
    )


def _column(column: Mapping[str, Any], scale: float, material: float, rate: float) -> Column:
    forward = _direction(column["current_from_reference"])
    q = column.get("q_value")
    missing = column.get("missing") or {"reference": 0.0, "current": 0.0}
    resolution = column.get("resolution")
    return Column(
        name=visible(column["name"]),
        kind=visible(column["kind"]),
        verdict=verdict(
            drifted=column["drifted"],
            low=forward.low,
            high=forward.high,
            significant=q is not None and q <= rate,
            material=material,
        ),
        forward=forward,
        backward=_direction(column["reference_from_current"]),
        jensen_shannon=column["jensen_shannon"],
        p_value=column.get("p_value"),
        q_value=q,
        histogram=tuple(_cell(c, scale) for c in column.get("histogram") or ()),
        contributions=tuple(_cell(c, scale) for c in column["contributions"]),
        missing=(missing["reference"], missing["current"]),
        resolution=visible(resolution, 400) if resolution else None,
    )


def _direction(side: Mapping[str, Any]) -> Direction:
    low, high = side["interval"]
    return Direction(
        value=side["finite_value"],
        low=low,
        high=high,
        infinite=side["infinite"],
        unseen=side["unseen_mass"],
        expected_unseen=side.get("expected_unseen_mass"),
        noise_floor=side["noise_floor"],
        rows_to_notice=side.get("rows_to_notice"),
    )


def _cell(cell: Mapping[str, Any], scale: float) -> Cell:
    return Cell(
        label=visible(cell["cell"], 80),
        reference=cell["reference_mass"],
        current=cell["current_mass"],
        value=cell.get("value", cell.get("bits", 0.0) * scale),
        odd=cell["cell"].startswith("("),
        rest=cell["cell"].startswith("(other"),
    )


def _with_short_names(text: str, full: tuple[str, str], names: tuple[str, str]) -> str:
    """``text`` safe to show, the sides called as everywhere else in the report."""
    for long, short in sorted(zip(full, names, strict=True), key=lambda pair: -len(pair[0])):
        # A name such as "a" would be found inside other words.
        if len(long) > 2 * len(short) or "/" in long or "." in long:
            text = text.replace(long, short)
    return visible(text, 400)
