"""Integrals and sums over a pair of distributions by SciPy, piece by piece."""

import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate, optimize

from tests.families import scipy_laws

INF = math.inf

LEVELS = np.array([1e-300, 1e-100, 1e-30, 1e-15, 1e-8, 1e-4, 0.01, 0.1, 0.3])
LEVELS = np.concatenate([LEVELS, [0.5], 1 - LEVELS[-6:][::-1]])


def _apart(soft: Any, hard: Any) -> np.ndarray:
    """All hard edges, and of the soft ones those that are not next to another."""
    kept = list(hard)
    for x in soft:
        if min(abs(x - np.array(kept))) > 1e-6 * abs(x):
            kept.append(x)
    return np.sort(kept)


class Truth:
    """The integrals of a pair of SciPy's distributions, piece by piece."""

    def __init__(self, p: Any, q: Any, kinks: tuple[float, ...] = ()) -> None:
        self.p, self.q = p, q
        with warnings.catch_warnings(action="ignore"):  # of overflows inside SciPy
            ends = np.unique([*p.support(), *q.support(), *kinks])
            edges = _apart([*p.ppf(LEVELS), *q.ppf(LEVELS)], ends)
            edges = _apart(edges, np.unique([*ends, *self._crossings(edges)]))
        self.low, self.high = edges[:-1], edges[1:]

    def _crossings(self, edges: np.ndarray) -> list[float]:
        def gap(x: Any) -> Any:
            return self.p.logpdf(x) - self.q.logpdf(x)

        edges = edges[np.isfinite(edges)]
        grid = np.unique([np.linspace(a, b, 60) for a, b in itertools.pairwise(edges)])
        found = gap(grid)
        turns = np.flatnonzero(np.isfinite(found[1:] * found[:-1]) & (found[1:] * found[:-1] < 0))
        return [optimize.brentq(gap, grid[i], grid[i + 1], xtol=1e-300) for i in turns]

    def integral(self, f: Callable[[Any, Any], Any]) -> float:
        """∫ f(log p, log q) dx."""

        def integrand(x: Any) -> Any:
            value = f(self.p.logpdf(x), self.q.logpdf(x))
            return np.where(np.isfinite(x), np.nan_to_num(value, nan=0.0), 0.0)

        with warnings.catch_warnings(action="ignore"):
            found = integrate.tanhsinh(integrand, self.low, self.high, rtol=1e-13, atol=1e-18)
        return float(np.sum(found.integral))


class Sum(Truth):
    """The same over whole numbers up to `top`, in doubles or in 30 digits."""

    def __init__(self, log_p: np.ndarray, log_q: np.ndarray) -> None:
        self.log_p, self.log_q = log_p, log_q

    def integral(self, f: Callable[[Any, Any], Any]) -> float:
        with np.errstate(all="ignore"):
            return math.fsum(np.nan_to_num(f(self.log_p, self.log_q), nan=0.0))


KINKS = {"Laplace": "loc", "Triangular": "peak"}


def brute(p: Any, q: Any) -> Truth:
    kinks = [
        float(getattr(f, KINKS[type(f).__name__])) for f in (p, q) if type(f).__name__ in KINKS
    ]
    return Truth(scipy_laws.of(p), scipy_laws.of(q), tuple(kinks))
