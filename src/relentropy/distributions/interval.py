"""Families on an interval, in the coordinate log(distance from low / distance from high)."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._scalar import log_ratio
from relentropy._special import digamma, i0e, log_beta
from relentropy.distributions.coordinates import Distance, Point
from relentropy.distributions.family import (
    OPEN_PROBABILITY,
    POSITIVE,
    REAL,
    Continuous,
    Domain,
)
from relentropy.distributions.line import HALF_LOG_2PI
from relentropy.distributions.positive import log_odds_features
from relentropy.distributions.tails import JUMP, LOG_SQUARED, Tail, algebraic

Array = Any
INF = float("inf")


class Unit(Continuous):
    """A density on (0, 1)."""

    @property
    def support(self) -> tuple[float, float]:
        return 0.0, 1.0

    def log_density_at(self, point: Point) -> Array:
        x, rest = point.above(0.0), point.below(1.0)
        return self.log_density_of(_array.namespace(x.value), x, rest)

    def log_density_of(self, xp: Any, x: Distance, rest: Distance) -> Array:
        """From x and 1 - x."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class Beta(Unit):
    """The beta distribution: density x^(a-1) (1-x)^(b-1) / B(a, b).

    a is `concentration1`, b is `concentration0`.

    >>> from relentropy import Beta, relative_entropy
    >>> round(float(relative_entropy(Beta(1, 1), Beta(2, 1))), 12)
    0.30685281944
    """

    concentration1: Any
    concentration0: Any
    domains: ClassVar[dict[str, Domain]] = {
        "concentration1": POSITIVE,
        "concentration0": POSITIVE,
    }

    def log_density_of(self, xp: Any, x: Distance, rest: Distance) -> Array:
        a, b = self.concentration1, self.concentration0
        return (a - 1) * x.log + (b - 1) * rest.log - log_beta(a, b)

    def centre(self) -> Array:
        return digamma(self.concentration1) - digamma(self.concentration0)

    def width(self) -> Array:
        xp = _array.namespace(self.concentration1)
        return xp.sqrt(sum(1 / c**2 + 1 / (c + 0.6) for c in self.parameters().values()))

    def features(self) -> list[Array]:
        return log_odds_features(self.concentration1, self.concentration0)

    def tails(self) -> tuple[Tail, Tail]:
        return algebraic(self.concentration1), algebraic(self.concentration0)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.beta(self.concentration1, self.concentration0, shape)


@dataclass(frozen=True, eq=False, repr=False)
class Kumaraswamy(Unit):
    """Kumaraswamy's distribution: density a b x^(a-1) (1 - x^a)^(b-1).

    a is `concentration1`, b is `concentration0`; x^a is beta distributed with 1 and b.

    >>> from relentropy import Beta, Kumaraswamy, relative_entropy
    >>> round(float(relative_entropy(Kumaraswamy(1, 3), Beta(1, 3))), 12)
    0.0
    """

    concentration1: Any
    concentration0: Any
    domains: ClassVar[dict[str, Domain]] = {
        "concentration1": POSITIVE,
        "concentration0": POSITIVE,
    }

    def log_density_of(self, xp: Any, x: Distance, rest: Distance) -> Array:
        a, b = self.concentration1, self.concentration0
        log_power = a * x.log
        # log(1 - x^a), where x^a may be 1 to all digits: then 1 - x^a = a (1 - x).
        inside = log_power < -1e-300
        gap = xp.where(inside, -xp.expm1(xp.where(inside, log_power, -1.0)), 1.0)
        log_gap = xp.where(inside, xp.log(gap), xp.log(a) + rest.log)
        return xp.log(a) + xp.log(b) + log_power - x.log + (b - 1) * log_gap

    def _middle(self) -> Array:
        """The log-odds of the median."""
        xp = _array.namespace(self.concentration1, self.concentration0)
        log_rest = -math.log(2) / self.concentration0
        log_x = xp.log(-xp.expm1(log_rest)) / self.concentration1
        return log_x - xp.log(-xp.expm1(log_x))

    def centre(self) -> Array:
        return self._middle()

    def width(self) -> Array:
        return 1.0 + 1 / self.concentration1 + 1 / self.concentration0

    def features(self) -> list[Array]:
        c = self._middle()
        return [
            c - 4 - 4 / self.concentration1,
            c - 1.5,
            c,
            c + 1.5,
            c + 4 + 4 / self.concentration0,
        ]

    def tails(self) -> tuple[Tail, Tail]:
        zero = 0.0 * (self.concentration1 + self.concentration0)
        return algebraic(self.concentration1 + zero), algebraic(self.concentration0 + zero)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        log_rest = -rng.standard_exponential(shape) / self.concentration0
        return (-numpy.expm1(log_rest)) ** (1 / self.concentration1)


