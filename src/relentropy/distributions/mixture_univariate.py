"""Mixtures of densities on the line, and of families on the integers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

from relentropy import _array
from relentropy.distributions.coordinates import (
    Coordinate,
    Distance,
    Ends,
    Line,
    Point,
    Stretched,
)
from relentropy.distributions.family import (
    Continuous,
    Domain,
)
from relentropy.distributions.integers import Delta, Integers
from relentropy.distributions.mixture import Mixture
from relentropy.distributions.tails import (
    ALGEBRAIC,
    EXPONENTIAL,
    LOGARITHMIC,
    Tail,
    either,
    heavier,
)

Array = Any
INF = float("inf")

HALVINGS = 40
POLE_STEP, POLE_STEPS = 28.0, 12
"""Logarithms of the distances from a pole, and how many."""
ALONE, SHORT = 900, 2048
"""Whole numbers up to the first are always summed one by one, and up to the second if all are."""


class UnivariateMixture(Mixture):
    """What mixtures on the line and on the integers share."""

    def _zero(self) -> Array:
        """0 in the shape of the batch."""
        xp = _array.namespace(self.weights)
        # Not 0 · x, which is NaN for an infinite end.
        parts = [xp.zeros_like(x) for x in self.arrays()]
        return sum(parts[1:], start=parts[0])

    def _counting(self) -> list[Any]:
        """Whether each component has weight: True where that is known for the whole batch."""
        positive = [_array.stop_gradient(w) > 0 for w in self.shares()]
        xp = _array.namespace(*positive)
        return [True if _array.known(xp.all(w)) else w for w in positive]

    @property
    def support(self) -> tuple[Any, Any]:
        """From the lowest end to the highest of the components that have weight."""
        lows, highs = zip(*(f.support for f in self.components), strict=True)
        return self._extreme("minimum", lows, INF), self._extreme("maximum", highs, -INF)

    def _extreme(self, name: str, ends: Sequence[Any], none: float) -> Any:
        fixed, counting = all(isinstance(x, float) for x in ends), self._counting()
        if fixed and len(set(ends)) == 1:
            return ends[0]
        if fixed and all(c is True for c in counting):
            return min(ends) if name == "minimum" else max(ends)
        for x, counts in zip(ends, counting, strict=True):
            if isinstance(x, float) and x == -none and counts is True:
                return x
        xp, zero = _array.namespace(self.weights), self._zero()
        found = [
            xp.where((zero == 0) & counts, x + zero, none)
            for counts, x in zip(counting, ends, strict=True)
        ]
        return reduce(getattr(xp, name), found)

    def _heaviest(self, side: int, tails: list[Tail | None]) -> Tail:
        """The tail at an end of the support, among the components that reach it."""
        hull, reaching = self.support[side], []
        for f, tail, counts in zip(self.components, tails, self._counting(), strict=True):
            reaches = (f.support[side] == hull) & counts
            if tail is not None and reaches is not False:
                reaching.append(either(reaches, tail, Tail(EXPONENTIAL, 1.0, INF)))
        return reduce(heavier, reaching)

    def _within(
        self, f: Any, point: Point, log_at: Callable[[Point], Array], inner: Point
    ) -> Array:
        """The log-density of a component, -inf outside its own support.

        Outside, the density is asked at a point inside, so that it has no derivative there.
        """
        (low, high), hull = f.support, self.support
        if all(isinstance(x, float) for x in (low, high, *hull)) and (low, high) == hull:
            return log_at(point)
        xp = _array.namespace(point.x)
        d = {
            name: (getattr(point, name)(end), getattr(inner, name)(end))
            for name, end, free in (("above", low, -INF), ("below", high, INF))
            if not (isinstance(end, float) and end == free)
        }
        inside = point.x == point.x
        for here, _ in d.values():
            inside = inside & (here.value >= 0)
        moved = {
            name: Distance(*(xp.where(inside, a, b) for a, b in zip(*pair, strict=True)))
            for name, pair in d.items()
        }
        x = xp.where(inside, point.x, inner.x)
        there = Point(x, low, moved.get("above"), high, moved.get("below"))
        return xp.where(inside, log_at(there), -INF)


class ContinuousMixture(UnivariateMixture, Continuous):
    """Densities on the line."""

    @property
    def has_gaps(self) -> bool:
        return True

    def coordinate(self) -> Coordinate:
        low, high = self.support
        if not (isinstance(low, float) and isinstance(high, float) and (low, high) == (-INF, INF)):
            return Ends(low, high)
        if all(self._is_light(f) for f in self.components):
            return Line()
        xs = [x + self._zero() for f in self.components for x in _middle(f)]
        xp = _array.namespace(*xs)
        least, most = (reduce(pick, xs) for pick in (xp.minimum, xp.maximum))
        return Stretched((least + most) / 2, (most - least) / 2)

    @staticmethod
    def _is_light(f: Continuous) -> bool:
        """Whether its tails at infinite ends are known to be no heavier than exponential."""
        pairs = zip(f.support, f.tails(), strict=True)
        far = [tail.level for end, tail in pairs if not isinstance(end, float) or abs(end) == INF]
        return all(isinstance(level, int) and level > LOGARITHMIC for level in far)

    def centre(self) -> Array:
        first = self.components[0]
        return self.coordinate().of(first.coordinate().at(first.centre()).point)

    def width(self) -> Array:
        ends = [self.coordinate().of(Point(x)) for f in self.components for x in _middle(f)]
        xp = _array.namespace(*ends)
        ends = [x + self._zero() for x in ends]
        return reduce(xp.maximum, ends) - reduce(xp.minimum, ends)

    def features(self) -> list[Array]:
        coordinate, found = self.coordinate(), []
        for f in self.components:
            own = f.coordinate()
            found += [coordinate.of(own.at(y).point) for y in f.features()]
            found += [coordinate.of(Point(x)) for x in self._towards_poles(f)]
        return found + self._crossings(coordinate, found) if len(self.components) > 1 else found

    def _towards_poles(self, f: Continuous) -> list[Array]:
        """Ever closer to an end inside the support at which the density of a component is infinite.

        A coordinate that is not the component's own does not stretch what is there.
        """
        found: list[Array] = []
        for end, hull, tail, sign in zip(f.support, self.support, f.tails(), (1, -1), strict=True):
            fixed = isinstance(end, float) and abs(end) < INF
            if not fixed or (isinstance(hull, float) and hull == end) or tail.level != ALGEBRAIC:
                continue
            finite: Any = tail.power >= 1
            if _array.framework(finite) is not None:
                finite = _array.known(_array.namespace(finite).all(finite))
            if not finite:
                steps = (sign * math.exp(-POLE_STEP * k) for k in range(1, POLE_STEPS + 1))
                found += [self._zero() + end + step for step in steps]
        return found

    def _crossings(self, coordinate: Coordinate, found: list[Array]) -> list[Array]:
        """Where one component takes over from another: log p may turn sharply there.

        Looked for between and far beyond the features found, by bisection.
        """
        zero = _array.stop_gradient(self._zero())
        xp = _array.namespace(zero)
        y = xp.stack([_array.stop_gradient(x) + zero for x in found], -1)
        middle = _array.stop_gradient(self.centre() + zero)[..., None]
        y = xp.sort(xp.where(xp.abs(y) < INF, y, middle), axis=-1)
        y = self._grid(xp, y)
        column: Any = self.mapped(lambda x: _array.stop_gradient(x)[..., None])
        log_shares = xp.stack([_log(w) for w in column.shares()], -1)

        def largest(y: Array) -> Array:
            logs = column._component_logs(column.coordinate().at(y).point)
            logs = log_shares + xp.stack(list(xp.broadcast_arrays(*logs)), -1)
            return xp.argmax(xp.where(logs == logs, logs, -INF), axis=-1)

        at = largest(y)
        turns = at[..., 1:] != at[..., :-1]
        # The brackets that turn come first; the sort is stable.
        most = min(2 * len(self.components), y.shape[-1] - 1)
        order = xp.argsort(xp.where(turns, 0, 1), axis=-1, stable=True)[..., :most]
        ends = (xp.take_along_axis(x, order, axis=-1) for x in (y[..., :-1], y[..., 1:]))
        first = xp.take_along_axis(at, order, axis=-1)

        def halve(low: Array, high: Array) -> tuple[Array, Array]:
            half = (low + high) / 2
            before = largest(half) == first
            return xp.where(before, half, low), xp.where(before, high, half)

        low, high = _array.repeat(halve, HALVINGS, *ends)
        return [((low + high) / 2)[..., k] for k in range(most)]

    @staticmethod
    def _grid(xp: Any, y: Array) -> Array:
        """Between neighbours of y (..., m), sorted, and doubling distances beyond."""
        a, b = y[..., :-1], y[..., 1:]
        span = y[..., -1:] - y[..., :1]
        parts = [y, *(a + (b - a) * t for t in (0.25, 0.5, 0.75))]
        for k in range(-3, 6):
            parts += [y[..., :1] - span * 2.0**k, y[..., -1:] + span * 2.0**k]
        return xp.sort(xp.concat(parts, axis=-1), axis=-1)

    def kinks(self) -> list[Array]:
        ends = [x for f in self.components for x in f.support]
        ends = [x for x in ends if not (isinstance(x, float) and abs(x) == INF)]
        return [x + self._zero() for x in ends] + [x for f in self.components for x in f.kinks()]

    def tails(self) -> tuple[Tail, Tail]:
        low, high = zip(*(f.tails() for f in self.components), strict=True)
        return self._heaviest(0, list(low)), self._heaviest(1, list(high))

    def _component_logs(self, point: Point) -> list[Array]:
        """The log-density of each component."""
        inner = [f.coordinate().at(f.centre()).point for f in self.components]
        return [
            self._within(f, point, f.log_density_at, x)
            for f, x in zip(self.components, inner, strict=True)
        ]

    def log_density_at(self, point: Point) -> Array:
        return self._log_mixed(self._component_logs(point))


def _log(x: Array) -> Array:
    xp = _array.namespace(x)
    return xp.where(x > 0, xp.log(xp.where(x > 0, x, 1.0)), -INF)


def _middle(f: Continuous) -> list[Array]:
    """Values to either side of the centre."""
    c, w, coordinate = f.centre(), f.width(), f.coordinate()
    return [coordinate.at(y).point.x for y in (c - w, c + w)]


class IntegerMixture(UnivariateMixture, Integers):
    """Families on the integers; a `Delta` at a whole number counts as one."""

    def _prepared(self, families: list[Any]) -> list[Any]:
        return [_Atom(f.v) if isinstance(f, Delta) else f for f in families]

    def log_mass_at(self, point: Point) -> Array:
        xp = _array.namespace(point.x)
        logs = []
        for f in self.components:
            inner = Point(f.support[0] + xp.zeros_like(point.x))
            logs.append(self._within(f, point, f.log_mass_at, inner))
        return self._log_mixed(logs)

    def centre(self) -> Array:
        pairs = zip(self.shares(), self.components, strict=True)
        return self._zero() + sum(w * f.centre() for w, f in pairs)

    def width(self) -> Array:
        self._require_smooth()
        xp, centre = _array.namespace(self.weights), self.centre()
        far = [f.width() + xp.abs(f.centre() - centre) for f in self.components]
        return reduce(xp.maximum, [x + self._zero() for x in far])

    def _require_smooth(self) -> None:
        """Far out, sums are integrals of a smooth continuation, in which no end may be missed."""
        zero = _array.stop_gradient(self._zero())
        xp, (low, high) = _array.namespace(zero), self.support
        for f in self.components:
            first, last = (x + zero for x in f.support)
            inner = ((first > low) & (first > ALONE)) | ((last < high) & (last > ALONE))
            if _array.known(xp.any(inner & (high + zero > SHORT))):
                raise LookupError(
                    f"{self!r}: {f!r} begins or ends between other values beyond {ALONE}, where "
                    'values are not summed one by one; use estimate(p, q, method="monte-carlo")'
                )

    def tail(self) -> Tail:
        ends = [f.support[1] for f in self.components]
        infinite = [isinstance(x, float) and x == INF for x in ends]
        pairs = zip(self.components, infinite, strict=True)
        return self._heaviest(1, [f.tail() if far else None for f, far in pairs])


@dataclass(frozen=True, eq=False, repr=False)
class _Atom(Integers):
    """All probability at one whole number."""

    v: Any
    domains: ClassVar[dict[str, Domain]] = {
        "v": Domain(
            "a whole number, at least 0, to be mixed with families on the integers",
            lambda xp, x: (x >= 0) & (x < INF) & (x == xp.floor(x)),
        )
    }

    @property
    def support(self) -> tuple[Array, Array]:
        return self.v, self.v

    def log_mass_at(self, point: Point) -> Array:
        return 0.0 * point.x

    def centre(self) -> Array:
        return self.v

    def width(self) -> Array:
        return 1.0 + 0.0 * self.v

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        return numpy.broadcast_to(self.v, shape)

    def __repr__(self) -> str:
        return repr(Delta(self.v))
