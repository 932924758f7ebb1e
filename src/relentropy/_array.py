"""The one door to array frameworks.

Everything that differs between NumPy, PyTorch and JAX and that the formulas need is here:
which namespace an array belongs to, promotion, where gradients stop. A framework is looked up
among the modules already imported and is never imported for its own sake; no array is ever
passed through ``asarray``, which can detach gradients.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

Array = Any
Namespace = Any

SUPPORTED = "NumPy arrays, PyTorch tensors, JAX arrays (or lists of floats)"


def framework(x: object) -> str | None:
    """'numpy', 'torch', 'jax', the name of another array-API framework, or None for no array."""
    modules = sys.modules
    numpy, torch, jax = modules.get("numpy"), modules.get("torch"), modules.get("jax")
    # A tuple of types: torch.compile cannot trace their union.
    if numpy is not None and isinstance(x, (numpy.ndarray, numpy.generic)):
        return "numpy"
    if torch is not None and isinstance(x, torch.Tensor):
        return "torch"
    if jax is not None and isinstance(x, jax.Array):
        return "jax"
    if hasattr(x, "__array_namespace__"):
        return type(x).__module__.partition(".")[0]
    return None


def namespace(*xs: Array) -> Namespace:
    """The array-API namespace that all arguments share; a mixture raises TypeError."""
    names = {}
    for x in xs:
        name = framework(x)
        if name is not None:
            names[name] = x
    if len(names) > 1:
        kinds = " and ".join(sorted(names))
        raise TypeError(
            f"the arguments come from different frameworks ({kinds}; a list counts as numpy); "
            "convert one first, for example with torch.as_tensor(x), jax.numpy.asarray(x), "
            "numpy.asarray(x)"
        )
    if not names:
        raise TypeError(f"expected {SUPPORTED}, got {', '.join(type(x).__name__ for x in xs)}")
    ((name, x),) = names.items()
    if name == "torch":
        import array_api_compat.torch as xp

        return xp
    if name == "numpy":
        import numpy

        return numpy
    return x.__array_namespace__()


def is_numpy(x: Array) -> bool:
    """Whether `x` is an eager NumPy array, whose values may be looked at."""
    return framework(x) == "numpy"


def quiet(x: Array) -> AbstractContextManager[Any]:
    """Silence NumPy's floating-point warnings: the infinities they announce are the answers."""
    if not is_numpy(x) or compiling():
        return nullcontext()
    import numpy

    errstate: AbstractContextManager[Any] = numpy.errstate(all="ignore")
    return errstate


def eager(x: Array) -> AbstractContextManager[Any]:
    """Inside a trace of JAX, what is made from constants alone is computed at once."""
    if framework(x) != "jax":
        return nullcontext()
    import jax

    at_once: AbstractContextManager[Any] = jax.ensure_compile_time_eval()
    return at_once


def stop_gradient(x: Array) -> Array:
    """The same values, constant for differentiation."""
    name = framework(x)
    if name == "torch":
        return x.detach()
    if name == "jax":
        import jax

        return jax.lax.stop_gradient(x)
    return x


