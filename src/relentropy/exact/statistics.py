"""What log q is made of: constants and statistics of x, family by family.

    log q(x) = Σ constants + Σ coefficient · T(x)

A family whose expectations of these are known (`relentropy.exact.expectations`) has a closed
relative entropy to Q, with no formula for the pair. Statistics are centred where Q is, so that
nothing cancels which need not.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._special import i0e, log_beta, log_gamma
from relentropy.distributions.integers import (
    BetaBinomial,
    Geometric,
    NegativeBinomial,
    Poisson,
)
from relentropy.distributions.interval import (
    Beta,
    ContinuousBernoulli,
    LogitNormal,
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
    Moyal,
    Normal,
    StudentT,
)
from relentropy.distributions.positive import (
    Chi,
    Chi2,
    Exponential,
    Gamma,
    HalfNormal,
    InverseGamma,
    InverseGaussian,
    LogNormal,
    Maxwell,
    Rayleigh,
    Weibull,
)
from relentropy.distributions.power_law import Pareto
from relentropy.distributions.truncated import TruncatedNormal

Array = Any


class Linear(NamedTuple):
    """The statistic x - m."""

    m: Any = 0.0


class Square(NamedTuple):
    """The statistic (x - m)²."""

    m: Any = 0.0


class Sides(NamedTuple):
    """The statistic high · (x - m) above m, low · (m - x) below."""

    m: Any
    low: Any
    high: Any


class Log(NamedTuple):
    """The statistic log x."""


class LogOneMinus(NamedTuple):
    """The statistic log(1 - x)."""


class LogSquare(NamedTuple):
    """The statistic (log x - m)²."""

    m: Any


class LogitSquare(NamedTuple):
    """The statistic (log(x / (1-x)) - m)²."""

    m: Any


class Power(NamedTuple):
    """The statistic c x^k."""

    k: Any
    log_c: Any


class Reciprocal(NamedTuple):
    """The statistic c / x."""

    log_c: Any


class Decay(NamedTuple):
    """The statistic exp(-t (x - m)), t > 0."""

    t: Any
    m: Any


class OneMinusCosine(NamedTuple):
    """The statistic 1 - cos(x - m)."""

    m: Any


class LogOnePlusSquare(NamedTuple):
    """The statistic log(1 + ((x - m) / c)²)."""

    m: Any
    c: Any


class AtBoth(NamedTuple):
    """The log-probability of q at 0 and at 1: a statistic of what has no other value."""

    q: Any


NAMES: dict[Any, str] = {
    Linear: "E[x]",
    Square: "E[(x-m)²]",
    Sides: "E|x-m|",
    Log: "E[log x]",
    LogOneMinus: "E[log(1-x)]",
    LogSquare: "E[(log x - m)²]",
    LogitSquare: "E[(logit x - m)²]",
    Power: "E[x^k]",
    Reciprocal: "E[1/x]",
    Decay: "E[exp(-tx)]",
    OneMinusCosine: "E[cos(x-m)]",
    LogOnePlusSquare: "E[log(1 + (x-m)²/c²)]",
    AtBoth: "q(0), q(1)",
}


class Terms(NamedTuple):
    """The log-density: what does not depend on x, and coefficients with their statistics."""

    constants: list[Any]
    items: list[tuple[Any, Any]]


_TERMS: dict[type, tuple[Callable[[Any], Terms], tuple[Any, ...]]] = {}


def _declare(*families: type, uses: tuple[Any, ...]) -> Callable[[Any], Any]:
    def register(function: Callable[[Any], Terms]) -> Callable[[Any], Terms]:
        for family in families:
            _TERMS[family] = function, uses
        return function

    return register


def families() -> list[type]:
    """The families whose log-density is a combination of statistics."""
    return list(_TERMS)


def has_terms(family: type) -> bool:
    """Whether the log-density of a family is a combination of statistics."""
    return family in _TERMS


def statistics_of(family: type) -> tuple[Any, ...]:
    """The statistics of which the log-density of a family is a combination."""
    return _TERMS[family][1]


def terms(q: Any) -> Terms:
    """The log-density of a family as a combination of statistics."""
    return _TERMS[type(q)][0](q)


def _log(x: Array) -> Array:
    return _array.namespace(x).log(x)


# --- the line -----------------------------------------------------------------------------------


@_declare(Normal, uses=(Square,))
def _normal(q: Normal) -> Terms:
    return Terms([-_log(q.scale), -HALF_LOG_2PI], [(-0.5 / q.scale**2, Square(q.loc))])


@_declare(Laplace, uses=(Sides,))
def _laplace(q: Laplace) -> Terms:
    rate = 1 / q.scale
    return Terms([-_log(q.scale), -math.log(2)], [(-1.0, Sides(q.loc, rate, rate))])


@_declare(AsymmetricLaplace, uses=(Sides,))
def _asymmetric_laplace(q: AsymmetricLaplace) -> Terms:
    k = q.asymmetry
    return Terms([-_log(q.scale), -_log(k + 1 / k)], [(-1.0, Sides(q.loc, *q.rates()))])


@_declare(Gumbel, uses=(Linear, Decay))
def _gumbel(q: Gumbel) -> Terms:
    t = 1 / q.scale
    return Terms([-_log(q.scale)], [(-t, Linear(q.loc)), (-1.0, Decay(t, q.loc))])


@_declare(Moyal, uses=(Linear, Decay))
def _moyal(q: Moyal) -> Terms:
    t, constants = 1 / q.scale, [-_log(q.scale), -HALF_LOG_2PI]
    return Terms(constants, [(-t / 2, Linear(q.loc)), (-0.5, Decay(t, q.loc))])


@_declare(Cauchy, uses=(LogOnePlusSquare,))
def _cauchy(q: Cauchy) -> Terms:
    item = LogOnePlusSquare(q.loc, q.scale)
    return Terms([-_log(q.scale), -math.log(math.pi)], [(-1.0, item)])


@_declare(StudentT, uses=(LogOnePlusSquare,))
def _student_t(q: StudentT) -> Terms:
    half, c = q.df / 2, q.scale * _array.namespace(q.df).sqrt(q.df)
    constant = log_beta(half, 0.5 + 0.0 * half)
    return Terms([-constant, -_log(c)], [(-(half + 0.5), LogOnePlusSquare(q.loc, c))])


# --- half-lines ---------------------------------------------------------------------------------


@_declare(LogNormal, uses=(Log, LogSquare))
def _log_normal(q: LogNormal) -> Terms:
    items: list[Any] = [(-1.0, Log()), (-0.5 / q.scale**2, LogSquare(q.loc))]
    return Terms([-_log(q.scale), -HALF_LOG_2PI], items)


@_declare(Exponential, uses=(Linear,))
def _exponential(q: Exponential) -> Terms:
    return Terms([_log(q.rate)], [(-q.rate, Linear())])


@_declare(Gamma, uses=(Log, Linear))
def _gamma(q: Gamma) -> Terms:
    a, r = q.concentration, q.rate
    return Terms([a * _log(r), -log_gamma(a)], [(a - 1, Log()), (-r, Linear())])


@_declare(Chi2, uses=(Log, Linear))
def _chi2(q: Chi2) -> Terms:
    a = q.df / 2
    return Terms([-a * math.log(2), -log_gamma(a)], [(a - 1, Log()), (-0.5, Linear())])


@_declare(InverseGamma, uses=(Log, Reciprocal))
def _inverse_gamma(q: InverseGamma) -> Terms:
    a, log_r = q.concentration, _log(q.rate)
    return Terms([a * log_r, -log_gamma(a)], [(-a - 1, Log()), (-1.0, Reciprocal(log_r))])


@_declare(HalfNormal, uses=(Square,))
def _half_normal(q: HalfNormal) -> Terms:
    constants = [-_log(q.scale), math.log(2) - HALF_LOG_2PI]
    return Terms(constants, [(-0.5 / q.scale**2, Square())])


@_declare(Rayleigh, uses=(Log, Square))
def _rayleigh(q: Rayleigh) -> Terms:
    return Terms([-2 * _log(q.scale)], [(1.0, Log()), (-0.5 / q.scale**2, Square())])


@_declare(Maxwell, uses=(Log, Square))
def _maxwell(q: Maxwell) -> Terms:
    constants = [-3 * _log(q.scale), math.log(2) - HALF_LOG_2PI]
    return Terms(constants, [(2.0, Log()), (-0.5 / q.scale**2, Square())])


@_declare(Chi, uses=(Log, Square))
def _chi(q: Chi) -> Terms:
    a = q.df / 2
    constants = [(1 - a) * math.log(2), -log_gamma(a)]
    return Terms(constants, [(q.df - 1, Log()), (-0.5, Square())])


@_declare(Weibull, uses=(Log, Power))
def _weibull(q: Weibull) -> Terms:
    k, log_c = q.concentration, -q.concentration * _log(q.scale)
    return Terms([_log(k), log_c], [(k - 1, Log()), (-1.0, Power(k, log_c))])


@_declare(InverseGaussian, uses=(Log, Linear, Reciprocal))
def _inverse_gaussian(q: InverseGaussian) -> Terms:
    # c (x - m)² / (2 m² x) = c (x - 2m) / (2m²) + c / (2x)
    m, log_c = q.loc, _log(q.concentration)
    items: list[Any] = [(-1.5, Log()), (-q.concentration / (2 * m * m), Linear(2 * m))]
    return Terms([log_c / 2, -HALF_LOG_2PI], [*items, (-0.5, Reciprocal(log_c))])


@_declare(Pareto, uses=(Log,))
def _pareto(q: Pareto) -> Terms:
    return Terms([_log(q.alpha), q.alpha * _log(q.scale)], [(-q.alpha - 1, Log())])


# --- intervals ----------------------------------------------------------------------------------


@_declare(Uniform, uses=())
def _uniform(q: Uniform) -> Terms:
    return Terms([-_log(q.high - q.low)], [])


@_declare(Beta, uses=(Log, LogOneMinus))
def _beta(q: Beta) -> Terms:
    a, b = q.concentration1, q.concentration0
    return Terms([-log_beta(a, b)], [(a - 1, Log()), (b - 1, LogOneMinus())])


@_declare(LogitNormal, uses=(Log, LogOneMinus, LogitSquare))
def _logit_normal(q: LogitNormal) -> Terms:
    items: list[Any] = [(-1.0, Log()), (-1.0, LogOneMinus())]
    items.append((-0.5 / q.scale**2, LogitSquare(q.loc)))
    return Terms([-_log(q.scale), -HALF_LOG_2PI], items)


@_declare(ContinuousBernoulli, uses=(Linear,))
def _continuous_bernoulli(q: ContinuousBernoulli) -> Terms:
    n = q.natural
    xp = _array.namespace(n)
    # From the end at which the density is largest; the size has the derivative 1 at 0.
    positive = n >= 0
    end = xp.where(positive, 1.0 + 0.0 * n, 0.0 * n)
    return Terms([log_rate_over_mass(xp, xp.where(positive, n, -n))], [(n, Linear(end))])


@_declare(TruncatedNormal, uses=(Linear, Square))
def _truncated_normal(q: TruncatedNormal) -> Terms:
    # From the end nearest to the middle, relative to the density there.
    xp = _array.namespace(q.loc, q.scale)
    end, _ = q._nearest_end(xp)
    slope = (end - q.loc) / q.scale**2
    items: list[Any] = [(-slope, Linear(end)), (-0.5 / q.scale**2, Square(end))]
    return Terms([-_log(q.scale), -q._log_mass(xp)], items)


@_declare(VonMises, uses=(OneMinusCosine,))
def _von_mises(q: VonMises) -> Terms:
    k = q.concentration
    return Terms([-_log(i0e(k)), -math.log(2 * math.pi)], [(-k, OneMinusCosine(q.loc))])


# --- whole numbers ------------------------------------------------------------------------------


@_declare(Geometric, uses=(Linear,))
def _geometric(q: Geometric) -> Terms:
    return Terms([q.log_success()], [(q.log_failure(), Linear())])


@_declare(Poisson, NegativeBinomial, BetaBinomial, uses=(AtBoth,))
def _others(q: Any) -> Terms:
    return Terms([], [(1.0, AtBoth(q))])
