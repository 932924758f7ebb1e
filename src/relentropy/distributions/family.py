"""What a parametric family is: parameters that broadcast, a support, a log-density.

A family is a frozen dataclass. Its parameters are arrays of one framework, dtype and device; a
batch of distributions is a family with parameters of more than one value. Plain numbers belong
to no framework and take the other side's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple, Self

from relentropy import _array
from relentropy.distributions.coordinates import Coordinate, Ends, Point
from relentropy.distributions.tails import ALGEBRAIC, Tail

Array = Any
INF = float("inf")


class Domain(NamedTuple):
    """Which values a parameter may have, and how to say so."""

    description: str
    holds: Callable[[Any, Array], Array]
    interval: bool = False

    def holds_between_extremes(self, x: Array) -> bool:
        """Whether it holds, seen from the extremes of many numbers: a tenth of the time."""
        if not self.interval or not _array.is_numpy(x) or x.size < 1000:
            return False
        import numpy

        flat, size = x.reshape(-1), 1 << 16  # both extremes while the block is in the cache
        blocks = (flat[i : i + size] for i in range(0, len(flat), size))
        with _array.quiet(x):
            extremes = numpy.array([(b.min(), b.max()) for b in blocks])  # NaN if there is any
            return bool(self.holds(numpy, extremes).all())


REAL = Domain("finite", lambda xp, x: xp.abs(x) < INF, True)
EXTENDED = Domain("a number or infinite", lambda xp, x: x == x, True)
POSITIVE = Domain("positive and finite", lambda xp, x: (x > 0) & (x < INF), True)
NOT_NEGATIVE = Domain("finite and at least 0", lambda xp, x: (x >= 0) & (x < INF), True)
PROBABILITY = Domain("in [0, 1]", lambda xp, x: (x >= 0) & (x <= 1), True)
OPEN_PROBABILITY = Domain("in (0, 1)", lambda xp, x: (x > 0) & (x < 1), True)
ABOVE_ONE = Domain("finite and above 1", lambda xp, x: (x > 1) & (x < INF))
WHOLE = Domain(
    "a whole number, at least 0", lambda xp, x: (x >= 0) & (x < INF) & (x == xp.floor(x))
)


@dataclass(frozen=True, eq=False, repr=False)
class Parametric:
    """Something with parameters, which are arrays of one framework that broadcast."""

    domains: ClassVar[dict[str, Domain]] = {}
    """What each parameter may be; a field that is not listed is no array."""
    plain: ClassVar[bool] = False
    """Whether all parameters were plain numbers, so that any framework may have them."""

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in self.domains}
        # None is for parameters that may be left out, and have it as their default.
        optional = {name for name in given if getattr(type(self), name, 0) is None}
        given = {n: x for n, x in given.items() if x is not None or n not in optional}
        object.__setattr__(self, "plain", all(_is_number(x) for x in given.values()))
        for name, x in read_parameters(type(self).__name__, given).items():
            object.__setattr__(self, name, x)
        self._validate()

    def _validate(self) -> None:
        for name, x in self.parameters().items():
            domain = self.domains[name]
            if not domain.holds_between_extremes(x):
                self._require(domain.holds, domain.description, name)

    def _require(self, holds: Callable[..., Array], description: str, *names: str) -> None:
        """Raise where parameters, if they can be looked at, are not what they should be."""
        xs = [_array.stop_gradient(getattr(self, name)) for name in names]
        xp = _array.namespace(*xs)
        with _array.quiet(xs[0]):
            bad = ~holds(xp, *xs)
        if _array.known(xp.any(bad)):
            what = " and ".join(names)
            raise ValueError(
                f"{type(self).__name__}: {what} must be {description}; got "
                + " and ".join(_first(x, bad) for x in xs)
            )

    def parameters(self) -> dict[str, Array]:
        """The parameters by name, those given as None left out."""
        found = {name: getattr(self, name) for name in self.domains}
        return {name: x for name, x in found.items() if x is not None}

    def arrays(self) -> list[Array]:
        """All arrays of the description, those of components included."""
        return list(self.parameters().values())

    def mapped(self, f: Callable[[Array], Array]) -> Self:
        """The same family with f of each array."""
        other = object.__new__(type(self))
        for field in fields(self):
            value = getattr(self, field.name)
            is_array = field.name in self.domains and value is not None
            object.__setattr__(other, field.name, f(value) if is_array else value)
        object.__setattr__(other, "plain", False)
        return other

    def flattened(self, shape: tuple[int, ...]) -> Self:
        """Broadcast to a batch shape and laid out in one axis, (B,)."""

        def flat(x: Array) -> Array:
            return _array.namespace(x).broadcast_to(x, shape).reshape(-1)

        return self.mapped(flat)

    def rows(self, part: slice) -> Self:
        """Some members of a family that is `flattened`."""
        return self.mapped(lambda x: x[part])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch of distributions; () for a single one."""
        return broadcast_shapes(*(tuple(x.shape) for x in self.arrays()))

    def __repr__(self) -> str:
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                parts.append(f"{field.name}={_shown(value)}")
        return f"{type(self).__name__}({', '.join(parts)})"