def compiling() -> bool:
    """Whether torch.compile is tracing this."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.compiler.is_compiling())


def known(condition: Array) -> bool | None:
    """The truth of a scalar condition; None where values cannot be looked at, as in a trace."""
    name = framework(condition)
    if compiling():  # which traces NumPy too
        return None
    if name == "torch":
        try:
            return bool(condition)
        except RuntimeError:  # under vmap, on the device "meta"
            return None
    if name == "jax":
        import jax

        try:
            return bool(condition)
        except jax.errors.ConcretizationTypeError:
            return None
    return bool(condition)


def dtype_name(x: Array) -> str:
    """'float32', 'bfloat16', 'int64', ... the same word in every framework."""
    # NumPy's str() of a byte-swapped float64 is '>f8'; PyTorch's dtypes have no name.
    return str(x.dtype).removeprefix("torch.") if framework(x) == "torch" else x.dtype.name


def is_half(x: Array) -> bool:
    return dtype_name(x) in ("float16", "bfloat16")


def is_floating(x: Array) -> bool:
    return dtype_name(x) in ("float16", "bfloat16", "float32", "float64")


def is_integer(x: Array) -> bool:
    return dtype_name(x).startswith(("int", "uint"))


def widest_float(x: Array) -> Any:
    """float64, or the widest float that JAX is configured for."""
    xp = namespace(x)
    return xp.asarray(0.0).dtype if framework(x) == "jax" else xp.float64


def default_float(x: Array) -> Any:
    """What the framework makes of a Python float."""
    xp = namespace(x)
    return xp.get_default_dtype() if framework(x) == "torch" else widest_float(x)


def astype(x: Array, dtype: Any) -> Array:
    if x.dtype == dtype:
        return x
    return x.to(dtype) if framework(x) == "torch" else x.astype(dtype)


def moved_to(x: Array, like: Array) -> Array:
    """`x` in the dtype and, on PyTorch, on the device of another array."""
    return x.to(like) if framework(x) == "torch" else astype(x, like.dtype)


def promote(*xs: Array) -> list[Array]:
    """Bring floating arrays to one dtype; half precision becomes float32."""
    xp = namespace(*xs)
    wide = [astype(x, xp.float32) if is_half(x) else x for x in xs]
    dtype = wide[0].dtype
    for x in wide[1:]:
        dtype = xp.result_type(dtype, x.dtype)
    return [astype(x, dtype) for x in wide]


def event_last(x: Array, axis: int) -> Array:
    """Move the event axis to the end, contiguous in memory where NumPy needs it to sum pairwise."""
    if axis in (-1, x.ndim - 1):
        return x
    xp = namespace(x)
    x = xp.moveaxis(x, axis, -1)
    return xp.ascontiguousarray(x) if is_numpy(x) else x


def to_numpy(x: Array) -> Any:
    """The values as a NumPy array; no gradient comes with them."""
    import numpy

    if framework(x) == "torch":
        return x.detach().cpu().numpy()
    return numpy.asarray(x)


def constant_like(x: Array, values: Sequence[float] | float) -> Array:
    """A constant of the framework, dtype and device of `x`."""
    xp = namespace(x)
    if framework(x) == "torch":
        return xp.asarray(values, dtype=x.dtype, device=x.device)
    return xp.asarray(values, dtype=x.dtype)


def positions(x: Array) -> Array:
    """0, 1, 2, ... along the last axis of `x`, on its device."""
    xp = namespace(x)
    if framework(x) == "torch":
        return xp.arange(x.shape[-1], device=x.device)
    return xp.arange(x.shape[-1])


def positions_from(x: Array) -> Array:
    """Integers in a dtype that the framework takes for indices."""
    xp = namespace(x)
    if framework(x) == "jax":  # where int64 may be switched off
        return x if dtype_name(x) in ("int32", "int64") else astype(x, xp.int32)
    return astype(x, xp.int64)


def repeat(step: Callable[..., tuple[Array, ...]], times: int, *state: Array) -> tuple[Array, ...]:
    """step(*step(*state)) and so on; one compiled loop on JAX, which would unroll Python's."""
    if framework(state[0]) == "jax":
        import jax

        looped: tuple[Array, ...] = jax.lax.fori_loop(0, times, lambda _, s: step(*s), state)
        return looped
    for _ in range(times):
        state = step(*state)
    return state


