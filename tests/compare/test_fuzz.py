"""Whatever bytes a file holds, the answer is a result or an InputError: no other end, no hang."""

import functools
import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relentropy.compare import InputError, tables
from tests.compare import makers

SUFFIXES = [
    ".parquet",
    ".csv",
    ".csv.gz",
    ".zip",
    ".jsonl",
    ".json",
    ".arrow",
    ".duckdb",
    ".db",
    ".npy",
    ".npz",
    ".txt",
    "",
]
MAGIC = [
    b"",
    b"PAR1",
    b"ARROW1\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x1f\x8b\x08\x00",
    b"PK\x03\x04",
    b"SQLite format 3\x00",
    b"\x93NUMPY\x01\x00",
    b"\x00" * 8 + b"DUCK",
    b'{"a":',
    b"a,b\n",
]
FORMATS = [
    "parquet",
    "csv",
    "csv_gz",
    "csv_zip",
    "json_lines",
    "arrow",
    "duckdb_table",
    "sqlite_table",
    "npy",
    "npz",
]
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
MANY = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


@functools.cache
def good() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="relentropy-fuzz-"))
    return makers.parquet(makers.rows(40, 1), folder)


@functools.cache
def seed_file(format_name: str) -> tuple[str, bytes]:
    """Name and contents of a valid file."""
    import numpy as np

    rows = makers.rows(40, 1)
    with tempfile.TemporaryDirectory() as folder:
        if format_name.startswith("np"):
            path = Path(folder) / f"t.{format_name}"
            array = np.array(rows["amount"])
            np.save(path, array) if format_name == "npy" else np.savez(path, amount=array)
        else:
            path = Path(str(makers.FILES[format_name](rows, Path(folder))).split("::")[0])
        return path.name, path.read_bytes()


def check(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        typed = f"{path}::t" if path.suffix in (".duckdb", ".db") else path
        try:
            result = tables(typed, good())
        except InputError as error:
            message = str(error)
        else:
            message = ""
        assert message.isprintable()
        if message:
            return
        data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        for column in data["columns"]:
            low, high = column["current_from_reference"]["interval"]
            assert 0 <= low <= column["current_from_reference"]["finite_value"] <= high
            total = math.fsum(cell["reference_mass"] for cell in column["histogram"])
            assert total == pytest.approx(1)


def random_bytes(suffix: str, magic: bytes, content: bytes) -> None:
    check(f"t{suffix}", magic + content)


def mutated(format_name: str, edits: list[tuple[float, str, bytes]]) -> None:
    name, content = seed_file(format_name)
    for where, how, piece in edits:
        at = int(where * len(content))
        if how == "overwrite":
            content = content[:at] + piece + content[at + len(piece) :]
        elif how == "insert":
            content = content[:at] + piece + content[at:]
        elif how == "delete":
            content = content[:at] + content[at + len(piece) * 8 :]
        else:
            content = content[:at]
    check(name, content)


BYTES = {
    "suffix": st.sampled_from(SUFFIXES),
    "magic": st.sampled_from(MAGIC),
    "content": st.binary(max_size=300),
}
EDITS = {
    "format_name": st.sampled_from(FORMATS),
    "edits": st.lists(
        st.tuples(
            st.floats(0, 1),
            st.sampled_from(["overwrite", "insert", "delete", "cut"]),
            st.binary(min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=4,
    ),
}
TEXT = {
    "suffix": st.sampled_from([".csv", ".json", ".txt", ".tsv"]),
    "content": st.text(st.sampled_from(list("ab1.\"'\\,;|\t\n\r{}[]:#- \x1béE")), max_size=200),
}

test_random_bytes = FEW(given(**BYTES)(random_bytes))
test_mutated_files = FEW(given(**EDITS)(mutated))


@FEW
@given(**TEXT)
def test_random_text(suffix: str, content: str) -> None:
    check(f"t{suffix}", content.encode())


@pytest.mark.exhaustive
@pytest.mark.parametrize("which", ["bytes", "edits", "text"])
def test_many(which: str) -> None:
    strategy, run = {
        "bytes": (BYTES, random_bytes),
        "edits": (EDITS, mutated),
        "text": (TEXT, lambda suffix, content: check(f"t{suffix}", content.encode())),
    }[which]
    MANY(given(**strategy)(run))()