@dataclass(frozen=True, eq=False, repr=False)
class Family(Parametric):
    """A parametric family of distributions; a batch of them where parameters are arrays."""


@dataclass(frozen=True, eq=False, repr=False)
class Univariate(Family):
    """A family of distributions of one number."""

    def log_density(self, x: Any, /) -> Array:
        """The log of the density at x, -inf outside the support; x broadcasts with the batch."""
        x, p = _beside(x, self)
        with _array.quiet(x):
            return p._log_density_anywhere(x)

    def _log_density_anywhere(self, x: Array) -> Array:
        raise NotImplementedError

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        """Independent draws as a NumPy array of shape size + batch_shape."""
        import numpy

        shape = (*size, *self.batch_shape)
        numbers = self.mapped(_array.to_numpy)
        return numpy.asarray(numbers._sample(rng, shape), dtype=numpy.float64)

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class Continuous(Univariate):
    """A distribution with a density on an interval of the line."""

    @property
    def has_gaps(self) -> bool:
        """Whether the density may be 0 inside its support."""
        return False

    @property
    def support(self) -> tuple[Any, Any]:
        """(low, high), numbers or arrays; ±inf where it does not end."""
        raise NotImplementedError

    def coordinate(self) -> Coordinate:
        """A map of the line onto the support in which the tails of the density are exponential."""
        return Ends(*self.support)

    def centre(self) -> Array:
        """The middle of the density, in its coordinate."""
        raise NotImplementedError

    def width(self) -> Array:
        """The scale of the density about its centre, in its coordinate."""
        raise NotImplementedError

    def features(self) -> list[Array]:
        """Values of the coordinate between which the density is easy to integrate."""
        c, w = self.centre(), 4 * self.width()
        return [c - w, c, c + w]

    def kinks(self) -> list[Array]:
        """Places x inside the support at which the density is not smooth."""
        return []

    def tails(self) -> tuple[Tail, Tail]:
        """How the density ends, at the low end and at the high end."""
        raise NotImplementedError

    def log_density_at(self, point: Point) -> Array:
        """The log-density inside the support; free of NaN however far out the point is."""
        raise NotImplementedError

    def log_ratio_at(self, other: Any, point: Point) -> Array | None:
        """log(p/q) to another member of the family, without cancellation where they are close.

        None where the difference of the log-densities is as good. A constant factor may be left
        to cancel: the divergences of close members hardly depend on it.
        """
        return None

    def _log_density_anywhere(self, x: Array) -> Array:
        xp = _array.namespace(x)
        low, high = self.support
        ends = x == low, x == high
        inside = (x >= low) & (x <= high) & ~ends[0] & ~ends[1] & (xp.abs(x) < INF)
        # A point outside is replaced by one inside, so that it has no derivative either.
        within = self.coordinate().at(self.centre() + xp.zeros_like(x)).point.x
        value = self.log_density_at(Point(xp.where(inside, x, within)))
        value = xp.where(inside, value, -INF)
        for side, end in enumerate(ends):
            if _array.known(xp.any(end)) is not False:
                value = xp.where(end, self._log_density_at_end(x, end, side), value)
        return xp.where(xp.isnan(x), float("nan"), value)

    def _log_density_at_end(self, x: Array, end: Array, side: int) -> Array:
        """The limit at the low end (0) or the high end (1), for the x that are `end`."""
        xp, tail = _array.namespace(x), self.tails()[side]
        algebraic = (tail.level == ALGEBRAIC) & (xp.abs(x) < INF)
        jump = end & algebraic & (tail.power == 1)
        middle = self.centre() + xp.zeros_like(x)
        nearest = math.log(_array.smallest_normal(x)) + 1
        y = xp.where(jump, nearest if side == 0 else -nearest, middle)
        value = self.log_density_at(self.coordinate().at(y).point)
        return xp.where(jump, value, xp.where(algebraic & (tail.power < 1), INF, -INF))


