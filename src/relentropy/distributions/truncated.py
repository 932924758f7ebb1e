"""The normal distribution on part of the line."""

from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._scalar import NEAR
from relentropy._special import GAUSS, log_mills, log_ndtr
from relentropy.distributions.coordinates import Point
from relentropy.distributions.family import EXTENDED, POSITIVE, REAL, Domain
from relentropy.distributions.interval import Between
from relentropy.distributions.line import HALF_LOG_2PI
from relentropy.distributions.tails import Tail

Array = Any
INF = float("inf")


@dataclass(frozen=True, eq=False, repr=False)
class TruncatedNormal(Between):
    """A normal x of mean `loc` and deviation `scale`, given that low <= x <= high.

    >>> from relentropy import Normal, TruncatedNormal, relative_entropy
    >>> p = TruncatedNormal(0, 1, low=0, high=float("inf"))
    >>> round(float(relative_entropy(p, Normal(0, 1), base=2)), 12)
    1.0
    """

    loc: Any = 0.0
    scale: Any = 1.0
    low: Any = -INF
    high: Any = INF
    domains: ClassVar[dict[str, Domain]] = {
        "loc": REAL,
        "scale": POSITIVE,
        "low": EXTENDED,
        "high": EXTENDED,
    }

    def log_density_at(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        end, sign = self._nearest_end(xp)
        z0 = (end - self.loc) / self.scale
        # Measured from the end nearest to the middle: the density relative to that end.
        above, below = point.above(self.low).value, point.below(self.high).value
        d = xp.where(sign > 0, above, xp.where(sign < 0, -below, point.x - self.loc)) / self.scale
        return -d * (d / 2 + z0) - self._log_mass(xp) - xp.log(self.scale)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        xp = _array.namespace(point.x)
        plain = self.log_density_at(point) - other.log_density_at(point)
        # (z² - w²) / 2 from the differences of the parameters, where both middles are inside.
        z, w = ((point.x - f.loc) / f.scale for f in (self, other))
        gap = (z * (other.scale - self.scale) - (self.loc - other.loc)) / other.scale
        near = (xp.abs(gap) < NEAR) & (xp.abs(z) < 1e100)
        for f in (self, other):
            near = near & (f.low <= f.loc) & (f.loc <= f.high)
        z, w, gap = (xp.where(near, x, 0.0) for x in (z, w, gap))
        # Summed alike, so that equal ones cancel exactly.
        own, others = (f._log_mass(xp) + xp.log(f.scale) for f in (self, other))
        return xp.where(near, (others - own) - gap * (z + w) / 2, plain)

    def _nearest_end(self, xp: Any) -> tuple[Array, Array]:
        """The end beyond which the middle lies, and on which side the support is; loc and 0."""
        zero = 0.0 * (self.loc + self.scale)
        below, above = self.low > self.loc, self.high < self.loc
        end = xp.where(below, self.low, xp.where(above, self.high, self.loc + zero))
        return end, xp.where(below, 1.0 + zero, xp.where(above, zero - 1.0, zero))

    def _log_mass(self, xp: Any) -> Array:
        """The log of the mass relative to the density at the nearest end, in units of scale."""
        zero = xp.zeros_like(self.loc + self.scale)
        has_low, has_high = self.low > -INF + zero, self.high < INF + zero
        # Infinite ends are replaced before the arithmetic, whose derivative they would spoil.
        low, high = xp.where(has_low, self.low, self.loc), xp.where(has_high, self.high, self.loc)
        a, b = ((x - self.loc) / self.scale for x in (low, high))
        # On the low side of the middle, where distribution functions do not cancel.
        flip = has_low & (a > 0)
        a, b = xp.where(flip, -b, a), xp.where(flip, -a, b)
        has_low, has_high = (
            xp.where(flip, has_high, has_low),
            xp.where(flip, has_low, has_high),
        )
        b = xp.where(has_high, b, INF)
        # At a = 0 and b = 0 both sides agree, and either keeps the derivative.
        b0 = xp.where(b <= 0, b, 0.0)
        # log Φ(b) + b²/2 + log √(2π) where b < 0 is Mills' ratio, in which b² does not cancel.
        direct = log_ndtr(xp.where((b > 0) & has_high, b, 0.0)) + HALF_LOG_2PI
        direct = xp.where(has_high, direct, HALF_LOG_2PI)
        total = xp.where(b > 0, direct, log_mills(b0))
        narrow = has_low & has_high & (b - a < 0.5) & ((b - a) * (xp.abs(a) + xp.abs(b)) < 0.5)
        a0 = xp.where(has_low & (a <= 0), a, 0.0)
        # log Φ(a) - log Φ(b), relative to the density at b0.
        gap = log_mills(a0) - (a0 - b0) * (a0 + b0) / 2 - total
        share = xp.log(-xp.expm1(xp.where(has_low, gap, -1.0)))
        value = total + xp.where(has_low, share, 0.0)
        return xp.where(narrow, self._log_narrow_mass(xp, a, b, b0, narrow), value)

    @staticmethod
    def _log_narrow_mass(xp: Any, a: Array, b: Array, b0: Array, narrow: Array) -> Array:
        """The same between ends so close that distribution functions would cancel."""
        a, b, b0 = (xp.where(narrow, x, y) for x, y in ((a, 0.0), (b, 1.0), (b0, 0.0)))
        z = [a + u * (b - a) for u, _ in GAUSS]
        terms = [w * xp.exp(-(x - b0) * (x + b0) / 2) for x, (_, w) in zip(z, GAUSS, strict=True)]
        return xp.log(b - a) + xp.log(sum(terms))

    def _inside(self, x: Array, reach: Array) -> Array:
        """X brought into the support, a little off its ends, as a coordinate."""
        xp = _array.namespace(x)
        finite = (self.low > -INF) & (self.high < INF)
        width = xp.where(finite, self.high - self.low, INF + xp.zeros_like(x))
        off = xp.minimum(1e-3 * reach + xp.zeros_like(x), width / 4)
        x = xp.where(self.low > -INF, xp.maximum(x, self.low + off), x)
        x = xp.where(self.high < INF, xp.minimum(x, self.high - off), x)
        return self.coordinate().of(Point(x))

    def features(self) -> list[Array]:
        xp = _array.namespace(self.loc)
        zero = 0.0 * (self.loc + self.scale + xp.where(self.low < self.high, 0.0 * self.loc, 0.0))
        end, sign = self._nearest_end(xp)
        z0 = xp.abs(end - self.loc) / self.scale
        # Beyond an end that lies far out the density falls as exp(-z0 d).
        reach = xp.where(sign == 0, self.scale, self.scale / (1 + z0))
        around = [end + k * reach + zero for k in (-9, -4, -1.5, 0, 1.5, 4, 9)]
        return [self._inside(x, reach) for x in around]

    def centre(self) -> Array:
        return self.features()[3]

    def width(self) -> Array:
        xp = _array.namespace(self.loc)
        first, *_, last = self.features()
        return xp.maximum(0.1 * (last - first), xp.zeros_like(last) + 1e-6) + 0.0 * last

    def tails(self) -> tuple[Tail, Tail]:
        return self._tail(self.low), self._tail(self.high)

    def _tail(self, end: Array) -> Tail:
        xp = _array.namespace(end)
        zero = 0.0 * (self.loc + self.scale)
        infinite = (end == INF) | (end == -INF)
        level, power = (xp.where(infinite, a + zero, b + zero) for a, b in ((2.0, 0.0), (2.0, 1.0)))
        return Tail(level, power, 0.5 / self.scale**2 + zero)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        from scipy.stats import truncnorm

        a, b = (self.low - self.loc) / self.scale, (self.high - self.loc) / self.scale
        return truncnorm.rvs(a, b, self.loc, self.scale, size=shape, random_state=rng)
