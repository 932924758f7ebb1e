"""`tables`: the whole comparison, from what the user named to verdicts in rank order."""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from relentropy import __version__
from relentropy.compare import columns as cols
from relentropy.compare.binning import Cell
from relentropy.compare.columns import Prepared, Rules
from relentropy.compare.comparison import (
    Aside,
    Bar,
    Column,
    Comparison,
    Contribution,
    Direction,
)
from relentropy.compare.errors import printable
from relentropy.compare.readers.open import open_tables
from relentropy.compare.table import DATE, Table
from relentropy.compare.workbench import Workbench
from relentropy.distributions.discrete import Counts
from relentropy.methods.estimate import Estimate, both_ways, estimate

Progress = Callable[[int, int, str], None]
SHOWN = 10
"""Contributions listed by name; the rest are one row."""


def tables(
    reference: Any,
    current: Any,
    *,
    columns: Sequence[str] | None = None,
    unit: Literal["bit", "nat"] = "bit",
    material: float = 0.01,
    confidence: float = 0.95,
    false_discovery_rate: float = 0.05,
    bins: int = 100,
    top_categories: int = 1000,
    hide_values: Sequence[str] = (),
    allow_extensions: bool = False,
    progress: Progress | None = None,
    rng: np.random.Generator | int | None = None,
) -> Comparison:
    """How far the current table has moved from the reference, column by column.

    For every column both sides share: D(current‖reference) and D(reference‖current) with
    intervals, whether that is drift, and which cells it comes from.

    Args:
        reference: a path (Parquet, CSV, JSON lines, Arrow, NumPy; gzip and zip; a folder or a
            pattern; ``file.db::table`` of SQLite or DuckDB), or a pandas, Polars, PyArrow or
            DuckDB table.
        current: the same for the other side; the two may differ in format.
        columns: only these; None takes all that both sides share.
        unit: "bit" or "nat", of every divergence in the result.
        material: bits a row; a move below it is not called drift.
        confidence: of the intervals and noise floors.
        false_discovery_rate: expected share of false alarms among the columns called drifted.
        bins: at most about so many cells for a numeric column; fewer for small samples.
        top_categories: values of a text column kept by name, the most frequent of both sides
            together; the rest is one cell.
        hide_values: columns whose values appear in no output.
        allow_extensions: lets DuckDB download extensions and read remote addresses.
        progress: called as ``progress(done, total, what)``.
        rng: a generator or seed for permutations; None means 0, so that the same tables give
            the same result.

    Returns:
        A `Comparison`; ``.to_dict()`` is the JSON.

    Errors: InputError (a ValueError) for whatever is wrong with the tables.

    >>> from relentropy.compare import example_paths, tables
    >>> result = tables(*example_paths(), columns=["temperature", "origin"])
    >>> [(column.name, column.drifted) for column in result.columns]
    [('temperature', True), ('origin', False)]

    """
    _check(unit, material, confidence, false_discovery_rate, bins, top_categories)
    wanted, hidden = _names("columns", columns), _names("hide_values", hide_values) or []
    seed = int(rng.integers(2**32)) if isinstance(rng, np.random.Generator) else int(rng or 0)
    names = ("reference", "current")
    report = progress or (lambda done, total, what: None)
    with Workbench(allow_extensions=allow_extensions, discreet=bool(hidden)) as bench:
        report(0, 1, "opening the tables")
        sides = open_tables(reference, current, bench, names)
        found = _Findings(sides, Rules(bins, top_categories, frozenset(hidden)))
        found.run(wanted, hidden, report)
    judge = _Judge(unit, confidence, seed)
    judged = [judge.column(prepared) for prepared in found.prepared]
    return Comparison(
        reference=sides[0].name,
        current=sides[1].name,
        rows=(sides[0].rows, sides[1].rows),
        unit=unit,
        material=float(material),
        confidence=float(confidence),
        false_discovery_rate=float(false_discovery_rate),
        seed=seed,
        version=__version__,
        columns=_ranked(judged, material * judge.scale, false_discovery_rate),
        keys=tuple(found.keys),
        skipped=tuple(found.skipped),
        notes=tuple(found.notes),
    )


