"""NumPy."""

from typing import Any

import numpy

from relentropy.frameworks.base import Framework

Array = Any


class NumPy(Framework):
    name = "numpy"

    def holds(self, x: object) -> bool:
        return isinstance(x, (numpy.ndarray, numpy.generic))

    def namespace(self, x: Array) -> Any:
        return numpy

    def dtype_name(self, x: Array) -> str:
        # str() of a byte-swapped float64 is '>f8'.
        return str(x.dtype.name)

    def astype(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    def members(self, x: Array, index: Array) -> Array:
        none = numpy.zeros_like(x, dtype=bool)
        numpy.put_along_axis(none, index, True, axis=-1)
        return none

    def from_numpy(self, values: Any) -> Array:
        return values.copy()


FRAMEWORK: Framework = NumPy()
