"""Changes of variable: maps of an interval onto another, one to one.

A bijection maps points, not numbers alone, so that distances from the natural ends of its domain
and of its image survive: the logarithm of x = exp(-800) is -800, though x is 0. It also says what
becomes of a tail, so that for a transformed density too it is known which expectations exist.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy._special import softplus
from relentropy.distributions.coordinates import Distance, Point
from relentropy.distributions.family import REAL, Domain, Parametric
from relentropy.distributions.tails import (
    ALGEBRAIC,
    EXPONENTIAL,
    LOGARITHMIC,
    POWER,
    Tail,
    either,
)

Array = Any
INF = float("inf")

NONZERO = Domain("finite and not 0", lambda xp, x: (x != 0) & (xp.abs(x) < INF))


@dataclass(frozen=True, eq=False, repr=False)
class Bijection(Parametric):
    """A monotone map, x to y, of `domain` onto its image."""

    domain: ClassVar[tuple[float, float]] = (-INF, INF)

    def forward(self, point: Point) -> Point:
        """The image y of a point x."""
        raise NotImplementedError

    def inverse(self, point: Point) -> Point:
        """The point x whose image is y."""
        raise NotImplementedError

    def log_slope(self, point: Point) -> Array:
        """The log of |dy/dx| at a point x."""
        raise NotImplementedError

    def is_increasing(self) -> Any:
        """True, False, or an array of both."""
        return True

    def image(self, end: Any) -> Any:
        """The limit of y where x tends to an end of the domain, or to a number inside."""
        if _array.framework(end) is not None:
            return self.forward(Point(end)).x
        end = _as_array(end)
        with _array.quiet(end):
            return float(self.forward(Point(end)).x)

    def tail(self, end: Any, tail: Tail) -> Tail:
        """The tail at the image of an end, from that at the end."""
        outer = self.is_outer(end)
        if outer is True:
            return self.outer_tail(tail)
        near = power_tail(tail, 1 / self._slope_near(end, outer))
        return near if outer is False else either(outer, self.outer_tail(tail), near)

    def is_outer(self, end: Any) -> Any:
        """Whether an end is one of the domain's own, where the slope is 0 or infinite."""
        low, high = self.domain
        return (end == low) | (end == high)

    def outer_tail(self, tail: Tail) -> Tail:
        """The tail at the image of an end of the domain."""
        raise NotImplementedError

    def scale_at(self, end: Any) -> Any:
        """Over which distance from an end the slope changes by its own size, roughly; at most 1."""
        scale: Any = 1.0
        for own in self.domain:
            if abs(own) < INF:
                away = abs(end - own)
                scale = min(scale, away) if _array.framework(away) is None else away * scale
        return scale

    def _slope_near(self, end: Any, outer: Any) -> Any:
        """|dy/dx| at an end inside the domain; any number at the others."""
        parameters = [_array.stop_gradient(x) for x in self.parameters().values()]
        if _array.framework(end) is not None:
            xp = _array.namespace(end)
            point = Point(xp.where(outer, 0.5, _array.stop_gradient(end)))
        else:
            point = Point(_as_array(end, *parameters))
        slope = _array.namespace(point.x).exp(self.log_slope(point))
        return slope if _array.framework(end) is not None or parameters else float(slope)


def exponential_tail(tail: Tail) -> Tail:
    """The tail of exp(X) from that of X."""
    exactly_one, above_one = tail.power == 1, tail.power > 1
    of_power = either(
        exactly_one,
        Tail(ALGEBRAIC, tail.rate),
        either(above_one, Tail(LOGARITHMIC, 1.0, tail.rate), Tail(ALGEBRAIC, 0.0)),
    )
    grown = either(tail.level == EXPONENTIAL, Tail(POWER, tail.rate), tail)
    grown = either(tail.level == POWER, of_power, grown)
    return either(tail.level <= LOGARITHMIC, Tail(ALGEBRAIC, 0.0), grown)


def logarithmic_tail(tail: Tail) -> Tail:
    """The tail of log X from that of X."""
    shrunk = either(tail.level == POWER, Tail(EXPONENTIAL, 1.0, tail.power), tail)
    shrunk = either(tail.level == EXPONENTIAL, Tail(EXPONENTIAL, 1.0, INF), shrunk)
    shrunk = either(tail.level == LOGARITHMIC, Tail(POWER, 2.0, tail.rate), shrunk)
    return either(tail.level == ALGEBRAIC, Tail(POWER, 1.0, tail.power), shrunk)


