"""NumPyro's distributions as our distributions."""

import math
from typing import Any

from relentropy import _array
from relentropy.bridges import reading
from relentropy.bridges.reading import (
    Distribution,
    InJax,
    Reader,
    by_density,
    in_jax,
    interval,
    reader_of,
    refused,
    unchecked,
)
from relentropy.bridges.transforms import joined, steps
from relentropy.distributions.bijections import Affine
from relentropy.distributions.discrete import Logits, Probs
from relentropy.distributions.integers import (
    Bernoulli,
    BetaBinomial,
    Binomial,
    Delta,
    Geometric,
    NegativeBinomial,
    Poisson,
)
from relentropy.distributions.interval import Beta, Kumaraswamy, Uniform, VonMises
from relentropy.distributions.line import (
    AsymmetricLaplace,
    Cauchy,
    Gumbel,
    Laplace,
    Logistic,
    Normal,
    StudentT,
)
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.matrices import InverseWishart, MatrixNormal, Wishart
from relentropy.distributions.mixture import Mixture
from relentropy.distributions.multivariate import MultivariateNormal, MultivariateStudentT
from relentropy.distributions.positive import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    LogNormal,
    Weibull,
)
from relentropy.distributions.power_law import Pareto
from relentropy.distributions.simplex import Dirichlet, Multinomial
from relentropy.distributions.transformed import Transformed
from relentropy.distributions.truncated import TruncatedNormal

INF = math.inf


def read(d: Any) -> Distribution:
    """The distribution that an object of NumPyro describes."""
    reader = reader_of(d, "numpyro", READERS, "log_prob")
    return by_own_density(d) if reader is None else reader(d)


def by_own_density(d: Any) -> Distribution:
    """A kind that we don't have, by its density; TypeError unless it is of one real number."""
    if d.event_shape or not d.support or interval(d.support) is None:
        raise refused(d)
    return by_density(d, unchecked(d).log_prob, interval(d.support), in_jax(0.0))


def same_names(*families: type) -> dict[str, Reader]:
    readers = reading.same_names(*families)
    return {name: _viewed(reader) for name, reader in readers.items()}


def _viewed(reader: Reader) -> Reader:
    return lambda d: reader(InJax(d))


def probs_and_logits(family: Any, *others: str) -> dict[str, Reader]:
    """NumPyro has a class for each of the two ways to give a probability."""

    def reader(given: str) -> Reader:
        names = (given, *others)
        return lambda d: family(**{name: in_jax(getattr(d, name)) for name in names})

    name = family.__name__
    return {f"{name}Probs": reader("probs"), f"{name}Logits": reader("logits")}


def negative_binomial(d: Any) -> NegativeBinomial:
    """A Poisson whose rate is gamma distributed: success with the odds 1 / rate."""
    concentration, rate = in_jax(d.concentration), in_jax(d.rate)
    return NegativeBinomial(concentration, logits=-_array.namespace(rate).log(rate))


def truncated(d: Any, low: Any = -INF, high: Any = INF) -> Distribution:
    """A normal distribution cut off; another one by its density."""
    base = read(d.base_dist)
    if not isinstance(base, Normal):
        return by_own_density(d)
    return TruncatedNormal(base.loc, base.scale, in_jax(low), in_jax(high))


def delta(d: Any) -> Delta:
    """A point; NumPyro can give it any weight, we can't."""
    if d.event_dim or _array.known(_array.namespace(v := in_jax(d.log_density)).any(v != 0)):
        raise refused(d, "a Delta with a log_density or an event dimension has no counterpart")
    return Delta(in_jax(d.v))


def expanded(d: Any) -> Distribution:
    """A batch of equal ones."""
    return reading.expanded(read(d.base_dist), len(d.base_dist.batch_shape), d.batch_shape)


def independent(d: Any) -> Distribution:
    return reading.independent(read(d.base_dist), d.reinterpreted_batch_ndims)


def mixture_of_batch(d: Any) -> Mixture:
    return Mixture(in_jax(d.mixing_distribution.probs), read(d.component_distribution))


def mixture_of_list(d: Any) -> Mixture:
    parts = [read(component) for component in d.component_distributions]
    return Mixture(in_jax(d.mixing_distribution.probs), parts)


def transformed(d: Any) -> Distribution:
    moves = joined(steps(t, in_jax) for t in d.transforms)
    if moves is None:
        return by_own_density(d)
    return reading.transformed(read(d.base_dist), *moves)


def levy(d: Any) -> Distribution:
    p = InverseGamma(0.5, in_jax(d.scale) / 2)
    return Transformed(p, Affine(in_jax(d.loc), 1.0))


READERS: dict[str, Reader] = {
    **same_names(
        *(Normal, Cauchy, Laplace, AsymmetricLaplace, Gumbel, Logistic, StudentT),
        *(LogNormal, HalfNormal, HalfCauchy, Exponential, Gamma, InverseGamma, Weibull, Pareto),
        *(Beta, Kumaraswamy, Uniform, VonMises, BetaBinomial, Poisson),
    ),
    **probs_and_logits(Bernoulli),
    **probs_and_logits(Geometric),
    **probs_and_logits(Binomial, "total_count"),
    **probs_and_logits(NegativeBinomial, "total_count"),
    "AsymmetricLaplaceQuantile": lambda d: read(d._ald),
    "GammaPoisson": negative_binomial,
    "LeftTruncatedDistribution": lambda d: truncated(d, low=d.low),
    "RightTruncatedDistribution": lambda d: truncated(d, high=d.high),
    "TwoSidedTruncatedDistribution": lambda d: truncated(d, d.low, d.high),
    "CategoricalProbs": lambda d: Probs(in_jax(d.probs)),
    "CategoricalLogits": lambda d: Logits(in_jax(d.logits)),
    "Delta": delta,
    "ExpandedDistribution": expanded,
    "Independent": independent,
    "MixtureSameFamily": mixture_of_batch,
    "MixtureGeneral": mixture_of_list,
    "TransformedDistribution": transformed,
    "Levy": levy,
    "Dirichlet": lambda d: Dirichlet(in_jax(d.concentration)),
    **probs_and_logits(Multinomial, "total_count"),
    "MultivariateNormal": lambda d: MultivariateNormal(d.loc, scale_tril=d.scale_tril),
    "LowRankMultivariateNormal": lambda d: LowRankMultivariateNormal(
        d.loc, d.cov_factor, d.cov_diag
    ),
    "MultivariateStudentT": lambda d: MultivariateStudentT(in_jax(d.df), d.loc, d.scale_tril),
    "MatrixNormal": lambda d: MatrixNormal(d.loc, d.scale_tril_row, d.scale_tril_column),
    "Wishart": lambda d: Wishart(in_jax(d.concentration), scale_tril=d.scale_tril),
    "InverseWishart": lambda d: InverseWishart(in_jax(d.concentration), scale_tril=d.scale_tril),
}
