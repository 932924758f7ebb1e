"""Rows of logits a block at a time, where a framework would compute all of them at once: which.

The size alone decides, as at the door of the kernels: last digits do not depend on anything else.
"""

import math
from typing import Any

from relentropy import _array
from relentropy.distributions.discrete import Logs
from relentropy.kernels.door import worth


def rows_of_block(sides: tuple[Any, ...], axis: int = -1, where: Any = None) -> int | None:
    """How many rows to take at once; None where the formula takes all as they are."""
    if where is not None or not all(isinstance(x, Logs) for x in sides):
        return None
    cells = _array.block_cells(sides[0].values)
    if cells is None or len({_array.framework(x.values) for x in sides}) > 1:
        return None
    shapes = [tuple(x.values.shape) for x in sides]
    if not all(_enters(x, axis) for x in sides) or len({shape[-1] for shape in shapes}) > 1:
        return None
    import numpy

    try:
        batch = numpy.broadcast_shapes(*(shape[:-1] for shape in shapes))
    except ValueError:
        return None
    length = shapes[0][-1]
    return max(1, cells // length) if worth(math.prod(batch) * length, cells + 1) else None


def _enters(x: Logs, axis: int) -> bool:
    """Whether the cells go by position, along the last axis, and nobody is to look at them."""
    shape = x.values.shape
    known = all(isinstance(n, int) and n > 0 for n in shape)  # exported programs have symbols
    last = len(shape) > 0 and axis in (-1, len(shape) - 1)
    return known and last and x.labels is None and not x.validate
