"""A function of each row on its own, on JAX: a block of rows at a time, with its own derivatives.

XLA holds what a formula makes on the way for all rows at once, some ten times the input with its
gradient. A loop over blocks holds it for one block, which a processor then finds in its cache.
Where a derivative is wanted, the same pass makes the slopes of every row beside its value, and
nothing else is kept: the derivative is their product with whatever comes from outside.

Second derivatives are those of the slopes, of all rows at once.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

Array = Any


@dataclass(frozen=True)
class Slopes:
    """The values of f and, of each row, the derivatives towards some of its arguments."""

    f: Any  # as in `relentropy._array.in_row_blocks`
    wanted: tuple[int, ...]

    def __call__(self, *xs: Array) -> tuple[Array, ...]:
        # An argument that stands for all rows has a slope in each of them.
        batch = jnp.broadcast_shapes(*(x.shape[:-1] for x in xs))
        xs = tuple(jnp.broadcast_to(x, (*batch, x.shape[-1])) for x in xs)
        value, slopes = self.f.slopes(*xs)
        return value, *(slopes[i] for i in self.wanted)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def values(f: Any, step: int | None, *xs: Array) -> Array:
    """f(*xs), `step` rows at a time, or all at once for None.

    Each of `xs` has its rows first, all of them or one that stands for all, and its cells last.
    """
    return _in_blocks(f, step, *xs)


@partial(values.defjvp, symbolic_zeros=True)
def _(f: Any, step: int | None, xs: tuple[Array, ...], moved: tuple[Any, ...]) -> Any:
    wanted = tuple(i for i, x in enumerate(moved) if not isinstance(x, SymbolicZero))
    value, *slopes = slopes_and_values(Slopes(f, wanted), step, *xs)
    parts = [jnp.sum(s * moved[i], axis=-1) for s, i in zip(slopes, wanted, strict=True)]
    return value, sum(parts, jnp.zeros_like(value))


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def slopes_and_values(f: Slopes, step: int | None, *xs: Array) -> Any:
    return _in_blocks(f, step, *xs)


@slopes_and_values.defjvp
def _(f: Slopes, step: int | None, xs: tuple[Array, ...], moved: tuple[Array, ...]) -> Any:
    return jax.jvp(f, xs, moved)


# Compiled once for each f and shape also where nothing else is, outside of jax.jit.
@partial(jax.jit, static_argnums=(0, 1))
def _in_blocks(f: Any, step: int | None, *xs: Array) -> Any:
    rows = max(x.shape[0] for x in xs) if step else 0
    if step is None or rows <= step:
        return f(*xs)

    def block(start: Array) -> Any:
        cut = jax.lax.dynamic_slice_in_dim
        return f(*(x if x.shape[0] == 1 else cut(x, start, step) for x in xs))

    def put(i: Array, whole: Any) -> Any:
        # The last block overlaps the one before, which costs less than rows that are padded.
        start = jnp.minimum(i * step, rows - step)
        place = partial(jax.lax.dynamic_update_slice_in_dim, start_index=start, axis=0)
        return jax.tree.map(place, whole, block(start))

    def room(x: Any) -> Array:
        return jnp.broadcast_to(zero.astype(x.dtype), (rows, *x.shape[1:]))

    zero = nothing(*xs)
    whole = jax.tree.map(room, jax.eval_shape(block, 0))
    return jax.lax.fori_loop(0, -(-rows // step), put, whole)


def nothing(*xs: Array) -> Array:
    """0, made from the input, so that it varies over a mesh where the input does."""
    some = sum(x[(0,) * x.ndim] for x in xs if x.size)
    zero: Array = jnp.where(some == some, 0.0, 0.0)
    return zero


def varying_alike(xs: Any) -> Any:
    """The arrays of a tree, each varying over all mesh axes over which any does.

    What is the same on all devices then has a gradient that is summed over them, by JAX itself.
    """
    every = frozenset[Any]().union(*map(_axes_over_which_it_varies, jax.tree.leaves(xs)))

    def varying(x: Array) -> Array:
        missing = tuple(every - _axes_over_which_it_varies(x))
        return _made_varying(x, missing) if missing else x

    return jax.tree.map(varying, xs)


def _axes_over_which_it_varies(x: Array) -> frozenset[Any]:
    kind: Any = jax.typeof(x)
    kind = getattr(kind, "mat", kind)  # "vma" itself in older versions
    return frozenset(getattr(kind, "varying", None) or getattr(kind, "vma", None) or ())


def _made_varying(x: Array, axes: tuple[Any, ...]) -> Array:
    lax: Any = jax.lax
    return lax.pcast(x, axes, to="varying") if hasattr(lax, "pcast") else lax.pvary(x, axes)
