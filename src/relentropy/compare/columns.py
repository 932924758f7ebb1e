"""Which columns can be compared, which are keys, and on which cells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from relentropy.compare.binning import Cell, Cells, number_cells, value_cells
from relentropy.compare.comparison import Aside
from relentropy.compare.counting import count_numbers, count_values
from relentropy.compare.errors import InputError, did_you_mean, printable
from relentropy.compare.table import BOOLEAN, CATEGORICAL, DATE, NUMERIC, Field, Overview, Table

_MONTHS = ["January", "February", "March", "April", "May", "June", "July"]
_MONTHS += ["August", "September", "October", "November", "December"]
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_WORDS = {
    NUMERIC: "numbers",
    CATEGORICAL: "text",
    BOOLEAN: "true/false",
    DATE: "dates",
}
# Fewer rows cannot tell an identifier from a measurement.
_KEY_ROWS = 20
_KEY_SHARE = 0.9
_SERIAL_SHARE = 0.97
_SERIAL_SPREAD = 10


@dataclass(frozen=True)
class Prepared:
    """A column (or part of a date) with its cells, ready for the statistics."""

    name: str
    kind: str
    cells: Cells
    missing: tuple[float, float]
    hidden: bool = False


@dataclass(frozen=True)
class Rules:
    """How cells are made."""

    bins: int
    top_categories: int
    hide_values: frozenset[str]


def choose(
    sides: tuple[Table, Table], wanted: Sequence[str] | None, hidden: Sequence[str]
) -> tuple[list[str], list[Aside]]:
    """The columns to compare, in the reference's order, and those that cannot be."""
    reference, current = sides
    known = [list(side.fields) + list(side.unsupported) for side in sides]
    everywhere = list(dict.fromkeys(known[0] + known[1]))
    for name in [*(wanted or ()), *hidden]:
        if name not in everywhere:
            listed = ", ".join(printable(n, 40) for n in everywhere[:20])
            raise InputError(
                f"there is no column '{printable(name)}'.{did_you_mean(name, everywhere)} "
                f"The columns are: {listed}{', ...' if len(everywhere) > 20 else ''}"
            )
    names = [name for name in everywhere if wanted is None or name in wanted]
    if not set(names) & set(known[0]) & set(known[1]):
        raise InputError(
            f"the two sides share no column: {reference.name} has {_some(known[0])}, "
            f"{current.name} has {_some(known[1])}; a CSV needs its column names in the first line"
        )
    chosen, skipped = [], []
    for name in names:
        reason = _obstacle(sides, name)
        if reason is None:
            chosen.append(name)
        else:
            skipped.append(Aside(name, reason))
    return chosen, skipped


