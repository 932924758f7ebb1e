"""Mixtures, transformed and independent families, densities that the user writes."""

import math
import pickle

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import relentropy as r
from relentropy import (
    Affine,
    Cauchy,
    Compose,
    Delta,
    Exp,
    Exponential,
    Gamma,
    Gumbel,
    Independent,
    InverseGamma,
    Laplace,
    Log,
    LogDensity,
    Logistic,
    Logit,
    LogitNormal,
    LogNormal,
    Mixture,
    MultivariateNormal,
    Normal,
    Pareto,
    Poisson,
    Power,
    Sigmoid,
    StudentT,
    Tanh,
    Transformed,
    Uniform,
    Weibull,
    relative_entropy,
)

INF = float("inf")


@pytest.fixture(params=["torch", pytest.param("jax", marks=pytest.mark.exhaustive)])
def autodiff(request):
    """JAX compiles every step of a quadrature apart, which takes it half a minute a test."""
    return request.getfixturevalue(f"{request.param}_backend")


@pytest.fixture(params=["numpy", "torch", pytest.param("jax", marks=pytest.mark.exhaustive)])
def xp(request):
    return request.getfixturevalue(f"{request.param}_backend")


def near(value, truth, tolerance=1e-9):
    return abs(float(value) - float(truth)) <= tolerance * abs(float(truth)) + 1e-15


# --- mixtures -----------------------------------------------------------------------------------


def normal(m, s):
    m, s = mpf(m), mpf(s)
    return lambda x: mpmath.exp(-(((x - m) / s) ** 2) / 2) / (s * mpmath.sqrt(2 * mpmath.pi))


def mixed(weights, densities):
    return lambda x: mpmath.fsum(mpf(w) * f(x) for w, f in zip(weights, densities, strict=True))


def by_definition(p, q, places):
    """∫ p log(p/q) between the places, at 30 digits."""

    def term(x):
        a = p(x)
        return a * mpmath.log(a / q(x)) if a > 0 else mpf(0)

    with mpmath.workdps(30):
        return mpmath.quad(term, places)


@pytest.mark.parametrize(
    ("weights", "locs", "scales"),
    [
        ([0.5, 0.5], [-1.0, 1.0], [0.5, 0.5]),
        ([0.3, 0.6, 0.1], [-4.0, 0.0, 3.0], [0.2, 2.0, 0.05]),
    ],
)
def test_a_mixture_of_normals_and_a_normal(weights, locs, scales):
    p, q = mixed(weights, [normal(*f) for f in zip(locs, scales, strict=True)]), normal(0.5, 3)
    places = sorted({-60, -20, *(m + k * s for m, s in zip(locs, scales, strict=True)
                                 for k in (-6, -2, 0, 2, 6)), 20, 60})  # fmt: skip
    mixture = Mixture(weights, Normal(np.array(locs), np.array(scales)))
    assert near(relative_entropy(mixture, Normal(0.5, 3)), by_definition(p, q, places))
    assert near(relative_entropy(Normal(0.5, 3), mixture), by_definition(q, p, places))


def test_components_of_different_kinds_with_kinks_and_ends():
    """A jump at 0, and kinks of a Laplace density, against pieces of the definition."""
    w = [0.5, 0.3, 0.2]
    mixture = Mixture(w, [Laplace(0.5, 1), Normal(4, 0.1), Exponential(2)])
    densities = [
        lambda x: mpmath.exp(-abs(x - mpf("0.5"))) / 2,
        normal(4, 0.1),
        lambda x: 2 * mpmath.exp(-2 * x) if x > 0 else mpf(0),
    ]
    places = [-60, -20, -5, 0, 0.5, 2, 3, 3.5, 4, 4.5, 5, 10, 20, 60]
    truth = by_definition(mixed(w, densities), lambda x: mpmath.exp(-abs(x) / 2) / 4, places)
    assert near(relative_entropy(mixture, Laplace(0, 2)), truth)


