"""Families on an interval: relative entropy within a family, and entropies."""

import math
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, _difference_of_products, log_quotient
from relentropy._special import digamma, i0e, i1e
from relentropy.distributions.interval import (
    Beta,
    ContinuousBernoulli,
    Kumaraswamy,
    LogitNormal,
    Triangular,
    Uniform,
    VonMises,
    log_rate_over_mass,
)
from relentropy.exact.bregman import (
    BERNOULLI,
    by_second_derivative,
    digamma_difference,
    entropy_of_log_gamma,
    even_size,
    log_ratio_given,
    of_log_beta_in_one,
    of_log_gamma_remainder,
    two_points,
)
from relentropy.exact.line import EULER, of_normals

Array = Any


@rule(LogitNormal, LogitNormal)
def logit_normal_logit_normal(p: LogitNormal, q: LogitNormal) -> Array:
    """D = (r² - 1)/2 - log r + δ²/(2 s²), r = σ/s: that of the normal log-odds."""
    return of_normals(p, q)


@rule(Uniform, Uniform)
def uniform_uniform(p: Uniform, q: Uniform) -> Array:
    """D = log((high' - low') / (high - low)); +inf where Q does not cover P."""
    xp = _array.namespace(p.low, q.low)
    covered = (q.low <= p.low) & (p.high <= q.high)
    a, b = xp.where(covered, p.low, 0.0), xp.where(covered, p.high, 1.0)
    a_q, b_q = xp.where(covered, q.low, 0.0), xp.where(covered, q.high, 1.0)
    # What Q has beyond P's two ends, relative to P: two differences that do not cancel.
    x = ((b_q - b) + (a - a_q)) / (b - a)
    near = _array.stop_gradient(x) < 1
    far = log_quotient(xp, xp.where(near, 1.0, b_q - a_q), xp.where(near, 1.0, b - a))
    return xp.where(covered, xp.where(near, xp.log1p(xp.where(near, x, 0.0)), far), INF)


@rule(Uniform, None, of="entropy")
def entropy_of_uniform(p: Uniform) -> Array:
    """H = log(high - low)."""
    return _array.namespace(p.low, p.high).log(p.high - p.low)


@rule(Triangular, None, of="entropy")
def entropy_of_triangular(p: Triangular) -> Array:
    """H = 1/2 + log((high - low)/2), wherever the peak is."""
    return _array.namespace(p.low).log((p.high - p.low) / 2) + 0.5 + 0.0 * p.peak


@rule(Beta, Beta)
def beta_beta(p: Beta, q: Beta) -> Array:
    """D = c' KL(a'/c' ‖ a/c) + J(a', a) + J(b', b) - J(c', c), c = a + b.

    J is the Bregman divergence of log Γ(x) - x log x + x. Below 1/2, where that would cancel, the
    concentrations are changed one after the other:
    D = L(a', a; b) + L(b', b; a') + (b' - b) (ψ(c) - ψ(a' + b)), L that of log Γ(x) - log Γ(x+b).
    """
    xp = _array.namespace(p.concentration1, q.concentration1)
    zero = 0.0 * (sum(p.arrays()) + sum(q.arrays()))
    a, b, a_q, b_q = (x + zero for x in (*p.arrays(), *q.arrays()))
    gap = _difference_of_products(xp, a_q, b, a, b_q)
    return of_betas(a, b, a_q, b_q, a_q - a, b_q - b, gap)


def of_betas(a: Array, b: Array, a_q: Array, b_q: Array, d: Array, e: Array, gap: Array) -> Array:
    """The relative entropy of beta laws of a, b and of a' = a + d, b' = b + e; `gap` is a'b - ab'.

    The arrays have one shape.
    """
    xp = _array.namespace(a)
    smallest = xp.minimum(xp.minimum(a, b), xp.minimum(a_q, b_q))
    small = _array.stop_gradient(smallest) < 0.5
    given = [(a, 1.0), (b, 1.0), (a_q, 1.0), (b_q, 1.0), (d, 0.0), (e, 0.0)]
    large = [xp.where(small, safe, x) for x, safe in (*given, (gap, 0.0))]
    tiny = [xp.where(small, x, safe) for x, safe in given]
    return xp.where(small, _one_by_one(xp, *tiny), _by_shares(xp, *large))


def _by_shares(
    xp: Any, a: Array, b: Array, a_q: Array, b_q: Array, d: Array, e: Array, gap: Array
) -> Array:
    c, c_q = a + b, a_q + b_q
    shares = c_q * two_points(xp, a_q / c_q, a / c, b_q / c_q, b / c, gap / c / c_q)
    steps = [(a_q, a, d), (b_q, b, e), (c_q, c, d + e)]
    first, second, both = (of_log_gamma_remainder(xp, *step) for step in steps)
    return shares + (first + second - both)


def _one_by_one(xp: Any, a: Array, b: Array, a_q: Array, b_q: Array, d: Array, e: Array) -> Array:
    first = of_log_beta_in_one(xp, a_q, a, d, b)
    second = of_log_beta_in_one(xp, b_q, b, e, a_q)
    return first + second - e * digamma_difference(xp, a_q + b, a + b, d)


