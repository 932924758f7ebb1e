"""Power laws above a threshold: Pareto's, and what exceeds a high threshold of anything."""

from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._scalar import NEAR, log_ratio
from relentropy._special import softplus
from relentropy.distributions.coordinates import Point
from relentropy.distributions.family import POSITIVE, REAL, Continuous, Domain
from relentropy.distributions.tails import JUMP, Tail, algebraic

Array = Any
INF = float("inf")


@dataclass(frozen=True, eq=False, repr=False)
class Pareto(Continuous):
    """A power law above `scale`: density alpha scale^alpha / x^(alpha+1), x >= scale.

    >>> from relentropy import Pareto, relative_entropy
    >>> round(float(relative_entropy(Pareto(1, 1), Pareto(1, 2))), 12)
    0.30685281944
    """

    scale: Any
    alpha: Any
    domains: ClassVar[dict[str, Domain]] = {"scale": POSITIVE, "alpha": POSITIVE}

    @property
    def support(self) -> tuple[Array, float]:
        return self.scale, INF

    def log_density_at(self, point: Point) -> Array:
        # log(x / scale) from the distance, whose logarithm is known beyond the largest number too.
        d, s = point.above(self.scale), self.scale
        xp = _array.namespace(d.value)
        log_z = softplus(d.log - xp.log(s))
        return xp.log(self.alpha) - xp.log(s) - (self.alpha + 1) * log_z

    def centre(self) -> Array:
        xp = _array.namespace(self.scale, self.alpha)
        return xp.log(self.scale) + xp.log(
            xp.expm1(xp.minimum(0.7 / self.alpha, 1.0 + 0 * self.alpha))
        )

    def width(self) -> Array:
        return 1.0 + 1 / self.alpha + 0.0 * self.scale

    def features(self) -> list[Array]:
        xp = _array.namespace(self.scale, self.alpha)
        bend = xp.log(self.scale) + 0.0 * self.alpha
        w = 1 / self.alpha + 0.0 * self.scale
        return [bend - 4 - xp.log1p(self.alpha), bend, bend + 2 + 4 * w]

    def tails(self) -> tuple[Tail, Tail]:
        return JUMP, algebraic(self.alpha)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return self.scale * (1 + rng.pareto(self.alpha, shape))


