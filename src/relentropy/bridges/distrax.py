"""Distrax's distributions as our distributions."""

from typing import Any

from relentropy import _array
from relentropy.bridges import reading, tfp
from relentropy.bridges.bijectors import steps
from relentropy.bridges.reading import Distribution, InJax, Reader, reader_of, refused, same_names
from relentropy.distributions.discrete import Logits, Probs
from relentropy.distributions.integers import Bernoulli, Delta
from relentropy.distributions.interval import Beta, Uniform, VonMises
from relentropy.distributions.line import Gumbel, Laplace, Logistic, Normal
from relentropy.distributions.mixture import Mixture
from relentropy.distributions.multivariate import MultivariateNormal
from relentropy.distributions.positive import Gamma
from relentropy.distributions.simplex import Dirichlet, Multinomial


def read(d: Any) -> Distribution:
    """The distribution that an object of Distrax describes."""
    reader = reader_of(d, "distrax", READERS, "log_prob")
    if reader is None:
        raise refused(d)
    return reader(d if type(d).__name__ == "DistributionFromTFP" else InJax(d))


def categorical(d: Any) -> Probs | Logits:
    """From what it was made of: the other one is derived, and less exact."""
    return Probs(d._probs) if d._probs is not None else Logits(d._logits)


def bernoulli(d: Any) -> Bernoulli:
    return Bernoulli(d._probs, logits=d._logits)


def independent(d: Any) -> Distribution:
    return reading.independent(read_any(d.distribution), int(d.reinterpreted_batch_ndims))


def read_any(d: Any) -> Distribution:
    """Parts may be TensorFlow Probability's."""
    return tfp.read(d) if type(d).__module__.startswith("tensorflow_probability") else read(d)


def mixture(d: Any) -> Mixture:
    weights = d.mixture_distribution
    probs = weights.probs if hasattr(weights, "_probs") else weights.probs_parameter()
    return Mixture(probs, read_any(d.components_distribution))


def mixture_of_two(d: Any) -> Mixture:
    p, xp = d.prob_a, _array.namespace(d.prob_a)
    parts = [read_any(d._component_a), read_any(d._component_b)]
    return Mixture(xp.stack([p, 1 - p], axis=-1), parts)


def multinomial(d: Any) -> Multinomial:
    return Multinomial(d.total_count, d._probs, logits=d._logits)


def transformed(d: Any) -> Distribution:
    moves = steps(d.bijector)
    if moves is None:
        raise refused(d, f"the bijector {type(d.bijector).__name__} has no counterpart")
    return reading.transformed(read_any(d.distribution), *moves)


def normal_vector(d: Any) -> MultivariateNormal:
    """From the root of the covariance where that is known and lower triangular."""
    if getattr(d, "_is_lower", False):
        return MultivariateNormal(d.loc, scale_tril=d.scale_tri)
    return MultivariateNormal(d.loc, d.covariance())


READERS: dict[str, Reader] = {
    **same_names(Normal, Laplace, Gumbel, Logistic, Gamma, Uniform, VonMises),
    "Beta": lambda d: Beta(d.alpha, d.beta),
    "Bernoulli": bernoulli,
    "Categorical": categorical,
    "OneHotCategorical": categorical,
    "Dirichlet": lambda d: Dirichlet(d.concentration),
    "Multinomial": multinomial,
    "MultivariateNormalFromBijector": normal_vector,
    "Independent": independent,
    "MixtureSameFamily": mixture,
    "MixtureOfTwo": mixture_of_two,
    "Transformed": transformed,
    "DistributionFromTFP": tfp.read,
    "Deterministic": lambda d: Delta(d.loc),
}
