"""Families on the whole line."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._scalar import NEAR
from relentropy._special import log_beta, softplus
from relentropy.distributions.coordinates import Coordinate, Line, Point, Stretched
from relentropy.distributions.family import POSITIVE, REAL, Continuous, Domain
from relentropy.distributions.tails import Tail, algebraic, double_exponential, stretched

Array = Any
INF = float("inf")
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

LOC_SCALE = {"loc": REAL, "scale": POSITIVE}


class LocationScale(Continuous):
    """A fixed density, moved by `loc` and stretched by `scale`: f((x - loc) / scale) / scale."""

    loc: Any
    scale: Any
    domains: ClassVar[dict[str, Domain]] = LOC_SCALE

    @property
    def support(self) -> tuple[float, float]:
        return -INF, INF

    def coordinate(self) -> Coordinate:
        return Line(self.loc)

    def centre(self) -> Array:
        return 0.0 * self.loc

    def width(self) -> Array:
        return self.scale

    def standardized(self, point: Point) -> Array:
        return point.minus(self.loc) / self.scale

    def step(self, other: Any, point: Point) -> tuple[Array, Array]:
        """The standardised x of the other, and by how much one's own is larger."""
        z = self.standardized(point)
        gap = z * (other.scale - self.scale) - (self.loc - other.loc)
        return other.standardized(point), gap / other.scale

    def log_density_at(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        return self.log_standard_density(xp, self.standardized(point)) - xp.log(self.scale)

    def log_standard_density(self, xp: Any, z: Array) -> Array:
        raise NotImplementedError

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.loc + self.scale * self._standard_sample(rng, shape)

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class Normal(LocationScale):
    """The normal distribution: density exp(-z²/2) / (scale √(2π)), z = (x - loc) / scale.

    >>> from relentropy import Normal, relative_entropy
    >>> float(relative_entropy(Normal(0, 1), Normal(1, 1)))
    0.5
    """

    loc: Any = 0.0
    scale: Any = 1.0

    def log_standard_density(self, xp: Any, z: Array) -> Array:
        return -z * z / 2 - HALF_LOG_2PI

    def tails(self) -> tuple[Tail, Tail]:
        tail = stretched(2.0, 0.5 / self.scale**2)
        return tail, tail

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.standard_normal(shape)


@dataclass(frozen=True, eq=False, repr=False)
class StudentT(LocationScale):
    """Student's t: density proportional to (1 + z²/df)^(-(df+1)/2) / scale, z = (x - loc) / scale.

    >>> from relentropy import Normal, StudentT, relative_entropy
    >>> float(relative_entropy(StudentT(2), Normal(0, 1)))  # no second moment
    inf
    """

    df: Any
    loc: Any = 0.0
    scale: Any = 1.0

    domains: ClassVar[dict[str, Domain]] = {"df": POSITIVE, **LOC_SCALE}

    def coordinate(self) -> Coordinate:
        # Beyond the bulk, at √df scales, the tail is algebraic.
        return Stretched(self.loc, self.scale * _array.namespace(self.df).sqrt(1 + self.df))

    def centre(self) -> Array:
        return 0.0 * self.loc

    def width(self) -> Array:
        return 1 / _array.namespace(self.df).sqrt(1 + self.df) + 0.0 * self.loc

    def features(self) -> list[Array]:
        w = self.width()
        return [-1 - 4 / self.df - w, -4 * w, 0 * w, 4 * w, 1 + 4 / self.df + w]

    def log_density_at(self, point: Point) -> Array:
        xp, half = _array.namespace(point.x), self.df / 2
        constant = log_beta(half, xp.full_like(half, 0.5)) + xp.log(self.df) / 2
        log_u = _log1p_square(xp, self, point, self.df)
        return -(half + 0.5) * log_u - constant - xp.log(self.scale)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        xp, n, m = _array.namespace(point.x), self.df, other.df
        z, d = self.step(other, point)
        # log(1 + a²/n) - log(1 + z²/m) with a = z + d, relative to the second.
        a, moderate = z + d, xp.abs(z) < 1e10
        z0, d0, a0 = (xp.where(moderate, x, 0.0) for x in (z, d, a))
        x = (d0 * (a0 + z0) - a0 * a0 * ((n - m) / n)) / (m + z0 * z0)
        near = moderate & (xp.abs(x) < NEAR)
        log_u = _log1p_square(xp, other, point, m)
        step = xp.where(
            near, xp.log1p(xp.where(near, x, 0.0)), _log1p_square(xp, self, point, n) - log_u
        )
        constant = other.log_density_at(Point(other.loc)) - self.log_density_at(Point(self.loc))
        return -(n + 1) / 2 * step - (n - m) / 2 * log_u - constant

    def tails(self) -> tuple[Tail, Tail]:
        return algebraic(self.df), algebraic(self.df)

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.standard_t(self.df, shape)


def _log1p_square(xp: Any, p: LocationScale, point: Point, n: Any) -> Array:
    """log(1 + z²/n), where z² or x may be beyond the largest number; n may be None for 1."""
    d = point.minus(p.loc)
    infinite = xp.abs(point.x) == INF
    large = (xp.abs(d) > 1e10 * p.scale) & ~infinite
    moderate = xp.where(large | infinite, 0.0, d) / p.scale
    log_z = xp.log(xp.abs(xp.where(large, d, 1.0))) - xp.log(p.scale)
    if point.log_size is not None:
        log_z = xp.where(infinite, point.log_size - xp.log(p.scale), log_z)
    else:
        log_z = xp.where(infinite, INF, log_z)
    log_n, n = (xp.log(n), n) if n is not None else (0.0, 1.0)
    return xp.where(large | infinite, 2 * log_z - log_n, xp.log1p(moderate * moderate / n))


@dataclass(frozen=True, eq=False, repr=False)
class Cauchy(LocationScale):
    """The Cauchy distribution: density 1 / (π scale (1 + z²)), z = (x - loc) / scale.

    >>> from relentropy import Cauchy, Normal, relative_entropy
    >>> float(relative_entropy(Cauchy(0, 1), Normal(0, 1)))  # the expectation does not exist
    inf
    """

    loc: Any = 0.0
    scale: Any = 1.0

    def coordinate(self) -> Coordinate:
        return Stretched(self.loc, self.scale)

    def centre(self) -> Array:
        return 0.0 * self.loc

    def width(self) -> Array:
        return 1.0 + 0.0 * (self.loc + self.scale)

    def log_density_at(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        return -_log1p_square(xp, self, point, None) - math.log(math.pi) - xp.log(self.scale)

    def tails(self) -> tuple[Tail, Tail]:
        return algebraic(1.0), algebraic(1.0)

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.standard_cauchy(shape)


@dataclass(frozen=True, eq=False, repr=False)
class Laplace(LocationScale):
    """The Laplace distribution: density exp(-|z|) / (2 scale), z = (x - loc) / scale.

    >>> from relentropy import Laplace, relative_entropy
    >>> round(float(relative_entropy(Laplace(0, 1), Laplace(1, 1))), 12)
    0.367879441171
    """

    loc: Any = 0.0
    scale: Any = 1.0

    def kinks(self) -> list[Array]:
        return [self.loc]

    def log_standard_density(self, xp: Any, z: Array) -> Array:
        return -xp.abs(z) - math.log(2)

    def tails(self) -> tuple[Tail, Tail]:
        tail = stretched(1.0, 1 / self.scale)
        return tail, tail

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.laplace(size=shape)


@dataclass(frozen=True, eq=False, repr=False)
class AsymmetricLaplace(LocationScale):
    """Laplace's with unlike sides: exp(-|z| κ^sign(z)) / (scale (κ + 1/κ)), κ = asymmetry.

    >>> from relentropy import AsymmetricLaplace, Laplace, relative_entropy
    >>> float(relative_entropy(AsymmetricLaplace(0, 1, 1), Laplace(0, 1)))
    0.0
    """

    loc: Any = 0.0
    scale: Any = 1.0
    asymmetry: Any = 1.0

    domains: ClassVar[dict[str, Domain]] = {**LOC_SCALE, "asymmetry": POSITIVE}

    def kinks(self) -> list[Array]:
        return [self.loc]

    def rates(self) -> tuple[Array, Array]:
        """1 / (mean distance) of the low side and of the high side."""
        return 1 / (self.scale * self.asymmetry), self.asymmetry / self.scale

    def features(self) -> list[Array]:
        low, high = self.rates()
        middle = 0.0 * self.loc
        return [middle - 4 / low, middle, middle + 4 / high]

    def log_standard_density(self, xp: Any, z: Array) -> Array:
        k = self.asymmetry
        return -xp.abs(z) * xp.where(z < 0, 1 / k, k) - xp.log(k + 1 / k)

    def tails(self) -> tuple[Tail, Tail]:
        low, high = self.rates()
        return stretched(1.0, low), stretched(1.0, high)

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        k = self.asymmetry
        return rng.standard_exponential(shape) / k - rng.standard_exponential(shape) * k


@dataclass(frozen=True, eq=False, repr=False)
class Logistic(LocationScale):
    """The logistic distribution: density exp(-z) / (scale (1 + exp(-z))²).

    >>> from relentropy import Logistic, relative_entropy
    >>> round(float(relative_entropy(Logistic(0, 1), Logistic(0, 2))), 12)
    0.263943507355
    """

    loc: Any = 0.0
    scale: Any = 1.0

    def log_standard_density(self, xp: Any, z: Array) -> Array:
        a = xp.abs(z)
        return -a - 2 * softplus(-a)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        xp = _array.namespace(point.x)
        z, d = self.step(other, point)
        near = xp.abs(d) < 1
        far = self.log_standard_density(xp, z + d) - self.log_standard_density(xp, z)
        # The density is even: on the side on which z is positive, from 1 + exp(-z).
        d = xp.where(near, xp.where(z < 0, -d, d), 0.0)
        u = xp.exp(-xp.abs(z))
        step = -d - 2 * xp.log1p(u / (1 + u) * xp.expm1(-d))
        return xp.where(near, step, far) + xp.log(other.scale) - xp.log(self.scale)

    def tails(self) -> tuple[Tail, Tail]:
        tail = stretched(1.0, 1 / self.scale)
        return tail, tail

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.logistic(size=shape)


@dataclass(frozen=True, eq=False, repr=False)
class Gumbel(LocationScale):
    """Gumbel's distribution of maxima: density exp(-z - exp(-z)) / scale.

    >>> from relentropy import Gumbel, relative_entropy
    >>> round(float(relative_entropy(Gumbel(0, 1), Gumbel(1, 1))), 12)
    0.718281828459
    """

    loc: Any = 0.0
    scale: Any = 1.0

    def log_standard_density(self, xp: Any, z: Array) -> Array:
        return -z - xp.exp(-z)

    def features(self) -> list[Array]:
        return [0.0 * self.loc + k * self.scale for k in (-3, 0, 3, 12)]

    def tails(self) -> tuple[Tail, Tail]:
        return double_exponential(1 / self.scale), stretched(1.0, 1 / self.scale)

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.gumbel(size=shape)


@dataclass(frozen=True, eq=False, repr=False)
class Moyal(LocationScale):
    """Moyal's distribution of energy loss: density exp(-(z + exp(-z)) / 2) / (scale √(2π)).

    >>> from relentropy import Moyal, relative_entropy
    >>> round(float(relative_entropy(Moyal(0, 1), Moyal(1, 1))), 12)
    0.35914091423
    """

    loc: Any = 0.0
    scale: Any = 1.0

    def log_standard_density(self, xp: Any, z: Array) -> Array:
        return -(z + xp.exp(-z)) / 2 - HALF_LOG_2PI

    def features(self) -> list[Array]:
        return [0.0 * self.loc + k * self.scale for k in (-3, 0, 3, 12)]

    def tails(self) -> tuple[Tail, Tail]:
        return double_exponential(1 / self.scale), stretched(1.0, 0.5 / self.scale)

    def _standard_sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return -2 * _log_abs_normal(rng, shape)


def _log_abs_normal(rng: Any, shape: tuple[int, ...]) -> Any:
    """exp(-z) is the square of a standard normal."""
    import numpy

    return numpy.log(numpy.abs(rng.standard_normal(shape)))


__all__ = [
    "AsymmetricLaplace",
    "Cauchy",
    "Gumbel",
    "Laplace",
    "Logistic",
    "Moyal",
    "Normal",
    "StudentT",
]
