"""Families on a half-line: their coordinate is the logarithm of the distance from its end."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._scalar import g, log_ratio
from relentropy._special import digamma, log_beta, log_gamma_remainder, softplus
from relentropy.distributions.coordinates import Point
from relentropy.distributions.family import POSITIVE, REAL, Continuous, Domain
from relentropy.distributions.line import HALF_LOG_2PI
from relentropy.distributions.tails import JUMP, LOG_SQUARED, Tail, algebraic, stretched

Array = Any
INF = float("inf")


class Positive(Continuous):
    """A density on the positive numbers."""

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, INF

    def log_density_at(self, point: Point) -> Array:
        x, log_x = point.above(0.0)
        return self.log_density_of(_array.namespace(x), x, log_x)

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class LogNormal(Positive):
    """x whose logarithm is normal with mean `loc` and standard deviation `scale`.

    >>> from relentropy import LogNormal, relative_entropy
    >>> float(relative_entropy(LogNormal(0, 1), LogNormal(1, 1)))
    0.5
    """

    loc: Any = 0.0
    scale: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"loc": REAL, "scale": POSITIVE}

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        z = (log_x - self.loc) / self.scale
        return -z * z / 2 - HALF_LOG_2PI - xp.log(self.scale) - log_x

    def centre(self) -> Array:
        return self.loc

    def width(self) -> Array:
        return self.scale

    def tails(self) -> tuple[Tail, Tail]:
        return _log_squared(self.scale), _log_squared(self.scale)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.lognormal(self.loc, self.scale, shape)


def _log_squared(scale: Array) -> Tail:
    return LOG_SQUARED._replace(rate=0.5 / scale**2)


@dataclass(frozen=True, eq=False, repr=False)
class Gamma(Positive):
    """The gamma distribution: density rate^a x^(a-1) exp(-rate x) / Γ(a), a = concentration.

    >>> from relentropy import Gamma, relative_entropy
    >>> round(float(relative_entropy(Gamma(1, 1), Gamma(1, 2))), 12)
    0.30685281944
    """

    concentration: Any
    rate: Any
    domains: ClassVar[dict[str, Domain]] = {"concentration": POSITIVE, "rate": POSITIVE}

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        return log_gamma_density(xp, self.concentration, log_x + xp.log(self.rate)) - log_x

    def centre(self) -> Array:
        return _log_gamma_mean(self.concentration) - _array.namespace(self.rate).log(self.rate)

    def width(self) -> Array:
        return _log_gamma_deviation(self.concentration)

    def features(self) -> list[Array]:
        log_rate = _array.namespace(self.rate).log(self.rate)
        return [y - log_rate for y in log_gamma_features(self.concentration)]

    def tails(self) -> tuple[Tail, Tail]:
        return algebraic(self.concentration), stretched(1.0, self.rate)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.gamma(self.concentration, 1 / self.rate, shape)


def log_gamma_density(xp: Any, a: Array, log_u: Array) -> Array:
    """The log-density of log u, u gamma distributed with rate 1, about u = a.

    -a (e^v - 1 - v) with v = log(u/a), and what remains of log Γ(a): large concentrations lose no
    digits in a log u - u.
    """
    log_a = xp.log(a)
    return -a * g(xp, log_a - log_u) + log_a / 2 - HALF_LOG_2PI - log_gamma_remainder(a)


def log_gamma_features(a: Array) -> list[Array]:
    """Where the density of log x turns, x gamma distributed with rate 1.

    For small concentrations a tail exp(a log x), as wide as 1/a, ends abruptly near 0.
    """
    xp = _array.namespace(a)
    bend, w = xp.log(a + 0.5), 4 / xp.sqrt(1 + a)
    return [_log_gamma_mean(a) - 4 * _log_gamma_deviation(a), bend - w, bend, bend + w]


def log_odds_features(a: Array, b: Array) -> list[Array]:
    """Where the density of log(x/y) turns, x and y gamma distributed: that of a beta's log-odds."""
    xp = _array.namespace(a, b)
    bend, w = xp.log((a + 0.5) / (b + 0.5)), 4 * xp.sqrt(1 / (1 + a) + 1 / (1 + b))
    middle = _log_gamma_mean(a) - _log_gamma_mean(b)
    low, high = (4 * _log_gamma_deviation(c) for c in (a, b))
    return [middle - low, bend - w, bend, bend + w, middle + high]


def _log_gamma_mean(a: Array) -> Array:
    """E[log x] of a gamma distribution of rate 1."""
    return digamma(a)


