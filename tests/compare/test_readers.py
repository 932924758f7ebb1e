"""Every format and every engine gives the same answer on the same rows."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relentropy.compare import InputError, tables
from tests.compare import makers

REFERENCE, CURRENT = makers.rows(400, 1), makers.rows(300, 2, shift=0.5)


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    while makers.OPEN:
        makers.OPEN.pop().close()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("parquet")
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    return columns(
        tables(makers.parquet(REFERENCE, folder / "a"), makers.parquet(CURRENT, folder / "b"))
    )


def columns(result: Any) -> dict[str, Any]:
    return {c["name"]: c for c in result.to_dict()["columns"]}


def counts(column: dict[str, Any], side: str, rows: int) -> dict[str, int]:
    return {
        cell["cell"]: round(cell[f"{side}_mass"] * rows)
        for cell in column["histogram"]
        if cell[f"{side}_mass"]
    }


def test_counts_are_those_of_the_rows(expected: dict[str, Any]) -> None:
    assert set(expected) == {"amount", "count", "colour", "paid", "day (weekday)"}
    for side, rows in (("reference", REFERENCE), ("current", CURRENT)):
        n = len(rows["count"])
        truth = {
            "count": Counter(str(v) for v in rows["count"]),
            "colour": Counter(v or "(missing)" for v in rows["colour"]),
            "paid": Counter(str(v).lower() for v in rows["paid"]),
        }
        for name, cells in truth.items():
            assert counts(expected[name], side, n) == cells


@pytest.mark.parametrize("format_name", makers.FILES)
def test_every_format_gives_the_same(
    format_name: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    paths = []
    for name, rows in (("a", REFERENCE), ("b", CURRENT)):
        (tmp_path / name).mkdir()
        paths.append(makers.FILES[format_name](rows, tmp_path / name))
    assert columns(tables(*paths)) == expected


@pytest.mark.parametrize("frame", makers.FRAMES)
def test_every_frame_gives_the_same(frame: str, expected: dict[str, Any]) -> None:
    make = makers.FRAMES[frame]
    found = columns(tables(make(REFERENCE), make(CURRENT)))
    found.pop("day (hour)", None)
    assert set(found) == set(expected)
    for name, column in expected.items():
        # Engines round the last bit of a logarithm differently; bins may not move by more.
        assert found[name]["histogram"] == column["histogram"]
        assert found[name]["current_from_reference"]["finite_value"] == pytest.approx(
            column["current_from_reference"]["finite_value"], rel=1e-12
        )


def test_sides_of_different_kinds_mix(expected: dict[str, Any], tmp_path: Path) -> None:
    found = columns(tables(makers.polars_frame(REFERENCE), makers.csv(CURRENT, tmp_path)))
    assert found == expected


def test_numpy_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", rng.normal(size=(500, 2)))
    np.savez_compressed(tmp_path / "b.npz", value=rng.normal(size=(500, 2)))
    result = tables(tmp_path / "a.npy", tmp_path / "b.npz")
    assert [c.name for c in result.columns] == ["value[0]", "value[1]"] or len(result.columns) == 2
    np.savez(tmp_path / "c.npz", x=np.arange(9.0) ** 2, name=np.array(list("aabbccabc")))
    result = tables(tmp_path / "c.npz", tmp_path / "c.npz")
    assert {c.name for c in result.columns} == {"x", "name"}
    assert result.rows == (9, 9)


def test_structured_array(tmp_path: Path) -> None:
    array = np.zeros(50, dtype=[("a", ">f4"), ("b", "i2"), ("when", "datetime64[D]")])
    array["a"] = np.arange(50) % 7
    array["b"] = np.arange(50) % 3
    array["when"] = np.datetime64("2024-02-01") + np.arange(50) % 5
    np.save(tmp_path / "a.npy", array)
    result = tables(tmp_path / "a.npy", tmp_path / "a.npy")
    assert {c.name for c in result.columns} == {"a", "b", "when (weekday)"}


def test_words_for_missing_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "1.5,a\nNA,NA\n2.5,b\n" * 20)
    (tmp_path / "b.csv").write_text("x,y\n" + "1.5,a\n2.5,b\n" * 20)
    result = tables(tmp_path / "a.csv", tmp_path / "b.csv")
    assert result["x"].kind == "numeric"
    assert result["x"].missing == (pytest.approx(1 / 3), 0.0)
    assert [bar.cell for bar in result["y"].histogram] == ["a", "b", "NA"]
    assert any("'x' is read as numbers" in note for note in result.notes)


def test_a_late_surprise_in_a_csv(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n" + "1\n" * 60_000 + "2.5\n")
    result = tables(tmp_path / "a.csv", tmp_path / "a.csv")
    assert result["x"].kind == "numeric"
    assert [bar.cell for bar in result["x"].histogram] == ["1", "2.5"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_comment_marks(delimiter: str, end: str, tmp_path: Path) -> None:
    rows = [["#1", "2"], ["3", "a\nb"], ["# not a comment", "5"]] * 20
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerows([["x#y", "one, or; two|"], *rows])
    body = out.getvalue()
    (tmp_path / "a.csv").write_bytes(body.encode())
    result = tables(tmp_path / "a.csv", tmp_path / "a.csv")
    assert result.rows == (60, 60)
    assert {bar.cell for bar in result["x#y"].histogram} == {"#1", "3", "# not a comment"}
    assert {bar.cell for bar in result["one, or; two|"].histogram} == {"2", "a\nb", "5"}


def test_latin_1(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"ville\n" + "Orléans\nNîmes\n".encode("latin-1") * 30)
    result = tables(tmp_path / "a.csv", tmp_path / "a.csv")
    assert {bar.cell for bar in result["ville"].histogram} == {"Orléans", "Nîmes"}
    assert any("Latin-1" in note for note in result.notes)


def test_inner_format_of_gzip(tmp_path: Path) -> None:
    written = makers.parquet(REFERENCE, tmp_path)
    packed = tmp_path / "t.parquet.gz"
    packed.write_bytes(gzip.compress(written.read_bytes()))
    assert tables(packed, written).rows == (400, 400)


def test_contents_win_over_the_name(tmp_path: Path) -> None:
    wrong = makers.parquet(REFERENCE, tmp_path).rename(tmp_path / "t.csv")
    assert tables(wrong, wrong).rows == (400, 400)


def test_a_pattern_in_a_name_is_a_name(tmp_path: Path) -> None:
    odd = makers.parquet(REFERENCE, tmp_path).rename(tmp_path / "t[1]*'?.parquet")
    makers.parquet(CURRENT, tmp_path)
    assert tables(odd, odd).rows == (400, 400)


def test_names_are_short_and_apart(tmp_path: Path) -> None:
    for name in ("jan", "jul"):
        (tmp_path / name).mkdir()
    a = makers.parquet(REFERENCE, tmp_path / "jan")
    b = makers.parquet(CURRENT, tmp_path / "jul")
    same = tables(a, b)
    assert (same.reference, same.current) == (str(a), str(b))
    c = b.rename(tmp_path / "jul.v2.parquet")
    apart = tables(a, c)
    assert (apart.reference, apart.current) == ("t", "jul")
    itself = tables(a, a)
    assert (itself.reference, itself.current) == ("t (reference)", "t (current)")


def test_only_table_of_a_database(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "one.sqlite"
    with sqlite3.connect(path) as c:
        c.execute('CREATE TABLE "we""ird; --" ("a;b" INTEGER)')
        c.executemany('INSERT INTO "we""ird; --" VALUES (?)', [(i % 3,) for i in range(30)])
    c.close()
    assert [c.name for c in tables(path, path).columns] == ["a;b"]


def test_views_cannot_open_other_files(tmp_path: Path) -> None:
    import duckdb

    secret = makers.csv(REFERENCE, tmp_path)
    path = tmp_path / "trap.duckdb"
    with duckdb.connect(str(path)) as c:
        c.execute(f"CREATE VIEW v AS SELECT * FROM read_csv('{secret}')")
    with pytest.raises(InputError, match="cannot read"):
        tables(f"{path}::v", f"{path}::v")


def test_remote_addresses_need_leave() -> None:
    with pytest.raises(InputError, match="allow-extensions"):
        tables("https://example.com/a.parquet", "s3://bucket/b.parquet")


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    tables(makers.csv(REFERENCE, tmp_path), makers.parquet(CURRENT, tmp_path))
    assert list((tmp_path / "scratch").iterdir()) == []
