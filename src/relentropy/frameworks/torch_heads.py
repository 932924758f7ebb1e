"""PyTorch: functions of rows of logits that heads make, a block of tokens at a time.

Nothing of the size tokens · vocabulary is kept. Where one value a token is asked for, its gradients
are made together with it, from the logits that are there: towards each hidden state by itself, to
be scaled by the factor of its token; towards weights and biases summed as if all factors were one,
as they are for a sum and, but for a common number, for a mean. Where they turn out not to be, and
where several values are asked for, logits are made again for the gradient.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from relentropy.frameworks.base import Head, block_length

Array = Any
Values = Callable[..., tuple[Array, ...]]

PORTION, PORTION_OF_DEVICE = 1 << 20, 1 << 23
"""Cells of logits in work at once: few on a processor, so that temporaries stay in its cache."""

PIECE = 1 << 23
"""Cells of a weight in half precision that are widened at once."""


def by_token_blocks(
    f: Values, heads: Sequence[Head], rows: Sequence[Array], most: int, dtype: Any, values: int
) -> tuple[Array, ...]:
    arrays: list[Array] = [x for head in heads for x in head]
    step = block_length(arrays[0].shape[0], most)
    wanted = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in arrays)
    with torch.autocast(arrays[0].device.type, enabled=False):
        if torch.compiler.is_compiling():
            return stepwise(f, arrays, rows, step, dtype, again=wanted)
        if _is_transformed():
            return stepwise(f, arrays, rows, step, dtype)
        if wanted:
            blocked: Any = _ByTokenBlocks
            found: tuple[Array, ...] = blocked.apply(
                f, step, dtype, values, len(heads), *arrays, *rows
            )
            return found
        with torch.no_grad():
            return _Work(f, arrays, rows, step, dtype).values()


def stepwise(
    f: Values,
    arrays: Sequence[Array],
    rows: Sequence[Array],
    step: int,
    dtype: Any,
    again: bool = False,
) -> tuple[Array, ...]:
    """The same in operations that PyTorch itself differentiates, maps and compiles.

    What is made on the way is made `again` for the gradient, or kept for it.
    """
    wide: list[Array] = [x if x is None else x.to(dtype) for x in arrays]

    def of_block(i: int, *wide: Array) -> tuple[Array, ...]:
        block = slice(i, i + step)
        logits = (torch.nn.functional.linear(x[block], w, b) for x, w, b in _threes(wide))
        return f(*logits, *(x[block] for x in rows))

    pieces = [
        checkpoint(of_block, i, *wide, use_reentrant=False) if again else of_block(i, *wide)
        for i in range(0, max(1, wide[0].shape[0]), step)
    ]
    return _joined(pieces)


def _is_transformed() -> bool:
    """Whether a transformation, a tangent or a tracer has to see what is done."""
    return (
        torch._C._functorch.peek_interpreter_stack() is not None
        or torch.autograd.forward_ad._current_level >= 0
        or torch._C._is_tracing()
    )


class _Work:
    """What a call computes, by blocks of tokens and in one dtype, unseen by autograd.

    `arrays`, and gradients towards them: hidden, weight and bias of one head, of the next, ...
    """

    def __init__(
        self, f: Values, arrays: Sequence[Array], rows: Sequence[Array], step: int, dtype: Any
    ) -> None:
        self.f, self.heads, self.rows = f, [Head(*three) for three in _threes(arrays)], rows
        self.step, self.dtype = step, dtype

    def blocks(self) -> Iterator[tuple[slice, list[Array], list[Array]]]:
        """Tokens, the logits that each head makes for them, and the rows beside.

        The logits of a block are written over those of the block before.
        """
        count = len(self.heads[0].hidden)
        places = [
            head.hidden.new_empty((min(self.step, count), len(head.weight)), dtype=self.dtype)
            for head in self.heads
        ]
        for i in range(0, max(1, count), self.step):
            block = slice(i, i + self.step)
            heads = zip(self.heads, places, strict=True)
            logits = [self.logits(head, block, place) for head, place in heads]
            yield block, logits, [x[block] for x in self.rows]

    def values(self) -> tuple[Array, ...]:
        pieces = []
        for _, logits, rows in self.blocks():
            pieces += [self.f(*some) for some in _portions(*logits, *rows)]
        return _joined(pieces)

    def values_and_gradients(
        self, wanted: Sequence[bool], factors: Sequence[Array] = ()
    ) -> tuple[tuple[Array, ...], list[Array]]:
        """The values, and the gradients of Σ factor · value; without factors all are 1.

        Gradients towards logits are written where these were: of the size of a block there is one
        array for each head.
        """
        given: list[Array] = [x for head in self.heads for x in head]
        sums = [
            torch.empty_like(x, dtype=self.dtype) if w else None
            for x, w in zip(given, wanted, strict=True)
        ]
        totals = [Head(*three) for three in _threes(sums)]
        sides = [any(three) for three in _threes(wanted)]
        pieces = []
        for block, logits, rows in self.blocks():
            weights = [x[block] for x in factors]
            pieces += _into_slopes(self.f, logits, sides, rows, weights)
            for slopes, head, total in zip(logits, self.heads, totals, strict=True):
                self.add(slopes, head, block, total)
        return _joined(pieces), sums

    def logits(self, head: Head, block: slice, place: Array) -> Array:
        hidden = head.hidden[block].to(self.dtype)
        out = place[: len(hidden)]
        for cells, weight in self.pieces(head.weight):
            torch.mm(hidden, weight.T, out=out[:, cells])
        return out if head.bias is None else out.add_(head.bias)

    def add(self, slopes: Array, head: Head, block: slice, total: Head) -> None:
        """To the gradients of a head add what follows from those towards a block of its logits.

        The first block is written over what happens to be there.
        """
        kept = 0 if block.start == 0 else 1
        if total.hidden is not None:
            for i, (cells, weight) in enumerate(self.pieces(head.weight)):
                total.hidden[block].addmm_(slopes[:, cells], weight, beta=min(i, 1))
        if total.weight is not None:
            total.weight.addmm_(slopes.T, head.hidden[block].to(self.dtype), beta=kept)
        if total.bias is not None:
            total.bias.addmv_(slopes.T, slopes.new_ones(len(slopes)), beta=kept)

    def pieces(self, weight: Array) -> Iterator[tuple[slice, Array]]:
        """A weight in the dtype of the work: whole, or widened a piece at a time.

        Products of two numbers in half precision are then exact, and summed in float32.
        """
        step = PIECE // max(1, weight.shape[1]) if weight.dtype != self.dtype else len(weight)
        for i in range(0, len(weight), max(1, step)):
            cells = slice(i, i + max(1, step))
            yield cells, weight[cells].to(self.dtype)


def _into_slopes(
    f: Values,
    logits: Sequence[Array],
    sides: Sequence[bool],
    rows: Sequence[Array],
    factors: Sequence[Array],
) -> list[tuple[Array, ...]]:
    """The values of f; logits of the sides wanted become the gradients of Σ factor · value."""
    pieces = []
    for some in _portions(*logits, *rows, *factors):
        places, rest = some[: len(logits)], some[len(logits) :]
        leaves = [z.detach().requires_grad_(side) for z, side in zip(places, sides, strict=True)]
        with torch.enable_grad():
            values = f(*leaves, *rest[: len(rows)])
        weights = rest[len(rows) :] or [torch.ones_like(v) for v in values]
        slopes = _pulled(values, [x for x in leaves if x.requires_grad], weights)
        for place in (z for z, side in zip(places, sides, strict=True) if side):
            place.copy_(next(slopes))
        pieces.append(tuple(v.detach() for v in values))
    return pieces


def _pulled(
    values: Sequence[Array], xs: Sequence[Array], factors: Sequence[Array], twice: bool = False
) -> Iterator[Array]:
    """The gradients of Σ factor · value towards each of xs; `twice`: differentiable again."""
    moving = [(v, w) for v, w in zip(values, factors, strict=True) if v.requires_grad]
    if not moving or not xs:
        return iter([torch.zeros_like(x) for x in xs])
    roots, weights = zip(*moving, strict=True)
    slopes = torch.autograd.grad(roots, xs, weights, create_graph=twice, materialize_grads=True)
    return iter(slopes)


class _ByTokenBlocks(torch.autograd.Function):
    """`by_token_blocks` where a gradient is wanted."""

    @staticmethod
    def forward(
        ctx: Any, f: Values, step: int, dtype: Any, values: int, heads: int, *arrays: Any
    ) -> Any:
        ctx.call, ctx.cut, ctx.made = (f, step, dtype), 3 * heads, None
        ctx.save_for_backward(*arrays)
        work, wanted = _work(ctx, arrays), ctx.needs_input_grad[5 : 5 + ctx.cut]
        if values > 1:
            return work.values()
        found, ctx.made = work.values_and_gradients(wanted)
        return found

    @staticmethod
    def backward(ctx: Any, *factors: Any) -> Any:
        arrays, wanted = ctx.saved_tensors, ctx.needs_input_grad[5 : 5 + ctx.cut]
        if torch.is_grad_enabled() or any(map(is_mapped, factors)):
            found = _differentiable(ctx, arrays, wanted, factors)
        else:
            with torch.autocast(arrays[0].device.type, enabled=False):
                found = _gradients(ctx, arrays, wanted, factors)
        own = (g if g is None else g.to(x.dtype) for g, x in zip(found, arrays, strict=False))
        return *(None,) * 5, *own, *(None,) * (len(arrays) - ctx.cut)


def _work(ctx: Any, arrays: Sequence[Array]) -> _Work:
    f, step, dtype = ctx.call
    return _Work(f, arrays[: ctx.cut], arrays[ctx.cut :], step, dtype)


def _gradients(
    ctx: Any, arrays: Sequence[Array], wanted: Sequence[bool], factors: Sequence[Array]
) -> list[Array]:
    """From what was made with the values, as far as that does, and else from logits made again."""
    if ctx.made is None:
        return _work(ctx, arrays).values_and_gradients(wanted, factors)[1]
    of_tokens = [w and i % 3 == 0 for i, w in enumerate(wanted)]
    of_sums = [w and i % 3 > 0 for i, w in enumerate(wanted)]
    (factor,) = factors
    found = [x * factor[:, None] if w else None for x, w in zip(ctx.made, of_tokens, strict=True)]
    if not any(of_sums):
        return found
    constant = _is_constant(factor)
    # Handed over once: they may go on as somebody's .grad, into which others are summed.
    sums, ctx.made = ctx.made, [x if i % 3 == 0 else None for i, x in enumerate(ctx.made)]
    if not constant or any(w and x is None for x, w in zip(sums, of_sums, strict=True)):
        given = () if constant else factors
        sums = _work(ctx, arrays).values_and_gradients(of_sums, given)[1]
    for i, w in enumerate(of_sums):
        if w:
            found[i] = sums[i].mul_(factor[0]) if constant else sums[i]
    return found


def is_mapped(x: Array) -> bool:
    """Whether autograd.grad(is_grads_batched=True) asks, or a transformation around backward."""
    functorch = torch._C._functorch
    return bool(functorch.is_legacy_batchedtensor(x) or functorch.is_batchedtensor(x))


def _is_constant(x: Array) -> bool:
    # A mean hands down one number, seen as many, which is known without looking.
    return x.numel() > 0 and (x.stride(0) == 0 or bool((x == x[0]).all()))


def _differentiable(
    ctx: Any, arrays: Sequence[Array], wanted: Sequence[bool], factors: Sequence[Array]
) -> list[Array]:
    """The gradients by `stepwise`, which keeps everything, to be differentiated or mapped."""
    twice = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views: one tensor may be given twice, and each place has a gradient of its own.
        places = [x.view_as(x) if w else x for x, w in zip(arrays, wanted, strict=False)]
        f, step, dtype = ctx.call
        values = stepwise(f, places, arrays[ctx.cut :], step, dtype)
        chosen = [x for x, w in zip(places, wanted, strict=True) if w]
        slopes = _pulled(values, chosen, factors, twice)
    return [next(slopes) if w else None for w in wanted]


def _threes(xs: Sequence[Any]) -> list[Sequence[Any]]:
    return [xs[i : i + 3] for i in range(0, len(xs), 3)]


def _portions(*xs: Array) -> Iterator[list[Array]]:
    """Rows of all, few at a time."""
    cells = PORTION if xs[0].device.type == "cpu" else PORTION_OF_DEVICE
    step = max(1, cells // xs[0].shape[1])
    for i in range(0, max(1, len(xs[0])), step):
        yield [x[i : i + step] for x in xs]


def _joined(pieces: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
    return tuple(torch.cat(values) for values in zip(*pieces, strict=True))