def test_where_one_component_takes_over_from_another_far_away():
    """Log q has a sharp bend at 0, which no feature of the components shows."""
    q = Mixture([0.5, 0.5], Normal([-1000.0, 1000.0], 1.0))
    with mpmath.workdps(30):
        # q(x) = N(|x|; 1000, 1) (1 + exp(-2000 |x|)) / 2
        s = mpf(300)
        second = (s**2 + mpf(10) ** 6 - 2000 * s * mpmath.sqrt(2 / mpmath.pi)) / 2
        bend = mpmath.quad(
            lambda x: 2 * normal(0, 300)(x) * mpmath.log1p(mpmath.exp(-2000 * x)), [0, 1e-3, 1]
        )
        truth = second - mpf(1) / 2 - mpmath.log(s) + mpmath.log(2) - bend
    assert near(relative_entropy(Normal(0, 300), q), truth, 1e-12)


def test_a_gap_in_the_support_of_q_is_infinite():
    gap = Mixture([0.5, 0.5], [Uniform(0, 0.4), Uniform(0.5, 1)])
    assert relative_entropy(Uniform(0, 1), gap) == INF
    assert near(relative_entropy(gap, Uniform(0, 1)), 0.5 * math.log(0.5 / 0.4))
    assert relative_entropy(gap, gap) == 0
    counts = Mixture([0.5, 0.5], [Poisson(1), Transformed(Poisson(1), Affine(5, 1))])
    assert relative_entropy(Poisson(2), counts) < INF
    no_ones = Mixture([0.5, 0.5], [Delta(0), Transformed(Poisson(1), Affine(2, 1))])
    assert relative_entropy(Poisson(2), no_ones) == INF


def test_tails_and_supports_are_those_of_the_components_with_weight():
    assert (
        relative_entropy(Mixture([0.999, 0.001], [Normal(0, 1), Cauchy(0, 1)]), Normal(0, 1)) == INF
    )
    assert relative_entropy(Mixture([1.0, 0.0], [Normal(0, 1), Cauchy(0, 1)]), Normal(0, 1)) < 1e-14
    assert relative_entropy(Cauchy(0, 1), Mixture([0.9, 0.1], [Normal(0, 1), StudentT(3)])) < INF
    assert near(
        relative_entropy(Mixture([0, 1], [Normal(0, 1), Exponential(1)]), Exponential(2)),
        relative_entropy(Exponential(1), Exponential(2)),
    )
    assert (
        relative_entropy(Normal(0, 1), Mixture([0.0, 1.0], [Normal(0, 1), Exponential(1)])) == INF
    )


def test_one_component_and_equal_components_are_that_component():
    for p in (Gamma(0.3, 2), Cauchy(1, 3), Uniform(-1, 2), Poisson(3)):
        kind = Poisson(4) if isinstance(p, Poisson) else type(p)(*p.parameters().values())
        truth = relative_entropy(p, kind)
        for mixture in (Mixture([1.0], [p]), Mixture([0.25, 0.75], [p, p])):
            assert abs(float(relative_entropy(mixture, kind)) - float(truth)) < 1e-12
            assert near(mixture.log_density(1.0), p.log_density(1.0), 1e-14)


def test_a_zero_inflated_poisson_is_summed():
    p, q = Mixture([0.7, 0.3], [Delta(0), Poisson(3)]), Poisson(2)
    k = np.arange(80)
    weights = np.exp(p.log_density(k))
    assert near(weights.sum(), 1, 1e-13)
    assert near(weights[0], 0.7 + 0.3 * math.exp(-3), 1e-13)
    truth = math.fsum(
        w * (a - b) for w, a, b in zip(weights, p.log_density(k), q.log_density(k), strict=True)
    )
    assert near(relative_entropy(p, q), truth, 1e-12)


def test_an_end_that_a_long_sum_would_miss_is_refused():
    q = Mixture([0.5, 0.5], [Poisson(5000), Delta(5000)])
    with pytest.raises(LookupError, match="one by one"):
        relative_entropy(Poisson(5000), q)
    short = Mixture([0.5, 0.5], [r.Binomial(1500, 0.5), Delta(1000)])
    assert near(relative_entropy(r.Binomial(1500, 0.5), short), math.log(2), 1e-12)
    early = Mixture([0.5, 0.5], [Poisson(5000), Delta(0)])
    assert near(relative_entropy(Poisson(5000), early), math.log(2))


