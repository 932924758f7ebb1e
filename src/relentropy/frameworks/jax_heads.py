"""JAX: functions of rows of logits that heads make, a block of tokens at a time.

As `torch_heads`: where one value a token is asked for, its gradients are made together with it, as
if the factors of all tokens were one, and go on if they turn out to be. Where they do not, and
where several values are asked for, logits are made again for the gradient, by the same loop.

Loops write into what they carry: there is one array of the size of each weight that wants a
gradient, which is that gradient. Derivatives of derivatives are those of `plain`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from relentropy.frameworks.base import Head, block_length
from relentropy.frameworks.jax_rows import nothing, varying_alike

Array = Any
Values = Callable[..., tuple[Array, ...]]
Heads = tuple[Head, ...]
Parts = tuple[bool, ...]
"""Of a head: hidden, weight, bias."""

PORTION = 1 << 20
"""Cells of logits in work at once, beside the block that a product of matrices makes."""

PIECE = 1 << 23
"""Cells of a weight whose gradient is added to at once."""


@dataclass(frozen=True)
class Plan:
    """What is computed, for how many tokens at once, in which dtype, and how many values."""

    f: Values
    most: int
    dtype: Any
    values: int


@jax.tree_util.register_static
@dataclass(frozen=True)
class Wanted:
    """Towards which parts of which head a gradient is wanted."""

    of: tuple[Parts, ...]

    def chosen(self, heads: Heads) -> Heads:
        """These parts; None for others."""
        pairs = (zip(head, parts, strict=True) for head, parts in zip(heads, self.of, strict=True))
        return tuple(Head(*(x if w else None for x, w in parts)) for parts in pairs)

    def without_hidden(self) -> "Wanted":
        return Wanted(tuple((False, *parts[1:]) for parts in self.of))


def by_token_blocks(plan: Plan, heads: Heads, rows: tuple[Array, ...]) -> tuple[Array, ...]:
    heads, rows = varying_alike((heads, rows))
    found: tuple[Array, ...] = _found(plan, heads, rows)
    return found


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _found(plan: Plan, heads: Heads, rows: tuple[Array, ...]) -> Any:
    return plain(plan, heads, rows)


def _forward(plan: Plan, heads: Any, rows: Any) -> Any:
    flags = (tuple(x is not None and x.perturbed for x in head) for head in heads)
    wanted = Wanted(tuple(flags))
    heads, rows = jax.tree.map(lambda x: x.value, (heads, rows))
    if plan.values > 1:
        return plain(plan, heads, rows), (heads, rows, wanted, None)
    values, made = values_and_gradients(plan, wanted, heads, rows)
    return values, (heads, rows, wanted, made)


def _backward(plan: Plan, kept: Any, factors: Any) -> Any:
    heads, rows, wanted, made = kept
    known = tuple(
        jnp.zeros(x.shape, x.dtype) if isinstance(x, SymbolicZero) else x for x in factors
    )
    return gradients(plan, wanted, heads, rows, known, made), None


_found.defvjp(_forward, _backward, symbolic_zeros=True)


@partial(jax.jit, static_argnums=0)
def plain(plan: Plan, heads: Sequence[Head], rows: Sequence[Array]) -> tuple[Array, ...]:
    """The values, in operations that JAX itself differentiates; what is made, is made again."""
    weights = [head.weight.astype(plan.dtype) for head in heads]
    biases = [None if x.bias is None else x.bias.astype(plan.dtype) for x in heads]
    few, step = _steps(plan, heads)

    @jax.checkpoint
    def of_block(*xs: Array) -> tuple[Array, ...]:
        hiddens, rows = xs[: len(heads)], xs[len(heads) :]
        logits = map(partial(_logits, plan), hiddens, weights, biases)
        return _by_pieces(jax.checkpoint(plan.f), [*logits, *rows], few)

    return _by_pieces(of_block, [*(head.hidden for head in heads), *rows], step)


def _steps(plan: Plan, heads: Sequence[Head]) -> tuple[int, int]:
    """How many tokens are in work at once, and how many have logits at once."""
    step = block_length(heads[0].hidden.shape[0], plan.most)
    few = min(step, max(1, PORTION // heads[0].weight.shape[0]))
    return few, step // few * few


def _logits(plan: Plan, hidden: Array, weight: Array, bias: Array | None) -> Array:
    z = hidden.astype(plan.dtype) @ weight.T
    return z if bias is None else z + bias


def _by_pieces(f: Values, xs: list[Array], length: int) -> tuple[Array, ...]:
    """f(*xs), one value a row, for so many rows at a time, in one compiled loop."""
    count = xs[0].shape[0]
    found = jax.lax.map(lambda piece: f(*piece), [_cut(x, length) for x in xs])
    return tuple(value.reshape(-1)[:count] for value in found)


def _cut(x: Array, length: int) -> Array:
    """(pieces, length, ...), the last one filled up with zeros."""
    pieces = -(-max(1, x.shape[0]) // length)
    filled = jnp.pad(x, [(0, pieces * length - x.shape[0])] + [(0, 0)] * (x.ndim - 1))
    return filled.reshape(pieces, length, *x.shape[1:])


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _values_and_gradients(plan: Plan, wanted: Wanted, heads: Heads, rows: Any) -> Any:
    """The values, and the gradients of their sum in the dtype of the work."""
    one = jnp.ones(heads[0].hidden.shape[0], plan.dtype)
    return _by_blocks(plan, wanted, heads, rows, (one,))


@_values_and_gradients.defjvp
def _(plan: Plan, wanted: Wanted, at: Any, along: Any) -> Any:
    heads, rows = at
    values, made = _values_and_gradients(plan, wanted, *at)
    _, change = jax.jvp(lambda heads: plain(plan, heads, rows), (heads,), along[:1])
    # `_gradients`, whose derivatives are those of `plain`, does not ask how much `made` changes.
    return (values, made), (change, jax.tree.map(jnp.zeros_like, made))


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _gradients(
    plan: Plan, wanted: Wanted, heads: Heads, rows: Any, factors: tuple[Array, ...], made: Any
) -> Heads:
    """The gradients of Σ factor · value, from what was `made` for factors of 1 where that does."""
    if made is None:
        found = _by_blocks(plan, wanted, heads, rows, factors)[1]
    else:
        found = _scaled(plan, wanted, heads, rows, factors, made)
    given = wanted.chosen(heads)
    own: Heads = jax.tree.map(lambda x, like: x.astype(like.dtype), found, given)
    return own


@_gradients.defjvp
def _(plan: Plan, wanted: Wanted, at: Any, along: Any) -> Any:
    heads, rows, factors, _ = at

    def slopes(heads: Heads, factors: Any) -> Heads:
        _, pull = jax.vjp(lambda heads: plain(plan, heads, rows), heads)
        return wanted.chosen(pull(factors)[0])

    _, change = jax.jvp(slopes, (heads, factors), (along[0], along[2]))
    return _gradients(plan, wanted, *at), change


# Compiled here: else each call outside jit would compile its loops anew. Not around all of it:
# JAX 0.7 cannot differentiate twice what has a rule for its gradient inside of jit.
values_and_gradients = jax.jit(_values_and_gradients, static_argnums=(0, 1))
gradients = jax.jit(_gradients, static_argnums=(0, 1))


def _scaled(
    plan: Plan, wanted: Wanted, heads: Heads, rows: Any, factors: Any, made: Heads
) -> Heads:
    """What was made, times the factors; sums over tokens are made again if these are not alike."""
    (factor,) = factors
    alike = jnp.all(factor == factor[:1])
    known = jnp.where(alike, factor[:1].sum(), 0.0).astype(plan.dtype)
    hiddens = [x if x is None else x * factor[:, None].astype(plan.dtype) for x, *_ in made]
    sums = tuple(one._replace(hidden=None) for one in made)
    if jax.tree.leaves(sums):
        sums = jax.tree.map(lambda x: jnp.where(alike, x * known, 0.0), sums)
        _, sums = _by_blocks(plan, wanted.without_hidden(), heads, rows, factors, sums, ~alike)
    return tuple(one._replace(hidden=x) for one, x in zip(sums, hiddens, strict=True))


def _by_blocks(
    plan: Plan,
    wanted: Wanted,
    heads: Heads,
    rows: Any,
    factors: tuple[Array, ...],
    start: Heads | None = None,
    needed: Array | None = None,
) -> tuple[tuple[Array, ...], Heads]:
    """The values, and the gradients of Σ factor · value, a block of tokens after the other.

    Added to `start`, where there is one; no block is made if not `needed`.
    """
    few, step = _steps(plan, heads)
    wide = tuple(Head(*(x if x is None else x.astype(plan.dtype) for x in h)) for h in heads)
    cut = tuple(head._replace(hidden=_cut(head.hidden, step)) for head in wide)
    zero = nothing(*jax.tree.leaves((heads, factors))).astype(plan.dtype)
    beside = [_cut(x, step) for x in rows]
    weights = [_cut(x.astype(plan.dtype) + zero, step) for x in factors]
    blocks, sides = len(weights[0]), [any(parts) for parts in wanted.of]

    def of_block(i: Array, state: Any) -> Any:
        values, totals = state
        logits = [_logits(plan, x[i], w, b) for x, w, b in cut]
        mine = [x[i] for x in beside], [x[i] for x in weights]
        found, slopes = _into_slopes(plan.f, logits, sides, *mine, few)
        values = tuple(v.at[i].set(x) for v, x in zip(values, found, strict=True))
        return values, tuple(map(partial(_added, i), totals, cut, slopes))

    if start is None:
        start = jax.tree.map(lambda x: jnp.zeros_like(x) + zero, wanted.chosen(cut))
    values = (jnp.zeros((blocks, step), plan.dtype) + zero,) * plan.values
    rounds = blocks if needed is None else jnp.where(needed, blocks, 0)
    values, totals = jax.lax.fori_loop(0, rounds, of_block, (values, start))

    def in_a_row(x: Array) -> Array:
        return x.reshape(-1, *x.shape[2:])[: heads[0].hidden.shape[0]]

    hiddens = [x if x is None else in_a_row(x) for x, *_ in totals]
    gradients = (one._replace(hidden=x) for one, x in zip(totals, hiddens, strict=True))
    return tuple(map(in_a_row, values)), tuple(gradients)


def _into_slopes(
    f: Values,
    logits: list[Array],
    sides: list[bool],
    rows: list[Array],
    factors: list[Array],
    few: int,
) -> tuple[list[Array], list[Array]]:
    """The values of f; logits of the sides wanted become the gradients of Σ factor · value."""
    moving = [i for i, side in enumerate(sides) if side]

    def some(j: Array, state: Any) -> Any:
        values, logits = state
        place = partial(jax.lax.dynamic_update_slice_in_dim, start_index=j * few, axis=0)
        here = partial(jax.lax.dynamic_slice_in_dim, start_index=j * few, slice_size=few)
        zs, rs, ws = ([here(x) for x in xs] for xs in (logits, rows, factors))

        def of_moving(*given: Array) -> tuple[Array, ...]:
            return f(*(given[moving.index(i)] if i in moving else z for i, z in enumerate(zs)), *rs)

        found, pull = jax.vjp(of_moving, *(zs[i] for i in moving))
        slopes = pull(tuple(w.astype(v.dtype) for w, v in zip(ws, found, strict=True)))
        for i, slope in zip(moving, slopes, strict=True):
            logits = [*logits[:i], place(logits[i], slope), *logits[i + 1 :]]
        values = [place(v, x.astype(v.dtype)) for v, x in zip(values, found, strict=True)]
        return values, logits

    values = [jnp.zeros_like(x) for x in factors]
    found: tuple[list[Array], list[Array]] = jax.lax.fori_loop(
        0, logits[0].shape[0] // few, some, (values, logits)
    )
    return found


def _added(i: Array, total: Head, head: Head, slopes: Array) -> Head:
    """The gradients of a head, with what follows from those towards block i of its logits."""
    of_hidden, of_weight, of_bias = total
    if of_hidden is not None:
        of_hidden = of_hidden.at[i].set(slopes @ head.weight)
    if of_weight is not None:
        of_weight = _product_added(of_weight, slopes, head.hidden[i])
    if of_bias is not None:
        of_bias = of_bias + slopes.sum(0)
    return Head(of_hidden, of_weight, of_bias)


def _product_added(total: Array, slopes: Array, hidden: Array) -> Array:
    """Total + slopes.T @ hidden, a piece at a time: the product is never there as a whole."""
    cells, features = total.shape
    length = min(cells, max(1, PIECE // max(1, features)))

    def piece(j: Array, total: Array) -> Array:
        # The last piece ends where the cells end; what it has in common with the one before is 0.
        start = jnp.minimum(j * length, cells - length)
        part = jax.lax.dynamic_slice_in_dim(slopes, start, length, axis=1)
        part = jnp.where(start + jnp.arange(length) < j * length, 0.0, part)
        here = jax.lax.dynamic_slice_in_dim(total, start, length)
        return jax.lax.dynamic_update_slice_in_dim(total, here + part.T @ hidden, start, axis=0)

    added: Array = jax.lax.fori_loop(0, -(-cells // length), piece, total)
    return added
