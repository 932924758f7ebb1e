"""Kernels on, whatever the size, and a record of what they answered."""

from typing import Any

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
