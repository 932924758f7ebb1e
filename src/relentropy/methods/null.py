"""No drift: how the statistics behave when both samples come from one distribution.

Given the pooled counts z, the first sample is then a multivariate hypergeometric draw from them,
whatever the distribution. Where every cell is expected to hold a few observations on both sides
that draw is summarised by χ²(K-1); otherwise it is drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, chdtri, gammaln, stdtr, xlogy

from relentropy.methods.functionals import Array, Functional

DENSE = 5.0
"""Expected count per cell and side from which χ² describes the null (Cochran 1954)."""

WORK = 100_000
"""Cells drawn in all, before the least number of draws has its say."""

FEWEST, MOST = 64, 999
"""Draws: enough for a t tail, and as many as a permutation test usually takes."""

CHUNK = 2_000_000
"""Cells held at once."""

HYPERGEOMETRIC_LIMIT = 1_000_000_000
"""NumPy's bound on the pooled sample size of a multivariate hypergeometric draw."""

Statistic = Callable[[Array, Array], Array]
"""(X, Y), shapes (draws, K) -> one number per draw."""


@dataclass(frozen=True)
class Null:
    """The distribution of the statistics without drift, for one pair of samples.

    Attributes:
        p_value: the probability of samples at least as different as these.
        method: how it was found, in words.
        draws: the values of each statistic asked for, shape (statistics, draws); None if dense.
    """

    p_value: float
    method: str
    draws: Array | None


def is_dense(x: Array, y: Array) -> bool:
    """Whether every cell is expected to hold at least 5 observations on the smaller side."""
    n, m = np.sum(x), np.sum(y)
    return bool(np.min(x + y) * min(n, m) >= DENSE * (n + m))


def test(
    x: Array, y: Array, statistics: Sequence[Statistic], rng: Callable[[], np.random.Generator]
) -> Null:
    """Test no drift; where cells are sparse, draw `statistics` under it too.

    `rng` is called once, and only if draws are needed. No cell may be empty on both sides.
    """
    if is_dense(x, y):
        return Null(float(chdtrc(x.size - 1, pearson(x, y))), "chi-square", None)
    drawn = simulate(x, y, (likelihood_ratio, *statistics), rng())
    observed = float(likelihood_ratio(x[None], y[None])[0])
    p_value, tail = tail_probability(observed, drawn[0])
    method = f"permutation, {drawn.shape[1]} draws" + (" and a fitted tail" if tail else "")
    return Null(p_value, method, drawn[1:])


def pearson(x: Array, y: Array) -> float:
    """Pearson's statistic of homogeneity, nm Σ (x/n - y/m)² / (x+y).

    Its mean without drift is K-1 but for a factor N/(N-1), whatever the counts; that of the
    likelihood ratio is a few per cent larger at an expected count of 5, an alarm in 13 instead
    of 20 at K = 100.
    """
    n, m = np.sum(x), np.sum(y)
    return float(n * m * np.sum((x / n - y / m) ** 2 / (x + y)))


def likelihood_ratio(x: Array, y: Array) -> Array:
    """G = 2 n D(x/n ‖ z/N) + 2 m D(y/m ‖ z/N), z = x + y, shape (draws, K) -> (draws,).

    Unlike Pearson's, one observation in a cell of small expectation does not decide it.
    """
    n, m = np.sum(x[0]), np.sum(y[0])
    z = x[0] + y[0]
    own = np.sum(by_lookup(_xlogx, x) + by_lookup(_xlogx, y), axis=-1)
    shared = np.sum(_xlogx(z)) + _xlogx(n) + _xlogx(m) - _xlogx(n + m)
    g: Array = 2 * (own - shared)
    return g


def _xlogx(x: Array) -> Array:
    value: Array = xlogy(x, x)
    return value


def by_lookup(function: Callable[[Array], Array], counts: Array) -> Array:
    """`function` of whole numbers, from a table where that is shorter than the array."""
    top = int(counts.max(initial=0.0))
    if top < counts.size:
        return function(np.arange(top + 1, dtype=np.float64))[counts.astype(np.intp)]
    return function(counts)