def test_a_family_with_a_batch_is_split(xp):
    weights = xp.array([[0.2, 0.8], [0.6, 0.4]])
    locs = xp.array([[0.0, 3.0], [1.0, -2.0]])
    whole = Mixture(weights, Normal(locs, xp.array([1.0, 0.5])))
    assert whole.batch_shape == (2,)
    values = xp.numpy(relative_entropy(whole, Normal(0, 2)))
    for i in range(2):
        parts = [Normal(float(m), s) for m, s in zip(xp.numpy(locs)[i], (1.0, 0.5), strict=True)]
        single = Mixture(xp.numpy(weights)[i], parts)
        assert near(values[i], relative_entropy(single, Normal(0, 2)), 1e-12)
    assert xp.is_native(whole.log_density(xp.array([0.0, 1.0])))
    assert whole.sample(np.random.default_rng(0), (5,)).shape == (5, 2)


def test_gradients_of_a_mixture_are_those_of_differences(autodiff):
    def value(w, m, s, of=autodiff):
        weights = w / w.sum()
        p = Mixture(weights, [Normal(m[0], s[0]), Laplace(m[1], s[1])])
        return relative_entropy(p, Normal(0.0 * m[0], 2.0 + 0.0 * m[0]))

    at = [np.array(x) for x in ([0.4, 0.6], [-1.0, 1.5], [0.7, 0.5])]
    slopes = autodiff.gradient(value, *(autodiff.array(x) for x in at))

    def plain(*xs):
        w, m, s = xs
        p = Mixture(w / w.sum(), [Normal(m[0], s[0]), Laplace(m[1], s[1])])
        return float(relative_entropy(p, Normal(0, 2)))

    step = 1e-4
    for i, slope in enumerate(slopes):
        for j in range(2):
            moved = []
            for sign in (1, -1, 2, -2):
                xs = [x.copy() for x in at]
                xs[i][j] += sign * step
                moved.append(plain(*xs))
            difference = (8 * (moved[0] - moved[1]) - (moved[2] - moved[3])) / (12 * step)
            assert abs(slope[j] - difference) < 1e-8


def test_the_slope_towards_a_weight_of_zero(autodiff):
    """dD/dw at w = 0 is finite, and right."""

    def value(w):
        q = Mixture(autodiff.array([1.0, 0.0]) + w * autodiff.array([-1.0, 1.0]), Normal(
            autodiff.array([0.0, 1.0]), 1.0))  # fmt: skip
        return relative_entropy(Normal(autodiff.array(0.0), 1.0), q)

    (slope,) = autodiff.gradient(value, autodiff.array(0.0))
    # d/dw of -E[log(1 - w + w q1/q0)] = 1 - E_p[q1/q0] = 0; P = N(0,1) = Q at w = 0
    assert abs(slope) < 1e-9


def test_densities_on_jax(jax_backend):
    x = jax_backend.array([0.5, 2.0])
    weights, locs = jax_backend.array([0.3, 0.7]), jax_backend.array([0.0, 1.0])
    p = Transformed(Mixture(weights, Normal(locs, 1.0)), Compose(Affine(0.5, 2.0), Exp()))
    same = Transformed(Mixture([0.3, 0.7], Normal([0.0, 1.0], 1.0)), Compose(Affine(0.5, 2), Exp()))
    assert jax_backend.is_native(p.log_density(x))
    assert np.allclose(p.log_density(x), same.log_density([0.5, 2.0]), rtol=1e-13)


@pytest.mark.exhaustive
def test_mixtures_under_jit(jax_backend):
    import jax

    def value(w, m):
        return relative_entropy(Mixture(w, Normal(m, 1.0)), Normal(0.0 * m[0], 2.0))

    w, m = jax_backend.array([0.3, 0.7]), jax_backend.array([-1.0, 2.0])
    assert near(jax.jit(value)(w, m), value(w, m), 1e-12)
    assert near(
        value(w, m), relative_entropy(Mixture([0.3, 0.7], Normal([-1.0, 2.0], 1.0)), Normal(0, 2))
    )


