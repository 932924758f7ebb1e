"""No drift: p-values are valid, floors hold, and the traps of other tools are not ours."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from relentropy import Counts, estimate
from relentropy.methods import null
from relentropy.methods.estimate import both_ways
from tests.methods.populations import zipf


def no_drift(masses, n, m, runs, seed=0, **options):
    """Estimates of pairs of samples of one distribution."""
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        x, y = rng.multinomial(n, masses), rng.multinomial(m, masses)
        yield estimate(Counts(x), Counts(y), rng=rng, **options)


def p_values(masses, n, m, runs, seed=0):
    """As above, the test alone."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(runs):
        x, y = (rng.multinomial(size, masses).astype(float) for size in (n, m))
        seen = x + y > 0
        found.append(null.assess(x[seen], y[seen], (), lambda: rng).p_value)
    return np.array(found)


def within(rate, level, runs, sigmas=3.5):
    return abs(rate - level) < sigmas * math.sqrt(level * (1 - level) / runs)


def test_dense_p_value_is_pearsons():
    x, y = np.array([30, 50, 20]), np.array([240, 410, 250])
    e = estimate(Counts(x), Counts(y))
    assert e.diagnostics["p_value_method"] == "chi-square"
    truth = chi2_contingency(np.array([x, y]), correction=False).pvalue
    assert math.isclose(e.diagnostics["p_value"], truth, rel_tol=1e-10)


def test_sparse_p_value_is_the_exact_one():
    x, y = [9, 1], [4, 6]
    drawn = [estimate(Counts(x), Counts(y), rng=seed).diagnostics["p_value"] for seed in range(40)]
    truth = fisher_exact([x, y]).pvalue
    draws = null.MOST
    mean = (1 + draws * truth) / (1 + draws)  # of (1 + hits) / (1 + draws)
    assert abs(np.mean(drawn) - mean) < 4 * math.sqrt(truth * (1 - truth) / draws / len(drawn))


def test_a_fitted_tail_goes_below_the_number_of_draws():
    x, y = np.array([1, 60, 60, 60]), np.array([4, 160, 20, 20])
    d = estimate(Counts(x), Counts(y), rng=0).diagnostics
    assert "fitted tail" in d["p_value_method"]
    dense = chi2_contingency(np.array([x, y]), correction=False).pvalue
    assert 0.5 < math.log(d["p_value"]) / math.log(dense) < 1.5


def test_two_n_d_is_not_referred_to_chi_square():
    """2nD̂ against χ²(K-1) alarms in 72 % of samples without drift at n = m = 1,000, K = 20."""
    alarms = np.mean(p_values(np.full(20, 0.05), 1000, 1000, 4000) <= 0.05)
    assert within(alarms, 0.05, 4000)


def test_no_alarms_in_small_samples():
    """evidently's default raises one in 43 % of pairs of 100 observations without drift."""
    found = list(no_drift(np.full(8, 1 / 8), 100, 100, 500))
    assert within(np.mean([e.diagnostics["p_value"] <= 0.05 for e in found]), 0.05, 500)
    assert np.mean([e.interval[0] > 0 for e in found]) <= 0.05


@pytest.mark.parametrize(
    ("masses", "n", "m"),
    [
        (np.full(20, 0.05), 1000, 1000),
        (np.full(50, 0.02), 60, 400),
        (zipf(300), 200, 200),
    ],
    ids=["dense", "sparse", "zipf"],
)
def test_noise_floor_holds(masses, n, m):
    runs, confidence = 200, 0.8
    above = [
        e.value > e.diagnostics["noise_floor"]
        for e in no_drift(masses, n, m, runs, confidence=confidence)
    ]
    assert within(np.mean(above), 1 - confidence, runs)


@pytest.mark.exhaustive
@pytest.mark.parametrize("of", ["relative_entropy", "jeffreys", "jensen_shannon"])
@pytest.mark.parametrize("method", ["auto", "zhang-grabchak", "jeffreys", "plug-in"])
@pytest.mark.parametrize(("cells", "n", "m"), [(20, 500, 2000), (60, 80, 300)])
def test_noise_floor_holds_for_every_estimate(of, method, cells, n, m):
    runs = 400
    masses = np.full(cells, 1 / cells)
    found = list(no_drift(masses, n, m, runs, of=of, method=method))
    above = np.mean([e.value > e.diagnostics["noise_floor"] for e in found])
    # Smoothing is a little below the plug-in, whose floor it shares where cells are dense.
    assert above < 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / runs)
    if method in {"auto", "zhang-grabchak"} and cells == 20:
        assert within(above, 0.05, runs)


