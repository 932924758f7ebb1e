"""k1, k2, k3 and the log-probabilities of tokens, against mpmath, on every framework."""

import math
from typing import Any

import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
from hypothesis import given
from mpmath import mp, mpf

from relentropy.rl import kl_estimate, token_log_probs
from tests import backends

INF = float("inf")
DIFFERENCES = [0.0, 1e-300, 1e-12, 3e-4, 0.01, 0.2, 0.2499, 0.25, 0.2501, 1.0, 5.0, 30.0, 80.0]


def true_estimate(a: float, b: float, estimator: str) -> mpf:
    """From the numbers as they are, with digits to spare."""
    with mpmath.workdps(400):
        d = mpf(b) - mpf(a)
        return {"k1": -d, "k2": d * d / 2, "k3": mp.exp(d) - 1 - d}[estimator]


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6)])
def test_every_estimator_is_right_to_its_last_digits(
    xp: backends.Backend, estimator: str, dtype: str, tolerance: float
) -> None:
    pairs = [(-d, 0.0) for d in DIFFERENCES] + [(0.0, -d) for d in DIFFERENCES]
    a, b = (backends.as_dtype([pair[i] for pair in pairs], dtype) for i in (0, 1))
    found = xp.numpy(kl_estimate(xp.array(a, dtype), xp.array(b, dtype), estimator=estimator))
    smallest = np.finfo(dtype).tiny
    for x, y, k in zip(a, b, found, strict=True):
        truth = float(true_estimate(float(x), float(y), estimator))
        if abs(truth) < smallest:
            assert abs(k) <= smallest
        else:
            assert k == pytest.approx(truth, rel=tolerance)


def test_the_written_formula_loses_what_this_one_keeps(xp: backends.Backend) -> None:
    # The measured failure: exp(d) - 1 - d in float32 at |d| = 3e-4 is 0.
    d = np.float32(3e-4)
    found = xp.numpy(kl_estimate(xp.array([-d, 0.0], "float32"), xp.array([0.0, -d], "float32")))
    assert found == pytest.approx([4.50045e-8, 4.49955e-8], rel=1e-5)


@given(st.lists(st.tuples(*[st.floats(-1e3, 0.0, width=32)] * 2), min_size=1, max_size=50))
def test_k2_and_k3_are_never_negative(pairs: list[tuple[float, float]]) -> None:
    a, b = (np.array([pair[i] for pair in pairs], dtype=np.float32) for i in (0, 1))
    for estimator in ("k2", "k3"):
        assert (kl_estimate(a, b, estimator=estimator) >= 0).all()
    assert (kl_estimate(a, a) == 0).all()


def test_the_ends(xp: backends.Backend) -> None:
    a, b = xp.array([-INF, -INF, -1.0]), xp.array([-INF, -1.0, -INF])
    expected = {"k1": [0, -INF, INF], "k2": [0, INF, INF], "k3": [0, INF, INF]}
    for estimator, values in expected.items():
        assert xp.numpy(kl_estimate(a, b, estimator=estimator)).tolist() == values


def test_half_precision_is_answered_in_float32(xp: backends.Backend) -> None:
    a = xp.array([-1.0, -2.0], "bfloat16")
    b = xp.array([-2.0, -1.0], "float32")
    found = kl_estimate(a, b)
    assert xp.dtype_of(found) == "float32"
    assert xp.numpy(found) == pytest.approx([math.exp(-1), math.e - 2], rel=1e-6)


def test_a_reference_in_another_dtype_is_promoted(xp: backends.Backend) -> None:
    found = kl_estimate(xp.array([-1.0], "float32"), xp.array([-1.5], "float64"))
    assert xp.dtype_of(found) == "float64"


def test_masked_tokens_are_not_looked_at(xp: backends.Backend) -> None:
    a, b = xp.array([-1.0, float("nan"), 7.0]), xp.array([-1.5, -INF, float("nan")])
    found = xp.numpy(kl_estimate(a, b, mask=xp.array([1, 0, 0], "int64")))
    assert found[1:].tolist() == [0.0, 0.0]
    assert found[0] > 0