def test_draws_have_the_moments_of_the_mixture():
    p = Mixture([0.2, 0.8], [Normal(-3, 1), Exponential(2)])
    x = p.sample(np.random.default_rng(1), (200_000,))
    assert x.shape == (200_000,)
    assert abs(x.mean() - (0.2 * -3 + 0.8 * 0.5)) < 5 * x.std() / math.sqrt(x.size)
    vector = Mixture([0.5, 0.5], [MultivariateNormal([m, 0.0], np.eye(2)) for m in (-2.0, 2.0)])
    y = vector.sample(np.random.default_rng(2), (50_000,))
    assert y.shape == (50_000, 2)
    assert abs((y**2).mean(0) - [5, 1]).max() < 0.1


@pytest.mark.parametrize(
    ("weights", "components", "error", "message"),
    [
        ([0.5, 0.4], [Normal(0, 1), Normal(1, 1)], ValueError, "sum to 0.9"),
        ([0.5, 0.5], [Normal(0, 1)], ValueError, "2 weights and 1 components"),
        ([-0.5, 1.5], [Normal(0, 1), Normal(1, 1)], ValueError, "at least 0"),
        ([0.5, 0.5], [Normal(0, 1), Delta(0)], TypeError, "cannot be mixed"),
        ([0.5, 0.5], [Poisson(1), Delta(0.5)], ValueError, "whole number"),
        ([0.5, 0.5], [Poisson(1), Exponential(1)], TypeError, "cannot be mixed"),
        ([0.5, 0.5], Normal(0, 1), ValueError, "last batch axis"),
        ([0.5, 0.5], [1, 2], TypeError, "must be families"),
    ],
)
def test_what_is_no_mixture_is_refused(weights, components, error, message):
    with pytest.raises(error, match=message):
        Mixture(weights, components)


def test_a_mixture_survives_pickling():
    p = Mixture([0.5, 0.5], [Normal(0, 1), Transformed(Normal(1, 1), Affine(1, 2))])
    assert relative_entropy(pickle.loads(pickle.dumps(p)), p) == 0
    assert repr(p).startswith("Mixture([0.5, 0.5], [Normal(")


# --- transformed --------------------------------------------------------------------------------

SAME = {
    "exp of normal": (Transformed(Normal(0.5, 2), Exp()), LogNormal(0.5, 2)),
    "log of lognormal": (Transformed(LogNormal(0.5, 2), Log()), Normal(0.5, 2)),
    "sigmoid of normal": (Transformed(Normal(0.5, 2), Sigmoid()), LogitNormal(0.5, 2)),
    "logit of logit-normal": (Transformed(LogitNormal(0.5, 2), Logit()), Normal(0.5, 2)),
    "moved normal": (Transformed(Normal(1, 2), Affine(3, -0.5)), Normal(2.5, 1)),
    "moved cauchy": (Transformed(Cauchy(1, 2), Affine(3, -0.5)), Cauchy(2.5, 1)),
    "scaled gamma": (Transformed(Gamma(0.3, 2), Affine(0, 4)), Gamma(0.3, 0.5)),
    "exp of exponential": (Transformed(Exponential(3), Exp()), Pareto(1, 3)),
    "root of exponential": (Transformed(Exponential(1), Power(0.5)), Weibull(1, 2)),
    "inverse of gamma": (Transformed(Gamma(0.7, 2), Power(-1)), InverseGamma(0.7, 2)),
    "logit of uniform": (Transformed(Uniform(0, 1), Logit()), Logistic(0, 1)),
    "tanh of logistic": (Transformed(Logistic(0, 0.5), Tanh()), Uniform(-1, 1)),
    "minus log of exponential": (
        Transformed(Exponential(1), Compose(Log(), Affine(0, -1))),
        Gumbel(0, 1),
    ),
    "scaled twice": (
        Transformed(Normal(0, 1), Compose(Affine(1, 2), Compose(Affine(0, 3), Exp()))),
        LogNormal(3, 6),
    ),
}
OTHERS = [
    Normal(0.2, 1.5),
    Cauchy(0, 1),
    Laplace(0, 1),
    Gumbel(0, 1),
    Transformed(Gumbel(0, 1), Affine(0, -1)),
    LogNormal(0, 1),
    Gamma(2, 1),
    InverseGamma(2, 1),
    Weibull(1, 0.5),
    LogitNormal(0, 1),
    Uniform(-2, 3),
    Exponential(1),
]


