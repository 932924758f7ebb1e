"""The worst relative error of relative_entropy over the table of cases: backend × dtype.

    python -m benchmarks.accuracy

Run from a checkout: the table, made with mpmath, lies in tests/tables. Values that are 0 or
infinite must be exactly so; rows whose true value underflows, or that JAX flushes to zero with
its subnormal inputs, are judged by the tests and are left out of the maximum.
"""

import os

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from collections.abc import Iterator

import numpy as np

import relentropy
from tests import backends
from tests.tables import reading

backends.settle_tinygrad()


def batches() -> Iterator[list[reading.Row]]:
    """Short rows in batches of one shape, for frameworks that compile; long ones alone."""
    yield from reading.filled_groups(reading.small())
    yield from ([row] for row in reading.large())


def errors(
    rows: list[reading.Row], backend: backends.Backend
) -> Iterator[tuple[reading.Row, float]]:
    """The relative error of each row, but where only underflow is at stake."""
    kinds, dtype = rows[0]["kinds"], rows[0]["dtype"]
    sides = zip(kinds, zip(*map(reading.inputs, rows), strict=True), strict=True)
    p, q = (reading.describe(kind, backend.array(np.stack(x), dtype)) for kind, x in sides)
    values = backend.numpy(relentropy.relative_entropy(p, q))
    finfo = np.finfo("float64" if dtype in ("float64", "int64") else "float32")
    for row, value in zip(rows, values, strict=True):
        flushed = backend.flushes_subnormals and "flushed" in row
        expected = float(row["truth"])
        small = 0 < expected < 1e3 * float(finfo.tiny)
        if not (flushed or small or expected > float(finfo.max)):
            yield row, reading.error(float(value), row["truth"])


def main() -> None:
    worst: dict[tuple[str, str], tuple[float, str]] = {}
    for name in backends.installed():
        for rows in batches():
            for row, error in errors(rows, backends.backend(name)):
                key = (name, row["dtype"])
                if error >= worst.get(key, (-1.0, ""))[0]:
                    worst[key] = (error, f"{'‖'.join(row['kinds'])}, {row['name']}")
    print(f"{'backend':10} {'dtype':9} {'worst error':>12}  in")
    for (name, dtype), (error, where) in worst.items():
        print(f"{name:10} {dtype:9} {error:12.1e}  {where}")


if __name__ == "__main__":
    main()
