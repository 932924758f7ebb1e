"""The entropy of multinomial counts, against its definition term by term."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from relentropy import Binomial, Multinomial, cross_entropy, entropy, relative_entropy
from tests.backends import Backend

CASES = {
    "a few draws": (5, [0.2, 0.3, 0.5]),
    "none": (0, [0.5, 0.5]),
    "one": (1, [0.2, 0.8]),
    "sixty": (60, [0.1, 0.2, 0.7]),
    "many": (2000, [0.01, 0.09, 0.9]),
    "a cell without probability": (7, [0.0, 0.5, 0.5]),
    "certain": (3, [1.0, 0.0]),
}


def exact(n: int, probs: list[float]) -> mp.mpf:
    """-log n! - n Σ p log p + Σ E[log X_i!], each X_i binomial."""
    with mp.workdps(60):
        total = mp.fsum(probs)
        p = [mp.mpf(v) / total for v in probs if v]
        each = (
            mp.binomial(n, k) * v**k * (1 - v) ** (n - k) * mp.log(mp.factorial(k))
            for v in p
            for k in range(n + 1)
        )
        return mp.fsum(each) - mp.log(mp.factorial(n)) - n * mp.fsum(v * mp.log(v) for v in p)


@pytest.mark.parametrize("case", CASES)
def test_entropy(eager: Backend, case: str) -> None:
    n, probs = CASES[case]
    value = entropy(Multinomial(eager.array(float(n)), eager.array(probs)))
    assert eager.is_native(value)
    assert float(value) == pytest.approx(float(exact(n, probs)), rel=1e-13, abs=1e-14)


def test_a_batch_and_logits(numpy_backend: Backend) -> None:
    cases = [CASES[name] for name in ("a few draws", "sixty")]
    n, probs = (np.array(x) for x in zip(*cases, strict=True))
    expected = [float(exact(*case)) for case in cases]
    np.testing.assert_allclose(entropy(Multinomial(n, probs)), expected, rtol=1e-13)
    value = entropy(Multinomial(n, logits=np.log(probs) + 3))
    np.testing.assert_allclose(value, expected, rtol=1e-13)


def test_of_two_cells_it_is_binomial(numpy_backend: Backend) -> None:
    two, one = entropy(Multinomial(1e6, [0.3, 0.7])), entropy(Binomial(1e6, 0.3))
    assert float(two) == pytest.approx(float(one), rel=1e-12)


def test_its_gradient(eager_autodiff: Backend) -> None:
    def of_logits(x: Any) -> Any:
        return entropy(Multinomial(0 * x[0] + 5.0, logits=x))

    logits, step = np.log([0.2, 0.3, 0.5]), 1e-5
    (slopes,) = eager_autodiff.gradient(of_logits, eager_autodiff.array(logits))
    for i, slope in enumerate(slopes):
        moved = [np.exp(logits + sign * step * (np.arange(3) == i)) for sign in (1, -1)]
        up, down = (float(exact(5, (x / x.sum()).tolist())) for x in moved)
        assert slope == pytest.approx((up - down) / (2 * step), abs=1e-8)


def test_cross_entropy_is_entropy_and_divergence(numpy_backend: Backend) -> None:
    p, q = Multinomial(5, [0.2, 0.3, 0.5]), Multinomial(5, [0.3, 0.3, 0.4])
    assert cross_entropy(p, q) == pytest.approx(entropy(p) + relative_entropy(p, q), rel=1e-15)
