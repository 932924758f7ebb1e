"""The verb: what it returns, for which input, and what it says otherwise."""

import dataclasses
import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from relentropy import Counts, LogProbs, Probs, estimate, relative_entropy
from relentropy.methods.estimate import Estimate, both_ways
from tests.methods.populations import shifted_normal, zipf

OFS = ["relative_entropy", "jeffreys", "jensen_shannon"]
METHODS = ["auto", "zhang-grabchak", "jeffreys", "plug-in"]
X, Y = [30, 50, 20, 4], [240, 410, 250, 60]


def sample(seed, cells=30, n=200, m=300):
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, rng.dirichlet(np.ones(cells))), rng.multinomial(
        m, rng.dirichlet(np.ones(cells))
    )


@pytest.mark.parametrize("of", OFS)
@pytest.mark.parametrize("method", METHODS)
def test_fields(of, method):
    e = estimate(Counts(X), Counts(Y), of=of, method=method, confidence=0.9)
    low, high = e.interval
    assert isinstance(e.value, float)
    assert 0 <= low <= e.value <= high < math.inf
    assert e.standard_error > 0
    assert (e.of, e.confidence) == (of, 0.9)
    assert e.method == ("zhang-grabchak" if method == "auto" else method)
    d = e.diagnostics
    assert d["sample_sizes"] == (104, 960)
    assert d["cells"] == 4
    assert not d["infinite"]
    assert d["noise_floor"] > 0
    assert 0 < d["p_value"] < 1
    assert d["regime"] in {"dense", "sparse", "very sparse"}
    assert d["reason"].endswith(".")


def test_is_frozen():
    e = estimate(Counts(X), Counts(Y))
    with pytest.raises(dataclasses.FrozenInstanceError):
        e.value = 1.0


