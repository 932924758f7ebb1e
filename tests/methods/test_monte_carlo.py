"""Monte Carlo against exact values: bias, errors, coverage, honesty, repeatability."""

import importlib
import math

import numpy as np
import pytest

import relentropy as r
from relentropy import (
    Cauchy,
    Exp,
    Gamma,
    Independent,
    LogDensity,
    LogNormal,
    Mixture,
    MultivariateNormal,
    Normal,
    Poisson,
    StudentT,
    Transformed,
    Uniform,
    estimate,
    relative_entropy,
)
from relentropy.methods.monte_carlo import monte_carlo

INF = float("inf")


@pytest.fixture(params=["numpy", "torch", pytest.param("jax", marks=pytest.mark.exhaustive)])
def xp(request):
    """JAX compiles every step apart, which takes it a while."""
    return request.getfixturevalue(f"{request.param}_backend")


PAIRS = {
    "close": (Normal(0, 1), Normal(1e-3, 1)),
    "far": (Normal(0, 1), Normal(30, 1)),
    "q wider, weights without variance": (Normal(0, 1), Normal(0, 3)),
    "q narrower": (Normal(0, 2), Normal(0, 1)),
    "q beyond the support of p": (Uniform(0, 1), Gamma(2, 1)),
    "counts": (Poisson(3), Poisson(4)),
    "mixtures": (Mixture([0.5, 0.5], Normal([-1.0, 1.0], 0.5)), Normal(0, 1)),
    "transformed": (Transformed(Normal(0, 1), Exp()), LogNormal(1, 2)),
    "vectors": (
        MultivariateNormal([0.0, 1.0], [[1.0, 0.5], [0.5, 2.0]]),
        MultivariateNormal([0.0, 0.0], [[2.0, 0.0], [0.0, 1.0]]),
    ),
    "directions": (
        r.VonMisesFisher(np.array([1.0, 0.0, 0.0]), 2.0),
        r.VonMisesFisher(np.array([0.0, 1.0, 0.0]), 3.0),
    ),
    "simplex": (r.Dirichlet([1.0, 2.0, 3.0]), r.Dirichlet([2.0, 2.0, 2.0])),
    "independent": (
        Independent(Gamma([1.0, 2.0], 1.0), 1),
        Independent(Gamma([2.0, 1.5], 1.0), 1),
    ),
    "q without draws": (Normal(0, 1), LogDensity(lambda x: Normal(0, 2).log_density(x))),
}


@pytest.mark.parametrize("name", PAIRS)
def test_the_exact_value_is_within_the_errors(name):
    p, q = PAIRS[name]
    truth = float(relative_entropy(p, q))
    e = monte_carlo(p, q, rng=1, draws=40_000)
    assert e.standard_error > 0
    assert abs(e.value - truth) < 4 * e.standard_error
    assert e.interval[0] <= e.value <= e.interval[1]
    assert e.diagnostics["reliable"]
    assert e.standard_error < 0.05 * truth


def coverage(p, q, draws, seeds=300):
    truth = float(relative_entropy(p, q))
    found = [monte_carlo(p, q, rng=seed, draws=draws) for seed in range(seeds)]
    inside = sum(e.interval[0] <= truth <= e.interval[1] for e in found)
    z = [(e.value - truth) / e.standard_error for e in found]
    return inside / seeds, np.array(z)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [n for n in PAIRS if n not in ("directions", "q without draws")])
def test_the_interval_covers_as_often_as_it_says(name):
    """300 seeds: 95 % less three deviations of a binomial share, and no bias."""
    share, z = coverage(*PAIRS[name], draws=4000)
    assert 0.91 <= share <= 0.99
    assert abs(z.mean()) < 4 / math.sqrt(300) + 0.1
    assert 0.85 < z.std() < 1.2


def test_it_is_better_than_the_plain_mean():
    """The variance beside that of the mean of log(p/q) over as many draws of P."""
    rng = np.random.default_rng(0)
    gains = {"close": 1e4, "q wider, weights without variance": 0.9, "far": 0.7, "mixtures": 1.0}
    for name, gain in gains.items():
        p, q = PAIRS[name]
        x = p.sample(rng, (100_000,))
        plain = (p.log_density(x) - q.log_density(x)).std() / math.sqrt(x.size)
        error = monte_carlo(p, q, rng=0, draws=100_000).standard_error
        assert (plain / error) ** 2 > gain, name


def test_equal_distributions_are_exactly_0():
    e = monte_carlo(Gamma(2, 1), Gamma(2, 1), rng=0, draws=1000)
    assert (e.value, e.standard_error, e.interval) == (0, 0, (0, 0))


def test_infinity_is_seen():
    for p, q in ((Uniform(0, 2), Uniform(0, 1)), (Cauchy(0, 1), Normal(0, 1))):
        e = monte_carlo(p, q, rng=0, draws=1000)
        assert e.value == INF
        assert e.diagnostics["infinite"]
        assert e.interval == (INF, INF)
    box = Independent(Uniform([0.0, 0.0], [2.0, 1.0]), 1)
    e = monte_carlo(box, Independent(Uniform([0.0, 0.0], [1.0, 1.0]), 1), rng=0, draws=1000)
    assert e.value == INF


