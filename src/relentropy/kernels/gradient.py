"""Relative entropy by kernels where a gradient is wanted: what the framework is handed.

It keeps the inputs and a few numbers a row; the gradients are computed from these when they are
asked for. Derivatives of a gradient are those of the formula.
"""

from collections.abc import Callable, Sequence
from typing import Any

from relentropy.kernels import door
from relentropy.kernels.threads import over_rows

Array = Any


class Slopes:
    """Value and gradients of D for rows a and b, two NumPy arrays of one shape."""

    def __init__(
        self, a: Array, b: Array, formula: Callable[[Array, Array], Array] | None = None
    ) -> None:
        self.rows = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
        self.shape = a.shape
        self.formula = formula
        """The same of arrays of a framework that differentiates, as often as one likes."""

    def evaluated(self, tolerances: tuple[float, float]) -> bool:
        """Whether all rows are distributions, and have values and facts now."""
        import numpy

        from relentropy.kernels import slopes, streams

        a, b = self.rows
        self.d = numpy.empty(len(a), door.result_dtype(a))
        self.facts = numpy.empty((len(a), streams.FACTS))
        inputs = (a, b, tolerances, self.facts)
        return door.filled(slopes, "values", inputs, self.d, a.size)

    def gradients(self, wanted: Sequence[bool], factor: Array) -> list[Array | None]:
        """The factor times ∂D/∂a and ∂D/∂b, as far as wanted; in float32 for half precision."""
        import numpy

        from relentropy.kernels import slopes

        a, b = self.rows
        dtype = self.d.dtype
        factor = numpy.array(factor, dtype, order="C").reshape(-1)
        out = [numpy.empty(a.shape, dtype) if w else None for w in wanted]
        some = [x for x in out if x is not None]
        name = "slopes_to_both" if len(some) == 2 else f"slope_to_{'p' if wanted[0] else 'q'}"
        kernel = slopes.compiled(name, a.dtype)
        over_rows(lambda i, j: kernel(a, b, self.facts, factor, *some, i, j), len(a), a.size)
        return [None if x is None else x.reshape(self.shape) for x in out]
