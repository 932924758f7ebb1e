"""The formula by parts, in one process: however a row is cut, value and gradients are the same."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from relentropy import _array
from relentropy.exact import shards
from tests import truth
from tests.backends import Backend, number
from tests.sharded import cases
from tests.tables import reading

EAGER = ("numpy", "torch")


@pytest.fixture(params=EAGER)
def eager(request: pytest.FixtureRequest) -> Backend:
    """The frameworks that compile nothing."""
    return request.getfixturevalue(f"{request.param}_backend")


def cuts(cells: int) -> dict[str, Sequence[int]]:
    """Where parts begin, the end included."""
    return {
        "one part": (0, cells),
        "halves": (0, (cells + 1) // 2, cells),
        "an empty part": (0, 1, 1, cells),
        "single cells": (*range(min(cells, 6)), cells),
    }


def facts(a: Any, b: Any, cut: Sequence[int]) -> Any:
    xp = _array.namespace(a)
    parts = [shards.part(a[:, i:j], b[:, i:j]) for i, j in pairwise(cut)]
    return shards.whole(xp.stack(parts))


@pytest.mark.parametrize("how", cuts(2))
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_rows_of_the_table(eager: Backend, dtype: str, how: str) -> None:
    logs = ("Logits", "LogProbs")
    rows = [row for row in reading.small(dtype=dtype) if all(k in logs for k in row["kinds"])]
    assert len(rows) > 50
    complaints = []
    for group in reading.groups(rows):
        a, b = (eager.array([row[side] for row in group], dtype) for side in "pq")
        with np.errstate(all="ignore"):
            values = facts(a, b, cuts(a.shape[-1])[how])[:, 0]
        wide = eager.dtype_of(values)
        complaints += [
            reading.complaint(row, number(value), eager, wide)
            for row, value in zip(group, values, strict=True)
        ]
    wrong = [c for c in complaints if c]
    assert not wrong, "\n".join(wrong)


def exactly(a: Sequence[float], b: Sequence[float]) -> tuple[float, list[float], list[float]]:
    """D and both gradients by their definition, where D = +inf by convention."""
    P, Q = truth.distribution("Logits", a), truth.distribution("Logits", b)
    D = truth.relative_entropy(P, Q)
    by_a = [
        x * (mp.log(x / y) - D) if x and mp.inf != D else mpf(0) for x, y in zip(P, Q, strict=True)
    ]
    return number(D), [number(s) for s in by_a], [number(y - x) for x, y in zip(P, Q, strict=True)]


@pytest.mark.parametrize("how", cuts(2))
@pytest.mark.parametrize("name", [name for name in cases.NAMES if name not in cases.INVALID])
def test_value_and_gradients_against_mpmath(eager: Backend, name: str, how: str) -> None:
    p, q = cases.table()[name]
    a, b = (eager.array(x[None]) for x in (p, q))
    with truth.digits(1000), np.errstate(all="ignore"):
        d, by_a, by_b = exactly(p, q)
        known = facts(a, b, cuts(cases.K)[how])
        slopes = shards.slopes(a, b, known)
    np.testing.assert_allclose(eager.numpy(known)[0, 0], d, rtol=1e-13)
    for found, expected in zip(slopes, (by_a, by_b), strict=True):
        largest = np.abs(expected).max()
        np.testing.assert_allclose(
            eager.numpy(found)[0], expected, rtol=1e-12, atol=1e-14 * largest + 1e-30
        )
