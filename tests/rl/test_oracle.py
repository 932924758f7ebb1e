"""The oracle itself: against mpmath on sequences listed by hand, and against known facts."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from relentropy.rl.oracle import OBJECTIVES, Oracle
from tests.backends import Backend

CASES = {
    "plain": {},
    "end": {"end": 1},
    "prompt": {"mask": (False, True, True)},
    "tool": {"mask": (True, False, True), "end": 2},
    "off-policy": {"off_policy": True},
    "off-policy, end": {"off_policy": True, "end": 0},
    "off-policy, tool": {"off_policy": True, "mask": (True, False, True)},
}


def make(case: str, **more: Any) -> Oracle:
    return Oracle.random(**({"vocabulary": 3, "length": 3, "seed": 5} | CASES[case] | more))


def log_softmax(row: list[Any]) -> list[Any]:
    total = mpmath.log(mpmath.fsum(mpmath.exp(x) for x in row))
    return [x - total for x in row]


def objective(oracle: Oracle, name: str, theta: Any, fixed: Any) -> Any:
    """The definition, with 40 digits: a sum over all sequences.

    `theta` are the policy's logits where they count, `fixed` those that made the prefixes.
    """
    tables = {
        "moving": theta,
        "fixed": fixed,
        "reference": mpmath.matrix(oracle.reference.tolist()),
        "behavior": fixed if oracle.behavior is None else mpmath.matrix(oracle.behavior.tolist()),
    }
    rows = {prefix: n for n, prefix in enumerate(oracle.prefixes)}
    vocabulary = range(oracle.policy.shape[1])
    logs = {
        key: {s: log_softmax([t[n, v] for v in vocabulary]) for s, n in rows.items()}
        for key, t in tables.items()
    }
    total = mpmath.mpf(0)
    for prefix in rows:
        if not oracle.mask[len(prefix)]:
            continue
        law = mpmath.mpf(1)
        for t, token in enumerate(prefix):
            key = "moving" if name == "sequence" and oracle.mask[t] else "behavior"
            law *= mpmath.exp(logs[key][prefix[:t]][token])
        p, q = logs["moving"][prefix], logs["reference"][prefix]
        p, q = (q, p) if name == "forward" else (p, q)
        total += law * mpmath.fsum(mpmath.exp(p[v]) * (p[v] - q[v]) for v in vocabulary)
    return total


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_the_definition(case: str, name: str) -> None:
    oracle = make(case)
    with mpmath.workdps(40):
        theta = mpmath.matrix(oracle.policy.tolist())
        truth = objective(oracle, name, theta, theta)
        assert float(abs(oracle.value(name) / truth - 1)) < 1e-13
        exact, length = oracle.gradient(name), np.linalg.norm(oracle.gradient(name))
        step = mpmath.mpf(10) ** -12
        for row, v in itertools.product(range(len(oracle.prefixes)), range(0, 3, 2)):
            sides = []
            for sign in (1, -1):
                moved = theta.copy()
                moved[row, v] += sign * step
                sides.append(objective(oracle, name, moved, theta))
            slope = (sides[0] - sides[1]) / (2 * step)
            assert abs(float(slope) - exact[row, v]) < 1e-13 * max(length, 1e-3)


@pytest.mark.parametrize("case", CASES)
def test_sequences_are_all_there_once(case: str) -> None:
    oracle = make(case)
    assert math.isclose(oracle.law.sum(), 1, rel_tol=1e-14)
    written = [
        tuple(row[: np.flatnonzero(row == oracle.end)[0] + 1] if oracle.end in row else row)
        for row in itertools.product(range(3), repeat=3)
        for row in [np.array(row)]
    ]
    lengths = (oracle.log_prob < 0).sum(-1)
    listed = [tuple(row[:n]) for row, n in zip(oracle.tokens, lengths, strict=True)]
    assert sorted(set(written)) == sorted(listed)
    assert oracle.prefixes == sorted(oracle.prefixes, key=lambda s: (len(s), s))
    kept = np.arange(3) < lengths[:, None]
    assert (oracle.kept == (kept & np.array(oracle.mask))).all()


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("case", CASES)
def test_equal_weights_give_the_analytic_gradient(case: str, name: str) -> None:
    oracle = make(case)
    weight = np.full(oracle.kept.shape, 0.25)
    exact = oracle.gradient(name)
    assert np.allclose(4 * oracle.gradient(name, weight), exact, rtol=0, atol=1e-15)
    assert math.isclose(4 * oracle.value(name, weight), oracle.value(name), rel_tol=1e-14)


@pytest.mark.parametrize("case", CASES)
def test_weights_that_a_prefix_knows_weigh_its_divergence(case: str) -> None:
    """Weights of positions alone: still the derivative of a weighted objective."""
    oracle = make(case)
    per_position = np.array([0.5, 2.0, 1.25])
    weight = per_position * oracle.kept
    depth = np.array([len(prefix) for prefix in oracle.prefixes])
    for name in ("token", "forward"):
        weighted = per_position[depth][:, None] * oracle.gradient(name)
        assert np.allclose(oracle.gradient(name, weight), weighted, rtol=0, atol=1e-15)
    alone = sum(
        w * make(case, mask=np.array(oracle.mask) & (np.arange(3) == t)).value("token")
        for t, w in enumerate(per_position)
    )
    assert math.isclose(oracle.value("token", weight), alone, rel_tol=1e-13)


def as_penalty(coefficient: Callable[..., Any]) -> Callable[..., Any]:
    """A loss of the value of its coefficient whose gradient is coefficient · ∇log π."""

    def loss(log_prob: Any, ref_log_prob: Any, mask: Any) -> Any:
        constant = coefficient(stop(log_prob), ref_log_prob)
        return constant * (log_prob - stop(log_prob) + 1) * mask

    return loss


def stop(x: Any) -> Any:
    if hasattr(x, "detach"):
        return x.detach()
    import jax

    return jax.lax.stop_gradient(x)


@pytest.mark.parametrize("case", ["plain", "end", "prompt", "tool"])
def test_losses_whose_expectation_is_known(autodiff: Backend, case: str) -> None:
    """On every framework: k1, k2, the forward coefficient and k1 of all that follows."""
    oracle = make(case)
    exp = autodiff.module.exp if autodiff.name == "torch" else autodiff.module.numpy.exp
    mask_sum = oracle.kept.sum()
    assert mask_sum > 0

    def run(loss: Callable[..., Any]) -> Any:
        return oracle.check(loss, framework=autodiff.name)

    k1 = run(lambda p, q, mask: (p - q) * mask)
    assert abs(k1.bias["token"]) < 1e-15
    assert k1.error["token"] == pytest.approx(1, abs=1e-13) or not all(oracle.mask)
    k2 = run(lambda p, q, mask: (p - q) ** 2 / 2 * mask)
    assert k2.error["token"] < 1e-14
    assert k2.leak == 0
    reward = run(as_penalty(lambda p, q: p - q))
    assert reward.error["token"] < 1e-14
    assert abs(reward.bias["token"]) < 1e-15
    forward = run(as_penalty(lambda p, q: 1 - exp(q - p)))
    assert forward.error["forward"] < 1e-14
    whole = run(lambda p, q, mask: ((p - q) * mask).sum() ** 2 / 2)
    # k2 of the sum is exact where the policy wrote everything that counts.
    assert whole.error["sequence"] < 1e-13


def test_off_policy_losses_are_corrected_by_the_ratio(autodiff: Backend) -> None:
    oracle = make("off-policy, end")
    exp = autodiff.module.exp if autodiff.name == "torch" else autodiff.module.numpy.exp

    def loss(p: Any, q: Any, mask: Any, behavior_log_prob: Any) -> Any:
        ratio = exp(p - behavior_log_prob)
        return ratio * (exp(q - p) - 1 - (q - p)) * mask

    report = oracle.check(loss, framework=autodiff.name)
    assert abs(report.bias["token"]) < 1e-15
    assert report.error["token"] < 1e-14
    assert report.error["sequence"] > 1e-2
    forgetful = oracle.check(
        lambda *args, behavior_log_prob: loss(*args, args[0]), framework=autodiff.name
    )
    assert abs(forgetful.bias["token"]) > 1e-3


def test_logits_are_differentiated_as_logits(autodiff: Backend) -> None:
    oracle = make("tool")
    module = autodiff.module if autodiff.name == "torch" else autodiff.module.numpy

    def log_softmax(x: Any) -> Any:
        return x - module.log(module.exp(x).sum(-1))[..., None]

    def divergence(logits: Any, ref_logits: Any, mask: Any, tokens: Any) -> Any:
        p, q = log_softmax(logits), log_softmax(ref_logits)
        return (module.exp(p) * (p - q)).sum(-1) * mask

    def sampled(logits: Any, ref_logits: Any, mask: Any, tokens: Any) -> Any:
        p, q = (
            module.take_along_dim(log_softmax(x), tokens[..., None], -1)[..., 0]
            if autodiff.name == "torch"
            else module.take_along_axis(log_softmax(x), tokens[..., None], -1)[..., 0]
            for x in (logits, ref_logits)
        )
        return (p - q) ** 2 / 2 * mask

    exact = oracle.check(divergence, framework=autodiff.name, takes="logits")
    assert exact.error["token"] < 1e-14
    assert abs(exact.bias["token"]) < 1e-15
    assert exact.leak == 0
    noisy = oracle.check(sampled, framework=autodiff.name, takes="logits")
    assert noisy.error["token"] < 1e-14
    assert noisy.gradient_variance > exact.gradient_variance > 0


def test_variances_are_those_of_single_sequences(torch_backend: Backend) -> None:
    """Against the sequences' gradients laid side by side."""
    oracle = make("end")
    report = oracle.check(lambda p, q, mask: (p - q) ** 2 / 2 * mask)
    rows = {prefix: n for n, prefix in enumerate(oracle.prefixes)}
    p = np.exp(oracle.policy) / np.exp(oracle.policy).sum(-1, keepdims=True)
    k1 = oracle.log_prob - oracle.ref_log_prob
    gradients = np.zeros((len(oracle.law), *oracle.policy.shape))
    for n, (tokens, kept) in enumerate(zip(oracle.tokens, oracle.kept, strict=True)):
        for t in np.flatnonzero(kept):
            row = rows[tuple(int(v) for v in tokens[:t])]
            gradients[n, row] += k1[n, t] * (np.eye(3)[tokens[t]] - p[row])
    mean = np.tensordot(oracle.law, gradients, 1)
    assert np.allclose(report.gradient, mean, rtol=0, atol=1e-15)
    spread = ((gradients - mean) ** 2).sum((1, 2))
    assert math.isclose(report.gradient_variance, oracle.law @ spread, rel_tol=1e-13)
    values = (k1**2 / 2).sum(-1)
    assert math.isclose(report.variance, oracle.law @ (values - report.value) ** 2, rel_tol=1e-13)