@dataclass(frozen=True, eq=False, repr=False)
class LogitNormal(Unit):
    """x whose log-odds log(x / (1-x)) are normal with mean `loc` and deviation `scale`.

    >>> from relentropy import LogitNormal, relative_entropy
    >>> float(relative_entropy(LogitNormal(0, 1), LogitNormal(1, 1)))
    0.5
    """

    loc: Any = 0.0
    scale: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"loc": REAL, "scale": POSITIVE}

    def log_density_of(self, xp: Any, x: Distance, rest: Distance) -> Array:
        z = (x.log - rest.log - self.loc) / self.scale
        return -z * z / 2 - HALF_LOG_2PI - xp.log(self.scale) - x.log - rest.log

    def centre(self) -> Array:
        return self.loc

    def width(self) -> Array:
        return self.scale

    def tails(self) -> tuple[Tail, Tail]:
        tail = LOG_SQUARED._replace(rate=0.5 / self.scale**2)
        return tail, tail

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        from scipy.special import expit

        return expit(rng.normal(self.loc, self.scale, shape))


@dataclass(frozen=True, eq=False, repr=False)
class ContinuousBernoulli(Unit):
    """Density proportional to p^x (1-p)^(1-x) on [0, 1], p = `probs` or sigmoid(`logits`).

    >>> from relentropy import ContinuousBernoulli, Uniform, relative_entropy
    >>> round(float(relative_entropy(Uniform(0, 1), ContinuousBernoulli(0.3))), 12)
    0.029736123252
    """

    probs: Any = None
    logits: Any = None
    domains: ClassVar[dict[str, Domain]] = {"probs": OPEN_PROBABILITY, "logits": REAL}

    def __post_init__(self) -> None:
        require_one(self, "probs", "logits")
        super().__post_init__()

    @property
    def natural(self) -> Array:
        """The log-odds of p."""
        return log_odds(self)

    def log_density_of(self, xp: Any, x: Distance, rest: Distance) -> Array:
        n = self.natural
        # exp(n x) n / (e^n - 1), from the end at which it is largest.
        # The size has the derivative 1 at 0, on the side of which the gap is taken.
        positive = n >= 0
        size = xp.where(positive, n, -n)
        gap = xp.where(positive, rest.value, x.value)
        return -size * gap + log_rate_over_mass(xp, size)

    def centre(self) -> Array:
        n, xp = self.natural, _array.namespace(self.natural)
        away = xp.log1p(xp.abs(n))
        return xp.where(n > 0, away, -away)

    def width(self) -> Array:
        return 1.5 + 0.0 * self.natural

    def features(self) -> list[Array]:
        return [*super().features(), 0.0 * self.natural]

    def tails(self) -> tuple[Tail, Tail]:
        return JUMP, JUMP

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        n, u = self.natural, rng.uniform(size=shape)
        size = numpy.where(n == 0, 1.0, numpy.abs(n))
        gap = numpy.where(n == 0, u, -numpy.log1p(u * numpy.expm1(-size)) / size)
        return numpy.where(n > 0, 1 - gap, gap)


