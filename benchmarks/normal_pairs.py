"""The time of 1e6 pairs of normals against the bare formula, in one process, as a ratio.

    python -m benchmarks.normal_pairs

The bare formula cancels where the pairs are close; the library's does not. Both are given the
same arrays; the median of the ratios of neighbouring runs is shown, since the machine's speed
drifts.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from relentropy import Normal, relative_entropy

PAIRS, RUNS = 1_000_000, 21


def bare(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    return np.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5


def library(m1: Any, s1: Any, m2: Any, s2: Any) -> Any:
    return relative_entropy(Normal(m1, s1), Normal(m2, s2))


def seconds(f: Callable[..., Any], *xs: Any) -> float:
    start = time.perf_counter()
    f(*xs)
    return time.perf_counter() - start


def measured(spread: float) -> tuple[float, float]:
    """The median ratio, and the median milliseconds of the library; scales of that log-spread."""
    rng = np.random.default_rng(0)
    locs = rng.normal(size=(2, PAIRS)) * spread
    scales = np.exp(rng.normal(size=(2, PAIRS)) * spread)
    xs = locs[0], scales[0], locs[1], scales[1]
    np.testing.assert_allclose(library(*xs), bare(*xs), rtol=1e-6, atol=1e-12)
    times = [(seconds(library, *xs), seconds(bare, *xs)) for _ in range(RUNS)]
    ratios = [ours / theirs for ours, theirs in times]
    return statistics.median(ratios), 1e3 * statistics.median(ours for ours, _ in times)


def main() -> None:
    print(f"{PAIRS} pairs of normals in float64, {RUNS} runs")
    for spread in (1.0, 0.1, 1e-3):
        ratio, milliseconds = measured(spread)
        print(f"spread of log scales {spread:5}: {milliseconds:6.1f} ms, {ratio:.2f} x bare NumPy")


if __name__ == "__main__":
    main()
