"""The value is the estimator's and the gradient the named objective's, token by token."""

import numpy as np
import pytest

from relentropy import Logits, relative_entropy
from relentropy.rl import kl_estimate, kl_penalty, token_log_probs, vocabulary_kl_penalty
from relentropy.rl.penalty import GRADIENTS, VOCABULARY_GRADIENTS
from tests import backends

RNG = np.random.default_rng(5)
A, B, OLD = (-RNG.exponential(size=(3, 5)) for _ in range(3))
MASK = np.array([[0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], dtype=bool)
D, RHO = B - A, np.exp(A - OLD)
ESTIMATES = {"k1": -D, "k2": D**2 / 2, "k3": np.expm1(D) - D}


def later(x: np.ndarray) -> np.ndarray:
    x = np.where(MASK, x, 0)
    return np.array([[row[t:].sum() for t in range(5)] for row in x])


def expected_slope(estimator: str, gradient: str, off_policy: bool) -> np.ndarray:
    rho = RHO if off_policy else np.ones_like(A)
    if gradient == "as-written":
        inner = {"k1": 1.0, "k2": -D, "k3": -np.expm1(D)}[estimator]
        return rho * (inner + (ESTIMATES[estimator] if off_policy else 0))
    prefix = np.exp(np.cumsum(np.where(MASK, np.log(rho), 0), axis=-1))
    return {
        "token": rho * -D,
        "sequence": later(prefix * -D),
        "forward": rho * -np.expm1(D),
        "none": 0 * D,
    }[gradient]


def combinations():
    for estimator in ESTIMATES:
        for gradient in GRADIENTS:
            for off_policy in (False, True):
                if off_policy or (estimator, gradient) != ("k1", "as-written"):
                    yield estimator, gradient, off_policy


@pytest.mark.parametrize(("estimator", "gradient", "off_policy"), list(combinations()))
def test_value_and_gradient_are_as_the_table_says(
    xp: backends.Backend, estimator: str, gradient: str, off_policy: bool
) -> None:
    a, b, old, mask = xp.array(A), xp.array(B), xp.array(OLD), xp.array(MASK, "bool")
    keywords = {"estimator": estimator, "gradient": gradient}
    if off_policy:
        keywords["behavior_log_prob"] = old
    value = xp.numpy(kl_penalty(a, b, mask, **keywords))
    rho = RHO if off_policy else 1.0
    assert value == pytest.approx(np.where(MASK, rho * ESTIMATES[estimator], 0), rel=1e-12)
    on_policy = {**keywords, "behavior_log_prob": None, "gradient": "none"}
    plain = xp.numpy(kl_penalty(a, b, mask, **on_policy))
    assert (plain == xp.numpy(kl_estimate(a, b, estimator=estimator, mask=mask))).all()
    if xp.differentiates and gradient != "none":
        # A weight that differs from token to token sees which token pushes which.
        weight = xp.array(np.linspace(1, 2, 15).reshape(3, 5))
        (slope,) = xp.gradient(lambda x: weight * kl_penalty(x, b, mask, **keywords), a)
        expected = expected_slope(estimator, gradient, off_policy) * xp.numpy(weight)
        assert slope == pytest.approx(np.where(MASK, expected, 0), rel=1e-12)


def test_none_is_a_constant_and_the_reference_always_is(
    torch_backend: backends.TorchBackend,
) -> None:
    a, b, old = (torch_backend.array(x).requires_grad_() for x in (A, B, OLD))
    mask = torch_backend.array(MASK, "bool")
    assert not kl_penalty(a, b, mask, gradient="none").requires_grad
    for gradient in ("token", "sequence", "forward", "as-written"):
        kl_penalty(a, b, mask, gradient=gradient, behavior_log_prob=old).sum().backward()
    assert b.grad is None
    assert old.grad is None


LOGITS, REF = RNG.normal(size=(2, 3, 5, 6))
TOKENS = RNG.integers(0, 6, size=(3, 5))


@pytest.mark.parametrize("gradient", VOCABULARY_GRADIENTS)
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_vocabulary_form_has_the_value_of_the_divergence(
    xp: backends.Backend, gradient: str, temperature: float
) -> None:
    a, b, mask = xp.array(LOGITS), xp.array(REF), xp.array(MASK, "bool")
    log_prob = token_log_probs(a, xp.array(TOKENS, "int64"), temperature=temperature)
    found = vocabulary_kl_penalty(
        a, b, mask, gradient=gradient, log_prob=log_prob, temperature=temperature
    )
    p, q = (np.exp(x / temperature) for x in (LOGITS, REF))
    p, q = (x / x.sum(-1, keepdims=True) for x in (p, q))
    exact = (p * np.log(p / q)).sum(-1)
    assert xp.numpy(found) == pytest.approx(np.where(MASK, exact, 0), rel=1e-12)


@pytest.mark.parametrize("off_policy", [False, True])
@pytest.mark.parametrize("gradient", ["token", "sequence", "forward"])
def test_the_vocabulary_form_has_the_gradient_of_its_objective(
    autodiff: backends.Backend, gradient: str, off_policy: bool
) -> None:
    b, mask = autodiff.array(REF), autodiff.array(MASK, "bool")
    tokens, old = autodiff.array(TOKENS, "int64"), autodiff.array(OLD)

    def penalty(x):
        return vocabulary_kl_penalty(
            x,
            b,
            mask,
            gradient=gradient,
            log_prob=token_log_probs(x, tokens),
            behavior_log_prob=old if off_policy else None,
        )

    (slope,) = autodiff.gradient(penalty, autodiff.array(LOGITS))
    p, q = (np.exp(x) / np.exp(x).sum(-1, keepdims=True) for x in (LOGITS, REF))
    d = (p * np.log(p / q)).sum(-1, keepdims=True)
    expected = p - q if gradient == "forward" else p * (np.log(p / q) - d)
    if gradient == "sequence":
        log_prob = np.log(np.take_along_axis(p, TOKENS[..., None], axis=-1)[..., 0])
        ratio = np.where(MASK & off_policy, log_prob - OLD, 0)
        before = np.exp(np.cumsum(ratio, axis=-1) - ratio)
        weighed = before * d[..., 0]
        after = later(weighed) - np.where(MASK, weighed, 0)
        expected = before[..., None] * expected + after[..., None] * (np.eye(6)[TOKENS] - p)
    assert slope == pytest.approx(np.where(MASK[..., None], expected, 0), rel=1e-10, abs=1e-14)


def test_equal_policies_have_no_penalty_and_no_gradient(autodiff: backends.Backend) -> None:
    a, mask = autodiff.array(LOGITS), autodiff.array(MASK, "bool")
    f = lambda x: vocabulary_kl_penalty(x, a, mask)  # noqa: E731
    assert (autodiff.numpy(f(a)) == 0).all()
    assert autodiff.gradient(f, a)[0] == pytest.approx(0, abs=1e-16)
    assert (autodiff.numpy(f(a)) == autodiff.numpy(relative_entropy(Logits(a), Logits(a)))).all()


@pytest.mark.parametrize("transform", ["jit", "vmap"])
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_through_transformations(autodiff: backends.Backend, transform: str, gradient: str) -> None:
    arrays = [autodiff.array(A), autodiff.array(B), autodiff.array(MASK, "bool")]
    f = getattr(autodiff, transform)(lambda *xs: kl_penalty(*xs, gradient=gradient))
    expected = autodiff.numpy(kl_penalty(*arrays, gradient=gradient))
    assert autodiff.numpy(f(*arrays)) == pytest.approx(expected, rel=1e-13)