def log_rate_over_mass(xp: Any, n: Array) -> Array:
    """log(n / (1 - exp(-n))), n >= 0; 0 at 0."""
    near = n < 1e-2
    small, large = xp.where(near, n, 0.0), xp.where(near, 1.0, n)
    series = small / 2 - small * small / 24 * (1 - small * small / 120)
    return xp.where(near, series, xp.log(large) - xp.log(-xp.expm1(-large)))


def require_one(family: Any, *names: str) -> None:
    given = [name for name in names if getattr(family, name) is not None]
    if len(given) != 1:
        got = " and ".join(given) or "none"
        raise TypeError(
            f"{type(family).__name__} takes exactly one of {', '.join(names)}; got {got}"
        )


def log_odds(family: Any) -> Array:
    """The logits, or log(probs / (1 - probs)); ±inf at the ends."""
    if family.logits is not None:
        return family.logits
    xp, p = _array.namespace(family.probs), family.probs
    inside = (p > 0) & (p < 1)
    safe = xp.where(inside, p, 0.5)
    ends = xp.where(p > 0.5, xp.full_like(p, INF), xp.full_like(p, -INF))
    return xp.where(inside, xp.log(safe) - xp.log1p(-safe), ends)


class Between(Continuous):
    """A density between ends that are parameters, `low` < `high`."""

    low: Any
    high: Any

    def _validate(self) -> None:
        super()._validate()
        self._require(lambda xp, a, b: a < b, "in increasing order", "low", "high")

    @property
    def support(self) -> tuple[Array, Array]:
        return self.low, self.high


