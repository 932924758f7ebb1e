"""One of several processes of PyTorch: python -m tests.sharded.torch_rank RANK RANKS FOLDER.

Writes what it found to FOLDER/RANK.pickle; `test_torch` starts all and compares.
"""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist

from relentropy import sharded_relative_entropy
from tests.sharded import cases

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


class Wire:
    """A record of what this process hands to torch.distributed."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, int]] = []
        for name in ("all_gather_single", "all_reduce", "all_gather", "all_to_all", "broadcast"):
            setattr(dist, name, self.recorded(name, getattr(dist, name)))

    def recorded(self, name: str, collective: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            mine = arguments[1] if name == "all_gather_single" else arguments[0]
            self.sent.append((name, mine.numel(), mine.element_size()))
            return collective(*arguments, **options)

        return call


def mine(x: np.ndarray, rank: int, ranks: int) -> torch.Tensor:
    first, last = cases.SPLITS[ranks][rank : rank + 2]
    return torch.tensor(x[..., first:last])


def of_table(rank: int, ranks: int, wire: Wire) -> dict[str, Any]:
    """Values and gradients of all rows, in every dtype, and what went over the wire for them."""
    found: dict[str, Any] = {}
    for dtype in DTYPES:
        p, q = (mine(x, rank, ranks).to(dtype).requires_grad_() for x in cases.stacked())
        wire.sent.clear()
        d = sharded_relative_entropy(p, q)
        forward = list(wire.sent)
        d.backward(torch.arange(1.0, 1.0 + len(d)).to(d.dtype))
        slopes = [x.grad.double().numpy() for x in (p, q)]
        found[str(dtype)] = {
            "dtype": (str(d.dtype), str(p.grad.dtype)),
            "value": d.detach().double().numpy(),
            "slopes": slopes,
            "forward": forward,
            "backward": wire.sent[len(forward) :],
        }
    return found


def of_batches(rank: int, ranks: int) -> np.ndarray:
    """(2, 3, K) against (3, K), bits, and a constant on one side."""
    p, q = (x[:6].reshape(2, 3, cases.K) for x in cases.stacked())
    a, b = mine(p, rank, ranks).requires_grad_(), mine(q[0], rank, ranks)
    bits = sharded_relative_entropy(a, b, base=2)
    bits.sum().backward()
    assert a.grad is not None
    (alone,) = sharded_relative_entropy(a[0, :1], b[:1], base=2)
    assert alone == bits[0, 0]
    lone = sharded_relative_entropy(a[0, 0], b[0], base=2)
    assert lone.shape == ()
    return bits.detach().numpy()


def of_many_rows(rank: int, ranks: int) -> None:
    """More rows than are in work at once; gradients by blocks are those of the rows alone."""
    torch.manual_seed(0)
    p, q = (torch.randn(9000, cases.K, dtype=torch.float64) for _ in "pq")
    a, b = (mine(x.numpy(), rank, ranks).requires_grad_() for x in (p, q))
    sharded_relative_entropy(a, b).sum().backward()
    short = [x.detach()[-7:].requires_grad_() for x in (a, b)]
    sharded_relative_entropy(*short).sum().backward()
    assert all(torch.equal(x.grad[-7:], y.grad) for x, y in zip((a, b), short, strict=True))
    none = sharded_relative_entropy(a[:0], b[:0])
    assert none.shape == (0,)


def of_memory(rank: int, ranks: int) -> None:
    """Nothing is kept for the gradient but the logits, as they came, and six numbers a row."""
    a, b = (mine(x, rank, ranks).bfloat16().requires_grad_() for x in cases.stacked())
    kept: list[torch.Tensor] = []

    def pack(x: torch.Tensor) -> torch.Tensor:
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        sharded_relative_entropy(a, b)
    assert sum(x.numel() for x in kept) == a.numel() + b.numel() + 6 * len(a)
    assert sum(x.dtype == torch.bfloat16 for x in kept) == 2


def of_groups(rank: int, ranks: int) -> np.ndarray:
    """The last two processes among themselves; the others have no part in it."""
    group = dist.new_group([ranks - 2, ranks - 1])
    if rank < ranks - 2:
        with pytest.raises(ValueError, match="not in group"):
            sharded_relative_entropy(torch.zeros(1), torch.zeros(1), group=group)
        return np.zeros(0)
    p, q = (mine(x, rank - (ranks - 2), 2) for x in cases.stacked())
    return sharded_relative_entropy(p, q, group=group).numpy()


def twice() -> None:
    """A second derivative would need what others have."""
    a, b = (torch.randn(2, 3, requires_grad=True) for _ in "pq")
    (slope,) = torch.autograd.grad(sharded_relative_entropy(a, b).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="second derivatives over ranks"):
        (slope**2).sum().backward()


def main(rank: int, ranks: int, folder: Path) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=ranks)
    wire = Wire()
    found = {
        "table": of_table(rank, ranks, wire),
        "batches": of_batches(rank, ranks),
        "groups": of_groups(rank, ranks),
    }
    of_many_rows(rank, ranks)
    of_memory(rank, ranks)
    twice()
    dist.destroy_process_group()
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
