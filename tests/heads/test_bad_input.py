"""What does not belong together is refused, with what came and what to type."""

from typing import Any

import numpy as np
import pytest

from relentropy import linear_divergences, linear_relative_entropy
from tests.backends import Backend

H, W = np.zeros((5, 3)), np.zeros((11, 3))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((H, W.T, H, W), {}, ValueError, r"is it weight_p.T"),
        (
            (H, W, H, W[:, :2]),
            {},
            ValueError,
            r"hidden_q has shape \(5, 3\) and weight_q \(11, 2\)",
        ),
        ((H, W, H, W[:10]), {}, ValueError, r"cut it, \[:10\]"),
        ((H, W, H[:4], W), {}, ValueError, "both heads at the same tokens"),
        ((H, W[0], H, W), {}, ValueError, r"expected \(vocabulary, features\)"),
        ((H, W[:0], H, W[:0]), {}, ValueError, r"expected \(vocabulary, features\)"),
        ((H, W, H, W), {"bias_q": np.zeros(5)}, ValueError, r"expected \(11,\)"),
        ((H.astype(int), W, H, W), {}, TypeError, r"hidden_p.astype\(float\)"),
        ((H, W, H, "w"), {}, TypeError, "weight_q: cannot read str"),
        ((H, W, H, W), {"temperature": 0.0}, ValueError, "temperature is 0.0"),
        ((H, W, H, W), {"temperature": float("nan")}, ValueError, "temperature is nan"),
        ((H, W, H, W), {"softcap": -1.0}, ValueError, "softcap is -1.0"),
        ((H, W, H, W), {"direction": "backward"}, ValueError, "'forward', D"),
        ((H, W, H, W), {"chunk": 0}, ValueError, "at least 1 token"),
        ((H, W, H, W), {"chunk": 2.5}, TypeError, "a whole number of tokens"),
        ((H, W, H, W), {"base": 1}, ValueError, "base must be positive"),
        ((H + np.nan, W, H, W), {}, ValueError, "NaN"),
    ],
)
def test_relative_entropy(arguments: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        linear_relative_entropy(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"of": []}, ValueError, "expected some of 'relative_entropy'"),
        ({"of": ["entropy"]}, ValueError, "of is 'entropy'; expected some of"),
        ({"of": ["token_log_prob_p"]}, ValueError, "needs tokens="),
        ({"of": "entropy_p", "tokens": [1] * 5}, ValueError, "nothing in of is about them"),
        ({"of": "token_log_prob_p", "tokens": [1.0] * 5}, TypeError, "expected integers"),
        ({"of": "token_log_prob_p", "tokens": [1] * 4}, ValueError, r"expected \(5,\)"),
        ({"of": "token_log_prob_p", "tokens": [-100] * 5}, ValueError, "outside 0 ... 10"),
        ({"of": "jensen_shannon", "mixture_weight": 2.0}, ValueError, "weight must lie in"),
    ],
)
def test_divergences(options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        linear_divergences(H, W, H, W, **options)


def test_frameworks_are_not_mixed(torch_backend: Backend) -> None:
    with pytest.raises(TypeError, match="different frameworks"):
        linear_relative_entropy(H, W, torch_backend.array(H), W)


def test_devices_are_not_mixed(torch_backend: Backend) -> None:
    h, w = torch_backend.array(H), torch_backend.array(W)
    with pytest.raises(ValueError, match=r"weight_q is on meta and hidden_p on cpu.*weight_q.to"):
        linear_relative_entropy(h, w, h, w.to("meta"))


def test_other_frameworks(tinygrad_backend: Backend) -> None:
    h, w = tinygrad_backend.array(H), tinygrad_backend.array(W)
    with pytest.raises(TypeError, match="hidden_p takes arrays of NumPy, PyTorch or JAX"):
        linear_relative_entropy(h, w, h, w)