class _Findings:
    """What counting brings to light, before any statistics."""

    def __init__(self, sides: tuple[Table, Table], rules: Rules) -> None:
        self.sides, self.rules = sides, rules
        self.prepared: list[Prepared] = []
        self.keys: list[Aside] = []
        self.skipped: list[Aside] = []
        self.notes: list[str] = []

    def run(self, wanted: Sequence[str] | None, hidden: Sequence[str], report: Progress) -> None:
        chosen, self.skipped = cols.choose(self.sides, wanted, hidden)
        for side in self.sides:
            side.survey(chosen)
            self.notes += side.notes
        for done, name in enumerate(chosen):
            report(done, len(chosen), name)
            self._column(name)
        report(len(chosen), len(chosen), "done")

    def _column(self, name: str) -> None:
        changed = cols.changed_type(self.sides, name)
        if changed:
            self.skipped.append(Aside(name, changed))
            return
        key = cols.key_reason(self.sides, name)
        if key:
            self.keys.append(Aside(name, key))
            return
        if cols.as_one_kind(self.sides, name)[0].kind == DATE:
            self._range(name)
        if any(cols.beyond_doubles(side, name) for side in self.sides):
            self.notes.append(
                f"{printable(name)}: whole numbers beyond 2^53 are told apart only as far as "
                "float64 does; hand them in as text to keep each one apart"
            )
        for prepared in cols.prepare(self.sides, name, self.rules):
            reason = cols.split_reason(prepared)
            if reason:
                self.keys.append(Aside(prepared.name, reason))
            else:
                self.prepared.append(prepared)

    def _range(self, name: str) -> None:
        found = cols.range_note(self.sides, name, name in self.rules.hide_values)
        if found is None:
            return
        text, apart = found
        if apart:
            self.keys.append(Aside(name, f"{text}: the ranges are apart, it defines the split"))
        else:
            self.notes.append(f"{printable(name)}: {text}; its parts are compared, not its range")


class _Judge:
    """The statistics of one column at a time, all of them the library's."""

    def __init__(self, unit: str, confidence: float, seed: int) -> None:
        self.unit, self.confidence, self.seed = unit, confidence, seed
        self.scale = 1.0 if unit == "bit" else math.log(2)  # from bits
        self.nats = self.scale / math.log(2)  # from nats

    def column(self, prepared: Prepared) -> Column:
        cells = prepared.cells.cells
        pair = self._both_ways(prepared.name, cells)
        forward, backward = pair.forward, pair.backward
        p_value = float(forward.diagnostics["p_value"])
        resolution, loss = self._resolution(prepared, float(forward.value))
        return Column(
            name=prepared.name,
            kind=prepared.kind,
            current_from_reference=self._direction(forward),
            reference_from_current=self._direction(backward),
            jensen_shannon=float(pair.jensen_shannon.value) * self.nats,
            p_value=p_value,
            q_value=p_value,
            drifted=False,
            missing=prepared.missing,
            resolution=resolution,
            resolution_loss=loss,
            contributions=self._contributions(cells, forward, backward),
            histogram=tuple(Bar(c.label, *shares) for c, shares in _shares(prepared.cells.drawn)),
        )

    def _both_ways(self, name: str, cells: list[Cell]) -> Any:
        return both_ways(*_counts(cells), confidence=self.confidence, rng=self._rng(name))

    def _estimate(self, name: str, cells: list[Cell]) -> Estimate:
        return estimate(*_counts(cells), confidence=self.confidence, rng=self._rng(name))

    def _rng(self, name: str) -> np.random.Generator:
        # A stream of its own for each name: the choice of columns changes no p-value.
        return np.random.default_rng([self.seed, zlib.crc32(name.encode("utf-8", "replace"))])

    def _direction(self, e: Estimate) -> Direction:
        value, (low, high) = float(e.value), e.interval
        notice = math.log(1 / (1 - self.confidence)) / value if value > 0 else math.inf
        return Direction(
            finite_value=value * self.nats,
            interval=(float(low) * self.nats, float(high) * self.nats),
            infinite=bool(e.diagnostics["infinite"]),
            unseen_mass=float(e.diagnostics["unseen_mass"]),
            expected_unseen_mass=float(e.diagnostics["expected_unseen_mass"]),
            noise_floor=float(e.diagnostics["noise_floor"]) * self.nats,
            rows_to_notice=notice if math.isfinite(notice) else None,
            method=str(e.method),
        )

    def _resolution(self, prepared: Prepared, value: float) -> tuple[str | None, float | None]:
        """What merging hides: what halving the resolution once more would hide, or the more
        that a finer look shows beyond doubt.
        """
        cells = prepared.cells
        if not cells.halves:
            return cells.resolution, None if cells.resolution else 0.0
        halved = self._estimate(prepared.name, cells.halves)
        finer = self._estimate(prepared.name, cells.finer)
        smooth = max(value - float(halved.value), 0.0) * self.nats
        seen = max(float(finer.interval[0]) - value, 0.0) * self.nats
        if seen > smooth:
            return (
                f"{cells.resolution}; {len(cells.finer)} would show at least {seen:.2g} "
                f"{self.unit} more",
                seen,
            )
        return f"{cells.resolution}; finer ones would add about {smooth:.2g} {self.unit}", smooth

    def _contributions(
        self, cells: list[Cell], forward: Estimate, backward: Estimate
    ) -> tuple[Contribution, ...]:
        ahead = _array(forward.diagnostics["contributions"])
        back = _array(backward.diagnostics["contributions"])
        order = sorted(range(len(cells)), key=lambda i: (-abs(ahead[i]), i))
        shares = _shares(cells)

        def row(label: str, which: list[int]) -> Contribution:
            bits = math.fsum(ahead[i] for i in which) / math.log(2)
            return Contribution(
                label,
                math.fsum(shares[i][1][0] for i in which),
                math.fsum(shares[i][1][1] for i in which),
                bits,
                bits * self.scale,
                math.fsum(back[i] for i in which) / math.log(2),
            )

        listed = [row(cells[i].label, [i]) for i in order[:SHOWN]]
        if len(order) > SHOWN:
            listed.append(row("(other)", order[SHOWN:]))
        return tuple(listed)


