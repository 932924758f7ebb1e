"""NumPy."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy

from relentropy.frameworks.base import Framework, Head, block_length
from relentropy.frameworks.registry import OF_TYPE

Array = Any


class NumPy(Framework):
    name = "numpy"

    def holds(self, x: object) -> bool:
        return isinstance(x, (numpy.ndarray, numpy.generic))

    def namespace(self, x: Array) -> Any:
        return numpy

    def dtype_name(self, x: Array) -> str:
        return _name(x.dtype)

    def astype(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    def plain(self, x: Array) -> Any:
        # A subclass may mean more by its values, as a masked array does.
        return x if type(x) in (numpy.ndarray, numpy.memmap) else None

    def from_plain(self, values: Any) -> Array:
        return values

    def members(self, x: Array, index: Array) -> Array:
        none = numpy.zeros_like(x, dtype=bool)
        numpy.put_along_axis(none, index, True, axis=-1)
        return none

    def by_token_blocks(
        self,
        f: Callable[..., tuple[Array, ...]],
        heads: Sequence[Head],
        rows: Sequence[Array],
        most: int,
        dtype: Any,
        values: int,
    ) -> tuple[Array, ...]:
        count, wide, pieces = len(heads[0].hidden), [as_dtype(h, dtype) for h in heads], []
        step = block_length(count, most)
        for i in range(0, max(1, count), step):
            block = slice(i, i + step)
            logits = (x[block] @ w.T if b is None else x[block] @ w.T + b for x, w, b in wide)
            pieces.append(f(*logits, *(x[block] for x in rows)))
        return tuple(numpy.concatenate(values) for values in zip(*pieces, strict=True))

    def from_numpy(self, values: Any) -> Array:
        return values.copy()


def as_dtype(head: Head, dtype: Any) -> Head:
    return Head(*(None if x is None else x.astype(dtype, copy=False) for x in head))


@cache
def _name(dtype: Any) -> str:
    # str() of a byte-swapped float64 is '>f8'. NumPy makes the name anew at every question.
    return str(dtype.name)


FRAMEWORK: Framework = NumPy()
for kind in (numpy.ndarray, numpy.float64, numpy.float32, numpy.bool_):
    OF_TYPE[kind] = FRAMEWORK
