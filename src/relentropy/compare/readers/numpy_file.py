"""NumPy .npy and .npz files; pickles inside them are never opened."""

from typing import Any

from relentropy.compare.errors import InputError, printable
from relentropy.compare.readers import unpack
from relentropy.compare.readers.side import Side
from relentropy.compare.workbench import Workbench

_BATCH = 200_000


def read(side: Side, bench: Workbench) -> tuple[list[str], str, list[str], dict[str, str]]:
    """(names, scratch table, DuckDB types, refused columns) of an array file.

    A vector is one column "value", a matrix one column per position, a structured array one per
    field, and an .npz one column per vector in it.
    """
    columns = _columns(side, bench)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"the arrays of {side.shown} differ in length: {lengths}")
    unsupported = {
        name: f"holds values of type {values.dtype}"
        for name, values in columns.items()
        if values.dtype.kind not in "biufUSM"
    }
    names = list(columns)
    kept = {f"c{i}": columns[n] for i, n in enumerate(names) if n not in unsupported}
    if not kept:
        raise InputError(f"{side.shown} has no column that can be compared: {unsupported}")
    stored = _store(kept, next(iter(lengths.values())), bench, side.shown)
    described = dict(bench.describe(stored, side.shown))
    types = [described.get(f"c{i}", "BLOB") for i in range(len(names))]
    return names, stored, types, unsupported


def _columns(side: Side, bench: Workbench) -> dict[str, Any]:
    if side.format == "npy":
        return _split(_load(side.paths[0], side.shown), "value")
    columns: dict[str, Any] = {}
    for name, path in unpack.unpack_zip(side.paths[0], bench.folder, side.shown):
        plain = name.removesuffix(".npy")
        for part, values in _split(_load(path, side.shown), plain).items():
            columns[part] = values
    return columns


def _load(path: Any, shown: str) -> Any:
    import numpy as np

    try:
        return np.load(path, allow_pickle=False, mmap_mode="r")
    except Exception as error:  # numpy parses the header as Python: its errors are of many kinds
        if "pickle" in str(error).lower() or "objects" in str(error):
            raise InputError(
                f"{shown} holds Python objects (a pickle), which can run code when opened; "
                "save plain arrays, or the table as Parquet"
            ) from error
        raise InputError(f"{shown} is a damaged NumPy file: {printable(error, 200)}") from error


def _split(array: Any, name: str) -> dict[str, Any]:
    if array.dtype.names:
        return {str(n): array[n] for n in array.dtype.names if array.ndim == 1}
    if array.ndim == 1:
        return {name: array}
    if array.ndim == 2 and array.shape[1] <= 10_000:
        return {f"{name}[{i}]": array[:, i] for i in range(array.shape[1])}
    raise InputError(f"an array of shape {array.shape} is not a table; 1 or 2 axes are expected")


def _store(columns: dict[str, Any], rows: int, bench: Workbench, shown: str) -> str:
    import duckdb

    stored = bench.fresh_name()
    try:
        for start in range(0, max(rows, 1), _BATCH):
            part = {c: _plain(values[start : start + _BATCH]) for c, values in columns.items()}
            bench.connection.register("batch", part)
            verb = f"INSERT INTO {stored}" if start else f"CREATE TABLE {stored} AS"
            bench.connection.execute(f"{verb} SELECT * FROM batch")
            bench.connection.unregister("batch")
    except (duckdb.Error, ValueError, TypeError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {shown}: {bench.explain(error)}") from error
    return stored


def _plain(values: Any) -> Any:
    import numpy as np

    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        return values.astype(np.float64)
    if values.dtype.kind in "US":
        return values.astype(str).astype(object)
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return np.ascontiguousarray(native)
