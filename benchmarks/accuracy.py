"""The worst relative error of relative_entropy over the table of cases: backend × dtype.

    python -m benchmarks.accuracy

Run from a checkout: the table, made with mpmath, lies in tests/tables. Values that are 0 or
infinite must be exactly so; rows whose true value underflows, or that JAX flushes to zero with
its subnormal inputs, are judged by the tests and are left out of the maximum.
"""

import os

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from collections import defaultdict

import numpy as np

import relentropy
from tests import backends
from tests.tables import reading


def measured(row: reading.Row, backend: backends.Backend) -> float | None:
    """The relative error of one row, or None where only underflow is at stake."""
    expected = float(row["truth"])
    finfo = np.finfo("float64" if row["dtype"] in ("float64", "int64") else "float32")
    if backend.flushes_subnormals and "flushed" in row:
        return None
    if 0 < expected < 1e3 * float(finfo.tiny) or expected > float(finfo.max):
        return None
    p, q = (backend.array(values, row["dtype"]) for values in reading.inputs(row))
    kind_p, kind_q = row["kinds"]
    value = relentropy.relative_entropy(reading.describe(kind_p, p), reading.describe(kind_q, q))
    return reading.error(float(value), row["truth"])


def main() -> None:
    worst: dict[tuple[str, str], tuple[float, str]] = {}
    rows: dict[tuple[str, str], int] = defaultdict(int)
    for name in backends.NAMES:
        if name not in backends.installed():
            continue
        backend = backends.backend(name)
        for row in reading.table():
            error = measured(row, backend)
            if error is None:
                continue
            key = (name, row["dtype"])
            rows[key] += 1
            if error >= worst.get(key, (-1.0, ""))[0]:
                worst[key] = (error, f"{'‖'.join(row['kinds'])}, {row['name']}")
    print(f"{'backend':8} {'dtype':9} {'rows':>5} {'worst error':>12}  in")
    for (name, dtype), (error, where) in worst.items():
        print(f"{name:8} {dtype:9} {rows[name, dtype]:5} {error:12.1e}  {where}")


if __name__ == "__main__":
    main()
