"""Relative entropy of logits whose vocabulary is split over ranks, as tensor parallelism does."""

import math
from typing import Any

from relentropy import _array
from relentropy._verbs import log_of_base
from relentropy.distributions.discrete import Discrete
from relentropy.exact.shards import BY_PARTS

Array = Any


def sharded_relative_entropy(
    logits_p: Array,
    logits_q: Array,
    /,
    *,
    group: Any = None,
    axis_name: Any = None,
    base: float | None = None,
) -> Array:
    """D(P||Q) of logits of which each rank has some cells, as under tensor parallelism.

    D(P||Q) = Σ p log(p/q), the sum and both softmaxes over the cells of all ranks. Every rank
    calls it, with its own cells, and gets the same value. Five numbers a row travel from each rank
    to all others, in one collective; the gradients need none.

    Args:
        logits_p: this rank's logits of P, (..., K), its cells last; log-probabilities will do. How
            many cells a rank has is its own affair, and may be 0. Batch axes are those of all.
        logits_q: this rank's logits of Q for the same cells; batch axes broadcast.
        group: on PyTorch, the process group; by default all processes.
        axis_name: on JAX, inside `jax.shard_map`, the mesh axis (or a tuple of them) over which
            the cells are split.
        base: base of the logarithm; nats by default, 2 for bits.

    Returns:
        One value a row, the same on all ranks, with the digits of `relative_entropy` on the whole
        rows: exactly 0 for equal logits, +inf where P has mass in a cell of some rank and Q none,
        NaN on all ranks for a row with NaN or +inf, or with nothing but -inf, over all ranks. Half
        precision is accumulated and returned in float32.

        Gradients are those of the whole row, cut as it is: where each rank calls ``backward`` on
        the same loss, it gets the slice that belongs to its cells, and is not to sum over ranks.
        First derivatives on PyTorch, all on JAX.

    Raises:
        TypeError: arrays that are not PyTorch's or JAX's, integers, `axis_name` on PyTorch, none
            on JAX.
        ValueError: numbers of cells that differ between the sides; a process outside of `group`.
        RuntimeError: torch.distributed not initialised; second derivatives on PyTorch.
        NameError: no such axis around the call on JAX.

        That ranks have the same batch axes and dtypes is not asked, which would take a second
        collective: gloo ends with an error; TORCH_DISTRIBUTED_DEBUG=DETAIL names the ranks.

    Examples:
        One process, which has all cells:

        >>> import torch
        >>> import torch.distributed as dist
        >>> from relentropy import sharded_relative_entropy
        >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        >>> policy, reference = torch.zeros(2, 4), torch.tensor([0.0, 1.0, 2.0, 3.0])
        >>> sharded_relative_entropy(policy, reference)
        tensor([0.5539, 0.5539])
        >>> dist.destroy_process_group()

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., theorem 2.5.3: the relative
    entropy of which rank, and the mean of those within the ranks.

    """
    a, b = _logits(logits_p, "logits_p"), _logits(logits_q, "logits_q")
    xp = _array.namespace(a, b)
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"this rank has {a.shape[-1]} cells of logits_p and {b.shape[-1]} of logits_q; "
            "expected the same cells in the same order: split both alike"
        )
    divisor = log_of_base(base)
    a, b = xp.broadcast_arrays(a, b)
    batch, shape = a.shape[:-1], (math.prod(a.shape[:-1]), a.shape[-1])
    p, q = (xp.reshape(x, shape) for x in (a, b))
    value = xp.reshape(_array.over_ranks(BY_PARTS, p, q, group, axis_name), batch)
    return value if base is None else value / divisor


def _logits(x: Any, name: str) -> Array:
    """An array of logits, the cells last."""
    if isinstance(x, Discrete):
        raise TypeError(
            f"{name} is {type(x).__name__}(...); expected the array of this rank's logits (or "
            "log-probabilities) itself"
        )
    if _array.framework(x) is None:
        raise TypeError(f"{name} is {type(x).__name__}; expected an array of PyTorch or JAX")
    if not _array.is_floating(x):
        raise TypeError(f"{name} has dtype {_array.dtype_name(x)}; expected a floating array")
    if len(x.shape) == 0:
        raise ValueError(f"{name} is a single number; expected (..., K), this rank's cells last")
    return x
