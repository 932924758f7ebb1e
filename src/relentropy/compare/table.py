"""One side of a comparison: a lazy frame, what its columns are, and how to count in it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw

from relentropy.compare.errors import InputError, printable

NUMERIC, CATEGORICAL, BOOLEAN, DATE = "numeric", "categorical", "boolean", "date"


# The type of a column without values is that of the other side.
_EMPTY = {
    NUMERIC: nw.Float64(),
    CATEGORICAL: nw.String(),
    BOOLEAN: nw.Boolean(),
    DATE: nw.Datetime("us"),
}


@dataclass(frozen=True)
class Field:
    """A column: its name for people, its kind, and how to read it.

    Attributes:
        name: as the file has it.
        column: as the frame has it.
        kind: numeric, categorical, boolean or date.
        type_name: for messages.
        whole: a numeric column of an integer type.
        clock: a date column that also has a time of day.
        zoned: one whose moments have a time zone; they are compared in UTC.

    """

    name: str
    column: str
    kind: str
    type_name: str
    whole: bool = False
    clock: bool = False
    zoned: bool = False

    @property
    def expression(self) -> nw.Expr:
        """The values: float64, text, boolean or date, whatever the file's own type is."""
        column = nw.col(self.column)
        if self.type_name == "empty":
            return nw.when(column.is_null()).then(nw.lit(None, dtype=_EMPTY[self.kind]))
        if self.type_name.startswith("Duration"):
            return column.dt.total_microseconds().cast(nw.Float64()) / 1e6
        if self.kind == NUMERIC:
            return column.cast(nw.Float64())
        if self.kind == CATEGORICAL and self.type_name != "String":
            # pandas casts a missing value to the text "nan".
            return nw.when(~column.is_null()).then(column.cast(nw.String()))
        if self.zoned:
            return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return column


@dataclass(frozen=True)
class Overview:
    """What one scan tells about a column: missing values, and for some kinds more."""

    missing: int
    low: Any = None
    high: Any = None
    distinct: int | None = None


@dataclass
class Table:
    """One side. ``frame`` is a narwhals LazyFrame on whichever engine holds the data."""

    name: str
    frame: Any
    fields: dict[str, Field]
    unsupported: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    explain: Callable[[Exception], str] = str
    rows: int = 0
    overviews: dict[str, Overview] = field(default_factory=dict)

    @property
    def engine(self) -> str:
        """duckdb, polars, pandas, pyarrow, ..."""
        return str(self.frame.implementation.value)

    def collect(self, query: Any) -> list[tuple[Any, ...]]:
        """The rows of a small query; missing values are None, NaN stays NaN."""
        if self.engine == "duckdb":
            return self._fetch(lambda: query.to_native().fetchall())
        rows = self._fetch(lambda: query.collect().rows())
        if self.engine in ("pandas", "modin", "cudf"):
            return [tuple(_none_for_pandas(v) for v in row) for row in rows]
        return rows

    def is_void(self, column: str) -> bool:
        """Whether a column holds nothing but missing values."""
        ((void,),) = self.collect(self.frame.select(nw.col(column).is_null().all()))
        return bool(void)

    def survey(self, names: list[str]) -> None:
        """Rows, missing values, ranges and numbers of distinct values, in one scan."""
        fields = [self.fields[name] for name in names]
        asked: list[tuple[str, str]] = []
        wanted: list[nw.Expr] = [nw.len().alias("rows")]
        for i, f in enumerate(fields):
            x = f.expression
            wanted.append(x.is_null().cast(nw.Int64()).sum().alias(f"missing{i}"))
            asked.append((f.name, "missing"))
            if f.kind == DATE or f.whole:
                wanted += [x.min().alias(f"low{i}"), x.max().alias(f"high{i}")]
                asked += [(f.name, "low"), (f.name, "high")]
        (row,) = self.collect(self.frame.select(*wanted))
        self.rows = int(row[0])
        if self.rows == 0:
            raise InputError(f"{self.name} has no rows")
        known: dict[str, dict[str, Any]] = {name: {"missing": 0} for name in names}
        for (name, what), value in zip(asked, row[1:], strict=True):
            known[name][what] = int(value or 0) if what == "missing" else value
        for name, count in self._distinct(fields).items():
            known[name]["distinct"] = count
        self.overviews = {name: Overview(**values) for name, values in known.items()}

    def _distinct(self, fields: list[Field]) -> dict[str, int]:
        asked = [f for f in fields if f.kind == CATEGORICAL or f.whole]
        if not asked:
            return {}
        if self.engine == "duckdb":
            # HyperLogLog: a few kilobytes a column, however large the table.
            sql = ", ".join(f"approx_count_distinct({f.column})" for f in asked)
            (row,) = self._fetch(lambda: self.frame.to_native().aggregate(sql).fetchall())
        else:
            query = self.frame.select(
                *[f.expression.n_unique().alias(f"d{i}") for i, f in enumerate(asked)]
            )
            (row,) = self.collect(query)
        return {f.name: int(n) for f, n in zip(asked, row, strict=True)}

    def _fetch(self, run: Callable[[], Any]) -> list[tuple[Any, ...]]:
        try:
            return list(run())
        except Exception as error:
            # An engine meets a broken file only when it reads; anything else is our own fault.
            engine = type(error).__module__.partition(".")[0].lstrip("_")
            if engine in ("duckdb", "polars", "pyarrow", "narwhals") or isinstance(error, OSError):
                raise InputError(f"cannot read {self.name}: {self.explain(error)}") from error
            raise


def field_for(name: str, column: str, dtype: Any) -> Field | str:
    """The field of a narwhals type, or the reason why it cannot be compared."""
    type_name = str(dtype)
    if dtype.is_integer():
        return Field(name, column, NUMERIC, type_name, whole=True)
    if dtype.is_numeric() or isinstance(dtype, nw.Duration):
        return Field(name, column, NUMERIC, type_name)
    if isinstance(dtype, nw.Boolean):
        return Field(name, column, BOOLEAN, type_name)
    if isinstance(dtype, nw.Datetime):
        zoned = dtype.time_zone not in (None, "UTC")
        return Field(name, column, DATE, type_name, clock=True, zoned=zoned)
    if isinstance(dtype, nw.Date):
        return Field(name, column, DATE, type_name)
    if isinstance(dtype, (nw.String, nw.Categorical, nw.Enum)):
        return Field(name, column, CATEGORICAL, type_name)
    return f"holds values of type {printable(type_name, 60)}, which have no distribution here"


def _none_for_pandas(value: Any) -> Any:
    # pandas writes a missing value as NaN, NaT or NA; it cannot tell NaN from missing.
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return None if type(value).__name__ in ("NAType", "NaTType") else value
