"""PyTorch, whose functions get the array-API's names from array_api_compat."""

from collections.abc import Callable, Sequence
from typing import Any

import array_api_compat.torch as xp
import torch
import torch.distributed as dist

from relentropy.frameworks import torch_heads
from relentropy.frameworks.base import ByParts, Framework, Head

Array = Any

PLAIN = (torch.Tensor, torch.nn.Parameter)
"""Other types may mean more by an operation than its numbers."""


class Torch(Framework):
    name = "torch"

    def holds(self, x: object) -> bool:
        return isinstance(x, torch.Tensor)

    def namespace(self, x: Array) -> Any:
        return xp

    def stop_gradient(self, x: Array) -> Array:
        return x.detach()

    def known(self, condition: Array) -> bool | None:
        try:
            return bool(condition)
        except RuntimeError:  # under vmap, on the device "meta"
            return None

    def by_row_blocks(self, f: Callable[..., Array], xs: tuple[Array, ...]) -> Array:
        if torch.compiler.is_compiling():
            return f(*xs)
        blocked: Any = _ByRowBlocks
        return blocked.apply(f, _block(xs[0]), *xs)

    def block_cells(self, x: Array) -> int | None:
        if torch.compiler.is_compiling() or type(x) not in PLAIN or _is_watched(x):
            return None
        return _block_cells(x)

    def in_row_blocks(self, f: Any, step: int, xs: tuple[Array, ...]) -> Array:
        shapes: Any = torch.broadcast_shapes
        batch = shapes(*(x.shape[:-1] for x in xs))
        rows = [x.expand(*batch, x.shape[-1]).reshape(-1, x.shape[-1]) for x in xs]
        blocked: Any = _InRowBlocks
        value: Array = blocked.apply(f, step, *rows).reshape(batch)
        return value

    def over_ranks(self, formula: ByParts, x: Array, y: Array, group: Any, axis_name: Any) -> Array:
        if axis_name is not None:
            raise TypeError(
                f"axis_name is {axis_name!r}, which is for JAX; on PyTorch the ranks are those of "
                "group=, by default all processes"
            )
        _require_member(group)
        over: Any = _OverRanks
        return over.apply(formula, group, x, y)

    def by_token_blocks(
        self,
        f: Callable[..., tuple[Array, ...]],
        heads: Sequence[Head],
        rows: Sequence[Array],
        most: int,
        dtype: Any,
        values: int,
    ) -> tuple[Array, ...]:
        return torch_heads.by_token_blocks(f, heads, rows, most, dtype, values)

    def row_gradients(
        self, f: Callable[..., Array], x: Array, constants: tuple[Array, ...]
    ) -> tuple[Array, Array]:
        """The rows are taken one after the other, since `f` may look at values."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            rows = zip(*(c.split(1) for c in (x, *constants)), strict=True)
            stacked = torch.stack([f(*row) for row in rows])
            if not stacked.requires_grad:  # a constant loss, to be put into the reward
                return stacked, torch.zeros_like(x)
            (slope,) = torch.autograd.grad(stacked.sum(), x, materialize_grads=True)
        return stacked.detach(), slope

    def dtype_name(self, x: Array) -> str:
        return str(x.dtype).removeprefix("torch.")

    def default_float(self, x: Array) -> Any:
        return torch.get_default_dtype()

    def astype(self, x: Array, dtype: Any) -> Array:
        return x.to(dtype)

    def moved_to(self, x: Array, like: Array) -> Array:
        return x.to(like)

    def constant_like(self, x: Array, values: Sequence[float] | float) -> Array:
        return xp.asarray(values, dtype=x.dtype, device=x.device)

    def positions(self, x: Array) -> Array:
        return torch.arange(x.shape[-1], device=x.device)

    def entries(self, x: Array, index: Array) -> Array:
        # take_along_dim would tie a compiled graph to the sizes it has seen.
        return x.gather(-1, index)

    def members(self, x: Array, index: Array) -> Array:
        return torch.zeros_like(x, dtype=torch.bool).scatter(-1, index, True)

    def to_numpy(self, x: Array) -> Any:
        return x.detach().cpu().numpy()

    def plain(self, x: Array) -> Any:
        if type(x) not in PLAIN or x.device.type != "cpu":
            return None
        if _is_watched(x):
            return None
        x = x.detach()
        # NumPy has no bfloat16.
        return x.view(torch.uint16).numpy() if x.dtype == torch.bfloat16 else x.numpy()

    def wants_gradient(self, x: Array) -> bool:
        return bool(x.requires_grad) and torch.is_grad_enabled()

    def with_slopes(self, slopes: Any, x: Array, y: Array) -> Array:
        fused: Any = _Fused
        return fused.apply(slopes, x, y)

    def from_plain(self, values: Any) -> Array:
        return torch.as_tensor(values)

    def from_numpy(self, values: Any) -> Array:
        return torch.tensor(values)


FRAMEWORK: Framework = Torch()


def _is_watched(x: Array) -> bool:
    """Whether a transformation, a tangent, a mode or a tracer has to see what is done with `x`."""
    return (
        torch._C._functorch.peek_interpreter_stack() is not None
        or torch.autograd.forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._len_torch_function_stack() > 0
        or torch._C._is_tracing()
        or x.layout != torch.strided
        or x.is_neg()
    )


class _ByRowBlocks(torch.autograd.Function):
    """f(*xs) block by block, keeping only `xs`; f is run again, block by block, for gradients."""

    generate_vmap_rule = True

    @staticmethod
    def forward(f: Any, step: int, *xs: Any) -> Any:
        return torch.cat([f(*(x[i : i + step] for x in xs)) for i in _starts(xs, step)])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.f, ctx.step, *xs = inputs
        ctx.save_for_backward(*xs)
        ctx.save_for_forward(*xs)

    @staticmethod
    def backward(ctx: Any, weight: Any) -> Any:
        xs, wanted = ctx.saved_tensors, ctx.needs_input_grad[2:]
        whole: list[Any] = []
        for i in _starts(xs, ctx.step):
            rows = slice(i, i + ctx.step)
            pieces = _slopes(ctx.f, [x[rows] for x in xs], wanted, weight[rows])
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


class _InRowBlocks(_ByRowBlocks):
    """The same with gradients by `f.slopes`."""

    @staticmethod
    def backward(ctx: Any, weight: Any) -> Any:
        xs, wanted = ctx.saved_tensors, ctx.needs_input_grad[2:]
        if _is_more_than_numbers(weight):
            found = iter(_slopes(ctx.f, xs, wanted, weight))
            return None, None, *(next(found) if w else None for w in wanted)
        whole = [torch.empty_like(x) if w else None for x, w in zip(xs, wanted, strict=True)]
        for i in _starts(xs, ctx.step):
            rows = slice(i, i + ctx.step)
            _, slopes = ctx.f.slopes(*(x[rows] for x in xs))
            for gradient, slope in zip(whole, slopes, strict=True):
                if gradient is not None:
                    gradient[rows] = slope * weight[rows, None]
        return None, None, *whole


class _Fused(torch.autograd.Function):
    """D of rows by a kernel, and its gradients by others, which keep nothing but `x` and `y`."""

    @staticmethod
    def forward(slopes: Any, x: Any, y: Any) -> Any:
        return torch.from_numpy(slopes.d.reshape(x.shape[:-1]).copy())

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.slopes, *xs = inputs
        ctx.save_for_backward(*xs)

    @staticmethod
    def backward(ctx: Any, weight: Any) -> Any:
        xs, wanted = ctx.saved_tensors, ctx.needs_input_grad[1:]
        if _is_more_than_numbers(weight):
            found = iter(_slopes(ctx.slopes.formula, xs, wanted, weight))
            return None, *(next(found) if w else None for w in wanted)
        gradients = ctx.slopes.gradients(wanted, weight.numpy())
        return None, *(
            None if g is None else torch.from_numpy(g).to(xs[0].dtype) for g in gradients
        )


class _OverRanks(torch.autograd.Function):
    """A formula by parts: one collective forward, and none for the gradients of one's own part."""

    @staticmethod
    def forward(ctx: Any, formula: ByParts, group: Any, x: Any, y: Any) -> Any:
        step = _block(x)
        pieces = [formula.part(x[i : i + step], y[i : i + step]) for i in _starts((x,), step)]
        mine = torch.cat(pieces)
        ranks = dist.get_world_size(group)
        parts = mine.new_empty((ranks * mine.shape[0], mine.shape[1]))
        dist.all_gather_single(parts, mine, group=group)
        facts = formula.whole(parts.reshape(ranks, *mine.shape))
        ctx.formula = formula
        ctx.save_for_backward(x, y, facts)
        return facts[:, 0].clone()

    @staticmethod
    def backward(ctx: Any, weight: Any) -> Any:
        x, y, facts = ctx.saved_tensors
        wanted, step = ctx.needs_input_grad[2:], _block(x)
        with torch.no_grad():
            found = [
                torch.empty_like(z) if w else None for z, w in zip((x, y), wanted, strict=True)
            ]
            for i in _starts((x,), step):
                rows = slice(i, i + step)
                slopes = ctx.formula.slopes(x[rows], y[rows], facts[rows])
                for gradient, slope in zip(found, slopes, strict=True):
                    if gradient is not None:
                        gradient[rows] = slope * weight[rows, None]
        if torch.is_grad_enabled():
            once: Any = _Once
            found = [g if g is None else once.apply(g, x, y, weight) for g in found]
        return None, None, *found