def _some(names: list[str]) -> str:
    shown = ", ".join(f"'{printable(name, 30)}'" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"


def _obstacle(sides: tuple[Table, Table], name: str) -> str | None:
    for side, other in (sides, sides[::-1]):
        if name not in other.fields and name not in other.unsupported:
            return f"only in {side.name}"
    for side in sides:
        if name in side.unsupported:
            return side.unsupported[name]
    return None


def changed_type(sides: tuple[Table, Table], name: str) -> str | None:
    """Why two columns of one name cannot be compared, after the survey; None if they can."""
    kinds = [side.fields[name].kind for side in sides]
    empty = [side.overviews[name].missing == side.rows for side in sides]
    if all(empty):
        return "every value is missing on both sides"
    if kinds[0] == kinds[1] or any(empty):
        return None
    return (
        f"the type changed: {_WORDS[kinds[0]]} in {sides[0].name}, "
        f"{_WORDS[kinds[1]]} in {sides[1].name}"
    )


def as_one_kind(sides: tuple[Table, Table], name: str) -> tuple[Field, Field]:
    """The fields of both sides; an all-missing one takes the other's kind."""
    first, second = (side.fields[name] for side in sides)
    if first.kind == second.kind:
        return first, second
    if sides[0].overviews[name].missing == sides[0].rows:
        return _as_kind(first, second), second
    return first, _as_kind(second, first)


def _as_kind(empty: Field, model: Field) -> Field:
    # Nothing but missing values: cast to any type, they stay missing.
    return Field(
        empty.name, empty.column, model.kind, "empty", whole=model.whole, clock=model.clock
    )


def key_reason(sides: tuple[Table, Table], name: str) -> str | None:
    """Why a column identifies rows, or None. Judged on both sides, from the survey."""
    fields = [side.fields[name] for side in sides]
    overviews = [side.overviews[name] for side in sides]
    present = [side.rows - o.missing for side, o in zip(sides, overviews, strict=True)]
    if min(present) < _KEY_ROWS:
        return None
    if all(f.kind == CATEGORICAL for f in fields):
        distinct = [(o.distinct or 0) / n for o, n in zip(overviews, present, strict=True)]
        if min(distinct) >= _KEY_SHARE:
            return "nearly every row has a value of its own: it identifies rows"
    if all(f.whole for f in fields) and all(
        _serial(o, n) for o, n in zip(overviews, present, strict=True)
    ):
        return "a running number: nearly every row has its own"
    return None


def _serial(overview: Overview, rows: int) -> bool:
    """Nearly all different within a range so narrow that chance would have repeated many."""
    if overview.distinct is None or overview.low is None:
        return False
    spread = int(overview.high) - int(overview.low) + 1
    return overview.distinct >= _SERIAL_SHARE * rows and spread <= _SERIAL_SPREAD * rows


def beyond_doubles(side: Table, name: str) -> bool:
    """Whether a column of whole numbers holds some that float64 cannot tell from others."""
    overview = side.overviews[name]
    if not side.fields[name].whole or overview.low is None:
        return False
    return max(abs(int(overview.low)), abs(int(overview.high))) > 2**53


def prepare(sides: tuple[Table, Table], name: str, rules: Rules) -> list[Prepared]:
    """The cells of a column; a date gives one entry for each of its parts."""
    fields = as_one_kind(sides, name)
    kind = fields[0].kind
    hidden = name in rules.hide_values
    missing = tuple(side.overviews[name].missing / side.rows for side in sides)
    if kind == NUMERIC:
        cells = number_cells(count_numbers(sides, fields, rules.bins), rules.bins)
        cells = _hide(cells) if hidden else cells
    elif kind == CATEGORICAL:
        values = count_values(sides, fields, rules.top_categories)
        cells = value_cells(values, None, hidden=hidden)
    elif kind == BOOLEAN:
        values = count_values(sides, fields, 2)
        values.kept.sort(key=lambda row: bool(row[0]))
        cells = value_cells(values, [str(bool(v)).lower() for v, *_ in values.kept], hidden=hidden)
    else:
        return _date_parts(sides, fields, hidden)
    return [Prepared(name, kind, cells, (missing[0], missing[1]), hidden)]


def _hide(cells: Cells) -> Cells:
    """Cells without their ranges or their order; the coarser ones of the drawing have a name of
    their own, so that one label never means two things.
    """

    def unnamed(many: list[Cell], word: str) -> list[Cell]:
        named = sorted((c for c in many if not c.odd), key=lambda c: -(c.reference + c.current))
        return [
            *(Cell(f"{word} {i}", c.reference, c.current) for i, c in enumerate(named, start=1)),
            *(c for c in many if c.odd),
        ]

    return replace(
        cells, cells=unnamed(cells.cells, "category"), drawn=unnamed(cells.drawn, "group")
    )


def _date_parts(
    sides: tuple[Table, Table], fields: tuple[Field, Field], hidden: bool
) -> list[Prepared]:
    x = nw.col("date")
    parts: list[tuple[str, Any, list[str]]] = [
        ("month", x.dt.month(), _MONTHS),
        ("weekday", x.dt.weekday(), _WEEKDAYS),
    ]
    if all(f.clock or f.type_name == "empty" for f in fields):
        parts.append(("hour", x.dt.hour(), [f"{hour:02d}:00" for hour in range(24)]))
    name = fields[0].name
    prepared = []
    for part, expression, words in parts:
        values = _count_part(sides, fields, expression)
        offset = 0 if part == "hour" else 1
        kept = [(int(v), *counts) for v, *counts in values.kept]
        if part == "hour" and {v for v, *_ in kept} <= {0}:
            continue  # dates at midnight have no hour
        values.kept = sorted(kept)
        labels = [words[v - offset] for v, *_ in values.kept]
        shares = tuple(count / side.rows for count, side in zip(values.missing, sides, strict=True))
        cells = value_cells(values, labels, hidden=hidden)
        prepared.append(Prepared(f"{name} ({part})", DATE, cells, (shares[0], shares[1]), hidden))
    return prepared


def _count_part(sides: tuple[Table, Table], fields: tuple[Field, Field], part: nw.Expr) -> Any:
    dated = tuple(
        Table(
            side.name,
            side.frame.select(field.expression.alias("date")),
            side.fields,
            explain=side.explain,
            rows=side.rows,
        )
        for side, field in zip(sides, fields, strict=True)
    )
    return count_values((dated[0], dated[1]), fields, 31, part)


def split_reason(prepared: Prepared) -> str | None:
    """Why a column's cells make it a constant or the definition of the split, or None."""
    cells = prepared.cells
    ordered = prepared.kind in (NUMERIC, DATE)
    present = [[c for c in cells.cells if (c.current if side else c.reference)] for side in (0, 1)]
    if not present[0] or not present[1] or any(c.odd for c in present[0] + present[1]):
        return None
    first, second = present
    shown = "" if prepared.hidden else f", {first[0].label}"
    if len(first) == len(second) == 1 and first[0] is second[0]:
        return f"one value on both sides{shown}"
    if min(sum(c.reference for c in first), sum(c.current for c in second)) < _KEY_ROWS:
        return None
    if len(first) == len(second) == 1:
        return "one value on each side, and not the same: it defines the split"
    apart = not {id(c) for c in first} & {id(c) for c in second}
    if ordered and apart and cells.resolution is None:
        return "no value in common: it defines the split"
    return None


def range_note(sides: tuple[Table, Table], name: str, hidden: bool) -> tuple[str, bool] | None:
    """Where a date column lies on each side, and whether the two ranges are apart."""
    ranges = [(side.overviews[name].low, side.overviews[name].high) for side in sides]
    if any(low is None for low, _ in ranges):
        return None
    (a, b), (c, d) = ranges
    try:
        apart = bool(b < c or d < a)
    except TypeError:  # a date against a moment, or with and without a time zone
        a, b, c, d = (str(v) for v in (a, b, c, d))
        apart = bool(b < c or d < a)
    if hidden:
        return ("the ranges do not overlap" if apart else "the ranges overlap"), apart
    spans = [
        f"{_moment(low)} to {_moment(high)} in {side.name}"
        for (low, high), side in zip(ranges, sides, strict=True)
    ]
    return ", ".join(spans), apart


def _moment(value: Any) -> str:
    return printable(str(value).removesuffix(" 00:00:00").removesuffix("+00:00"), 40)
