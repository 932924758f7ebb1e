"""Objects of TensorFlow Probability on JAX and NumPy, and of Distrax."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from relentropy import LogDensity, LogProbs, Probs, as_distribution, relative_entropy
from tests.backends import JaxBackend
from tests.bridges.conftest import imported
from tests.bridges.densities import assert_same_density, cases

ROOT = np.array([[1.0, 0.0], [0.5, 2.0]])
ZEROS = np.zeros(2)
Make = Callable[[Any], Any]


def F(x: Any) -> Any:  # a Python float is float32 there
    return imported("jax.numpy").asarray(x, dtype="float64")


# From the module tensorflow_probability.substrates.jax.
OBJECTS: dict[str, Make] = {
    "Normal": lambda t: t.distributions.Normal(np.array([0.0, 1.0]), F(2)),
    "LogNormal": lambda t: t.distributions.LogNormal(F(0.5), F(2)),
    "HalfNormal": lambda t: t.distributions.HalfNormal(F(2)),
    "LogitNormal": lambda t: t.distributions.LogitNormal(F(0.5), F(2)),
    "TruncatedNormal": lambda t: t.distributions.TruncatedNormal(F(0), F(1), F(-1), F(2)),
    "StudentT": lambda t: t.distributions.StudentT(F(3), F(1), F(2)),
    "Cauchy": lambda t: t.distributions.Cauchy(F(1), F(2)),
    "HalfCauchy": lambda t: t.distributions.HalfCauchy(F(1), F(2)),
    "Laplace": lambda t: t.distributions.Laplace(F(1), F(2)),
    "Logistic": lambda t: t.distributions.Logistic(F(1), F(2)),
    "LogLogistic": lambda t: t.distributions.LogLogistic(F(1), F(2)),
    "Gumbel": lambda t: t.distributions.Gumbel(F(1), F(2)),
    "Moyal": lambda t: t.distributions.Moyal(F(1), F(2)),
    "Exponential": lambda t: t.distributions.Exponential(F(2)),
    "Gamma": lambda t: t.distributions.Gamma(F(2), F(3)),
    "Gamma of a log": lambda t: t.distributions.Gamma(F(2), log_rate=F(3)),
    "ExpGamma": lambda t: t.distributions.ExpGamma(F(2), F(3)),
    "InverseGamma": lambda t: t.distributions.InverseGamma(F(2), F(3)),
    "ExpInverseGamma": lambda t: t.distributions.ExpInverseGamma(F(2), log_scale=F(1)),
    "Chi": lambda t: t.distributions.Chi(F(3)),
    "Chi2": lambda t: t.distributions.Chi2(F(3)),
    "Weibull": lambda t: t.distributions.Weibull(F(2), F(3)),
    "InverseGaussian": lambda t: t.distributions.InverseGaussian(F(2), F(3)),
    "Pareto": lambda t: t.distributions.Pareto(F(2), F(3)),
    "GeneralizedPareto": lambda t: t.distributions.GeneralizedPareto(F(0), F(1), F(0.3)),
    "Beta": lambda t: t.distributions.Beta(F(2), F(3)),
    "SigmoidBeta": lambda t: t.distributions.SigmoidBeta(F(2), F(3)),
    "PERT": lambda t: t.distributions.PERT(F(1), F(2), F(4)),
    "Kumaraswamy": lambda t: t.distributions.Kumaraswamy(F(2), F(3)),
    "Uniform": lambda t: t.distributions.Uniform(F(1), F(3)),
    "Triangular": lambda t: t.distributions.Triangular(F(0), F(3), F(1)),
    "ContinuousBernoulli": lambda t: t.distributions.ContinuousBernoulli(probs=F(0.3)),
    "VonMises": lambda t: t.distributions.VonMises(F(1), F(2)),
    "Deterministic": lambda t: t.distributions.Deterministic(F(2)),
    "Bernoulli": lambda t: t.distributions.Bernoulli(probs=F(0.3)),
    "Bernoulli of logits": lambda t: t.distributions.Bernoulli(logits=F(2)),
    "ProbitBernoulli": lambda t: t.distributions.ProbitBernoulli(probits=F(0.3)),
    "Binomial": lambda t: t.distributions.Binomial(F(5), probs=F(0.3)),
    "Binomial of logits": lambda t: t.distributions.Binomial(F(5), logits=F(2)),
    "BetaBinomial": lambda t: t.distributions.BetaBinomial(F(7), F(2), F(3)),
    "Geometric": lambda t: t.distributions.Geometric(probs=F(0.3)),
    "NegativeBinomial": lambda t: t.distributions.NegativeBinomial(F(5), probs=F(0.3)),
    "Poisson": lambda t: t.distributions.Poisson(F(3)),
    "Poisson of a log": lambda t: t.distributions.Poisson(log_rate=F(1)),
    "Zipf": lambda t: t.distributions.Zipf(F(2.5)),
    "Dirichlet": lambda t: t.distributions.Dirichlet(np.array([1.0, 2.0, 3.0])),
    "Multinomial": lambda t: t.distributions.Multinomial(F(4), probs=F([0.2, 0.8])),
    "MultivariateNormalTriL": lambda t: t.distributions.MultivariateNormalTriL(ZEROS, ROOT),
    "MultivariateNormalDiag": lambda t: t.distributions.MultivariateNormalDiag(ZEROS, ZEROS + 2),
    "of a covariance": lambda t: t.distributions.MultivariateNormalFullCovariance(
        ZEROS, ROOT @ ROOT.T
    ),
    "of a diagonal and more": lambda t: t.distributions.MultivariateNormalDiagPlusLowRank(
        ZEROS, scale_diag=ZEROS + 2, scale_perturb_factor=np.ones((2, 1))
    ),
    "of low rank": lambda t: t.distributions.MultivariateNormalDiagPlusLowRankCovariance(
        ZEROS, ZEROS + 2, np.ones((2, 1))
    ),
    "MultivariateStudentT": lambda t: t.distributions.MultivariateStudentTLinearOperator(
        F(3), ZEROS, t.distributions.MultivariateNormalTriL(ZEROS, ROOT).scale
    ),
    "MatrixNormal": lambda t: t.distributions.MatrixNormalLinearOperator(
        np.zeros((2, 2)), *[t.distributions.MultivariateNormalTriL(ZEROS, ROOT).scale] * 2
    ),
    "WishartTriL": lambda t: t.distributions.WishartTriL(F(3), ROOT),
    "VonMisesFisher": lambda t: t.distributions.VonMisesFisher(np.array([1.0, 0.0, 0.0]), F(2)),
    "SphericalUniform": lambda t: t.distributions.SphericalUniform(3, dtype=np.float64),
    "GaussianProcess": lambda t: t.distributions.GaussianProcess(
        t.math.psd_kernels.ExponentiatedQuadratic(F(1)),
        np.array([[0.0], [1.0]]),
        observation_noise_variance=F(0.1),
    ),
    "Independent": lambda t: t.distributions.Independent(
        t.distributions.Normal(np.array([[0.0, 1.0]]), F(2)), 1
    ),
    "Sample": lambda t: t.distributions.Sample(t.distributions.Normal(F(0), F(2)), (2, 3)),
    "Sample of a batch": lambda t: t.distributions.Sample(
        t.distributions.Normal(np.array([0.0, 1.0]), F(2)), 3
    ),
    "Sample of vectors": lambda t: t.distributions.Sample(
        t.distributions.MultivariateNormalTriL(ZEROS, ROOT), 3
    ),
    "Mixture": lambda t: t.distributions.Mixture(
        t.distributions.Categorical(probs=F([0.3, 0.7])),
        [t.distributions.Normal(F(0), F(1)), t.distributions.Laplace(F(1), F(2))],
    ),
    "MixtureSameFamily": lambda t: t.distributions.MixtureSameFamily(
        t.distributions.Categorical(probs=F([0.3, 0.7])),
        t.distributions.Normal(np.array([0.0, 1.0]), F(2)),
    ),
    "bijectors": lambda t: t.distributions.TransformedDistribution(
        t.distributions.Normal(F(0), F(1)),
        t.bijectors.Chain(
            [
                t.bijectors.Sigmoid(F(1), F(3)),
                t.bijectors.Shift(F(1)),
                t.bijectors.Scale(log_scale=F(0.5)),
                t.bijectors.Invert(t.bijectors.Exp()),
                t.bijectors.Expm1(),
                t.bijectors.Exp(),
            ]
        ),
    ),
    "inverse bijectors": lambda t: t.distributions.TransformedDistribution(
        t.distributions.Beta(F(2), F(3)),
        t.bijectors.Invert(
            t.bijectors.Chain(
                [t.bijectors.Sigmoid(), t.bijectors.Shift(F(1)), t.bijectors.Scale(F(2))]
            )
        ),
    ),
    "powers": lambda t: t.distributions.TransformedDistribution(
        t.distributions.Gamma(F(2), F(3)),
        t.bijectors.Chain(
            [t.bijectors.Square(), t.bijectors.Reciprocal(), t.bijectors.Power(F(3))]
        ),
    ),
}


def quietly(f: Callable[[], Any]) -> Any:
    """TensorFlow Probability warns about JAX's future in places."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f()


