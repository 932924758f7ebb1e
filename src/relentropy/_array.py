"""The one door to array frameworks.

What the formulas need of an array beside its namespace is here, one function each: which namespace
it belongs to, promotion, where gradients stop. How each framework does it is in
`relentropy.frameworks`. A framework is looked up among the modules already imported and is never
imported for its own sake; no array is ever passed through ``asarray``, which can detach gradients.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from relentropy.frameworks.base import SMALLEST_NORMAL, Framework
from relentropy.frameworks.base import ByParts as ByParts
from relentropy.frameworks.base import Head as Head
from relentropy.frameworks.registry import OF_TYPE, name_of, named

Array = Any
Namespace = Any

SUPPORTED = (
    "arrays of NumPy, PyTorch, JAX, TensorFlow or tinygrad, of a package with "
    "__array_namespace__ or one handed to register_framework (or lists of floats)"
)


def framework(x: object) -> str | None:
    """'numpy', 'torch', 'jax', 'tensorflow', ...; None for what is no array."""
    return name_of(x)


def _of(x: Array) -> Framework:
    """The framework of an array."""
    return OF_TYPE.get(type(x)) or named(name_of(x) or "numpy")


def namespace(*xs: Array) -> Namespace:
    """The array-API namespace that all arguments share; a mixture raises TypeError."""
    if len(xs) == 1 and type(xs[0]) in OF_TYPE:
        return OF_TYPE[type(xs[0])].namespace(xs[0])
    names = {}
    for x in xs:
        name = name_of(x)
        if name is not None:
            names[name] = x
    if len(names) > 1:
        kinds = " and ".join(sorted(names))
        raise TypeError(
            f"the arguments come from different frameworks ({kinds}; a list counts as numpy); "
            "convert one first, for example with torch.as_tensor(x), jax.numpy.asarray(x), "
            "tensorflow.constant(x), tinygrad.Tensor(x), numpy.asarray(x)"
        )
    if not names:
        raise TypeError(f"expected {SUPPORTED}, got {', '.join(type(x).__name__ for x in xs)}")
    ((name, x),) = names.items()
    return named(name).namespace(x)


FULL = ("numpy", "torch", "jax")
FULLY_SUPPORTED = "arrays of NumPy, PyTorch or JAX (or lists of floats)"


def require_full_support(x: Array, what: str) -> None:
    """TypeError for an array of a framework that has the verbs on arrays and nothing else."""
    name = name_of(x)
    if name is not None and name not in FULL:
        raise TypeError(
            f"{what} takes {FULLY_SUPPORTED}, got one of {name}, which has the verbs on discrete "
            "distributions only; convert it, for example with x.numpy()"
        )


def require_floating(x: Array, name: str) -> None:
    """TypeError for an array of integers, booleans or complex numbers."""
    if not is_floating(x):
        raise TypeError(
            f"{name} has dtype {dtype_name(x)}; expected a floating array: "
            f"{name}.astype(float) or {name}.float() makes one"
        )


def native(x: Array) -> Array:
    """The array that formulas work on, for a variable of TensorFlow its value now."""
    return _of(x).native(x)


def is_numpy(x: Array) -> bool:
    """Whether `x` is an eager NumPy array, whose values may be looked at."""
    return name_of(x) == "numpy"


def quiet(x: Array) -> AbstractContextManager[Any]:
    """Silence NumPy's floating-point warnings: the infinities they announce are the answers."""
    if name_of(x) in ("torch", "jax", "tensorflow", "tinygrad") or compiling():
        return nullcontext()
    import numpy

    errstate: AbstractContextManager[Any] = numpy.errstate(all="ignore")
    return errstate


def eager(x: Array) -> AbstractContextManager[Any]:
    """Inside a trace of JAX, what is made from constants alone is computed at once."""
    return _of(x).eager()


def stop_gradient(x: Array) -> Array:
    """The same values, constant for differentiation."""
    return _of(x).stop_gradient(x)


def rounded(x: Array) -> Array:
    """`x`, whose rounding counts: what comes before and after it must not be rewritten."""
    return _of(x).rounded(x)


