"""Bregman divergences F(b) - F(a) - (b - a) F'(a) of convex functions, from terms >= 0 alone.

The relative entropy between members of an exponential family is one, of its log-normaliser.
Each function here takes the difference of its arguments apart, since that is exact where
they are close, and loses no digit there: nowhere are two large terms subtracted.
"""

import math
from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy._scalar import NEAR, g, kl_div_given, log_quotient, rho
from relentropy._special import digamma, log_gamma

Array = Any


def even_size(xp: Any, x: Array) -> Array:
    """|x|, of the derivative 1 at 0, so that smooth even functions of it keep their second one."""
    return xp.where(x < 0, -x, x)


def excess_over_log(xp: Any, x: Array, log_v: Array) -> Array:
    """X - log(1 + x) >= 0; `log_v` is log(1 + x) where |x| >= 1/4."""
    near = xp.abs(_array.stop_gradient(x)) < NEAR
    small = xp.where(near, x, 0.0)
    return xp.where(near, small * rho(xp, small), x - log_v)


def of_minus_log(xp: Any, b: Array, a: Array, d: Array | None = None) -> Array:
    """Of -log, from a to b = a + d: b/a - 1 - log(b/a), Itakura and Saito's divergence."""
    x = (b - a if d is None else d) / a
    near = xp.abs(_array.stop_gradient(x)) < NEAR
    log_v = log_quotient(xp, xp.where(near, 1.0, b), xp.where(near, 1.0, a))
    return excess_over_log(xp, x, log_v)


def of_x_log_x(xp: Any, b: Array, a: Array, d: Array | None = None) -> Array:
    """Of x log x, from a > 0 to b = a + d >= 0: b log(b/a) - b + a."""
    x = (b - a if d is None else d) / a
    near = xp.abs(_array.stop_gradient(x)) < NEAR
    far = ~near & (b > 0)
    t = log_quotient(xp, xp.where(far, b, 1.0), xp.where(far, a, 1.0))
    return kl_div_given(xp, b, a, near, xp.where(near, x, 0.0), t)


def of_exp(xp: Any, u: Array) -> Array:
    """Of exp, from 0 to u: exp(u) - 1 - u."""
    return g(xp, -u)


_MOVES = 12
"""Γ is moved up by so many steps before Stirling's series is used."""

# B(2j) / (2j (2j - 1)) of the powers m = 2j - 1 of 1/x; what the next adds after the moves is lost.
_STIRLING = {1: 1 / 12, 3: -1 / 360, 5: 1 / 1260, 7: -1 / 1680, 9: 1 / 1188}


def of_log_gamma_remainder(xp: Any, b: Array, a: Array, d: Array | None = None) -> Array:
    """Of log Γ(x) - x log x + x, from a > 0 to b = a + d > 0.

    Γ(x+1) = x Γ(x) moves both up: what is left at each step is (x+1) log(1 + 1/x) - 1, of which
    the divergence is (b+1) (v - log(1 + v)), v = (b-a) / (a (b+1)). At the top there is that of
    -log(x)/2, and Stirling's series: of 1/x^m it is (b-a)² Σ_k (m-k) / (a^(m-k+1) b^(k+1)).
    """
    d = b - a if d is None else d
    a, b, d = (x + 0.0 * (a + b + d) for x in (a, b, d))

    def step(a: Array, b: Array, d: Array) -> Array:
        above = b + 1
        log_v = xp.log(b / above * (1 + 1 / a))
        return above * excess_over_log(xp, d / above / a, log_v)

    total = _over_moves(xp, step, (a, b), (d,))
    a, b = a + _MOVES, b + _MOVES
    total = total + of_minus_log(xp, b, a, d) / 2
    return total + (d / a) * (d / b) * _stirling_terms(1 / a, 1 / b)


def _over_moves(
    xp: Any, step: Callable[..., Array], moving: tuple[Array, ...], still: tuple[Array, ...]
) -> Array:
    """The sum of step(x + j, ..., y, ...) over the moves j, of arrays of one shape.

    On an axis of their own, since a loop would be ten times the code to compile; in a loop for
    large arrays of NumPy, which would otherwise be made ten times as large.
    """
    if _array.is_numpy(moving[0]) and moving[0].size > 4096:
        return sum(step(*(x + j for x in moving), *still) for j in range(_MOVES))
    moves = _array.constant_like(moving[0], [float(j) for j in range(_MOVES)])
    terms = step(*(x[..., None] + moves for x in moving), *(x[..., None] for x in still))
    return xp.sum(terms, axis=-1)


