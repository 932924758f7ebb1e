"""Zhang & Grabchak's estimator, whose bias decays exponentially on a finite alphabet.

In digammas, with x of n observations in a cell of P's sample and y of m in Q's,

    D̂ = Σ_k x_k/n [ψ(m+1) - ψ(y_k+1) - ψ(n) + ψ(x_k)].

It is written here as the plug-in's cell less that cell's share of the bias, x_k/n [r(n) - r(x_k)]
and so on with r(x) = ψ(x) - log x ≈ -1/2x: the logarithms of large counts never cancel.

Source: Z. Zhang and M. Grabchak, "Nonparametric estimation of Kullback-Leibler divergence",
Neural Computation 26 (2014); for entropies, Z. Zhang, Neural Computation 24 (2012).
"""

import numpy as np
from scipy.special import exp1, psi

from relentropy.methods.functionals import (
    JEFFREYS,
    JENSEN_SHANNON,
    RELATIVE_ENTROPY,
    Array,
    Functional,
    jensen_shannon_terms,
    relative_entropy_terms,
)
from relentropy.methods.null import by_lookup

SERIES_FROM = 32.0
"""From here four terms of the asymptotic series of ψ(x) - log x are exact in double precision."""


def terms(x: Array, y: Array, functional: Functional) -> Array:
    """The cells of the corrected estimate, shape (K,); their sum is about unbiased, so may be < 0.

    A cell's term is p log(p/q) - p + q at the observed frequencies less its share of the bias:
    zero on average where P and Q agree, of either sign there.
    """
    if functional is JEFFREYS:
        return _relative_entropy(x, y) + _relative_entropy(y, x)
    if functional is JENSEN_SHANNON:
        return _jensen_shannon(x, y)
    return _relative_entropy(x, y)


def remainder(x: Array) -> Array:
    """ψ(x) - log x for x > 0, about -1/2x."""
    large = x >= SERIES_FROM
    small = np.where(large, 1.0, x)
    u = 1 / np.where(large, x, SERIES_FROM) ** 2
    series = -u * (1 / 12 - u * (1 / 120 - u * (1 / 252 - u / 240)))
    return np.where(large, series - 0.5 * np.sqrt(u), psi(small) - np.log(small))


def _relative_entropy(x: Array, y: Array) -> Array:
    n, m = np.sum(x), np.sum(y)
    p, q = x / n, y / m
    both, only_p = (x > 0) & (y > 0), (x > 0) & (y == 0)
    x1, y1 = np.where(x > 0, x, 1.0), np.where(y > 0, y, 1.0)
    bias = remainder(y1) + 1 / y1 - remainder(x1) + remainder(n) - remainder(m) - 1 / m
    seen = relative_entropy_terms(np.where(only_p, 0.0, p), q) - np.where(both, p * bias, 0.0)
    # log q of a cell that Q's sample never showed is ψ(1) - ψ(m+1): about one in 1.8 m.
    unseen = p * (psi(x1) - psi(n) + psi(m + 1) - psi(1.0)) - p
    return np.where(only_p, unseen, seen)


def _jensen_shannon(x: Array, y: Array) -> Array:
    """½ p [ψ(x) - ψ(n)] + ½ q [ψ(y) - ψ(m)] - M [log M + r(z) - r(N)], M = (p+q)/2.

    z and N are the numbers of observations that carry as much information on M, mean²/variance:
    x + y and n + m when n = m, whence it is Zhang's entropy of the pooled sample.
    """
    n, m = np.sum(x), np.sum(y)
    p, q = x / n, y / m
    middle = (p + q) / 2
    whole = 4 / (1 / n + 1 / m)
    spread = x / n**2 + y / m**2
    part = np.where(middle > 0, 4 * middle**2 / np.where(spread > 0, spread, 1.0), 1.0)
    x1, y1 = np.where(x > 0, x, 1.0), np.where(y > 0, y, 1.0)
    own = p * (remainder(x1) - remainder(n)) + q * (remainder(y1) - remainder(m))
    pooled = middle * (remainder(np.where(part > 0, part, 1.0)) - remainder(whole))
    return jensen_shannon_terms(p, q) + own / 2 - pooled


def null_bias(x: Array, y: Array, functional: Functional) -> Array:
    """What each cell is on average where P = Q, at these sample sizes and the pooled frequencies.

    Zhang's entropy from n observations falls short by B(n) = Σ p Σ_{v≥n} (1-p)^v / v; of relative
    entropy B(n) - B(m+1) remains. It vanishes exponentially with the counts and, for
    n = m, whatever the counts; it is what makes a small sample of many categories look far from a
    large one of the same distribution. The sum over v is the integral from v - ½, to O(1/n²).
    """
    n, m = float(np.sum(x)), float(np.sum(y))
    pooled = (x + y) / (n + m)
    with np.errstate(divide="ignore"):
        rate = -np.log1p(-pooled)

    def shortfall(size: float) -> Array:
        cells: Array = pooled * exp1(rate * max(size - 0.5, 0.5))
        return cells

    if functional is RELATIVE_ENTROPY:
        return shortfall(n) - shortfall(m + 1)
    if functional is JEFFREYS:
        return shortfall(n) - shortfall(n + 1) + shortfall(m) - shortfall(m + 1)
    return (shortfall(n) + shortfall(m)) / 2 - shortfall(4 / (1 / n + 1 / m))


def totals(x: Array, y: Array, functional: Functional) -> Array:
    """The estimates of many pairs of samples of the same sizes, (draws, K) -> (draws,)."""
    n, m = np.sum(x[0]), np.sum(y[0])
    if functional is JENSEN_SHANNON:
        middle = (x / n + y / m) / 2
        spread = x / n**2 + y / m**2
        part = 4 * middle**2 / np.where(spread > 0, spread, 1.0)
        own = np.sum(by_lookup(_x_psi, x), axis=-1) / n + np.sum(by_lookup(_x_psi, y), axis=-1) / m
        logs = np.log(np.where(middle > 0, middle, 1.0)) + remainder(np.where(part > 0, part, 1.0))
        whole = remainder(4 / (1 / n + 1 / m))
        js: Array = (own - psi(n) - psi(m)) / 2 - np.sum(middle * logs, axis=-1) + whole
        return js
    value = _relative_entropy_totals(x, y)
    if functional is JEFFREYS:
        value = value + _relative_entropy_totals(y, x)
    return value


def _relative_entropy_totals(x: Array, y: Array) -> Array:
    n, m = np.sum(x[0]), np.sum(y[0])
    own = np.sum(by_lookup(_x_psi, x), axis=-1)
    cross = np.einsum("ij,ij->i", x, by_lookup(_psi_above, y))
    value: Array = (own - cross) / n + psi(m + 1) - psi(n)
    return value


def _x_psi(x: Array) -> Array:
    value: Array = x * psi(np.where(x > 0, x, 1.0))
    return value


def _psi_above(y: Array) -> Array:
    value: Array = psi(y + 1)
    return value
