"""The table of tests/discrete, by the kernels: the same rows, the same tolerances."""

from typing import Any

import numpy as np
import pytest

import relentropy
from tests.backends import FLOATS, Backend, number
from tests.discrete.test_table import compute, in_batches, judge, one_by_one, report
from tests.kernels.conftest import Record
from tests.tables import reading

by_dtype = pytest.mark.parametrize("dtype", FLOATS)


@pytest.fixture(params=["numpy", "torch"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.getfixturevalue(f"{request.param}_backend")


def enter(row: reading.Row) -> bool:
    kinds = set(row["kinds"])
    return kinds <= {"Logits", "LogProbs"} or kinds == {"Probs"}


def rows_that_enter(dtype: str) -> list[reading.Row]:
    return [row for row in reading.small(dtype=dtype) if enter(row)]


@by_dtype
def test_rows_one_by_one(kernels: Record, backend: Backend, dtype: str) -> None:
    rows = rows_that_enter(dtype)
    report(one_by_one(rows, backend))
    # What the kernel hands back: logits whose differences leave the dtype.
    assert kernels.asked == len(rows)
    assert kernels.answered >= kernels.asked - 1


@by_dtype
def test_rows_in_batches(kernels: Record, backend: Backend, dtype: str) -> None:
    report(in_batches(reading.groups(rows_that_enter(dtype)), backend))
    assert kernels.answered >= kernels.asked - 1


@by_dtype
def test_rows_filled_with_empty_cells(kernels: Record, backend: Backend, dtype: str) -> None:
    report(in_batches(reading.filled_groups(rows_that_enter(dtype), 70), backend))


def test_large_vocabularies(kernels: Record, backend: Backend) -> None:
    rows = [row for row in reading.large() if enter(row)]
    assert len({tuple(row["kinds"]) for row in rows}) > 1
    report(one_by_one(rows, backend))


def test_equal_rows_are_exactly_zero(kernels: Record, backend: Backend) -> None:
    rng = np.random.default_rng(0)
    for dtype in FLOATS:
        a = rng.normal(0, 3, (5, 3000))
        a[rng.random(a.shape) < 0.1] = -np.inf
        values = backend.array(a.tolist(), dtype)
        zeros = compute({"kinds": ["Logits", "Logits"]}, values, values)
        assert (backend.numpy(zeros) == 0).all()
    assert kernels.answered == len(FLOATS)


@by_dtype
@pytest.mark.parametrize("noise", [1.0, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("offset", [0.0, 1024.0])
def test_against_the_formulas_in_float64(
    kernels: Record,
    numpy_backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    noise: float,
    offset: float,
) -> None:
    """Every noise level, with a common offset and without, in rows longer than a block."""
    rng = np.random.default_rng(1)
    a = rng.normal(0, 3, (6, 5003))
    p, q = (numpy_backend.array(x.tolist(), dtype) for x in (a, a + rng.normal(0, noise, a.shape)))
    p = p + p.dtype.type(offset)
    value = relentropy.relative_entropy(relentropy.Logits(p), relentropy.Logits(q))
    assert kernels.answered == 1
    monkeypatch.setenv("RELENTROPY_KERNELS", "0")
    wide = [relentropy.Logits(x.astype("float64")) for x in (p, q)]
    truth = relentropy.relative_entropy(*wide)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(value, truth, rtol=tolerance, atol=0)


def test_far_rows(kernels: Record, numpy_backend: Backend) -> None:
    """Beyond the range of exp(D), D is the difference of the normalisers."""
    for row in rows_that_enter("float32")[:1]:
        a = numpy_backend.array([0.0, -500.0], "float32")
        b = numpy_backend.array([-500.0, 0.0], "float32")
        value = compute(row | {"kinds": ["Logits", "Logits"]}, a, b)
        assert number(value) == 500
        assert judge(row | {"truth": "500.0"}, value, numpy_backend) is None
    assert kernels.answered == 1


def inputs_in_batches() -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 4, 3, 300))
    return [
        (a, b[0]),
        (a, b[0, 0]),
        (a[0, 0], b),
        (a[:, :1], b[:1]),
        (a[::2], b[::2]),
        (a[..., ::2], b[..., ::2]),
        (np.broadcast_to(a[:1], a.shape), b),
        (np.asfortranarray(a), b),
        (a[0, 0], b[0, 0]),
    ]


@pytest.mark.parametrize("which", range(9))
def test_batch_axes_and_strides(
    kernels: Record, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    p, q = inputs_in_batches()[which]
    p.flags.writeable = False
    d = relentropy.relative_entropy(relentropy.Logits(p), relentropy.Logits(q), base=2)
    assert kernels.answered == 1
    monkeypatch.setenv("RELENTROPY_KERNELS", "0")
    truth = relentropy.relative_entropy(relentropy.Logits(p), relentropy.Logits(q), base=2)
    assert np.shape(d) == np.shape(truth)
    assert type(d) is type(truth)
    np.testing.assert_allclose(d, truth, rtol=1e-12)
