"""Expectations about a place m: distances, exp(-t (x-m)), cos(x-m), log(1 + ((x-m)/c)²)."""

import math
from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy._special import erf, i0e, i1e, log_gamma, log_ndtr, softplus
from relentropy.distributions.interval import (
    ContinuousBernoulli,
    Triangular,
    Uniform,
    VonMises,
    log_rate_over_mass,
)
from relentropy.distributions.line import (
    HALF_LOG_2PI,
    AsymmetricLaplace,
    Cauchy,
    Gumbel,
    Laplace,
    Logistic,
    Moyal,
    Normal,
)
from relentropy.distributions.positive import (
    Chi2,
    Exponential,
    Gamma,
    HalfNormal,
    LogNormal,
    Maxwell,
    Rayleigh,
)
from relentropy.distributions.power_law import GeneralizedPareto, Pareto
from relentropy.distributions.truncated import TruncatedNormal
from relentropy.exact.expectations import Sized, exp_of, known_by, with_parameters
from relentropy.exact.moments import gamma_form

Array = Any
Function = Callable[..., Any]


# --- E[exp(-t (x - m))] -------------------------------------------------------------------------


@known_by(
    "decay",
    *(Normal, Laplace, AsymmetricLaplace, Logistic, Gumbel, Moyal),
    *(Exponential, Gamma, Chi2, HalfNormal, Uniform, ContinuousBernoulli, TruncatedNormal),
)
def _decay(p: Any, t: Array, m: Array) -> Sized:
    return exp_of(_array.namespace(t), *_LOG_DECAYS[type(p)](p, t, m))


