"""Two small heads, as NumPy arrays in float64, and what they say, logits of all tokens made."""

from typing import NamedTuple

import mpmath
import numpy as np
import pytest

TOKENS, VOCABULARY = 7, 23


class Heads(NamedTuple):
    hidden_p: np.ndarray
    weight_p: np.ndarray
    hidden_q: np.ndarray
    weight_q: np.ndarray
    bias_p: np.ndarray
    bias_q: np.ndarray


@pytest.fixture
def heads() -> Heads:
    """Of different numbers of features; cell 3 is ruled out in both."""
    rng = np.random.default_rng(5)
    bias_p, bias_q = rng.normal(size=(2, VOCABULARY))
    bias_p[3] = bias_q[3] = -np.inf
    return Heads(
        rng.normal(size=(TOKENS, 6)),
        rng.normal(size=(VOCABULARY, 6)),
        rng.normal(size=(TOKENS, 4)),
        rng.normal(size=(VOCABULARY, 4)),
        bias_p,
        bias_q,
    )


def logits(hidden, weight, bias=None, temperature=1.0, softcap=None) -> np.ndarray:
    """Of all tokens, by NumPy; -inf stays."""
    z = hidden @ weight.T + (0 if bias is None else bias)
    if softcap is not None:
        z = np.where(z == -np.inf, z, softcap * np.tanh(z / softcap))
    return z / temperature


def probabilities(row: np.ndarray) -> list[mpmath.mpf]:
    with mpmath.workdps(40):
        weights = [mpmath.exp(mpmath.mpf(float(x))) for x in row]
        total = mpmath.fsum(weights)
        return [w / total for w in weights]


def divergence(p: list[mpmath.mpf], q: list[mpmath.mpf]) -> float:
    """Σ p log(p/q), by its definition, in 40 digits."""
    with mpmath.workdps(40):
        if any(x > 0 and y == 0 for x, y in zip(p, q, strict=True)):
            return float("inf")
        return float(mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(p, q, strict=True) if x > 0))


def entropy(p: list[mpmath.mpf]) -> float:
    with mpmath.workdps(40):
        return float(-mpmath.fsum(x * mpmath.log(x) for x in p if x > 0))


def mixture(p: list[mpmath.mpf], q: list[mpmath.mpf], w: float) -> list[mpmath.mpf]:
    with mpmath.workdps(40):
        return [w * x + (1 - w) * y for x, y in zip(p, q, strict=True)]
