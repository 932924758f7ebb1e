"""Certified bounds on the relative entropy of mixtures, from divergences of their components.

With I = Σ π_a D(p_a||P), what a draw tells about its component, the chain rule gives

    D(P||Q) = Σ π_a D(p_a||Q) - I,    P = Σ π_a p_a, Q = Σ ω_b q_b,

and each part has bounds from both sides. From below, D(p_a||Q) is at least Rényi's divergence of
any order α < 1, with Q^(1-α) <= Σ (ω_b q_b)^(1-α), and for normal components Durrieu's bound; from
above at most -log Σ_b ω_b exp(-D(p_a||q_b)), by Jensen's inequality. The same with P for Q is an
upper bound on I; lower ones are Kolchinsky & Tracey's.

Sources: Hershey & Olsen, "Approximating the Kullback Leibler Divergence Between Gaussian Mixture
Models" (2007), sections 6 and 7; Durrieu, Thiran & Kelly, "Lower and upper bounds for approximation
of the Kullback-Leibler divergence between Gaussian mixture models" (2012); Kolchinsky & Tracey,
"Estimating Mixture Entropy with Pairwise Distances" (2017), eq. 10 and 11.
"""

from functools import reduce
from typing import Any

from relentropy import _array
from relentropy._rules import rule_between
from relentropy._scalar import logsumexp
from relentropy.distributions.family import Family
from relentropy.distributions.line import Normal
from relentropy.distributions.mixture import Mixture
from relentropy.distributions.multivariate import MultivariateNormal

Array = Any
INF = float("inf")

ORDERS = (0.25, 0.5, 0.75, 0.9)
"""Orders of Rényi's divergence that are tried; each gives a bound."""
ROUNDS = 60
"""Steps of the variational bound; every step is one."""
ROUNDING = 16.0
"""In units of the last place."""


def mixture_bounds(p: Family, q: Family) -> tuple[Array, Array]:
    """(lower, upper) with lower <= D(P||Q) <= upper, in nats; one side at least is a mixture.

    The pairs of components need a relative entropy; bounds from their Rényi divergences are left
    out where these are not known. With components far apart, or all alike, both ends are close.

    >>> import numpy as np
    >>> from relentropy import Mixture, MultivariateNormal
    >>> near, far = (MultivariateNormal([x, 0.0], np.eye(2)) for x in (0.0, 8.0))
    >>> p, q = Mixture([0.5, 0.5], [near, far]), Mixture([0.25, 0.75], [near, far])
    >>> low, high = mixture_bounds(p, q)
    >>> bool(low <= 0.143841 <= high), bool(high - low < 1e-3)
    (True, True)
    """
    with _array.quiet(p.arrays()[0]):
        return _bounds(_Pairs(p, q), _Pairs(p, p))


def _bounds(between: "_Pairs", within: "_Pairs") -> tuple[Array, Array]:
    xp = _array.namespace(between.relative_entropy)
    at_least, at_most = (_mean(xp, between, f(xp, between)) for f in (_lower, _upper))
    # What a draw tells is at most log K, so that no infinity is taken from another.
    told = _mean(xp, within, _upper(xp, within))
    # A certificate allows for the rounding of differences.
    slack = ROUNDING * xp.finfo(told.dtype).eps * (1 + told)
    lower = xp.maximum(at_least - told, _renyi(xp, between))
    lower = lower - slack - ROUNDING * xp.finfo(told.dtype).eps * xp.where(lower < INF, lower, 0.0)
    upper = xp.minimum(at_most - _lower_information(xp, within) + slack, _variational(xp, between))
    lower = xp.maximum(lower, xp.zeros_like(lower))
    return lower, xp.maximum(upper, lower)


class _Pairs:
    """Two mixtures: the divergences of each component of the first from each of the second."""

    def __init__(self, p: Family, q: Family) -> None:
        (self.first, self.p), (self.second, self.q) = parts(p), parts(q)
        self.relative_entropy = self._table("relative_entropy")
        self.renyi = self._renyi()

    def _table(self, of: str, **options: Any) -> Array:
        """(..., A, B), of the shape of the batch before."""
        rows = [[_answer(of, a, b, **options) for b in self.q] for a in self.p]
        xp = _array.namespace(rows[0][0])
        flat = list(xp.broadcast_arrays(*(x for row in rows for x in row)))
        table = xp.stack(flat, -1)
        return table.reshape(*table.shape[:-1], len(self.p), len(self.q))

    def _renyi(self) -> dict[float, Array]:
        try:
            return {order: self._table("renyi", alpha=order) for order in ORDERS}
        except (LookupError, ArithmeticError):
            return {}


def parts(p: Family) -> tuple[Array, tuple[Family, ...]]:
    """The shares (..., K) and the components."""
    if isinstance(p, Mixture):
        shares = p.shares()
        return _array.namespace(*shares).stack(shares, -1), p.components
    like = p.arrays()[0]
    return _array.constant_like(like, [1.0]), (p,)


def _answer(of: str, p: Family, q: Family, **options: Any) -> Array:
    return rule_between(type(p), type(q), of).function(p, q, **options)


def _mean(xp: Any, pairs: _Pairs, values: Array) -> Array:
    """Σ π_a values_a, where no share is no value however large."""
    some = pairs.first > 0
    return xp.sum(xp.where(some, pairs.first * xp.where(some, values, 0.0), 0.0), axis=-1)


