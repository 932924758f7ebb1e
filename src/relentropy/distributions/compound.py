"""Distributions made of others: independent ones taken as one, and what the makers share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from relentropy import _array
from relentropy.distributions.family import Family, _beside, adapted

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Independent(Family):
    """The last batch axes of a family as the axes of one draw, whose entries are independent.

    Relative entropies add up: D is the sum over these axes.

    Args:
        base: a family.
        reinterpreted_batch_ndims: how many of its last batch axes become axes of one draw.

    Errors: ValueError where the batch has fewer axes.

    >>> from relentropy import Independent, Normal, relative_entropy
    >>> p = Independent(Normal([0.0, 0.0, 0.0], 1.0), 1)
    >>> q = Independent(Normal([1.0, 1.0, 2.0], 1.0), 1)
    >>> float(relative_entropy(p, q))
    3.0
    """

    base: Any
    reinterpreted_batch_ndims: int = 1

    def __post_init__(self) -> None:
        base, n = self.base, self.reinterpreted_batch_ndims
        if not isinstance(base, Family):
            raise TypeError(f"Independent: base must be a family, got {type(base).__name__}")
        if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= len(base.batch_shape):
            raise ValueError(
                "Independent: reinterpreted_batch_ndims must be a whole number from 0 to "
                f"{len(base.batch_shape)}, the number of batch axes of {type(base).__name__} with "
                f"batch {base.batch_shape}; got {n!r}"
            )
        object.__setattr__(self, "plain", base.plain)

    def arrays(self) -> list[Array]:
        arrays: list[Array] = self.base.arrays()
        return arrays

    def mapped(self, f: Callable[[Array], Array]) -> "Independent":
        other = object.__new__(type(self))
        object.__setattr__(other, "base", self.base.mapped(f))
        object.__setattr__(other, "reinterpreted_batch_ndims", self.reinterpreted_batch_ndims)
        object.__setattr__(other, "plain", False)
        return other

    @property
    def _cut(self) -> int:
        return len(self.base.batch_shape) - self.reinterpreted_batch_ndims

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch of distributions; () for a single one."""
        shape: tuple[int, ...] = self.base.batch_shape
        return shape[: self._cut]

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one draw."""
        return (*self.base.batch_shape[self._cut :], *event_shape(self.base))

    def log_density(self, x: Any, /) -> Array:
        """The log of the density at x, of shape (..., *event_shape): the sum over the entries."""
        x, p = _beside(x, self)
        require_event(self, x)
        return p.summed(p.base.log_density(x))

    def summed(self, values: Array) -> Array:
        """The sum over the axes that are those of one draw."""
        axes = tuple(range(-self.reinterpreted_batch_ndims, 0))
        return _array.namespace(values).sum(values, axis=axes) if axes else values

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        """Independent draws as a NumPy array of shape size + batch_shape + event_shape."""
        return self.base.sample(rng, size)

    def __repr__(self) -> str:
        return f"Independent({self.base!r}, {self.reinterpreted_batch_ndims})"


def event_shape(family: Family) -> tuple[int, ...]:
    """The shape of one draw: () for a number."""
    shape: tuple[int, ...] = getattr(family, "event_shape", ())
    return shape


def draws_of(family: Any, rng: Any, size: tuple[int, ...], batch: tuple[int, ...]) -> Any:
    """Draws of a family for each member of a batch that its own broadcasts to; NumPy."""
    own, missing = family.batch_shape, len(batch) - len(family.batch_shape)
    if own == batch[missing:]:
        return family.sample(rng, (*size, *batch[:missing]))
    if event_shape(family):
        raise ValueError(
            f"{type(family).__name__} has the batch {own}: give its parameters the batch {batch} "
            "to draw from"
        )
    return family.flattened(batch).sample(rng, size).reshape(*size, *batch)


def require_event(family: Any, x: Array) -> None:
    event = event_shape(family)
    if tuple(x.shape[x.ndim - len(event) :]) != event:
        raise ValueError(
            f"{type(family).__name__}: x has shape {tuple(x.shape)}; its last axes must be "
            f"{event}, one draw"
        )


def in_one_framework(parts: Sequence[Any]) -> list[Any]:
    """Families and bijections in one framework and dtype; those of plain numbers adapt."""
    firm = [x for part in parts if not part.plain for x in part.arrays()]
    if firm:
        like = _array.promote(*firm)[0]
        parts = [p.mapped(lambda a: adapted(a, like)) if p.plain else p for p in parts]
    arrays = [x for part in parts for x in part.arrays()]
    dtype = _array.promote(*arrays)[0].dtype if arrays else None
    return [_in_dtype(part, dtype) for part in parts]


def _in_dtype(part: Any, dtype: Any) -> Any:
    if all(x.dtype == dtype for x in part.arrays()):
        return part
    plain, part = part.plain, part.mapped(lambda a: _array.astype(a, dtype))
    object.__setattr__(part, "plain", plain)
    return part


__all__ = ["Independent"]
