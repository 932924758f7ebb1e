"""What the formulas ask of a framework of arrays, with the answers of the array-API standard."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, NamedTuple

Array = Any
Namespace = Any

SMALLEST_NORMAL = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126}


class ByParts(NamedTuple):
    """A number a row, and its gradients, of rows that are cut into parts, each with one rank."""

    part: Callable[[Array, Array], Array]
    """What a part, two arrays (rows, K), says of itself: (rows, some numbers)."""
    whole: Callable[[Array], Array]
    """Facts of the rows, (rows, some numbers), the first being the value; from all parts."""
    slopes: Callable[[Array, Array, Array], tuple[Array, Array]]
    """The gradients of the value towards both arrays of a part, from these and the facts."""


class Head(NamedTuple):
    """The last layer of a model, whose logits are hidden @ weight.T + bias."""

    hidden: Array  # (tokens, features)
    weight: Array  # (vocabulary, features)
    bias: Array | None  # (vocabulary,)


def block_length(count: int, most: int) -> int:
    """The length of even blocks of at most `most` among `count` rows."""
    blocks = max(1, -(-count // most))
    return max(1, -(-count // blocks))


class Framework:
    """A package of arrays, to be subclassed and handed to `register_framework`.

    A subclass says its `name`, which arrays are its own (`holds`) and where its functions are
    (`namespace`); what deviates from the array-API standard (2024.12) it overrides. The namespace
    needs abs, any, arange, argmax, asarray, astype, exp, expm1, floor, full_like, isnan, log,
    log1p, logaddexp, max, maximum, minimum, moveaxis, reshape, result_type, sqrt, sum,
    take_along_axis, where, zeros_like and the dtypes bool, int64, float32, float64; the arrays
    Python's operators, ``shape``, ``dtype`` and indexing by ``None``, ``...`` and slices. In
    `where` and beside operators a Python number takes the dtype of the array.

    >>> import numpy as np
    >>> from relentropy import Framework
    >>> class Recorded(Framework):
    ...     name = "recorded"
    ...     def holds(self, x):
    ...         return isinstance(x, np.recarray)
    ...     def namespace(self, x):
    ...         return np
    >>> Recorded().dtype_name(np.zeros(2))
    'float64'

    See `register_framework` for one that the verbs use.
    """

    name: ClassVar[str]
    """How messages call it, and the name of its module."""

    def holds(self, x: object) -> bool:
        """Whether `x` is an array of this framework; it may be asked of any object."""
        raise NotImplementedError

    def namespace(self, x: Array) -> Namespace:
        """The functions on arrays such as `x`."""
        raise NotImplementedError

    def native(self, x: Array) -> Array:
        """What formulas work on, for anything that `holds` accepts, such as a variable."""
        return x

    # --- gradients and traces --------------------------------------------------------------------

    def stop_gradient(self, x: Array) -> Array:
        """The same values, constant for differentiation."""
        return x

    def known(self, condition: Array) -> bool | None:
        """The truth of a scalar condition; None where values cannot be looked at."""
        return bool(self.to_numpy(condition))

    def of_equal_length(self, x: Array, y: Array) -> Array:
        """`x`; raises if the last axes differ, in a trace that knows them only when it runs."""
        return x

    def rounded(self, x: Array) -> Array:
        """`x`, whose rounding counts: a compiler must not rewrite what comes before and after."""
        return x

    def eager(self) -> AbstractContextManager[Any]:
        """Inside a trace, what is made from constants alone is computed at once."""
        return nullcontext()

    def repeat(
        self, step: Callable[..., tuple[Array, ...]], times: int, state: tuple[Array, ...]
    ) -> tuple[Array, ...]:
        """step(*step(*state)) and so on, where no gradient is asked."""
        for _ in range(times):
            state = step(*state)
        return state

    def by_row_blocks(self, f: Callable[..., Array], xs: tuple[Array, ...]) -> Array:
        """f(*xs), each row on its own, if possible without keeping what f makes on the way."""
        return f(*xs)

    def by_token_blocks(
        self,
        f: Callable[..., tuple[Array, ...]],
        heads: Sequence[Head],
        rows: Sequence[Array],
        most: int,
        dtype: Any,
        values: int,
    ) -> tuple[Array, ...]:
        """`f` of the logits that heads make; see `relentropy._array.by_token_blocks`."""
        raise TypeError(f"heads need arrays of NumPy, PyTorch or JAX, got {self.name}")

    def block_cells(self, x: Array) -> int | None:
        """How many cells of rows to work on at once; None: all, this framework has no blocks."""
        return None

    def in_row_blocks(self, f: Any, step: int, xs: tuple[Array, ...]) -> Array:
        """f(*xs), `step` rows at a time; see `relentropy._array.in_row_blocks`."""
        raise NotImplementedError

    def row_gradients(
        self, f: Callable[..., Array], x: Array, constants: tuple[Array, ...]
    ) -> tuple[Array, Array]:
        """`f` of each row and its gradient; see `relentropy._array.row_gradients`."""
        raise TypeError(f"gradients need arrays of PyTorch or JAX, got {self.name}")

    def over_ranks(self, formula: ByParts, x: Array, y: Array, group: Any, axis_name: Any) -> Array:
        """The value of each row of which every rank has a part, (rows, K); first derivatives."""
        raise TypeError(
            f"expected arrays of PyTorch or JAX, of which each rank has a part, got {self.name}: a "
            "process that has all cells writes relative_entropy(Logits(p), Logits(q))"
        )

    # --- dtypes ----------------------------------------------------------------------------------

    def dtype_name(self, x: Array) -> str:
        """'float32', 'bfloat16', 'int64', ..., 'bool'."""
        name = getattr(x.dtype, "name", None)
        return name if isinstance(name, str) else str(x.dtype).rpartition(".")[2]

    def widest_float(self, x: Array) -> Any:
        return self.namespace(x).float64

    def default_float(self, x: Array) -> Any:
        """What the framework makes of a Python float."""
        return self.widest_float(x)

    def astype(self, x: Array, dtype: Any) -> Array:
        return self.namespace(x).astype(x, dtype)

    def result_dtype(self, x: Array, y: Array) -> Any:
        """The dtype that the framework gives a sum of the two."""
        return self.namespace(x).result_type(x.dtype, y.dtype)

    def moved_to(self, x: Array, like: Array) -> Array:
        """`x` in the dtype and on the device of another array."""
        return self.astype(x, like.dtype)

    # --- making and reading arrays ---------------------------------------------------------------

    def constant_like(self, x: Array, values: Sequence[float] | float) -> Array:
        """A constant of the dtype and device of `x`."""
        return self.namespace(x).asarray(values, dtype=x.dtype)

    def positions(self, x: Array) -> Array:
        """0, 1, 2, ... along the last axis of `x`, on its device."""
        return self.namespace(x).arange(x.shape[-1])

    def first_largest(self, x: Array) -> Array:
        """Where the largest entry of the last axis stands, the first of equals: (..., 1)."""
        return self.namespace(x).argmax(x, axis=-1, keepdims=True)

    def positions_from(self, x: Array) -> Array:
        """Integers in a dtype that the framework takes for indices."""
        return self.astype(x, self.namespace(x).int64)

    def entries(self, x: Array, index: Array) -> Array:
        """The entries at the positions `index` of the last axis, the other axes as they are."""
        return self.namespace(x).take_along_axis(x, index, axis=-1)

    def members(self, x: Array, index: Array) -> Array:
        """Booleans in the shape of `x`, true at the positions `index` of its last axis."""
        places = self.positions(x)
        return self.namespace(x).any(index[..., :, None] == places, axis=-2)

    def to_numpy(self, x: Array) -> Any:
        """The values as a NumPy array; to be overridden where `numpy.asarray` cannot read `x`."""
        import numpy

        values = numpy.asarray(x)
        if values.dtype == object:
            raise TypeError(
                f"numpy.asarray cannot read {type(x).__name__}; give the Framework "
                f"{self.name!r} a method to_numpy(self, x) that returns a NumPy array"
            )
        return values

    def plain(self, x: Array) -> Any:
        """A NumPy array in the memory of `x`; None where the framework has to see every step.

        Half precision may come as integers of its bits.
        """
        return None

    def wants_gradient(self, x: Array) -> bool:
        """Whether what is computed from `x` now is to be differentiated."""
        return False

    def with_slopes(self, slopes: Any, x: Array, y: Array) -> Array:
        """`slopes.d`, whose gradients are those of `slopes.gradient`."""
        raise NotImplementedError

    def from_plain(self, values: Any) -> Array:
        """What was computed from `plain(x)`."""
        raise NotImplementedError

    def from_numpy(self, values: Any) -> Array:
        """A copy of a NumPy array."""
        raise NotImplementedError


class ArrayStandard(Framework):
    """Any package whose arrays have ``__array_namespace__``."""

    name = "array-api"

    def holds(self, x: object) -> bool:
        return hasattr(x, "__array_namespace__")

    def namespace(self, x: Array) -> Namespace:
        return x.__array_namespace__()

    def known(self, condition: Array) -> bool | None:
        return bool(condition)  # of a device, which NumPy may not read