def _log_gamma_deviation(a: Array) -> Array:
    """The standard deviation of log x of a gamma distribution, to a few percent: √ψ'(a)."""
    return _array.namespace(a).sqrt(1 / a**2 + 1 / (a + 0.6))


@dataclass(frozen=True, eq=False, repr=False)
class Exponential(Positive):
    """The exponential distribution: density rate exp(-rate x).

    >>> from relentropy import Exponential, relative_entropy
    >>> round(float(relative_entropy(Exponential(1), Exponential(2))), 12)
    0.30685281944
    """

    rate: Any
    domains: ClassVar[dict[str, Domain]] = {"rate": POSITIVE}

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        return xp.log(self.rate) - self.rate * x

    def centre(self) -> Array:
        return -_array.namespace(self.rate).log(self.rate)

    def width(self) -> Array:
        return 1.0 + 0.0 * self.rate

    def tails(self) -> tuple[Tail, Tail]:
        return JUMP, stretched(1.0, self.rate)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.exponential(1 / self.rate, shape)


@dataclass(frozen=True, eq=False, repr=False)
class InverseGamma(Positive):
    """1/x is gamma: density b^a x^(-a-1) exp(-b/x) / Γ(a), a = concentration, b = rate.

    >>> from relentropy import InverseGamma, relative_entropy
    >>> round(float(relative_entropy(InverseGamma(1, 1), InverseGamma(1, 2))), 12)
    0.30685281944
    """

    concentration: Any
    rate: Any
    domains: ClassVar[dict[str, Domain]] = {"concentration": POSITIVE, "rate": POSITIVE}

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        return log_gamma_density(xp, self.concentration, xp.log(self.rate) - log_x) - log_x

    def centre(self) -> Array:
        return _array.namespace(self.rate).log(self.rate) - _log_gamma_mean(self.concentration)

    def width(self) -> Array:
        return _log_gamma_deviation(self.concentration)

    def features(self) -> list[Array]:
        log_rate = _array.namespace(self.rate).log(self.rate)
        return [log_rate - y for y in log_gamma_features(self.concentration)]

    def tails(self) -> tuple[Tail, Tail]:
        return stretched(1.0, self.rate), algebraic(self.concentration)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.rate / rng.gamma(self.concentration, 1.0, shape)


class PowerOfGamma(Positive):
    """c x^k is gamma distributed with concentration a: density k (c x^k)^a exp(-c x^k) / (x Γ(a)).

    Chi, chi-squared, Weibull, Rayleigh, Maxwell and half-normal distributions are of this kind.
    """

    def form(self) -> tuple[Any, Any, Array]:
        """(k, a, log c), k > 0."""
        raise NotImplementedError

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        k, a, log_c = self.form()
        a, k = (v + 0.0 * log_c for v in (a, k))
        return log_gamma_density(xp, a, k * log_x + log_c) - log_x + xp.log(k)

    def centre(self) -> Array:
        k, a, log_c = self.form()
        return (_log_gamma_mean(a + 0.0 * log_c) - log_c) / k

    def width(self) -> Array:
        k, a, log_c = self.form()
        return _log_gamma_deviation(a + 0.0 * log_c) / k

    def features(self) -> list[Array]:
        k, a, log_c = self.form()
        return [(y - log_c) / k for y in log_gamma_features(a + 0.0 * log_c)]

    def tails(self) -> tuple[Tail, Tail]:
        k, a, log_c = self.form()
        rate = _array.namespace(log_c).exp(log_c)
        return algebraic(a * k + 0.0 * log_c), stretched(k + 0.0 * log_c, rate)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        k, a, log_c = self.form()
        return (rng.gamma(a, 1.0, shape) / numpy.exp(log_c)) ** (1 / k)


@dataclass(frozen=True, eq=False, repr=False)
class Chi2(PowerOfGamma):
    """The sum of the squares of `df` standard normals.

    >>> from relentropy import Chi2, Gamma, relative_entropy
    >>> float(relative_entropy(Chi2(3), Gamma(1.5, 0.5)))
    0.0
    """

    df: Any
    domains: ClassVar[dict[str, Domain]] = {"df": POSITIVE}

    def form(self) -> tuple[Any, Any, Array]:
        return 1.0, self.df / 2, 0.0 * self.df - math.log(2)


