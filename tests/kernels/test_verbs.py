"""The other verbs by the kernels: against the formulas in float64, at corners, and the table."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import relentropy
from relentropy import Logits, LogProbs, Probs
from tests.backends import FLOATS, Backend
from tests.kernels.conftest import Record, pairs_of_rows

VERBS: dict[str, Callable[..., Any]] = {
    "cross_entropy": relentropy.cross_entropy,
    "entropy": lambda p, q: relentropy.entropy(p),
    "jeffreys": relentropy.jeffreys,
    "jensen_shannon": relentropy.jensen_shannon,
    "jensen_shannon, weight": lambda p, q: relentropy.jensen_shannon(p, q, weight=0.3),
}
by_verb = pytest.mark.parametrize("verb", VERBS)


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = pairs_of_rows()
    a = found["apart"][0]
    return found | {
        "ties for the largest": (np.minimum(a, 2), np.minimum(a, 1)),
        "one cell": (a[:, :1], a[:, 1:2]),
    }


@by_verb
@pytest.mark.parametrize("name", pairs())
@pytest.mark.parametrize("dtype", FLOATS)
def test_against_the_formulas(
    kernels: Record,
    monkeypatch: pytest.MonkeyPatch,
    numpy_backend: Backend,
    verb: str,
    name: str,
    dtype: str,
) -> None:
    inputs = [numpy_backend.array(x.tolist(), dtype) for x in pairs()[name]]
    value = VERBS[verb](*map(Logits, inputs))
    assert kernels.answered == 1
    monkeypatch.setenv("RELENTROPY_KERNELS", "0")
    truth = VERBS[verb](*(Logits(x.astype("float64")) for x in inputs))
    assert value.dtype == ("float64" if dtype == "float64" else "float32")
    smallest = float(np.finfo(value.dtype).tiny)
    assert (value >= 0).all()
    np.testing.assert_allclose(
        value, truth, rtol=1e-12 if dtype == "float64" else 2e-6, atol=smallest
    )


def softmax(a: np.ndarray) -> np.ndarray:
    weights = np.exp(a - a.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.parametrize("verb", ["relative_entropy", *VERBS])
@pytest.mark.parametrize("name", pairs())
@pytest.mark.parametrize("dtype", FLOATS)
def test_probabilities(
    kernels: Record,
    monkeypatch: pytest.MonkeyPatch,
    numpy_backend: Backend,
    verb: str,
    name: str,
    dtype: str,
) -> None:
    inputs = [numpy_backend.array(softmax(x).tolist(), dtype) for x in pairs()[name]]
    of = VERBS.get(verb, relentropy.relative_entropy)
    value = of(*inputs)
    assert kernels.answered == 1
    monkeypatch.setenv("RELENTROPY_KERNELS", "0")
    # Half precision may miss a sum of 1 by more.
    truth = of(*(Probs(x.astype("float64"), validate=False) for x in inputs))
    assert value.dtype == ("float64" if dtype == "float64" else "float32")
    assert (value >= 0).all()
    rtol = 1e-12 if dtype == "float64" else 2e-6
    np.testing.assert_allclose(value, truth, rtol=rtol, atol=float(np.finfo(value.dtype).tiny))


@by_verb
def test_log_probabilities_are_held_to_their_sum(kernels: Record, verb: str) -> None:
    a = np.random.default_rng(0).normal(size=(3, 700))
    log_p = a - np.log(np.exp(a).sum(-1, keepdims=True))
    value = VERBS[verb](LogProbs(log_p), LogProbs(log_p[::-1]))
    np.testing.assert_allclose(value, VERBS[verb](Logits(a), Logits(a[::-1])), rtol=1e-12)
    assert kernels.answered == 2
    with pytest.raises(ValueError, match="instead of 1"):
        VERBS[verb](LogProbs(a), LogProbs(log_p))