def read_parameters(family: str, given: dict[str, Any]) -> dict[str, Array]:
    """Floating arrays of one framework and dtype; numbers become arrays like the others."""
    given = {name: _listed(x) for name, x in given.items()}
    arrays = {name: x for name, x in given.items() if _array.framework(x) is not None}
    for name, x in given.items():
        _array.require_full_support(x, f"{family}: {name}")
        if name not in arrays and not _is_number(x):
            raise TypeError(
                f"{family}: {name} must be a number or an array of NumPy, PyTorch or JAX, got "
                f"{type(x).__name__}"
            )
    if not arrays:
        import numpy

        return {name: numpy.asarray(x, dtype=numpy.float64) for name, x in given.items()}
    _array.namespace(*arrays.values())
    floats = {name: _as_float(family, name, x) for name, x in arrays.items()}
    # The dtype is that of the floating arrays given; whole numbers adapt.
    given_floats = [x for name, x in floats.items() if _array.is_floating(arrays[name])]
    like = _array.promote(*(given_floats or floats.values()))[0]
    return {
        name: _array.moved_to(floats[name], like)
        if name in floats
        else _array.constant_like(like, x)
        for name, x in given.items()
    }


def _listed(x: Any) -> Any:
    if isinstance(x, list | tuple):
        import numpy

        return numpy.asarray(x)
    return x


def _is_number(x: Any) -> bool:
    # numpy.float64 is a float, but an array too: it has a framework.
    return isinstance(x, int | float) and not isinstance(x, bool) and _array.framework(x) is None


def _as_float(family: str, name: str, x: Array) -> Array:
    if _array.is_floating(x):
        return x
    if _array.is_integer(x):
        return _array.astype(x, _array.default_float(x))
    raise TypeError(
        f"{family}: {name} must be real numbers, got an array of {_array.dtype_name(x)}"
    )


def _beside(x: Any, p: Any) -> tuple[Array, Any]:
    """A value and a family in one framework and dtype."""
    x = _listed(x)
    if _is_number(x):
        return _array.constant_like(p.arrays()[0], float(x)), p
    if _array.framework(x) is None:
        raise TypeError(f"x must be a number or an array, got {type(x).__name__}")
    x = _as_float(type(p).__name__, "x", x)
    p = p.mapped(lambda a: adapted(a, x)) if p.plain else p
    _array.namespace(x, *p.arrays())
    (wide,) = _array.promote(x, *p.arrays())[:1]
    return wide, p.mapped(lambda a: _array.astype(a, wide.dtype))


def adapted(number: Array, like: Array) -> Array:
    """A NumPy array of plain numbers in the framework, dtype and device of another array."""
    if _array.is_numpy(like):
        return _array.astype(number, like.dtype)
    return _array.constant_like(like, number)


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """NumPy's rule, without NumPy's limit on the number of shapes."""
    result = [1] * max([0, *(len(s) for s in shapes)])  # torch.compile knows no default=
    for shape in shapes:
        for i, n in enumerate(reversed(shape), start=1):
            if n != 1 and result[-i] not in (1, n):
                raise ValueError(f"the parameters have shapes {shapes}, which do not broadcast")
            result[-i] = n if n != 1 else result[-i]
    return tuple(result)


def _first(x: Array, bad: Array) -> str:
    """The first bad value, and where it is."""
    import numpy

    bad = numpy.asarray(_array.to_numpy(bad))
    x = numpy.broadcast_to(_array.to_numpy(x), bad.shape)
    index = tuple(int(i) for i in numpy.argwhere(bad)[0])
    at = f" at {list(index)}" if index else ""
    return f"{x[index]:g}{at}"


def _shown(x: Any) -> str:
    if _array.framework(x) is None:
        return repr(x)
    if math.prod(x.shape) == 1 and _array.known(x.sum() == x.sum()) is not None:
        return f"{float(x.reshape(())):g}" if x.ndim == 0 else repr(x)
    return repr(x)