def test_a_loss_that_forgets_its_mask_is_found_out(autodiff: Backend) -> None:
    oracle = make("end")
    honest = oracle.check(lambda p, q, mask: (p - q) ** 2 / 2 * mask, framework=autodiff.name)
    hasty = oracle.check(lambda p, q, mask: (p - q) ** 2 / 2, framework=autodiff.name)
    assert honest.leak == 0
    assert "masked" not in honest.summary()
    assert hasty.leak == 2
    assert "masked tokens have a gradient" in hasty.summary()
    assert abs(hasty.value - honest.value) > 0.1


def test_padding_may_be_poisoned(torch_backend: Backend) -> None:
    """NaN times a mask is NaN, and only a loss that never looks is finite."""
    oracle = make("end")
    product = oracle.check(lambda p, q, mask: (p - q) * mask, padding=math.nan)
    assert math.isnan(product.value)
    where = torch_backend.module.where
    choice = oracle.check(lambda p, q, mask: where(mask, p - q, 0.0), padding=math.nan)
    assert abs(choice.bias["token"]) < 1e-15


def test_a_loss_without_a_gradient_has_none(autodiff: Backend) -> None:
    oracle = make("plain")
    report = oracle.check(lambda p, q, mask: stop(p - q) * mask, framework=autodiff.name)
    assert not report.gradient.any()
    assert report.gradient_variance == 0
    assert report.error == dict.fromkeys(OBJECTIVES, 1.0)
    assert abs(report.bias["sequence"]) < 1e-15


