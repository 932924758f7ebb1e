"""Count both sides of a column exactly, on the same cells, wherever the data live.

Numbers are counted in micro-bins: a signed logarithm around a robust centre, which is nearly
linear over the bulk and logarithmic in the tails, so that neither an outlier of 1e4, nor a
lognormal tail, nor an offset of 1e6 costs resolution. The bins are one arithmetic expression
(never CASE WHEN over edges, never an exact quantile), counted by one group-by a side. A
micro-bin that holds too much is counted again with 64 times the resolution.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from relentropy.compare.table import Field, Table

CANDIDATES = 10_000
"""Values of a text column looked at on each side before the most frequent ones are chosen."""

_FINENESS = 512.0
_REFINE = 64.0
_LEVELS = 3
_NAN, _UP, _DOWN = "nan", "inf", "-inf"


@dataclass
class Micro:
    """A micro-bin: rows of both sides, and the smallest and largest value seen in it."""

    reference: int = 0
    current: int = 0
    low: float = math.inf
    high: float = -math.inf

    @property
    def pooled(self) -> int:
        return self.reference + self.current

    @property
    def single(self) -> bool:
        """One value only: nothing is lost in it, and nothing to be gained by a finer look."""
        return self.low == self.high


@dataclass
class Numbers:
    """A numeric column: micro-bins in ascending order, and what is no finite number."""

    bins: list[Micro]
    missing: tuple[int, int]
    nan: tuple[int, int]
    up: tuple[int, int]
    down: tuple[int, int]

    @property
    def finite(self) -> tuple[int, int]:
        """Finite values on each side."""
        return sum(b.reference for b in self.bins), sum(b.current for b in self.bins)


@dataclass
class Values:
    """A column of values that have names: those kept, most frequent first, and the tail."""

    kept: list[tuple[Any, int, int]]
    missing: tuple[int, int]
    tail: tuple[int, int]
    tail_values: int | None = None


def count_numbers(sides: tuple[Table, Table], fields: tuple[Field, Field], bins: int) -> Numbers:
    """Exact counts on micro-bins fine enough to be merged to ``bins`` cells."""
    coarse = _both(sides, fields, _coarse_key, None)
    finite = _sorted(coarse)
    if not all(b.single for b in finite):
        centre, scale = _centre_and_scale(finite)
        finite = _refined(sides, fields, centre, scale, bins)

    def odd(key: str) -> tuple[int, int]:
        found = coarse.get(key, Micro())
        return found.reference, found.current

    missing = tuple(
        side.overviews[field.name].missing for side, field in zip(sides, fields, strict=True)
    )
    return Numbers(finite, missing, odd(_NAN), odd(_UP), odd(_DOWN))  # type: ignore[arg-type]


def _refined(
    sides: tuple[Table, Table], fields: tuple[Field, Field], centre: float, scale: float, bins: int
) -> list[Micro]:
    fineness = _FINENESS
    found = _both(sides, fields, _fine_key(centre, scale, fineness), None)
    done: list[Micro] = []
    for _ in range(_LEVELS):
        cells = {k: b for k, b in found.items() if isinstance(k, float)}
        limit = sum(b.pooled for b in [*done, *cells.values()]) / (2 * bins)
        heavy = [k for k, b in cells.items() if b.pooled > limit and not b.single]
        if not heavy:
            break
        done += [b for k, b in cells.items() if k not in set(heavy)]
        within = (_fine_key(centre, scale, fineness), heavy)
        fineness *= _REFINE
        found = _both(sides, fields, _fine_key(centre, scale, fineness), within)
    done += [b for k, b in found.items() if isinstance(k, float)]
    return sorted(done, key=lambda b: b.low)


def _both(
    sides: tuple[Table, Table], fields: tuple[Field, Field], key: Any, within: Any
) -> dict[Any, Micro]:
    """Micro-bins of both sides by key, from one group-by a side."""
    found: dict[Any, Micro] = defaultdict(Micro)
    for which, (side, field) in enumerate(zip(sides, fields, strict=True)):
        x = nw.col("x")
        frame = side.frame.select(field.expression.alias("x"))
        if within is not None:
            within_key, heavy = within
            frame = frame.filter(within_key(x).is_in(heavy))
        query = (
            frame.select(key(x).alias("key"), x)
            .group_by("key")
            .agg(nw.len().alias("rows"), x.min().alias("low"), x.max().alias("high"))
        )
        for raw, rows, low, high in side.collect(query.select("key", "rows", "low", "high")):
            cell = found[_name(raw)]
            if which == 0:
                cell.reference += int(rows)
            else:
                cell.current += int(rows)
            if low is not None and raw is not None:
                cell.low, cell.high = min(cell.low, float(low)), max(cell.high, float(high))
    found.pop(None, None)
    return found


def _name(raw: Any) -> Any:
    if raw is None:
        return None
    key = float(raw)
    if math.isnan(key):
        return _NAN
    return key if math.isfinite(key) else (_UP if key > 0 else _DOWN)


def _coarse_key(x: nw.Expr) -> nw.Expr:
    # Eight cells a factor e, by size alone: needs no centre, finds one.
    size = (x.abs().clip(1e-300, None).log() + 700.0) * 8.0
    return nw.when(x.is_finite()).then(size.floor() * _sign(x)).otherwise(x)


def _fine_key(centre: float, scale: float, fineness: float) -> Any:
    def key(x: nw.Expr) -> nw.Expr:
        # Two divisions: the difference of huge values may overflow, the ratios cannot.
        u = (x / scale - centre / scale).clip(-1e300, 1e300)
        level = ((u.abs() + 1.0).log() * fineness).floor() + 0.5
        return nw.when(x.is_finite()).then(level * _sign(u)).otherwise(x)

    return key


def _sign(x: nw.Expr) -> nw.Expr:
    return nw.when(x < 0).then(nw.lit(-1.0)).otherwise(nw.lit(1.0))


def _sorted(found: dict[Any, Micro]) -> list[Micro]:
    return sorted((b for k, b in found.items() if isinstance(k, float)), key=lambda b: b.low)


def _centre_and_scale(cells: list[Micro]) -> tuple[float, float]:
    """Median and interquartile range of the pooled values that do not sit on one point."""
    spread = [b for b in cells if not b.single]
    low, centre, high = (_quantile(spread, share) for share in (0.25, 0.5, 0.75))
    scale = (high - low) / 1.349
    # Beyond 1e-9 of its size a float has too few digits left for the micro-bins.
    floor = max(abs(centre) * 1e-12, 1e-290)
    return centre, max(scale, floor) if math.isfinite(scale) else abs(high) / 2


def _quantile(cells: list[Micro], share: float) -> float:
    wanted = share * sum(b.pooled for b in cells)
    for cell in cells:
        if wanted <= cell.pooled:
            part = wanted / cell.pooled
            return cell.low * (1 - part) + cell.high * part
        wanted -= cell.pooled
    return cells[-1].high


def count_values(
    sides: tuple[Table, Table], fields: tuple[Field, Field], top: int, part: nw.Expr | None = None
) -> Values:
    """Exact counts of the ``top`` values most frequent in both sides together, and of the rest.

    Chosen on one side alone the kept values would be those that luck favoured there, which
    invents drift; pooled, they favour neither.
    """
    queries = [
        side.frame.select((field.expression if part is None else part).alias("x"))
        for side, field in zip(sides, fields, strict=True)
    ]
    heads = [_most_frequent(side, query) for side, query in zip(sides, queries, strict=True)]
    complete = [len(head) <= CANDIDATES for head in heads]
    if not all(complete):
        candidates = sorted(set(heads[0]) | set(heads[1]), key=str)
        for i, (side, query) in enumerate(zip(sides, queries, strict=True)):
            if not complete[i]:
                heads[i] = _counts(side, query.filter(nw.col("x").is_in(candidates)))
    pooled = sorted(set(heads[0]) | set(heads[1]), key=lambda v: (-_pooled(heads, v), str(v)))
    kept = [(v, heads[0].get(v, 0), heads[1].get(v, 0)) for v in pooled[:top]]
    missing = [_missing(side, query, part) for side, query in zip(sides, queries, strict=True)]
    tail = [
        side.rows - missing[i] - sum(row[1 + i] for row in kept) for i, side in enumerate(sides)
    ]
    tail_values = len(pooled) - len(kept) if all(complete) else None
    return Values(kept, (missing[0], missing[1]), (tail[0], tail[1]), tail_values)


def _pooled(heads: list[dict[Any, int]], value: Any) -> int:
    return heads[0].get(value, 0) + heads[1].get(value, 0)


def _most_frequent(side: Table, query: Any) -> dict[Any, int]:
    grouped = query.filter(~nw.col("x").is_null()).group_by("x").agg(nw.len().alias("rows"))
    ordered = grouped.sort("rows", "x", descending=[True, False]).head(CANDIDATES + 1)
    return {value: int(rows) for value, rows in side.collect(ordered)}


def _counts(side: Table, query: Any) -> dict[Any, int]:
    return {v: int(n) for v, n in side.collect(query.group_by("x").agg(nw.len().alias("rows")))}


def _missing(side: Table, query: Any, part: nw.Expr | None) -> int:
    ((count,),) = side.collect(query.select(nw.col("x").is_null().cast(nw.Int64()).sum()))
    return int(count or 0)