def test_the_continuation_is_the_tangent_and_reports_what_it_touched(
    xp: backends.Backend,
) -> None:
    a = xp.array([-300.0, -2.0, -1.0, -500.0])
    b = xp.array([0.0, 0.0, -0.5, 0.0])
    mask = xp.array([True, True, True, False], "bool")
    values, share = kl_estimate(a, b, mask=mask, linear_above=1.5)
    bend, slope = math.exp(1.5) - 2.5, math.expm1(1.5)
    expected = [bend + slope * 298.5, bend + slope * 0.5, math.exp(0.5) - 1.5, 0]
    assert xp.numpy(values) == pytest.approx(expected, rel=1e-14)
    assert float(share) == pytest.approx(2 / 3)


def test_the_continuation_cannot_overflow_and_keeps_its_gradient(
    autodiff: backends.Backend,
) -> None:
    ref = autodiff.array([0.0, 0.0], "float32")
    (slope,) = autodiff.gradient(
        lambda a: kl_estimate(a, ref, linear_above=20.0).values,
        autodiff.array([-5000.0, -1.0], "float32"),
    )
    assert slope == pytest.approx([-math.expm1(20), -math.expm1(1)], rel=1e-6)


def test_the_continuation_is_for_k3() -> None:
    with pytest.raises(ValueError, match="belongs to k3"):
        kl_estimate([-1.0], [-2.0], estimator="k2", linear_above=20.0)
    with pytest.raises(ValueError, match="positive number"):
        kl_estimate([-1.0], [-2.0], linear_above=-1.0)
    with pytest.raises(ValueError, match=r"below 88\.7"):
        kl_estimate(np.float32([-1.0]), np.float32([-2.0]), linear_above=100.0)


LOGITS = np.random.default_rng(0).normal(scale=3, size=(2, 5, 7))
TOKENS = np.random.default_rng(1).integers(0, 7, size=(2, 5))


def true_log_prob(row: Any, token: int, temperature: float) -> mpf:
    with mpmath.workdps(60):
        x = [mpf(float(v)) / mpf(temperature) for v in row]
        return x[token] - mp.log(mp.fsum(mp.exp(v) for v in x if v > -mp.inf))


@pytest.mark.parametrize("temperature", [1.0, 0.25, 8.0])
def test_token_log_probs(xp: backends.Backend, temperature: float) -> None:
    logits, tokens = xp.array(LOGITS), xp.array(TOKENS, "int64")
    found = xp.numpy(token_log_probs(logits, tokens, temperature=temperature))
    for place in np.ndindex(TOKENS.shape):
        truth = true_log_prob(LOGITS[place], TOKENS[place], temperature)
        assert found[place] == pytest.approx(float(truth), rel=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("bfloat16", 1e-6)])
def test_a_nearly_certain_token_keeps_its_digits(
    xp: backends.Backend, dtype: str, tolerance: float
) -> None:
    row = backends.as_dtype([[3.0, 20.0, -1.0, 1.5]], dtype)
    found = token_log_probs(xp.array(row, dtype), xp.array([1], "int32"))
    assert xp.dtype_of(found) == "float32"
    truth = float(true_log_prob(row[0], 1, 1.0))
    assert xp.numpy(found)[0] == pytest.approx(truth, rel=tolerance)


def test_excluded_tokens_and_rows_that_are_no_distribution(xp: backends.Backend) -> None:
    logits = xp.array([[0.0, -INF, 0.0], [-INF, -INF, -INF], [0.0, float("nan"), 0.0]])
    tokens = xp.array([1, 0, 0], "int64")
    found = xp.numpy(token_log_probs(logits, tokens))
    assert found[0] == -INF
    assert np.isnan(found[1:]).all()