def _stirling_terms(alpha: Array, beta: Array) -> Array:
    """Σ_m c_m w_m, w_m = Σ_k (m-k) α^(m-k) β^k, over the powers m of Stirling's series.

    w_(m+1) = α (w_m + s_m) with s_m = Σ_k α^(m-k) β^k, s_(m+1) = α s_m + β^(m+1).
    """
    total, w, s, power = 0.0, 0.0, 1.0, 1.0
    for m in range(1, 10):
        w = alpha * (w + s)
        power = power * beta
        s = alpha * s + power
        if m in _STIRLING:
            total = total + _STIRLING[m] * w
    return total


def of_log_gamma(xp: Any, b: Array, a: Array, d: Array | None = None) -> Array:
    """Of log Γ, from a > 0 to b = a + d > 0."""
    return of_x_log_x(xp, b, a, d) + of_log_gamma_remainder(xp, b, a, d)


def log_ratio_given(xp: Any, b: Array, a: Array, d: Array) -> Array:
    """log(b/a), where they are close from d = b - a."""
    x = d / a
    near = xp.abs(_array.stop_gradient(x)) < NEAR
    far = log_quotient(xp, xp.where(near, 1.0, b), xp.where(near, 1.0, a))
    return xp.where(near, xp.log1p(xp.where(near, x, 0.0)), far)


def digamma_difference(xp: Any, b: Array, a: Array, d: Array) -> Array:
    """ψ(b) - ψ(a), d = b - a, from terms of the sign of d (but for small ones of the series)."""
    total = _over_moves(xp, lambda a, b, d: d / a / b, (a, b), (d,))
    a, b = a + _MOVES, b + _MOVES
    alpha, beta = 1 / a, 1 / b
    # The series has (2j-1) c x^-2j; differences of even powers of α and β, over α² - β².
    series, even, power = 0.0, 1.0, 1.0
    for m, c in _STIRLING.items():
        series = series + m * c * even
        power = power * (beta * beta)
        even = even * (alpha * alpha) + power
    last = d * alpha * beta * (0.5 + (alpha + beta) * series)
    return total + log_ratio_given(xp, b, a, d) + last


def entropy_of_log_gamma(xp: Any, a: Array) -> Array:
    """A + log Γ(a) - a ψ(a): the entropy of the logarithm of a gamma variable of concentration a.

    From 12 on log(2π e / a)/2 and Stirling's series, which do not cancel.
    """
    large = a >= _MOVES
    small, big = xp.where(large, 1.0, a), xp.where(large, a, 1.0)
    z, series = 1 / (big * big), 0.0
    for m, c in reversed(_STIRLING.items()):
        series = series * z + (m + 1) * c
    far = (1 + math.log(2 * math.pi) - xp.log(big)) / 2 + series / big
    return xp.where(large, far, small + log_gamma(small) - small * digamma(small))


def of_log_beta_in_one(xp: Any, q: Array, p: Array, d: Array, b: Array) -> Array:
    """Of log Γ(x) - log Γ(x + b), from p > 0 to q = p + d > 0, for b > 0 of any size.

    The steps of `of_log_gamma_remainder`, now with log((x + b) / x) at each, of which it is
    v - log(1 + v) + b d² / (p (p+b) (q+b)), v = b d / (p (q+b)).
    """

    def step(p: Array, q: Array, d: Array, b: Array) -> Array:
        v = b / (q + b) * (d / p)
        log_v = xp.log(q / (q + b) * (1 + b / p))
        return excess_over_log(xp, v, log_v) + b / (p + b) * (d / p) * (d / (q + b))

    total = _over_moves(xp, step, (p, q), (d, b))
    p, q = p + _MOVES, q + _MOVES
    c, e = p + b, q + b
    total = total + e * two_points(xp, q / e, p / c, b / e, b / c, b / c * (d / e))
    return total + step(p, q, d, b) / 2 + d * d * _stirling_gaps(p, q, b)