@pytest.mark.parametrize("name", SAME)
def test_a_transformed_family_is_the_family_it_is(name):
    p, same = SAME[name]
    x = same.sample(np.random.default_rng(0), (20,))
    assert np.allclose(p.log_density(x), same.log_density(x), rtol=1e-9, atol=1e-9)
    assert relative_entropy(p, same) < 1e-13
    for q in OTHERS:
        for a, b in ((p, same), (same, p)):
            first = (a, q) if a is p else (q, b)
            second = (b, q) if a is p else (q, a)
            value, truth = relative_entropy(*first), relative_entropy(*second)
            assert (value == truth == INF) or near(value, truth, 1e-8), (name, q, value, truth)


def test_a_shared_bijection_changes_nothing():
    for f in (Exp(), Sigmoid(), Tanh(), Affine(3, -2), Compose(Affine(1, 2), Exp())):
        d = relative_entropy(Transformed(Normal(0, 1), f), Transformed(Normal(1, 1), f))
        assert d == 0.5
    p, q = (Transformed(Gamma(a, 1), Power(np.array([1.0, 2.0]))) for a in (2, 3))
    assert np.allclose(relative_entropy(p, q), relative_entropy(Gamma(2, 1), Gamma(3, 1)))
    p, q = (Transformed(MultivariateNormal([m, 0.0], np.eye(2)), Exp()) for m in (0.0, 1.0))
    assert relative_entropy(p, q) == 0.5
    assert r.total_variation(
        Transformed(Normal(0, 1), Exp()), Transformed(Normal(1, 1), Exp())
    ) == (r.total_variation(Normal(0, 1), Normal(1, 1)))
    assert near(r.entropy(Transformed(Normal(0, 1), Affine(5, -3))), r.entropy(Normal(0, 3)))
    assert near(r.entropy(Transformed(Normal(0, 1), Exp())), r.entropy(LogNormal(0, 1)))


def test_bijections_that_differ_are_not_taken_for_one():
    p, q = Transformed(Normal(0, 1), Affine(0, 2)), Transformed(Normal(0, 1), Affine(0, 1))
    assert near(relative_entropy(p, q), relative_entropy(Normal(0, 2), Normal(0, 1)))
    with pytest.raises(LookupError, match="not the same"):
        relative_entropy(
            Transformed(MultivariateNormal([0.0], [[1.0]]), Exp()),
            Transformed(MultivariateNormal([0.0], [[1.0]]), Affine(0, 1)),
        )


def test_integers_can_be_moved():
    trials = Transformed(r.Geometric(0.25), Affine(1, 1))
    assert np.allclose(np.exp(trials.log_density([0, 1, 2])), [0, 0.25, 0.1875])
    assert relative_entropy(trials, Transformed(r.Geometric(0.5), Affine(1, 1))) == (
        relative_entropy(r.Geometric(0.25), r.Geometric(0.5))
    )
    k = np.arange(1.0, 400)
    logs = trials.log_density(k), r.Zipf(2).log_density(k)
    assert near(
        relative_entropy(trials, r.Zipf(2)), math.fsum(np.exp(logs[0]) * (logs[0] - logs[1]))
    )
    assert relative_entropy(r.Geometric(0.25), trials) == INF
    with pytest.raises(ValueError, match="whole number"):
        Transformed(Poisson(1), Affine(0.5, 1))
    with pytest.raises(ValueError, match="negative"):
        Transformed(Poisson(1), Affine(-1, 1))
    with pytest.raises(TypeError, match="only be moved"):
        Transformed(Poisson(1), Exp())


def test_what_is_not_one_to_one_is_refused():
    with pytest.raises(TypeError, match="one to one"):
        Transformed(Normal(0, 1), abs)
    with pytest.raises(ValueError, match="defined from 0"):
        Transformed(Normal(0, 1), Log())
    with pytest.raises(ValueError, match="defined from 0"):
        Transformed(Exponential(1), Compose(Affine(-1, 1), Log()))
    with pytest.raises(ValueError, match="not 0"):
        Affine(0, 0)
    with pytest.raises(TypeError, match="must be a family"):
        Transformed(3.0, Exp())