def test_the_gradient_is_that_of_the_log_softmax(autodiff: backends.Backend) -> None:
    tokens = autodiff.array(TOKENS, "int64")
    (slope,) = autodiff.gradient(
        lambda x: token_log_probs(x, tokens, temperature=2.0), autodiff.array(LOGITS)
    )
    e = np.exp(LOGITS / 2)
    p = e / e.sum(-1, keepdims=True)
    assert slope == pytest.approx((np.eye(7)[TOKENS] - p) / 2, abs=1e-15)


def test_in_blocks_as_in_one(autodiff: backends.Backend) -> None:
    rng = np.random.default_rng(2)
    logits, tokens = rng.normal(size=(7, 60_000)), rng.integers(0, 60_000, size=7)
    f = lambda x, t: token_log_probs(x, t) ** 2  # noqa: E731
    t = autodiff.array(tokens, "int64")
    (whole,) = autodiff.gradient(lambda x: f(x, t), autodiff.array(logits))
    for i in range(7):  # a row fits into one block
        t = autodiff.array(tokens[i : i + 1], "int64")
        (row,) = autodiff.gradient(lambda x, t=t: f(x, t), autodiff.array(logits[i : i + 1]))
        assert whole[i : i + 1] == pytest.approx(row, rel=1e-12, abs=1e-18)


def test_padding_that_is_no_distribution_has_no_gradient(autodiff: backends.Backend) -> None:
    logits = autodiff.array([[0.0, 1.0], [float("nan"), 0.0], [-INF, -INF], [INF, 0.0]])
    weight, tokens = autodiff.array([1.0, 0.0, 0.0, 0.0]), autodiff.array([0] * 4, "int64")

    def masked(x):
        value = token_log_probs(x, tokens)
        return (
            autodiff.module.where(weight > 0, value, 0.0)
            if autodiff.name == "torch"
            else (autodiff.module.numpy.where(weight > 0, value, 0.0))
        )

    (slope,) = autodiff.gradient(masked, logits)
    assert np.isfinite(slope).all()
    assert (slope[1:] == 0).all()


def test_pytorch_derives_it_twice_and_keeps_nothing_but_the_inputs(
    torch_backend: backends.TorchBackend,
) -> None:
    torch = torch_backend.module
    logits = torch.tensor(LOGITS, requires_grad=True)
    tokens = torch.tensor(TOKENS)
    f = lambda x: token_log_probs(x, tokens, temperature=0.5)  # noqa: E731
    assert torch.autograd.gradcheck(f, (logits,))
    assert torch.autograd.gradgradcheck(f, (logits,))
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.nbytes) or t, lambda t: t
    ):
        f(logits)
    assert sum(kept) <= logits.nbytes + tokens.nbytes


@pytest.mark.parametrize("transform", ["jit", "vmap"])
def test_through_transformations(autodiff: backends.Backend, transform: str) -> None:
    logits, tokens = autodiff.array(LOGITS), autodiff.array(TOKENS, "int64")
    expected = autodiff.numpy(token_log_probs(logits, tokens))
    assert autodiff.numpy(
        getattr(autodiff, transform)(token_log_probs)(logits, tokens)
    ) == pytest.approx(expected, rel=1e-14)
    estimate = getattr(autodiff, transform)(kl_estimate)
    a = autodiff.array(expected)
    assert autodiff.numpy(estimate(a, a - 1.0)) == pytest.approx(math.exp(-1), rel=1e-14)


@pytest.mark.parametrize("token", [-100, -1, 7])
def test_inside_a_trace_a_token_that_does_not_exist_has_no_number(
    autodiff: backends.Backend, token: int
) -> None:
    tokens = TOKENS.copy()
    tokens[1, 2] = token
    found = autodiff.jit(token_log_probs)(autodiff.array(LOGITS), autodiff.array(tokens, "int64"))
    assert np.argwhere(np.isnan(autodiff.numpy(found))).tolist() == [[1, 2]]
