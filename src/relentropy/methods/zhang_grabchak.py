"""Zhang & Grabchak's estimator, whose bias decays exponentially on a finite alphabet.

In digammas, with x of n observations in a cell of P's sample and y of m in Q's,

    D̂ = Σ_k x_k/n [ψ(m+1) - ψ(y_k+1) - ψ(n) + ψ(x_k)].

It is written here as the plug-in's cell less that cell's share of the bias, x_k/n [r(n) - r(x_k)]
and so on with r(x) = ψ(x) - log x ≈ -1/2x: the logarithms of large counts never cancel.

Source: Z. Zhang and M. Grabchak, "Nonparametric estimation of Kullback-Leibler divergence",
Neural Computation 26 (2014); for entropies, Z. Zhang, Neural Computation 24 (2012).
"""

import numpy as np
from scipy.special import exp1, gammaln, psi

from relentropy.methods.functionals import (
    JEFFREYS,
    JENSEN_SHANNON,
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


SUMMED_TO = 4096
"""Terms of the series without drift that are summed one by one."""

LISTED_TO = 64
"""Pooled counts for which the mean of a cell of Jensen–Shannon is summed over all splits."""


def null_bias(x: Array, y: Array, functional: Functional) -> Array:
    """The mean of each cell without drift, given the pooled counts z = x + y, N = n + m.

    Under permutation x_k is hypergeometric, and Σ_j [1 - C(M-X, j)/C(M, j)]/j = ψ(X+1) - ψ(1)
    over j = 1..M makes the mean of a cell of relative entropy

        z/N Σ_{j≥z} [C(m, j) - C(n-1, j)] / C(N-1, j) / j.

    It vanishes exponentially with the counts and nearly so for n = m, whatever the counts; it is
    what makes a small sample of many categories look far from a large one of the same
    distribution.
    """
    n, m = float(np.sum(x)), float(np.sum(y))
    z = x + y
    if z.size == 1 or np.min(z) * min(n, m) > 40 * (n + m):  # below exp(-40) of everything
        return np.zeros_like(z)
    if functional is JENSEN_SHANNON:
        return _jensen_shannon_bias(z, n, m)
    bias = _log_tail(m, n + m, z) - _log_tail(n - 1, n + m, z)
    if functional is JEFFREYS:
        bias = bias + _log_tail(n, n + m, z) - _log_tail(m - 1, n + m, z)
    cells: Array = z / (n + m) * bias
    return cells


def _log_tail(part: float, whole: float, z: Array) -> Array:
    """Σ_{j≥z} C(part, j) / C(whole-1, j) / j for whole z >= 1; ψ(whole) - ψ(whole-part) at z = 1.

    Beyond the table the terms are taken to be geometric, as they are up to 1/(whole-part).
    """
    j = np.arange(1.0, SUMMED_TO + 1)
    ratios = np.maximum(part - j + 1, 0.0) / np.maximum(whole - j, 1.0)
    shares = np.cumprod(ratios) / j
    beyond = max(float(psi(whole) - psi(whole - part) - np.sum(shares)), 0.0)
    beyond = beyond if shares[-1] > 0 else 0.0
    # Summed from the far end, so that the small tails are not differences of large numbers.
    table = np.cumsum(shares[::-1])[::-1] + beyond
    near = z <= SUMMED_TO
    value: Array = table[np.where(near, z, 1.0).astype(np.intp) - 1]
    if beyond > 0 and not near.all():
        rate = np.log((whole - 1) / part)
        weight = exp1(rate * (z - 0.5)) / exp1(rate * (SUMMED_TO + 0.5))
        value = np.where(near, value, beyond * weight)
    return np.where(near | (beyond > 0), value, 0.0)


def _jensen_shannon_bias(z: Array, n: float, m: float) -> Array:
    """Small z by summing over all splits; large z from how far the three entropies fall short."""
    near = z <= LISTED_TO
    total, k = np.arange(1.0, LISTED_TO + 1)[:, None], np.arange(LISTED_TO + 1.0)[None]
    rest = np.maximum(total - k, 0.0)
    log_ways = gammaln(total + 1) - gammaln(k + 1) - gammaln(rest + 1)
    log_first, log_second, log_all = (_log_falling(size) for size in (n, m, n + m))
    split = rest.astype(np.intp)
    possible = (k <= total) & (log_first > -np.inf) & (log_second[split] > -np.inf)
    possible &= log_all[1:, None] > -np.inf
    with np.errstate(invalid="ignore"):
        log_mass = log_ways + log_first + log_second[split] - log_all[1:, None]
    mass = np.where(possible, np.exp(np.where(possible, log_mass, 0.0)), 0.0)
    table = np.sum(mass * _jensen_shannon(k + 0.0 * total, rest, n, m), axis=1)
    pooled = np.where(near, 0.5, z / (n + m))
    rate = -np.log1p(-pooled)

    def shortfall(size: float) -> Array:
        """Σ_{v≥size} (1-p)^v / v, for Zhang's entropy from so many observations, over p."""
        value: Array = exp1(rate * (size - 0.5))
        return value

    far = (shortfall(n) + shortfall(m)) / 2 - shortfall(4 / (1 / n + 1 / m))
    return np.where(near, table[np.where(near, z, 1.0).astype(np.intp) - 1], pooled * far)


def _log_falling(size: float) -> Array:
    """Logarithms of size (size-1) ... (size-k+1) for k = 0..64, -inf where that is 0."""
    factors = np.maximum(size - np.arange(LISTED_TO), 0.0)
    with np.errstate(divide="ignore"):
        return np.concatenate([[0.0], np.cumsum(np.log(factors))])