def test_gradients_flow_through_a_bijection(autodiff):
    def value(loc, scale):
        p = Transformed(Normal(0.0 * loc, 1.0), Affine(loc, scale))
        return relative_entropy(Transformed(p, Exp()), LogNormal(0.0 * loc, 1.0))

    # D(N(m, s)||N(0, 1)) = (s² + m² - 1) / 2 - log s
    slopes = autodiff.gradient(value, autodiff.array(0.5), autodiff.array(2.0))
    assert np.allclose(slopes, [0.5, 2 - 0.5], atol=1e-8)

    def across(exponent):
        return relative_entropy(
            Transformed(Exponential(1 + 0 * exponent), Power(exponent)),
            Weibull(1 + 0 * exponent, 2.0),
        )

    (slope,) = autodiff.gradient(across, autodiff.array(0.7))
    step = 1e-4
    f = [float(relative_entropy(Weibull(1, 1 / (0.7 + k * step)), Weibull(1, 2))) for k in (1, -1)]
    assert abs(slope - (f[0] - f[1]) / (2 * step)) < 1e-6


def test_transformed_families_are_drawn_from():
    rng = np.random.default_rng(0)
    x = Transformed(Normal(0, 1), Compose(Affine(1, 0.5), Exp())).sample(rng, (100_000,))
    assert abs(np.log(x).mean() - 1) < 0.01
    assert Transformed(Normal([0.0, 1.0], 1.0), Affine(0.0, [[1.0], [2.0], [3.0]])).sample(
        rng, (7,)
    ).shape == (7, 3, 2)


# --- independent --------------------------------------------------------------------------------


def test_independent_entries_add_up():
    base = Gamma([1.0, 2.0, 3.0], [[1.0], [2.0]]), Gamma([2.0, 2.0, 2.0], [[1.5], [1.0]])
    each = relative_entropy(*base)
    assert np.allclose(relative_entropy(*(Independent(f, 1) for f in base)), each.sum(-1))
    assert near(relative_entropy(*(Independent(f, 2) for f in base)), each.sum())
    nested = [Independent(Independent(f, 1), 1) for f in base]
    assert near(relative_entropy(*nested), each.sum())
    p = Independent(base[0], 1)
    assert (p.batch_shape, p.event_shape) == ((2,), (3,))
    x = p.sample(np.random.default_rng(0), (4,))
    assert x.shape == (4, 2, 3)
    assert np.allclose(p.log_density(x), base[0].log_density(x).sum(-1))
    student, normal = (Independent(f, 1) for f in (StudentT([3.0, 4.0]), Normal([0.0, 0.0], 1.0)))
    assert near(
        relative_entropy(student, normal), relative_entropy(student.base, normal.base).sum()
    )
    assert near(r.entropy(p)[0], r.entropy(base[0])[0].sum())


def test_independent_normals_are_a_normal_vector():
    p, q = Independent(Normal([0.0, 1.0], [1.0, 2.0]), 1), MultivariateNormal([1.0, 1.0], np.eye(2))
    vector = MultivariateNormal([0.0, 1.0], np.diag([1.0, 4.0]))
    assert near(relative_entropy(p, q), relative_entropy(vector, q), 1e-14)
    assert near(relative_entropy(q, p), relative_entropy(q, vector), 1e-14)


def test_entries_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="same thing"):
        relative_entropy(
            Independent(Normal([0.0, 1.0], 1.0), 1), Independent(Normal([0.0], 1.0), 1)
        )
    with pytest.raises(LookupError, match="monte-carlo"):
        relative_entropy(Independent(Gamma([1.0], 1.0), 1), MultivariateNormal([0.0], [[1.0]]))
    with pytest.raises(ValueError, match="from 0 to 0"):
        Independent(Normal(0, 1), 1)


# --- densities that the user writes -----------------------------------------------------------


