"""Objects of torch.distributions: their densities, their parameters as given, their compounds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats

import relentropy
from relentropy import LogDensity, Logits, Probs, as_distribution, relative_entropy
from tests.backends import TorchBackend
from tests.bridges.densities import assert_same_density

MATRIX = [[2.0, 0.5], [0.5, 1.0]]
Make = Callable[[Any, Any], Any]

# From torch.distributions and torch.tensor.
OBJECTS: dict[str, Make] = {
    "Normal": lambda d, t: d.Normal(t([0.0, 1.0]), 2.0),
    "LogNormal": lambda d, t: d.LogNormal(0.5, 2.0),
    "HalfNormal": lambda d, t: d.HalfNormal(2.0),
    "StudentT": lambda d, t: d.StudentT(3.0, 1.0, 2.0),
    "Cauchy": lambda d, t: d.Cauchy(1.0, 2.0),
    "HalfCauchy": lambda d, t: d.HalfCauchy(2.0),
    "Laplace": lambda d, t: d.Laplace(1.0, 2.0),
    "Gumbel": lambda d, t: d.Gumbel(1.0, 2.0),
    "Exponential": lambda d, t: d.Exponential(2.0),
    "Gamma": lambda d, t: d.Gamma(2.0, 3.0),
    "InverseGamma": lambda d, t: d.InverseGamma(t(2.0), t(3.0)),
    "Chi2": lambda d, t: d.Chi2(3.0),
    "Weibull": lambda d, t: d.Weibull(2.0, 3.0),
    "Pareto": lambda d, t: d.Pareto(2.0, 3.0),
    "GeneralizedPareto": lambda d, t: d.GeneralizedPareto(1.0, 2.0, 0.1),
    "FisherSnedecor": lambda d, t: d.FisherSnedecor(3.0, 4.0),
    "Beta": lambda d, t: d.Beta(2.0, 3.0),
    "Kumaraswamy": lambda d, t: d.Kumaraswamy(2.0, 3.0),
    "Uniform": lambda d, t: d.Uniform(1.0, 3.0),
    "ContinuousBernoulli": lambda d, t: d.ContinuousBernoulli(0.3),
    "ContinuousBernoulli of logits": lambda d, t: d.ContinuousBernoulli(logits=t(2.0)),
    "VonMises": lambda d, t: d.VonMises(1.0, 2.0),
    "Bernoulli": lambda d, t: d.Bernoulli(0.3),
    "Bernoulli of logits": lambda d, t: d.Bernoulli(logits=t(2.0)),
    "Binomial": lambda d, t: d.Binomial(5, t(0.3)),
    "Binomial of logits": lambda d, t: d.Binomial(5, logits=t(2.0)),
    "Geometric": lambda d, t: d.Geometric(0.3),
    "Geometric of logits": lambda d, t: d.Geometric(logits=t(0.5)),
    "NegativeBinomial": lambda d, t: d.NegativeBinomial(5, t(0.3)),
    "NegativeBinomial of logits": lambda d, t: d.NegativeBinomial(5.0, logits=t(-1.0)),
    "Poisson": lambda d, t: d.Poisson(3.0),
    "MultivariateNormal": lambda d, t: d.MultivariateNormal(t([0.0, 1.0]), t(MATRIX)),
    "of a precision": lambda d, t: d.MultivariateNormal(t([0.0, 1.0]), precision_matrix=t(MATRIX)),
    "LowRankMultivariateNormal": lambda d, t: d.LowRankMultivariateNormal(
        t([0.0, 1.0, 2.0]), t([[1.0], [2.0], [0.5]]), t([1.0, 2.0, 3.0])
    ),
    "Dirichlet": lambda d, t: d.Dirichlet(t([1.0, 2.0, 3.0])),
    "Multinomial": lambda d, t: d.Multinomial(4, t([0.2, 0.3, 0.5])),
    "Multinomial of logits": lambda d, t: d.Multinomial(4, logits=t([0.2, 0.3, 0.5])),
    "Wishart": lambda d, t: d.Wishart(t(3.0), t(MATRIX)),
    "Independent": lambda d, t: d.Independent(d.Normal(t([[0.0, 1.0]]), 2.0), 1),
    "Independent of 0 axes": lambda d, t: d.Independent(d.Normal(t([0.0, 1.0]), 2.0), 0),
    "MixtureSameFamily": lambda d, t: d.MixtureSameFamily(
        d.Categorical(t([0.3, 0.7])), d.Normal(t([0.0, 1.0]), t([1.0, 2.0]))
    ),
    "a transform": lambda d, t: d.TransformedDistribution(
        d.Normal(0.0, 1.0), [d.AffineTransform(1.0, -0.5), d.SigmoidTransform()]
    ),
    "composed transforms": lambda d, t: d.TransformedDistribution(
        d.Gamma(2.0, 3.0), d.ComposeTransform([d.PowerTransform(t(2.0)), d.ExpTransform().inv])
    ),
    "inverse transforms": lambda d, t: d.TransformedDistribution(
        d.Beta(2.0, 3.0),
        [d.SigmoidTransform().inv, d.AffineTransform(1.0, 2.0).inv, d.TanhTransform()],
    ),
    "an inverse tanh": lambda d, t: d.TransformedDistribution(
        d.Uniform(-1.0, 1.0), [d.TanhTransform().inv]
    ),
    "an inverse power": lambda d, t: d.TransformedDistribution(
        d.Gamma(2.0, 3.0), [d.PowerTransform(t(2.0)).inv]
    ),
    "a transform of a vector": lambda d, t: d.TransformedDistribution(
        d.Normal(t([0.0, 1.0]), 1.0), [d.AffineTransform(t([1.0, 2.0]), 3.0, event_dim=1)]
    ),
    "an independent transform": lambda d, t: d.TransformedDistribution(
        d.Normal(t([0.0, 1.0]), 1.0), [d.IndependentTransform(d.ExpTransform(), 1)]
    ),
    "a transform of a joint normal": lambda d, t: d.TransformedDistribution(
        d.MultivariateNormal(t([0.0, 1.0]), t(MATRIX)), [d.ExpTransform()]
    ),
}


@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS.keys())
def test_the_density_is_that_of_the_object(
    make: Make, torch_float64: Any, torch_backend: TorchBackend
) -> None:
    torch = torch_float64
    theirs = make(torch.distributions, torch.tensor)
    # PyTorch's Bessel function is a polynomial of 7 digits or so.
    rtol = 1e-7 if isinstance(theirs, torch.distributions.VonMises) else 1e-9
    ours = assert_same_density(torch_backend, theirs, theirs.log_prob, rtol)
    assert ours.batch_shape == tuple(theirs.batch_shape)


@pytest.mark.parametrize("name", ["Categorical", "OneHotCategorical"])
def test_categories_keep_their_zeros(name: str, torch: Any) -> None:
    make = getattr(torch.distributions, name)
    p = make(torch.tensor([0.5, 0.5, 0.0]))
    p.entropy()  # which derives the logits, clipped
    ours = as_distribution(p)
    assert isinstance(ours, Probs)
    assert ours.values[2] == 0
    q = make(torch.tensor([0.25, 0.75, 0.0]))
    assert float(relative_entropy(q, p, base=2)) == pytest.approx(0.1887218755, rel=1e-6)
    assert relative_entropy(make(torch.tensor([0.2, 0.3, 0.5])), p) == float("inf")


def test_logits_keep_their_tails(torch: Any) -> None:
    d = torch.distributions
    p, q = (
        d.Categorical(logits=torch.tensor([0.0, 0.0])),
        d.Categorical(logits=torch.tensor([0.0, -200.0])),
    )
    q.probs
    assert isinstance(as_distribution(q), Logits)
    assert float(relative_entropy(p, q)) == pytest.approx(99.3068528, rel=1e-6)
    b = d.Bernoulli(logits=torch.tensor(20.0))
    b.probs
    assert float(relative_entropy(d.Bernoulli(logits=torch.tensor(0.0)), b)) == pytest.approx(
        9.3068528, rel=1e-6
    )


def test_gradients_reach_the_parameters_of_the_object(torch_float64: Any) -> None:
    torch = torch_float64
    loc, scale = (torch.tensor(x, requires_grad=True) for x in (0.5, 2.0))
    d = relative_entropy(
        torch.distributions.Normal(loc, scale), torch.distributions.Normal(0.0, 1.0)
    )
    d.backward()
    assert loc.grad.item() == pytest.approx(0.5, rel=1e-12)
    assert scale.grad.item() == pytest.approx(2 - 1 / 2, rel=1e-12)
    root = torch.tensor([[1.0, 0.0], [0.5, 2.0]], requires_grad=True)
    p = torch.distributions.MultivariateNormal(torch.zeros(2), scale_tril=root)
    q = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    relative_entropy(p, q).backward()
    np.testing.assert_allclose(root.grad.tril(), [[0.0, 0.0], [0.5, 1.5]], rtol=1e-12)


def test_a_draw_of_independent_categories(torch_float64: Any) -> None:
    torch = torch_float64
    d = torch.distributions
    logits = torch.tensor([[0.1, 0.5], [0.3, -1.0], [2.0, 0.0]])
    p = d.Independent(d.Categorical(logits=logits), 1)
    q = d.Independent(d.Categorical(torch.tensor([[0.5, 0.5]]).expand(3, 2)), 1)
    torch.testing.assert_close(relative_entropy(p, q), d.kl_divergence(p, q))


def test_other_sides_adapt(torch: Any) -> None:
    p = torch.distributions.Normal(torch.tensor([0.0, 1.0]), 1.0)
    for q in (relentropy.Normal(1, 1), scipy.stats.norm(1, 1)):
        assert relative_entropy(p, q).tolist() == [0.5, 0.0]
    assert (
        relative_entropy(
            torch.tensor([0.5, 0.5]), torch.distributions.Categorical(torch.tensor([0.5, 0.5]))
        )
        == 0
    )


def test_the_verbs_take_objects(torch_float64: Any) -> None:
    torch = torch_float64
    p, q = torch.distributions.Gamma(2.0, 3.0), torch.distributions.Gamma(3.0, 3.0)
    assert float(relentropy.entropy(p)) == pytest.approx(float(p.entropy()), rel=1e-12)
    assert "Gamma" in repr(relentropy.rule_for(p, q))
    assert float(relentropy.jeffreys(p, q)) == pytest.approx(
        float(relative_entropy(p, q) + relative_entropy(q, p))
    )


def test_a_subclass_is_read_by_what_it_does(torch: Any) -> None:
    class Named(torch.distributions.Normal):
        """The same density under another name, as Pyro's are."""

    class Bent(torch.distributions.Normal):
        def log_prob(self, value: Any) -> Any:
            return -value.abs()

    assert relative_entropy(Named(1.0, 1.0), torch.distributions.Normal(0.0, 1.0)) == 0.5
    with pytest.raises(ValueError, match="integrates to 2 instead of 1"):
        relative_entropy(Bent(1.0, 1.0), torch.distributions.Normal(0.0, 1.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d, t: d.LKJCholesky(3), "p: torch's LKJCholesky has no counterpart"),
        (
            lambda d, t: d.TransformedDistribution(d.Normal(3.0, 1.0), [d.AbsTransform()]),
            "AbsTransform is not one to one",
        ),
        (lambda d, t: d.LogisticNormal(t([0.0]), t([1.0])), "LogisticNormal has no counterpart"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(make: Make, message: str, torch: Any) -> None:
    with pytest.raises(TypeError, match=message):
        relative_entropy(make(torch.distributions, torch.tensor), torch.tensor([0.5, 0.5]))


@pytest.mark.parametrize(
    "make",
    [
        lambda d, t: d.RelaxedBernoulli(t(2.0), probs=t(0.3)),
        lambda d, t: d.TransformedDistribution(d.Normal(0.0, t(1.0)), [d.SoftplusTransform()]),
    ],
)
def test_a_kind_that_is_not_ours_is_taken_by_its_density(make: Make, torch_float64: Any) -> None:
    torch = torch_float64
    p = make(torch.distributions, torch.tensor)
    ours = as_distribution(p)
    assert isinstance(getattr(ours, "base", ours), LogDensity)
    x = torch.tensor([0.2, 0.7])
    torch.testing.assert_close(ours.log_density(x), p.log_prob(x), rtol=1e-6, atol=0)
    q = torch.distributions.Exponential(1.0)
    points = torch.linspace(0, min(ours.support[1], 40), 400_002)[1:-1]
    log_p, log_q = p.log_prob(points), q.log_prob(points)
    by_hand = torch.trapezoid(log_p.exp() * (log_p - log_q), points)
    assert float(relative_entropy(p, q)) == pytest.approx(float(by_hand), rel=1e-3)
    # Its points outside the other's support are no error.
    assert relative_entropy(torch.distributions.Normal(0.0, 1.0), p) == float("inf")


def test_compiled(torch_float64: Any, torch_backend: TorchBackend) -> None:
    torch = torch_float64
    normal = torch.distributions.Normal

    def f(loc: Any) -> Any:
        p, q = (normal(x, 1.0, validate_args=False) for x in (loc, 0.0))
        return relative_entropy(p, q)

    assert torch_backend.jit(f)(torch.tensor(2.0)) == 2.0
