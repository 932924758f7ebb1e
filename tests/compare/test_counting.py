"""Bins: exact counts, whatever the shape of the data; nothing odd is lost."""

import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from relentropy.compare import binning, tables
from relentropy.compare.counting import Micro

N = 20_000


def bits(a: Any, b: Any, **more: Any) -> Any:
    result = tables(pl.DataFrame({"x": a}), pl.DataFrame({"x": b}), **more)
    return result["x"]


def normals(shift: float = 1.0, seed: int = 0, n: int = N) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, n), rng.normal(shift, 1, n)


def holds(column: Any, truth_nats: float) -> bool:
    """The interval, widened by the stated loss of the bins, holds the truth."""
    low, high = column.current_from_reference.interval
    return bool(low <= truth_nats / math.log(2) <= high + column.resolution_loss)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x + 1e6,
        lambda x: 1e-9 * x - 3e-7,
        lambda x: 1e12 * x,
        np.exp,
        lambda x: np.exp(3 * x),
        lambda x: -np.exp(2 * x) + 1e6,
        lambda x: 1e200 * x,
        lambda x: 1e-200 * x,
    ],
    ids=["plain", "offset", "tiny", "huge", "lognormal", "heavier", "mirrored", "1e200", "1e-200"],
)
def test_a_change_of_variable_changes_nothing(change: Any) -> None:
    a, b = normals()
    plain = bits(a, b).current_from_reference.finite_value
    column = bits(change(a), change(b))
    assert holds(column, 0.5)
    assert column.current_from_reference.finite_value == pytest.approx(plain, rel=0.03)
    assert column.drifted


@pytest.mark.parametrize("outlier", [1e4, -1e4, 1e300, -1e300, 1.7e308])
def test_one_outlier_changes_nothing(outlier: float) -> None:
    a, b = normals()
    a[0] = b[0] = outlier
    assert holds(bits(a, b), 0.5)


def test_both_ends_of_the_floats() -> None:
    a, b = normals()
    a[:4] = b[:4] = [1.7e308, -1.7e308, 5e-324, -5e-324]
    assert holds(bits(a, b), 0.5)


def test_two_narrow_peaks_far_apart() -> None:
    """The spread of the whole says nothing of the peaks: they are looked at again, finer."""
    a, b = normals(1.0)
    half = np.arange(N) % 2
    column = bits(1e-5 * a + half, 1e-5 * b + half)
    assert holds(column, 0.5)
    assert column.current_from_reference.finite_value > 0.65


def test_a_peak_at_zero_beside_a_broad_rest() -> None:
    rng = np.random.default_rng(3)
    dry = rng.random(N)
    rain = rng.gamma(0.5, 1, N)
    a, b = np.where(dry < 0.7, 0.0, rain), np.where(dry < 0.6, 0.0, rain)
    column = bits(a, b)
    (zero,) = (c for c in column.contributions if c.cell.split(" to ")[0] == "0")
    assert zero.reference_mass == pytest.approx(np.mean(a == 0), abs=2e-4)
    assert zero.current_mass == pytest.approx(np.mean(b == 0), abs=2e-4)
    truth = 0.6 * math.log(0.6 / 0.7) + 0.4 * math.log(0.4 / 0.3)
    assert holds(column, truth)


def test_missing_nan_and_infinite_are_cells_of_their_own() -> None:
    a = [1.0, 2.0, None, math.nan, math.inf, -math.inf, -math.inf, 1e308] * 50
    b = [1.0, 2.0, None, None, math.nan, math.inf, math.inf, 1e308] * 50
    column = bits(a, b)
    cells = {bar.cell: (bar.reference_mass, bar.current_mass) for bar in column.histogram}
    assert cells == {
        "1": (1 / 8, 1 / 8),
        "2": (1 / 8, 1 / 8),
        "1e+308": (1 / 8, 1 / 8),
        "(-infinity)": (2 / 8, 0),
        "(infinity)": (1 / 8, 2 / 8),
        "(not a number)": (1 / 8, 1 / 8),
        "(missing)": (1 / 8, 2 / 8),
    }
    assert column.missing == (1 / 8, 2 / 8)


def test_half_missing_on_one_side_is_drift() -> None:
    a, b = normals(0.0)
    b = [None if i % 2 else float(v) for i, v in enumerate(b)]
    column = bits(a, b)
    assert column.drifted
    assert column.current_from_reference.infinite
    assert column.current_from_reference.unseen_mass == 0.5
    assert column.contributions[0].cell == "(missing)"


def test_few_valued_numbers_keep_their_values() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.int64, np.float32):
        a, b = (rng.integers(0, 12, N).astype(dtype) for _ in range(2))
        column = bits(a, b)
        assert [bar.cell for bar in column.histogram] == [str(i) for i in range(12)]
        assert column.resolution is None
        assert column.resolution_loss == 0
        assert not column.drifted


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64, np.float32])
def test_every_kind_of_number(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 100, N).astype(dtype), rng.integers(0, 100, N).astype(dtype)
    column = bits(a, b)
    assert not column.drifted
    assert sum(bar.reference_mass for bar in column.histogram) == pytest.approx(1)