@dataclass(frozen=True, eq=False, repr=False)
class Chi(PowerOfGamma):
    """The root of the sum of the squares of `df` standard normals.

    >>> from relentropy import Chi, relative_entropy
    >>> round(float(relative_entropy(Chi(2), Chi(4))), 12)
    0.577215664902
    """

    df: Any
    domains: ClassVar[dict[str, Domain]] = {"df": POSITIVE}

    def form(self) -> tuple[Any, Any, Array]:
        return 2.0, self.df / 2, 0.0 * self.df - math.log(2)


@dataclass(frozen=True, eq=False, repr=False)
class HalfNormal(PowerOfGamma):
    """|x| of a normal x with mean 0 and standard deviation `scale`.

    >>> from relentropy import HalfNormal, Normal, relative_entropy
    >>> round(float(relative_entropy(HalfNormal(1), Normal(0, 1), base=2)), 12)
    1.0
    """

    scale: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"scale": POSITIVE}

    def form(self) -> tuple[Any, Any, Array]:
        return 2.0, 0.5, _minus_log_twice_square(self.scale)


@dataclass(frozen=True, eq=False, repr=False)
class Rayleigh(PowerOfGamma):
    """The length of a vector of 2 normals of mean 0: density x exp(-x²/(2 scale²)) / scale².

    >>> from relentropy import Rayleigh, relative_entropy
    >>> round(float(relative_entropy(Rayleigh(1), Rayleigh(2))), 12)
    0.63629436112
    """

    scale: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"scale": POSITIVE}

    def form(self) -> tuple[Any, Any, Array]:
        return 2.0, 1.0, _minus_log_twice_square(self.scale)


@dataclass(frozen=True, eq=False, repr=False)
class Maxwell(PowerOfGamma):
    """The length of a vector of 3 normals of mean 0 and standard deviation `scale`.

    >>> from relentropy import Maxwell, relative_entropy
    >>> round(float(relative_entropy(Maxwell(1), Maxwell(2))), 12)
    0.95444154168
    """

    scale: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"scale": POSITIVE}

    def form(self) -> tuple[Any, Any, Array]:
        return 2.0, 1.5, _minus_log_twice_square(self.scale)


def _minus_log_twice_square(scale: Array) -> Array:
    return -2 * _array.namespace(scale).log(scale) - math.log(2)


@dataclass(frozen=True, eq=False, repr=False)
class Weibull(PowerOfGamma):
    """(x / scale)^k is exponential of rate 1, k = concentration.

    >>> from relentropy import Weibull, relative_entropy
    >>> round(float(relative_entropy(Weibull(1, 1), Weibull(0.5, 1))), 12)
    0.30685281944
    """

    scale: Any
    concentration: Any
    domains: ClassVar[dict[str, Domain]] = {"scale": POSITIVE, "concentration": POSITIVE}

    def form(self) -> tuple[Any, Any, Array]:
        k = self.concentration
        return k, 1.0, -k * _array.namespace(k).log(self.scale)


@dataclass(frozen=True, eq=False, repr=False)
class HalfCauchy(Positive):
    """|x| of a Cauchy x about 0: density 2 / (π scale (1 + (x/scale)²)).

    >>> from relentropy import HalfCauchy, relative_entropy
    >>> round(float(relative_entropy(HalfCauchy(1), HalfCauchy(3))), 12)
    0.287682072452
    """

    scale: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"scale": POSITIVE}

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        log_z = log_x - xp.log(self.scale)
        return (
            math.log(2 / math.pi)
            - xp.log(self.scale)
            - xp.logaddexp(2 * log_z, xp.zeros_like(log_z))
        )

    def centre(self) -> Array:
        return _array.namespace(self.scale).log(self.scale)

    def width(self) -> Array:
        return 1.5 + 0.0 * self.scale

    def tails(self) -> tuple[Tail, Tail]:
        return JUMP, algebraic(1.0)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return abs(self.scale * rng.standard_cauchy(shape))