def _counts(cells: list[Cell]) -> tuple[Counts, Counts]:
    return (
        Counts(np.array([c.current for c in cells], dtype=np.int64)),
        Counts(np.array([c.reference for c in cells], dtype=np.int64)),
    )


def _array(values: Any) -> npt.NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _shares(cells: list[Cell]) -> list[tuple[Cell, tuple[float, float]]]:
    n = sum(c.reference for c in cells)
    m = sum(c.current for c in cells)
    return [(c, (c.reference / n, c.current / m)) for c in cells]


def _ranked(columns: list[Column], material: float, rate: float) -> tuple[Column, ...]:
    """With false discovery controlled over all columns, the most moved first."""
    q_values = _q_values([column.p_value for column in columns])
    judged = []
    for column, q in zip(columns, q_values, strict=True):
        above = column.current_from_reference.interval[0] > material
        judged.append(replace(column, q_value=float(q), drifted=bool(q <= rate and above)))
    return tuple(sorted(judged, key=_rank))


def _q_values(p_values: list[float]) -> list[float]:
    """Benjamini & Hochberg (1995): q of the i-th smallest p is min over j ≥ i of p_j·K/j.

    The tests hold it to SciPy's false_discovery_control, which is not called because importing
    scipy.stats takes as long as the rest of a small comparison.
    """
    p = np.array(p_values)
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    q = np.empty_like(p)
    q[order] = np.minimum.accumulate(p[order] * len(p) / ranks)
    return [float(value) for value in np.minimum(q, 1.0)]


def _rank(column: Column) -> tuple[float, float, float]:
    direction = column.current_from_reference
    return -direction.interval[0], -direction.finite_value, column.p_value


def _names(argument: str, names: Sequence[str] | None) -> list[str] | None:
    if isinstance(names, str):
        raise TypeError(
            f"{argument} must be a list of names, got the text {names!r}; type [{names!r}]"
        )
    return None if names is None else list(names)


def _check(
    unit: str,
    material: float,
    confidence: float,
    false_discovery_rate: float,
    bins: int,
    top_categories: int,
) -> None:
    if unit not in ("bit", "nat"):
        raise ValueError(f"unit must be 'bit' or 'nat', got {unit!r}")
    if not (math.isfinite(material) and material >= 0):
        raise ValueError(f"material must be a number of bits, 0 or more, got {material!r}")
    for name, share in (
        ("confidence", confidence),
        ("false_discovery_rate", false_discovery_rate),
    ):
        if not 0 < share < 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {share!r}; type 0.95 for 95 %")
    for name, count in (("bins", bins), ("top_categories", top_categories)):
        if count != int(count) or count < 2:
            raise ValueError(f"{name} must be a whole number of at least 2, got {count!r}")
