"""Tables for the tests: the same rows written in every format that is read."""

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

Rows = dict[str, list[Any]]


def rows(n: int = 400, seed: int = 0, shift: float = 0.0) -> Rows:
    """Numbers, text with nulls, a flag and a date."""
    rng = np.random.default_rng(seed)
    return {
        "amount": [round(float(v), 6) for v in rng.normal(shift, 1, n)],
        "count": [int(v) for v in rng.integers(0, 9, n)],
        "colour": [None if u < 0.1 else "red" if u < 0.6 else "blue" for u in rng.random(n)],
        "paid": [bool(v) for v in rng.random(n) < 0.7],
        "day": [f"2024-01-{1 + int(v):02d}" for v in rng.integers(0, 28, n)],
    }


def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


OPEN: list[duckdb.DuckDBPyConnection] = []
_TYPES = {"amount": "DOUBLE", "count": "BIGINT", "colour": "VARCHAR", "paid": "BOOLEAN"}


def _select(data: Rows, c: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(f'unnest(?::{_TYPES.get(name, "DATE")}[]) AS "{name}"' for name in data)
    c.execute(f"CREATE TABLE t AS SELECT {columns}", list(data.values()))


def _copy(data: Rows, path: Path, options: str) -> Path:
    with con() as c:
        _select(data, c)
        c.execute(f"COPY t TO '{path}' ({options})")
    return path


def parquet(data: Rows, folder: Path) -> Path:
    return _copy(data, folder / "t.parquet", "FORMAT parquet")


def csv(data: Rows, folder: Path) -> Path:
    return _copy(data, folder / "t.csv", "FORMAT csv, HEADER")


def csv_gz(data: Rows, folder: Path) -> Path:
    path = folder / "t.csv.gz"
    path.write_bytes(gzip.compress(csv(data, folder).read_bytes()))
    return path


def csv_zip(data: Rows, folder: Path) -> Path:
    path = folder / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv(data, folder), "inner.csv")
    return path


def json_lines(data: Rows, folder: Path) -> Path:
    path = folder / "t.jsonl"
    lines = [
        json.dumps(dict(zip(data, row, strict=True))) for row in zip(*data.values(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def arrow(data: Rows, folder: Path) -> Path:
    import pyarrow as pa

    path = folder / "t.arrow"
    table = arrow_table(data)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    return path


def arrow_table(data: Rows) -> Any:
    import datetime

    import pyarrow as pa

    days = [datetime.date.fromisoformat(day) for day in data["day"]]
    return pa.table({**data, "day": days})


def folder_of_parquet(data: Rows, folder: Path) -> Path:
    target = folder / "parts"
    target.mkdir()
    half = len(data["amount"]) // 2
    for i, part in enumerate([slice(0, half), slice(half, None)]):
        (target / f"part{i}").mkdir()
        written = parquet({name: values[part] for name, values in data.items()}, folder)
        written.rename(target / f"part{i}" / "t.parquet")
    (target / "_SUCCESS").touch()
    return target


def pattern(data: Rows, folder: Path) -> str:
    return str(folder_of_parquet(data, folder) / "*" / "*.parquet")


def duckdb_table(data: Rows, folder: Path) -> str:
    path = folder / "t.duckdb"
    with duckdb.connect(str(path)) as c:
        _select(data, c)
        c.execute("CREATE TABLE other AS SELECT 1 AS x")
    return f"{path}::t"


def sqlite_table(data: Rows, folder: Path) -> str:
    path = folder / "t.db"
    with sqlite3.connect(path) as c:
        c.execute(
            "CREATE TABLE t (amount REAL, count INTEGER, colour TEXT, paid BOOLEAN, day DATE)"
        )
        c.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", zip(*data.values(), strict=True))
        c.execute("CREATE TABLE other (x)")
    c.close()
    return f"{path}::t"


FILES: dict[str, Callable[[Rows, Path], Any]] = {
    f.__name__: f
    for f in (
        parquet,
        csv,
        csv_gz,
        csv_zip,
        json_lines,
        arrow,
        folder_of_parquet,
        pattern,
        duckdb_table,
        sqlite_table,
    )
}


def pandas_frame(data: Rows) -> Any:
    import pandas as pd

    frame = pd.DataFrame(data)
    frame["day"] = pd.to_datetime(frame["day"])
    return frame


def polars_frame(data: Rows) -> Any:
    import polars as pl

    return pl.DataFrame(data).with_columns(pl.col("day").str.to_date())


def polars_lazy(data: Rows) -> Any:
    return polars_frame(data).lazy()


def duckdb_relation(data: Rows) -> Any:
    c = con()
    OPEN.append(c)  # a relation of an older DuckDB does not keep its connection alive
    _select(data, c)
    return c.table("t")


FRAMES: dict[str, Callable[[Rows], Any]] = {
    f.__name__: f for f in (pandas_frame, polars_frame, polars_lazy, arrow_table, duckdb_relation)
}