def _decay_of_normal(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    return -t * (p.loc - m), (t * p.scale) ** 2 / 2


def _decay_of_laplace(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    return -t * (p.loc - m), -_array.namespace(t).log1p(-((t * p.scale) ** 2))


def _decay_of_asymmetric_laplace(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    xp, k, u = _array.namespace(t), p.asymmetry, t * p.scale
    return -t * (p.loc - m), -xp.log1p(u / k), -xp.log1p(-u * k)


def _decay_of_logistic(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    u = t * p.scale
    return -t * (p.loc - m), log_gamma(1 - u), log_gamma(1 + u)


def _decay_of_gumbel(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    return -t * (p.loc - m), log_gamma(1 + t * p.scale)


def _decay_of_moyal(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    u = t * p.scale
    return -t * (p.loc - m), u * math.log(2), log_gamma(0.5 + u), -math.log(math.pi) / 2


def _decay_of_gamma(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    _, a, log_c = gamma_form(p)
    xp = _array.namespace(t)
    return t * m, -a * xp.log1p(t * xp.exp(-log_c))


def _decay_of_half_normal(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    u = t * p.scale
    return t * m, math.log(2), u * u / 2, log_ndtr(-u)


def _decay_of_uniform(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    xp, w = _array.namespace(t), t * (p.high - p.low)
    return -t * (p.low - m), -log_rate_over_mass(xp, w)


def _decay_of_continuous_bernoulli(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    xp, n = _array.namespace(t), p.natural
    tilted = n - t
    positive = [xp.where(x > 0, x, 0.0) for x in (tilted, n)]
    norms = [log_rate_over_mass(xp, xp.abs(x)) for x in (tilted, n)]
    return t * m, positive[0] - positive[1], -norms[0], norms[1]


def _decay_of_truncated_normal(p: Any, t: Array, m: Array) -> tuple[Any, ...]:
    """The mass of the tilted normal, whose middle is t σ² further down, over that of P."""
    tilted = with_parameters(p, loc=p.loc - t * p.scale**2)
    xp = _array.namespace(t)
    masses = [f._log_mass(xp) for f in (tilted, p)]
    z, y = ((f._nearest_end(xp)[0] - f.loc) / f.scale for f in (tilted, p))
    shift = -t * (p.loc - m) + (t * p.scale) ** 2 / 2
    return shift, -z * z / 2, masses[0], y * y / 2, -masses[1]


_LOG_DECAYS: dict[type, Function] = {
    Normal: _decay_of_normal,
    Laplace: _decay_of_laplace,
    AsymmetricLaplace: _decay_of_asymmetric_laplace,
    Logistic: _decay_of_logistic,
    Gumbel: _decay_of_gumbel,
    Moyal: _decay_of_moyal,
    **dict.fromkeys((Exponential, Gamma, Chi2), _decay_of_gamma),
    HalfNormal: _decay_of_half_normal,
    Uniform: _decay_of_uniform,
    ContinuousBernoulli: _decay_of_continuous_bernoulli,
    TruncatedNormal: _decay_of_truncated_normal,
}


# --- E[high (x - m)] above m, E[low (m - x)] below -----------------------------------------------


def _sides(below: Array, above: Array, blur: Array, low: Array, high: Array) -> Sized:
    """From E of both distances, each with an absolute error of some roundings of `blur`."""
    return Sized(low * below + high * above, (low + high) * blur)


@known_by("sides", Normal)
def _sides_of_normal(p: Normal, m: Array, low: Array, high: Array) -> Sized:
    d = (m - p.loc) / p.scale
    xp = _array.namespace(d)
    bump, slope = xp.exp(-d * d / 2 - HALF_LOG_2PI), d * erf(d * math.sqrt(0.5)) / 2
    mean = p.scale * (bump + slope)
    blur = p.scale * (bump + abs(d))
    return _sides(mean + (m - p.loc) / 2, mean - (m - p.loc) / 2, blur, low, high)


@known_by("sides", Laplace)
def _sides_of_laplace(p: Laplace, m: Array, low: Array, high: Array) -> Sized:
    d = p.loc - m
    xp = _array.namespace(d, p.scale)
    beyond = p.scale / 2 * xp.exp(-abs(d) / p.scale)
    above, below = (xp.where(s * d > 0, s * d, 0.0) + beyond for s in (1, -1))
    return _sides(below, above, abs(d) + p.scale, low, high)


@known_by("sides", AsymmetricLaplace)
def _sides_of_asymmetric_laplace(p: AsymmetricLaplace, m: Array, low: Array, high: Array) -> Sized:
    k, d = p.asymmetry, m - p.loc
    xp = _array.namespace(k, d)
    means = p.scale * k, p.scale / k
    # Beyond m on the side where m is, and the rest by the mean.
    up = d > 0
    mean = xp.where(up, means[1], means[0])
    weight = xp.where(up, 1 / (1 + k * k), 1 / (1 + 1 / (k * k)))
    beyond = mean * weight * xp.exp(-abs(d) / mean)
    shift = means[1] - means[0]
    rest = beyond + abs(d) + xp.where(up, -shift, shift)
    below, above = xp.where(up, rest, beyond), xp.where(up, beyond, rest)
    return _sides(below, above, abs(d) + means[0] + means[1], low, high)


@known_by("sides", Logistic)
def _sides_of_logistic(p: Logistic, m: Array, low: Array, high: Array) -> Sized:
    z = (p.loc - m) / p.scale
    above, below = p.scale * softplus(z), p.scale * softplus(-z)
    return _sides(below, above, above + below, low, high)


@known_by("sides", Uniform)
def _sides_of_uniform(p: Uniform, m: Array, low: Array, high: Array) -> Sized:
    xp, a, b = _array.namespace(p.low), p.low, p.high
    inside = xp.minimum(xp.maximum(m + 0.0 * (a + b), a + 0.0 * m), b + 0.0 * m)
    width = 2 * (b - a)
    above = (b - inside) ** 2 / width + (inside - m) * (m < a)
    below = (inside - a) ** 2 / width + (m - inside) * (m > b)
    return _sides(below, above, above + below, low, high)


@known_by("sides", Triangular)
def _sides_of_triangular(p: Triangular, m: Array, low: Array, high: Array) -> Sized:
    xp, a, b, c = _array.namespace(p.low), p.low, p.high, p.peak
    zero = 0.0 * (a + b + c + m)
    inside = xp.minimum(xp.maximum(m + zero, a + zero), b + zero)
    up = (inside > c) | (c == a)
    side = xp.where(up, b - c, c - a)
    beyond = xp.where(up, b - inside, inside - a)
    part = beyond * (beyond / (b - a)) * (beyond / (3 * side))
    mean = (a - m) + ((b - a) + (c - a)) / 3
    below, above = xp.where(up, part - mean, part), xp.where(up, part, part + mean)
    below, above = (xp.where(m > b, -mean, below), xp.where(m < a, mean, above))
    below, above = (xp.where(m < a, 0.0, below), xp.where(m > b, 0.0, above))
    return _sides(below, above, abs(a - m) + (b - a), low, high)


_HALF_LINES: dict[type, Function] = {}
"""E of the distance above d, and below it, for d >= 0 above the low end of the support."""


def _of_half_line(*families: type) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        for family in families:
            _HALF_LINES[family] = function
            known_by("sides", family)(_sides_of_half_line)
        return function

    return register


def _sides_of_half_line(p: Any, m: Array, low: Array, high: Array) -> Sized:
    start = p.support[0]
    d = m - start
    xp = _array.namespace(d)
    outside = d < 0
    inner = xp.where(outside, 0.0, d)
    above, mean = _HALF_LINES[type(p)](xp, p, inner)
    below = xp.where(outside, 0.0, above - (mean - inner))
    above = above + xp.where(outside, -d, 0.0)
    return _sides(below, above, mean + abs(d), low, high)


@_of_half_line(Exponential)
def _above_exponential(xp: Any, p: Exponential, d: Array) -> tuple[Array, Array]:
    return xp.exp(-p.rate * d) / p.rate, 1 / p.rate


@_of_half_line(HalfNormal)
def _above_half_normal(xp: Any, p: HalfNormal, d: Array) -> tuple[Array, Array]:
    z = d / p.scale
    value = 2 * xp.exp(-z * z / 2 - HALF_LOG_2PI) - 2 * z * xp.exp(log_ndtr(-z))
    return p.scale * value, p.scale * math.sqrt(2 / math.pi)


@_of_half_line(Rayleigh)
def _above_rayleigh(xp: Any, p: Rayleigh, d: Array) -> tuple[Array, Array]:
    root = math.sqrt(2 * math.pi)
    return p.scale * root * xp.exp(log_ndtr(-d / p.scale)), p.scale * (root / 2)


@_of_half_line(Maxwell)
def _above_maxwell(xp: Any, p: Maxwell, d: Array) -> tuple[Array, Array]:
    z = d / p.scale
    value = 4 * xp.exp(-z * z / 2 - HALF_LOG_2PI) - 2 * z * xp.exp(log_ndtr(-z))
    return p.scale * value, p.scale * math.sqrt(8 / math.pi)


@_of_half_line(LogNormal)
def _above_log_normal(xp: Any, p: LogNormal, d: Array) -> tuple[Array, Array]:
    mean, some = xp.exp(p.loc + p.scale**2 / 2), d > 0
    y = (p.loc - xp.log(xp.where(some, d, 1.0))) / p.scale
    value = mean * xp.exp(log_ndtr(y + p.scale)) - d * xp.exp(log_ndtr(y))
    return xp.where(some, value, mean), mean


@_of_half_line(Pareto)
def _above_pareto(xp: Any, p: Pareto, d: Array) -> tuple[Array, Array]:
    mean, z = p.scale / (p.alpha - 1), d / p.scale
    return mean * xp.exp((1 - p.alpha) * xp.log1p(z)), mean


@_of_half_line(GeneralizedPareto)
def _above_generalized_pareto(xp: Any, p: GeneralizedPareto, d: Array) -> tuple[Array, Array]:
    c = p.concentration + 0.0 * d
    z = d / p.scale
    mean = p.scale / (1 - c)
    inside, flat = 1 + c * z > 0, abs(c * z) < 1e-5
    y = xp.where(inside & ~flat, c * z, 1.0)
    near = z * (1 - c * z * (0.5 - c * z / 3))
    power = xp.where(flat, near, xp.log1p(y) / xp.where(flat, 1.0, c))
    above = mean * (1 + c * z) * xp.exp(-power)
    return xp.where(inside, above, 0.0), mean


# --- E[1 - cos(x - m)], E[log(1 + ((x - m) / c)²)] ----------------------------------------------


@known_by("cosine", VonMises)
def _cosine_of_von_mises(p: VonMises, m: Array) -> Sized:
    k = p.concentration
    xp, ratio = _array.namespace(k), i1e(k) / i0e(k)
    value = (1 - ratio) + 2 * ratio * xp.sin((p.loc - m) / 2) ** 2
    return Sized(value, 1 + 0.0 * value)


@known_by("cosine", Uniform)
def _cosine_of_uniform(p: Uniform, m: Array) -> Sized:
    xp, h = _array.namespace(p.low), (p.high - p.low) / 2
    value = 1 - xp.cos(p.low + h - m) * (xp.sin(h) / h)
    return Sized(value, 2 + 0.0 * value)


@known_by("log one plus square", Cauchy)
def _log_one_plus_square_of_cauchy(p: Cauchy, m: Array, c: Array) -> Sized:
    xp = _array.namespace(p.scale, m)
    value = 2 * xp.log(xp.hypot(1 + p.scale / c, (p.loc - m) / c))
    return Sized(value, 1 + value)


@known_by("log one plus square", Uniform)
def _log_one_plus_square_of_uniform(p: Uniform, m: Array, c: Array) -> Sized:
    """Of z = (x - m)/c the mean of the derivative of z log(1 + z²) - 2z + 2 atan z."""
    xp = _array.namespace(p.low, m)
    ends = [(x - m) / c for x in (p.low, p.high)]
    parts = [(z * xp.log1p(z * z), 2 * xp.atan(z)) for z in ends]
    width = ends[1] - ends[0]
    value = (sum(parts[1]) - sum(parts[0])) / width - 2
    size = sum(abs(x) for part in parts for x in part) / width + 2
    return Sized(value, size)
