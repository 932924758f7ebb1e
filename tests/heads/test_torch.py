"""What only PyTorch has: gradients asked for in pieces, twice, mapped, under autocast; memory."""

from typing import Any

import numpy as np
import pytest

from relentropy import Logits, linear_divergences, linear_relative_entropy, relative_entropy
from tests.backends import Backend
from tests.heads.conftest import Heads
from tests.heads.test_gradients import FACTORS, by_blocks


@pytest.fixture
def torch(torch_backend: Backend) -> Any:
    return torch_backend.module


@pytest.fixture
def leaves(torch: Any, heads: Heads) -> list[Any]:
    return [torch.tensor(x, requires_grad=True) for x in heads]


def test_by_differences_and_twice(torch: Any) -> None:
    torch.manual_seed(0)
    shapes = [(3, 2), (4, 2), (3, 2), (4, 2)]
    xs = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes]

    def f(*xs: Any) -> Any:
        return linear_relative_entropy(*xs, chunk=2)

    assert torch.autograd.gradcheck(f, xs)
    assert torch.autograd.gradgradcheck(f, xs, fast_mode=True)


def test_one_tensor_in_two_places(torch: Any, leaves: list[Any]) -> None:
    """A student against itself at half the hidden state, with one weight: its gradients add up."""
    hidden, weight = leaves[:2]

    def f(h: Any, w: Any, v: Any) -> Any:
        return linear_relative_entropy(h, w, h / 2, v, chunk=3)

    twin = weight.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(f(hidden, weight, weight).sum(), weight)
    torch.testing.assert_close(
        slope, sum(torch.autograd.grad(f(hidden, weight, twin).sum(), (weight, twin)))
    )
    second = torch.autograd.functional.hvp(
        lambda w: f(hidden, w, w).sum(), weight, torch.ones_like(weight)
    )[1]
    assert torch.isfinite(second).all()


@pytest.mark.parametrize("factors", FACTORS)
def test_a_second_time_and_one_by_one(torch: Any, leaves: list[Any], factors: str) -> None:
    """What is handed over with the first call is made again, to the last digit."""
    value = (by_blocks(*leaves) * torch.tensor(FACTORS[factors])).sum()
    first = torch.autograd.grad(value, leaves, retain_graph=True)
    for x, expected in zip(leaves, first, strict=True):
        (again,) = torch.autograd.grad(value, x, retain_graph=True)
        assert torch.equal(again, expected)
    value.backward(retain_graph=True)
    value.backward()
    for x, expected in zip(leaves, first, strict=True):
        torch.testing.assert_close(x.grad, 2 * expected)


def test_mapped(torch: Any, leaves: list[Any]) -> None:
    value = by_blocks(*leaves)
    (rows,) = torch.autograd.grad(
        value, leaves[1], torch.eye(7).double(), is_grads_batched=True, retain_graph=True
    )
    for i in (0, 6):
        (one,) = torch.autograd.grad(value[i], leaves[1], retain_graph=True)
        torch.testing.assert_close(rows[i], one)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_torch_func(torch: Any, leaves: list[Any]) -> None:
    rest = leaves[1:]
    value = by_blocks(*leaves)
    (expected,) = torch.autograd.grad(value.mean(), leaves[0])
    found = torch.func.grad(lambda h: by_blocks(h, *rest).mean())(leaves[0])
    torch.testing.assert_close(found, expected)
    tangent = torch.ones_like(leaves[0])
    _, along = torch.func.jvp(lambda h: by_blocks(h, *rest).mean(), (leaves[0],), (tangent,))
    torch.testing.assert_close(along, expected.sum())


def test_a_side_that_wants_no_gradient(torch: Any, heads: Heads) -> None:
    xs = [torch.tensor(x) for x in heads]
    for wanted in ([2, 3], [0], [5], [1, 4]):
        for i, x in enumerate(xs):
            x.requires_grad_(i in wanted)
            x.grad = None
        by_blocks(*xs).mean().backward()
        assert [i for i, x in enumerate(xs) if x.grad is not None] == wanted
    # Only P is in it, and only Q could be differentiated.
    for i, x in enumerate(xs):
        x.requires_grad_(i == 3)
    found = linear_divergences(*xs[:4], of=["entropy_p"])
    assert not found.entropy_p.requires_grad
    both = linear_divergences(*xs[:4], of=["entropy_p", "entropy_q"])
    (slope,) = torch.autograd.grad(both.entropy_p.sum(), xs[3], retain_graph=True)
    assert (slope == 0).all()


def test_autocast_changes_nothing(torch: Any, heads: Heads) -> None:
    xs = [torch.tensor(x, dtype=torch.float32, requires_grad=True) for x in heads]
    plain = torch.autograd.grad(by_blocks(*xs).mean(), xs)
    with torch.autocast("cpu", torch.bfloat16):
        value = by_blocks(*xs)
        found = torch.autograd.grad(value.mean(), xs)
    assert value.dtype == torch.float32
    for some, expected in zip(found, plain, strict=True):
        torch.testing.assert_close(some, expected, rtol=0, atol=0)


def test_no_gradient_keeps_nothing(torch: Any, leaves: list[Any]) -> None:
    with torch.no_grad():
        assert by_blocks(*leaves).grad_fn is None


def test_a_changed_input_is_noticed(torch: Any, leaves: list[Any]) -> None:
    value = (by_blocks(*leaves) * torch.tensor(FACTORS["each its own"])).sum()
    with torch.no_grad():
        leaves[0].add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


@pytest.mark.parametrize("factors", ["a mean", "each its own"])
def test_memory_is_that_of_a_block(torch: Any, factors: str) -> None:
    """By PyTorch's own account: all logits of one head would be 64 MiB, a block is 4."""
    tokens, vocabulary = 1024, 16384
    torch.manual_seed(0)
    xs = [torch.randn(s).requires_grad_() for s in [(tokens, 8), (vocabulary, 8)] * 2]
    weights = torch.ones(tokens) if factors == "a mean" else torch.rand(tokens)
    with torch.profiler.profile(profile_memory=True) as seen:
        (linear_relative_entropy(*xs, chunk=64) * weights).mean().backward()
    sizes = [e.nbytes() for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    assert len(sizes) > 50
    assert max(sizes) <= 4 * 2**20
    assert np.cumsum(sizes).max() < 40 * 2**20


@pytest.mark.parametrize("factors", ["a mean", "each its own"])
def test_of_a_size_for_the_kernels(torch: Any, factors: str) -> None:
    """In float32, where numba is installed by its loops, against all logits in float64."""
    torch.manual_seed(0)
    shapes = [(40, 16), (3000, 16), (40, 8), (3000, 8)]
    xs = [torch.randn(s).requires_grad_() for s in shapes]
    weights = torch.full((40,), 0.025) if factors == "a mean" else torch.rand(40)
    found = torch.autograd.grad((linear_relative_entropy(*xs, chunk=16) * weights).sum(), xs)
    p, w, q, v = wide = [x.detach().double().requires_grad_() for x in xs]
    value = relative_entropy(Logits(p @ w.T), Logits(q @ v.T))
    truth = torch.autograd.grad((value * weights).sum(), wide)
    for some, exact in zip(found, truth, strict=True):
        torch.testing.assert_close(
            some.double(), exact, rtol=1e-4, atol=1e-5 * float(exact.abs().max())
        )