def test_decimals_and_durations() -> None:
    a, b = (np.round(v, 2) for v in normals())
    plain = bits(a, b)
    decimal = bits(*([Decimal(f"{x:.2f}") for x in v] for v in (a, b)))
    assert holds(plain, 0.5)
    assert decimal.histogram == plain.histogram
    seconds = [pl.Series((v * 1e6).round().astype("i8")).cast(pl.Duration("us")) for v in (a, b)]
    assert bits(*seconds).histogram == plain.histogram


def test_large_integers_do_not_collapse() -> None:
    a, b = normals()
    base = 1_700_000_000_000
    column = bits(*(base + (1000 * v).astype("i8") for v in (a, b)))
    assert holds(column, 0.5)


def test_counts_are_exact_and_independent_of_the_order() -> None:
    a, b = normals()
    first = bits(a, b)
    rng = np.random.default_rng(1)
    assert bits(rng.permutation(a), rng.permutation(b)) == first
    edges = [float(bar.cell.split(" to ")[-1]) for bar in first.histogram[:-1]]
    shares = [bar.reference_mass for bar in first.histogram]
    for i, edge in enumerate(edges):
        # The label is rounded; the share up to it is exact within what the rounding moves.
        assert sum(shares[: i + 1]) == pytest.approx(np.mean(a <= edge), abs=0.002)


def test_number_of_bins_follows_the_rows() -> None:
    assert binning.target_cells((10**6, 10**6), 100) == 100
    assert binning.target_cells((1000, 1000), 100) == 31
    assert binning.target_cells((1000, 10**9), 100) == binning.target_cells((2000, 2000), 100)
    assert binning.target_cells((50, 0), 100) == 8
    assert binning.target_cells((10**6, 10**6), 20) == 20


def test_more_bins_show_more() -> None:
    """Data processing: merging only lowers D, and the stated loss bounds by how much."""
    a, b = normals(1.0, n=200_000)
    values = []
    for count in (10, 20, 50, 100):
        column = bits(a, b, bins=count)
        values.append(column.current_from_reference.finite_value)
        assert holds(column, 0.5)
    assert values == sorted(values)
    # The published resolution of equal-mass bins at a true .5 nats: .479, .491, .4973, .4988.
    found = [value * math.log(2) for value in values]
    assert found == pytest.approx([0.479, 0.491, 0.4973, 0.4988], abs=0.006)


def test_merging_keeps_repeated_values_alone() -> None:
    micro = [Micro(1, 1, i, i + 0.5) for i in range(100)]
    micro[50] = Micro(100, 100, 50.0, 50.0)
    merged = binning.merge(micro, 10)
    assert sum(c.pooled for c in merged) == sum(c.pooled for c in micro)
    alone = [c for c in merged if c.low == c.high == 50.0]
    assert [c.pooled for c in alone] == [200]
    assert all(x.high < y.low for x, y in pairwise(merged))


def test_labels_tell_cells_apart() -> None:
    assert binning.range_labels([(0.0, 0.5), (0.6, 0.6), (1.0, 123456.789)]) == [
        "0 to 0.5",
        "0.6",
        "1 to 1.23e+05",
    ]
    near = [(1e6 + i / 10, 1e6 + i / 10 + 0.05) for i in range(10)]
    labels = binning.range_labels(near)
    assert len(set(labels)) == 10


def test_top_categories_are_chosen_pooled() -> None:
    """Chosen on the reference alone they would favour it, and invent drift."""
    rng = np.random.default_rng(0)
    a, b = ([f"v{v}" for v in rng.integers(0, 5000, N)] for _ in range(2))
    column = bits(a, b, top_categories=100)
    assert not column.drifted
    assert column.p_value > 0.001
    tail = column.histogram[-1]
    assert tail.cell.startswith("(other")
    kept = [c for c in column.contributions if c.cell.startswith("v")]
    assert kept
    named = tables(pl.DataFrame({"x": a}), pl.DataFrame({"x": b}), top_categories=100)["x"]
    assert named == column
    assert "100 most frequent" in (column.resolution or "")


def test_many_more_values_than_candidates() -> None:
    from relentropy.compare import counting

    rng = np.random.default_rng(0)
    n = 60_000
    many = counting.CANDIDATES * 3
    a = [f"v{v}" for v in np.r_[rng.integers(0, many, n), np.zeros(n // 3, int)]]
    b = [f"v{v}" for v in np.r_[rng.integers(0, many, n), np.ones(n // 3, int)]]
    column = bits(a, b)
    cells = {c.cell: c for c in column.contributions}
    for name in ("v0", "v1"):
        assert cells[name].reference_mass == pytest.approx(a.count(name) / len(a))
        assert cells[name].current_mass == pytest.approx(b.count(name) / len(b))
    assert column.drifted
    assert sum(bar.reference_mass for bar in column.histogram) == pytest.approx(1)
