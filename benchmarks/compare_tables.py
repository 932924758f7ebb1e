"""How fast, how small and how right `relentropy compare` is on tables whose truth is known.

Makes two Parquet files of a million rows and ten columns (seven normals, the i-th shifted by i/10
so that D(current‖reference) = i²/200 nats, and three categorical columns), compares them in a
fresh process, and prints seconds and peak memory. With --coverage it repeats the comparison on
fresh data and counts how often the intervals, widened by the stated resolution loss, hold the
truth.

    python benchmarks/compare_tables.py
    python benchmarks/compare_tables.py --coverage 200
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

NORMALS = 7
CATEGORIES = {"weekday": 7, "colour": 40, "city": 1000}

COMPARE = """
import json, resource, sys, time
start = time.perf_counter()
from relentropy.compare import tables
result = tables(sys.argv[1], sys.argv[2], unit="nat")
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
columns = {
    c.name: [*c.current_from_reference.interval, c.current_from_reference.finite_value,
             c.resolution_loss] for c in result.columns
}
print(json.dumps([seconds, peak, columns]))
"""


def write(path: Path, rows: int, shifted: bool, rng: np.random.Generator) -> None:
    """One side, with DuckDB."""
    import duckdb

    data = {f"normal_{i}": rng.normal(shifted * i / 10, 1, rows) for i in range(NORMALS)}
    for name, size in CATEGORIES.items():
        # Zipf's law, as names of cities and colours have it.
        weights = 1 / np.arange(1, size + 1)
        data[name] = rng.choice(size, rows, p=weights / weights.sum())
    with duckdb.connect() as con:
        con.register("data", data)
        columns = ", ".join(
            f"'{name} ' || {name} AS {name}" if name in CATEGORIES else name for name in data
        )
        con.execute(f"COPY (SELECT {columns} FROM data) TO '{path}' (FORMAT parquet)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--coverage", type=int, default=0, metavar="REPEATS")
    parser.add_argument("--repeats", type=int, default=3, help="of the timing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "reference.parquet", Path(folder) / "current.parquet"
        timing(paths, args.rows, args.repeats)
        if args.coverage:
            coverage(paths, args.rows, args.coverage)


def timing(paths: tuple[Path, Path], rows: int, repeats: int) -> None:
    rng = np.random.default_rng(0)
    for shifted, path in enumerate(paths):
        write(path, rows, bool(shifted), rng)
    for _ in range(repeats):
        seconds, peak, columns = fresh(paths)
        print(f"{rows:,} x {NORMALS + len(CATEGORIES)} rows a side: {seconds:.2f} s, {peak:.0f} MB")
    for name, (low, high, value, loss) in columns.items():
        if name.startswith("normal"):
            truth = int(name[-1]) ** 2 / 200
            print(
                f"{name}: {value:.5f} nats ({low:.5f} to {high:.5f}), bins hide about "
                f"{loss:.2g}; true {truth:.5f}"
            )


def fresh(paths: tuple[Path, Path]) -> tuple[float, float, dict[str, list[float]]]:
    """In a process of its own, so that imports and peak memory count."""
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, peak, columns = json.loads(done.stdout)
    return seconds, peak, columns


def coverage(paths: tuple[Path, Path], rows: int, repeats: int) -> None:
    from relentropy.compare import tables

    rng = np.random.default_rng(1)
    names = [f"normal_{i}" for i in range(NORMALS)]
    held = dict.fromkeys(names, 0)
    bare = dict(held)
    widths: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats):
        for shifted, path in enumerate(paths):
            write(path, rows, bool(shifted), rng)
        result = tables(*paths, unit="nat", columns=names)
        for i, name in enumerate(names):
            truth = i * i / 200
            low, high = result[name].current_from_reference.interval
            loss = result[name].resolution_loss or 0.0
            held[name] += low <= truth <= high + loss
            bare[name] += low <= truth <= high
            widths[name].append(high - low)
        if (repeat + 1) % 20 == 0:
            print(f"  {repeat + 1} of {repeats}", file=sys.stderr, flush=True)
    error = math.sqrt(0.95 * 0.05 / repeats)
    print(f"coverage of nominal 95 % intervals over {repeats} repeats (± {2 * error:.3f}):")
    for name in names:
        print(
            f"{name}: {held[name] / repeats:.3f} with the stated loss, "
            f"{bare[name] / repeats:.3f} without; mean width {np.mean(widths[name]):.5f} nats"
        )


if __name__ == "__main__":
    main()
