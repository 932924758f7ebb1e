"""Gradients: against those through logits of all tokens, whichever way they were made."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from relentropy import Logits, linear_divergences, linear_relative_entropy, relative_entropy
from tests.backends import Backend
from tests.heads.conftest import TOKENS, Heads

FACTORS = {
    "a sum": np.ones(TOKENS),
    "a mean": np.full(TOKENS, 1 / TOKENS),
    "each its own": np.array([1.0, -2.0, 0.5, 0.0, 3.0, 1.0, 1.0]),
}


def by_blocks(*xs: Any, **options: Any) -> Any:
    *four, bias_p, bias_q = xs
    settings = {"temperature": 1.5, "softcap": 4.0, "chunk": 3} | options
    return linear_relative_entropy(*four, bias_p=bias_p, bias_q=bias_q, **settings)


def with_all_logits(xp: Backend) -> Callable[..., Any]:
    where = xp.module.where if xp.name == "torch" else xp.module.numpy.where
    tanh = xp.module.tanh if xp.name == "torch" else xp.module.numpy.tanh

    def side(hidden: Any, weight: Any, bias: Any) -> Any:
        z = hidden @ weight.T + bias
        finite = z > -np.inf
        return Logits(where(finite, 4.0 * tanh(where(finite, z, 0.0) / 4.0), -np.inf) / 1.5)

    def f(p: Any, w: Any, q: Any, v: Any, b: Any, c: Any) -> Any:
        return relative_entropy(side(p, w, b), side(q, v, c))

    return f


@pytest.mark.parametrize("factors", FACTORS)
def test_towards_all_six(autodiff: Backend, heads: Heads, factors: str) -> None:
    xs = [autodiff.array(x) for x in heads]
    factor = autodiff.array(FACTORS[factors])
    found = autodiff.gradient(lambda *xs: factor * by_blocks(*xs), *xs)
    truth = autodiff.gradient(lambda *xs: factor * with_all_logits(autodiff)(*xs), *xs)
    for some, exact in zip(found, truth, strict=True):
        np.testing.assert_allclose(some, exact, rtol=1e-10, atol=1e-14)


def test_half_precision_gets_its_own_dtype_back_and_is_summed_in_float32(
    autodiff: Backend,
) -> None:
    """A thousand equal tokens: in bfloat16 a running sum would stop growing at 256 of them."""
    rng = np.random.default_rng(0)
    hidden, weight = rng.normal(size=(1, 4)), rng.normal(size=(11, 4))
    many = [np.repeat(hidden, 1000, 0), weight, np.repeat(hidden / 2, 1000, 0), weight]
    halves = [autodiff.array(x, "bfloat16") for x in many]

    def f(*xs: Any) -> Any:
        return linear_relative_entropy(*xs, chunk=10)

    found = autodiff.gradient(f, *halves)
    exact = autodiff.gradient(f, *(autodiff.array(autodiff.numpy(x)) for x in halves))
    for some, true in zip(found, exact, strict=True):
        np.testing.assert_allclose(some, true, rtol=2**-7, atol=1e-6 * np.abs(true).max())


def test_equal_heads_have_no_gradient_at_all(autodiff: Backend, heads: Heads) -> None:
    p, w, b = heads.hidden_p, heads.weight_p, heads.bias_p
    xs = [autodiff.array(x, "float32") for x in (p, w, p, w, b, b)]
    for slope in autodiff.gradient(by_blocks, *xs):
        assert (slope == 0).all()


def test_where_the_divergence_is_infinite(autodiff: Backend, heads: Heads) -> None:
    """As of the verb: towards Q that of the cost, towards P none; no NaN."""
    bias_q = np.array(heads.bias_q)
    bias_q[5] = -np.inf
    xs = [autodiff.array(x) for x in heads._replace(bias_q=bias_q)]
    found = autodiff.gradient(by_blocks, *xs)
    truth = autodiff.gradient(with_all_logits(autodiff), *xs)
    assert (found[0] == 0).all()
    for some, exact in zip(found, truth, strict=True):
        np.testing.assert_allclose(some, exact, rtol=1e-10, atol=1e-14)


def test_no_tokens(autodiff: Backend, heads: Heads) -> None:
    xs = [autodiff.array(x) for x in heads]
    xs[0], xs[2] = xs[0][:0], xs[2][:0]
    for slope in autodiff.gradient(by_blocks, *xs):
        assert (slope == 0).all()


def test_several_quantities(autodiff: Backend, heads: Heads) -> None:
    tokens = autodiff.array(np.array([0, 22, 1, 5, 2, 4, 4]), "int64")
    of = ["jensen_shannon", "entropy_p", "token_log_prob_q", "reverse_relative_entropy"]

    def f(chunk: int, *xs: Any) -> Any:
        *four, bias_p, bias_q = xs
        found = linear_divergences(
            *four, of=of, tokens=tokens, bias_p=bias_p, bias_q=bias_q, chunk=chunk
        )
        values = [getattr(found, name) for name in of]
        return sum((i + 1) * value for i, value in enumerate(values))

    xs = [autodiff.array(x) for x in heads]
    step, eps = np.random.default_rng(1), 1e-6
    slopes = autodiff.gradient(lambda *xs: f(3, *xs), *xs)
    for i, slope in enumerate(slopes):
        direction = step.normal(size=slope.shape)
        moved = [
            [
                autodiff.array(x + (s * eps * direction if j == i else 0))
                for j, x in enumerate(heads)
            ]
            for s in (1, -1)
        ]
        up, down = (autodiff.numpy(f(7, *xs)).sum() for xs in moved)
        assert (slope * direction).sum() == pytest.approx((up - down) / (2 * eps), rel=1e-6)


def test_mapped_over_batches(autodiff: Backend, heads: Heads) -> None:
    xs = [autodiff.array(x) for x in heads]
    whole = autodiff.numpy(by_blocks(*xs))
    rest = xs[1], xs[3], xs[4], xs[5]

    def one(p: Any, q: Any) -> Any:
        return by_blocks(p, rest[0], q, *rest[1:])

    mapped = autodiff.vmap(one)(xs[0].reshape(7, 1, -1), xs[2].reshape(7, 1, -1))
    np.testing.assert_allclose(autodiff.numpy(mapped)[:, 0], whole, rtol=1e-12)


@pytest.mark.exhaustive
def test_compiled(autodiff: Backend, heads: Heads) -> None:
    xs = [autodiff.array(x) for x in heads]
    whole = autodiff.numpy(by_blocks(*xs))
    compiled = autodiff.jit(by_blocks)
    np.testing.assert_allclose(autodiff.numpy(compiled(*xs)), whole, rtol=1e-12)
    found, truth = autodiff.gradient(compiled, *xs), autodiff.gradient(by_blocks, *xs)
    for some, exact in zip(found, truth, strict=True):
        np.testing.assert_allclose(some, exact, rtol=1e-10, atol=1e-14)