@dataclass(frozen=True, eq=False, repr=False)
class Uniform(Between):
    """The uniform distribution: density 1 / (high - low).

    >>> from relentropy import Uniform, relative_entropy
    >>> float(relative_entropy(Uniform(0, 1), Uniform(0, 4), base=2))
    2.0
    """

    low: Any = 0.0
    high: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"low": REAL, "high": REAL}

    def log_density_at(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        return -xp.log(self.high - self.low) + xp.zeros_like(point.x)

    def centre(self) -> Array:
        return 0.0 * (self.low + self.high)

    def width(self) -> Array:
        return 1.0 + self.centre()

    def tails(self) -> tuple[Tail, Tail]:
        return JUMP, JUMP

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True, eq=False, repr=False)
class Triangular(Between):
    """A density that rises in a straight line from `low` to `peak` and falls to `high`.

    >>> from relentropy import Triangular, Uniform, relative_entropy
    >>> round(float(relative_entropy(Triangular(0, 1, 0.5), Uniform(0, 1))), 12)
    0.19314718056
    """

    low: Any = 0.0
    high: Any = 1.0
    peak: Any = 0.5
    domains: ClassVar[dict[str, Domain]] = {"low": REAL, "high": REAL, "peak": REAL}

    def _validate(self) -> None:
        super()._validate()
        names = ("low", "peak", "high")
        self._require(lambda xp, a, m, b: (a <= m) & (m <= b), "in increasing order", *names)

    def log_density_at(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        low, high, peak = self.low, self.high, self.peak
        before = (point.x < peak) | (peak == high)
        rise, fall = xp.where(peak > low, peak - low, 1.0), xp.where(peak < high, high - peak, 1.0)
        up, down = point.above(low).log - xp.log(rise), point.below(high).log - xp.log(fall)
        return xp.log(2 / (high - low)) + xp.where(before, up, down)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        xp = _array.namespace(point.x)
        plain = self.log_density_at(point) - other.log_density_at(point)
        before = (point.x < self.peak) & (point.x < other.peak)
        after = (point.x > self.peak) & (point.x > other.peak)
        some = before | after
        up = point.above(self.low).log - point.above(other.low).log
        down = point.below(self.high).log - point.below(other.high).log
        rises = [xp.where(before, f.peak - f.low, 1.0) for f in (self, other)]
        falls = [xp.where(after, f.high - f.peak, 1.0) for f in (self, other)]
        up, down = (xp.where(some, x, 0.0) for x in (up, down))
        steps = xp.where(before, up - log_ratio(xp, *rises), down - log_ratio(xp, *falls))
        widths = (f.high - f.low + 0.0 * point.x for f in (other, self))
        return xp.where(some, log_ratio(xp, *widths) + steps, plain)

    def kinks(self) -> list[Array]:
        return [self.peak]

    def centre(self) -> Array:
        return 0.0 * (self.low + self.high + self.peak)

    def width(self) -> Array:
        return 1.0 + self.centre()

    def tails(self) -> tuple[Tail, Tail]:
        xp = _array.namespace(self.low)
        one = 1.0 + self.centre()
        low = xp.where(self.peak == self.low, one, 2 * one)
        return algebraic(low), algebraic(xp.where(self.peak == self.high, one, 2 * one))

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        return rng.triangular(self.low, self.peak, self.high, shape)


@dataclass(frozen=True, eq=False, repr=False)
class VonMises(Continuous):
    """The von Mises distribution on [-π, π): density exp(κ cos(x - loc)) / (2π I0(κ)).

    It lives on that interval of the line, so that its divergence to families of the line is
    finite. κ is `concentration`.

    >>> from relentropy import Uniform, VonMises, relative_entropy
    >>> import math
    >>> round(float(relative_entropy(VonMises(0, 1), Uniform(-math.pi, math.pi))), 12)
    0.210475607389
    """

    loc: Any = 0.0
    concentration: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"loc": REAL, "concentration": POSITIVE}

    @property
    def support(self) -> tuple[float, float]:
        return -math.pi, math.pi

    def log_density_at(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        k, half = self.concentration, (point.x - self.loc) / 2
        # κ (cos - 1) = -2 κ sin², which does not cancel near the mode.
        return -2 * k * xp.sin(half) ** 2 - xp.log(i0e(k)) - math.log(2 * math.pi)

    def log_ratio_at(self, other: Any, point: Point) -> Array:
        xp = _array.namespace(point.x)
        k, m = self.concentration, other.concentration
        a, b = ((point.x - f.loc) / 2 for f in (self, other))
        # sin² a - sin² b = sin(a + b) sin(a - b), and a - b does not depend on x.
        step = xp.sin(a + b) * xp.sin((other.loc - self.loc) / 2)
        constant = xp.log(i0e(m)) - xp.log(i0e(k))
        return -2 * (k - m) * xp.sin(a) ** 2 - 2 * m * step + constant

    def _modes(self) -> list[Array]:
        """The mode, and the same one turn to either side, off the ends."""
        xp = _array.namespace(self.loc)
        turned = self.loc - 2 * math.pi * xp.round(self.loc / (2 * math.pi))
        w = 1 / xp.sqrt(1 + self.concentration)
        around = [turned + k * w + t for t in (0.0, -2 * math.pi, 2 * math.pi) for k in (0, -5, 5)]
        limit = math.pi * (1 - 1e-3 * w)
        return [xp.minimum(xp.maximum(x, -limit), limit) for x in around]

    def features(self) -> list[Array]:
        coordinate = self.coordinate()
        modes = [coordinate.of(Point(x)) for x in self._modes()]
        zero = 0.0 * modes[0]
        return [*modes, zero - 8, zero + 8]

    def centre(self) -> Array:
        return self.features()[0]

    def width(self) -> Array:
        return 1.0 + 0.0 * self.centre()

    def tails(self) -> tuple[Tail, Tail]:
        return JUMP, JUMP

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        x = rng.vonmises(0.0, self.concentration, shape) + self.loc
        return x - 2 * math.pi * numpy.floor(x / (2 * math.pi) + 0.5)


__all__ = [
    "Beta",
    "ContinuousBernoulli",
    "Kumaraswamy",
    "LogitNormal",
    "Triangular",
    "Uniform",
    "VonMises",
]
