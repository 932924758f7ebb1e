"""A closed form in some rows of a batch, numbers in the others."""

from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy.distributions.family import broadcast_shapes
from relentropy.methods.refinement import NotReachedError

Array = Any
Numbers = Callable[[Any, Any], Array]


def by_numbers_where(lost: Array, value: Array, p: Any, q: Any, numbers: Numbers) -> Array:
    """The value, and that by numbers in the rows that are `lost`; both of the batch's shape."""
    xp, batch = _array.namespace(value), broadcast_shapes(p.batch_shape, q.batch_shape)
    lost, value = lost.reshape(-1), value.reshape(-1)
    (rows,) = xp.nonzero(lost)
    chosen = [f.flattened(batch).mapped(lambda x: xp.take(x, rows, axis=0)) for f in (p, q)]
    try:
        better = numbers(*chosen)
    except NotReachedError as error:
        raise error.among(_array.to_numpy(rows).tolist(), batch) from None
    # Each row is taken from where it is: a gradient goes to one of the two only.
    place = xp.where(lost, value.shape[0] - 1 + xp.cumsum(lost * 1, 0), _array.positions(value))
    return xp.take(xp.concat((value, better)), place, axis=0).reshape(batch)


def where_equal(p: Any, q: Any, equal: Array, closed: Array, numbers: Numbers) -> Array:
    """The closed form in the rows in which something is `equal`, numbers in the others."""
    xp = _array.namespace(closed)
    all_equal = _array.known(xp.all(equal))
    if all_equal:
        return closed
    if all_equal is None:
        return xp.where(equal, closed, numbers(p, q))
    shape = broadcast_shapes(p.batch_shape, q.batch_shape)
    equal, closed = (xp.broadcast_to(x, shape) for x in (equal, closed))
    return by_numbers_where(~equal, closed, p, q, numbers)
