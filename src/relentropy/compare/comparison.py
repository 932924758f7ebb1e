"""The result of a comparison: what was found for each column, and the JSON of it."""

from dataclasses import dataclass
from typing import Any

SCHEMA = "relentropy.compare/1"


@dataclass(frozen=True)
class Direction:
    """One of the two relative entropies of a column, in the unit of the comparison.

    Attributes:
        finite_value: the bias-corrected estimate, always a number.
        interval: of the finite value.
        infinite: the samples themselves are infinitely far apart: some value was seen here and
            never on the other side. A statement about the samples.
        unseen_mass: the share of rows with such values.
        expected_unseen_mass: what that share would be with no drift.
        noise_floor: the estimate stays below it, with the confidence asked for, without drift.
        rows_to_notice: log(1/α)/D, the rows after which a sequential test would notice.
        method: the estimator that ran.

    """

    finite_value: float
    interval: tuple[float, float]
    infinite: bool
    unseen_mass: float
    expected_unseen_mass: float
    noise_floor: float
    rows_to_notice: float | None
    method: str

    @property
    def value(self) -> float | None:
        """The estimate, or None where the samples are infinitely far apart."""
        return None if self.infinite else self.finite_value

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON."""
        return {
            "value": self.value,
            "interval": list(self.interval),
            "infinite": self.infinite,
            "unseen_mass": self.unseen_mass,
            "expected_unseen_mass": self.expected_unseen_mass,
            "finite_value": self.finite_value,
            "noise_floor": self.noise_floor,
            "rows_to_notice": self.rows_to_notice,
            "method": self.method,
        }


@dataclass(frozen=True)
class Contribution:
    """A cell's term of D(current‖reference); the terms of a column sum to its finite value."""

    cell: str
    reference_mass: float
    current_mass: float
    bits: float
    value: float
    bits_reference_from_current: float


@dataclass(frozen=True)
class Bar:
    """A cell of the histogram that is drawn."""

    cell: str
    reference_mass: float
    current_mass: float


@dataclass(frozen=True)
class Column:
    """What was found for one column."""

    name: str
    kind: str
    current_from_reference: Direction
    reference_from_current: Direction
    jensen_shannon: float
    p_value: float
    q_value: float
    drifted: bool
    missing: tuple[float, float]
    resolution: str | None
    resolution_loss: float | None
    contributions: tuple[Contribution, ...]
    histogram: tuple[Bar, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "drifted": self.drifted,
            "current_from_reference": self.current_from_reference.to_dict(),
            "reference_from_current": self.reference_from_current.to_dict(),
            "jensen_shannon": self.jensen_shannon,
            "p_value": self.p_value,
            "q_value": self.q_value,
            "rows_to_notice": self.current_from_reference.rows_to_notice,
            "missing": dict(zip(("reference", "current"), self.missing, strict=True)),
            "resolution": self.resolution,
            "resolution_loss": self.resolution_loss,
            "contributions": [dict(vars(c)) for c in self.contributions],
            "histogram": [dict(vars(bar)) for bar in self.histogram],
        }


@dataclass(frozen=True)
class Aside:
    """A column without a verdict, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """How far ``current`` has moved from ``reference``, column by column.

    Attributes:
        columns: most moved first: by the lower end of the interval of D(current‖reference).
        keys: columns that identify rows or define the split; no verdict is given on them.
        skipped: columns that cannot be compared.

    """

    reference: str
    current: str
    rows: tuple[int, int]
    unit: str
    material: float
    confidence: float
    false_discovery_rate: float
    seed: int
    version: str
    columns: tuple[Column, ...]
    keys: tuple[Aside, ...]
    skipped: tuple[Aside, ...]
    notes: tuple[str, ...]

    @property
    def drifted(self) -> tuple[Column, ...]:
        """The columns that moved, significantly and materially."""
        return tuple(column for column in self.columns if column.drifted)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(repr(column.name) for column in self.columns)
        raise KeyError(f"no column {name!r} was compared; there are {known or 'none'}")

    def exit_code(self, fail_above: float | None = None) -> int:
        """1 if the interval of D(current‖reference) of any column lies above the limit, else 0.

        The limit is in the unit of the comparison; None means no limit.
        """
        if fail_above is None:
            return 0
        lows = [column.current_from_reference.interval[0] for column in self.columns]
        return int(any(low > fail_above for low in lows))

    def to_dict(self) -> dict[str, Any]:
        """The result as plain, finite JSON values; schema relentropy.compare/1."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "unit": self.unit,
            "reference": self.reference,
            "current": self.current,
            "rows": dict(zip(("reference", "current"), self.rows, strict=True)),
            "material": self.material,
            "confidence": self.confidence,
            "false_discovery_rate": self.false_discovery_rate,
            "seed": self.seed,
            "columns": [column.to_dict() for column in self.columns],
            "keys": [dict(vars(aside)) for aside in self.keys],
            "skipped": [dict(vars(aside)) for aside in self.skipped],
            "notes": list(self.notes),
        }