def simulate(
    x: Array, y: Array, statistics: Sequence[Statistic], rng: np.random.Generator
) -> Array:
    """Draws of `statistics` without drift, shape (statistics, draws); bounded work and memory."""
    draws = int(np.clip(WORK // x.size, FEWEST, MOST))
    step = max(1, min(draws, CHUNK // x.size))
    parts = []
    for start in range(0, draws, step):
        X, Y = _draw(x, y, min(step, draws - start), rng)
        parts.append([statistic(X, Y) for statistic in statistics])
    return np.concatenate([np.asarray(part) for part in parts], axis=1)


def _draw(x: Array, y: Array, size: int, rng: np.random.Generator) -> tuple[Array, Array]:
    z = (x + y).astype(np.int64)
    n, m = int(np.sum(x)), int(np.sum(y))
    if n + m < HYPERGEOMETRIC_LIMIT:
        # One shuffle of all observations is cheaper than a draw a cell while they are few.
        way = "count" if n + m < 6 * x.size else "marginals"
        X = rng.multivariate_hypergeometric(z, n, size=size, method=way).astype(np.float64)
        return X, z - X
    # Beyond NumPy's limit, draw both from the pooled frequencies: the same but for terms of
    # relative order 1/N in the cells that matter here, the sparse ones.
    pooled = z / (n + m)
    X = rng.multinomial(n, pooled, size=size).astype(np.float64)
    return X, rng.multinomial(m, pooled, size=size).astype(np.float64)


def tail_probability(observed: float, drawn: Array) -> tuple[float, bool]:
    """P(G ≥ observed) by rank, (1 + hits)/(1 + draws), and whether a tail had to be fitted.

    Where no draw reaches `observed` the cube root is referred to Student's t (Wilson & Hilferty:
    the cube root of a χ² is close to normal), if that is smaller: many columns need p-values
    below 1/(draws + 1).
    """
    draws = drawn.size
    hits = int(np.sum(drawn >= observed * (1 - 1e-12) - 1e-9))
    rank = (1 + hits) / (1 + draws)
    root = np.cbrt(np.maximum(drawn, 0.0))
    spread = float(np.std(root, ddof=1)) * np.sqrt(1 + 1 / draws)
    if hits or spread == 0:
        return rank, False
    t = (np.cbrt(observed) - np.mean(root)) / spread
    fitted = float(stdtr(draws - 1, -t))
    return min(rank, fitted), fitted < rank


def variance(x: Array, y: Array, functional: Functional, drawn: Array | None) -> float:
    """The variance of the estimate without drift; scale² (K-1) / 2 n_e², n_e = nm/(n+m)."""
    if drawn is None:
        n, m = np.sum(x), np.sum(y)
        return float(functional.scale**2 * (x.size - 1) * (1 / n + 1 / m) ** 2 / 2)
    finite = drawn[np.isfinite(drawn)]
    return float(np.var(finite, ddof=1)) if finite.size > 1 else 0.0


def floor(
    x: Array,
    y: Array,
    functional: Functional,
    drawn: Array | None,
    confidence: float,
    centred: bool,
) -> float:
    """The value that the estimate stays below with probability `confidence` without drift.

    scale (χ²_{K-1; confidence} - (K-1)) / 2 n_e for a corrected estimate, without the (K-1) for
    the plug-in; the quantile of the draws where cells are sparse.
    """
    if drawn is not None:
        return max(float(np.quantile(drawn, confidence, method="higher")), 0.0)
    n, m = np.sum(x), np.sum(y)
    df = x.size - 1
    excess = float(chdtri(df, 1 - confidence)) - (df if centred else 0)
    return max(functional.scale * excess * (1 / n + 1 / m) / 2, 0.0)


def expected_unseen_mass(x: Array, y: Array) -> float:
    """E Σ_{y_k = 0} x_k/n without drift: Σ_k z_k/n C(n, z_k)/C(N, z_k), z = x + y, N = n + m.

    All z_k observations of a cell fall to the first sample, or else the second shows the cell.
    """
    n, m = np.sum(x), np.sum(y)
    z = x + y
    z = z[z <= n]
    below = gammaln(n + 1) - gammaln(n - z + 1) - gammaln(n + m + 1) + gammaln(n + m - z + 1)
    return float(np.sum(z / n * np.exp(np.minimum(below, 0.0))))
