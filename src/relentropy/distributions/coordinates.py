"""Where a density is looked at: points of a support, with their distances from its ends.

Near an end that is not 0, x itself rounds away what a density there depends on: 1 - x of a beta
distribution is e^-80 where x is 1. So a point carries its distances from the ends of the support
that it was made on, and a density asks for the distance, and for its logarithm, instead of
subtracting. A coordinate y of a support is chosen such that integrable singularities at its ends
become exponential tails over the whole line.
"""

import math
from typing import Any, NamedTuple, Protocol

from relentropy import _array
from relentropy._special import softplus

Array = Any
INF = float("inf")
LOG_2 = 0.6931471805599453


class Distance(NamedTuple):
    """A distance from an end of a support, and its logarithm, -inf on the wrong side."""

    value: Array
    log: Array


class Point:
    """x, and its distances above `low` and below `high` where x was made from them."""

    __slots__ = ("_above", "_below", "_high", "_low", "_offset", "_origin", "log_size", "x")

    def __init__(
        self,
        x: Array,
        low: Any = None,
        above: Distance | None = None,
        high: Any = None,
        below: Distance | None = None,
        log_size: Array | None = None,
        origin: Any = None,
        offset: Array | None = None,
    ) -> None:
        self.x, self._low, self._above, self._high, self._below = x, low, above, high, below
        self._origin, self._offset = origin, offset
        self.log_size = log_size
        """log |x| where |x| is beyond the largest number; anything elsewhere."""

    def minus(self, place: Any) -> Array:
        """X - place, from a place near both where that is known: x itself may be rounded."""
        if self._origin is None:
            return self.x - place
        return self._offset + (self._origin - place)

    def above(self, low: Any) -> Distance:
        """X - low."""
        if self._above is None:
            return _distance(self.x - low)
        return _known(self._low, low, _shifted(self._low, low, self._above), self.x - low)

    def below(self, high: Any) -> Distance:
        """High - x."""
        if self._below is None:
            return _distance(high - self.x)
        return _known(self._high, high, _shifted(high, self._high, self._below), high - self.x)


def _distance(d: Array) -> Distance:
    xp = _array.namespace(d)
    positive = d > 0
    return Distance(d, xp.where(positive, xp.log(xp.where(positive, d, 1.0)), -INF))


def _from_log(d: Array) -> Distance:
    """The distance of a logarithm; inf, without a derivative, beyond the largest number."""
    xp = _array.namespace(d)
    in_range = d < math.log(float(xp.finfo(d.dtype).max))
    return Distance(xp.where(in_range, xp.exp(xp.where(in_range, d, 0.0)), INF), d)


def _known(own: Any, asked: Any, shifted: Distance, difference: Array) -> Distance:
    """The shifted distance, or the difference where the end that the point knows is infinite."""
    if isinstance(own, float) and abs(own) < INF:
        return shifted
    xp = _array.namespace(difference)
    infinite = (abs(own) == INF) & (abs(asked) < INF) & (difference == difference)
    plain = _distance(xp.where(infinite, difference, 1.0))
    return Distance(*(xp.where(infinite, a, b) for a, b in zip(plain, shifted, strict=True)))


def _shifted(a: Any, b: Any, d: Distance) -> Distance:
    """The distance d + (a - b), and exactly d where the two ends are the same."""
    if isinstance(a, float) and isinstance(b, float) and a == b:
        return d
    xp = _array.namespace(d.value)
    gap = a - b + xp.zeros_like(d.value)  # both ends may be numbers
    # One end may be infinite where another row of the batch has a finite one.
    gap = xp.where((gap == gap) & (abs(gap) < INF), gap, xp.zeros_like(gap))
    value = d.value + gap
    same = (_array.stop_gradient(gap) == 0) & (d.log > -INF)
    # Equal ends: the exact logarithm, and the derivative 1/d of log(d + gap) towards the gap, as
    # long as it is in range; the second derivative as long as 1/d² is.
    tiny, still = _array.smallest_normal(d.value), _array.stop_gradient(d.value)
    safe = xp.where(same & (still > 4 * tiny), still, INF)
    safe = xp.where(same & (still > 4 * tiny**0.5), d.value, safe)
    moved = _distance(xp.where(same, xp.ones_like(value), value)).log
    return Distance(value, xp.where(same, d.log + gap / safe, moved))


