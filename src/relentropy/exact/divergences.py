"""The neighbours of relative entropy on a finite alphabet, one value a row, in nats.

All start from `ratio(p, q)`: the normalised p and q, their difference and t = log(p/q), each
free of cancellation, so that close distributions keep their digits in every divergence.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._scalar import (
    INF,
    NEAR,
    excess,
    g,
    is_near,
    log_ratio,
    logsumexp,
    rho,
)
from relentropy.distributions.discrete import Discrete, Weights
from relentropy.exact.discrete import (
    centred_log_ratio,
    log_weights,
    pair_totals,
    relative_entropy_on_support,
)

Array = Any


OVERFLOW = 40.0
"""Above exp(40) a sum of exponentials is taken as a logsumexp, lest it leave float32."""


class Ratio(NamedTuple):
    """Normalised p and q, p - q, and t = log(p/q): 0 where both are 0, ±inf where one is."""

    xp: Any
    p: Array
    q: Array
    difference: Array
    t: Array


def ratio(p: Discrete, q: Discrete) -> Ratio:
    xp = _array.namespace(p.values)
    if isinstance(p, Weights) and isinstance(q, Weights):
        return _ratio_of_weights(xp, p, q)
    return _ratio_of_logs(xp, log_weights(p), log_weights(q))


def _ratio_of_weights(xp: Any, p: Weights, q: Weights) -> Ratio:
    totals = pair_totals(p, q)
    x, y = p.values, q.values
    near = is_near(xp, x, y, totals)
    relative = excess(xp, xp.where(near, x, 1.0), xp.where(near, y, 1.0), totals)
    both = (x > 0) & (y > 0)
    t = log_ratio(xp, xp.where(both, x, 1.0), xp.where(both, y, 1.0), totals)
    u, v = x / totals.p, y / totals.q
    return Ratio(xp, u, v, xp.where(near, v * relative, u - v), _at_zeros(xp, t, x > 0, y > 0))


def _ratio_of_logs(xp: Any, a: Array, b: Array) -> Ratio:
    in_p, in_q = a > -INF, b > -INF
    both, infinite = in_p & in_q, xp.any(in_p & ~in_q, axis=-1, keepdims=True)
    centred = centred_log_ratio(xp, a, b)
    of_p, of_q = centred.of_p, centred.of_q
    p, q = centred.p, of_q.share
    difference = xp.where(both, a, 0.0) - xp.where(both, b, 0.0)
    normalisers = (of_q.top - of_p.top) + (of_q.log_total(xp) - of_p.log_total(xp))
    # t = u + D where both are at hand, otherwise from the difference of the normalisers.
    d = relative_entropy_on_support(xp, centred)
    t = xp.where(centred.common & ~infinite, centred.u + d, difference + normalisers)
    near = centred.common & (xp.abs(_array.stop_gradient(t)) < 1)
    gap = xp.where(near, -p * xp.expm1(-xp.where(near, t, 0.0)), p - q)
    return Ratio(xp, p, q, gap, _at_zeros(xp, t, in_p, in_q))


def _at_zeros(xp: Any, t: Array, in_p: Array, in_q: Array) -> Array:
    """The log-ratio with its constants outside the common support."""
    outside = xp.where(in_p, INF, xp.where(in_q, -INF, xp.zeros_like(t)))
    return xp.where(in_p & in_q, t, outside)


def jensen_shannon_of(r: Ratio, weight: float) -> Array:
    """W D(P||M) + (1-w) D(Q||M), M = wP + (1-w)Q."""
    if weight in (0, 1):
        # A side of no weight is left out, not multiplied by 0: it may be infinite.
        return r.xp.sum(0.0 * r.difference, axis=-1)
    return weight * (1 - weight) * scaled_jensen_shannon_of(r, weight)


def scaled_jensen_shannon_of(r: Ratio, weight: float) -> Array:
    """Jensen-Shannon over w (1-w), 0 < w < 1: tends to D(P||Q) for w → 0, D(Q||P) for w → 1.

    With ρ(z) = 1 - log(1+z)/z it is Σ (p-q) [ρ(m/q - 1) - ρ(m/p - 1)], since m - q = w (p-q) and
    m - p = (1-w) (q-p): no division by w, and both terms have the sign of p - q.
    """
    if weight > 0.5:  # then log(m/p) would cancel for p >> q
        return scaled_jensen_shannon_of(swapped(r), 1 - weight)
    xp, w, t = r.xp, weight, r.t
    size = _array.stop_gradient(t)
    middle = xp.abs(size) <= STEEP
    t1 = xp.where(middle, t, 1.0)
    y, x = w * xp.expm1(t1), (1 - w) * xp.expm1(-t1)
    log_m_q = xp.log1p(y)
    value = _rho(xp, y, log_m_q) - _rho(xp, x, log_m_q - t1)
    above = _steep_rho(xp, w, xp.where((size > STEEP) & (size < INF), t, 2 * STEEP))
    below = xp.where((size < -STEEP) & (size > -INF), t, -2 * STEEP)
    log_1w = math.log1p(-w)
    below = log_1w / w + (log_1w - below) * xp.exp(below) / (1 - w)
    value = xp.where(middle, value, xp.where(size > 0, above, below))
    value = xp.where(size == INF, -math.log(w) / (1 - w), value)
    value = xp.where(size == -INF, log_1w / w, value)
    return xp.sum(r.difference * value, axis=-1)


def slopes_of_jensen_shannon(r: Ratio, weight: float) -> tuple[Array, tuple[Array, Array]]:
    """`jensen_shannon_of` with its derivatives towards logits, 0 < w < 1.

    ∂/∂a = w p (s - E_p[s]), s = log(p/m), and of Q the same with 1-w; where P and Q are close,
    E_p[s] is second order and s first, so that the difference keeps its digits.
    """
    xp, w = r.xp, weight
    to_a = w * _about_mean(r.p, _log_to_mixture(xp, w, r.t, r.p))
    to_b = (1 - w) * _about_mean(r.q, _log_to_mixture(xp, 1 - w, -r.t, r.q))
    return jensen_shannon_of(r, w), (to_a, to_b)


def _about_mean(p: Array, s: Array) -> Array:
    """P (s - E_p[s]), also where p is nearly 1 in one cell, from which s is measured."""
    xp = _array.namespace(p)
    s = s - _array.entries(s, _array.first_largest(_array.stop_gradient(p)))
    return p * (s - xp.sum(p * s, axis=-1, keepdims=True))


def _log_to_mixture(xp: Any, w: float, t: Array, p: Array) -> Array:
    """log(p/m) = -log(1 + (1-w) (exp(-t) - 1)) with t = log(p/q), and 0 where p = 0."""
    there = p > 0
    steep = there & (t < -STEEP)
    middle = xp.expm1(-xp.where(there & ~steep, t, 0.0))
    above = xp.where(steep, t, 0.0) - math.log1p(-w)
    return xp.where(steep, above, -xp.log1p((1 - w) * middle))


STEEP = 40.0
"""Beyond exp(40) ratios are taken as logarithms: in every dtype 1 + exp(-40) is 1."""


def _rho(xp: Any, z: Array, log_1z: Array) -> Array:
    """1 - log(1+z)/z, given the logarithm."""
    near = xp.abs(_array.stop_gradient(z)) < NEAR
    far = 1 - log_1z / xp.where(near, 1.0, z)
    return xp.where(near, rho(xp, xp.where(near, z, 0.0)), far)


def _steep_rho(xp: Any, w: float, t: Array) -> Array:
    """ρ(m/q - 1) - ρ(m/p - 1) for t = log(p/q) > 40, where m/q = 1 + w exp(t) may overflow."""
    log_m_p = xp.logaddexp(xp.full_like(t, math.log(w)), math.log1p(-w) - t)
    log_y = t + math.log(w)
    far = _array.stop_gradient(log_y) > math.log(NEAR)
    rho_far = 1 - (t + log_m_p) * xp.exp(-xp.where(far, log_y, 0.0))
    rho_near = rho(xp, xp.exp(xp.where(far, -INF, log_y)))
    return xp.where(far, rho_far, rho_near) - (1 + log_m_p / (1 - w))


def affinity_deficit(r: Ratio, beta: Any) -> tuple[Array, Array]:
    """1 - Σ p^(1-β) q^β from terms of one sign, and Σ p^(1-β) q^β itself, for 0 < β <= 1 or β < 0.

    The terms are (1-β)p + βq - p^(1-β) q^β: with g(t) = exp(-t) - 1 + t they are
    p [β g(t) - g(βt)] for small t and β (q - p) - p expm1(-βt) for others.
    """
    xp = r.xp
    common = (r.p > 0) & (r.t < INF)
    t = xp.where(common, r.t, 0.0)
    size = _array.stop_gradient(t)
    small, steep = xp.abs(size) < 1, size < -30
    t1, t2 = xp.where(small, t, 0.0), xp.where(small | steep, 0.0, t)
    log_p = xp.log(xp.where(common, r.p, 1.0))
    mass = xp.where(common, xp.exp(log_p - beta * t), 0.0)
    near = r.p * (beta * g(xp, t1) - g(xp, beta * t1))
    far = beta * (r.q - r.p) + xp.where(steep, r.p - mass, -r.p * xp.expm1(-beta * t2))
    alone = xp.where(r.p > 0, (1 - beta) * r.p, beta * r.q)
    terms = xp.where(common, xp.where(small, near, far), alone)
    return xp.sum(terms, axis=-1), xp.sum(mass, axis=-1)


def renyi_of(r: Ratio, alpha: float) -> Array:
    """log(Σ p^α q^(1-α)) / (α - 1); -log Q(p > 0) at 0, log max p/q at infinity."""
    xp, beta = r.xp, 1 - alpha
    if alpha == 0:
        return _minus_log_covered(r)
    if alpha == INF:
        return xp.max(r.t, axis=-1)
    if alpha < 0.5:
        return renyi_of(swapped(r), beta) * (alpha / beta)
    value = -_log_affinity(r, beta) / beta
    if alpha < 1:
        return value
    common = (r.p > 0) & (r.t < INF)
    log_p = xp.log(xp.where(common, r.p, 1.0))
    exponent = xp.where(common, log_p - beta * xp.where(common, r.t, 0.0), -INF)
    huge = xp.max(_array.stop_gradient(exponent), axis=-1) > OVERFLOW
    value = xp.where(huge, -logsumexp(xp, exponent)[..., 0] / beta, value)
    return xp.where(_uncovered(r), INF, value)


def _minus_log_covered(r: Ratio) -> Array:
    """-log Q(p > 0), from the smaller of Q(p > 0) and Q(p = 0)."""
    xp = r.xp
    inside, outside = (xp.sum(xp.where(c, r.q, 0.0), axis=-1) for c in (r.p > 0, ~(r.p > 0)))
    return -_log_of_share(xp, inside, outside)


def _uncovered(r: Ratio) -> Array:
    """Rows in which P has mass where Q has none."""
    return r.xp.any(r.t == INF, axis=-1)


def tsallis_of(r: Ratio, alpha: float) -> Array:
    """(Σ p^α q^(1-α) - 1) / (α - 1), α != 1."""
    if alpha == 0:
        return r.xp.sum(r.xp.where(r.p > 0, 0.0, r.q), axis=-1)
    if alpha < 0.5:
        return tsallis_of(swapped(r), 1 - alpha) * (alpha / (1 - alpha))
    value = affinity_deficit(r, 1 - alpha)[0] / (1 - alpha)
    return value if alpha < 1 else r.xp.where(_uncovered(r), INF, value)


def swapped(r: Ratio) -> Ratio:
    return Ratio(r.xp, r.q, r.p, -r.difference, -r.t)


def hellinger_of(r: Ratio) -> Array:
    """sqrt(1 - Σ √(pq)); the gradient at 0 is 0 by convention."""
    xp = r.xp
    square = affinity_deficit(r, 0.5)[0]
    positive = _array.stop_gradient(square) > 0
    return xp.where(positive, xp.sqrt(xp.where(positive, square, 1.0)), 0.0)


def total_variation_of(r: Ratio) -> Array:
    """½ Σ |p - q|."""
    return r.xp.sum(r.xp.abs(r.difference), axis=-1) / 2


def chi_square_of(r: Ratio) -> Array:
    """Σ (p - q)² / q; from p exp(t) where q leaves the range of the dtype; no gradient at +inf."""
    xp = r.xp
    regular = r.q >= _array.smallest_normal(r.q)
    near = r.difference * (r.difference / xp.where(regular, r.q, 1.0))
    tiny = ~regular & (r.p > 0) & (r.t < INF)
    log_p = xp.log(xp.where(tiny, r.p, 1.0))
    far = xp.where(tiny, xp.exp(log_p + xp.where(tiny, r.t, 0.0)) - 2 * r.p + r.q, r.q)
    return xp.where(_uncovered(r), INF, xp.sum(xp.where(regular, near, far), axis=-1))


def chernoff_of(r: Ratio) -> Array:
    """Max over α in [0, 1] of -log Σ p^α q^(1-α), by bisection on the slope -E_α[t].

    The maximum is flat, so α to a square root of the precision is enough; α is constant for
    differentiation (envelope theorem: first derivatives are exact). The slope Σ p^α q^(1-α) t would
    cancel where P and Q are close: with Σ (q - p) = 0 it is Σ p [g(t) + t expm1(-βt)] there.
    """
    xp = r.xp
    p, q, t = (_array.stop_gradient(x) for x in (r.p, r.q, r.t))
    both = (p > 0) & (q > 0)
    log_p, t = xp.log(xp.where(both, p, 1.0)), xp.where(both, t, 0.0)
    apart = xp.any(((p > 0) != (q > 0)) | (xp.abs(t) > NEAR), axis=-1, keepdims=True)
    small = xp.where(apart, 0.0, t)
    first = g(xp, small)

    def halve(low: Array, high: Array) -> tuple[Array, Array]:
        beta = (low + high) / 2
        exponent = xp.where(both, log_p - beta * t, -INF)
        top = xp.max(exponent, axis=-1, keepdims=True)
        mass = xp.exp(exponent - xp.where(top > -INF, top, 0.0))
        terms = xp.where(apart, mass * t, p * (first + small * xp.expm1(-beta * small)))
        rising = xp.sum(terms, axis=-1, keepdims=True) > 0
        return xp.where(rising, beta, low), xp.where(rising, high, beta)

    zero = xp.sum(0.0 * p, axis=-1, keepdims=True)
    low, high = _array.repeat(halve, 40, zero, zero + 1.0)
    return -_log_affinity(r, (low + high) / 2)


def _log_affinity(r: Ratio, beta: Any) -> Array:
    """Log Σ p^(1-β) q^β with one β for all, or (..., 1) for each row."""
    deficit, affinity = affinity_deficit(r, beta)
    return _log_of_share(r.xp, affinity, deficit)


def _log_of_share(xp: Any, share: Array, rest: Array) -> Array:
    """log(share), from whichever of the share and the rest, 1 - share, is the smaller."""
    far = _array.stop_gradient(rest) > 0.5
    return xp.where(far, xp.log(xp.where(far, share, 1.0)), xp.log1p(-xp.where(far, 0.0, rest)))


def f_divergence_of(r: Ratio, f: Callable[[Array], Array], at_infinity: float | None) -> Array:
    """Σ q f(p/q), plus `at_infinity` = lim f(x)/x times P's mass where p/q is out of range.

    Where q leaves the range of the dtype and p/q does not, q f(p/q) = p f(x)/x.
    """
    xp = r.xp
    steep, common = _steep(r), (r.p > 0) & (r.t < INF)
    x = xp.exp(xp.where(common & ~steep, r.t, 0.0))
    x = xp.where((r.p > 0) | (r.q == 0), x, 0.0)
    regular = (r.q >= _array.smallest_normal(r.q)) | (r.p == 0)
    weight = xp.where(regular, r.q, r.p / xp.where(regular, 1.0, x))
    inside = xp.sum(xp.where((weight > 0) & ~steep, weight * f(x), 0.0), axis=-1)
    outside = steep_mass_of(r)
    slope = float("nan") if at_infinity is None else at_infinity
    if slope == INF:  # of what is merely out of range nothing is known
        slope = xp.where(_uncovered(r), INF, xp.full_like(outside, float("nan")))
    extra = xp.where(outside > 0, slope * xp.where(outside > 0, outside, 1.0), 0.0)
    return inside + extra


def _steep(r: Ratio) -> Array:
    """Where P has mass and p/q is infinite or beyond the largest number."""
    limit = -math.log(_array.smallest_normal(r.p)) - 1
    return (r.p > 0) & (_array.stop_gradient(r.t) > limit)


def steep_mass_of(r: Ratio) -> Array:
    """P's mass where p/q is infinite or beyond the largest number."""
    return r.xp.sum(r.xp.where(_steep(r), r.p, 0.0), axis=-1)


def lower_bound_of(r: Ratio) -> Array:
    """The largest of 2 V², -log(1 - V²) and Rényi's divergence of order 1/2.

    1 - V² = (1 - V)(1 + V) with 1 - V = Σ min(p, q): V itself may round to 1.
    """
    xp, v = r.xp, total_variation_of(r)
    overlap = xp.sum(xp.minimum(r.p, r.q), axis=-1)
    bretagnolle_huber = -_log_of_share(xp, overlap * (1 + v), v**2)
    return xp.maximum(xp.maximum(2 * v**2, bretagnolle_huber), renyi_of(r, 0.5))
