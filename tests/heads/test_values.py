"""Values: against the definition in 40 digits, and against the verb on logits of all tokens."""

import math
from typing import Any

import numpy as np
import pytest

from relentropy import (
    LinearDivergences,
    Logits,
    linear_divergences,
    linear_relative_entropy,
    relative_entropy,
)
from tests.backends import Backend
from tests.heads.conftest import TOKENS, Heads, divergence, entropy, logits, mixture, probabilities

SETTINGS = {
    "plain": {},
    "temperature": {"temperature": 0.7},
    "softcap": {"softcap": 2.5},
    "both": {"temperature": 2.0, "softcap": 2.5},
}


def rows(heads: Heads, **settings: float) -> list[tuple[list[Any], list[Any]]]:
    p = logits(heads.hidden_p, heads.weight_p, heads.bias_p, **settings)
    q = logits(heads.hidden_q, heads.weight_q, heads.bias_q, **settings)
    return [(probabilities(a), probabilities(b)) for a, b in zip(p, q, strict=True)]


def given(xp: Backend, heads: Heads, dtype: str = "float64") -> tuple[tuple[Any, ...], dict]:
    *four, bias_p, bias_q = (xp.array(x, dtype) for x in heads)
    return tuple(four), {"bias_p": bias_p, "bias_q": bias_q}


# Settings and chunks are independent, and each shape compiles on JAX.
@pytest.mark.parametrize(
    ("settings", "chunk"),
    [*((name, 3) for name in SETTINGS), *(("both", chunk) for chunk in (1, 7, 100, None))],
)
def test_against_the_definition(
    xp: Backend, heads: Heads, settings: str, chunk: int | None
) -> None:
    arrays, biases = given(xp, heads)
    options = {**biases, **SETTINGS[settings], "chunk": chunk}
    found = linear_relative_entropy(*arrays, **options)
    assert xp.is_native(found)
    pairs = rows(heads, **SETTINGS[settings])
    expected = [divergence(p, q) for p, q in pairs]
    np.testing.assert_allclose(xp.numpy(found), expected, rtol=1e-12)
    back = linear_relative_entropy(*arrays, **options, direction="reverse", base=2)
    expected = [divergence(q, p) / math.log(2) for p, q in pairs]
    np.testing.assert_allclose(xp.numpy(back), expected, rtol=1e-12)


def test_all_quantities_of_one_pass(xp: Backend, heads: Heads) -> None:
    arrays, biases = given(xp, heads)
    tokens = np.array([0, 22, 1, 5, 3, 4, 4])
    found = linear_divergences(
        *arrays,
        of=LinearDivergences._fields,
        tokens=xp.array(tokens, "int64"),
        mixture_weight=0.3,
        base=2,
        chunk=3,
        **biases,
        **SETTINGS["both"],
    )
    for i, (p, q) in enumerate(rows(heads, **SETTINGS["both"])):
        m, token = mixture(p, q, 0.3), tokens[i]
        expected = LinearDivergences(
            divergence(p, q),
            divergence(q, p),
            0.3 * divergence(p, m) + 0.7 * divergence(q, m),
            entropy(p),
            entropy(q),
            math.log(p[token]) if p[token] else -math.inf,
            math.log(q[token]) if q[token] else -math.inf,
        )
        for some, exact in zip(found, expected, strict=True):
            assert xp.numpy(some)[i] * math.log(2) == pytest.approx(exact, rel=1e-12)


def test_what_is_not_asked_for_is_none_and_is_not_computed(
    xp: Backend, heads: Heads, monkeypatch: pytest.MonkeyPatch
) -> None:
    from relentropy import _array

    arrays, biases = given(xp, heads)
    seen, blocks = [], _array.by_token_blocks
    monkeypatch.setattr(
        _array,
        "by_token_blocks",
        lambda f, heads, *rest: seen.append(heads) or blocks(f, heads, *rest),
    )
    found = linear_divergences(*arrays, of="entropy_q", **biases)
    assert [x is None for x in found] == [True] * 4 + [False] + [True] * 2
    ((head,),) = seen
    assert head.weight is arrays[3]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_products_and_sums_are_of_float32(xp: Backend, dtype: str) -> None:
    """Half precision rounds the arguments and nothing else: half logits would be off by 1e-3."""
    rng = np.random.default_rng(0)
    hidden, weight = 3 * rng.normal(size=(5, 16)), rng.normal(size=(300, 16))
    arrays = [xp.array(x, dtype) for x in (hidden, weight, 0.9 * hidden, weight)]
    found = linear_relative_entropy(*arrays, chunk=2)
    assert xp.dtype_of(found) == "float32"
    p, w, q, v = (xp.numpy(x) for x in arrays)
    pairs = zip(p @ w.T, q @ v.T, strict=True)
    exact = [divergence(probabilities(a), probabilities(b)) for a, b in pairs]
    np.testing.assert_allclose(xp.numpy(found), exact, rtol=3e-5)