def compiling() -> bool:
    """Whether torch.compile is tracing this."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.compiler.is_compiling())


def known(condition: Array) -> bool | None:
    """The truth of a scalar condition; None where values cannot be looked at, as in a trace."""
    if compiling():  # which traces NumPy too
        return None
    return _of(condition).known(condition)


def dtype_name(x: Array) -> str:
    """'float32', 'bfloat16', 'int64', ... the same word in every framework."""
    return _of(x).dtype_name(x)


def is_half(x: Array) -> bool:
    return dtype_name(x) in ("float16", "bfloat16")


def is_floating(x: Array) -> bool:
    return dtype_name(x) in ("float16", "bfloat16", "float32", "float64")


def is_integer(x: Array) -> bool:
    return dtype_name(x).startswith(("int", "uint"))


def widest_float(x: Array) -> Any:
    """float64, or the widest float that the framework is configured for."""
    return _of(x).widest_float(x)


def default_float(x: Array) -> Any:
    """What the framework makes of a Python float."""
    return _of(x).default_float(x)


def astype(x: Array, dtype: Any) -> Array:
    return x if x.dtype == dtype else _of(x).astype(x, dtype)


def moved_to(x: Array, like: Array) -> Array:
    """`x` in the dtype and, on PyTorch, on the device of another array."""
    return _of(x).moved_to(x, like)


def promote(*xs: Array) -> list[Array]:
    """Bring floating arrays to one dtype; half precision becomes float32."""
    xp = namespace(*xs)
    wide = [astype(x, xp.float32) if is_half(x) else x for x in xs]
    widest = wide[0]
    for x in wide[1:]:
        widest = astype(widest, _of(x).result_dtype(widest, x))
    return [astype(x, widest.dtype) for x in wide]


def event_last(x: Array, axis: int) -> Array:
    """Move the event axis to the end, contiguous in memory where NumPy needs it to sum pairwise."""
    if axis in (-1, len(x.shape) - 1):
        return x
    xp = namespace(x)
    x = xp.moveaxis(x, axis, -1)
    return xp.ascontiguousarray(x) if is_numpy(x) else x


def of_equal_length(x: Array, y: Array) -> Array:
    """`x`, held to the length of `y` when the values are known: a trace may not know either."""
    return _of(x).of_equal_length(x, y)


def to_numpy(x: Array) -> Any:
    """The values as a NumPy array; no gradient comes with them."""
    return _of(x).to_numpy(x)


def plain(x: Array) -> Any:
    """The values of `x` as a NumPy array in the same memory, for a loop over them.

    None where its framework has to know what is computed, as in traces and transformations, and on
    other devices; `wants_gradient` is another question. Half precision may come as its bits.
    """
    return _of(x).plain(x)


def wants_gradient(x: Array) -> bool:
    """Whether what is computed from `x` now is going to be differentiated towards it."""
    return _of(x).wants_gradient(x)


def with_slopes(slopes: Any, x: Array, y: Array) -> Array:
    """The values of a kernel as a function of `x` and `y`, differentiable (`kernels.gradient`)."""
    return _of(x).with_slopes(slopes, x, y)


def from_plain(like: Array, values: Any) -> Array:
    """A result that was computed from `plain(like)`, as an array of the framework of `like`."""
    return _of(like).from_plain(values)


def constant_like(x: Array, values: Sequence[float] | float) -> Array:
    """A constant of the framework, dtype and device of `x`."""
    return _of(x).constant_like(x, values)


def positions(x: Array) -> Array:
    """0, 1, 2, ... along the last axis of `x`, on its device."""
    return _of(x).positions(x)


def first_largest(x: Array) -> Array:
    """Where the largest entry of the last axis of `x` stands, the first of equals: (..., 1)."""
    return _of(x).first_largest(x)


def positions_from(x: Array) -> Array:
    """Integers in a dtype that the framework takes for indices."""
    return _of(x).positions_from(x)


def repeat(step: Callable[..., tuple[Array, ...]], times: int, *state: Array) -> tuple[Array, ...]:
    """step(*step(*state)) and so on; one compiled loop on JAX, which would unroll Python's."""
    return _of(state[0]).repeat(step, times, state)


