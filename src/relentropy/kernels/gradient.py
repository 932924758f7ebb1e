"""Relative entropy by kernels where a gradient is wanted: what the framework is handed.

It keeps the inputs and a few numbers a row; the gradients are computed from these when they are
asked for. Derivatives of a gradient are those of the formula.
"""

from collections.abc import Callable
from typing import Any

from relentropy.kernels.threads import over_rows

Array = Any


class Slopes:
    """Value and gradients of D for rows a and b, two NumPy arrays of one shape."""

    def __init__(self, a: Array, b: Array, formula: Callable[[Array, Array], Array]) -> None:
        self.rows = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
        self.shape = a.shape
        self.formula = formula
        """The same of arrays of the framework, differentiable as often as one likes."""

    def value(self, tolerance_a: float, tolerance_b: float) -> Array:
        """D of every row, NaN where it is no distribution."""
        import numpy

        from relentropy.kernels import rows, slopes

        a, b = self.rows
        kernel = slopes.compiled("values", a.dtype)
        self.d, self.facts = numpy.empty(len(a), a.dtype), numpy.empty((len(a), rows.FACTS))
        over_rows(
            lambda i, j: kernel(a, b, tolerance_a, tolerance_b, self.facts, self.d, i, j),
            len(a),
            a.size,
        )
        return self.d.reshape(self.shape[:-1])

    def gradient(self, side: str, factor: Array) -> Array:
        """The factor times ∂D/∂a or, of side "q", ∂D/∂b."""
        import numpy

        from relentropy.kernels import slopes

        a, b = self.rows
        factor = numpy.ascontiguousarray(factor, a.dtype).reshape(-1)
        kernel = slopes.compiled(f"slope_to_{side}", a.dtype)
        out = numpy.empty_like(a)
        over_rows(lambda i, j: kernel(a, b, self.d, self.facts, factor, out, i, j), len(a), a.size)
        return out.reshape(self.shape)
