"""Rows of logits a block at a time, where a framework would compute all of them at once: which.

The size alone decides, as at the door of the kernels: last digits do not depend on anything else.
"""

import math
from typing import Any

from relentropy import _array
from relentropy.distributions.discrete import Discrete, Logs
from relentropy.kernels.door import worth

Array = Any


def rows_of_block(sides: tuple[Discrete, ...], axis: int = -1, where: Any = None) -> int | None:
    """How many rows to take at once; None where the formula takes all as they are."""
    cells = _array.block_cells(sides[0].values)
    if cells is None or where is not None or not all(_enters(x, axis) for x in sides):
        return None
    shapes = [tuple(x.values.shape) for x in sides]
    length = shapes[0][-1]
    if any(shape[-1] != length for shape in shapes) or not _of_one_framework(sides):
        return None
    import numpy

    try:
        batch = numpy.broadcast_shapes(*(shape[:-1] for shape in shapes))
    except ValueError:
        return None
    return max(1, cells // length) if worth(math.prod(batch) * length, cells + 1) else None


def _enters(x: Discrete, axis: int) -> bool:
    """Whether it is logs of cells by position, last axis, of a size that is known."""
    if not isinstance(x, Logs) or x.labels is not None or x.validate:
        return False
    shape = x.values.shape
    known = all(isinstance(n, int) and n > 0 for n in shape)  # exported programs have symbols
    return len(shape) > 0 and axis in (-1, len(shape) - 1) and known


def _of_one_framework(sides: tuple[Discrete, ...]) -> bool:
    return len({_array.framework(x.values) for x in sides}) == 1
