"""Unpack gzip and zip into the scratch folder, within bounds that a bomb cannot pass."""

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from relentropy.compare.errors import InputError, printable

# Deflate cannot pass 1032:1 and tables of text rarely pass 50:1. Small files may be anything.
MAX_RATIO = 250
MAX_FREE_BYTES = 64 * 2**20
MAX_MEMBERS = 10_000
_CHUNK = 2**20
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,  # an encrypted member
    NotImplementedError,
    ValueError,
    IndexError,
)


def unpack_gzip(path: Path, folder: Path, shown: str) -> Path:
    """The unpacked file; its name keeps the suffix that was under ``.gz``."""
    suffix = Path(path.stem).suffix if path.suffix.lower() == ".gz" else ""
    target = _fresh(folder, suffix)
    try:
        with gzip.open(path, "rb") as source:
            _copy(cast("IO[bytes]", source), target, path.stat().st_size, shown)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{shown} is a damaged or truncated gzip file: {error}") from error
    return target


def unpack_zip(path: Path, folder: Path, shown: str) -> list[tuple[str, Path]]:
    """(name inside, unpacked file) for every data file of the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, shown)
            size = path.stat().st_size
            _refuse_bomb(sum(m.file_size for m in members), size, shown)
            unpacked = []
            for member in members:
                target = _fresh(folder, Path(member.filename).suffix)
                with archive.open(member) as source:
                    _copy(source, target, size, shown)
                unpacked.append((member.filename, target))
            return unpacked
    except InputError:
        raise
    except _ZIP_FAULTS as error:
        raise InputError(
            f"{shown} is a damaged, truncated or encrypted zip file: {printable(error)}"
        ) from error


def _members(archive: zipfile.ZipFile, shown: str) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if any(m.filename == "[Content_Types].xml" for m in members):
        raise InputError(f"{shown} is an Excel or Office file; save the sheet as CSV")
    if len(members) > MAX_MEMBERS:
        raise InputError(f"{shown} holds {len(members):,} files; unpack it first")
    data = [
        m
        for m in members
        if not m.is_dir()
        and not any(part.startswith((".", "__MACOSX")) for part in Path(m.filename).parts)
    ]
    if not data:
        raise InputError(f"{shown} is a zip file with nothing in it")
    return data


def _fresh(folder: Path, suffix: str) -> Path:
    # Names inside archives are never used as paths: only a plain suffix survives.
    plain = suffix.lower() if suffix[1:].isalnum() and suffix.isascii() else ""
    return folder / f"unpacked-{sum(1 for _ in folder.iterdir())}{plain}"


def _copy(source: IO[bytes], target: Path, packed: int, shown: str) -> None:
    written = 0
    with target.open("wb") as out:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            _refuse_bomb(written, packed, shown)
            out.write(chunk)


def _refuse_bomb(unpacked: int, packed: int, shown: str) -> None:
    if unpacked > MAX_FREE_BYTES and unpacked > MAX_RATIO * packed:
        raise InputError(
            f"{shown} unpacks to more than {MAX_RATIO} times its size, as a zip bomb does; "
            "if you trust it, unpack it yourself and name the unpacked file"
        )