SPARSE = {
    "uniform-100-of-100": (np.full(100, 0.01), 100, 100),
    "uniform-1000-of-300": (np.full(1000, 0.001), 300, 300),
    "zipf-1000-of-300": (zipf(1000), 300, 300),
    "zipf-1000-unequal": (zipf(1000), 300, 10_000),
    "zipf-1000-very-unequal": (zipf(1000), 100, 1_000_000),
    "rare-cells": (np.array([0.5, 0.4, 0.0997, 0.0002, 0.0001]), 1000, 1000),
    "expected-5": (np.full(20, 0.05), 110, 110),
}


@pytest.mark.parametrize("case", ["uniform-100-of-100", "zipf-1000-unequal", "rare-cells"])
def test_p_values_are_valid(case):
    found = p_values(*SPARSE[case], 200)
    for level in (0.05, 0.5):
        assert np.mean(found <= level) < level + 3.5 * math.sqrt(level * (1 - level) / 200)


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", SPARSE)
def test_p_values_are_uniform(case):
    runs = 800
    found = p_values(*SPARSE[case], runs, seed=1)
    for level in (0.002, 0.01, 0.05, 0.1, 0.5):
        # Ranks among few draws are coarse; a valid p-value may fall short of its level, a little.
        rate, error = np.mean(found <= level), math.sqrt(level * (1 - level) / runs)
        assert rate < level + 3.5 * error
        if level >= 0.05:
            assert rate > 0.65 * level - 3.5 * error


@pytest.mark.exhaustive
def test_many_categories_without_drift():
    found = p_values(np.full(10_000, 1e-4), 10_000, 10_000, 200)
    for level in (0.01, 0.05, 0.5):
        assert within(np.mean(found <= level), level, 200)


def test_expected_unseen_mass_against_enumeration():
    x, y = np.array([2.0, 0.0, 3.0]), np.array([1.0, 2.0, 1.0])
    z = (x + y).astype(int)
    balls = np.repeat(np.arange(3), z)
    shares = []
    for first in itertools.combinations(range(9), 5):
        drawn = np.bincount(balls[list(first)], minlength=3)
        shares.append(drawn[drawn == z].sum() / 5)
    assert math.isclose(null.expected_unseen_mass(x, y), np.mean(shares), rel_tol=1e-12)


def test_unseen_mass_is_as_expected_without_drift():
    found = list(no_drift(zipf(2000), 500, 300, 60))
    unseen = np.array([e.diagnostics["unseen_mass"] for e in found])
    expected = np.array([e.diagnostics["expected_unseen_mass"] for e in found])
    assert unseen.mean() > 0.1
    assert abs(np.mean(unseen - expected)) < 4 * np.std(unseen - expected) / math.sqrt(60)


def test_a_hundred_thousand_sparse_cells():
    rng = np.random.default_rng(0)
    masses = rng.dirichlet(np.ones(100_000))
    x, y = rng.multinomial(100_000, masses), rng.multinomial(70_000, masses)
    for e in both_ways(Counts(x), Counts(y), rng=0):
        assert e.value < 0.02
        assert e.interval[0] == 0
        assert 0.001 < e.diagnostics["p_value"] < 0.999
        assert e.interval[1] < 0.1


def test_beyond_numpys_hypergeometric():
    x = np.array([10**12, 5 * 10**11, 3, 1])
    same = estimate(Counts(x), Counts(2 * x), rng=0)
    assert same.diagnostics["p_value"] > 0.5
    other = estimate(Counts(x), Counts([10**12, 10**12, 3, 1]), rng=0)
    assert other.diagnostics["p_value"] < 1e-6


@pytest.mark.parametrize("n", [400, 300_000])
def test_draws_are_looked_up_as_they_would_be_computed(n):
    rng = np.random.default_rng(0)
    x = rng.multinomial(n, zipf(60)).astype(float)
    y = rng.multinomial(400, zipf(60)).astype(float)
    z = (x + y)[x + y > 0].astype(int)
    computed = []

    def total(a, b):
        return a * np.sqrt(1 + b)

    def counted(a, b):
        computed.append(a.size)
        return total(a, b)

    X = rng.multivariate_hypergeometric(z, 400, size=250)
    found = null.tabulated(z, X, z - X, [counted])[0]
    np.testing.assert_allclose(found, total(X, z - X).sum(axis=1), rtol=1e-12)
    assert sum(computed) < X.size / 4