@rule(Beta, None, of="entropy")
def entropy_of_beta(p: Beta) -> Array:
    """H = h(a) + h(b) - h(c) + ψ(a) + ψ(b) - 2ψ(c), c = a + b, h(x) = x + log Γ(x) - x ψ(x)."""
    a, b = p.concentration1, p.concentration0
    xp, c = _array.namespace(a, b), a + b
    shared = [entropy_of_log_gamma(xp, x) for x in (a, b, c)]
    means = digamma_difference(xp, a, c, -b) + digamma_difference(xp, b, c, -a)
    return shared[0] + shared[1] - shared[2] + means


@rule(Kumaraswamy, None, of="entropy")
def entropy_of_kumaraswamy(p: Kumaraswamy) -> Array:
    """H = 1 - 1/b + (1 - 1/a) (ψ(b+1) + γ) - log(ab)."""
    a, b = p.concentration1, p.concentration0
    xp = _array.namespace(a, b)
    return 1 - 1 / b + (1 - 1 / a) * (digamma(b + 1) + EULER) - xp.log(a) - xp.log(b)


@rule(VonMises, None, of="entropy")
def entropy_of_von_mises(p: VonMises) -> Array:
    """H = log(2π I0(κ)) - κ I1(κ) / I0(κ)."""
    k = p.concentration
    xp, i0, i1 = _array.namespace(k), i0e(k), i1e(k)
    # κ (1 - I1/I0) cancels for large κ, where DLMF 10.40.1 gives its series.
    large = k > 1000
    y = 1 / xp.where(large, k, 1.0)
    far = 1 / 2 + y * (1 / 8 + y * (1 / 8 + y * (25 / 128 + y * (13 / 32))))
    gap = xp.where(large, far, xp.where(large, 0.0, k) * ((i0 - i1) / i0))
    return math.log(2 * math.pi) + xp.log(i0) + gap + 0.0 * p.loc


# --- continuous Bernoulli -----------------------------------------------------------------------


@rule(ContinuousBernoulli, ContinuousBernoulli)
def continuous_bernoulli_continuous_bernoulli(
    p: ContinuousBernoulli, q: ContinuousBernoulli
) -> Array:
    """D = S(η') - S(η) - (η' - η) S'(η), S(η) = log(sinh(η/2) / (η/2)), log-odds η of P, η' of Q.

    Of close ones (η' - η)² ∫ (1-t) S''(η + t (η' - η)) dt.
    """
    n, m, d = p.natural, q.natural, natural_gap(p, q)
    xp = _array.namespace(n, m)
    n, m = n + 0.0 * d, m + 0.0 * d
    size, size_q = even_size(xp, n), even_size(xp, m)
    reach = xp.maximum(xp.minimum(size, size_q) / 2, xp.ones_like(size))
    near = _array.stop_gradient(xp.abs(d) <= reach)
    start = xp.where(near, n, 0.0)
    close = by_second_derivative(xp, lambda x: _bend(xp, x), start, xp.where(near, d, 0.0))
    # S(η) = |η|/2 - log(|η| / (1 - e^-|η|)): the first terms cancel where the signs agree.
    turned = xp.where((n < 0) != (m < 0), size_q, 0.0)
    far = xp.where(n < 0, -d, d) * mean_gap(xp, size)
    far = turned + far + (log_rate_over_mass(xp, size) - log_rate_over_mass(xp, size_q))
    return xp.where(near, close, far)


def natural_gap(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Array:
    """Log-odds of q minus those of p; from probabilities by their exact difference."""
    if p.probs is None or q.probs is None:
        return q.natural - p.natural
    xp = _array.namespace(p.probs, q.probs)
    a, b = p.probs, q.probs
    return log_ratio_given(xp, b, a, b - a) - log_ratio_given(xp, 1 - b, 1 - a, a - b)


def mean_gap(xp: Any, n: Array) -> Array:
    """1/η - 1/(e^η - 1), η >= 0: the mean distance from the end where the density is largest.

    Below 1 by the series of 1/2 - S'(η).
    """
    near = n < 1
    small, large = xp.where(near, n, 0.0), xp.where(near, 1.0, n)
    series, z = 0.0, small * small
    for c in reversed(BERNOULLI):
        series = series * z + c
    return xp.where(near, 0.5 - small * series, 1 / large - 1 / xp.expm1(large))


def _bend(xp: Any, n: Array) -> Array:
    """S''(η) = 1/η² - 1/(2 sinh(η/2))²; its series below 1."""
    size = even_size(xp, n)
    near = size < 1
    small, large = xp.where(near, n, 0.0), xp.where(near, 1.0, size)
    series, z = 0.0, small * small
    for j, c in reversed(list(enumerate(BERNOULLI))):
        series = series * z + (2 * j + 1) * c
    rest = xp.exp(-large)
    return xp.where(near, series, 1 / large**2 - rest / (1 - rest) ** 2)


@rule(ContinuousBernoulli, None, of="entropy")
def entropy_of_continuous_bernoulli(p: ContinuousBernoulli) -> Array:
    """H = log(2 sinh(η/2) / η) - η S'(η), S'(η) = coth(η/2)/2 - 1/η, log-odds η."""
    xp = _array.namespace(p.natural)
    n = even_size(xp, p.natural)
    return n * mean_gap(xp, n) - log_rate_over_mass(xp, n)
