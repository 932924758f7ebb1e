"""Objects of scipy.stats: frozen, of the new classes, of vectors and matrices, estimates."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

import relentropy
from relentropy import LogDensity, Probs, as_distribution, relative_entropy
from tests.backends import NumPyBackend
from tests.bridges.densities import assert_same_density

SHAPES: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(
        ("norm", "laplace", "cauchy", "gumbel_r", "gumbel_l", "logistic", "moyal", "halfnorm"), ()
    ),
    **dict.fromkeys(
        ("halfcauchy", "gibrat", "expon", "rayleigh", "maxwell", "wald", "arcsine", "uniform"), ()
    ),
    **dict.fromkeys(("levy", "levy_l"), ()),
    **dict.fromkeys(("laplace_asymmetric", "lognorm", "gamma", "invgamma", "chi", "chi2"), (2.5,)),
    **dict.fromkeys(("weibull_min", "weibull_max", "pareto", "lomax", "genpareto", "t"), (2.5,)),
    **dict.fromkeys(("invgauss", "powerlaw", "invweibull", "fisk", "loggamma"), (2.5,)),
    "erlang": (2,),
    "vonmises_line": (2.5,),
    "triang": (0.3,),
    "truncnorm": (-1.0, 2.0),
    "f": (3.0, 4.0),
    "beta": (2.0, 3.0),
    "betaprime": (2.0, 3.0),
    "loguniform": (1.0, 3.0),
}
INTEGERS: dict[str, tuple[float, ...]] = {
    "bernoulli": (0.3,),
    "binom": (5, 0.3),
    "betabinom": (5, 2.0, 3.0),
    "geom": (0.3,),
    "nbinom": (5, 0.3),
    "planck": (0.5,),
    "poisson": (3.0,),
    "zipf": (2.5,),
}
MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]])


@pytest.mark.parametrize("name", SHAPES)
def test_the_density_is_that_of_a_frozen_distribution(
    name: str, numpy_backend: NumPyBackend
) -> None:
    kind, shapes = getattr(stats, name), SHAPES[name]
    scale = np.array([2.0, 3.0])
    for d in (
        kind(*shapes),
        kind(*shapes, 0.5, 2.0),
        kind(*(np.full(2, x) for x in shapes), loc=0.5, scale=scale),
    ):
        ours = assert_same_density(numpy_backend, d, d.logpdf)
    assert ours.batch_shape == (2,)


@pytest.mark.parametrize("name", INTEGERS)
def test_the_probabilities_are_those_of_a_frozen_distribution(
    name: str, numpy_backend: NumPyBackend
) -> None:
    kind, shapes = getattr(stats, name), INTEGERS[name]
    for d in (kind(*shapes), kind(*shapes, loc=3), kind(*(np.full(2, x) for x in shapes))):
        assert_same_density(numpy_backend, d, d.logpmf)


def test_a_von_mises_distribution_is_cut_at_pi(numpy_backend: NumPyBackend) -> None:
    d = stats.vonmises(2.0, loc=3.0)
    assert_same_density(numpy_backend, d, d.logpdf)
    with pytest.raises(TypeError, match="von Mises distribution with a scale"):
        as_distribution(stats.vonmises(2.0, scale=2.0))


def new_classes() -> dict[str, Any]:
    normal, gamma = stats.Normal(mu=1.0, sigma=2.0), stats.make_distribution(stats.gamma)
    uniform = stats.Uniform(a=1.0, b=3.0)
    return {
        "Normal": normal,
        "batched": stats.Normal(mu=[1.0, 2.0], sigma=2.0),
        "standard": stats.Normal(),
        **({"Logistic": stats.Logistic()} if hasattr(stats, "Logistic") else {}),  # SciPy 1.17
        "Uniform": uniform,
        "made": gamma(a=3.0),
        "moved": 2 * normal + 1,
        "mirrored": 1 - 2 * gamma(a=3.0),
        "exp": stats.exp(normal),
        "log": stats.log(uniform),
        "mixture": stats.Mixture([normal, stats.Normal()], weights=[0.3, 0.7]),
    }


@pytest.mark.parametrize("name", new_classes())
def test_the_density_is_that_of_a_new_class(name: str, numpy_backend: NumPyBackend) -> None:
    d = new_classes()[name]
    assert_same_density(numpy_backend, d, d.logpdf)


def test_the_new_binomial(numpy_backend: NumPyBackend) -> None:
    d = stats.Binomial(n=4, p=0.3)
    assert_same_density(numpy_backend, d, d.logpmf)


MANY: dict[str, tuple[Any, str]] = {
    "multivariate_normal": (stats.multivariate_normal([0.0, 1.0], MATRIX), "logpdf"),
    "multivariate_t": (stats.multivariate_t([0.0, 1.0], MATRIX, df=3), "logpdf"),
    "matrix_normal": (stats.matrix_normal(np.zeros((2, 2)), MATRIX, 2 * MATRIX), "logpdf"),
    "multinomial": (stats.multinomial(4, [0.2, 0.3, 0.5]), "logpmf"),
    "vonmises_fisher": (stats.vonmises_fisher([1.0, 0.0, 0.0], 2.0), "logpdf"),
}


@pytest.mark.parametrize("name", MANY)
def test_the_density_is_that_of_vectors(name: str, numpy_backend: NumPyBackend) -> None:
    d, log_density = MANY[name]
    assert_same_density(numpy_backend, d, getattr(d, log_density))


@pytest.mark.parametrize(
    "kind", [stats.dirichlet([1.0, 2.0]), stats.wishart(3, MATRIX), stats.invwishart(3, MATRIX)]
)
def test_the_density_where_scipy_wants_draws_last(kind: Any, numpy_backend: NumPyBackend) -> None:
    assert_same_density(numpy_backend, kind, lambda x: kind.logpdf(np.moveaxis(x, 0, -1)))


def test_a_direction_without_preference() -> None:
    d = relative_entropy(stats.vonmises_fisher([0.0, 1.0, 0.0], 2.0), stats.uniform_direction(3))
    # log(k / sinh k) + k coth k - 1
    assert d == pytest.approx(np.log(2 / np.sinh(2)) + 2 / np.tanh(2) - 1, rel=1e-12)


def test_a_kernel_density_estimate_is_a_mixture(numpy_backend: NumPyBackend) -> None:
    d = stats.gaussian_kde([1.0, 2.0, 4.0], weights=[0.2, 0.3, 0.5])
    ours = as_distribution(d)
    x = np.linspace(-1, 6, 5)
    np.testing.assert_allclose(ours.log_density(x), d.logpdf(x), rtol=1e-12)
    assert relative_entropy(d, stats.norm(2, 2)) > 0
    with pytest.raises(TypeError, match="more than one number"):
        as_distribution(stats.gaussian_kde(np.eye(2)[:, [0, 1, 1, 0]] + np.arange(4)[None]))


@pytest.mark.parametrize(
    "d",
    [
        stats.skewnorm(2.0, 1.0, 2.0),
        stats.semicircular(1.0, 2.0),
        stats.make_distribution(stats.skewnorm)(a=2.0),
        stats.truncate(stats.Normal(), 0.0, 2.0),
        abs(stats.Normal(mu=1.0, sigma=1.0)),
        stats.order_statistic(stats.Normal(), r=1, n=3),
        stats.Uniform(a=1.0, b=2.0) ** 2,
    ],
)
def test_a_kind_that_is_not_ours_is_taken_by_its_density(d: Any) -> None:
    ours = as_distribution(d)
    assert isinstance(ours, LogDensity)
    low, high = np.clip(ours.support, -20, 20)
    x = np.linspace(low, high, 7)[1:-1]
    np.testing.assert_allclose(ours.log_density(x), d.logpdf(x), rtol=1e-6)
    x = np.linspace(low, high, 100_001)[1:-1]
    log_p, log_q = d.logpdf(x), stats.cauchy.logpdf(x)
    with np.errstate(invalid="ignore"):
        terms = np.where(log_p > -700, np.exp(log_p) * (log_p - log_q), 0.0)
    assert relative_entropy(d, stats.cauchy(0, 1)) == pytest.approx(
        np.trapezoid(terms, x), rel=1e-3
    )


def test_a_batch_of_a_kind_that_is_not_ours_is_refused() -> None:
    with pytest.raises(TypeError, match=r"LogDensity\(x.logpdf, support"):
        as_distribution(stats.skewnorm([2.0, 3.0]))


def test_finite_tables_align_by_value() -> None:
    p = stats.rv_discrete(values=([1, 5], [0.25, 0.75]))
    q = stats.rv_discrete(values=([5, 1], [0.5, 0.5]))
    assert isinstance(as_distribution(p), Probs)
    assert float(relative_entropy(p, q, base=2)) == pytest.approx(0.18872187554, rel=1e-10)
    assert relative_entropy(p(loc=1), {2: 0.25, 6: 0.75}) == 0
    assert relative_entropy(stats.randint(0, 2), stats.randint(0, 4), base=2) == 1
    assert relative_entropy(stats.randint(0, 4), stats.randint(0, 2)) == np.inf


def test_numbers_take_the_framework_of_the_other_side(torch: Any) -> None:
    for q in (stats.norm(1, 1), stats.Normal(mu=1.0, sigma=1.0), stats.norm(np.float64(1))):
        d = relative_entropy(relentropy.Normal(torch.tensor([0.0, 1.0]), 1.0), q)
        assert isinstance(d, torch.Tensor)
        assert d.tolist() == [0.5, 0.0]


def test_shifts_are_shared(numpy_backend: NumPyBackend) -> None:
    p, q = (stats.gamma(2.0, loc=3.0, scale=scale) for scale in (1.0, 2.0))
    assert relative_entropy(p, q) == pytest.approx(2 * (np.log(2) - 0.5), rel=1e-12)
    assert relative_entropy(p, stats.gamma(2.0)) < np.inf
    assert relative_entropy(stats.gamma(2.0), p) == np.inf


@pytest.mark.parametrize(
    ("d", "message"),
    [
        (stats.gamma, r"write scipy.stats.gamma\(a, loc=0, scale=1\) with numbers"),
        (stats.norm, r"write scipy.stats.norm\(loc=0, scale=1\) with numbers"),
        (stats.skellam(1.0, 2.0), "scipy.stats.skellam has no counterpart"),
        (stats.special_ortho_group(3), "special_ortho_group_frozen has no counterpart"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(d: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        relative_entropy(d, stats.norm())


def test_impossible_parameters_are_named() -> None:
    with pytest.raises(ValueError, match="p: Normal: scale must be positive"):
        relative_entropy(stats.norm(0, -1), stats.norm(0, 1))
