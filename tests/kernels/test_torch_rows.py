"""Gradients that have no kernel, on PyTorch: a block of rows at a time, from the inputs alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import Logits, LogProbs
from relentropy.kernels import blocks, door
from tests.backends import Backend
from tests.kernels.conftest import pairs_of_rows

VERBS: dict[str, Callable[..., Any]] = {
    "relative_entropy": relentropy.relative_entropy,  # where numba is not installed
    "cross_entropy": relentropy.cross_entropy,
    "entropy": lambda p, q: relentropy.entropy(p) + relentropy.entropy(q),
    "jeffreys": relentropy.jeffreys,
    "jensen_shannon": relentropy.jensen_shannon,
    "jensen_shannon, weight": lambda p, q: relentropy.jensen_shannon(p, q, weight=0.1),
}
by_verb = pytest.mark.parametrize("verb", VERBS)
CELLS = 9000
"""Two rows of `pairs_of_rows` to a block, so that the last of five has one."""


@pytest.fixture
def torch(torch_backend: Backend) -> Any:
    return torch_backend.module


@pytest.fixture(autouse=True)
def in_blocks(torch_backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    from relentropy.frameworks import torch as framework

    monkeypatch.setenv(door.SWITCH, "1")
    monkeypatch.setattr(framework, "_block_cells", lambda x: CELLS)
    monkeypatch.setattr(door, "_kernels", False)


def gradients(torch: Any, verb: str, p: Any, q: Any) -> tuple[Any, Any, Any]:
    p, q = (x.detach().clone().requires_grad_() for x in (p, q))
    d = VERBS[verb](Logits(p), Logits(q))
    d.backward(torch.linspace(-1, 3, len(d), dtype=d.dtype))
    return d.detach(), p.grad, q.grad


@by_verb
@pytest.mark.parametrize("name", pairs_of_rows())
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_against_the_formulas_in_float64(
    monkeypatch: pytest.MonkeyPatch, torch: Any, verb: str, name: str, dtype: str
) -> None:
    """Gradients are measured against the largest of their row, or probabilities where D is +inf."""
    p, q = (torch.tensor(x, dtype=getattr(torch, dtype)) for x in pairs_of_rows()[name])
    assert blocks.rows_of_block((Logits(p), Logits(q))) == 2
    value, *found = gradients(torch, verb, p, q)
    monkeypatch.setenv(door.SWITCH, "0")
    truth, *exact = gradients(torch, verb, p.double(), q.double())
    unit = {"float32": 1e-5, "float64": 1e-11, "bfloat16": 2.0**-7}[dtype]
    of_value = 1e-5 if dtype == "bfloat16" else unit
    tiny = torch.finfo(torch.float32).tiny
    torch.testing.assert_close(value.double(), truth, rtol=of_value, atol=tiny)
    for some, right in zip(found, exact, strict=True):
        assert some.dtype == p.dtype
        size = right.abs().amax(-1, keepdim=True)
        apart = name in ("masked in Q", "masked in P", "apart", "nearly certain", "far")
        size = size.clamp_min(0.1) if apart or verb == "cross_entropy" else size
        assert ((some.double() - right).abs() <= unit * size + 1e-12).all()


@by_verb
def test_nothing_is_kept_but_the_inputs(torch: Any, verb: str) -> None:
    p, q = (torch.randn(50, 400, requires_grad=True) for _ in "pq")
    kept: list[Any] = []

    def pack(x: Any) -> Any:
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        VERBS[verb](Logits(p), Logits(q))
    assert kept
    assert {x.data_ptr() for x in kept} <= {p.data_ptr(), q.data_ptr()}


@by_verb
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by PyTorch itself
def test_twice_mapped_and_transformed(torch: Any, verb: str) -> None:
    torch.manual_seed(0)
    p, q = (torch.randn(3, 5, dtype=torch.float64, requires_grad=True) for _ in "pq")

    def of(a: Any, b: Any) -> Any:
        return VERBS[verb](Logits(a), Logits(b))

    assert torch.autograd.gradcheck(of, (p, q))
    assert torch.autograd.gradgradcheck(of, (p, q))
    (mapped,) = torch.autograd.grad(of(p, q), p, torch.eye(3).double(), is_grads_batched=True)
    (first,) = torch.autograd.grad(of(p, q)[0], p)
    torch.testing.assert_close(mapped[0], first)
    by_transform = torch.func.grad(lambda x: of(x, q).sum())(p)
    (usual,) = torch.autograd.grad(of(p, q).sum(), p)
    torch.testing.assert_close(by_transform, usual)
    moved = torch.func.jvp(lambda x: of(x, q), (p,), (p,))[1]
    torch.testing.assert_close(moved, (usual * p).sum(-1))


def test_batch_axes_sides_and_rows_that_are_none(torch: Any) -> None:
    a, b = (torch.randn(2, 3, 1500, dtype=torch.float64) for _ in "pq")
    alone = b[0, 0].clone().requires_grad_()
    d = relentropy.cross_entropy(Logits(a), Logits(alone))
    d.sum().backward()
    assert d.shape == (2, 3)
    usual = torch.softmax(alone, -1) * 6 - torch.softmax(a, -1).sum((0, 1))
    torch.testing.assert_close(alone.grad, usual.detach())
    bad = a.clone()
    bad[1, 2, 3] = float("nan")
    bad.requires_grad_()
    d = relentropy.jeffreys(Logits(bad), Logits(b))
    d.nansum().backward()
    assert d.isnan().sum() == 1
    assert (bad.grad[1, 2] == 0).all()
    assert (bad.grad[0] != 0).any()
    unsummed = (Logits(bad).values.detach()).requires_grad_()
    assert relentropy.entropy(LogProbs(unsummed)).isnan().all()


def test_who_has_to_take_the_formulas(torch: Any) -> None:
    x = np.random.default_rng(0).normal(size=(4, 9000))
    p = Logits(torch.tensor(x))
    assert blocks.rows_of_block((p, p)) == 1
    assert blocks.rows_of_block((p, p), axis=0) is None
    assert blocks.rows_of_block((p, p), where=torch.tensor(x > 0)) is None
    assert blocks.rows_of_block((Logits(torch.tensor(x), validate=True), p)) is None
    assert blocks.rows_of_block((Logits(x), Logits(x))) is None
