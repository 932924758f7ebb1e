"""Transformed(base, bijection): the distribution of a function of a random variable."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from relentropy import _array
from relentropy.distributions.bijections import Affine, Bijection, Compose
from relentropy.distributions.compound import draws_of, event_shape, in_one_framework, require_event
from relentropy.distributions.coordinates import Coordinate, Distance, Placed, Point
from relentropy.distributions.family import (
    Continuous,
    Family,
    _beside,
    broadcast_shapes,
)
from relentropy.distributions.integers import Integers
from relentropy.distributions.tails import Tail, either

Array = Any
INF = float("inf")


@dataclass(frozen=True, eq=False, repr=False)
class Transformed(Family):
    """The distribution of y = f(x), x from `base`, f a bijection.

    Density p(y) = p_base(x) / |dy/dx| at x = f⁻¹(y). Relative entropy does not change when both
    sides are transformed by the same bijection.

    Args:
        base: a family with a density; of several numbers, the bijection maps each of them. A
            family on the integers can be moved by a whole number, Affine(n, 1).
        bijection: `Affine`, `Exp`, `Log`, `Sigmoid`, `Logit`, `Tanh`, `Power`, or several of
            them: `Compose`.

    Errors: TypeError for maps that are not one to one, such as the absolute value; ValueError
    where the base has values on which the bijection is not defined.

    >>> from relentropy import Exp, Gamma, Log, Normal, Transformed, relative_entropy
    >>> float(relative_entropy(Transformed(Normal(0, 1), Exp()), Transformed(Normal(1, 1), Exp())))
    0.5
    >>> d = relative_entropy(Transformed(Gamma(2, 1), Log()), Normal(0, 1))
    >>> round(float(d), 12)
    0.176347533828

    """

    base: Any
    bijection: Any

    def __new__(cls, base: Any = None, bijection: Any = None) -> "Transformed":
        if cls is Transformed:
            kinds = {Continuous: TransformedContinuous, Integers: TransformedIntegers}
            found = [kind for of, kind in kinds.items() if isinstance(base, of)]
            cls = found[0] if found else TransformedVector
        return object.__new__(cls)

    def __post_init__(self) -> None:
        base, f = self.base, self.bijection
        if not isinstance(base, Family):
            raise TypeError(f"Transformed: base must be a family, got {type(base).__name__}")
        if not isinstance(f, Bijection):
            raise TypeError(
                "Transformed: bijection must be one to one, such as Exp(), Affine(loc, scale) or "
                f"Compose(...), got {type(f).__name__}"
            )
        base, f = _adopted(base, f)
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "bijection", f)
        object.__setattr__(self, "plain", base.plain and f.plain)
        self._validate()

    def arrays(self) -> list[Array]:
        return [*self.base.arrays(), *self.bijection.arrays()]

    def mapped(self, f: Callable[[Array], Array]) -> "Transformed":
        other = object.__new__(type(self))
        object.__setattr__(other, "base", self.base.mapped(f))
        object.__setattr__(other, "bijection", self.bijection.mapped(f))
        object.__setattr__(other, "plain", False)
        return other

    @property
    def batch_shape(self) -> tuple[int, ...]:
        own = (tuple(x.shape) for x in self.bijection.arrays())
        return broadcast_shapes(self.base.batch_shape, *own)

    def __repr__(self) -> str:
        return f"Transformed({self.base!r}, {self.bijection!r})"

    def _moved_sample(self, rng: Any, size: tuple[int, ...]) -> Any:
        """Draws of the base, mapped; NumPy."""
        import numpy

        numbers = self.mapped(_array.to_numpy)
        x = draws_of(numbers.base, rng, size, self.batch_shape)
        with _array.quiet(x):
            return numbers.bijection.forward(Point(numpy.asarray(x))).x


def _adopted(base: Family, f: Bijection) -> tuple[Family, Bijection]:
    """Both in one framework and dtype."""
    steps = list(f.steps) if isinstance(f, Compose) else [f]
    base, *steps = in_one_framework([base, *steps])
    return base, Compose(*steps) if isinstance(f, Compose) else steps[0]


class _Image(Point):
    """A point that remembers the one of which it is the image, on a support of that.

    Close to an end inside the domain, the distance is the slope half-way times the distance before.
    """

    __slots__ = ("_ends", "_image", "bijection", "origin")

    def __init__(self, bijection: Bijection, origin: Point, ends: tuple[Any, Any]) -> None:
        image = bijection.forward(origin)
        super().__init__(image.x)
        self.bijection, self.origin, self._image, self._ends = bijection, origin, image, ends

    def above(self, low: Any) -> Distance:
        return self._near(low, self._image.above(low), is_low=True)

    def below(self, high: Any) -> Distance:
        return self._near(high, self._image.below(high), is_low=False)

    def _near(self, asked: Any, plain: Distance, *, is_low: bool) -> Distance:
        f = self.bijection
        rises = f.is_increasing()
        if not isinstance(rises, bool):  # of both signs
            return plain
        from_low = is_low == rises
        end = self._ends[0 if from_low else 1]
        if f.is_outer(end) is True:
            return plain
        d = self.origin.above(end) if from_low else self.origin.below(end)
        xp = _array.namespace(d.value)
        near = (asked == f.image(end)) & (d.value < CLOSE * f.scale_at(end)) & ~(d.value < 0)
        half = xp.where(near, d.value / 2, 0.0)
        # Where it is not near, any point at which the slope is a number.
        inner = end + half if from_low else end - half
        slope = f.log_slope(Point(xp.where(near, inner, self.origin.x)))
        log = d.log + slope
        value = d.value * xp.exp(slope)
        pairs = ((value, plain.value), (log, plain.log))
        return Distance(*(xp.where(near, a, b) for a, b in pairs))


class Through:
    """A coordinate of a support, seen through a bijection."""

    def __init__(self, base: Coordinate, bijection: Bijection, ends: tuple[Any, Any]) -> None:
        self.base, self.bijection, self.ends = base, bijection, ends

    def at(self, y: Array) -> Placed:
        point, log_jacobian = self.base.at(y)
        slope = self.bijection.log_slope(point)
        return Placed(_Image(self.bijection, point, self.ends), log_jacobian + slope)

    def of(self, point: Point) -> Array:
        return self.base.of(_origin(self.bijection, point))


CLOSE = 1e-5
"""Distances below it, relative to the scale of the slope, are taken from the slope."""


def _origin(f: Bijection, point: Point) -> Point:
    """The point of which this is the image."""
    if isinstance(point, _Image) and point.bijection is f:
        return point.origin
    return f.inverse(point)


class TransformedContinuous(Transformed, Continuous):
    """One number with a density."""

    base: Continuous
    bijection: Bijection

    @property
    def has_gaps(self) -> bool:
        return self.base.has_gaps

    def _steps(self) -> list[tuple[Bijection, tuple[Any, Any]]]:
        """The bijections one after the other, each with the support that it maps."""
        f, ends, found = self.bijection, self.base.support, []
        for step in f.steps if isinstance(f, Compose) else (f,):
            found.append((step, ends))
            ends = _in_order(step, *(step.image(x) for x in ends))
        return found

    def _validate(self) -> None:
        for f, (low, high) in self._steps():
            first, last = f.domain
            inside: Any = (low >= first) & (high <= last)
            if _array.framework(inside) is not None:
                inside = _array.known(_array.namespace(inside).all(inside))
            if inside is False:
                raise ValueError(
                    f"Transformed: {f!r} is defined from {first:g} to {last:g}, and is given "
                    f"values from {low} to {high}"
                )

    @property
    def support(self) -> tuple[Any, Any]:
        f, ends = self._steps()[-1]
        return _in_order(f, *(f.image(x) for x in ends))

    def coordinate(self) -> Coordinate:
        found = self.base.coordinate()
        for f, ends in self._steps():
            found = Through(found, f, ends)
        return found

    def centre(self) -> Array:
        return self.base.centre()

    def width(self) -> Array:
        return self.base.width()

    def features(self) -> list[Array]:
        return self.base.features()

    def kinks(self) -> list[Array]:
        return [self.bijection.forward(Point(x)).x for x in self.base.kinks()]

    def tails(self) -> tuple[Tail, Tail]:
        low, high = (
            self.bijection.tail(end, tail)
            for end, tail in zip(self.base.support, self.base.tails(), strict=True)
        )
        rises = self.bijection.is_increasing()
        if isinstance(rises, bool):
            return (low, high) if rises else (high, low)
        return either(rises, low, high), either(rises, high, low)

    def log_density_at(self, point: Point) -> Array:
        slope = 0.0
        for f, _ in reversed(self._steps()):
            point = _origin(f, point)
            slope = slope + f.log_slope(point)
        return self.base.log_density_at(point) - slope

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        return self._moved_sample(rng, size)


def _in_order(f: Bijection, a: Any, b: Any) -> tuple[Any, Any]:
    rises = f.is_increasing()
    if isinstance(rises, bool):
        return (a, b) if rises else (b, a)
    xp = _array.namespace(rises)
    return xp.where(rises, a, b), xp.where(rises, b, a)


class TransformedIntegers(Transformed, Integers):
    """A family on the integers, moved by a whole number."""

    base: Integers
    bijection: Affine

    def _validate(self) -> None:
        f = self.bijection
        if not isinstance(f, Affine):
            raise TypeError(
                "Transformed: a family on the integers can only be moved, by Affine(n, 1) with a "
                f"whole number n, got {f!r}"
            )
        Family._require(
            f,
            lambda xp, a, b: (a == xp.floor(a)) & (b == 1),
            "a whole number and 1, where the base is a family on the integers",
            "loc",
            "scale",
        )
        low = f.loc + self.base.support[0]
        xp = _array.namespace(low)
        if _array.known(xp.any(_array.stop_gradient(low) < 0)):
            raise ValueError(
                f"Transformed: {self!r} has negative values; no divergence changes when both sides "
                "are moved by the same whole number, so move both further up"
            )

    @property
    def support(self) -> tuple[Any, Any]:
        low, high = self.base.support
        return self._moved(low), self._moved(high)

    def _moved(self, end: Any) -> Any:
        return end if _array.framework(end) is None and end == INF else end + self.bijection.loc

    def log_mass_at(self, point: Point) -> Array:
        return self.base.log_mass_at(self.bijection.inverse(point))

    def centre(self) -> Array:
        return self.base.centre() + self.bijection.loc

    def width(self) -> Array:
        return self.base.width()

    def tail(self) -> Tail:
        return self.base.tail()

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        return self._moved_sample(rng, size)


class TransformedVector(Transformed):
    """Several numbers with a density, each mapped."""

    def _validate(self) -> None:
        if not hasattr(self.base, "event_shape"):
            raise TypeError(
                f"Transformed: base must have a density, got {type(self.base).__name__}"
            )

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one draw."""
        return event_shape(self.base)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch of distributions; () for a single one."""
        rank = len(self.event_shape)
        own = (tuple(x.shape[: max(0, x.ndim - rank)]) for x in self.bijection.arrays())
        return broadcast_shapes(self.base.batch_shape, *own)

    def log_density(self, x: Any, /) -> Array:
        """The log of the density at x, of shape (..., *event_shape)."""
        x, p = _beside(x, self)
        require_event(self, x)
        with _array.quiet(x):
            point = p.bijection.inverse(Point(x))
            slopes = p.bijection.log_slope(point)
            axes = tuple(range(-len(p.event_shape), 0))
            total = _array.namespace(slopes).sum(slopes, axis=axes)
            return p.base.log_density(point.x) - total

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        """Independent draws as a NumPy array of shape size + batch_shape + event_shape."""
        return self._moved_sample(rng, size)


__all__ = ["Transformed"]