@pytest.mark.parametrize("of", OFS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_contributions_sum_to_the_value(of, method, seed):
    x, y = sample(seed)
    if method == "plug-in":
        x, y = x + 1, y + 1
    e = estimate(Counts(x), Counts(y), of=of, method=method, rng=seed)
    contributions = e.diagnostics["contributions"]
    assert contributions.shape == x.shape
    assert math.isclose(contributions.sum(), e.value, rel_tol=1e-12, abs_tol=1e-15)


def test_the_cells_to_blame_contribute_most():
    y = np.full(50, 1000)
    x = y.copy()
    x[7], x[31] = 1500, 500
    e = estimate(Counts(x), Counts(y), rng=0)
    assert set(np.argsort(e.diagnostics["contributions"])[-2:]) == {7, 31}


def test_plug_in_is_the_exact_value_of_the_frequencies():
    exact = float(relative_entropy(Counts(X), Counts(Y)))
    e = estimate(Counts(X), Counts(Y), method="plug-in")
    assert math.isclose(e.value, exact, rel_tol=1e-13)
    assert math.isclose(e.diagnostics["plug_in"], exact, rel_tol=1e-13)


def test_a_cell_missing_from_q_is_reported_and_the_estimate_finite():
    e = estimate(Counts([50, 40, 10]), Counts([60, 40, 0]), rng=0)
    d = e.diagnostics
    assert d["infinite"]
    assert d["plug_in"] == math.inf
    assert d["unseen_mass"] == 0.1
    assert d["expected_unseen_mass"] < 0.001
    assert 0 < e.interval[0] < e.value < e.interval[1] < math.inf
    assert "infinite" in e.summary()
    plug_in = estimate(Counts([50, 40, 10]), Counts([60, 40, 0]), method="plug-in", rng=0)
    assert plug_in.value == plug_in.interval[1] == math.inf
    assert 0 < plug_in.interval[0] < math.inf


@pytest.mark.parametrize("of", OFS)
def test_identical_samples(of):
    e = estimate(
        Counts([10**6, 2 * 10**6, 3 * 10**6]), Counts([10**6, 2 * 10**6, 3 * 10**6]), of=of
    )
    assert e.value == 0
    assert not e.diagnostics["contributions"].any()
    assert e.interval[0] == 0
    assert 0 < e.interval[1] < 1e-5
    assert e.diagnostics["p_value"] == 1


@pytest.mark.parametrize("of", OFS)
def test_disjoint_samples(of):
    e = estimate(Counts([50, 50, 0, 0]), Counts([0, 0, 70, 30]), of=of, rng=0)
    assert math.isfinite(e.value)
    assert e.value > 0.5
    assert 0 < e.interval[0] < e.interval[1] < math.inf
    assert e.diagnostics["p_value"] < 1e-6
    assert e.diagnostics["unseen_mass"] == 1


@pytest.mark.parametrize("of", OFS)
def test_one_cell(of):
    e = estimate(Counts([500]), Counts([200]), of=of)
    assert (e.value, e.interval[0], e.diagnostics["p_value"]) == (0, 0, 1)
    assert 0 < e.interval[1] < 0.05
    if of == "relative_entropy":
        # The mass r of a second cell of Q, unseen in 200 observations: (1-r)^200 = 5 %.
        assert math.isclose(e.interval[1], -math.log(0.05) / 200)


@pytest.mark.parametrize("of", OFS)
@pytest.mark.parametrize("method", METHODS)
def test_huge_counts(of, method):
    x, y = np.array([10**12, 3 * 10**12, 7]), np.array([2 * 10**12, 2 * 10**12, 9])
    e = estimate(Counts(x), Counts(y), of=of, method=method, rng=0)
    truth = float(relative_entropy(np.array([0.25, 0.75]), np.array([0.5, 0.5])))
    if of == "relative_entropy":
        assert math.isclose(e.value, truth, rel_tol=1e-9)
    assert e.interval[0] > 0
    assert e.interval[1] - e.interval[0] < 1e-4


def test_single_observations():
    e = estimate(Counts([1, 0]), Counts([0, 1]), rng=0)
    assert math.isfinite(e.value)
    assert e.interval[0] == 0
    assert e.diagnostics["p_value"] > 0.3


def test_cells_empty_on_both_sides_change_nothing():
    x, y = sample(1)
    padded = [np.concatenate([[0, 0], c, [0]]) for c in (x, y)]
    plain, more = estimate(Counts(x), Counts(y), rng=5), estimate(*map(Counts, padded), rng=5)
    assert (more.value, more.interval) == (plain.value, plain.interval)
    assert more.diagnostics["cells"] == plain.diagnostics["cells"]
    kept = more.diagnostics["contributions"][2:-1]
    assert np.array_equal(kept, plain.diagnostics["contributions"])


def test_the_order_of_cells_does_not_matter():
    x, y = sample(2, cells=5, n=500, m=700)
    order = np.array([3, 1, 4, 0, 2])
    first, second = estimate(Counts(x), Counts(y)), estimate(Counts(x[order]), Counts(y[order]))
    assert math.isclose(first.value, second.value, rel_tol=1e-12)
    np.testing.assert_allclose(
        first.diagnostics["contributions"][order], second.diagnostics["contributions"], rtol=1e-9
    )


def test_labels_align():
    p, q = Counter(a=30, b=50, c=20), Counter(c=25, a=35, d=40)
    by_hand = estimate(Counts([30, 50, 20, 0]), Counts([35, 0, 25, 40]), rng=0)
    for left, right in ((p, q), (Counts(p), Counts(q)), (pd.Series(p).pipe(Counts), q)):
        e = estimate(left, right, rng=0)
        assert math.isclose(e.value, by_hand.value, rel_tol=1e-12)
        assert e.diagnostics["cells"] == 4


def test_batches():
    rng = np.random.default_rng(0)
    x = rng.multinomial(300, np.full(6, 1 / 6), size=(2, 3))
    y = rng.multinomial(500, [0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    e = estimate(Counts(x), Counts(y))
    assert e.value.shape == e.interval[0].shape == e.standard_error.shape == (2, 3)
    assert e.diagnostics["contributions"].shape == (2, 3, 6)
    row = estimate(Counts(x[1, 2]), Counts(y))
    assert e.row((1, 2)).value == row.value
    assert e.row((1, 2)).interval == row.interval
    assert e.row((1, 2)).summary() == row.summary()
    assert len(e.summary().splitlines()) == 6
    assert "shape (2, 3)" in repr(e)


def test_an_empty_batch():
    e = estimate(Counts(np.zeros((0, 3), int)), Counts([1, 2, 3]))
    assert e.value.shape == e.interval[0].shape == (0,)


def test_both_ways_is_three_estimates():
    for seed, (n, m) in enumerate([(40, 50), (3000, 100)]):
        x, y = (Counts(c) for c in sample(seed, n=n, m=m))
        pair = both_ways(x, y, rng=3)
        for got, args, of in (
            (pair.forward, (x, y), "relative_entropy"),
            (pair.backward, (y, x), "relative_entropy"),
            (pair.jensen_shannon, (x, y), "jensen_shannon"),
        ):
            alone = estimate(*args, of=of, rng=3)
            assert got.value == pytest.approx(alone.value, rel=1e-12)
            assert got.of == of
            assert got.interval == pytest.approx(alone.interval, rel=0.3, abs=0.02)
        p_values = {e.diagnostics["p_value"] for e in pair}
        assert len(p_values) == 1


def test_jensen_shannon_and_jeffreys_are_symmetric():
    x, y = (Counts(c) for c in sample(7))
    for of in ("jensen_shannon", "jeffreys"):
        forward, backward = estimate(x, y, of=of, rng=1), estimate(y, x, of=of, rng=1)
        assert math.isclose(forward.value, backward.value, rel_tol=1e-9)


def test_fresh_seed_is_recorded_and_repeats_the_result():
    x, y = (Counts(c) for c in sample(3, n=60, m=60))
    first = estimate(x, y)
    again = estimate(x, y, rng=first.diagnostics["seed"])
    assert again.diagnostics["p_value"] == first.diagnostics["p_value"]
    assert again.interval == first.interval
    generator = estimate(x, y, rng=np.random.default_rng(first.diagnostics["seed"]))
    assert generator.diagnostics["p_value"] == first.diagnostics["p_value"]


def test_no_randomness_where_cells_are_dense():
    assert "seed" not in estimate(Counts(Y), Counts(Y)).diagnostics


def test_global_random_state_is_left_alone():
    x, y = sample(3, n=60, m=60)
    before = np.random.get_state()[1].copy()
    estimate(Counts(x), Counts(y))
    assert np.array_equal(before, np.random.get_state()[1])


def test_summary_says_it_in_words():
    p, q = shifted_normal(20, 0.3)
    e = estimate(Counts(np.round(p * 1e4).astype(int)), Counts(np.round(q * 9e3).astype(int)))
    text = e.summary()
    for part in ("nats", "95 % interval", "Zhang–Grabchak", "n = ", "m = 9,000", "drift", "p = "):
        assert part in text
    assert f"{e.value:.4g}" in text
    assert repr(e).startswith("Estimate(0.0")


class TestChoice:
    def test_dense(self):
        e = estimate(Counts([500, 500]), Counts([400, 600]))
        assert (e.method, e.diagnostics["regime"]) == ("zhang-grabchak", "dense")

    def test_very_sparse_and_far_apart_is_smoothed(self):
        rng = np.random.default_rng(0)
        p = rng.permutation(zipf(100))
        q = rng.permutation(zipf(100))
        e = estimate(Counts(rng.multinomial(100, p)), Counts(rng.multinomial(100, q)), rng=0)
        assert (e.method, e.diagnostics["regime"]) == ("jeffreys", "very sparse")
        assert "clearly differ" in e.diagnostics["reason"]

    def test_very_sparse_without_drift_is_not_smoothed(self):
        # evidently 0.7.23 reports 5.55 nats here.
        rng = np.random.default_rng(0)
        x, y = rng.multinomial(10_000, np.full(10_000, 1e-4), size=2)
        e = estimate(Counts(x), Counts(y), rng=0)
        assert e.method == "zhang-grabchak"
        assert e.value < 0.02
        assert e.interval[0] == 0


class TestErrors:
    def test_unknown_names_list_what_exists(self):
        with pytest.raises(LookupError, match="'jensen_shannon'"):
            estimate(Counts(X), Counts(Y), of="renyi")
        with pytest.raises(LookupError, match=r"'zhang-grabchak'.*'knn'"):
            estimate(Counts(X), Counts(Y), method="knn")

    @pytest.mark.parametrize("other", [Probs([0.2, 0.8]), LogProbs([-0.7, -0.7]), [0.5, 0.5]])
    def test_only_counts(self, other):
        with pytest.raises(LookupError, match=r"q is .*Counts"):
            estimate(Counts([1, 2]), other)
        with pytest.raises(LookupError, match=r"p is .*Counts"):
            estimate(other, Counts([1, 2]))

    def test_integers_are_told_to_be_counts(self):
        with pytest.raises(TypeError, match=r"Counts\(\.\.\.\)"):
            estimate([1, 2], [3, 4])

    @pytest.mark.parametrize("zeros", [[0, 0], [0.0, 0.0]])
    def test_empty_samples(self, zeros):
        with pytest.raises(ValueError, match="p is an empty sample"):
            estimate(Counts(zeros), Counts([1, 2]))
        with pytest.raises(ValueError, match="q is an empty sample"):
            estimate(Counts([1, 2]), Counts(zeros))

    def test_empty_row_of_a_batch_is_named(self):
        with pytest.raises(ValueError, match=r"row \[1\]"):
            estimate(Counts([[1, 2], [0, 0]]), Counts([1, 2]))

    @pytest.mark.parametrize("bad", [[1.0, -2.0], [1.5, 2.0], [math.nan, 1.0], [math.inf, 1.0]])
    def test_not_whole(self, bad):
        with pytest.raises(ValueError, match="p must hold whole numbers"):
            estimate(Counts(bad), Counts([1, 2]))
        with pytest.raises(ValueError, match="q must hold whole numbers"):
            estimate(Counts([1, 2]), Counts(bad))

    def test_lengths(self):
        with pytest.raises(ValueError, match="p has 2 cells and q has 3"):
            estimate(Counts([1, 2]), Counts([1, 2, 3]))

    @pytest.mark.parametrize("confidence", [0, 1, 95, -0.5, math.nan])
    def test_confidence(self, confidence):
        with pytest.raises(ValueError, match=r"type 0\.95"):
            estimate(Counts(X), Counts(Y), confidence=confidence)

    @pytest.mark.parametrize("rng", ["seed", 0.5, np.random.RandomState(0)])
    def test_rng(self, rng):
        with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
            estimate(Counts(X), Counts(Y), rng=rng)

    def test_both_ways_takes_one_row(self):
        with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
            both_ways(Counts([[1, 2], [3, 4]]), Counts([1, 2]))

    def test_torch_counts(self, torch_backend):
        with pytest.raises(TypeError, match=r"torch.*\.numpy\(\)"):
            estimate(Counts(torch_backend.array([1, 2], "int64")), Counts([1, 2]))

    def test_jax_counts(self, jax_backend):
        with pytest.raises(TypeError, match=r"numpy\.asarray"):
            estimate(Counts([1, 2]), Counts(jax_backend.array([1, 2], "int64")))


def test_estimate_is_public():
    import relentropy

    assert relentropy.estimate is estimate
    assert relentropy.Estimate is Estimate