@dataclass(frozen=True, eq=False, repr=False)
class InverseGaussian(Positive):
    """The first passage of a Brownian motion: √(λ/(2πx³)) exp(-λ(x-μ)²/(2μ²x)).

    μ is `loc`, the mean, and λ `concentration`.

    >>> from relentropy import InverseGaussian, relative_entropy
    >>> round(float(relative_entropy(InverseGaussian(1, 1), InverseGaussian(1, 2))), 12)
    0.15342640972
    """

    loc: Any
    concentration: Any
    domains: ClassVar[dict[str, Domain]] = {"loc": POSITIVE, "concentration": POSITIVE}

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        m, c = self.loc, self.concentration
        log_z = log_x - xp.log(m)
        # (x - m)² / (m² x) = (exp(log_z / 2) - exp(-log_z / 2))² / m
        root = 2 * xp.sinh(log_z / 2)
        return (xp.log(c) - 3 * log_x) / 2 - HALF_LOG_2PI - c / (2 * m) * root * root

    def centre(self) -> Array:
        xp = _array.namespace(self.loc, self.concentration)
        return xp.log(self.loc) - 0.5 * xp.log1p(self.loc / self.concentration)

    def width(self) -> Array:
        xp = _array.namespace(self.loc, self.concentration)
        return xp.sqrt(xp.log1p(self.loc / self.concentration))

    def features(self) -> list[Array]:
        xp = _array.namespace(self.loc, self.concentration)
        m, c = self.loc + 0.0 * self.concentration, self.concentration + 0.0 * self.loc
        # It turns into its tails at x ~ λ and at x ~ μ²/λ.
        return [*super().features(), xp.log(c) - 4, 2 * xp.log(m) - xp.log(c) + 4]

    def tails(self) -> tuple[Tail, Tail]:
        m, c = self.loc, self.concentration
        return stretched(1.0, c / 2 + 0.0 * m), stretched(1.0, c / (2 * m * m))

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.wald(self.loc, self.concentration, shape)


@dataclass(frozen=True, eq=False, repr=False)
class FisherSnedecor(Positive):
    """F: the ratio of two means of squares, of `df1` and of `df2` standard normals.

    >>> from relentropy import FisherSnedecor, relative_entropy
    >>> round(float(relative_entropy(FisherSnedecor(2, 2), FisherSnedecor(4, 4))), 12)
    0.208240530772
    """

    df1: Any
    df2: Any
    domains: ClassVar[dict[str, Domain]] = {"df1": POSITIVE, "df2": POSITIVE}

    def log_density_of(self, xp: Any, x: Array, log_x: Array) -> Array:
        a, b = self.df1 / 2, self.df2 / 2
        log_u = log_x + xp.log(a) - xp.log(b)
        # Above 1 from b / (a x), whose rounding a large a does not magnify.
        large = (log_u > 0) & (x < INF)
        below = xp.where(large, xp.log1p(b / a / xp.where(large, x, 1.0)), softplus(-log_u))
        return -a * below - b * softplus(log_u) - log_x - log_beta(a, b)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        log_x = point.above(0.0).log
        xp = _array.namespace(log_x)
        a, b, c, d = (f / 2 for f in (self.df1, self.df2, other.df1, other.df2))
        log_v = log_x + xp.log(c) - xp.log(d)
        # log u - log v does not depend on x.
        step = log_ratio(xp, a + 0.0 * c, c + 0.0 * a) - log_ratio(xp, b + 0.0 * d, d + 0.0 * b)
        near = xp.abs(step) < 1
        e = xp.where(near, step, 0.0)
        share = xp.exp(-softplus(-log_v))  # v / (1 + v)
        rises = xp.log1p(share * xp.expm1(e)), xp.log1p((1 - share) * xp.expm1(-e))
        up, down = softplus(log_v), softplus(-log_v)
        far = softplus(log_v + step) - up, softplus(-log_v - step) - down
        rise, fall = (xp.where(near, x, y) for x, y in zip(rises, far, strict=True))
        constant = log_beta(a, b) - log_beta(c, d)
        close = (c - a) * down - a * fall + (d - b) * up - b * rise - constant
        plain = self.log_density_at(point) - other.log_density_at(point)
        alike = (xp.abs(a - c) < c) & (xp.abs(b - d) < d)
        return xp.where(alike & (log_x == log_x), close, plain)

    def centre(self) -> Array:
        a, b, xp = self.df1 / 2, self.df2 / 2, _array.namespace(self.df1, self.df2)
        return _log_gamma_mean(a) - _log_gamma_mean(b) - xp.log(a) + xp.log(b)

    def width(self) -> Array:
        xp = _array.namespace(self.df1, self.df2)
        a, b = _log_gamma_deviation(self.df1 / 2), _log_gamma_deviation(self.df2 / 2)
        return xp.sqrt(a * a + b * b)

    def features(self) -> list[Array]:
        xp, a, b = _array.namespace(self.df1, self.df2), self.df1 / 2, self.df2 / 2
        return [y - xp.log(a) + xp.log(b) for y in log_odds_features(a, b)]

    def tails(self) -> tuple[Tail, Tail]:
        return algebraic(self.df1 / 2), algebraic(self.df2 / 2)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.f(self.df1, self.df2, shape)
