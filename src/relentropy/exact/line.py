"""Families on the whole line: relative entropy within a family, and entropies.

In the formulas of two members p and q of a location-scale family, σ and s are the scales of P and
of Q, and δ is the distance of their locations.
"""

import math
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, log_quotient, log_ratio
from relentropy._special import digamma
from relentropy.distributions.line import (
    HALF_LOG_2PI,
    AsymmetricLaplace,
    Cauchy,
    Gumbel,
    Laplace,
    Logistic,
    Moyal,
    Normal,
    StudentT,
)
from relentropy.exact.bregman import (
    entropy_of_log_gamma,
    even_size,
    of_exp,
    of_log_gamma,
    of_minus_log,
    two_points,
)
from relentropy.kernels import normals

Array = Any

EULER = 0.5772156649015329
DIGAMMA_THREE_HALVES = 2 - EULER - 2 * math.log(2)


def of_scales(a: Array, b: Array) -> Array:
    """(r² - 1)/2 - log r for r = a/b: with r = 1 + x it is x²/2 + (x - log(1 + x))."""
    xp = _array.namespace(a, b)
    x = (a - b) / b
    return x * x / 2 + of_minus_log(xp, a, b)


def of_normals(p: Any, q: Any) -> Array:
    """The relative entropy of normals of those `loc` and `scale`."""
    xs = (p.loc, p.scale, q.loc, q.scale)
    if _array.is_numpy(p.scale) and max(x.size for x in xs) >= normals.MANY:
        return _of_many_normals(*xs)
    return _of_normals(*xs)


def _of_normals(loc: Array, scale: Array, loc_q: Array, scale_q: Array) -> Array:
    shift = (loc - loc_q) / scale_q
    return of_scales(scale, scale_q) + shift * shift / 2


def _of_many_normals(*xs: Array) -> Array:
    import numpy as np

    xs = tuple(np.broadcast_arrays(*xs))
    value, in_range = normals.of_normals(*xs)
    if not in_range:
        odd = ~(value < INF)
        value[odd] = _of_normals(*(x[odd] for x in xs))
    return value


@rule(Normal, Normal)
def normal_normal(p: Normal, q: Normal) -> Array:
    """D = (r² - 1)/2 - log r + δ²/(2 s²), r = σ/s."""
    return of_normals(p, q)


@rule(Normal, None, of="entropy")
def entropy_of_normal(p: Normal) -> Array:
    """H = log σ + log(2π e)/2."""
    return _array.namespace(p.scale).log(p.scale) + (HALF_LOG_2PI + 0.5) + 0.0 * p.loc


@rule(StudentT, None, of="entropy")
def entropy_of_student_t(p: StudentT) -> Array:
    """H = h(b) - h(b+½) + (1 + log(πν) - ψ(b))/2 + log σ, b = ν/2, h(x) = x + log Γ(x) - xψ(x)."""
    xp, b = _array.namespace(p.scale), p.df / 2
    tail = entropy_of_log_gamma(xp, b) - entropy_of_log_gamma(xp, b + 0.5)
    return (
        tail
        + (1 + math.log(math.pi) + xp.log(p.df) - digamma(b)) / 2
        + xp.log(p.scale)
        + 0.0 * p.loc
    )


@rule(Cauchy, Cauchy)
def cauchy_cauchy(p: Cauchy, q: Cauchy) -> Array:
    """D = log(((σ+s)² + δ²) / (4σs)). Chyzak and Nielsen (2019), equation 1."""
    return of_cauchy(p.scale, q.scale, p.loc - q.loc)


def of_cauchy(a: Array, b: Array, distance: Array) -> Array:
    """log(1 + x), x = ((a-b)² + δ²) / (4ab), where x is large from the logarithms of its parts."""
    xp = _array.namespace(a, b)
    x = ((a - b) / a * ((a - b) / b) + distance / a * (distance / b)) / 4
    near = _array.stop_gradient(x) < 1e4
    a1, b1, d1 = (xp.where(near, 1.0, v) for v in (a, b, distance))
    reach = xp.hypot(a1 / 2 + b1 / 2, d1 / 2)
    far = log_quotient(xp, reach, a1) + log_quotient(xp, reach, b1)
    return xp.where(near, xp.log1p(xp.where(near, x, 0.0)), far)


@rule(Cauchy, None, of="entropy")
def entropy_of_cauchy(p: Cauchy) -> Array:
    """H = log(4π σ)."""
    return _array.namespace(p.scale).log(p.scale) + math.log(4 * math.pi) + 0.0 * p.loc


@rule(Laplace, Laplace)
def laplace_laplace(p: Laplace, q: Laplace) -> Array:
    """D = r (exp(-t) - 1 + t) + r - 1 - log r, r = σ/s, t = |δ|/σ."""
    xp = _array.namespace(p.scale, q.scale)
    t = even_size(xp, p.loc - q.loc) / p.scale
    return p.scale / q.scale * of_exp(xp, -t) + of_minus_log(xp, p.scale, q.scale)


@rule(Laplace, None, of="entropy")
def entropy_of_laplace(p: Laplace) -> Array:
    """H = 1 + log(2σ)."""
    return _array.namespace(p.scale).log(p.scale) + (1 + math.log(2)) + 0.0 * p.loc