@pytest.mark.parametrize(
    "make", cases(OBJECTS, "Gamma of a log, PERT, WishartTriL, Sample, Mixture, inverse bijectors")
)
def test_the_density_is_that_of_the_object(make: Make, tfp: Any, jax_backend: JaxBackend) -> None:
    theirs = quietly(lambda: make(tfp))
    ours = quietly(lambda: assert_same_density(jax_backend, theirs, theirs.log_prob))
    assert ours.batch_shape == tuple(theirs.batch_shape)


def test_categories(tfp: Any) -> None:
    d = tfp.distributions
    for kind in (d.Categorical, d.OneHotCategorical):
        p, q = kind(probs=F([0.5, 0.5, 0.0])), kind(logits=F([0.0, 0.0, 0.0]))
        assert isinstance(as_distribution(p), Probs)
        assert float(relative_entropy(p, q)) == pytest.approx(np.log(1.5), rel=1e-12)
    p, q = (d.OrderedLogistic(F([0.0, 1.0]), F(x)) for x in (0.1, 0.5))
    assert isinstance(as_distribution(p), LogProbs)
    assert float(relative_entropy(p, q)) == pytest.approx(float(d.kl_divergence(p, q)), rel=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        lambda d: d.TruncatedCauchy(F(0), F(1), F(-1), F(2)),
        lambda d: d.HalfStudentT(F(3), F(1), F(2)),
        lambda d: d.JohnsonSU(F(0), F(1), F(0), F(2)),
    ],
)
@pytest.mark.exhaustive
def test_a_kind_that_is_not_ours_is_taken_by_its_density(make: Make, tfp: Any) -> None:
    p = quietly(lambda: make(tfp.distributions))
    ours = quietly(lambda: as_distribution(p))
    assert isinstance(ours, LogDensity)
    x = F([1.1, 1.5])
    np.testing.assert_allclose(ours.log_density(x), p.log_prob(x), rtol=1e-6)
    d = quietly(lambda: relative_entropy(p, tfp.distributions.Cauchy(F(0), F(1))))
    assert 0 < float(d) < 2


