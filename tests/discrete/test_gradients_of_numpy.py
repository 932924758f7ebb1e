"""relative_entropy_gradients: what PyTorch's differentiation gives, and at the edges."""

from typing import Any

import numpy as np
import pytest

from relentropy import (
    Counts,
    Logits,
    LogProbs,
    Normal,
    Probs,
    relative_entropy,
    relative_entropy_gradients,
)
from relentropy.kernels import door
from tests.backends import Backend

INF = np.inf


def weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(7), size=(2, 5))
    close = p * (1 + 1e-7 * rng.normal(size=p.shape))
    hole = np.arange(7) == 2
    without = np.where(hole, 0.0, p) / (1 - p[:, 2:3])
    return {
        "apart": (p, q),
        "close": (p, close / close.sum(-1, keepdims=True)),
        "equal": (p, p),
        "zero in P": (without, q),
        "zero in Q": (p, without),
        "zero in both": (without, np.roll(without, 1, 0)),
        "one row against many": (p, q[0]),
    }


def by_torch(xp: Backend, kind: Any, p: np.ndarray, q: np.ndarray) -> list[np.ndarray]:
    torch = xp.module
    p, q = np.broadcast_arrays(p, q)
    a, b = (torch.tensor(x.copy(), requires_grad=True) for x in (p, q))
    d = relative_entropy(kind(a), kind(b), base=2)
    d.backward(torch.ones_like(d))
    return [d.detach().numpy(), a.grad.numpy(), b.grad.numpy()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [Probs, LogProbs, Logits])
@pytest.mark.parametrize("name", weights())
def test_against_pytorch(torch_backend: Backend, name: str, kind: Any, dtype: str) -> None:
    p, q = weights()[name]
    if kind is not Probs:
        with np.errstate(divide="ignore"):
            p, q = np.log(p), np.log(q)
    p, q = p.astype(dtype), q.astype(dtype)
    found = relative_entropy_gradients(kind(p), kind(q), base=2)
    digits = 1e-12 if dtype == "float64" else 1e-5
    wide = (x.astype("float64") for x in (p, q))
    for some, exact in zip(found, by_torch(torch_backend, kind, *wide), strict=True):
        assert some.dtype == dtype
        finite = np.abs(np.where(np.isfinite(exact), exact, 0.0))
        size = finite.max(-1, keepdims=True) if exact.ndim > 1 else finite
        with np.errstate(invalid="ignore"):
            assert ((some == exact) | (np.abs(some - exact) <= digits * size)).all()
    if name == "equal":
        assert all((x == 0).all() for x in found)


def test_conventions_at_zero() -> None:
    found = relative_entropy_gradients([0.0, 0.5, 0.5], [0.5, 0.5, 0.0])
    assert found.value == INF
    assert found.toward_p.tolist() == [0, 0, 0]
    assert found.toward_q.tolist() == [1, 0, -INF]
    found = relative_entropy_gradients([0.0, 1.0], [0.5, 0.5])
    assert found.toward_p.tolist() == [0, 0]
    assert found.toward_q.tolist() == [1, -1]


def test_another_axis() -> None:
    p, q = (np.random.default_rng(0).normal(size=(4, 3, 2)) for _ in "pq")
    found = relative_entropy_gradients(Logits(p), Logits(q), axis=1)
    moved = relative_entropy_gradients(*(Logits(np.moveaxis(x, 1, -1)) for x in (p, q)))
    assert found.value.shape == (4, 2)
    for some, other in zip(found[1:], moved[1:], strict=True):
        np.testing.assert_array_equal(some, np.moveaxis(other, -1, 1))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_by_kernels(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    a = rng.normal(0, 3, size=(2, 3, 3000))
    p, q = (Logits(x.astype(dtype)) for x in (a, a + 0.1 * rng.normal(size=a.shape)))
    monkeypatch.setenv(door.SWITCH, "1")
    assert door.gradients(p, q, -1, 1.0) is not None
    found = relative_entropy_gradients(p, q, base=2)
    monkeypatch.setenv(door.SWITCH, "0")
    wide = (Logits(x.values.astype("float64")) for x in (p, q))
    for some, exact in zip(found, relative_entropy_gradients(*wide, base=2), strict=True):
        assert some.dtype == ("float64" if dtype == "float64" else "float32")
        digits = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(some, exact, rtol=digits, atol=digits * np.abs(exact).max())


def test_bad_input(torch_backend: Backend) -> None:
    half = np.array([0.5, 0.5])
    for p, q, what in (
        (half, Logits(half), "probabilities on both"),
        (Counts([1, 2]), Counts([1, 2]), "p is Counts"),
        (Normal(0.0, 1.0), Normal(0.0, 1.0), "p is Normal"),
        ({"a": 0.5, "b": 0.5}, half, "p has labels"),
        (torch_backend.array([0.5, 0.5]), torch_backend.array([0.5, 0.5]), "torch.autograd.grad"),
    ):
        with pytest.raises(TypeError, match=what):
            relative_entropy_gradients(p, q)
    with pytest.raises(ValueError, match=r"sums to 0\.9"):
        relative_entropy_gradients([0.4, 0.5], half)
    with pytest.raises(ValueError, match="NaN"):
        relative_entropy_gradients(Logits(np.full((2, 9000), np.nan)), Logits(np.zeros((2, 9000))))
    with pytest.raises(ValueError, match="infinite mass"):  # and no warning
        relative_entropy(np.full(20, 3e38, "float32"), np.full(20, 0.05, "float32"))
