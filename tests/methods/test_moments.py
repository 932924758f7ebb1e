"""The M-projection: members find themselves, gradients vanish, edges."""

import math

import numpy as np
import pytest

import relentropy as r
from relentropy import cross_entropy, moment_projection, relative_entropy
from tests.backends import Backend

MEMBERS = [
    r.Normal(1e3, 2.0),
    r.Laplace(1, 2),
    r.LogNormal(0.5, 1.5),
    r.LogitNormal(0.5, 2),
    r.Exponential(3.0),
    r.Gamma(0.3, 2),
    r.Gamma(1e4, 3),
    r.InverseGamma(0.5, 2),
    r.InverseGaussian(2, 3),
    r.Chi(3.0),
    r.Chi2(2.5),
    r.HalfNormal(2.0),
    r.Rayleigh(2.0),
    r.Maxwell(3.0),
    r.Weibull(2.0, 0.7),
    r.Weibull(2.0, 50.0),
    r.Pareto(2.0, 0.6),
    r.Beta(0.3, 0.6),
    r.Beta(200, 300),
    r.Uniform(-1, 3),
    r.VonMises(0.5, 2.0),
    r.VonMises(3.0, 1e4),
    r.Poisson(3.0),
    r.Bernoulli(0.3),
    r.Geometric(0.2),
]


@pytest.mark.parametrize("member", MEMBERS, ids=repr)
def test_a_member_is_nearest_to_itself(member) -> None:
    found = moment_projection(member, type(member))
    for name, x in member.parameters().items():
        assert getattr(found, name) == pytest.approx(x, rel=1e-10)


PAIRS = [
    (r.Gamma(2.0, 3.0), r.Normal),
    (r.Logistic(1.0, 2.0), r.Normal),
    (r.Gamma(2.0, 3.0), r.Laplace),
    (r.StudentT(3.0), r.Laplace),
    (r.Gamma(2.0, 3.0), r.LogNormal),
    (r.HalfCauchy(2.0), r.LogNormal),
    (r.Uniform(0.0, 2.0), r.Exponential),
    (r.LogNormal(0.0, 1.0), r.Gamma),
    (r.Weibull(1.0, 3.0), r.Gamma),
    (r.LogNormal(0.0, 1.0), r.InverseGamma),
    (r.LogNormal(0.0, 0.5), r.InverseGaussian),
    (r.Gamma(2.0, 3.0), r.Chi),
    (r.Exponential(1.0), r.Chi2),
    (r.Exponential(1.0), r.HalfNormal),
    (r.Gamma(3.0, 1.0), r.Rayleigh),
    (r.Gamma(3.0, 1.0), r.Maxwell),
    (r.LogNormal(0.0, 0.5), r.Weibull),
    (r.Uniform(0.0, 1.0), r.Beta),
    (r.Kumaraswamy(2.0, 3.0), r.Beta),
    (r.Beta(2.0, 1.0), r.LogitNormal),
    (r.Uniform(-1.0, 2.0), r.VonMises),
    (r.NegativeBinomial(3.0, 0.4), r.Poisson),
    (r.Poisson(2.0), r.Geometric),
]


@pytest.mark.parametrize(("p", "family"), PAIRS, ids=lambda x: getattr(x, "__name__", repr(x)))
def test_the_gradient_of_the_divergence_vanishes(p, family, torch_backend: Backend) -> None:
    nearest = moment_projection(p, family)
    names = list(nearest.parameters())
    found = [torch_backend.array(x) for x in nearest.parameters().values()]
    slopes = torch_backend.gradient(
        lambda *xs: relative_entropy(p, family(**dict(zip(names, xs, strict=True)))), *found
    )
    here = float(relative_entropy(p, nearest))
    for name, x, slope in zip(names, found, slopes, strict=True):
        size = max(abs(float(x)), 1.0)
        assert abs(slope) * size <= 1e-7 * max(1.0, here)
        for factor in (-1e-2, 1e-2):
            moved = {**nearest.parameters(), name: nearest.parameters()[name] + factor * size}
            assert relative_entropy(p, family(**moved)) > here


def test_pareto_begins_where_p_begins() -> None:
    p = r.Uniform(2.0, 3.0)
    found = moment_projection(p, r.Pareto)
    assert found.scale == 2
    assert found.alpha == pytest.approx(1 / (3 * math.log(1.5) - 1), rel=1e-9)
    lower = moment_projection(p, r.Pareto, scale=1.0)
    assert lower.alpha == pytest.approx(1 / (3 * math.log(3) - 2 * math.log(2) - 1), rel=1e-9)
    assert relative_entropy(p, lower) > relative_entropy(p, found)


def test_a_batch_is_projected_member_by_member() -> None:
    p = r.Gamma(np.array([[1.0, 2.0, 3.0]]), np.array([[1.0], [2.0]]))
    found = moment_projection(p, r.LogNormal)
    assert found.batch_shape == (2, 3)
    one = moment_projection(r.Gamma(3.0, 2.0), r.LogNormal)
    assert found.loc[1, 2] == pytest.approx(one.loc)
    assert found.scale[1, 2] == pytest.approx(one.scale)


def test_parameters_of_other_frameworks(xp: Backend) -> None:
    p = r.Gamma(xp.array(np.array([4.0])), xp.array(np.array([2.0])))
    found = moment_projection(p, r.Normal)
    assert (found.loc.item(), found.scale.item()) == pytest.approx((2, 1))


