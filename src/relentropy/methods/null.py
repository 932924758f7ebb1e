"""No drift: how the statistics behave when both samples come from one distribution.

Given the pooled counts z, the first sample is then a multivariate hypergeometric draw from them,
whatever the distribution. Where every cell is expected to hold a few observations on both sides
that draw is summarised by χ²(K-1); otherwise it is drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, chdtri, gammaln, rel_entr, stdtr

from relentropy.methods.functionals import Array, Functional

DENSE = 5.0
"""Expected count per cell and side from which χ² describes the null (Cochran 1954)."""

WORK = 50_000
"""Cells drawn in all, before the least number of draws has its say."""

FEWEST, MOST = 40, 299
"""Draws: enough for a t tail, and enough for one that is not normal."""

CHUNK = 2_000_000
"""Cells held at once."""

HYPERGEOMETRIC_LIMIT = 1_000_000_000
"""NumPy's bound on the pooled sample size of a multivariate hypergeometric draw."""

Counts = npt.NDArray[np.int64]

Cells = Callable[[Array, Array], Array]
"""A statistic: the terms, cell by cell, of counts (x, y) of any one shape. They are summed."""


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


def assess(
    x: Array, y: Array, statistics: Sequence[Cells], rng: Callable[[], np.random.Generator]
) -> Null:
    """Test no drift; where cells are sparse, draw `statistics` under it too.

    `rng` is called once, and only if draws are needed. No cell may be empty on both sides.
    """
    if is_dense(x, y):
        return Null(float(chdtrc(x.size - 1, pearson(x, y))), "chi-square", None)
    ratio = partial(likelihood_ratio, float(np.sum(x)), float(np.sum(y)))
    drawn = simulate(x, y, (ratio, *statistics), rng())
    observed = float(np.sum(ratio(x, y)))
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


def likelihood_ratio(n: float, m: float, x: Array, y: Array) -> Array:
    """The cells of G = 2 n D(x/n ‖ z/N) + 2 m D(y/m ‖ z/N), z = x + y, N = n + m.

    Unlike in Pearson's statistic, one observation in a cell of small expectation does not decide.
    """
    z = x + y
    with np.errstate(divide="ignore", invalid="ignore"):
        cells: Array = 2 * (rel_entr(x, z * (n / (n + m))) + rel_entr(y, z * (m / (n + m))))
    return cells


def simulate(x: Array, y: Array, statistics: Sequence[Cells], rng: np.random.Generator) -> Array:
    """Draws of `statistics` without drift, shape (statistics, draws); bounded work and memory."""
    draws = int(np.clip(WORK // x.size, FEWEST, MOST))
    step = max(1, min(draws, CHUNK // x.size))
    totals = np.empty((len(statistics), draws))
    z = (x + y).astype(np.int64)
    for start in range(0, draws, step):
        stop = min(start + step, draws)
        X, Y = _draw(x, y, stop - start, rng)
        totals[:, start:stop] = tabulated(z, X, Y, statistics)
    return totals


def tabulated(z: Counts, X: Counts, Y: Counts, statistics: Sequence[Cells]) -> Array:
    """The sums of `statistics` over the cells of each draw, shape (statistics, draws).

    Given z a cell's term depends on x only. Sparse cells share few distinct z, and others take few
    values of x: where that makes a table shorter than the draws, terms are looked up in it.
    """
    levels, place = np.unique(z, return_inverse=True)
    low, high = np.full(levels.size, np.iinfo(np.int64).max), np.zeros(levels.size, np.int64)
    np.minimum.at(low, place, X.min(axis=0))
    np.maximum.at(high, place, X.max(axis=0))
    width = high - low + 1
    worth = 2 * width <= len(X) * np.bincount(place)
    if np.sum(z) >= HYPERGEOMETRIC_LIMIT:  # draws whose z varies
        worth[:] = False
    width[~worth] = 0
    starts = np.cumsum(width) - width
    x = np.arange(np.sum(width)) + np.repeat(low - starts, width)
    y = np.repeat(levels, width) - x
    looked_up = worth[place]
    index = X[:, looked_up] + (starts - low)[place[looked_up]]
    pairs = [counts.astype(np.float64) for counts in (x, y, X[:, ~looked_up], Y[:, ~looked_up])]
    return np.array(
        [
            cells(*pairs[:2])[index].sum(axis=-1) + cells(*pairs[2:]).sum(axis=-1)
            for cells in statistics
        ]
    )


def _draw(x: Array, y: Array, size: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    z = (x + y).astype(np.int64)
    n, m = int(np.sum(x)), int(np.sum(y))
    if n + m < HYPERGEOMETRIC_LIMIT:
        # One shuffle of all observations is cheaper than a draw a cell while they are few.
        way: Literal["count", "marginals"] = "count" if n + m < 6 * x.size else "marginals"
        X = rng.multivariate_hypergeometric(z, n, size=size, method=way)
        return X, z - X
    # Beyond NumPy's limit, draw both from the pooled frequencies: the same but for terms of
    # relative order 1/N in the cells that matter here, the sparse ones; z then varies too.
    pooled = z / (n + m)
    return rng.multinomial(n, pooled, size=size), rng.multinomial(m, pooled, size=size)


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

    scale (χ²_{K-1; confidence} - (K-1)) / 2 n_e for a corrected estimate (`centred`), without the
    (K-1) for the plug-in and for smoothing; the quantile of the draws where cells are sparse.
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
