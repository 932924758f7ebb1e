"""Open what the user named: a file, folder, pattern, database table, or a data frame."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw

from relentropy.compare.errors import InputError, printable
from relentropy.compare.readers import csv_dialect, formats, unpack
from relentropy.compare.readers.side import Side, choose_table
from relentropy.compare.table import CATEGORICAL, Field, Table, field_for
from relentropy.compare.workbench import Workbench, identifier, literal

_AS_IT_IS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_AS_IT_IS |= {"FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP"}
_AS_TEXT = ("UUID", "JSON", "ENUM", '"NULL"', "CHAR")
_AS_NUMBER = ("HUGEINT", "UHUGEINT", "UBIGINT", "DECIMAL", "BIGNUM", "VARINT")
_IN_SECONDS = ("TIME", "INTERVAL")


def open_tables(
    reference: Any, current: Any, bench: Workbench, names: tuple[str, str]
) -> tuple[Table, Table]:
    """Both sides as tables. All files are located before DuckDB is closed to the rest."""
    first, second = (
        prepare(thing, name, bench) for thing, name in zip((reference, current), names, strict=True)
    )
    bench.seal([*first.paths, *second.paths])
    tables = open_side(first, bench), open_side(second, bench)
    _name(tables, (first, second), names)
    return tables


def _name(tables: tuple[Table, Table], sides: tuple[Side, Side], roles: tuple[str, str]) -> None:
    """Names for people: short where that tells the two sides apart."""
    for names in (
        [side.title for side in sides],
        [side.shown for side in sides],
        [f"{side.title} ({role})" for side, role in zip(sides, roles, strict=True)],
    ):
        tables[0].name, tables[1].name = names
        if names[0] != names[1]:
            return


def prepare(thing: Any, name: str, bench: Workbench) -> Side:
    """Locate, recognise and unpack one side."""
    if thing is None:
        raise InputError(f"{name} is None; expected a path or a data frame")
    if not isinstance(thing, (str, os.PathLike)):
        return Side(name, frame=thing)
    source = formats.locate(thing)
    shown = printable(source.shown)
    if source.remote:
        return _remote(source, shown, bench)
    found: dict[str, list[Path]] = {}
    for path in source.paths:
        # Of several files the message names the one that is at fault.
        one = shown if len(source.paths) == 1 else printable(path)
        for kind, unpacked in _recognise(path, one, bench):
            found.setdefault(kind, []).append(unpacked)
    if len(found) > 1:
        raise InputError(
            f"{shown} mixes formats ({', '.join(sorted(found))}); name the files of one format, "
            "for example 'folder/*.parquet'"
        )
    ((kind, paths),) = found.items()
    side = Side(shown, source=source, format=kind, paths=paths)
    if source.table is not None and kind not in ("duckdb", "sqlite"):
        raise InputError(f"{shown}: '::table' needs a SQLite or DuckDB file, this is {kind}")
    if kind in ("duckdb", "sqlite", "npy", "npz") and len(paths) > 1:
        raise InputError(f"{shown} holds {len(paths)} {kind} files; name one of them")
    if kind == "duckdb":
        side.database = bench.attach(paths[0], shown)
    return side


def _recognise(path: Path, shown: str, bench: Workbench) -> Iterable[tuple[str, Path]]:
    kind = formats.format_of(path, shown)
    if kind == "gzip":
        inner = unpack.unpack_gzip(path, bench.folder, shown)
        return [(_inner(inner, shown), inner)]
    if kind == "zip":
        members = unpack.unpack_zip(path, bench.folder, shown)
        kinds = [(_inner(inner, shown), inner) for _, inner in members]
        if all(k == "npy" for k, _ in kinds) and path.suffix.lower() == ".npz":
            return [("npz", path)]
        return kinds
    return [(kind, path)]


def _inner(path: Path, shown: str) -> str:
    kind = formats.format_of(path, shown)
    if kind in ("gzip", "zip"):
        raise InputError(f"{shown} holds an archive inside an archive; unpack it first")
    return kind


def _remote(source: formats.Input, shown: str, bench: Workbench) -> Side:
    if not bench.allow_extensions:
        raise InputError(
            f"{shown} is a remote address: reading it needs a DuckDB extension, which is only "
            "fetched with --allow-extensions (allow_extensions=True)"
        )
    return Side(shown, source=source, format="remote")


def open_side(side: Side, bench: Workbench) -> Table:
    """Read one side: formats that DuckDB cannot scan piecemeal are stored once, on disk."""
    if side.frame is not None:
        return _from_frame(side.frame, side.shown)
    paths = [literal(path) for path in side.paths]
    listed = f"[{', '.join(paths)}]"
    folder = side.source is not None and side.source.folder
    hive = str(folder).lower()
    if side.format == "parquet":
        union = f"read_parquet({listed}, union_by_name=true, hive_partitioning={hive})"
        return _from_duckdb(union, side, bench, store=False)
    if side.format == "csv":
        return _from_csv(listed, side, bench)
    if side.format == "json":
        return _from_duckdb(f"read_json({listed}, union_by_name=true, sample_size=-1)", side, bench)
    if side.format == "remote":
        assert side.source is not None
        return _from_duckdb(literal(side.source.shown), side, bench, store=False)
    if side.format == "duckdb":
        return _from_duckdb(_duckdb_table(side, bench), side, bench, store=False)
    return _from_batches(side, bench)


def _from_csv(listed: str, side: Side, bench: Workbench) -> Table:
    dialect = csv_dialect.of(side.paths[0])
    options = csv_dialect.options(dialect)
    if not all(map(csv_dialect.is_utf8, side.paths)):
        options += ", encoding='latin-1'"
        side.notes.append(f"{side.shown} is not UTF-8; it was read as Latin-1")
    # DuckDB's look at a file with \r\n between rows stumbles over a lone \n inside quotes, and
    # told of \r\n it stumbles over files that mix the two.
    attempts = [options, f"{options}, new_line='\\r\\n'"]
    for attempt in attempts if dialect.carriage_returns else attempts[:1]:
        try:
            return _from_duckdb(f"read_csv({listed}, {attempt})", side, bench, mend=True)
        except InputError as error:
            fault = error
    uneven = csv_dialect.uneven_row(side.paths, dialect)
    if uneven is None:
        raise fault
    raise InputError(f"{side.shown}: {uneven}") from fault


def _from_duckdb(
    source: str, side: Side, bench: Workbench, *, store: bool = True, mend: bool = False
) -> Table:
    """A table over a DuckDB table expression. Columns go by position, so no name can hurt."""
    described = bench.describe(source, side.shown)
    names = [name for name, _ in described]
    readable, unsupported = _readable(described)
    if not readable:
        raise InputError(f"{side.shown} has no column that can be compared: {_why(unsupported)}")
    if store:
        stored = bench.store(source, names, readable, side.shown)
        chosen = dict.fromkeys(readable, "") | {c: c for c in readable}
        mended = _mend(stored, described, readable, bench) if mend else []
        chosen |= {c: f"try_cast({c} AS DOUBLE)" for c in mended}
        side.notes += [
            f"{side.shown}: column '{printable(names[int(c[1:])])}' is read as numbers; "
            "spaces and leading zeros do not count, and words such as NA are missing values"
            for c in mended
        ]
        query = f"SELECT {_select(chosen)} FROM {stored}"
    else:
        aliases = ", ".join(f"c{i}" for i in range(len(names)))
        query = f"SELECT {_select(readable)} FROM {source} AS t({aliases})"
    return _table(bench.relation, query, side, names, unsupported, bench)


def _why(unsupported: dict[str, str]) -> str:
    return "; ".join(f"'{printable(n, 40)}' {reason}" for n, reason in unsupported.items())[:300]


def _mend(
    stored: str, described: list[tuple[str, str]], readable: dict[str, str], bench: Workbench
) -> list[str]:
    text = [c for c in readable if described[int(c[1:])][1] == "VARCHAR"]
    return bench.numbers_in_text(stored, text)


def _table(
    relation: Any,
    query: str,
    side: Side,
    names: Sequence[str],
    unsupported: dict[str, str],
    bench: Workbench,
) -> Table:
    import duckdb

    try:
        frame = nw.from_native(relation(query)).lazy()
        schema = frame.collect_schema()
    except duckdb.Error as error:
        raise InputError(f"cannot read {side.shown}: {bench.explain(error)}") from error
    table = Table(side.shown, frame, {}, unsupported, list(side.notes), bench.explain)
    for column, dtype in schema.items():
        name = names[int(column[1:])]
        found = field_for(name, column, dtype)
        if isinstance(found, str):
            unsupported[name] = found
        else:
            table.fields[name] = found
    return table


def _readable(described: list[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """SQL that brings each column to a plain type, and the reasons for those that have none."""
    readable, unsupported = {}, {}
    for i, (name, kind) in enumerate(described):
        column = f"c{i}"
        nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
        if nested:
            unsupported[name] = f"holds nested values ({printable(kind, 60)})"
        elif kind in _AS_IT_IS:
            readable[column] = column
        elif kind.startswith(_AS_TEXT):
            readable[column] = f"CAST({column} AS VARCHAR)"
        elif kind.startswith(_AS_NUMBER):
            readable[column] = f"CAST({column} AS DOUBLE)"
        elif kind.startswith("TIMESTAMP"):
            readable[column] = f"CAST({column} AS TIMESTAMP)"
        elif kind.startswith(_IN_SECONDS):
            readable[column] = f"epoch({column})"
        else:
            unsupported[name] = f"holds values of type {printable(kind, 60)}"
    return readable, unsupported


def _select(columns: dict[str, str]) -> str:
    return ", ".join(f"{sql} AS {column}" for column, sql in columns.items())


def _duckdb_table(side: Side, bench: Workbench) -> str:
    rows = bench.connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 "
        "UNION ALL SELECT schema_name, view_name FROM duckdb_views() "
        "WHERE database_name = $1 AND NOT internal ORDER BY ALL",
        [side.database],
    ).fetchall()
    found = {table: (schema, table) for schema, table in rows}
    found |= {f"{schema}.{table}": (schema, table) for schema, table in rows}
    plain = [table for _, table in rows]
    schema, table = found[choose_table(side, plain, found)]
    return ".".join([side.database, identifier(schema), identifier(table)])


def _from_batches(side: Side, bench: Workbench) -> Table:
    """Formats read in Python a piece at a time and stored in the scratch database."""
    if side.format == "sqlite":
        from relentropy.compare.readers.sqlite_file import read
    elif side.format == "arrow":
        from relentropy.compare.readers.arrow_file import read
    else:
        from relentropy.compare.readers.numpy_file import read
    names, stored, types, unsupported = read(side, bench)
    readable, refused = _readable(list(zip(names, types, strict=True)))
    query = f"SELECT {_select(readable)} FROM {stored}"
    return _table(bench.relation, query, side, names, unsupported | refused, bench)


def _plain_pandas(native: Any, shown: str) -> Any:
    """A pandas frame with single column names, its moments in UTC as DuckDB reads them."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(native, pandas.DataFrame):
        return native
    if native.columns.nlevels > 1:
        raise InputError(
            f"{shown} has {native.columns.nlevels} levels of column names; flatten them, for "
            "example with df.columns = ['_'.join(map(str, c)) for c in df.columns]"
        )
    zoned = [
        i for i, dtype in enumerate(native.dtypes) if isinstance(dtype, pandas.DatetimeTZDtype)
    ]
    if zoned:
        native = native.copy(deep=False)
        for i in zoned:
            native.isetitem(i, native.iloc[:, i].dt.tz_convert("UTC").dt.tz_localize(None))
    return native


def _from_frame(native: Any, shown: str) -> Table:
    """A data frame of another library, through narwhals."""
    native = _plain_pandas(native, shown)
    try:
        frame = nw.from_native(native).lazy()
        schema = frame.collect_schema()
    except (TypeError, ValueError, nw.exceptions.NarwhalsError) as error:
        came = f"{type(native).__module__.split('.')[0]}.{type(native).__name__}"
        raise InputError(
            f"cannot compare a {came}: {printable(error, 200)}. Pass a path, or a pandas, Polars, "
            "PyArrow or DuckDB table"
        ) from error
    table = Table(shown, frame, {})
    for column, dtype in schema.items():
        name = str(column)
        found = field_for(name, column, dtype)
        if isinstance(found, str) and table.is_void(column):
            table.fields[name] = Field(name, column, CATEGORICAL, "empty")
        elif isinstance(found, str):
            table.unsupported[name] = found
        else:
            table.fields[name] = found
    return table
