"""Kernels on, whatever the size, and a record of what they answered."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from relentropy.kernels import door


class Record:
    """How often the kernels were asked and how often they answered."""

    def __init__(self) -> None:
        self.asked = self.answered = 0


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Record:
    monkeypatch.setenv(door.SWITCH, "1")
    record, answer = Record(), door.answer

    def recorded(*arguments: Any, **options: Any) -> Any:
        value = answer(*arguments, **options)
        record.asked += 1
        record.answered += value is not None
        return value

    monkeypatch.setattr(door, "answer", recorded)
    return record


def pairs_of_rows() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Logits of five rows of two blocks and a bit: apart, close, with -inf on either side."""
    rng = np.random.default_rng(3)
    a = rng.normal(0, 3, (5, 4100))
    masked = np.where(rng.random(a.shape) < 0.2, -np.inf, 0)
    certain = a.copy()
    certain[:, 7] = 200
    return {
        "apart": (a, rng.normal(0, 3, a.shape)),
        "close": (a, a + rng.normal(0, 1e-3, a.shape)),
        "offset": (a, a + 64),
        "masked alike": (a + masked, rng.normal(0, 3, a.shape) + masked),
        "masked in P": (a + masked, a),
        "masked in Q": (a, a + masked),
        "nearly certain": (certain, a),
        "far": (certain, np.roll(certain, 1, -1)),
    }
