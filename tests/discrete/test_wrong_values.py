"""What today's frameworks get wrong about discrete distributions: each a test that passes here.

The right values are arithmetic on a few cells, in mpmath.
"""

import math

import numpy as np
import pytest
from mpmath import mp, mpf

from relentropy import Logits, LogProbs, Probs, relative_entropy
from tests import truth
from tests.backends import Backend, number
from tests.tables import rules

INF = math.inf


def close(xp: Backend, value: object, expected: mpf | float, rtol: float) -> None:
    assert truth.relative_error(number(xp.numpy(value)), mpf(expected)) <= rtol


def test_bernoulli_logits_0_against_20_in_float32(xp: Backend) -> None:
    # torch.distributions says inf
    p, q = xp.array([0.0, 0.0], "float32"), xp.array([0.0, 20.0], "float32")
    s = 1 / (1 + mp.exp(-20))
    expected = (mp.log(1 / (2 * s)) + mp.log(1 / (2 * (1 - s)))) / 2
    assert number(expected) == pytest.approx(9.307, abs=1e-3)
    close(xp, relative_entropy(Logits(p), Logits(q)), expected, 1e-6)


def test_categorical_logits_0_against_minus_200_in_float32(xp: Backend) -> None:
    # torch.distributions says inf
    p, q = xp.array([0.0, 0.0], "float32"), xp.array([0.0, -200.0], "float32")
    expected = 100 - mp.log(2) + mp.log1p(mp.exp(-200))
    assert number(expected) == pytest.approx(99.3, abs=0.01)
    close(xp, relative_entropy(Logits(p), Logits(q)), expected, 1e-6)


def test_bernoulli_half_against_1e_minus_20(xp: Backend) -> None:
    # torch.distributions says 17.3: it clamps probabilities at the rounding unit
    p, q = xp.array([0.5, 0.5]), xp.array([1e-20, 1.0])
    with truth.digits(60):
        expected = mp.log(mpf(0.5) / mpf(1e-20)) / 2 + mp.log(mpf(0.5)) / 2
    assert number(expected) == pytest.approx(22.3, abs=0.05)
    close(xp, relative_entropy(p, q), expected, 1e-14)


def test_nothing_is_clipped_at_1e_minus_7(xp: Backend) -> None:
    # Keras clips both sides to [1e-7, 1]: 7.37 in each case
    one, half = xp.array([0.5, 0.5]), xp.array([1e-12, 1 - 1e-12])
    assert number(relative_entropy(one, xp.array([0.0, 1.0]))) == INF
    expected = truth.relative_entropy(
        truth.distribution("Probs", [0.5, 0.5]), truth.distribution("Probs", [1e-12, 1 - 1e-12])
    )
    assert number(expected) == pytest.approx(13.1, abs=0.1)
    close(xp, relative_entropy(one, half), expected, 1e-13)


def test_heavy_tail_over_a_million_cells(xp: Backend) -> None:
    # Keras says 1.74 at such a vocabulary; here q falls so fast that most cells are below 1e-7
    size = 1_000_000
    q = np.full(size, 2.0**-43)
    q[0] = 1 - (size - 1) * 2.0**-43
    p = np.full(size, 2.0**-20)
    p[0] = 1 - (size - 1) * 2.0**-20
    with truth.digits(40):
        first = mpf(number(p[0])) * mp.log(mpf(number(p[0])) / mpf(number(q[0])))
        expected = first + (size - 1) * mpf(2) ** -20 * 23 * mp.log(2)
    assert number(expected) > 14
    close(xp, relative_entropy(xp.array(p), xp.array(q)), expected, 1e-12)


def test_logits_with_one_sided_infinity_are_log_2(xp: Backend) -> None:
    for dtype, rtol in (("float64", 1e-15), ("float32", 1e-7)):
        p, q = xp.array([0.0, -INF], dtype), xp.array([0.0, 0.0], dtype)
        close(xp, relative_entropy(Logits(p), Logits(q)), mp.log(2), rtol)
        assert number(relative_entropy(Logits(q), Logits(p))) == INF


def test_log_space_shared_minus_infinity(xp: Backend) -> None:
    # F.kl_div, jax and optax say NaN
    p = xp.array([math.log(0.25), math.log(0.75), -INF])
    q = xp.array([math.log(0.5), math.log(0.5), -INF])
    expected = truth.relative_entropy([mpf(1) / 4, mpf(3) / 4], [mpf(1) / 2, mpf(1) / 2])
    close(xp, relative_entropy(LogProbs(p), LogProbs(q)), expected, 1e-13)
    assert number(relative_entropy(LogProbs(p), LogProbs(p))) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_inputs_give_exactly_zero(xp: Backend, dtype: str) -> None:
    # pytorch#51716: kl_div(p, p) != 0
    logits = xp.array(5 * rules.bell(3, 1000).reshape(10, 100), dtype)
    assert not np.any(xp.numpy(relative_entropy(Logits(logits), Logits(logits))))
    weights = 1 + (rules.integers(4, 1000) % np.uint64(50)).astype(float).reshape(10, 100)
    p = xp.array(weights / weights.sum(axis=1, keepdims=True), dtype)
    assert not np.any(xp.numpy(relative_entropy(p, p)))
    logs = xp.array(np.log(weights / weights.sum(axis=1, keepdims=True)), dtype)
    assert not np.any(xp.numpy(relative_entropy(LogProbs(logs), LogProbs(logs))))


