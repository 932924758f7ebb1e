"""torch.distributions (and Pyro's, which derive from them) as our distributions."""

from typing import Any

from relentropy.bridges import reading
from relentropy.bridges.reading import (
    Distribution,
    Reader,
    by_density,
    first_set,
    reader_of,
    same_names,
    unchecked,
)
from relentropy.bridges.transforms import joined, steps
from relentropy.distributions.discrete import Logits, Probs
from relentropy.distributions.integers import (
    Bernoulli,
    Binomial,
    Geometric,
    NegativeBinomial,
    Poisson,
)
from relentropy.distributions.interval import (
    Beta,
    ContinuousBernoulli,
    Kumaraswamy,
    Uniform,
    VonMises,
)
from relentropy.distributions.line import Cauchy, Gumbel, Laplace, Normal, StudentT
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.matrices import Wishart
from relentropy.distributions.mixture import Mixture
from relentropy.distributions.multivariate import MultivariateNormal
from relentropy.distributions.positive import (
    Chi2,
    Exponential,
    FisherSnedecor,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    LogNormal,
    Weibull,
)
from relentropy.distributions.power_law import GeneralizedPareto, Pareto
from relentropy.distributions.simplex import Dirichlet, Multinomial


def read(d: Any) -> Distribution:
    """The distribution that an object of torch.distributions describes."""
    reader = reader_of(d, "torch.distributions", READERS, "log_prob")
    return by_own_density(d) if reader is None else reader(d)


def by_own_density(d: Any) -> Distribution:
    """A kind that we don't have, by its density; TypeError unless it is of one real number."""
    import torch

    support = None if d.event_shape else reading.interval(d.support)
    like = next((x for x in vars(d).values() if isinstance(x, torch.Tensor)), torch.zeros(()))
    return by_density(d, unchecked(d).log_prob, support, like)


def probs_or_logits(d: Any) -> dict[str, Any]:
    """What the object was made from; the other one is derived, and less exact at the ends."""
    return first_set(d, "probs", "logits")


def categorical(d: Any) -> Probs | Logits:
    """Probabilities where it was made from these, so that zeros are zeros."""
    given = probs_or_logits(d)
    return Probs(given["probs"]) if "probs" in given else Logits(given["logits"])


def one_hot(d: Any) -> Probs | Logits:
    """The same table; torch keeps it one level down."""
    return categorical(d._categorical)


def multinomial(d: Any) -> Multinomial:
    return Multinomial(d.total_count, **probs_or_logits(d._categorical))


def independent(d: Any) -> Distribution:
    return reading.independent(read(d.base_dist), d.reinterpreted_batch_ndims)


def mixture(d: Any) -> Mixture:
    return Mixture(d.mixture_distribution.probs, read(d.component_distribution))


def transformed(d: Any) -> Distribution:
    moves = joined(steps(t) for t in d.transforms)
    if moves is None:
        return by_own_density(d)
    return reading.transformed(read(d.base_dist), *moves)


READERS: dict[str, Reader] = {
    **same_names(
        *(Normal, Cauchy, Laplace, Gumbel, StudentT, LogNormal, HalfNormal, HalfCauchy),
        *(Exponential, Gamma, InverseGamma, Chi2, Weibull, Pareto, GeneralizedPareto),
        *(FisherSnedecor, Beta, Kumaraswamy, Uniform, VonMises, Poisson),
    ),
    "Bernoulli": lambda d: Bernoulli(**probs_or_logits(d)),
    "Geometric": lambda d: Geometric(**probs_or_logits(d)),
    "ContinuousBernoulli": lambda d: ContinuousBernoulli(**probs_or_logits(d)),
    "Binomial": lambda d: Binomial(d.total_count, **probs_or_logits(d)),
    "NegativeBinomial": lambda d: NegativeBinomial(d.total_count, **probs_or_logits(d)),
    "Categorical": categorical,
    "OneHotCategorical": one_hot,
    "Dirichlet": lambda d: Dirichlet(d.concentration),
    "Multinomial": multinomial,
    "MultivariateNormal": lambda d: MultivariateNormal(d.loc, scale_tril=d.scale_tril),
    "LowRankMultivariateNormal": lambda d: LowRankMultivariateNormal(
        d.loc, d.cov_factor, d.cov_diag
    ),
    "Wishart": lambda d: Wishart(d.df, scale_tril=d.scale_tril),
    "Independent": independent,
    "MixtureSameFamily": mixture,
    "TransformedDistribution": transformed,
}
