"""NumPy."""

from functools import cache
from typing import Any

import numpy

from relentropy.frameworks.base import Framework
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

    def from_numpy(self, values: Any) -> Array:
        return values.copy()


@cache
def _name(dtype: Any) -> str:
    # str() of a byte-swapped float64 is '>f8'. NumPy makes the name anew at every question.
    return str(dtype.name)


FRAMEWORK: Framework = NumPy()
OF_TYPE[numpy.ndarray] = FRAMEWORK
