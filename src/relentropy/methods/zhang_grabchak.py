"""Zhang & Grabchak's estimator, whose bias decays exponentially on a finite alphabet.

In digammas, with x of n observations in a cell of P's sample and y of m in Q's,

    D̂ = Σ_k x_k/n [ψ(m+1) - ψ(y_k+1) - ψ(n) + ψ(x_k)].

It is written here as the plug-in's cell less that cell's share of the bias, x_k/n [r(n) - r(x_k)]
and so on with r(x) = ψ(x) - log x ≈ -1/2x: the logarithms of large counts never cancel.

Source: Z. Zhang and M. Grabchak, "Nonparametric estimation of Kullback-Leibler divergence",
Neural Computation 26 (2014); for entropies, Z. Zhang, Neural Computation 24 (2012).
"""

import numpy as np
from scipy.special import exp1, gammaln, psi, xlogy

from relentropy.methods.functionals import (
    JEFFREYS,
    JENSEN_SHANNON,
    RELATIVE_ENTROPY,
    Array,
    Functional,
    jensen_shannon_terms,
    relative_entropy_terms,
)

SERIES_FROM = 32.0
"""From here four terms of the asymptotic series of ψ(x) - log x are exact in double precision."""


def terms(x: Array, y: Array, n: float, m: float, functional: Functional) -> Array:
    """The cells of the corrected estimate; their sum is about unbiased, so it may be below 0.

    A cell's term is p log(p/q) - p + q at the observed frequencies less its share of the bias:
    zero on average where P and Q agree, of either sign there.
    """
    if functional is JEFFREYS:
        return _relative_entropy(x, y, n, m) + _relative_entropy(y, x, m, n)
    if functional is JENSEN_SHANNON:
        return _jensen_shannon(x, y, n, m)
    return _relative_entropy(x, y, n, m)


def remainder(x: Array) -> Array:
    """ψ(x) - log x for x > 0, about -1/2x."""
    large = x >= SERIES_FROM
    small = np.where(large, 1.0, x)
    u = 1 / np.where(large, x, SERIES_FROM) ** 2
    series = -u * (1 / 12 - u * (1 / 120 - u * (1 / 252 - u / 240)))
    return np.where(large, series - 0.5 * np.sqrt(u), psi(small) - np.log(small))


def _remainder(size: float) -> float:
    return float(remainder(np.asarray(size)))


def _relative_entropy(x: Array, y: Array, n: float, m: float) -> Array:
    p, q = x / n, y / m
    both, only_p = (x > 0) & (y > 0), (x > 0) & (y == 0)
    x1, y1 = np.where(x > 0, x, 1.0), np.where(y > 0, y, 1.0)
    sizes = _remainder(n) - _remainder(m) - 1 / m
    bias = remainder(y1) + 1 / y1 - remainder(x1) + sizes
    seen = relative_entropy_terms(np.where(only_p, 0.0, p), q) - np.where(both, p * bias, 0.0)
    # log q of a cell that Q's sample never showed is ψ(1) - ψ(m+1): about one in 1.8 m.
    unseen = p * (psi(x1) - psi(n) + psi(m + 1) - psi(1.0)) - p
    return np.where(only_p, unseen, seen)


def _jensen_shannon(x: Array, y: Array, n: float, m: float) -> Array:
    """½ p [ψ(x) - ψ(n)] + ½ q [ψ(y) - ψ(m)] - M [log M + r(z) - r(N)], M = (p+q)/2.

    z and N are the numbers of observations that carry as much information on M, mean²/variance:
    x + y and n + m when n = m, whence it is Zhang's entropy of the pooled sample.
    """
    p, q = x / n, y / m
    middle = (p + q) / 2
    whole = 4 / (1 / n + 1 / m)
    spread = x / n**2 + y / m**2
    part = np.where(middle > 0, 4 * middle**2 / np.where(spread > 0, spread, 1.0), 1.0)
    x1, y1 = np.where(x > 0, x, 1.0), np.where(y > 0, y, 1.0)
    own = p * (remainder(x1) - _remainder(n)) + q * (remainder(y1) - _remainder(m))
    pooled = middle * (remainder(np.where(part > 0, part, 1.0)) - _remainder(whole))
    return jensen_shannon_terms(p, q) + own / 2 - pooled


EXACT_TO = 64
"""Pooled counts whose mean without drift is summed exactly; beyond, from an integral."""


def null_bias(x: Array, y: Array, functional: Functional) -> Array:
    """The mean of each cell without drift, given the pooled counts z, to O(1/N).

    With r = n/N and x ~ Binomial(z, r), E ψ(x+1) = ψ(1) + Σ_{j≤z} [1 - (1-r)^j]/j, so the mean of
    a cell of relative entropy is z/N Σ_{j≥z} [(1-r)^j - r^j]/j. It vanishes exponentially with the
    counts and, for n = m, whatever the counts; it is what makes a small sample of many categories
    look far from a large one of the same distribution.
    """
    n, m = float(np.sum(x)), float(np.sum(y))
    z = x + y
    if functional is RELATIVE_ENTROPY and z.size > 1:
        return z / (n + m) * (_log_tail(m / (n + m), z) - _log_tail(n / (n + m), z))
    if functional is JEFFREYS or z.size == 1:
        return np.zeros_like(z)
    return _jensen_shannon_bias(z, n, m)


def _log_tail(a: float, z: Array) -> Array:
    """Σ_{j≥z} a^j / j for whole z >= 1; from 64 the integral from z - ½, to 1e-5 relative."""
    j = np.arange(1, EXACT_TO + 1)
    rate = -np.log(a)
    # Summed from the far end, so that the small tails are not differences of large numbers.
    beyond = exp1(rate * (EXACT_TO + 0.5))
    table = np.append(np.cumsum((a**j / j)[::-1])[::-1] + beyond, beyond)
    near = z <= EXACT_TO
    index = np.where(near, z, 1).astype(np.intp) - 1
    return np.where(near, table[index], exp1(rate * (np.where(near, 1.0, z) - 0.5)))


def _jensen_shannon_bias(z: Array, n: float, m: float) -> Array:
    """Small z by summing over the binomial; large z from the shortfalls of the three entropies."""
    share = n / (n + m)
    near = z <= EXACT_TO
    total, k = np.arange(1, EXACT_TO + 1)[:, None], np.arange(EXACT_TO + 1)[None]
    rest = np.maximum(total - k, 0)
    log_mass = gammaln(total + 1) - gammaln(k + 1) - gammaln(rest + 1)
    log_mass = log_mass + xlogy(k, share) + xlogy(rest, 1 - share)
    mass = np.where(k <= total, np.exp(log_mass), 0.0)
    cells = _jensen_shannon(k + 0.0 * total, rest.astype(np.float64), n, m)
    table = np.sum(mass * cells, axis=1)
    pooled = np.where(near, 0.5, z / (n + m))
    rate = -np.log1p(-pooled)

    def shortfall(size: float) -> Array:
        value: Array = exp1(rate * (size - 0.5))
        return value

    far = (shortfall(n) + shortfall(m)) / 2 - shortfall(4 / (1 / n + 1 / m))
    return np.where(near, table[np.where(near, z, 1).astype(np.intp) - 1], pooled * far)
