"""Expectations of x, log x, log(1-x), of their squares, and of powers of x.

One line a family where one is enough: P's parameters by their names. Means are given as a place
and a distance from it, so that a distance between places is exact.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._special import digamma, log_beta, log_gamma, log_zeta, trigamma
from relentropy.distributions.integers import Bernoulli, Zipf
from relentropy.distributions.interval import (
    Beta,
    ContinuousBernoulli,
    Kumaraswamy,
    Triangular,
    Uniform,
)
from relentropy.distributions.line import (
    AsymmetricLaplace,
    Gumbel,
    Laplace,
    Logistic,
    Moyal,
    Normal,
    StudentT,
)
from relentropy.distributions.positive import (
    Chi,
    Chi2,
    Exponential,
    FisherSnedecor,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    LogNormal,
    Maxwell,
    PowerOfGamma,
    Rayleigh,
    Weibull,
)
from relentropy.distributions.power_law import GeneralizedPareto, Pareto
from relentropy.distributions.truncated import TruncatedNormal
from relentropy.exact.bregman import digamma_difference
from relentropy.exact.expectations import Sized, added, exp_of, known_by
from relentropy.exact.interval import _bend, mean_gap
from relentropy.exact.line import EULER

Array = Any
Function = Callable[..., Any]


# --- E[x] as a place and a distance from it, and the variance -----------------------------------

_MEANS: dict[type, Function] = {
    Normal: lambda p: (p.loc, 0.0),
    Laplace: lambda p: (p.loc, 0.0),
    Logistic: lambda p: (p.loc, 0.0),
    StudentT: lambda p: (p.loc, 0.0),
    AsymmetricLaplace: lambda p: (p.loc, p.scale * (1 / p.asymmetry - p.asymmetry)),
    Gumbel: lambda p: (p.loc, EULER * p.scale),
    Moyal: lambda p: (p.loc, (EULER + math.log(2)) * p.scale),
    Exponential: lambda p: (0.0, 1 / p.rate),
    Gamma: lambda p: (0.0, p.concentration / p.rate),
    Chi2: lambda p: (0.0, p.df),
    InverseGamma: lambda p: (0.0, p.rate / (p.concentration - 1)),
    HalfNormal: lambda p: (0.0, math.sqrt(2 / math.pi) * p.scale),
    Rayleigh: lambda p: (0.0, math.sqrt(math.pi / 2) * p.scale),
    Maxwell: lambda p: (0.0, math.sqrt(8 / math.pi) * p.scale),
    Pareto: lambda p: (p.scale, p.scale / (p.alpha - 1)),
    GeneralizedPareto: lambda p: (p.loc, p.scale / (1 - p.concentration)),
    FisherSnedecor: lambda p: (0.0, p.df2 / (p.df2 - 2) + 0.0 * p.df1),
    Beta: lambda p: (0.0, p.concentration1 / (p.concentration1 + p.concentration0)),
    Uniform: lambda p: (p.low, (p.high - p.low) / 2),
    Bernoulli: lambda p: (0.0, p.success()),
    Zipf: lambda p: (0.0, _array.namespace(p.power).exp(log_zeta(p.power - 1) - log_zeta(p.power))),
    Triangular: lambda p: (p.low, ((p.high - p.low) + (p.peak - p.low)) / 3),
}
_VARIANCES: dict[type, Function] = {
    Normal: lambda p: p.scale**2,
    Laplace: lambda p: 2 * p.scale**2,
    Logistic: lambda p: (math.pi * p.scale) ** 2 / 3,
    StudentT: lambda p: p.scale**2 * (p.df / (p.df - 2)),
    AsymmetricLaplace: lambda p: (p.scale / p.asymmetry) ** 2 + (p.scale * p.asymmetry) ** 2,
    Gumbel: lambda p: (math.pi * p.scale) ** 2 / 6,
    Moyal: lambda p: (math.pi * p.scale) ** 2 / 2,
    Exponential: lambda p: 1 / p.rate**2,
    Gamma: lambda p: p.concentration / p.rate**2,
    Chi2: lambda p: 2 * p.df,
    InverseGamma: lambda p: (p.rate / (p.concentration - 1)) ** 2 / (p.concentration - 2),
    HalfNormal: lambda p: (1 - 2 / math.pi) * p.scale**2,
    Rayleigh: lambda p: (2 - math.pi / 2) * p.scale**2,
    Maxwell: lambda p: (3 - 8 / math.pi) * p.scale**2,
    Pareto: lambda p: (p.scale / (p.alpha - 1)) ** 2 * (p.alpha / (p.alpha - 2)),
    GeneralizedPareto: lambda p: (p.scale / (1 - p.concentration)) ** 2 / (1 - 2 * p.concentration),
    Uniform: lambda p: (p.high - p.low) ** 2 / 12,
    Triangular: lambda p: (
        ((p.high - p.low) ** 2 + (p.peak - p.low) ** 2 + (p.high - p.peak) ** 2) / 36
    ),
}
for _what, _functions in {"mean": _MEANS, "variance": _VARIANCES}.items():
    for _family, _function in _functions.items():
        known_by(_what, _family)(_function)


@known_by("variance", FisherSnedecor)
def _variance_of_f(p: FisherSnedecor) -> Array:
    mean, b = p.df2 / (p.df2 - 2), p.df2 - 4
    return mean * mean * (2 / p.df1) * ((p.df1 + p.df2 - 2) / b)


@known_by("variance", Beta)
def _variance_of_beta(p: Beta) -> Array:
    a, b = p.concentration1, p.concentration0
    c = a + b
    return (a / c) * (b / c) / (c + 1)


@known_by("mean", LogNormal, Chi, Weibull, Kumaraswamy)
def _mean_by_power(p: Any) -> tuple[Any, Array]:
    return 0.0, _power(p, 1.0, 0.0).value


@known_by("variance", LogNormal, Chi, Weibull, Kumaraswamy)
def _variance_by_powers(p: Any) -> Sized:
    """The mean squared times the relative variance E[x²]/E[x]² - 1."""
    first, second = (_log_powers(p, k) for k in (1.0, 2.0))
    log_ratio = added(*second, *(-2 * x for x in first))
    xp = _array.namespace(log_ratio.value)
    square = xp.exp(sum(second))
    return Sized(-square * xp.expm1(-log_ratio.value), square * (1 + log_ratio.size))


@known_by("mean", ContinuousBernoulli)
def _mean_of_continuous_bernoulli(p: ContinuousBernoulli) -> tuple[Array, Array]:
    n = p.natural
    xp = _array.namespace(n)
    gap = mean_gap(xp, xp.where(n < 0, -n, n))
    return xp.where(n > 0, 1.0 + 0.0 * n, 0.0 * n), xp.where(n > 0, -gap, gap)


@known_by("variance", ContinuousBernoulli)
def _variance_of_continuous_bernoulli(p: ContinuousBernoulli) -> Array:
    return _bend(_array.namespace(p.natural), p.natural)


class _Ends(NamedTuple):
    """Of a truncated normal in units of its scale, from the end nearest to its middle.

    The end, its distance z from the middle, those of both ends, 0 where infinite, and the density
    at both ends over the mass.
    """

    end: Array
    z: Array
    ends: tuple[Array, Array]
    hazards: tuple[Array, Array]


def _ends(p: TruncatedNormal) -> _Ends:
    xp = _array.namespace(p.loc, p.scale)
    end, _ = p._nearest_end(xp)
    z, mass = (end - p.loc) / p.scale, xp.exp(-p._log_mass(xp))
    ends, hazards = [], []
    for bound in (p.low, p.high):
        finite = xp.abs(bound) < float("inf")
        x = xp.where(finite, (xp.where(finite, bound, p.loc) - p.loc) / p.scale, 0.0)
        ends.append(x)
        hazards.append(xp.where(finite, xp.exp((z - x) * (z + x) / 2) * mass, 0.0))
    return _Ends(end, z, (ends[0], ends[1]), (hazards[0], hazards[1]))


@known_by("mean", TruncatedNormal)
def _mean_of_truncated_normal(p: TruncatedNormal) -> tuple[Array, Array]:
    e = _ends(p)
    return e.end, p.scale * (e.hazards[0] - e.hazards[1] - e.z)


@known_by("variance", TruncatedNormal)
def _variance_of_truncated_normal(p: TruncatedNormal) -> Sized:
    (a, b), (low, high) = (e := _ends(p)).ends, e.hazards
    square = p.scale**2
    h = low - high
    value = 1 + a * low - b * high - h * h
    # The size stands for that of the mean, too.
    size = 1 + abs(a) * low + abs(b) * high + (low + high + abs(e.z)) ** 2
    return Sized(square * value, square * size)


# --- E[log x], the variance of log x, E[log(1-x)] -----------------------------------------------


def gamma_form(p: Any) -> tuple[Any, Array, Array]:
    """(k, a, log c): c x^k is gamma distributed with concentration a; k = -1 for its inverse."""
    if isinstance(p, PowerOfGamma):
        k, a, log_c = p.form()
        return k, a + 0.0 * log_c, log_c
    log_rate = _array.namespace(p.rate).log(p.rate)
    if isinstance(p, Exponential):
        return 1.0, 1.0 + 0.0 * p.rate, log_rate
    return (1.0 if isinstance(p, Gamma) else -1.0), p.concentration + 0.0 * log_rate, log_rate


_GAMMAS = (Exponential, Gamma, InverseGamma, Chi, Chi2, HalfNormal, Rayleigh, Maxwell, Weibull)


@known_by("log mean", *_GAMMAS)
def _log_mean_of_gamma(p: Any) -> tuple[Array, Array]:
    k, a, log_c = gamma_form(p)
    return -log_c / k, digamma(a) / k


@known_by("log variance", *_GAMMAS)
def _log_variance_of_gamma(p: Any) -> Array:
    k, a, _ = gamma_form(p)
    return trigamma(a) / (k * k)


@known_by("log mean", FisherSnedecor)
def _log_mean_of_f(p: FisherSnedecor) -> tuple[Array, Array]:
    a, b = p.df1 / 2, p.df2 / 2
    return _array.namespace(a).log(b / a), digamma(a) - digamma(b)


known_by("log mean", LogNormal)(lambda p: (p.loc, 0.0))
known_by("log mean", Pareto)(lambda p: (_array.namespace(p.scale).log(p.scale), 1 / p.alpha))
known_by("log mean", HalfCauchy)(lambda p: (_array.namespace(p.scale).log(p.scale), 0.0))
known_by("log variance", LogNormal)(lambda p: p.scale**2)
known_by("log variance", Pareto)(lambda p: 1 / p.alpha**2)
known_by("log variance", HalfCauchy)(lambda p: math.pi**2 / 4 + 0.0 * p.scale)
known_by("log variance", FisherSnedecor)(lambda p: trigamma(p.df1 / 2) + trigamma(p.df2 / 2))


@known_by("log mean", Beta)
def _log_mean_of_beta(p: Beta) -> tuple[Any, Array]:
    return 0.0, _log_share(p.concentration1, p.concentration0)


def _log_share(a: Array, b: Array) -> Array:
    """ψ(a) - ψ(a + b)."""
    return -digamma_difference(_array.namespace(a, b), a + b, a + 0.0 * b, b + 0.0 * a)


@known_by("log rest", Beta)
def _log_rest_of_beta(p: Beta) -> Sized:
    return added(_log_share(p.concentration0, p.concentration1))


@known_by("log variance", Beta)
def _log_variance_of_beta(p: Beta) -> Sized:
    a, c = trigamma(p.concentration1), trigamma(p.concentration1 + p.concentration0)
    return Sized(a - c, a + c)


@known_by("logit square", Beta)
def _logit_of_beta(p: Beta, m: Array) -> Sized:
    a, b = p.concentration1, p.concentration0
    distance = added(digamma(a), -digamma(b), -m)
    value = trigamma(a) + trigamma(b) + distance.value**2
    return Sized(value, value + 2 * abs(distance.value) * distance.size)


@known_by("log mean", Kumaraswamy)
def _log_mean_of_kumaraswamy(p: Kumaraswamy) -> tuple[Any, Array]:
    a, b = p.concentration1, p.concentration0
    return 0.0, _log_share(1.0 + 0.0 * b, b) / a


@known_by("log variance", Kumaraswamy)
def _log_variance_of_kumaraswamy(p: Kumaraswamy) -> Sized:
    first, both = math.pi**2 / 6, trigamma(1 + p.concentration0)
    square = p.concentration1**2
    return Sized((first - both) / square, (first + both) / square)


def _log_reach(low: Array, high: Array) -> tuple[Any, Array, Array]:
    """Whether low is 0, and log(high / low), 1 where it is."""
    xp = _array.namespace(low, high)
    at_end = ~(low > 0)
    safe = xp.where(at_end, high / 2.718281828459045, low)
    return xp, at_end, xp.log1p((high - safe) / safe)


@known_by("log mean", Uniform)
def _log_mean_of_uniform(p: Uniform) -> tuple[Array, Array]:
    return _log_mean_between(p.low, p.high)


def _log_mean_between(low: Array, high: Array) -> tuple[Array, Array]:
    xp, at_end, reach = _log_reach(low, high)
    # log(high / x) is an exponential variable cut off at the reach.
    gap = xp.where(at_end, 1.0, reach * mean_gap(xp, reach))
    return xp.log(high), -gap


@known_by("log variance", Uniform)
def _log_variance_of_uniform(p: Uniform) -> Array:
    xp, at_end, reach = _log_reach(p.low, p.high)
    return xp.where(at_end, 1.0, reach * reach * _bend(xp, reach))


@known_by("log rest", Uniform)
def _log_rest_of_uniform(p: Uniform) -> Sized:
    return added(*_log_mean_between(1 - p.high, 1 - p.low))


# --- E[c x^k] -----------------------------------------------------------------------------------


@known_by("power", *_GAMMAS, LogNormal, Pareto, HalfCauchy, FisherSnedecor, Beta, Kumaraswamy)
def _power(p: Any, k: Any, log_c: Any) -> Sized:
    logs = _log_powers(p, k)
    return exp_of(_array.namespace(*p.arrays()), *logs, log_c)


@known_by("reciprocal", Gamma, InverseGamma, Chi, Chi2, Rayleigh, Maxwell, Weibull)
@known_by("reciprocal", LogNormal, Pareto, FisherSnedecor, Beta, Kumaraswamy)
def _reciprocal(p: Any, log_c: Any) -> Sized:
    return _power(p, -1.0, log_c)


def _log_powers(p: Any, k: Any) -> tuple[Any, ...]:
    """Parts of log E[x^k]."""
    xp = _array.namespace(*p.arrays())
    if isinstance(p, LogNormal):
        return k * p.loc, (k * p.scale) ** 2 / 2
    if isinstance(p, Pareto):
        return k * xp.log(p.scale), -xp.log1p(-k / p.alpha)
    if isinstance(p, HalfCauchy):
        return k * xp.log(p.scale), -xp.log(xp.cos(math.pi / 2 * (k + 0.0 * p.scale)))
    if isinstance(p, FisherSnedecor):
        a, b = p.df1 / 2, p.df2 / 2
        raised, lowered = (log_gamma(a + k), -log_gamma(a)), (log_gamma(b - k), -log_gamma(b))
        return (k * xp.log(b / a), *raised, *lowered)
    if isinstance(p, Beta):
        a, b = p.concentration1, p.concentration0
        return log_beta(a + k, b), -log_beta(a, b)
    if isinstance(p, Kumaraswamy):
        a, b = p.concentration1, p.concentration0
        return log_beta(1 + k / a, b), xp.log(b)
    power, a, log_c = gamma_form(p)
    return log_gamma(a + k / power), -log_gamma(a), -(k / power) * log_c


@known_by("power", Uniform)
def _power_of_uniform(p: Uniform, k: Any, log_c: Any) -> Sized:
    """∫ x^k dx = high^e (1 - exp(-e r)) / e, e = k + 1, r = log(high / low)."""
    xp, at_end, reach = _log_reach(p.low, p.high)
    e = k + 1 + 0.0 * reach
    flat = e == 0
    y = xp.where(flat, 1.0, e)
    grown = xp.where(at_end, 1.0, -xp.expm1(-y * reach))
    integral = xp.where(flat, reach, grown / y)
    log_high = xp.log(p.high)
    return exp_of(xp, e * log_high, log_c, xp.log(integral), -xp.log(p.high - p.low))


@known_by("reciprocal", Uniform)
def _reciprocal_of_uniform(p: Uniform, log_c: Any) -> Sized:
    return _power_of_uniform(p, -1.0, log_c)


# --- whole numbers ------------------------------------------------------------------------------


@known_by("both values", Bernoulli)
def _both_values(p: Bernoulli, q: Any) -> Sized:
    xp, parts = _array.namespace(*q.arrays()), []
    for k, weight in ((0.0, p.failure()), (1.0, p.success())):
        log_q = q._log_density_anywhere(xp.zeros_like(sum(q.arrays())) + k)
        parts.append(weight * xp.where(weight > 0, log_q, 0.0))
    return added(*parts)
