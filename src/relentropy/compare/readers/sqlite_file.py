"""A SQLite table through the standard library: its values decide the types, as SQLite does."""

import sqlite3
from urllib.parse import quote

from relentropy.compare.errors import InputError
from relentropy.compare.readers.side import Side, choose_table
from relentropy.compare.workbench import Workbench, identifier

_BATCH = 50_000


def read(side: Side, bench: Workbench) -> tuple[list[str], str, list[str], dict[str, str]]:
    """(names, scratch table, DuckDB types, refused columns) of the table that was named."""
    import duckdb

    uri = f"file:{quote(str(side.paths[0].absolute()))}?mode=ro"
    try:
        connection = sqlite3.connect(uri, uri=True)
        try:
            # A crafted schema must not run functions of this process.
            connection.execute("PRAGMA trusted_schema = OFF")
            return _copy(connection, side, bench)
        finally:
            connection.close()
    except (sqlite3.Error, duckdb.Error, UnicodeError, OverflowError) as error:
        raise InputError(f"cannot read {side.shown}: {bench.explain(error)}") from error


def _copy(
    connection: sqlite3.Connection, side: Side, bench: Workbench
) -> tuple[list[str], str, list[str], dict[str, str]]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
        "AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    tables = [name for (name,) in rows]
    table = identifier(choose_table(side, tables, tables))
    info = connection.execute(f"PRAGMA table_info({table})").fetchall()
    names = [str(row[1]) for row in info]
    if not names:
        raise InputError(f"{side.shown} has no columns")
    types = [
        _type(connection, table, identifier(name), str(row[2]))
        for name, row in zip(names, info, strict=True)
    ]
    kept = [i for i, kind in enumerate(types) if kind != "BLOB"]
    stored = bench.fresh_name()
    columns = ", ".join(f"c{i} {types[i]}" for i in kept)
    if not kept:
        raise InputError(f"{side.shown} has no column that can be compared")
    bench.connection.execute(f"CREATE TABLE {stored} ({columns})")
    cursor = connection.execute(
        f"SELECT {', '.join(_value(identifier(names[i]), types[i]) for i in kept)} FROM {table}"
    )
    while batch := cursor.fetchmany(_BATCH):
        bench.append(stored, [types[i] for i in kept], list(zip(*batch, strict=True)))
    return names, stored, types, {}


def _type(connection: sqlite3.Connection, table: str, column: str, declared: str) -> str:
    """SQLite types values, not columns: look at what is there."""
    found = {
        kind
        for (kind,) in connection.execute(f"SELECT DISTINCT typeof({column}) FROM {table}")
        if kind != "null"
    }
    if "BOOL" in declared.upper() and found == {"integer"}:
        query = f"SELECT count(*) FROM {table} WHERE {column} NOT IN (0, 1)"
        if connection.execute(query).fetchone() == (0,):
            return "BOOLEAN"
    if found == {"text"} and any(word in declared.upper() for word in ("DATE", "TIME")):
        query = (
            f"SELECT count(*) FROM {table} "
            f"WHERE {column} IS NOT NULL AND julianday({column}) IS NULL"
        )
        if connection.execute(query).fetchone() == (0,):
            return "DATE" if declared.upper() == "DATE" else "TIMESTAMP"
    if found == {"integer"}:
        return "BIGINT"
    if found and found <= {"integer", "real"}:
        return "DOUBLE"
    return "BLOB" if "blob" in found else "VARCHAR"


def _value(column: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"CAST({column} AS TEXT)"
    if kind == "DATE":
        return f"date({column})"
    return f"datetime({column})" if kind == "TIMESTAMP" else column