def _log_sum(xp: Any, weights: Array, exponents: Array, power: float = 1.0) -> Array:
    """The log of Σ_b weights_b^power exp(exponents_b)."""
    return logsumexp(xp, power * _log(xp, weights) + exponents)[..., 0]


def _upper(xp: Any, pairs: _Pairs) -> Array:
    """-log Σ_b ω_b exp(-D(p_a||q_b)) >= D(p_a||Q), by Jensen's inequality."""
    return -_log_sum(xp, pairs.second[..., None, :], -pairs.relative_entropy)


def _lower(xp: Any, pairs: _Pairs) -> Array:
    """The best lower bound on D(p_a||Q) that is known, at least 0."""
    if len(pairs.q) == 1:
        return pairs.relative_entropy[..., 0]
    w = pairs.second[..., None, :]
    found = [0.0 * w[..., 0] + xp.zeros_like(pairs.relative_entropy[..., 0])]
    for order, table in pairs.renyi.items():
        beta = 1 - order
        found.append(-_log_sum(xp, w, -beta * table, beta) / beta)
    found += _gaussian(xp, pairs)
    return reduce(xp.maximum, found)


def _gaussian(xp: Any, pairs: _Pairs) -> list[Array]:
    """-H(p_a) - log Σ_b ω_b ∫ p_a q_b, for normal components (Durrieu, Thiran & Kelly, eq. 8)."""
    for kind in (Normal, MultivariateNormal):
        if all(isinstance(f, kind) for f in (*pairs.p, *pairs.q)):
            break
    else:
        return []
    found = []
    for a in pairs.p:
        products = [_log_product(a, b) for b in pairs.q]
        logs = xp.stack(list(xp.broadcast_arrays(*products)), -1)
        found.append(-_answer_one("entropy", a) - _log_sum(xp, pairs.second, logs))
    return [xp.stack(list(xp.broadcast_arrays(*found)), -1)]


def _answer_one(of: str, p: Family) -> Array:
    return rule_between(type(p), None, of).function(p)


def _log_product(a: Any, b: Any) -> Array:
    """The log of ∫ p_a q_b, log N(m_a - m_b; 0, Σ_a + Σ_b)."""
    if isinstance(a, Normal):
        scale = _array.namespace(a.scale).hypot(a.scale, b.scale)
        return Normal(b.loc, scale).log_density(a.loc)
    total = a.scale.dense() + b.scale.dense()
    return MultivariateNormal(b.loc, covariance_matrix=total).log_density(a.loc)


def _lower_information(xp: Any, within: _Pairs) -> Array:
    """-Σ π_a log Σ_c π_c ∫ p_a^α p_c^(1-α) <= I, the best of the orders, at least 0."""
    found = [xp.zeros_like(within.relative_entropy[..., 0, 0])]
    for order, table in within.renyi.items():
        logs = _log_sum(xp, within.first[..., None, :], (order - 1) * table)
        found.append(-_mean(xp, within, logs))
    return reduce(xp.maximum, found)


def _renyi(xp: Any, pairs: _Pairs) -> Array:
    """-log Σ_ab π_a^α ω_b^(1-α) ∫ p_a^α q_b^(1-α) / (1-α), at most D_α(P||Q) <= D(P||Q)."""
    found = [xp.zeros_like(pairs.relative_entropy[..., 0, 0])]
    for order, table in pairs.renyi.items():
        beta = 1 - order
        rows = _log_sum(xp, pairs.second[..., None, :], -beta * table, beta)
        found.append(-_log_sum(xp, pairs.first, rows, order) / beta)
    return reduce(xp.maximum, found)


def _variational(xp: Any, pairs: _Pairs) -> Array:
    """Min over φ, ψ of Σ φ log(φ/ψ) + Σ φ D(p_a||q_b), with row sums π of φ, column sums ω of ψ.

    An upper bound by the log sum inequality, for any φ and ψ with these sums; alternating steps
    only improve it. ψ is constant for differentiation, but for ω (envelope theorem). Source:
    Hershey & Olsen, section 7, eq. 24-26.
    """
    log_p, log_q = _log(xp, pairs.first)[..., None], _log(xp, pairs.second)[..., None, :]
    d = pairs.relative_entropy
    still = [_array.stop_gradient(x) for x in (log_p, log_q, d)]

    def improved(share: Array) -> tuple[Array]:
        """Log ψ/ω for the best φ of a ψ."""
        log_p, log_q, d = still
        free = logsumexp(xp, share + log_q - d)
        reached = free > -INF
        log_phi = share + log_q - d + xp.where(reached, log_p - xp.where(reached, free, 0.0), -INF)
        columns = logsumexp(xp, log_phi.mT).mT
        used = columns > -INF
        return (xp.where(used, log_phi - xp.where(used, columns, 0.0), share),)

    (share,) = _array.repeat(improved, ROUNDS, still[0] + xp.zeros_like(d))
    free = logsumexp(xp, share + log_q - d)[..., 0]
    return _mean(xp, pairs, log_p[..., 0] - free)


def _log(xp: Any, x: Array) -> Array:
    some = x > 0
    return xp.where(some, xp.log(xp.where(some, x, 1.0)), -INF)


__all__ = ["mixture_bounds"]
