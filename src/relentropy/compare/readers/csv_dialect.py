"""How a CSV file is written: RFC 4180, with any of the usual delimiters.

Nothing is guessed that could lose rows or digits: the first line holds the names, no line is a
comment, none is skipped, and types are decided on the whole file. (DuckDB's quick look at the
first 20,480 rows would read a later 2.5 in a column of whole numbers as 3, silently, and a table
with one short row as a single column of text.)
"""

import codecs
import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_DELIMITERS = ",;\t|"
_HEAD = 2**18
_ROWS = 20


@dataclass(frozen=True)
class Dialect:
    """The delimiter, and whether lines end in carriage return and line feed."""

    delimiter: str
    carriage_returns: bool


def of(path: Path) -> Dialect:
    """The delimiter that cuts the first rows into equally many values, and the most of them."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    lines = head.decode("utf-8-sig", errors="replace").splitlines(keepends=True)
    if len(head) == _HEAD:
        lines = lines[:-1] or lines
    best = max(_DELIMITERS, key=lambda delimiter: _cuts(lines, delimiter))
    return Dialect(best, b"\r\n" in head)


def _cuts(lines: list[str], delimiter: str) -> tuple[bool, int]:
    try:
        rows = list(islice(csv.reader(lines, delimiter=delimiter), _ROWS))
    except csv.Error:
        return False, 0
    names = len(rows[0]) if rows else 0
    even = names > 1 and all(len(row) == names for row in rows if row)
    return even, names


def options(dialect: Dialect) -> str:
    """The arguments of DuckDB's read_csv."""
    return (
        "union_by_name=true, header=true, skip=0, comment='', sample_size=-1, "
        f"""quote='"', escape='"', delim='{dialect.delimiter}'"""
    )


def is_utf8(path: Path) -> bool:
    """Whether a whole file is UTF-8, read a piece at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def uneven_row(paths: Iterable[Path], dialect: Dialect) -> str | None:
    """Where the first row is that has more or fewer values than the header, in words."""
    for path in paths:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = csv.reader(file, delimiter=dialect.delimiter)
            try:
                names = len(next(rows, []))
                for row in rows:
                    if row and len(row) != names:
                        return (
                            f"line {rows.line_num} has {_count(len(row), 'value')}, but the "
                            f"first line has {_count(names, 'name')}"
                        )
            except csv.Error as error:
                return f"line {rows.line_num}: {error}"
    return None


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