def power_tail(tail: Tail, scale: Any, exponent: Any = 1.0) -> Tail:
    """The tail of scale · X^exponent from that of X; both are positive."""
    of_power = Tail(POWER, tail.power / exponent, tail.rate * scale ** (-tail.power / exponent))
    # exp(rate X) of a root of the variable has no name here: it is beyond every power.
    same = Tail(EXPONENTIAL, 1.0, tail.rate / scale)
    faster, slower = Tail(EXPONENTIAL, 1.0, INF), Tail(POWER, INF)
    of_exponential = either(exponent == 1.0, same, either(exponent < 1.0, faster, slower))
    moved = either(tail.level == POWER, of_power, tail)
    moved = either(tail.level == EXPONENTIAL, of_exponential, moved)
    squared = Tail(LOGARITHMIC, 1.0, tail.rate / (exponent * exponent))
    moved = either(tail.level == LOGARITHMIC, squared, moved)
    return either(tail.level == ALGEBRAIC, Tail(ALGEBRAIC, tail.power / exponent), moved)


def _as_array(x: float, *others: Array) -> Array:
    if others:
        return _array.constant_like(others[0], x)
    import numpy

    return numpy.asarray(x)


def _is_positive(x: Array) -> Any:
    """True or False where that is known and the same for all, otherwise an array."""
    positive = _array.stop_gradient(x) > 0
    xp = _array.namespace(positive)
    if _array.known(xp.all(positive)):
        return True
    return False if _array.known(xp.all(~positive)) else positive


class _Moved(Point):
    """A point mapped by y = loc + scale x, whose distances are multiples of those it had."""

    __slots__ = ("_back", "_scale", "_source")

    def __init__(self, source: Point, there: Any, back: Any, scale: Array) -> None:
        super().__init__(there(source.x))
        self._source, self._back, self._scale = source, back, scale

    def above(self, low: Any) -> Distance:
        return self._distance(low, "above", "below")

    def below(self, high: Any) -> Distance:
        return self._distance(high, "below", "above")

    def _distance(self, end: Any, same: str, other: str) -> Distance:
        rises, xp = _is_positive(self._scale), _array.namespace(self._scale)
        if not isinstance(rises, bool):  # traced, or of both signs
            plain = Point(self.x)
            return plain.above(end) if same == "above" else plain.below(end)
        d = getattr(self._source, same if rises else other)(self._back(end))
        size = xp.abs(self._scale)
        return Distance(d.value * size, d.log + xp.log(size))


