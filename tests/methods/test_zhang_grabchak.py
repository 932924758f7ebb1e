"""Zhang & Grabchak's estimator against its own formula and its exact expectation."""

import itertools
import math

import mpmath
import numpy as np
import pytest

from relentropy import Counts, estimate
from relentropy.methods import smoothing, zhang_grabchak
from relentropy.methods.functionals import FUNCTIONALS, JENSEN_SHANNON, RELATIVE_ENTROPY
from tests.methods.populations import dirichlet_pair, relative_entropy


def published(x, y):
    """Σ x/n [ψ(m+1) - ψ(y+1) - ψ(n) + ψ(x)] with 50 digits."""
    with mpmath.workdps(50):
        n, m = sum(x), sum(y)
        psi = mpmath.digamma
        return float(
            mpmath.fsum(
                mpmath.mpf(a) / n * (psi(m + 1) - psi(b + 1) - psi(n) + psi(a))
                for a, b in zip(x, y, strict=True)
                if a
            )
        )


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([3, 5, 2], [10, 2, 1]),
        ([1, 0, 4, 9], [0, 7, 3, 2]),
        ([40, 31, 33, 32], [1, 2, 400, 31]),
        ([123456, 7891011, 12], [654321, 1234567, 3]),
        ([10**9, 2 * 10**9], [2 * 10**9, 10**9]),
        ([1], [1]),
    ],
)
def test_formula(x, y):
    truth = published(x, y)
    value = estimate(Counts(x), Counts(y), method="zhang-grabchak", rng=0).value
    assert math.isclose(value, max(truth, 0.0), rel_tol=1e-12, abs_tol=1e-15)


def multinomials(size, masses):
    """Every outcome of `size` draws, with its probability."""
    for counts in itertools.product(range(size + 1), repeat=len(masses)):
        if sum(counts) == size:
            ways = math.factorial(size) / math.prod(map(math.factorial, counts))
            yield (
                np.array(counts, float),
                ways * math.prod(mass**c for mass, c in zip(masses, counts, strict=True)),
            )


def test_expectation_is_the_truncated_series():
    """E D̂ = Σ p [Σ_{v≤m} (1-q)^v/v - Σ_{v<n} (1-p)^v/v]: no bias before the truncation."""
    p, q, n, m = (0.5, 0.3, 0.2), (0.1, 0.3, 0.6), 4, 6
    mean = math.fsum(
        a * b * np.sum(zhang_grabchak.terms(x, y, n, m, RELATIVE_ENTROPY))
        for x, a in multinomials(n, p)
        for y, b in multinomials(m, q)
    )
    series = math.fsum(
        p_k
        * (
            math.fsum((1 - q_k) ** v / v for v in range(1, m + 1))
            - math.fsum((1 - p_k) ** v / v for v in range(1, n))
        )
        for p_k, q_k in zip(p, q, strict=True)
    )
    assert math.isclose(mean, series, rel_tol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONALS)
@pytest.mark.parametrize(("n", "m"), [(5, 4), (2, 7), (8, 1)])
def test_null_bias_is_the_mean_under_permutation(name, n, m):
    """Against every way to choose n of the pooled observations."""
    functional = FUNCTIONALS[name]
    z = np.array([1.0, 1.0, 2.0, 5.0])
    balls = np.repeat(np.arange(4), z.astype(int))
    cells = []
    for first in itertools.combinations(range(9), n):
        x = np.bincount(balls[list(first)], minlength=4).astype(float)
        cells.append(zhang_grabchak.terms(x, z - x, n, m, functional))
    x = np.bincount(balls[:n], minlength=4).astype(float)
    bias = zhang_grabchak.null_bias(x, z - x, functional)
    # The cells differ by q - p, whose mean is 0 without drift.
    np.testing.assert_allclose(bias, np.mean(cells, axis=0), atol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONALS)
@pytest.mark.parametrize(("n", "m"), [(300, 20), (2000, 90), (100, 1_000_000)])
def test_null_bias_against_draws(name, n, m):
    functional = FUNCTIONALS[name]
    z = np.concatenate([np.ones(10), [2, 3, 5, 8, 70, 90]])
    z = np.append(z, n + m - z.sum())
    rng = np.random.default_rng(0)
    X = rng.multivariate_hypergeometric(z.astype(int), n, size=20_000).astype(float)
    totals = zhang_grabchak.terms(X, z - X, n, m, functional).sum(axis=1)
    predicted = zhang_grabchak.null_bias(X[0], z - X[0], functional).sum()
    tolerance = 4 * totals.std() / math.sqrt(len(totals))
    if functional is JENSEN_SHANNON:
        tolerance += 0.002  # cells above 64 are good to first order only
    assert abs(totals.mean() - predicted) < tolerance


