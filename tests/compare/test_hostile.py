"""Bad and hostile input: a clear message or a correct result, never anything else."""

import gzip
import io
import json
import os
import pickle
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from relentropy.compare import InputError, tables
from tests.compare import makers

ROWS = makers.rows(60, 1)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "good").mkdir()
    return makers.parquet(ROWS, tmp_path / "good")


def zipped(content: bytes, name: str = "inner.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


class Boom:
    """Would make a file if anything unpickled it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("relentropy-was-here",))


OBJECTS = np.array([Boom(), Boom()], dtype=object)
CSV = b"amount,count\n1.5,2\n2.5,3\n"

BAD: dict[str, tuple[str, bytes, str]] = {
    "empty file": ("a.csv", b"", "is empty"),
    "empty parquet": ("a.parquet", b"", "is empty"),
    "only a line end": ("a.csv", b"\n", "share no column|no rows|cannot read|no column"),
    "header only": ("a.csv", b"amount,count\n", "no rows"),
    "nul bytes": ("a.csv", b"a,b\n\x00\x01\x02,3\n", "neither text nor"),
    "utf-16": ("a.csv", "amount\n1\n".encode("utf-16"), "UTF-16"),
    "text named parquet": ("a.parquet", CSV, "not a Parquet file"),
    "text named arrow": ("a.arrow", CSV, "not a Arrow file"),
    "text named db": ("a.db", CSV, "not a SQLite or DuckDB file"),
    "text named npy": ("a.npy", CSV, "not a NumPy file"),
    "text named gz": ("a.csv.gz", CSV, "not a gzip file"),
    "text named xlsx": ("a.xlsx", CSV, "not a Excel file"),
    "magic only": ("a.parquet", b"PAR1", "cannot read"),
    "arrow magic only": ("a.arrow", b"ARROW1\x00\x00", "cannot read"),
    "gzip magic only": ("a.csv.gz", b"\x1f\x8b", "damaged or truncated"),
    "zip magic only": ("a.zip", b"PK\x03\x04", "damaged"),
    "sqlite magic only": ("a.db", b"SQLite format 3\x00", "cannot read"),
    "duckdb magic only": ("a.duckdb", b"\x00" * 8 + b"DUCK" + b"\x00" * 50, "cannot open"),
    "npy magic only": ("a.npy", b"\x93NUMPY", "damaged"),
    "truncated gzip": ("a.csv.gz", gzip.compress(CSV * 1000)[:-20], "damaged or truncated"),
    "truncated zip": ("a.zip", zipped(CSV * 1000)[:-20], "damaged"),
    "empty zip": ("a.zip", b"PK\x05\x06" + b"\x00" * 18, "nothing in it"),
    "excel": ("a.xlsx", zipped(b"<xml/>", "[Content_Types].xml"), "Excel"),
    "zip in zip": ("a.zip", zipped(zipped(CSV), "b.zip"), "archive inside"),
    "gzip in gzip": ("a.csv.gz", gzip.compress(gzip.compress(CSV)), "archive inside"),
    "zip bomb": ("a.zip", zipped(b"0\n" * 50_000_000), "zip bomb"),
    "gzip bomb": ("a.csv.gz", gzip.compress(b"0\n" * 50_000_000), "zip bomb"),
    "npz bomb": ("a.npz", zipped(npy(np.zeros(1))[:128] + bytes(100_000_000), "x.npy"), "bomb"),
    "pickled npy": ("a.npy", npy(OBJECTS), "pickle"),
    "pickled npz": ("a.npz", npz(x=OBJECTS), "pickle"),
    "pickle": ("a.pkl", pickle.dumps(ROWS), "pickle"),
    "pickle named csv": ("a.csv", pickle.dumps(ROWS), "pickle"),
    "uneven npz": ("a.npz", npz(x=np.zeros(3), y=np.zeros(4)), "differ in length"),
    "cube": ("a.npy", npy(np.zeros((2, 2, 2))), "not a table"),
    "a number": ("a.npy", npy(np.array(3.0)), "not a table"),
    "complex": ("a.npy", npy(np.zeros(3, complex)), "no column"),
    "broken json": ("a.json", b'{"a": 1', "cannot read"),
    "json of scalars": ("a.json", b"[1, 2, 3]", "share no column"),
    "nested json": ("a.json", b'{"amount": [1]}\n{"amount": [2]}', "no column"),
    "old excel": ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(600), "Excel"),
    "web page": ("a.csv", b"<!DOCTYPE html><html></html>", "web page"),
    "pdf": ("a.csv", b"%PDF-1.7", "PDF"),
    "xz": ("a.csv.xz", b"\xfd7zXZ\x00\x00", "xz"),
    "a short row": ("a.csv", b"amount,count\n1,2\n3\n4,5\n", "line 3 has 1 value.*2 names"),
    "a long row": ("a.csv", b"amount,count\n1,2\n3,4,5\n4,5\n", "line 3 has 3 values.*2 names"),
    "a title": ("a.csv", b"Sales of May\namount,count\n1,2\n", "line 2 has 2 values.*1 name"),
    "an open quote": ("a.csv", b'amount,count\n"1,2\n3,4\n', "line 3 has 1 value"),
    "a late short row": (
        "a.csv",
        b"amount,count\n" + b"1,2\n" * 30_000 + b"3\n",
        "line 30002 has 1 value",
    ),
    "no shared column": ("a.csv", b"other\n1\n", "share no column"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused(
    case: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    for sides in ((tmp_path / name, good), (good, tmp_path / name)):
        with pytest.raises(InputError, match=message) as caught:
            tables(*sides)
        assert "\n" not in str(caught.value)
    assert not Path("relentropy-was-here").exists()


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("format_name", ["parquet", "arrow", "csv_gz", "csv_zip"])
def test_truncated(format_name: str, keep: float, good: Path, tmp_path: Path) -> None:
    path = Path(makers.FILES[format_name](ROWS, tmp_path))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(InputError):
        tables(path, good)


@pytest.mark.parametrize("format_name", ["duckdb_table", "sqlite_table"])
def test_truncated_databases(format_name: str, good: Path, tmp_path: Path) -> None:
    named = makers.FILES[format_name](ROWS, tmp_path)
    path = Path(named.split("::")[0])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError):
        tables(named, good)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("nowhere.parquet", r"no file .*nowhere.parquet"),
        ("goof/t.parquet", "no file"),
        ("*.nothing", "no file matches"),
        ("goood", r"Did you mean 'good'\?"),
        ("", "not a file name"),
        ("a\x00b", "not a file name"),
        ("hollow", "holds no Parquet"),
        ("mixed", "mixes formats"),
        ("good/t.parquet::t", "needs a SQLite or DuckDB"),
        ("x" * 5000, "cannot read x.*…: File name too long"),
        ("esc\x1b[31m.csv", r"esc\\x1b\[31m.csv"),
    ],
)
def test_paths(
    typed: str, message: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hollow").mkdir()
    Path("mixed").mkdir()
    Path("mixed/a.csv").write_bytes(CSV)
    Path("mixed/b.parquet").write_bytes(good.read_bytes())
    with pytest.raises(InputError, match=message):
        tables(typed, good)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # root reads every file, so be somebody else for a moment
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(InputError, match=r"cannot read .*Permission denied"):
            locate_and_open(path)
    finally:
        os.seteuid(user)


def locate_and_open(path: Path) -> None:
    from relentropy.compare.readers.formats import format_of, locate

    for found in locate(path).paths:
        format_of(found)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_hang(good: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="pipe or device"):
        tables(tmp_path / "pipe.csv", good)


def test_tables_of_a_database(good: Path, tmp_path: Path) -> None:
    for named in (makers.duckdb_table(ROWS, tmp_path), makers.sqlite_table(ROWS, tmp_path)):
        path = named.split("::")[0]
        with pytest.raises(InputError, match=r"2 tables \(other, t\).*::table"):
            tables(path, good)
        with pytest.raises(InputError, match=r"not a table.*other, t.*Did you mean 'other'"):
            tables(f"{path}::othre", good)
        with pytest.raises(InputError, match="is not a table"):
            tables(f"{path}::t; DROP TABLE t", good)


def test_an_open_database(good: Path, tmp_path: Path) -> None:
    named = makers.duckdb_table(ROWS, tmp_path)
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    import subprocess
    import sys

    with subprocess.Popen(
        [sys.executable, "-c", script, named.split("::")[0]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "open"
        with pytest.raises(InputError, match="cannot open"):
            tables(named, good)
        holder.communicate("\n")


EVIL = [
    "<script>alert(1)</script>",
    "'; DROP TABLE t; --",
    "quote \" and '",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "tab\there",
    "[red]markup[/red]",
    "\u202eright to left",
    "{{ 7 * 7 }}",
    "c0",
    "x" * 3000,
    "ünïcödé 数据",
    " ",
    "c1",
    "rows",
    "key",
    "x",
]


@pytest.mark.parametrize("how", ["parquet", "pandas", "polars", "sqlite", "duckdb", "arrow", "csv"])
def test_hostile_names_and_values(how: str, tmp_path: Path) -> None:
    values = (EVIL * 10)[: 10 * len(EVIL)]
    data = dict.fromkeys(EVIL, values)
    source = hostile(how, data, tmp_path)
    result = tables(source, source)
    # A blank name in a CSV is no name: the column is called by its position.
    blank = "column12" if how == "csv" else " "
    assert {c.name for c in result.columns} == set(EVIL) - {" "} | {blank}
    column = result["c0"]
    assert not column.drifted
    assert column.current_from_reference.finite_value == 0
    labels = {bar.cell for bar in column.histogram}
    assert len(labels) == len(EVIL)
    assert all(
        bar.reference_mass == bar.current_mass == pytest.approx(1 / 17) for bar in column.histogram
    )
    json.dumps(result.to_dict(), allow_nan=False)


def hostile(how: str, data: dict[str, list[str]], folder: Path) -> Any:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet

    if how == "pandas":
        return pd.DataFrame(data)
    if how == "polars":
        return pl.DataFrame(data)
    if how == "arrow":
        path = folder / "a.arrow"
        with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, pa.table(data).schema) as w:
            w.write_table(pa.table(data))
        return path
    if how == "parquet":
        pa.parquet.write_table(pa.table(data), folder / "a.parquet")
        return folder / "a.parquet"
    if how == "csv":
        import csv

        with (folder / "a.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, quoting=csv.QUOTE_ALL)
            writer.writerow(data)
            writer.writerows(zip(*data.values(), strict=True))
        return folder / "a.csv"
    quoted = ", ".join('"' + name.replace('"', '""') + '" VARCHAR' for name in data)
    marks = ", ".join("?" for _ in data)
    path = folder / f"a.{how}"
    connection: Any = sqlite3.connect(path) if how == "sqlite" else duckdb.connect(str(path))
    connection.execute(f"CREATE TABLE t ({quoted})")
    connection.executemany(
        f"INSERT INTO t VALUES ({marks})", list(zip(*data.values(), strict=True))
    )
    connection.commit()
    connection.close()
    return path


def test_values_that_look_like_cells(tmp_path: Path) -> None:
    import polars as pl

    frame = pl.DataFrame(
        {"x": ["(missing)", None, "(other)", "", "a" * 90 + "1", "a" * 90 + "2"] * 9}
    )
    labels = [bar.cell for bar in tables(frame, frame)["x"].histogram]
    assert len(set(labels)) == 6
    assert labels[-1] == "(missing)"
    assert "'(missing)'" in labels
    assert "''" in labels


def test_empty_and_double_names(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    arrays = [pa.array([1, 2] * 30), pa.array([1, 1] * 30), pa.array(["u", "v"] * 30)]
    pa.parquet.write_table(pa.Table.from_arrays(arrays, ["", "x", "x"]), tmp_path / "a.parquet")
    result = tables(tmp_path / "a.parquet", tmp_path / "a.parquet")
    assert len(result.columns) + len(result.keys) == 3
    (tmp_path / "a.csv").write_text(",x,x\n" + "1,2,u\n2,3,v\n" * 30)
    result = tables(tmp_path / "a.csv", tmp_path / "a.csv")
    assert len(result.columns) + len(result.keys) == 3


def test_double_names_in_a_frame() -> None:
    import pandas as pd

    frame = pd.DataFrame(np.zeros((30, 2)), columns=["x", "x"])
    with pytest.raises(InputError, match="x"):
        tables(frame, frame)


def test_names_that_differ_in_case(tmp_path: Path) -> None:
    import polars as pl

    frame = pl.DataFrame({"A": [1, 2] * 30, "a": [3, 4] * 30})
    result = tables(frame, frame)
    assert {c.name for c in result.columns} == {"A", "a"}


def test_not_a_table() -> None:
    with pytest.raises(InputError, match=r"cannot compare a builtins.dict"):
        tables({"a": [1]}, {"a": [1]})
    with pytest.raises(InputError, match=r"numpy\.ndarray"):
        tables(np.zeros(3), np.zeros(3))


def test_frames_without_rows() -> None:
    import polars as pl

    frame = pl.DataFrame({"x": [1.0, 2.0]})
    with pytest.raises(InputError, match="no rows"):
        tables(frame, frame.clear())


def test_hidden_values_stay_hidden(tmp_path: Path) -> None:
    import polars as pl

    secrets = ["hunter2", "passw0rd", "qwerty", None]
    frame = pl.DataFrame({"secret": secrets * 50, "date": ["2024-05-17"] * 200, "n": [7, 8] * 100})
    frame = frame.with_columns(pl.col("date").str.to_date())
    other = pl.DataFrame({"secret": ["letmein", "hunter2"] * 50, "n": [3, 4] * 50}).with_columns(
        pl.lit("2025-11-21").str.to_date().alias("date")
    )
    result = tables(frame, other, hide_values=["secret", "date", "n"])
    shown = json.dumps(result.to_dict())
    for word in ("hunter2", "passw0rd", "qwerty", "letmein", "2024", "May", "2025"):
        assert word not in shown
    assert result["secret"].histogram[0].cell == "category 1"


def test_hidden_values_stay_out_of_errors(good: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('amount,secret\n1,"hunter2\n2,"a"b"c\n' * 3)
    (tmp_path / "b.json").write_text('{"amount": 1, "secret": "hunter2}\n' * 3)
    for name in ("a.csv", "b.json"):
        try:
            result = tables(tmp_path / name, good, hide_values=["amount"])
        except InputError as error:
            shown = str(error)
        else:
            shown = json.dumps(result.to_dict())
        assert "hunter2" not in shown


def test_wrong_arguments(good: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'amuont'. Did you mean 'amount'\?"):
        tables(good, good, columns=["amuont"])
    with pytest.raises(InputError, match="no column 'secret'"):
        tables(good, good, hide_values=["secret"])
    with pytest.raises(TypeError, match=r"type \['amount'\]"):
        tables(good, good, columns="amount")
    for wrong in (
        {"unit": "bits"},
        {"material": -1},
        {"material": float("nan")},
        {"confidence": 95},
        {"false_discovery_rate": 0},
        {"bins": 1},
        {"top_categories": 2.5},
    ):
        with pytest.raises(ValueError, match="got"):
            tables(good, good, **wrong)  # type: ignore[arg-type]
