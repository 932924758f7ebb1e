"""The digits in tinygrad: three losses, one gradient, and the constant that is between them."""

import contextlib
import importlib
import io
import os
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests import backends
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "tinygrad.md"
TARGETS = ("smoothed labels", "labels", "rows of different entropy")
WEIGHTS = ("the first", "others", "trained")


@pytest.fixture(scope="module")
def digits() -> ModuleType:
    """The example."""
    pytest.importorskip("sklearn", reason="pip install '.[test]'")
    pytest.importorskip("tinygrad", reason="pip install '.[test]'")
    backends.backend("tinygrad")  # chooses a compiler
    if os.environ.get("DEV") == "PYTHON":  # the interpreter is right, and takes hours
        pytest.skip("needs a compiler for tinygrad (Debian: apt-get install clang-19)")
    return importlib.import_module("examples.tinygrad_digits")


@pytest.fixture(scope="module")
def trained(digits: ModuleType) -> tuple[dict[str, Any], str]:
    """The example as it is typed, and what it prints."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        runs = digits.main()
    return runs, shown.getvalue()


@pytest.fixture(params=WEIGHTS)
def weights(request: pytest.FixtureRequest, digits: Any, trained: Any) -> list[np.ndarray]:
    if request.param == "trained":
        return trained[0]["our relative_entropy"].weights
    return digits.first_weights(seed=WEIGHTS.index(request.param) + 2)


@pytest.fixture(params=TARGETS)
def batch(request: pytest.FixtureRequest, digits: Any) -> tuple[np.ndarray, np.ndarray]:
    learn, _ = digits.digits()
    images, labels = learn.images[: digits.BATCH], learn.labels[: digits.BATCH]
    if request.param == "labels":
        return images, np.eye(digits.CLASSES)[labels]
    if request.param == "smoothed labels":
        return images, digits.smoothed(labels)
    rng = np.random.default_rng(5)
    sharpness = rng.uniform(0.05, 5, size=(digits.BATCH, 1)) * np.ones(digits.CLASSES)
    raw = rng.gamma(sharpness) + 1e-300
    return images, raw / raw.sum(-1, keepdims=True)


def slopes(digits: Any, name: str, batch: Any, weights: Any) -> tuple[float, list[np.ndarray]]:
    value, *gradients = digits.SLOPES[name](*digits.tensors(batch), *digits.tensors(weights))
    return value.item(), [g.numpy() for g in gradients]


def by_hand(batch: Any, weights: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """log q, and the gradients by the chain rule from the q - p of a softmax."""
    images, p = batch
    w1, b1, w2, b2 = weights
    before = images @ w1 + b1
    hidden = np.maximum(before, 0)
    z = hidden @ w2 + b2
    log_q = z - np.logaddexp.reduce(z, -1, keepdims=True)
    outer = (np.exp(log_q) - p) / len(p)
    inner = outer @ w2.T * (before > 0)
    return log_q, [images.T @ inner, inner.sum(0), hidden.T @ outer, outer.sum(0)]


def test_the_gradients_are_equal(digits: Any, batch: Any, weights: Any) -> None:
    _, expected = by_hand(batch, weights)
    for name in digits.SLOPES:
        _, found = slopes(digits, name, batch, weights)
        for a, b in zip(found, expected, strict=True):
            assert abs(a - b).max() <= 1e-14 * abs(b).max(), name


def test_the_losses_differ_by_the_entropy_of_the_targets(
    digits: Any, batch: Any, weights: Any
) -> None:
    p, (log_q, _) = batch[1], by_hand(batch, weights)
    log_p = np.log(np.where(p > 0, p, 1.0))
    constant = -(p * log_p).sum(-1).mean()
    theirs, ours, divergence = (slopes(digits, name, batch, weights)[0] for name in digits.SLOPES)
    assert theirs == pytest.approx(-(p * log_q).sum(-1).mean(), rel=1e-14)
    assert ours == pytest.approx(theirs, rel=1e-14)
    assert divergence == pytest.approx((p * (log_p - log_q)).sum(-1).mean(), rel=1e-13)
    assert theirs - divergence == pytest.approx(constant, rel=1e-13, abs=1e-14)


def test_training_with_any_of_them_is_the_same_training(digits: Any, trained: Any) -> None:
    theirs, ours, divergence = trained[0].values()
    for run in (ours, divergence):
        assert len(run.losses) == digits.STEPS
        assert run.accuracy == theirs.accuracy
        for a, b, first in zip(run.weights, theirs.weights, digits.first_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
            assert abs(a - first).max() > 0.05  # it has moved
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-13)
    assert theirs.accuracy > 0.9


def test_every_step_is_apart_by_the_entropy_of_a_smoothed_label(trained: Any) -> None:
    theirs, _, divergence = trained[0].values()
    constant = -0.91 * np.log(0.91) - 9 * 0.01 * np.log(0.01)
    np.testing.assert_allclose(theirs.losses - divergence.losses, constant, rtol=1e-13)
    assert divergence.losses[-1] < 0.25 * divergence.losses[0]
    assert theirs.losses.min() > constant  # the floor that a reader of the loss must know


def test_the_page_shows_what_the_example_prints(trained: Any) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"$ python -m examples.tinygrad_digits\n{trained[1]}```\n" in page