@pytest.mark.parametrize(("part", "whole"), [(3000.0, 9000.0), (9e5, 9e5 + 40)])
def test_the_tail_of_the_series_beyond_the_table(part, whole):
    j = np.arange(1, int(part) + 1)
    terms = np.cumprod((part - j + 1) / (whole - j)) / j
    for z in (1, 100, 4000, 4096, 4097, 9000):
        exact = math.fsum(terms[z - 1 :])
        found = float(zhang_grabchak._log_tail(part, whole, np.array([float(z)]))[0])
        assert math.isclose(found, exact, rel_tol=1e-11 if z <= 4096 else 0.01, abs_tol=1e-13)


def test_the_sample_sizes_alone_make_no_drift():
    """Zhang and Grabchak's bias at n << m is .19 nats here; `auto` takes it away."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(100), size=40)
    x, y = rng.multinomial(100, p), rng.multinomial(10_000, p)
    named = estimate(Counts(x), Counts(y), method="zhang-grabchak", rng=0)
    assert 0.15 < named.value.mean() < 0.25
    auto = estimate(Counts(x), Counts(y), rng=0)
    assert auto.value.mean() < 0.05


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_dense_estimates_are_unbiased(name):
    rng = np.random.default_rng(1)
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.25, 0.25, 0.3, 0.2])
    functional = FUNCTIONALS[name]
    x, y = rng.multinomial(200, p, 20_000) * 1.0, rng.multinomial(100, q, 20_000) * 1.0
    totals = zhang_grabchak.terms(x, y, 200, 100, functional).sum(axis=1)
    truth = functional.terms(p, q).sum()
    tolerance = 4 * totals.std() / math.sqrt(len(totals))
    if functional is JENSEN_SHANNON:
        # Corrected to second order only, its pooled part being no sample of its own.
        tolerance += 1e-4
    assert abs(totals.mean() - truth) < tolerance


def root_mean_square_error(p, q, size, method, rng, runs=400):
    x, y = rng.multinomial(size, p, runs) * 1.0, rng.multinomial(size, q, runs) * 1.0
    if method == "jeffreys":
        totals = smoothing.terms(x, y, size, size, p.size, RELATIVE_ENTROPY).sum(axis=1)
    else:
        totals = zhang_grabchak.terms(x, y, size, size, RELATIVE_ENTROPY).sum(axis=1)
    return math.sqrt(np.mean((totals - relative_entropy(p, q)) ** 2))


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("size", "method", "figure"),
    [
        (300, "zhang-grabchak", 0.104),
        (1000, "zhang-grabchak", 0.057),
        (3000, "zhang-grabchak", 0.033),
        (10_000, "zhang-grabchak", 0.019),
        (100, "zhang-grabchak", 0.234),
        (100, "jeffreys", 0.081),
    ],
)
def test_published_errors(size, method, figure):
    """The table for one pair P ~ Dir(1), Q ~ Dir(3) with D = .5816, K = 100.

    The pair itself is not known: the figure must be one that such pairs give, so it is compared
    with those of forty, Monte Carlo error included.
    """
    rng = np.random.default_rng(7)
    errors = [
        root_mean_square_error(*dirichlet_pair(seed), size, method, rng) for seed in range(40)
    ]
    assert abs(np.mean(errors) - figure) < 3 * np.std(errors, ddof=1)


@pytest.mark.exhaustive
def test_smoothing_wins_where_there_are_fewer_observations_than_cells():
    rng = np.random.default_rng(8)
    for seed in range(5):
        pair = dirichlet_pair(seed)
        assert root_mean_square_error(*pair, 100, "jeffreys", rng) < 0.6 * (
            root_mean_square_error(*pair, 100, "zhang-grabchak", rng)
        )
        assert root_mean_square_error(*pair, 1000, "jeffreys", rng) > (
            root_mean_square_error(*pair, 1000, "zhang-grabchak", rng)
        )