def test_one_head_in_half_precision_and_one_not(xp: Backend) -> None:
    rng = np.random.default_rng(0)
    hidden, weight = rng.normal(size=(3, 8)), rng.normal(size=(50, 8))
    half = [xp.array(x, "bfloat16") for x in (hidden, weight)]
    found = linear_relative_entropy(*half, xp.array(hidden), xp.array(weight))
    p, w = (xp.numpy(x) for x in half)
    assert xp.dtype_of(found) == "float64"
    np.testing.assert_allclose(
        xp.numpy(found), relative_entropy(Logits(p @ w.T), Logits(hidden @ weight.T)), rtol=1e-12
    )


def test_heads_that_are_close(xp: Backend) -> None:
    """Weights that differ by 1e-4: D = 5e-8. Log-softmax and kl_div in float32 have no digit."""
    rng = np.random.default_rng(0)
    hidden, weight = rng.normal(size=(6, 32)), rng.normal(size=(4000, 32)) / 32**0.5
    other = weight * (1 + 1e-4 * rng.normal(size=weight.shape))
    arrays = [xp.array(x, "float32") for x in (hidden, weight, hidden, other)]
    found = linear_relative_entropy(*arrays, chunk=4)
    p, w, q, v = (xp.numpy(x) for x in arrays)
    exact = relative_entropy(Logits(p @ w.T), Logits(q @ v.T))
    assert exact.max() < 1e-7
    np.testing.assert_allclose(xp.numpy(found), exact, rtol=1e-3)


def test_equal_heads_are_at_exactly_nothing(xp: Backend, heads: Heads) -> None:
    for dtype in ("float32", "float64", "bfloat16"):
        p, w, b = heads.hidden_p, heads.weight_p, heads.bias_p
        arrays = [xp.array(x, dtype) for x in (p, w, p, w, b, b)]
        found = linear_relative_entropy(
            *arrays[:4], bias_p=arrays[4], bias_q=arrays[5], softcap=3.0, chunk=3
        )
        assert (xp.numpy(found) == 0).all()


@pytest.mark.parametrize("softcap", [None, 2.5])
def test_a_cell_that_q_rules_out(xp: Backend, heads: Heads, softcap: float | None) -> None:
    arrays, biases = given(xp, heads)
    out = np.array(heads.bias_q)
    out[5] = -np.inf
    options = {**biases, "bias_q": xp.array(out), "softcap": softcap, "chunk": 3}
    assert (xp.numpy(linear_relative_entropy(*arrays, **options)) == np.inf).all()
    back = xp.numpy(linear_relative_entropy(*arrays, direction="reverse", **options))
    assert np.isfinite(back).all()


def test_batches_one_token_and_none(xp: Backend, heads: Heads) -> None:
    arrays, biases = given(xp, heads)
    whole = xp.numpy(linear_relative_entropy(*arrays, **biases))
    p, w, q, v = arrays
    batched = linear_relative_entropy(
        p[:6].reshape(2, 3, -1), w, q[:6].reshape(2, 3, -1), v, **biases
    )
    assert tuple(batched.shape) == (2, 3)
    np.testing.assert_allclose(xp.numpy(batched).reshape(-1), whole[:6], rtol=1e-12)
    one = linear_relative_entropy(p[0], w, q[0], v, **biases)
    assert tuple(one.shape) == ()
    np.testing.assert_allclose(xp.numpy(one), whole[0], rtol=1e-12)
    none = linear_relative_entropy(p[:0], w, q[:0], v, **biases)
    assert tuple(none.shape) == (0,)


def test_rows_that_are_no_distribution(autodiff: Backend, heads: Heads) -> None:
    xp, hidden = autodiff, np.array(heads.hidden_p)
    hidden[2, 0] = np.nan
    arrays, biases = given(xp, heads._replace(hidden_p=hidden))
    found = xp.numpy(linear_relative_entropy(*arrays, **biases))
    assert np.isnan(found[2])
    assert np.isfinite(np.delete(found, 2)).all()


def test_lists_are_numpy_arrays() -> None:
    found = linear_relative_entropy([[1.0]], [[0.0], [1.0]], [[1.0]], [[0.0], [1.0]])
    assert found.tolist() == [0.0]
    assert TOKENS