def _stirling_gaps(p: Array, q: Array, b: Array) -> Array:
    """αβ Σ c_m w_m of `_stirling_terms` at 1/p and 1/q, minus that at 1/(p+b) and 1/(q+b).

    Each quantity is carried with its difference, all of which are positive.
    """
    alpha, beta, alpha_b, beta_b = 1 / p, 1 / q, 1 / (p + b), 1 / (q + b)
    gap_alpha, gap_beta = b * alpha * alpha_b, b * beta * beta_b
    w, s, power, power_b = 0.0, 1.0, 1.0, 1.0
    gap_w, gap_s, gap_power = 0.0, 0.0, 0.0
    total, gap = 0.0, 0.0
    for m in range(1, 10):
        w, gap_w = alpha * (w + s), gap_alpha * (w + s) + alpha_b * (gap_w + gap_s)
        power, gap_power = power * beta, gap_power * beta + power_b * gap_beta
        power_b = power_b * beta_b
        s, gap_s = alpha * s + power, gap_alpha * s + alpha_b * gap_s + gap_power
        if m in _STIRLING:
            total, gap = total + _STIRLING[m] * w, gap + _STIRLING[m] * gap_w
    return alpha * beta * gap + (gap_alpha * beta + alpha_b * gap_beta) * (total - gap)


def two_points(
    xp: Any, p: Array, q: Array, rest_p: Array, rest_q: Array, d: Array, logs: Any = (None, None)
) -> Array:
    """Relative entropy of the probabilities (p, rest_p) and (q, rest_q), d = p - q; 0 log 0 = 0.

    `logs` are log(p/q) and log(rest_p/rest_q), where they are known better than from these.
    """
    return _share(xp, p, q, d, logs[0]) + _share(xp, rest_p, rest_q, -d, logs[1])


def _share(xp: Any, p: Array, q: Array, d: Array, log_ratio: Array | None) -> Array:
    """P log(p/q) - p + q, d = p - q; q at p = 0, +inf at q = 0 < p."""
    x = d / xp.where(q > 0, q, 1.0)
    near = (p > 0) & (q > 0) & (xp.abs(_array.stop_gradient(x)) < NEAR)
    far = ~near & (p > 0)
    if log_ratio is None:
        log_ratio = log_quotient(xp, xp.where(far, p, 1.0), xp.where(far, q, 1.0))
    t = xp.where(far, log_ratio, 0.0)
    return kl_div_given(xp, p, q, near, xp.where(near, x, 0.0), t)


# Gauss and Legendre's 12 nodes and weights on the unit interval.
_NODES = [
    0.0092196828766403747,
    0.047941371814762572,
    0.11504866290284766,
    0.20634102285669128,
    0.3160842505009099,
    0.43738329574426554,
    0.56261670425573446,
    0.6839157494990901,
    0.79365897714330872,
    0.88495133709715234,
    0.95205862818523743,
    0.99078031712335963,
]
_WEIGHTS = [
    0.023587668193255914,
    0.053469662997659215,
    0.080039164271673113,
    0.10158371336153296,
    0.1167462682691774,
    0.12457352290670139,
    0.12457352290670139,
    0.1167462682691774,
    0.10158371336153296,
    0.080039164271673113,
    0.053469662997659215,
    0.023587668193255914,
]


def by_second_derivative(xp: Any, second: Callable[[Array], Array], a: Array, d: Array) -> Array:
    """Of any F, from a to a + d: d² ∫ (1-t) F''(a + t d) dt, by Gauss and Legendre's rule.

    To 1e-16 if F'' has no singularity within a distance |d| of the interval.
    """
    nodes, weights = (_array.constant_like(d, x) for x in (_NODES, _WEIGHTS))
    a, step = a + 0.0 * d, d + 0.0 * a
    along = second(a[..., None] + nodes * step[..., None])
    return d * d * xp.sum(weights * (1 - nodes) * along, axis=-1)


def mean_along(f: Callable[[Array], Array], a: Array, d: Array) -> Array:
    """∫ f(a + t d) dt from 0 to 1, by the same rule."""
    nodes, weights = (_array.constant_like(d, x) for x in (_NODES, _WEIGHTS))
    a, step = a + 0.0 * d, d + 0.0 * a
    along = f(a[..., None] + nodes * step[..., None])
    return _array.namespace(d).sum(weights * along, axis=-1)


BERNOULLI = (
    1 / 12,
    -1 / 720,
    1 / 30240,
    -1 / 1209600,
    1 / 47900160,
    -691 / 1307674368000,
    1 / 74724249600,
    -3617 / 10670622842880000,
    43867 / 5109094217170944000,
    -174611 / 802857662698291200000,
)
"""B(2j) / (2j)!, j = 1, 2, ..."""