@dataclass(frozen=True, eq=False, repr=False)
class GeneralizedPareto(Continuous):
    """What exceeds a high threshold: density (1 + ξz)^(-1/ξ-1) / scale, z = (x - loc)/scale >= 0.

    ξ is `concentration`: 0 is the exponential distribution, below 0 the support ends at
    loc - scale/ξ.

    >>> from relentropy import GeneralizedPareto, relative_entropy
    >>> round(float(relative_entropy(GeneralizedPareto(0, 1, 0), GeneralizedPareto(0, 0.5, 0))), 12)
    0.30685281944
    """

    loc: Any
    scale: Any
    concentration: Any
    domains: ClassVar[dict[str, Domain]] = {"loc": REAL, "scale": POSITIVE, "concentration": REAL}

    @property
    def support(self) -> tuple[Array, Array]:
        xp = _array.namespace(self.scale)
        ends = self.concentration < 0
        reach = self.scale / xp.where(ends, -self.concentration, 1.0)
        return self.loc + 0.0 * reach, xp.where(ends, self.loc + reach, INF)

    def log_density_at(self, point: Point) -> Array:
        low, high = self.support
        z = point.above(low).value / self.scale
        xp = _array.namespace(z)
        c = self.concentration + xp.zeros_like(z)
        falling = c < 0
        near = xp.abs(c * z) < 1e-4
        # log(1 + ξz): towards a finite end from the distance to it.
        to_end = point.below(xp.where(falling, high, 1e300)).log
        to_end = to_end + xp.log(xp.where(falling, -c, 1.0)) - xp.log(self.scale)
        slope = xp.where(c > 0, c, 1.0)
        log_cz = point.above(low).log - xp.log(self.scale) + xp.log(slope)
        rising = softplus(xp.where(near | falling, 0.0, log_cz))
        log_u = xp.where(falling, xp.where(to_end > -INF, to_end, -1e300), rising)
        c1, cz = xp.where(c == 0, 1.0, c), xp.where(near, c * z, 0.0)
        series = 1 - cz * (1 / 2 - cz * (1 / 3 - cz * (1 / 4 - cz / 5)))
        power = xp.where(near, z * series, xp.where(near, 0.0, log_u) / c1)
        log_u = xp.where(near, cz * series, log_u)
        return -power - log_u - xp.log(self.scale)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        xp, c, d = _array.namespace(point.x), self.concentration, other.concentration
        distances = [point.above(f.support[0]).value for f in (self, other)]
        near = (distances[0] < 1e100) & (distances[1] < 1e100)
        z, w = (
            xp.where(near, x, 0.0) / f.scale for x, f in zip(distances, (self, other), strict=True)
        )
        plain = self.log_density_at(point) - other.log_density_at(point)
        to_end = point.below(other.support[1]).value
        to_end = xp.where(d < 0, to_end, 1.0) / other.scale
        usual = (xp.abs(c) > 1e-3) & (xp.abs(d) > 1e-3) & (c * d > 0) & near
        usual = usual & ((d > 0) | (to_end > 0))
        c, d, z, w = (xp.where(usual, x, 1.0) for x in (c, d, z, w))
        # 1 + dw, towards a finite end from the distance to it.
        v = xp.where(d < 0, -d * xp.where(usual & (d < 0), to_end, 1.0), 1 + d * w)
        # 1 + cz relative to 1 + dw, with z - w from the differences of the parameters.
        gap = (z * (other.scale - self.scale) - (self.loc - other.loc)) / other.scale
        x = (c * gap + (c - d) * w) / v
        near = usual & (xp.abs(x) < NEAR)
        step = (1 / c + 1) * xp.log1p(xp.where(near, x, 0.0))
        slope = (d - c) / (c * d) * xp.log(v)
        close = -step - slope - log_ratio(xp, self.scale + 0.0 * w, other.scale + 0.0 * w)
        return xp.where(near, close, plain)

    def centre(self) -> Array:
        xp = _array.namespace(self.scale)
        log_scale = xp.log(self.scale) + 0.0 * (self.loc + self.concentration)
        falling = self.concentration < 0
        size = xp.where(falling, -self.concentration, 1.0)
        # The median, as a log-odds between the ends.
        odds = xp.expm1(0.6931471805599453 * xp.where(falling, size, 1.0))
        return xp.where(falling, xp.log(odds), log_scale)

    def width(self) -> Array:
        c = self.concentration
        return 1.0 + abs(c) + 0.0 * (self.loc + self.scale)

    def features(self) -> list[Array]:
        xp, c = _array.namespace(self.scale), self.concentration + 0.0 * self.scale
        bend = xp.where(c < 0, 0.0 * c, xp.log(self.scale) - xp.log(xp.where(c > 1, c, 1.0)))
        bend = bend + 0.0 * self.loc
        return [*super().features(), bend - 4, bend, bend + 4]

    def tails(self) -> tuple[Tail, Tail]:
        xp, c = _array.namespace(self.scale), self.concentration + 0.0 * self.scale
        power = xp.where(c == 0, 1.0, 1 / xp.abs(xp.where(c == 0, 1.0, c)))
        level = xp.where(c == 0, 2.0 + 0 * c, 0.0 * c)
        return JUMP, Tail(level, power, 1 / self.scale + 0.0 * c)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        e, c = rng.standard_exponential(shape), self.concentration
        safe = numpy.where(c == 0, 1.0, c)
        return self.loc + self.scale * numpy.where(c == 0, e, numpy.expm1(c * e) / safe)