def by_row_blocks(f: Callable[..., Array], *xs: Array) -> Array:
    """f(*xs) for a function of each row on its own, keeping only `xs` for the gradient.

    What f makes on the way is made again for the gradient, a block of rows at a time, so that
    memory is that of one block beside the arguments and their gradients. f gives one array with
    one entry a row; the arguments have rows first. Derivatives of every order are those of f.
    """
    name = framework(xs[0])
    if name == "jax":
        import jax

        checkpointed: Array = jax.checkpoint(f)(*xs)
        return checkpointed
    if name != "torch" or compiling():
        return f(*xs)
    # On a processor a block stays in its cache; a device wants enough to do.
    cells = 1 << (17 if xs[0].device.type == "cpu" else 22)
    step = max(1, cells // max(1, xs[0].shape[-1]))
    return _torch_by_row_blocks().apply(f, step, *xs)


@cache
def _torch_by_row_blocks() -> Any:
    import torch

    def starts(xs: Sequence[Any], step: int) -> range:
        return range(0, max(1, xs[0].shape[0]), step)

    class ByRowBlocks(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(f: Any, step: int, *xs: Any) -> Any:
            return torch.cat([f(*(x[i : i + step] for x in xs)) for i in starts(xs, step)])

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.f, ctx.step, *xs = inputs
            ctx.save_for_backward(*xs)
            ctx.save_for_forward(*xs)

        @staticmethod
        def backward(ctx: Any, weight: Any) -> Any:
            xs, wanted = ctx.saved_tensors, ctx.needs_input_grad[2:]
            whole: list[Any] = []
            for i in starts(xs, ctx.step):
                rows = slice(i, i + ctx.step)
                pieces = _torch_slopes(ctx.f, [x[rows] for x in xs], wanted, weight[rows])
                # Made from a piece, so that it is of one kind with it under every transformation.
                whole = whole or [p.new_empty((len(xs[0]), *p.shape[1:])) for p in pieces]
                for gradient, piece in zip(whole, pieces, strict=True):
                    gradient[rows] = piece
            found = iter(whole)
            return None, None, *(next(found) if w else None for w in wanted)

        @staticmethod
        def jvp(ctx: Any, _f: Any, _step: Any, *tangents: Any) -> Any:
            f, moving = _of_some(ctx.f, ctx.saved_tensors, [t is not None for t in tangents])
            return torch.func.jvp(f, moving, tuple(t for t in tangents if t is not None))[1]

    return ByRowBlocks


def _torch_slopes(f: Any, xs: Sequence[Any], wanted: Sequence[bool], weight: Any) -> Any:
    """The gradients of Σ weight · f(*xs) towards the arguments wanted, differentiable again."""
    import torch

    of_wanted, chosen = _of_some(f, xs, wanted)
    return torch.func.vjp(of_wanted, *chosen)[1](weight)


def _of_some(
    f: Callable[..., Array], xs: Sequence[Array], wanted: Sequence[bool]
) -> tuple[Callable[..., Array], tuple[Array, ...]]:
    """The function of the arguments wanted alone, and these."""

    def of_wanted(*chosen: Array) -> Array:
        rest = iter(chosen)
        return f(*(next(rest) if w else x for x, w in zip(xs, wanted, strict=True)))

    return of_wanted, tuple(x for x, w in zip(xs, wanted, strict=True) if w)


def members(x: Array, index: Array) -> Array:
    """Booleans in the shape of `x`, true at the positions `index` (int64) of its last axis."""
    xp = namespace(x)
    none = xp.zeros_like(x, dtype=xp.bool)
    name = framework(x)
    if name == "torch":
        return none.scatter(-1, index, True)
    if name == "jax":
        rows, places = none.reshape(-1, x.shape[-1]), index.reshape(-1, index.shape[-1])
        return rows.at[xp.arange(rows.shape[0])[:, None], places].set(True).reshape(x.shape)
    xp.put_along_axis(none, index, True, axis=-1)
    return none


def smallest_normal(x: Array) -> float:
    return float(namespace(x).finfo(x.dtype).tiny)


def array_of(name: str, values: Array) -> Array:
    """A NumPy array as an array of the framework of that name, a copy."""
    if name == "torch":
        import torch

        return torch.tensor(values)
    if name == "jax":
        import jax

        return jax.numpy.asarray(values)
    if name == "numpy":
        return values.copy()
    raise ValueError(f"framework is {name!r}; expected 'torch', 'jax' or 'numpy'")


def row_gradients(f: Callable[..., Array], x: Array, *constants: Array) -> tuple[Array, Array]:
    """F of each row alone, as a batch of one, and the gradient of its sum with respect to that row.

    On JAX the rows are mapped, so that the framework is called once; on PyTorch they are taken
    one after the other, since `f` may look at values.
    """
    name = framework(x)
    if name == "jax":
        import jax

        def total(*row: Array) -> tuple[Array, Array]:
            value = f(*(r[None] for r in row))
            return value.sum(), value

        slopes, values = jax.vmap(jax.grad(total, has_aux=True))(x, *constants)
        return values, slopes
    if name == "torch":
        import torch

        with torch.enable_grad():
            x = x.detach().requires_grad_()
            rows = zip(*(c.split(1) for c in (x, *constants)), strict=True)
            stacked = torch.stack([f(*row) for row in rows])
            if not stacked.requires_grad:  # a constant loss, to be put into the reward
                return stacked, torch.zeros_like(x)
            (slope,) = torch.autograd.grad(stacked.sum(), x, materialize_grads=True)
        return stacked.detach(), slope
    raise TypeError(f"gradients need arrays of PyTorch or JAX, got {name or type(x).__name__}")


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
