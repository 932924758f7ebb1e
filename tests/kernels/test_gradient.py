"""Both gradients by the kernels, on PyTorch: against the formulas, by differences; their memory."""

from typing import Any

import numpy as np
import pytest

from relentropy import Logits, LogProbs, relative_entropy
from tests.backends import FLOATS, Backend
from tests.kernels.conftest import Record, pairs_of_rows
from tests.kernels.test_streams import pairs as pairs_of_blocks

FACTORS = [1.0, 2.0, -3.0, 0.5, 1.0]
BLOCKS = [
    "apart",
    "each block by its own offset",
    "blocks that grow apart",
    "one cell has all",
    "blocks far apart",
]


@pytest.fixture
def torch(torch_backend: Backend) -> Any:
    return torch_backend.module


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = pairs_of_rows()
    a, close = found["close"]
    of_blocks = [pairs_of_blocks()[name] for name in BLOCKS]
    joined = tuple(np.stack(side) for side in zip(*of_blocks, strict=True))
    return found | {"equal": (a, a), "close, offset": (a, close + 64), "of blocks": joined}


def slopes(torch: Any, p: Any, q: Any) -> tuple[Any, Any]:
    p, q = (x.detach().clone().requires_grad_() for x in (p, q))
    d = relative_entropy(Logits(p), Logits(q), base=2)
    d.backward(torch.tensor(FACTORS, dtype=d.dtype))
    assert p.grad.dtype == p.dtype
    return p.grad.double().numpy(), q.grad.double().numpy()


UNITS = {
    "float64": (1e-12, 1e-15),
    "float32": (1e-5, 1e-12),
    "bfloat16": (2.0**-8, 1e-12),  # one rounding of a gradient that is right
    "float16": (2.0**-11, 2.0**-24),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", pairs())
def test_against_the_formulas(
    kernels: Record, monkeypatch: pytest.MonkeyPatch, torch: Any, name: str, dtype: str
) -> None:
    """Entries are measured against the largest of their row, where it is not rounding itself.

    Where D = +inf, q - p is a difference of probabilities, and measured against these.
    """
    p, q = (torch.tensor(x, dtype=getattr(torch, dtype)) for x in pairs()[name])
    found = slopes(torch, p, q)
    assert kernels.answered == 1
    monkeypatch.setenv("RELENTROPY_KERNELS", "0")
    truth = slopes(torch, p.double(), q.double())
    units, rounding = UNITS[dtype]
    for some, exact in zip(found, truth, strict=True):
        largest = np.abs(exact).max(-1, keepdims=True)
        if name == "equal":
            assert (some == 0).all()
            continue
        size = np.maximum(largest, 0.1) if name == "masked in Q" else largest
        assert (np.abs(some - exact) <= units * size + rounding).all()


def test_by_differences_and_twice(kernels: Record, torch: Any) -> None:
    torch.manual_seed(0)
    p, q = (torch.randn(3, 7, dtype=torch.float64, requires_grad=True) for _ in "pq")

    def verb(a: Any, b: Any) -> Any:
        return relative_entropy(Logits(a), Logits(b))

    assert torch.autograd.gradcheck(verb, (p, q))
    assert torch.autograd.gradgradcheck(verb, (p, q))
    assert kernels.answered > 0
    (mapped,) = torch.autograd.grad(verb(p, q), p, torch.eye(3).double(), is_grads_batched=True)
    for i in range(3):
        (one,) = torch.autograd.grad(verb(p, q)[i], p)
        torch.testing.assert_close(mapped[i], one)


def test_one_side_alone(kernels: Record, torch: Any) -> None:
    p, q = (torch.randn(4, 300) for _ in "pq")
    for wanted, constant in ((p, q), (q, p)):
        wanted.requires_grad_()
        relative_entropy(Logits(p), Logits(q)).sum().backward()
        assert wanted.grad is not None
        assert constant.grad is None
        wanted.requires_grad_(False)
        wanted.grad = None
    assert kernels.answered == 2


def test_who_has_to_take_the_formulas(kernels: Record, torch: Any) -> None:
    p, q = (torch.randn(4, 300).requires_grad_() for _ in "pq")
    relative_entropy(Logits(p), Logits(q[0])).sum().backward()
    bad = torch.full_like(p, float("nan")).requires_grad_()
    assert relative_entropy(Logits(bad), Logits(q)).isnan().all()
    assert relative_entropy(LogProbs(p), LogProbs(q)).isnan().all()
    assert kernels.answered == 0


def test_a_changed_input_is_noticed(kernels: Record, torch: Any) -> None:
    p, q = torch.randn(4, 300), torch.randn(4, 300, requires_grad=True)
    d = relative_entropy(Logits(p), Logits(q)).sum()
    p.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        d.backward()


def test_nothing_is_kept_but_the_inputs(kernels: Record, torch: Any) -> None:
    p, q = (torch.randn(64, 4096, requires_grad=True) for _ in "pq")
    kept: list[Any] = []

    def pack(x: Any) -> Any:
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        d = relative_entropy(Logits(p), Logits(q))
    assert {x.data_ptr() for x in kept} == {p.data_ptr(), q.data_ptr()}
    assert d.grad_fn.slopes.facts.size == 64 * 8
