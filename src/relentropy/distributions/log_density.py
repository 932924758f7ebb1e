"""LogDensity(function, support): a density that the user writes."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from relentropy import _array
from relentropy.distributions.coordinates import Coordinate, Ends, Point, Stretched
from relentropy.distributions.family import Continuous
from relentropy.distributions.nodes import nodes
from relentropy.distributions.tails import UNKNOWN, Tail

Array = Any
INF = float("inf")

REACH = 40.0
"""How far the coordinate is searched: from exp(-80) to exp(80) on half-lines, e^±40 on the line."""
STEP = 0.05
DROP = 8.0
"""A feature ends where the density has fallen by exp(-8), four deviations of a normal one."""
PEAKS = 8
LEVELS = (60, 180, 540)
MASS_ERROR = 1e-6


class LogDensity(Continuous):
    """A distribution on the line by the log of its density, a function of x.

    D(P||Q) = ∫ p log(p/q) dx is then the definition itself, by quadrature. Where the density has
    its features is found by a search; narrow peaks, kinks and jumps should be given.

    Args:
        function: x -> log p(x), elementwise, for arrays of the framework of the other side (NumPy
            where both sides are plain); -inf where there is no density. Gradients flow to what it
            refers to.
        support: (low, high), numbers or ±inf.
        features: places x with a peak, a kink or a jump; needed inside `jax.jit`, where a density
            cannot be searched.
        normalize: whether to find the constant that the density lacks.

    Errors: ValueError where the density does not integrate to 1 within 1e-6 (write
    ``normalize=True``), or nothing of it is found; ArithmeticError where its integral does not
    converge.

    >>> import numpy as np
    >>> from relentropy import LogDensity, Normal, relative_entropy
    >>> p = LogDensity(lambda x: -(x**4), normalize=True)
    >>> round(float(relative_entropy(p, Normal(0, 1))), 9)
    0.243057749
    """

    # Values in place of the property and method of the same names.
    support: tuple[float, float] = (-INF, INF)

    def __init__(
        self,
        function: Callable[[Array], Array],
        support: tuple[float, float] = (-INF, INF),
        *,
        features: Sequence[float] = (),
        normalize: bool = False,
    ) -> None:
        import numpy

        if not callable(function):
            raise TypeError(f"LogDensity: function must be callable, got {function!r}")
        low, high = (float(x) for x in support)
        if not low < high:
            raise ValueError(f"LogDensity: support must be (low, high), low < high, got {support}")
        outside = [x for x in features if not low <= x <= high]
        if outside:
            raise ValueError(f"LogDensity: the feature {outside[0]:g} is outside {(low, high)}")
        places = tuple(float(x) for x in features if low < x < high)
        self._set(function, (low, high), places, normalize, {}, numpy.asarray(0.0))
        object.__setattr__(self, "plain", True)

    def _set(self, *values: Any) -> None:
        names = ("function", "support", "places", "normalize", "_found", "_zero")
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    function: Callable[[Array], Array]
    places: tuple[float, ...]
    normalize: bool
    _found: dict[str, Any]
    _zero: Array

    @property
    def has_gaps(self) -> bool:
        return True

    def arrays(self) -> list[Array]:
        return [self._zero]

    def mapped(self, f: Callable[[Array], Array]) -> Self:
        other = object.__new__(type(self))
        same = (self.function, self.support, self.places, self.normalize, self._found)
        other._set(*same, f(self._zero))
        object.__setattr__(other, "plain", False)
        return other

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", repr(self.function))
        return f"LogDensity({name}, {self.support})"

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        raise NotImplementedError(
            "a LogDensity cannot be drawn from; its divergences are integrals"
        )

    def _search_coordinate(self) -> Coordinate:
        low, high = self.support
        if (low, high) == (-INF, INF):
            return Stretched(self._numbers(0.0), self._numbers(1.0))
        return Ends(low, high)

    def coordinate(self) -> Coordinate:
        low, high = self.support
        if (low, high) != (-INF, INF):
            return Ends(low, high)
        xs = self._places_of_features()
        half = (max(xs) - min(xs)) / 2 or 1.0
        return Stretched(self._zero + (max(xs) + min(xs)) / 2, self._zero + half)

    def features(self) -> list[Array]:
        coordinate = self.coordinate()
        return [coordinate.of(Point(self._zero + x)) for x in self._places_of_features()]

    def kinks(self) -> list[Array]:
        return [self._zero + x for x in self.places]

    def centre(self) -> Array:
        found = self.features()
        return found[len(found) // 2]

    def width(self) -> Array:
        xp, found = _array.namespace(self._zero), self.features()
        points = xp.stack(found, -1)
        return xp.max(points, axis=-1) - xp.min(points, axis=-1) + self._zero

    def tails(self) -> tuple[Tail, Tail]:
        return UNKNOWN, UNKNOWN

    def log_density_at(self, point: Point) -> Array:
        return self._log_given(point) - self._log_mass() + self._zero

    def _log_given(self, point: Point) -> Array:
        """What the function says, at points that are not quite at the ends."""
        import math

        low, high = self.support
        xp = _array.namespace(point.x)
        x = point.x
        for end, other in ((low, high), (high, low)):
            if abs(end) < INF:
                x = xp.where(x == end, math.nextafter(end, other), x)
        return self.function(x)

    def _log_mass(self) -> Array:
        """The log of the integral; with normalize=False it is only looked at, once."""
        known = self._found.get("log mass")
        if known is not None:
            return known
        still = _array.namespace(self._zero)
        halves = [still.log(half) for half in self._masses(LEVELS[0])]
        for n in LEVELS[1:]:
            close = _array.known(abs(halves[0] - halves[1]) < 1e-9)
            if close is None or close:
                break
            halves = [still.log(half) for half in self._masses(n)]
        gap = _array.stop_gradient(abs(halves[0] - halves[1]))
        if _array.known(gap < 1e-7) is False:
            masses = [float(still.exp(half)) for half in halves]
            raise ArithmeticError(
                f"{self!r}: its integral does not converge: two rules give {masses[0]:.9g} and "
                f"{masses[1]:.9g}; give features=[...], the places of peaks, kinks and jumps"
            )
        value = (halves[0] + halves[1]) / 2
        return self._accepted(value)

    def _accepted(self, log_mass: Array) -> Array:
        if self.normalize:
            if _array.is_numpy(log_mass):
                self._found["log mass"] = float(log_mass)
            return log_mass
        off = abs(_array.stop_gradient(log_mass)) > MASS_ERROR
        wrong = _array.known(off)
        if wrong:
            mass = float(_array.namespace(log_mass).exp(_array.stop_gradient(log_mass)))
            raise ValueError(
                f"{self!r} integrates to {mass:.9g} instead of 1; write normalize=True, or "
                "features=[...] where a peak, a kink or a jump was missed"
            )
        if wrong is False:
            self._found["log mass"] = 0.0
        return 0.0

    def _masses(self, n: int) -> list[Array]:
        """The integral by the nodes of even and of odd number."""
        single = self.mapped(lambda x: x.reshape(-1)[:1][0])
        xp = _array.namespace(single._zero)
        coordinate = single.coordinate()
        points = xp.stack([y + single._zero for y in single.features()], -1)
        spread = xp.max(points) - xp.min(points)
        y, w = nodes(points, xp.where(spread > 0, spread, 1.0) / 8, n)
        with _array.quiet(y):
            point, log_j = coordinate.at(y)
            used = (w > 0) & (_array.stop_gradient(single._log_given(point) + log_j) > -745.0)
            # Again without the nodes so far out that derivatives overflow.
            point, log_j = coordinate.at(xp.where(used, y, points[:1]))
            logs = single._log_given(point) + log_j
            terms = xp.where(used, 2 * w * xp.exp(xp.where(used, logs, 0.0)), 0.0)
        even = (n + 1) * (y.shape[-1] // (2 * n + 1))
        return [xp.sum(terms[..., :even]), xp.sum(terms[..., even:])]

    def _places_of_features(self) -> tuple[float, ...]:
        """Values of x: the places given, the peaks found, and where these end."""
        if "features" not in self._found:
            self._found["features"] = self._search()
        found: tuple[float, ...] = self._found["features"]
        return found

    def _search(self) -> tuple[float, ...]:
        """Peaks of the density of the coordinate, and where it has fallen by exp(-8)."""
        import numpy as np

        with _array.eager(self._zero):
            places = self._search_coordinate().of(Point(self._numbers(self.places)))
        given = _array.to_numpy(places).tolist()
        reach = 2 * REACH if self.support != (-INF, INF) else REACH
        y = np.union1d(np.arange(-reach, reach + STEP / 2, STEP), given)
        h = self._heights(y)
        inner = (h[1:-1] >= h[:-2]) & (h[1:-1] >= h[2:]) & (h[1:-1] > -np.inf)
        at = 1 + np.flatnonzero(inner)
        if not at.size:
            raise ValueError(
                f"{self!r}: no density is found; give features=[...], places x with a peak"
            )
        peaks = self._climbed(y[at - 1], y[at + 1])
        heights = self._heights(peaks)
        best = np.argsort(-heights)[:PEAKS]
        peaks, heights = peaks[best], heights[best]
        ends = [peaks + side * self._reaches(peaks, heights, side) for side in (-1, 1)]
        found = np.unique(np.concatenate([peaks, *ends, given]))
        with _array.eager(self._zero):
            y = self._numbers(np.clip(found, -reach, reach))
            x = self._search_coordinate().at(y).point.x
        return tuple(float(v) for v in _array.to_numpy(x))

    def _heights(self, y: Any) -> Any:
        """The log of the density of the coordinate, in NumPy; -inf where it is no number."""
        import numpy as np

        with _array.eager(self._zero), _array.quiet(self._zero):
            point, log_j = self._search_coordinate().at(self._numbers(y))
            h = _array.stop_gradient(self._log_given(point) + log_j)
            traced = _array.known((h == h).any()) is None
        if traced:
            raise ValueError(
                f"{self!r} cannot be searched inside a trace where it refers to traced values; "
                "make its first divergence outside, or refer to constants"
            )
        h = _array.to_numpy(h)
        return np.where(np.isnan(h), -np.inf, h)

    def _numbers(self, y: Any) -> Array:
        return _array.constant_like(self._zero, y)

    def _climbed(self, low: Any, high: Any) -> Any:
        """The maxima between, by golden section."""
        import numpy as np

        ratio = (5**0.5 - 1) / 2
        for _ in range(80):
            a, b = high - ratio * (high - low), low + ratio * (high - low)
            left = self._heights(a) > self._heights(b)
            low, high = np.where(left, low, a), np.where(left, b, high)
        return (low + high) / 2

    def _reaches(self, peaks: Any, heights: Any, side: int) -> Any:
        """How far from a peak the density has fallen, within a factor of 2."""
        import numpy as np

        distance = 1e-14 * (1 + np.abs(peaks))
        for _ in range(60):
            there = np.clip(peaks + side * distance, -3 * REACH, 3 * REACH)
            distance = np.where(self._heights(there) > heights - DROP, 2 * distance, distance)
        return np.minimum(distance, 3 * REACH)


__all__ = ["LogDensity"]
