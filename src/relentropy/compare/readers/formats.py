"""What a file is: told by its first bytes, and only for plain text by its name."""

import glob
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from relentropy.compare.errors import InputError, did_you_mean, printable

_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"SQLite format 3\x00": "sqlite",
    b"\x93NUMPY": "npy",
}
_REFUSED = {
    b"\x28\xb5\x2f\xfd": "a Zstandard file; unpack it first (zstd -d)",
    b"BZh": "a bzip2 file; unpack it first (bunzip2)",
    b"\xfd7zXZ\x00": "an xz file; unpack it first (unxz)",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive; unpack it first",
    b"\xd0\xcf\x11\xe0": "an old Excel or Office file; save the sheet as CSV",
    b"%PDF": "a PDF document; a table is needed",
    b"\x89HDF": "an HDF5 file; save the table as Parquet",
    b"Obj\x01": "an Avro file; save it as Parquet",
    b"ORC": "an ORC file; save it as Parquet",
    b"\x89PNG": "an image; a table is needed",
    b"<!DOCTYPE": "a web page; a table is needed",
    b"<html": "a web page; a table is needed",
}
_TEXT_SUFFIXES = {
    **dict.fromkeys([".json", ".jsonl", ".ndjson"], "json"),
    **dict.fromkeys([".csv", ".tsv", ".psv", ".txt", ".dat", ".data", ".tab"], "csv"),
}
_BINARY_SUFFIXES = {
    **dict.fromkeys([".parquet", ".pq"], "Parquet"),
    **dict.fromkeys([".arrow", ".feather", ".ipc"], "Arrow"),
    **dict.fromkeys([".db", ".sqlite", ".sqlite3"], "SQLite or DuckDB"),
    ".duckdb": "DuckDB",
    ".npy": "NumPy",
    ".npz": "NumPy",
    ".zip": "zip",
    ".gz": "gzip",
    ".xlsx": "Excel",
}
_PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".pth"}
_FOLDER_SUFFIXES = set(_TEXT_SUFFIXES) | {".parquet", ".pq", ".arrow", ".feather", ".ipc", ".gz"}


@dataclass(frozen=True)
class Input:
    """A path as the user typed it, taken apart.

    Attributes:
        shown: the name for people.
        paths: the files, in order.
        table: the table inside a database file, or None.
        folder: True when the paths come from a folder or a pattern.
        remote: True for an address (https://, s3://) that only an extension can read.

    """

    shown: str
    paths: tuple[Path, ...]
    table: str | None = None
    folder: bool = False
    remote: bool = False


def locate(typed: str | os.PathLike[str]) -> Input:
    """The files behind ``file``, ``folder``, ``pattern*`` or ``file.db::table``."""
    text = os.fspath(typed)
    if not text or "\x00" in text:
        raise InputError(f"{printable(text)!r} is not a file name")
    if "://" in text:
        return Input(text, (Path(text),), remote=True)
    path, table = Path(text), None
    mode = _mode(path)
    if mode is None and "::" in text:
        before, table = text.rsplit("::", 1)
        path = Path(before)
        mode = _mode(path)
    if mode is not None:
        if stat.S_ISDIR(mode):
            return Input(text, _data_files(path), table, folder=True)
        if not stat.S_ISREG(mode):
            raise InputError(f"{printable(path)} is a pipe or device; save it as a file first")
        return Input(text, (path,), table)
    if any(c in text for c in "*?["):
        found = sorted(Path(p) for p in glob.glob(text, recursive=True))
        files = tuple(p for p in found if p.is_file())
        if files:
            return Input(text, files, table, folder=True)
        raise InputError(f"no file matches the pattern {printable(text)}")
    raise InputError(f"there is no file {printable(path)}.{_near(path)}")


def _mode(path: Path) -> int | None:
    """What kind of thing a path is; None where there is nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot read {printable(path)}: {reason}") from error


def _near(path: Path) -> str:
    try:
        return did_you_mean(path.name, [p.name for p in path.parent.iterdir()])
    except OSError:
        return ""


def _data_files(folder: Path) -> tuple[Path, ...]:
    files = tuple(
        sorted(
            p
            for p in folder.rglob("*")
            if p.suffix.lower() in _FOLDER_SUFFIXES
            and p.is_file()
            and not any(part.startswith((".", "_")) for part in p.relative_to(folder).parts)
        )
    )
    if not files:
        raise InputError(
            f"the folder {printable(folder)} holds no Parquet, CSV, JSON-lines or Arrow file"
        )
    return files


def head_of(path: Path, size: int = 512) -> bytes:
    """The first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot read {printable(path)}: {reason}") from error


def format_of(path: Path, shown: str | None = None) -> str:
    """parquet, arrow, gzip, zip, sqlite, duckdb, npy, json or csv; anything else is refused."""
    shown = printable(shown or path)
    head = head_of(path)
    if not head:
        raise InputError(f"{shown} is empty")
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[8:12] == b"DUCK":
        return "duckdb"
    suffix = path.suffix.lower()
    refuse_foreign(head, suffix, shown)
    return _text_format(head, suffix, shown)


def refuse_foreign(head: bytes, suffix: str, shown: str) -> None:
    """Name what cannot be read, and what to do about it."""
    for magic, what in _REFUSED.items():
        if head.startswith(magic):
            raise InputError(f"{shown} is {what}")
    if head[257:262] == b"ustar":
        raise InputError(f"{shown} is a tar archive; unpack it first")
    if suffix in _PICKLES or head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise InputError(
            f"{shown} looks like a Python pickle, which can run code when it is opened; "
            "save the table as Parquet or CSV"
        )
    if suffix in _BINARY_SUFFIXES:
        expected = _BINARY_SUFFIXES[suffix]
        raise InputError(
            f"{shown} is named {suffix} but is not a {expected} file: it begins with {head[:8]!r}"
        )


def _text_format(head: bytes, suffix: str, shown: str) -> str:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{shown} is UTF-16 text; save it as UTF-8")
    if b"\x00" in head:
        raise InputError(
            f"{shown} is neither text nor a table format known here (Parquet, CSV, JSON lines, "
            "Arrow, SQLite, DuckDB, NumPy)"
        )
    if suffix in _TEXT_SUFFIXES:
        return _TEXT_SUFFIXES[suffix]
    return "json" if head.lstrip()[:1] in (b"{", b"[") else "csv"