class TestPoints:
    draws = np.random.default_rng(0).gamma(2.0, 1.5, 400)

    @pytest.mark.parametrize(
        "family", [r.Normal, r.LogNormal, r.Gamma, r.Weibull, r.InverseGamma, r.InverseGaussian]
    )
    def test_the_maximum_likelihood_of_draws(self, family, torch_backend: Backend) -> None:
        found = moment_projection(None, family, points=self.draws)
        names, values = zip(*found.parameters().items(), strict=True)
        x = torch_backend.array(self.draws)
        slopes = torch_backend.gradient(
            lambda *xs: family(**dict(zip(names, xs, strict=True))).log_density(x).mean(),
            *(torch_backend.array(v) for v in values),
        )
        assert np.abs(slopes).max() < 1e-9

    def test_scipy_agrees(self) -> None:
        from scipy import stats

        a, _, scale = stats.gamma.fit(self.draws, floc=0)
        found = moment_projection(None, r.Gamma, points=self.draws)
        assert found.concentration == pytest.approx(a, rel=1e-5)
        assert 1 / found.rate == pytest.approx(scale, rel=1e-5)

    def test_probabilities_of_points_and_labels(self) -> None:
        by_points = moment_projection([0.2, 0.8], r.Normal, points=[1.0, 2.0])
        by_label = moment_projection({1: 0.2, 2: 0.8}, r.Normal)
        assert by_points.loc == by_label.loc == pytest.approx(1.8)
        assert by_points.scale == by_label.scale == pytest.approx(0.4)

    def test_the_median_of_few(self) -> None:
        found = moment_projection(None, r.Laplace, points=[1.0, 2.0, 3.0, 10.0])
        assert (found.loc, found.scale) == (2.5, 2.5)
        found = moment_projection([0.1, 0.6, 0.3], r.Laplace, points=[5.0, 1.0, 2.0])
        assert found.loc == 1.0

    def test_counts_data(self) -> None:
        assert moment_projection(None, r.Poisson, points=[0, 1, 2, 5]).rate == 2
        found = moment_projection(None, r.Binomial, points=[0, 1, 2, 5], total_count=10)
        assert found.probs == pytest.approx(0.2)
        found = moment_projection(None, r.NegativeBinomial, points=[0, 1, 2, 5], total_count=3.0)
        assert found.probs == pytest.approx(0.4)

    def test_vectors(self) -> None:
        x = np.random.default_rng(1).standard_normal((50, 3))
        found = moment_projection(None, r.MultivariateNormal, points=x)
        assert found.loc == pytest.approx(x.mean(axis=0))
        assert found.covariance_matrix == pytest.approx(np.cov(x.T, ddof=0))

    def test_the_least_cross_entropy(self) -> None:
        weights = [0.2, 0.3, 0.5]
        found = moment_projection(weights, r.Geometric, points=[0, 1, 4])
        law = np.zeros(400)
        law[[0, 1, 4]] = weights

        def cost(probs: float) -> float:
            return cross_entropy(
                law, np.append(probs * (1 - probs) ** np.arange(399), (1 - probs) ** 399)
            )

        best = cost(float(found.probs))
        assert best < min(cost(float(found.probs) * f) for f in (0.99, 1.01))


@pytest.mark.parametrize(
    ("p", "family", "error", "message"),
    [
        (r.Cauchy(0, 1), r.Normal, ValueError, "infinite for every Normal"),
        (r.Normal(0, 1), r.Gamma, ValueError, "infinite for every Gamma"),
        (r.Zipf(1.5), r.Poisson, ValueError, "infinite for every Poisson"),
        (r.Poisson(1.0), r.Bernoulli, ValueError, "infinite for every Bernoulli"),
        (r.Normal(0, 1), r.Uniform, ValueError, "infinite for every Uniform"),
        (r.Normal(0, 1), r.Poisson, ValueError, "share nothing"),
        (r.Normal(0, 1), r.StudentT, LookupError, "no moments to match for StudentT; there are"),
        (r.Dirichlet([1.0, 2.0]), r.Normal, LookupError, "give draws"),
        (r.Uniform(-math.pi, math.pi), r.VonMises, ValueError, "no direction"),
    ],
)
def test_where_no_member_is_nearest(p, family, error, message) -> None:
    with pytest.raises(error, match=message):
        moment_projection(p, family)


def test_errors_about_points() -> None:
    for arguments, points, error, message in [
        ((None, r.Normal), None, TypeError, "give points="),
        (([0.5, 0.5], r.Normal), None, TypeError, "give points="),
        (([0.5, 0.5], r.Normal), [1.0], ValueError, "2 cells and there are 1 points"),
        (({1: 1.0}, r.Normal), [1.0], TypeError, "leave points"),
        (({"a": 1.0}, r.Normal), None, TypeError, "points must be numbers"),
        ((r.Gamma(1, 1), r.Normal), [1.0], TypeError, "leave points"),
        ((None, r.Normal), [1.0, np.nan], ValueError, "finite"),
        ((None, r.Normal), [2.0, 2.0], ValueError, "single point"),
        ((None, r.Gamma), [2.0, -1.0], ValueError, "-1 has the probability 0 under every Gamma"),
        ((None, r.Poisson), [2.0, 1.5], ValueError, r"1\.5 has the probability 0"),
    ]:
        with pytest.raises(error, match=message):
            moment_projection(*arguments, points=points)
    with pytest.raises(TypeError, match="takes no scale"):
        moment_projection(None, r.Normal, points=[1.0, 2.0], scale=1.0)
    with pytest.raises(TypeError, match="total_count="):
        moment_projection(None, r.Binomial, points=[1.0, 2.0])
