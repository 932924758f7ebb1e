"""Arrow IPC files and streams (Feather too), a record batch at a time."""

from typing import Any

from relentropy.compare.errors import InputError, printable
from relentropy.compare.readers.side import Side
from relentropy.compare.workbench import Workbench


def read(side: Side, bench: Workbench) -> tuple[list[str], str, list[str], dict[str, str]]:
    """(names, scratch table, DuckDB types, refused columns) of Arrow IPC files."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise InputError(
            f'{side.shown} is an Arrow file, which needs the extra "arrow": '
            "pip install 'relentropy[arrow]'"
        ) from error
    import duckdb

    try:
        return _copy(side, bench, pa)
    except (pa.ArrowException, duckdb.Error, OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {side.shown}: {bench.explain(error)}") from error


def _copy(
    side: Side, bench: Workbench, pa: Any
) -> tuple[list[str], str, list[str], dict[str, str]]:
    names: list[str] = []
    kept: list[int] = []
    unsupported: dict[str, str] = {}
    stored = bench.fresh_name()
    created = False
    for path in side.paths:
        with pa.memory_map(str(path)) as file:
            schema, batches = _batches(file, pa)
            if not names:
                names = [str(name) for name in schema.names]
                kept = [i for i, f in enumerate(schema) if _flat(f.type, pa)]
                unsupported = {
                    names[i]: f"holds values of type {printable(f.type, 60)}"
                    for i, f in enumerate(schema)
                    if i not in kept
                }
                first = schema
            elif schema != first:
                raise InputError(f"the files of {side.shown} have different columns")
            for batch in batches:
                # A crafted file can point outside its buffers; nothing reads it unchecked.
                batch.validate(full=True)
                part = pa.Table.from_arrays(
                    [_plain(batch.column(i), pa) for i in kept], names=[f"c{i}" for i in kept]
                )
                relation = bench.connection.from_arrow(part)
                relation.insert_into(stored) if created else relation.create(stored)
                created = True
    if not created:
        raise InputError(f"{side.shown} has no rows")
    described = dict(bench.describe(stored, side.shown))
    types = [described.get(f"c{i}", "BLOB") for i in range(len(names))]
    return names, stored, types, unsupported


def _batches(file: Any, pa: Any) -> tuple[Any, Any]:
    try:
        reader = pa.ipc.open_file(file)
        return reader.schema, (reader.get_batch(i) for i in range(reader.num_record_batches))
    except pa.ArrowInvalid:
        file.seek(0)
        reader = pa.ipc.open_stream(file)
        return reader.schema, reader


def _flat(kind: Any, pa: Any) -> bool:
    if pa.types.is_dictionary(kind):
        return _flat(kind.value_type, pa)
    return not (
        pa.types.is_nested(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or isinstance(kind, pa.BaseExtensionType)
    )


def _plain(column: Any, pa: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