def written(f):
    return LogDensity(lambda x: f.log_density(x), tuple(float(x) for x in f.support))


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (Normal(0, 1), Normal(1, 2)),
        (Normal(1000, 0.01), Normal(1000, 1)),
        (Cauchy(3, 0.1), StudentT(2)),
        (Exponential(2), LogNormal(0, 1)),
        (Gamma(0.5, 1), Exponential(2)),
        (Uniform(0, 1), r.Beta(2, 0.5)),
        (r.Beta(3, 1), Uniform(0, 1)),
        (Mixture([0.3, 0.7], Normal([-5.0, 7.0], [1.0, 0.1])), Normal(0, 5)),
    ],
)
def test_a_density_that_is_written_is_the_family(p, q):
    truth = relative_entropy(p, q)
    assert near(relative_entropy(written(p), q), truth, 2e-9)
    assert near(relative_entropy(p, written(q)), truth, 2e-9)
    assert near(relative_entropy(written(p), written(q)), truth, 2e-9)


def test_a_constant_that_lacks_is_found():
    p = LogDensity(lambda x: -(x**4), normalize=True)
    with mpmath.workdps(30):
        z = 2 * mpmath.gamma(mpf(5) / 4)
        # E[x^4] = 1/4, E[x²] = Γ(3/4) / Γ(1/4)
        second = mpmath.gamma(mpf(3) / 4) / mpmath.gamma(mpf(1) / 4)
        truth = -mpf(1) / 4 - mpmath.log(z) + mpmath.log(2 * mpmath.pi) / 2 + second / 2
    assert near(relative_entropy(p, Normal(0, 1)), truth)
    assert relative_entropy(p, p) == 0
    with pytest.raises(ValueError, match=r"integrates to 1\.81280495"):
        relative_entropy(LogDensity(lambda x: -(x**4)), Normal(0, 1))


def test_kinks_and_jumps_are_given():
    kink = LogDensity(lambda x: -np.abs(x - 0.3) - math.log(2), features=[0.3])
    assert near(
        relative_entropy(kink, Laplace(0, 2)), relative_entropy(Laplace(0.3, 1), Laplace(0, 2))
    )
    box = {"function": lambda x: np.where((x > 1) & (x < 3), -math.log(2), -INF)}
    jump = LogDensity(**box, features=[1, 3])
    assert near(relative_entropy(jump, Normal(0, 1)), relative_entropy(Uniform(1, 3), Normal(0, 1)))
    with pytest.raises(ArithmeticError, match="features="):
        relative_entropy(LogDensity(**box), Normal(0, 1))


def test_an_expectation_that_does_not_exist_is_no_number():
    cauchy = LogDensity(lambda x: -math.log(math.pi) - np.log1p(x * x))
    with pytest.raises(ArithmeticError, match="two rules"):
        relative_entropy(cauchy, Normal(0, 1))


def test_what_a_written_density_refers_to_has_a_gradient(autodiff):
    def value(m):
        p = LogDensity(lambda x: -2 * (x - m) ** 2, normalize=True, features=[0.5])
        return relative_entropy(p, Normal(0.0 * m, 1.0))

    (slope,) = autodiff.gradient(value, autodiff.array(0.5))
    assert abs(slope - 0.5) < 1e-8


@pytest.mark.exhaustive
def test_a_written_density_under_jit(jax_backend):
    import jax

    p = LogDensity(lambda x: -2 * (x - 0.5) ** 2, normalize=True)
    value = jax.jit(lambda s: relative_entropy(p, Normal(0.0 * s, s)))
    truth = relative_entropy(Normal(0.5, 0.5), Normal(0, 1.5))
    assert near(value(jax_backend.array(1.5)), truth)


def test_written_densities_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="low < high"):
        LogDensity(lambda x: x, (1, 0))
    with pytest.raises(ValueError, match="outside"):
        LogDensity(lambda x: x, (0, 1), features=[2])
    with pytest.raises(ValueError, match="no density is found"):
        relative_entropy(LogDensity(lambda x: np.full_like(x, -INF)), Normal(0, 1))
    with pytest.raises(TypeError, match="callable"):
        LogDensity(3.0)
