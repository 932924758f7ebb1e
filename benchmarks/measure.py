"""Time, memory and error of what does one work: all in one run, turn by turn."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[], Any]


@dataclass
class Work:
    """What is to be computed, and by whom; `ours` is what the others are measured against."""

    name: str
    runs: dict[str, Run]
    ours: str = "relentropy"
    truth: Any = None
    """Of the first numbers of the result, to far more digits."""
    other_inputs: set[str] = field(default_factory=set)
    """Who computes something else, whose error means nothing."""
    repeat: int = 7


@dataclass
class Measured:
    """One line of the table."""

    work: str
    who: str
    milliseconds: float
    ratio: float
    quartiles: tuple[float, float]
    megabytes: float | None
    error: float | None


def measured(work: Work) -> list[Measured]:
    for run in work.runs.values():  # what compiles has compiled before it is timed
        run()
    times: dict[str, list[float]] = {who: [] for who in work.runs}
    for _ in range(work.repeat):
        for who, run in work.runs.items():
            start = time.perf_counter()
            run()
            times[who].append(time.perf_counter() - start)
    found = []
    for who, run in work.runs.items():
        ratios = [t / o for t, o in zip(times[who], times[work.ours], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        value, megabytes = with_peak(run)
        error = None if who in work.other_inputs else largest_error(value, work.truth)
        median = statistics.median(times[who]) * 1e3
        found.append(Measured(work.name, who, median, middle, (low, high), megabytes, error))
    return found


def with_peak(run: Run) -> tuple[Any, float | None]:
    """What `run` returns, and by how much the process grew meanwhile; None where nobody counts."""
    gc.collect()
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not (status.exists() and reset.exists()):
        return run(), None
    ctypes.CDLL(None).malloc_trim(0)
    before = kilobytes(status, "VmRSS")
    reset.write_text("5")  # the peak starts again from here
    value = run()
    return value, max(0.0, (kilobytes(status, "VmHWM") - before) / 1024)


def kilobytes(status: Path, name: str) -> float:
    line = next(x for x in status.read_text().splitlines() if x.startswith(name))
    return float(line.split()[1])


def largest_error(value: Any, truth: Any) -> float | None:
    if truth is None:
        return None
    got = np.asarray(value, "float64").reshape(-1)[: len(truth)]
    return float(np.max(np.abs(got / np.asarray(truth) - 1)))