def test_a_probit_far_out_keeps_its_digits(tfp: Any) -> None:
    p = as_distribution(tfp.distributions.ProbitBernoulli(probits=F(-20)))
    assert float(p.log_density(F(1))) == pytest.approx(-203.91715537109723, rel=1e-10)


def test_the_numpy_substrate() -> None:
    d = imported("tensorflow_probability.substrates.numpy").distributions
    one = np.float64(1)
    p, q = d.Normal(one / 2, one), d.Normal(np.array([0.0, 0.5]), one)
    found = quietly(lambda: relative_entropy(p, q))
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, [0.125, 0.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: t.distributions.CholeskyLKJ(3, 1.0), "CholeskyLKJ has no counterpart"),
        (
            lambda t: t.distributions.WishartTriL(F(3), ROOT, input_output_cholesky=True),
            "Wishart distribution of Cholesky factors",
        ),
        (
            lambda t: t.distributions.TransformedDistribution(
                t.distributions.Normal(F([0, 1]), F(1)), t.bijectors.Softsign()
            ),
            "TransformedDistribution has no counterpart",
        ),
        (lambda t: t.distributions.Skellam(F(1), F(2)), "Skellam has no counterpart"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(make: Make, message: str, tfp: Any) -> None:
    with pytest.raises(TypeError, match=message):
        as_distribution(quietly(lambda: make(tfp)))


# From the module distrax.
DISTRAX: dict[str, Make] = {
    "Normal": lambda d: d.Normal(np.array([0.0, 1.0]), F(2)),
    "LogStddevNormal": lambda d: d.LogStddevNormal(F(0), F(2)),
    "Laplace": lambda d: d.Laplace(F(0), F(2)),
    "Gumbel": lambda d: d.Gumbel(F(0), F(2)),
    "Logistic": lambda d: d.Logistic(F(0), F(2)),
    "Gamma": lambda d: d.Gamma(F(2), F(3)),
    "Beta": lambda d: d.Beta(F(2), F(3)),
    "Uniform": lambda d: d.Uniform(F(1), F(3)),
    "VonMises": lambda d: d.VonMises(F(1), F(2)),
    "Bernoulli": lambda d: d.Bernoulli(probs=F(0.3)),
    "Bernoulli of logits": lambda d: d.Bernoulli(logits=F(2)),
    "Deterministic": lambda d: d.Deterministic(F(2)),
    "Dirichlet": lambda d: d.Dirichlet(np.array([1.0, 2.0, 3.0])),
    "Multinomial": lambda d: d.Multinomial(4, probs=F([0.2, 0.8])),
    "MultivariateNormalTri": lambda d: d.MultivariateNormalTri(ZEROS, ROOT),
    "of an upper root": lambda d: d.MultivariateNormalTri(ZEROS, ROOT.T, is_lower=False),
    "MultivariateNormalDiag": lambda d: d.MultivariateNormalDiag(ZEROS, ZEROS + 2),
    "of a covariance": lambda d: d.MultivariateNormalFullCovariance(ZEROS, ROOT @ ROOT.T),
    "of a diagonal and more": lambda d: d.MultivariateNormalDiagPlusLowRank(
        ZEROS, ZEROS + 2, np.ones((2, 1))
    ),
    "Independent": lambda d: d.Independent(d.Normal(np.array([[0.0, 1.0]]), F(2)), 1),
    "MixtureSameFamily": lambda d: d.MixtureSameFamily(
        d.Categorical(probs=F([0.3, 0.7])), d.Normal(np.array([0.0, 1.0]), F(2))
    ),
    "MixtureOfTwo": lambda d: d.MixtureOfTwo(F(0.3), d.Normal(F(0), F(1)), d.Laplace(F(1), F(2))),
    "Transformed": lambda d: d.Transformed(
        d.Normal(F(0), F(1)),
        d.Chain([d.Tanh(), d.ScalarAffine(F(1), F(2)), d.Inverse(d.Sigmoid()), d.Sigmoid()]),
    ),
    "of a function": lambda d: d.Transformed(
        d.Normal(F(0), F(1)), d.Lambda(imported("jax.numpy").exp)
    ),
    "by entry": lambda d: d.Transformed(
        d.MultivariateNormalTri(ZEROS, ROOT), d.Block(d.Sigmoid(), 1)
    ),
    "of TensorFlow Probability": lambda d: d.as_distribution(
        imported("tensorflow_probability.substrates.jax").distributions.Weibull(F(2), F(3))
    ),
}


@pytest.mark.parametrize(
    "make", cases(DISTRAX, "Beta, MixtureOfTwo, Transformed, of TensorFlow Probability")
)
def test_the_density_is_that_of_an_object_of_distrax(
    make: Make, distrax: Any, jax_backend: JaxBackend
) -> None:
    theirs = quietly(lambda: make(distrax))
    ours = quietly(lambda: assert_same_density(jax_backend, theirs, theirs.log_prob, 1e-7))
    assert ours.batch_shape == tuple(theirs.batch_shape)


def test_categories_of_distrax(distrax: Any) -> None:
    p, q = distrax.Greedy(np.array([0.5, 0.9])), distrax.Softmax(np.zeros(2), 2.0)
    assert float(quietly(lambda: relative_entropy(p, q, base=2))) == 1
    assert quietly(lambda: relative_entropy(q, p)) == np.inf
    with pytest.raises(TypeError, match="Clipped has no counterpart"):
        as_distribution(distrax.Clipped(distrax.Normal(0.0, 1.0), -1.0, 1.0))
