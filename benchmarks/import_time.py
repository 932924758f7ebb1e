"""How long `import relentropy` takes: python benchmarks/import_time.py

Fresh interpreters, one after another; the clock runs inside, around the import alone. NumPy is
timed beside it for scale. The aim is under 30 ms.
"""

import statistics
import subprocess
import sys

RUNS = 25
PROGRAM = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def milliseconds(module: str) -> list[float]:
    times = []
    for _ in range(RUNS):
        command = [sys.executable, "-c", PROGRAM.format(module)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(1e3 * float(done.stdout))
    return times


def main() -> None:
    for module in ("relentropy", "numpy"):
        times = milliseconds(module)
        median, worst = statistics.median(times), max(times)
        print(f"import {module:<12} median {median:6.1f} ms, worst of {RUNS}: {worst:6.1f} ms")


if __name__ == "__main__":
    main()