@dataclass(frozen=True, eq=False, repr=False)
class Affine(Bijection):
    """Y = loc + scale x, scale not 0.

    >>> from relentropy import Affine, Exponential, Transformed, relative_entropy
    >>> p, q = (Transformed(Exponential(rate), Affine(3, -2)) for rate in (1, 2))
    >>> round(float(relative_entropy(p, q)), 12)
    0.30685281944
    """

    loc: Any = 0.0
    scale: Any = 1.0
    domains: ClassVar[dict[str, Domain]] = {"loc": REAL, "scale": NONZERO}

    def forward(self, point: Point) -> Point:
        return _Moved(point, self._forward, self._inverse, self.scale)

    def inverse(self, point: Point) -> Point:
        return _Moved(point, self._inverse, self._forward, 1 / self.scale)

    def _forward(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_slope(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        return xp.log(xp.abs(self.scale)) + xp.zeros_like(point.x)

    def is_increasing(self) -> Any:
        return _is_positive(self.scale)

    def image(self, end: Any) -> Any:
        if _array.framework(end) is None and abs(end) == INF:
            rises = self.is_increasing()
            if isinstance(rises, bool):
                return end if rises else -end
        return self.loc + self.scale * end

    def outer_tail(self, tail: Tail) -> Tail:
        scale = _array.namespace(self.scale).abs(_array.stop_gradient(self.scale))
        return power_tail(tail, scale)


@dataclass(frozen=True, eq=False, repr=False)
class Exp(Bijection):
    """Y = exp(x), of the line onto the positive numbers.

    >>> from relentropy import Exp, LogNormal, Normal, Transformed, relative_entropy
    >>> float(relative_entropy(Transformed(Normal(0, 1), Exp()), LogNormal(1, 1)))
    0.5
    """

    def forward(self, point: Point) -> Point:
        xp = _array.namespace(point.x)
        y = xp.exp(point.x)
        return Point(y, 0.0, Distance(y, point.x))

    def inverse(self, point: Point) -> Point:
        return Point(point.above(0.0).log)

    def log_slope(self, point: Point) -> Array:
        return point.x

    def outer_tail(self, tail: Tail) -> Tail:
        return exponential_tail(tail)


@dataclass(frozen=True, eq=False, repr=False)
class Log(Bijection):
    """Y = log x, of the positive numbers onto the line.

    >>> from relentropy import Exponential, Gamma, Log, Transformed, relative_entropy
    >>> p, q = (Transformed(f, Log()) for f in (Exponential(1), Gamma(2, 1)))
    >>> round(float(relative_entropy(p, q)), 12)
    0.577215664902
    """

    domain: ClassVar[tuple[float, float]] = (0.0, INF)

    def forward(self, point: Point) -> Point:
        return Point(point.above(0.0).log)

    def inverse(self, point: Point) -> Point:
        return Exp().forward(point)

    def log_slope(self, point: Point) -> Array:
        return -point.above(0.0).log

    def outer_tail(self, tail: Tail) -> Tail:
        return logarithmic_tail(tail)


@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(Bijection):
    """Y = 1 / (1 + exp(-x)), of the line onto (0, 1).

    >>> from relentropy import LogitNormal, Normal, Sigmoid, Transformed, relative_entropy
    >>> float(relative_entropy(Transformed(Normal(0, 1), Sigmoid()), LogitNormal(1, 1)))
    0.5
    """

    def forward(self, point: Point) -> Point:
        xp = _array.namespace(point.x)
        log_y, log_rest = -softplus(-point.x), -softplus(point.x)
        y, rest = (Distance(xp.exp(d), d) for d in (log_y, log_rest))
        return Point(y.value, 0.0, y, 1.0, rest)

    def inverse(self, point: Point) -> Point:
        return Point(point.above(0.0).log - point.below(1.0).log)

    def log_slope(self, point: Point) -> Array:
        return -softplus(-point.x) - softplus(point.x)

    def outer_tail(self, tail: Tail) -> Tail:
        return exponential_tail(tail)


@dataclass(frozen=True, eq=False, repr=False)
class Logit(Bijection):
    """Y = log(x / (1 - x)), of (0, 1) onto the line.

    >>> from relentropy import Logistic, Logit, Transformed, Uniform, relative_entropy
    >>> p = Transformed(Uniform(0, 1), Logit())
    >>> abs(float(relative_entropy(p, Logistic(0, 1)))) < 1e-15
    True
    """

    domain: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def forward(self, point: Point) -> Point:
        return Sigmoid().inverse(point)

    def inverse(self, point: Point) -> Point:
        return Sigmoid().forward(point)

    def log_slope(self, point: Point) -> Array:
        return -point.above(0.0).log - point.below(1.0).log

    def outer_tail(self, tail: Tail) -> Tail:
        return logarithmic_tail(tail)


@dataclass(frozen=True, eq=False, repr=False)
class Tanh(Bijection):
    """Y = tanh x, of the line onto (-1, 1).

    >>> from relentropy import Logistic, Tanh, Transformed, Uniform, relative_entropy
    >>> p = Transformed(Logistic(0, 0.5), Tanh())
    >>> abs(float(relative_entropy(p, Uniform(-1, 1)))) < 1e-15
    True
    """

    def forward(self, point: Point) -> Point:
        xp, x = _array.namespace(point.x), point.x
        # 1 + tanh x = 2 sigmoid(2x), on either side.
        log_above, log_below = (math.log(2) - softplus(s * 2 * x) for s in (-1, 1))
        above, below = (Distance(xp.exp(d), d) for d in (log_above, log_below))
        return Point(xp.tanh(x), -1.0, above, 1.0, below)

    def inverse(self, point: Point) -> Point:
        return Point((point.above(-1.0).log - point.below(1.0).log) / 2)

    def log_slope(self, point: Point) -> Array:
        x = 2 * point.x
        return 2 * math.log(2) - softplus(-x) - softplus(x)

    def outer_tail(self, tail: Tail) -> Tail:
        return exponential_tail(power_tail(tail, 2.0))


@dataclass(frozen=True, eq=False, repr=False)
class Power(Bijection):
    """Y = x^exponent, of the positive numbers onto themselves; exponent not 0.

    >>> from relentropy import Exponential, Power, Transformed, Weibull, relative_entropy
    >>> p = Transformed(Exponential(1), Power(0.5))
    >>> abs(float(relative_entropy(p, Weibull(1, 2)))) < 1e-15
    True
    """

    exponent: Any = 1.0
    domain: ClassVar[tuple[float, float]] = (0.0, INF)
    domains: ClassVar[dict[str, Domain]] = {"exponent": NONZERO}

    def forward(self, point: Point) -> Point:
        log_y = self.exponent * point.above(0.0).log
        y = _array.namespace(log_y).exp(log_y)
        return Point(y, 0.0, Distance(y, log_y))

    def inverse(self, point: Point) -> Point:
        log_x = point.above(0.0).log / self.exponent
        x = _array.namespace(log_x).exp(log_x)
        return Point(x, 0.0, Distance(x, log_x))

    def log_slope(self, point: Point) -> Array:
        xp = _array.namespace(self.exponent)
        return xp.log(xp.abs(self.exponent)) + (self.exponent - 1) * point.above(0.0).log

    def is_increasing(self) -> Any:
        return _is_positive(self.exponent)

    def image(self, end: Any) -> Any:
        rises = self.is_increasing()
        if _array.framework(end) is None and end in (0, INF) and isinstance(rises, bool):
            return end if rises else (INF if end == 0 else 0.0)
        return end**self.exponent

    def outer_tail(self, tail: Tail) -> Tail:
        size = _array.namespace(self.exponent).abs(_array.stop_gradient(self.exponent))
        return power_tail(tail, 1.0, size)


class Compose(Bijection):
    """Several bijections, one after the other: Compose(f, g) is y = g(f(x)).

    >>> from relentropy import Affine, Compose, Exp, LogNormal, Normal, Transformed
    >>> from relentropy import relative_entropy
    >>> p = Transformed(Normal(0, 1), Compose(Affine(1, 2), Exp()))
    >>> abs(float(relative_entropy(p, LogNormal(1, 2)))) < 1e-15
    True
    """

    def __init__(self, *steps: Bijection) -> None:
        if not steps or not all(isinstance(f, Bijection) for f in steps):
            raise TypeError(f"Compose takes bijections such as Exp() or Affine(0, 2), got {steps}")
        flat = [g for f in steps for g in (f.steps if isinstance(f, Compose) else (f,))]
        object.__setattr__(self, "steps", tuple(flat))
        object.__setattr__(self, "plain", all(f.plain for f in flat))

    steps: tuple[Bijection, ...]

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.steps))})"

    def arrays(self) -> list[Array]:
        return [x for f in self.steps for x in f.arrays()]

    def mapped(self, f: Any) -> "Compose":
        return Compose(*(g.mapped(f) for g in self.steps))

    def forward(self, point: Point) -> Point:
        for f in self.steps:
            point = f.forward(point)
        return point

    def inverse(self, point: Point) -> Point:
        for f in reversed(self.steps):
            point = f.inverse(point)
        return point

    def log_slope(self, point: Point) -> Array:
        total = 0.0
        for f in self.steps:
            total, point = total + f.log_slope(point), f.forward(point)
        return total

    def is_increasing(self) -> Any:
        rises: Any = True
        for f in self.steps:
            other = f.is_increasing()
            rises = rises == other
        return rises

    def image(self, end: Any) -> Any:
        for f in self.steps:
            end = f.image(end)
        return end

    def tail(self, end: Any, tail: Tail) -> Tail:
        for f in self.steps:
            end, tail = f.image(end), f.tail(end, tail)
        return tail


def same_bijection(f: Bijection, g: Bijection) -> bool | None:
    """Whether two are the same map; None where their parameters cannot be compared."""
    if isinstance(f, Compose) and isinstance(g, Compose):
        if len(f.steps) != len(g.steps):
            return False
        pairs = [same_bijection(*pair) for pair in zip(f.steps, g.steps, strict=True)]
        return False if False in pairs else None if None in pairs else True
    if type(f) is not type(g):
        return False
    results = []
    for a, b in zip(f.arrays(), g.arrays(), strict=True):
        if a is not b:
            xp = _array.namespace(a, b)
            results.append(_array.known(xp.all(a == b)))
    return False if False in results else None if None in results else True


__all__ = [
    "Affine",
    "Bijection",
    "Compose",
    "Exp",
    "Log",
    "Logit",
    "Power",
    "Sigmoid",
    "Tanh",
]