def test_terms_without_a_variance_are_called_unreliable():
    p, q = (Independent(f, 1) for f in (StudentT([2.1, 2.1]), Normal([0.0, 0.0], 1.0)))
    e = monte_carlo(p, q, rng=0)
    assert not e.diagnostics["reliable"]
    assert e.diagnostics["error_rests_on"] < 50
    assert monte_carlo(q, p, rng=0).diagnostics["reliable"]


def test_the_effective_sample_size_is_that_of_the_weights():
    p, q = Normal(0, 1), Normal(1, 1)
    e = monte_carlo(p, q, rng=0, draws=100_000)
    # (E w)² / E w² = exp(-1)
    assert abs(e.diagnostics["effective_sample_size"] / 75_000 - math.exp(-1)) < 0.02
    assert e.diagnostics["draws"] == (75_000, 25_000)


def test_other_divergences():
    p, q = Normal(0, 1), Normal(1, 2)
    for of in ("jeffreys", "jensen_shannon", "total_variation"):
        e = monte_carlo(p, q, of=of, rng=0)
        assert abs(e.value - float(getattr(r, of)(p, q))) < 4 * e.standard_error
        assert e.of == of


def test_batches_broadcast():
    p, q = Normal([0.0, 1.0], 1.0), Normal([[1.0], [2.0], [0.0]], 1.0)
    e = monte_carlo(p, q, rng=0, draws=20_000)
    assert e.value.shape == e.standard_error.shape == (3, 2)
    truth = relative_entropy(p, q)
    assert (np.abs(e.value - truth) <= 4 * e.standard_error).all()
    assert e.value[2, 0] == 0


def test_the_same_generator_gives_the_same_answer():
    p, q = Normal(0, 1), Gamma(2, 1)
    p, q = q, p
    for make in (lambda: 7, lambda: np.random.default_rng(7), lambda: np.random.SeedSequence(7)):
        assert monte_carlo(p, q, rng=make()).value == monte_carlo(p, q, rng=make()).value
    fresh = monte_carlo(p, q)
    assert monte_carlo(p, q, rng=fresh.diagnostics["seed"]).value == fresh.value
    with pytest.raises(TypeError, match=r"torch\.Generator"):
        monte_carlo(p, q, rng="seed")


def test_generators_and_keys_of_frameworks(torch_backend, jax_backend):
    torch, jax = torch_backend.module, importlib.import_module("jax")
    p, q = Gamma(2, 1), Normal(0, 1)
    for make in (
        lambda seed: torch.Generator().manual_seed(seed),
        lambda seed: jax.random.key(seed),
        lambda seed: jax.random.PRNGKey(seed),
    ):
        values = [monte_carlo(p, q, rng=make(s), draws=1000).value for s in (1, 1, 2)]
        assert values[0] == values[1] != values[2]


def test_parameters_of_every_framework(xp):
    p = MultivariateNormal(xp.array([0.0, 1.0]), covariance_matrix=xp.array(np.eye(2)))
    q = Mixture([0.5, 0.5], [p, MultivariateNormal(xp.array([1.0, 1.0]), xp.array(np.eye(2)))])
    e = monte_carlo(p, q, rng=0, draws=2000)
    assert isinstance(e.value, float)
    assert abs(e.value - 0.111) < 4 * e.standard_error


def test_the_verb_leads_here():
    p, q = Mixture([0.5, 0.5], Normal([-1.0, 1.0], 0.5)), Normal(0, 1)
    e = estimate(p, q, method="monte-carlo", rng=0, confidence=0.5)
    assert e.method == "monte-carlo"
    assert e.confidence == 0.5
    assert "nats" in e.summary()
    wide = estimate(p, q, method="monte-carlo", rng=0, confidence=0.99)
    assert e.value == wide.value
    assert wide.interval[0] < e.interval[0] < e.interval[1] < wide.interval[1]


def test_what_cannot_be_drawn_or_compared_is_refused():
    written = LogDensity(lambda x: Normal(0, 1).log_density(x))
    for p, q, options, error in (
        (written, Normal(0, 1), {}, LookupError),
        (Normal(0, 1), written, {"of": "jeffreys"}, LookupError),
        (Normal(0, 1), Normal(1, 1), {"of": "hellinger"}, LookupError),
        (Poisson(1), Normal(0, 1), {}, LookupError),
        (r.Dirichlet([1.0, 1.0]), MultivariateNormal([0.0, 0.0], np.eye(2)), {}, LookupError),
        (Normal(0, 1), MultivariateNormal([0.0], [[1.0]]), {}, ValueError),
        (Normal(0, 1), Normal(1, 1), {"draws": 10}, ValueError),
    ):
        with pytest.raises(error):
            monte_carlo(p, q, rng=0, **options)
