"""JAX."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp

from relentropy.frameworks import jax_heads
from relentropy.frameworks.base import ByParts, Framework, Head
from relentropy.frameworks.jax_rows import values as values_of_rows

Array = Any


class Jax(Framework):
    name = "jax"

    def holds(self, x: object) -> bool:
        return isinstance(x, jax.Array)

    def namespace(self, x: Array) -> Any:
        return x.__array_namespace__()

    def stop_gradient(self, x: Array) -> Array:
        return jax.lax.stop_gradient(x)

    def known(self, condition: Array) -> bool | None:
        try:
            return bool(condition)
        except jax.errors.ConcretizationTypeError:
            return None

    def eager(self) -> AbstractContextManager[Any]:
        at_once: AbstractContextManager[Any] = jax.ensure_compile_time_eval()
        return at_once

    def repeat(
        self, step: Callable[..., tuple[Array, ...]], times: int, state: tuple[Array, ...]
    ) -> tuple[Array, ...]:
        # One compiled loop, where Python's would be unrolled.
        looped: tuple[Array, ...] = jax.lax.fori_loop(0, times, lambda _, s: step(*s), state)
        return looped

    def by_row_blocks(self, f: Callable[..., Array], xs: tuple[Array, ...]) -> Array:
        return jax.checkpoint(f)(*xs)

    def over_ranks(self, formula: ByParts, x: Array, y: Array, group: Any, axis_name: Any) -> Array:
        if group is not None:
            raise TypeError("group is for PyTorch; on JAX the ranks are those of axis_name=")
        ranks = _ranks(axis_name)

        def over_all(x: Array) -> Array:
            # The type of a sum says that all ranks have the same, which that of a gather does not.
            total: Any = jax.lax.psum
            return total(x, axis_name)

        def facts(x: Array, y: Array) -> Array:
            mine = jnp.arange(ranks)[:, None, None] == jax.lax.axis_index(axis_name)
            return formula.whole(over_all(jnp.where(mine, formula.part(x, y), 0.0)))

        @jax.custom_jvp
        def value(x: Array, y: Array) -> Array:
            return facts(x, y)[:, 0]

        @value.defjvp
        def _(at: tuple[Array, Array], along: tuple[Array, Array]) -> tuple[Array, Array]:
            known = facts(*at)
            by_x, by_y = formula.slopes(*at, known)
            change = jnp.sum(by_x * along[0] + by_y * along[1], axis=-1)
            return known[:, 0], over_all(change)

        return value(x, y)

    def by_token_blocks(
        self,
        f: Callable[..., tuple[Array, ...]],
        heads: Sequence[Head],
        rows: Sequence[Array],
        most: int,
        dtype: Any,
        values: int,
    ) -> tuple[Array, ...]:
        plan = jax_heads.Plan(f, most, dtype, values)
        found: tuple[Array, ...] = jax_heads.by_token_blocks(plan, tuple(heads), tuple(rows))
        return found

    def block_cells(self, x: Array) -> int:
        # On a processor a block stays in its cache; a device wants enough to do.
        return 1 << (18 if jax.default_backend() == "cpu" else 22)

    def in_row_blocks(self, f: Any, step: int, xs: tuple[Array, ...]) -> Array:
        if any(_may_be_spread(x) for x in xs):
            return values_of_rows(f, None, *xs)
        batch = jnp.broadcast_shapes(*(x.shape[:-1] for x in xs))
        rows = (
            x if x.size == x.shape[-1] else jnp.broadcast_to(x, (*batch, x.shape[-1])) for x in xs
        )
        return values_of_rows(f, step, *(x.reshape(-1, x.shape[-1]) for x in rows)).reshape(batch)

    def row_gradients(
        self, f: Callable[..., Array], x: Array, constants: tuple[Array, ...]
    ) -> tuple[Array, Array]:
        """The rows are mapped, so that `f` is traced once."""

        def total(*row: Array) -> tuple[Array, Array]:
            value = f(*(r[None] for r in row))
            return value.sum(), value

        slopes, values = jax.vmap(jax.grad(total, has_aux=True))(x, *constants)
        return values, slopes

    def dtype_name(self, x: Array) -> str:
        return str(x.dtype.name)

    def widest_float(self, x: Array) -> Any:
        return jnp.asarray(0.0).dtype  # float32 unless jax_enable_x64

    def astype(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    def first_largest(self, x: Array) -> Array:
        # Two reductions that XLA makes vectors of; of its argmax it makes a slow loop.
        places = jax.lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
        largest = x == jnp.max(x, axis=-1, keepdims=True)
        return jnp.min(jnp.where(largest, places, x.shape[-1]), axis=-1, keepdims=True)

    def entries(self, x: Array, index: Array) -> Array:
        if index.shape[-1] == 1 and _has_split_cells(x):  # where JAX refuses to look one up
            split = jax.typeof(x).sharding
            places = jax.lax.broadcasted_iota(index.dtype, x.shape, x.ndim - 1, out_sharding=split)
            return jnp.sum(jnp.where(places == index, x, 0), axis=-1, keepdims=True)
        return super().entries(x, index)

    def positions_from(self, x: Array) -> Array:
        # int64 may be switched off.
        return x if self.dtype_name(x) in ("int32", "int64") else x.astype(jnp.int32)

    def members(self, x: Array, index: Array) -> Array:
        none = jnp.zeros_like(x, dtype=jnp.bool)
        rows, places = none.reshape(-1, x.shape[-1]), index.reshape(-1, index.shape[-1])
        return rows.at[jnp.arange(rows.shape[0])[:, None], places].set(True).reshape(x.shape)

    def from_numpy(self, values: Any) -> Array:
        return jnp.asarray(values)


FRAMEWORK: Framework = Jax()


def _ranks(axis_name: Any) -> int:
    """How many ranks there are, inside of what names their axis."""
    if axis_name is None:
        raise TypeError(
            "axis_name is None; expected the name of the mesh axis over which the cells are split, "
            "inside jax.shard_map"
        )
    try:
        return int(jax.lax.axis_size(axis_name))
    except NameError:
        raise NameError(
            f"axis_name is {axis_name!r}, and no such axis is here: call this inside "
            "jax.shard_map, on a mesh that has it. relative_entropy(Logits(p), Logits(q)) takes "
            "sharded arrays from outside"
        ) from None


def _has_split_cells(x: Array) -> bool:
    """Whether the type of an array says that its last axis lies on several devices."""
    spec = tuple(jax.typeof(x).sharding.spec)
    return len(spec) == x.ndim and spec[-1] is not None


def _may_be_spread(x: Array) -> bool:
    """Whether the rows may lie on several devices, to which a loop would bring them all.

    A trace knows the mesh of what comes in, but not every wish about where things should be: with
    several devices in sight it is believed where it says that each works on its own rows.
    """
    if not isinstance(x, jax.core.Tracer):
        return len(x.sharding.device_set) > 1
    mesh = jax.typeof(x).sharding.mesh
    if mesh.empty:
        return jax.device_count() > 1
    return mesh.size > 1 and len(mesh.manual_axes) < len(mesh.axis_names)
