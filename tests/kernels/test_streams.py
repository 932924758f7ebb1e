"""Rows of several blocks, against mpmath: joined by the chain rule, or handed on."""

import math

import mpmath
import numpy as np
import pytest

pytest.importorskip("numba")

from relentropy import Logits, jeffreys, jensen_shannon, relative_entropy
from relentropy.kernels import rows, streams
from tests.kernels.conftest import Record

CELLS = 2 * streams.BLOCK + 100


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(7)
    a = rng.normal(0, 3, CELLS)
    block = np.arange(CELLS) // streams.BLOCK
    noise = rng.normal(0, 1, CELLS)
    one = np.where(np.arange(CELLS) == 5, 1.0, 0.0)
    last = one[::-1]
    hidden = np.where(block == 0, -np.inf, 0.0)
    return {
        "far apart": (a, rng.normal(0, 3, CELLS)),
        "apart": (a, a + noise),
        "close": (a, a + 1e-3 * noise),
        "very close": (a, a + 1e-7 * noise),
        "equal": (a, a),
        "equal but for an offset": (a, a + 64.0),
        "close but for an offset": (a, a + 1000 + 1e-3 * noise),
        "each block by its own offset": (a, a + 1e-3 * noise + np.array([0.1, -3, 7])[block]),
        "blocks that grow": (a + 8 * block, a + 8 * block + 0.1 * noise),
        "blocks that grow apart": (a + 4 * block, a - 4 * block),
        "one cell has all": (a + 12 * last, a + 12 * last + 1e-3 * noise),
        # What follows is handed on.
        "weights that grow too much": (a + 40 * block, a + 40 * block + 0.1 * noise),
        "blocks far apart": (a, a + np.array([0.0, 50, -50])[block]),
        "a cell far away": (a, a - 100 * last),
        "a certain cell": (a + 1e4 * one, a),
        "a certain cell in both": (a + 1e4 * one, a + 1e4 * last),
        "a first block of nothing": (a + hidden, a + noise),
        "a first block of nothing in both": (a + hidden, a + noise + hidden),
        "a last block of nothing in Q": (a, a + hidden[::-1]),
    }


STREAMED = list(pairs())[:11]


def exact(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """D(P||Q), D(Q||P), and half of each to the mixture."""
    with mpmath.workdps(60):
        a, b = log_softmax(x), log_softmax(y)
        logs = list(zip(a, b, strict=True))
        mixture = [v + log_of_half(w - v) if v > -mpmath.inf else w - mpmath.ln2 for v, w in logs]
        to_mixture = (divergence(a, mixture) + divergence(b, mixture)) / 2
        return float(divergence(a, b)), float(divergence(b, a)), float(to_mixture)


def log_softmax(x: np.ndarray) -> list[mpmath.mpf]:
    numbers = [mpmath.mpf(float(v)) for v in x]
    total = mpmath.log(mpmath.fsum(map(mpmath.exp, numbers)))
    return [v - total for v in numbers]


def log_of_half(d: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log((1 + mpmath.exp(d)) / 2)


def divergence(a: list[mpmath.mpf], b: list[mpmath.mpf]) -> mpmath.mpf:
    kept = [(v, w) for v, w in zip(a, b, strict=True) if v > -mpmath.inf]
    return mpmath.fsum(mpmath.exp(v) * (v - w) for v, w in kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", pairs())
def test_values(kernels: Record, name: str, dtype: str) -> None:
    p, q = (x.astype(dtype) for x in pairs()[name])
    forth, back, to_mixture = exact(p, q)
    units = 8 * float(np.finfo(dtype).eps)
    p, q = Logits(p), Logits(q)
    assert relative_entropy(p, q) == pytest.approx(forth, rel=units, abs=0)
    assert jeffreys(p, q) == pytest.approx(forth + back, rel=units, abs=0)
    assert jensen_shannon(p, q) == pytest.approx(to_mixture, rel=units, abs=0)
    assert kernels.answered == 3


@pytest.mark.parametrize("name", pairs())
def test_who_answers(name: str) -> None:
    p, q = (x.astype("float32")[None] for x in pairs()[name])
    loop = rows.compiled("relative_entropy", p.dtype)
    out = np.empty(1, "float32")
    loop(p, q, (math.inf, math.inf), out, 0, 1)
    assert np.isnan(out[0]) == (name not in STREAMED)