@pytest.mark.parametrize("noise", [1e-2, 1e-3, 1e-4, 1e-6])
def test_summed_logits_in_float32_are_never_negative(xp: Backend, noise: float) -> None:
    # F.kl_div at 1e-4: 48.8 % of the rows negative, median relative error 30
    rows = [rules.noisy_logits("float32", size=2000, noise=noise, seed=50 + i) for i in range(16)]
    a, b = (np.stack(side) for side in zip(*rows, strict=True))
    got = xp.numpy(relative_entropy(Logits(xp.array(a, "float32")), Logits(xp.array(b, "float32"))))
    assert (got > 0).all()
    for row in (0, 7):
        with truth.digits(50):
            p, q = truth.distribution("Logits", a[row]), truth.distribution("Logits", b[row])
            assert truth.relative_error(got[row], truth.relative_entropy(p, q)) <= 1e-5


def test_bfloat16_near_equality(xp: Backend) -> None:
    # bfloat16 native at a true value of .005: median relative error 1.1, 25 of 64 rows negative
    rows = [rules.noisy_logits("bfloat16", size=512, noise=0.1, seed=90 + i) for i in range(8)]
    a, b = (np.stack(side) for side in zip(*rows, strict=True))
    value = relative_entropy(Logits(xp.array(a, "bfloat16")), Logits(xp.array(b, "bfloat16")))
    assert xp.dtype_of(value) == "float32"
    for i, got in enumerate(xp.numpy(value)):
        with truth.digits(40):
            p, q = truth.distribution("Logits", a[i]), truth.distribution("Logits", b[i])
            assert truth.relative_error(got, truth.relative_entropy(p, q)) <= 1e-5


def test_one_value_a_row_and_no_hidden_mean(xp: Backend) -> None:
    # batchmean divides by size(0) only; reduction="mean" is not a relative entropy
    logits = rules.bell(5, 4 * 7 * 10).reshape(4, 7, 10)
    p, q = xp.array(logits), xp.array(logits[::-1].copy())
    got = relative_entropy(Logits(p), Logits(q))
    assert tuple(got.shape) == (4, 7)
    single = relative_entropy(Logits(p[2, 3]), Logits(q[2, 3]))
    np.testing.assert_allclose(xp.numpy(got)[2, 3], number(single), rtol=1e-13)


def test_probabilities_are_never_silently_rescaled(xp: Backend) -> None:
    # scipy#12553: scipy.stats.entropy normalises whatever comes
    p, q = xp.array([0.5, 0.6]), xp.array([0.5, 0.5])
    if xp.name == "numpy":
        with pytest.raises(ValueError, match=r"^p .*1\.1"):
            relative_entropy(p, q)
    else:
        assert math.isnan(number(relative_entropy(p, q)))
    with pytest.raises(ValueError, match=r"^p .*1\.1"):
        relative_entropy(Probs(p, validate=True), q)


def test_a_nan_is_never_swallowed(xp: Backend) -> None:
    # jax#38262: rel_entr(NaN, ...) is inf
    p, q = xp.array([math.nan, 0.5]), xp.array([0.5, 0.5])
    if xp.name == "numpy":
        with pytest.raises(ValueError, match="NaN"):
            relative_entropy(p, q)
    else:
        assert math.isnan(number(relative_entropy(p, q)))
        assert math.isnan(number(relative_entropy(q, p)))
        assert math.isnan(number(relative_entropy(Logits(p), Logits(q))))


def test_two_directions_of_one_pair_differ(xp: Backend) -> None:
    p, q = xp.array([0.5, 0.5]), xp.array([0.9, 0.1])
    forward, reverse = number(relative_entropy(p, q)), number(relative_entropy(q, p))
    assert forward == pytest.approx(0.5 * math.log(0.25 / 0.09), rel=1e-14)
    assert reverse == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2), rel=1e-14)
    assert abs(forward - reverse) > 0.1


def test_logits_beyond_the_dtype_give_infinity(xp: Backend) -> None:
    a, b = xp.array([3e38, 0.0], "float32"), xp.array([-3e38, 3e38], "float32")
    assert number(relative_entropy(Logits(a), Logits(b))) == INF