def test_no_drift_has_no_gradient() -> None:
    theta = np.random.default_rng(0).standard_normal((1 + 2 + 4, 2))
    oracle = Oracle(theta, theta)
    report = oracle.check(lambda p, q, mask: (p - q) ** 2 * mask)
    assert report.value == 0
    assert report.error == dict.fromkeys(OBJECTIVES, 0.0)
    leaning = oracle.check(lambda p, q, mask: p * mask * mask.sum() * (p < -1))
    assert leaning.error["token"] == math.inf


@pytest.mark.parametrize("kl", [1e-8, 0.135, 2.54, 30.0])
def test_random_policies_are_as_far_apart_as_asked(kl: float) -> None:
    for case in CASES:
        assert math.isclose(make(case, kl=kl).value("sequence"), kl, rel_tol=1e-9)


def test_the_summary_names_everything() -> None:
    text = str(make("plain").check(lambda p, q, mask: (p - q) * mask))
    assert all(name in text for name in (*OBJECTIVES, "bias", "standard deviation", "nats"))


GOOD = np.zeros((7, 2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Oracle(GOOD[0], GOOD), r"shape \(2,\); expected \(prefixes, V\)"),
        (lambda: Oracle(GOOD, GOOD[:3]), r"reference has shape \(3, 2\); expected \(7, 2\)"),
        (lambda: Oracle(GOOD, GOOD, GOOD.T), "behavior has shape"),
        (lambda: Oracle(GOOD, GOOD - math.inf), "not finite"),
        (lambda: Oracle(GOOD, GOOD, mask=(1, 1)), "one flag a position"),
        (lambda: Oracle(GOOD, GOOD, end=2), "expected a token, 0 to 1"),
        (lambda: Oracle(GOOD, GOOD, length=0), "length is 0"),
        (lambda: Oracle.random(kl=0.0), "positive number of nats"),
        (lambda: Oracle(GOOD, GOOD).value("reverse"), "'token', 'sequence', 'forward'"),
        (lambda: Oracle(GOOD, GOOD).gradient("k3"), "'token', 'sequence', 'forward'"),
        (lambda: Oracle(GOOD, GOOD).value(weight=np.ones(3)), "weight has shape"),
        (lambda: Oracle(GOOD, GOOD).check(max, takes="probs"), "'log_prob', 'logits'"),
        (lambda: Oracle(GOOD, GOOD).check(max, framework="mxnet"), "'torch', 'jax'"),
    ],
)
def test_bad_input_says_what_to_do(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_numpy_does_not_differentiate() -> None:
    with pytest.raises(TypeError, match="need arrays of PyTorch or JAX"):
        Oracle(GOOD, GOOD).check(lambda p, q, mask: p, framework="numpy")