@rule(AsymmetricLaplace, AsymmetricLaplace)
def asymmetric_laplace_asymmetric_laplace(p: AsymmetricLaplace, q: AsymmetricLaplace) -> Array:
    """D = KL(w‖w') + Σ w (e^u - 1 - u) + (M²/ch)(e^-t - 1 + t) + (w - w')δ/h, sides of weight w.

    The sides of P have the means A = σκ and B = σ/κ, the weights w = A/(A+B) and 1 - w, and
    u = log(A/A'), log(B/B'). M is the mean of the side of P towards Q, c = A + B, t = |δ|/M,
    and h = s / (κ' + 1/κ').
    """
    xp = _array.namespace(p.scale, q.scale)
    k, k_q = p.asymmetry, q.asymmetry
    c, c_q = k + 1 / k, k_q + 1 / k_q
    w, rest, w_q, rest_q = k / c, 1 / k / c, k_q / c_q, 1 / k_q / c_q
    # w - w' = (κ² - κ'²) / ((1 + κ²)(1 + κ'²))
    gap = (k - k_q) / k * ((k + k_q) / k_q) / (c * c_q)
    log_scale, log_k = log_ratio(xp, p.scale, q.scale), log_ratio(xp, k, k_q)
    shape = w * of_exp(xp, log_scale + log_k) + rest * of_exp(xp, log_scale - log_k)
    distance, reach = q.loc - p.loc, q.scale / c_q
    mean = p.scale * xp.where(distance < 0, k, 1 / k)
    shift = mean / p.scale / c * (mean / reach) * of_exp(xp, -even_size(xp, distance) / mean)
    return two_points(xp, w, w_q, rest, rest_q, gap) + shape + shift + distance / reach * gap


@rule(AsymmetricLaplace, None, of="entropy")
def entropy_of_asymmetric_laplace(p: AsymmetricLaplace) -> Array:
    """H = 1 + log(σ (κ + 1/κ))."""
    xp, k = _array.namespace(p.scale), p.asymmetry
    return 1 + xp.log(p.scale) + xp.log(k + 1 / k) + 0.0 * p.loc


@rule(Logistic, None, of="entropy")
def entropy_of_logistic(p: Logistic) -> Array:
    """H = 2 + log σ."""
    return _array.namespace(p.scale).log(p.scale) + 2 + 0.0 * p.loc


def of_powers_of_gamma(
    xp: Any, a: float, digamma_above: float, shift: Array, k_p: Array, k_q: Array
) -> Array:
    """Relative entropy of laws under which c x^k is gamma of one concentration a.

    D = a (e^u - 1 - u) + a Z + (ρ - 1 - log ρ), ρ = k'/k, Z = B(a+ρ, a+1) with B that of log Γ,
    u = shift + log Γ(a+ρ) - log Γ(a+1), where shift is log of c' x^k' / (c x^k)^ρ and
    digamma_above = ψ(a+1).
    """
    x = (k_q - k_p) / k_p
    z = of_log_gamma(xp, x + (a + 1), xp.full_like(x, a + 1), x)
    u = shift + z + x * digamma_above
    return a * (of_exp(xp, u) + z) + of_minus_log(xp, k_q, k_p)


@rule(Gumbel, Gumbel)
def gumbel_gumbel(p: Gumbel, q: Gumbel) -> Array:
    """D = e^u - 1 - u + B(1+r, 2) + r - 1 - log r, r = σ/s, u = δ/s + log Γ(1+r); B of log Γ."""
    xp = _array.namespace(p.scale, q.scale)
    shift = (q.loc - p.loc) / q.scale
    # exp(-x) is Weibull with the power 1/σ.
    return of_powers_of_gamma(xp, 1.0, 1 - EULER, shift, q.scale, p.scale)


@rule(Gumbel, None, of="entropy")
def entropy_of_gumbel(p: Gumbel) -> Array:
    """H = log σ + γ + 1."""
    return _array.namespace(p.scale).log(p.scale) + (EULER + 1) + 0.0 * p.loc


@rule(Moyal, Moyal)
def moyal_moyal(p: Moyal, q: Moyal) -> Array:
    """D = (e^u - 1 - u + B(½+r, 3/2))/2 + r - 1 - log r, r = σ/s; B of log Γ.

    u = δ/s + (r - 1) log 2 + log Γ(½+r) - log Γ(3/2): exp(-x) is a power of a gamma variable.
    """
    xp = _array.namespace(p.scale, q.scale)
    shift = (q.loc - p.loc + (p.scale - q.scale) * math.log(2)) / q.scale
    return of_powers_of_gamma(xp, 0.5, DIGAMMA_THREE_HALVES, shift, q.scale, p.scale)


@rule(Moyal, None, of="entropy")
def entropy_of_moyal(p: Moyal) -> Array:
    """H = log σ + (1 + γ + log(4π))/2."""
    constant = (1 + EULER + math.log(4 * math.pi)) / 2
    return _array.namespace(p.scale).log(p.scale) + constant + 0.0 * p.loc
