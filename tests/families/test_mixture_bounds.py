"""Bounds on the relative entropy of mixtures hold, always, and are tight where they should be."""

import math

import numpy as np
import pytest

from relentropy import (
    Exponential,
    Gamma,
    Mixture,
    MultivariateNormal,
    Normal,
    Poisson,
    Uniform,
    Weibull,
    relative_entropy,
)
from relentropy.exact.mixture_bounds import mixture_bounds
from relentropy.methods.monte_carlo import monte_carlo

INF = float("inf")


@pytest.fixture(params=["numpy", "torch", pytest.param("jax", marks=pytest.mark.exhaustive)])
def xp(request):
    """JAX compiles every step of a quadrature apart, which takes it half a minute a test."""
    return request.getfixturevalue(f"{request.param}_backend")


def random_pair(rng, count, spread):
    def side(k):
        loc, scale = rng.normal(size=k) * spread, np.exp(rng.normal(size=k) * 0.7)
        return Mixture(rng.dirichlet(np.ones(k)), Normal(loc, scale))

    return side(count), side(int(rng.integers(1, 4)))


def holds(p, q):
    low, high = mixture_bounds(p, q)
    value = float(relative_entropy(p, q))
    assert 0 <= low <= value * (1 + 1e-9) + 1e-14
    assert value <= high * (1 + 1e-9) + 1e-14
    return low, value, high


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("spread", [0.3, 2.0, 10.0])
def test_they_hold_for_mixtures_of_normals(count, spread):
    rng = np.random.default_rng([count, int(10 * spread)])
    for _ in range(2):
        holds(*random_pair(rng, count, spread))


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(10))
def test_they_hold_for_many_mixtures(seed):
    rng = np.random.default_rng([99, seed])
    for _ in range(20):
        holds(*random_pair(rng, int(rng.integers(1, 5)), float(rng.choice([0.1, 1, 3, 10]))))


def test_they_hold_for_other_families():
    holds(
        Mixture([0.5, 0.5], [Gamma(2, 1), Exponential(0.1)]),
        Mixture([0.5, 0.5], [Gamma(3, 1), Weibull(1, 2)]),
    )
    holds(
        Mixture([0.3, 0.7], [Poisson(3), Poisson(10)]),
        Mixture([0.5, 0.5], [Poisson(4), Poisson(8)]),
    )
    holds(Normal(0, 1), Mixture([0.5, 0.5], Normal([-1.0, 1.0], 1.0)))
    holds(
        Mixture([0.0, 1.0], Normal([-50.0, 1.0], 1.0)), Mixture([1.0, 0.0], Normal([0.0, 1.0], 2.0))
    )


@pytest.mark.parametrize("separation", [0.5, 2.0, 6.0])
def test_they_hold_in_three_dimensions(separation):
    rng = np.random.default_rng(int(10 * separation))

    def side():
        lower = np.tril(rng.normal(size=(3, 3, 3)) * 0.3, -1)
        roots = lower + np.eye(3) * np.exp(rng.normal(size=(3, 3, 1)) * 0.3)
        locs = rng.normal(size=(3, 3)) * separation
        return Mixture(rng.dirichlet(np.ones(3)), MultivariateNormal(locs, scale_tril=roots))

    p, q = side(), side()
    low, high = mixture_bounds(p, q)
    e = monte_carlo(p, q, rng=0, draws=100_000)
    assert low - 4 * e.standard_error <= e.value <= high + 4 * e.standard_error
    assert high < INF


def test_one_component_a_side_is_exact():
    low, value, high = holds(Mixture([1.0], [Gamma(2, 1)]), Mixture([1.0], [Gamma(3, 2)]))
    assert abs(high - low) <= 1e-12 * value


def test_equal_mixtures_and_distant_components_are_known():
    p = Mixture([0.3, 0.7], Normal([0.0, 30.0], 1.0))
    assert holds(p, p) == (0, 0, 0)
    low, value, high = holds(p, Mixture([0.5, 0.5], Normal([0.0, 30.0], 1.0)))
    assert abs(value - (0.3 * math.log(0.6) + 0.7 * math.log(1.4))) < 1e-9
    assert abs(high - value) < 1e-9
    assert abs(value - low) < 5e-3


def test_infinity_is_an_upper_bound_where_it_must_be():
    p = Mixture([0.5, 0.5], [Uniform(0, 1), Uniform(0, 3)])
    low, high = mixture_bounds(p, Mixture([0.5, 0.5], [Uniform(0, 1), Uniform(0, 2)]))
    assert high == INF
    assert 0 <= low < INF or low == INF


def test_batches(xp):
    w = xp.array([[0.5, 0.5], [0.1, 0.9]])
    p = Mixture(w, Normal(xp.array([[0.0, 5.0], [1.0, -1.0]]), xp.array(1.0)))
    q = Mixture([0.5, 0.5], Normal(xp.array([0.0, 4.0]), xp.array(1.0)))
    low, high = mixture_bounds(p, q)
    assert low.shape == high.shape == (2,)
    value = xp.numpy(relative_entropy(p, q))
    assert (xp.numpy(low) <= value).all()
    assert (value <= xp.numpy(high)).all()


def test_the_gradient_of_the_upper_bound_is_that_of_differences(torch_backend):
    def upper(m):
        p = Mixture([0.4, 0.6], Normal(m, torch_backend.array([1.0, 0.7])))
        q = Mixture([0.5, 0.5], Normal(torch_backend.array([0.0, 2.0]), torch_backend.array(1.0)))
        return mixture_bounds(p, q)[1]

    at = np.array([0.2, 2.5])
    (slope,) = torch_backend.gradient(upper, torch_backend.array(at))
    step = 1e-4
    for i in range(2):
        ends = [float(upper(torch_backend.array(at + s * step * np.eye(2)[i]))) for s in (1, -1)]
        assert abs(slope[i] - (ends[0] - ends[1]) / (2 * step)) < 1e-5