class Placed(NamedTuple):
    """A point, and the log of |dx/dy| there."""

    point: Point
    log_jacobian: Array


class Line:
    """x = origin + y."""

    def __init__(self, origin: Any = 0.0) -> None:
        self.origin = origin

    def at(self, y: Array) -> Placed:
        point = Point(self.origin + y, origin=self.origin, offset=y)
        return Placed(point, _array.namespace(y).zeros_like(y))

    def of(self, point: Point) -> Array:
        return point.minus(self.origin)


class Stretched:
    """x = loc + scale sinh y: an algebraic tail becomes an exponential one."""

    def __init__(self, loc: Array, scale: Array) -> None:
        self.loc, self.scale = loc, scale

    def at(self, y: Array) -> Placed:
        xp = _array.namespace(y)
        log_scale, size = xp.log(self.scale), abs(y)
        log_cosh = size + xp.log1p(xp.exp(-2 * size)) - LOG_2
        moderate = size < 700
        sinh = xp.sinh(xp.where(moderate, y, 0.0))
        beyond = xp.where(y > 0, INF, -INF) + xp.zeros_like(y)
        offset = xp.where(moderate, self.scale * sinh, beyond)
        far = log_scale + size - LOG_2
        point = Point(self.loc + offset, log_size=far, origin=self.loc, offset=offset)
        return Placed(point, log_cosh + log_scale)

    def of(self, point: Point) -> Array:
        return _array.namespace(point.x).asinh(point.minus(self.loc) / self.scale)


class Ends:
    """The support from `low` to `high`, each a number or an array that may be infinite in places.

    y = log(x - low) towards an infinite high, -log(high - x) from an infinite low, the difference
    of both between finite ends, x between infinite ones.
    """

    def __init__(self, low: Any, high: Any) -> None:
        self.low, self.high = low, high

    def _kinds(self) -> tuple[Any, Any]:
        return self.low > -INF, self.high < INF

    def at(self, y: Array) -> Placed:
        xp = _array.namespace(y)
        has_low, has_high = self._kinds()
        if has_low is True and has_high is False:
            above = Distance(xp.exp(y), y)
            return Placed(Point(self.low + above.value, self.low, above, log_size=y), y)
        zero = xp.zeros_like(y)
        has_low, has_high = (has & (zero == 0) for has in (has_low, has_high))
        both = has_low & has_high
        # Arrays: PyTorch makes float32 of a choice between two numbers.
        low, high = (end + zero for end in (self.low, self.high))
        width = xp.where(both, xp.where(both, high, 1.0) - xp.where(both, low, 0.0), 1.0)
        log_width = xp.log(width)
        y_both = xp.where(both, y, zero)
        rising, falling = log_width - softplus(-y_both), log_width - softplus(y_both)
        log_above = xp.where(both, rising, xp.where(has_low, y, INF))
        log_below = xp.where(both, falling, xp.where(has_high, -y, INF))
        above, below = (_from_log(d) for d in (log_above, log_below))
        from_low = has_low & ~(both & (y > 0))
        x = xp.where(from_low, xp.where(from_low, low, 0.0) + above.value, y)
        from_high = has_high & ~from_low
        x = xp.where(from_high, xp.where(from_high, high, 0.0) - below.value, x)
        jacobian = xp.where(both, rising + falling - log_width, zero)
        jacobian = xp.where(has_low & ~both, y, xp.where(has_high & ~both, -y, jacobian))
        return Placed(Point(x, self.low, above, self.high, below), jacobian)

    def of(self, point: Point) -> Array:
        has_low, has_high = self._kinds()
        if has_low is True and has_high is False:
            return point.above(self.low).log
        xp = _array.namespace(point.x)
        zero = xp.zeros_like(point.x)
        has_low, has_high = (has & (zero == 0) for has in (has_low, has_high))
        low, high = point.above(self.low).log, point.below(self.high).log
        y = xp.where(has_low, low, zero) - xp.where(has_high, high, zero)
        return xp.where(has_low | has_high, y, point.x)


class Coordinate(Protocol):
    """A map of the line onto a support, or onto a part of the line that contains it."""

    def at(self, y: Array) -> Placed:
        """The point with that coordinate."""

    def of(self, point: Point) -> Array:
        """The coordinate of a point."""
