"""The sampling variance of an estimate away from no drift, from each sample's part.

Two accounts of the same thing, of which the larger counts. The delete-one jackknife of the
corrected estimate follows it where counts are few, but is blind to the cells a sample never
showed; the delta method at smoothed frequencies sees those, and smooths the rest away.
"""

import numpy as np

from relentropy.methods import smoothing, zhang_grabchak
from relentropy.methods.functionals import Array, Functional


def variance(x: Array, y: Array, functional: Functional) -> float:
    """Variance due to P's sample plus variance due to Q's, no cell empty on both sides."""
    n, m = float(np.sum(x)), float(np.sum(y))
    p, q = smoothing.probabilities(x, n, x.size), smoothing.probabilities(y, m, y.size)
    a, b = functional.influence(p, q)
    first = max(_variance(p, a) / n, _jackknife_first(x, y, n, m, functional))
    second = max(_variance(q, b) / m, _jackknife_second(x, y, n, m, functional))
    return first + second


def _variance(weights: Array, values: Array) -> float:
    return float(weights @ (values - weights @ values) ** 2)


def _jackknife_first(x: Array, y: Array, n: float, m: float, functional: Functional) -> float:
    """(n-1)/n Σ_i (D̂_{-i} - mean)²: leaving one out moves its own cell, and all cells alike."""
    seen = x > 0
    x, y, rest = x[seen], y[seen], max(n - 1, 1.0)
    with_it = zhang_grabchak.terms(x, y, rest, m, functional)
    without = zhang_grabchak.terms(x - 1, y, rest, m, functional)
    return rest * _variance(x / n, with_it - without)


def _jackknife_second(x: Array, y: Array, n: float, m: float, functional: Functional) -> float:
    seen = y > 0
    x, y, rest = x[seen], y[seen], max(m - 1, 1.0)
    with_it = zhang_grabchak.terms(x, y, n, rest, functional)
    without = zhang_grabchak.terms(x, y - 1, n, rest, functional)
    return rest * _variance(y / m, with_it - without)