class _Once(torch.autograd.Function):
    """A gradient that is not to be taken for a constant, nor differentiated."""

    @staticmethod
    def forward(ctx: Any, gradient: Any, *sources: Any) -> Any:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, weight: Any) -> Any:
        raise RuntimeError(
            "second derivatives over ranks need what no rank has; take them of "
            "relative_entropy(Logits(p), Logits(q)) on whole rows, or on JAX"
        )


def _require_member(group: Any) -> None:
    """The collective would raise too, or wait."""
    if not dist.is_available() or not dist.is_initialized():
        raise RuntimeError(
            "torch.distributed is not initialised: call torch.distributed.init_process_group "
            "first. A process that has all cells writes relative_entropy(Logits(p), Logits(q))"
        )
    if dist.get_rank(group) < 0:
        raise ValueError("this process is not in group, and has no part of these rows")


def _block(x: Any) -> int:
    """Rows in work at once."""
    cells: int = x.shape[-1]
    return max(1, _block_cells(x) // max(1, cells))


def _block_cells(x: Any) -> int:
    """A block stays in a processor's cache; a device wants enough to do."""
    return 1 << (17 if x.device.type == "cpu" else 22)


def _is_more_than_numbers(weight: Any) -> bool:
    """Whether a gradient is to be differentiated itself, or mapped."""
    return torch.is_grad_enabled() or _is_watched(weight) or torch_heads.is_mapped(weight)


def _starts(xs: Sequence[Any], step: int) -> range:
    return range(0, max(1, xs[0].shape[0]), step)


def _slopes(f: Any, xs: Sequence[Any], wanted: Sequence[bool], weight: Any) -> Any:
    """The gradients of Σ weight · f(*xs) towards the arguments wanted, differentiable again."""
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