def by_row_blocks(f: Callable[..., Array], *xs: Array) -> Array:
    """f(*xs) for a function of each row on its own, keeping only `xs` for the gradient.

    What f makes on the way is made again for the gradient, a block of rows at a time, so that
    memory is that of one block beside the arguments and their gradients. f gives one array with
    one entry a row; the arguments have rows first. Derivatives of every order are those of f.
    """
    return _of(xs[0]).by_row_blocks(f, xs)


def over_ranks(formula: ByParts, x: Array, y: Array, group: Any, axis_name: Any) -> Array:
    """The value of each row of which every rank has a part, (rows, K); first derivatives."""
    return _of(x).over_ranks(formula, x, y, group, axis_name)


def by_token_blocks(
    f: Callable[..., tuple[Array, ...]],
    heads: Sequence[Head],
    rows: Sequence[Array],
    most: int,
    values: int,
) -> tuple[Array, ...]:
    """f(*logits, *rows) of the logits that heads make, which exist for `most` tokens at a time.

    Tokens come first in hidden states and `rows`. f gives as many arrays as `values` says, with one
    entry a token, from each row of logits on its own.
    Logits are float64 where an argument is and float32 elsewhere; so are the sums of gradients.
    """
    given = [x for head in heads for x in head if x is not None]
    xp = namespace(*given)
    dtype = xp.float64 if any(dtype_name(x) == "float64" for x in given) else xp.float32
    return _of(given[0]).by_token_blocks(f, heads, rows, most, dtype, values)


def block_cells(x: Array) -> int | None:
    """How many cells of rows to work on at once; None where the framework has no such blocks."""
    return _of(x).block_cells(x)


def in_row_blocks(f: Any, step: int, *xs: Array) -> Array:
    """f(*xs) of rows of cells (..., K), one value a row, `step` rows at a time.

    Batch axes broadcast. `f` is hashable, and the same wherever it is equal, so that it is compiled
    once. f.slopes(*xs), of arrays of one shape, gives its values and a tuple of their derivatives
    towards each cell of each argument.
    """
    return _of(xs[0]).in_row_blocks(f, step, xs)


def entries(x: Array, index: Array) -> Array:
    """The entries of `x` at positions of its last axis; the other axes of both are the same."""
    return _of(x).entries(x, index)


def members(x: Array, index: Array) -> Array:
    """Booleans in the shape of `x`, true at the positions `index` (int64) of its last axis."""
    return _of(x).members(x, index)


def smallest_normal(x: Array) -> float:
    return SMALLEST_NORMAL.get(dtype_name(x), 2.0**-1022)


def array_of(name: str, values: Array) -> Array:
    """A NumPy array as an array of the framework of that name, a copy."""
    if name not in FULL:
        raise ValueError(f"framework is {name!r}; expected 'torch', 'jax' or 'numpy'")
    return named(name).from_numpy(values)


def row_gradients(f: Callable[..., Array], x: Array, *constants: Array) -> tuple[Array, Array]:
    """F of each row alone, as a batch of one, and the gradient of its sum with respect to that row.

    On JAX the rows are mapped, so that the framework is called once; on PyTorch they are taken
    one after the other, since `f` may look at values.
    """
    return _of(x).row_gradients(f, x, constants)


def seed_of(rng: Any) -> list[int] | None:
    """Whole numbers that a key of JAX stands for, or drawn from a generator of PyTorch."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and isinstance(rng, torch.Generator):
        return [int(torch.randint(2**62, (), generator=rng, device=rng.device))]
    if jax is not None and isinstance(rng, jax.Array):
        is_key = jax.dtypes.issubdtype(rng.dtype, jax.dtypes.prng_key)
        words = jax.random.key_data(rng) if is_key else rng
        return [int(word) for word in words.reshape(-1)]
    return None
