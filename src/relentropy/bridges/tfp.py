"""TensorFlow Probability's distributions, on its JAX and NumPy substrates, as our distributions."""

from typing import Any

from relentropy import _array
from relentropy._special import log_ndtr
from relentropy.bridges import reading
from relentropy.bridges.bijectors import scale_of, steps
from relentropy.bridges.reading import (
    Distribution,
    Reader,
    by_density,
    not_none,
    reader_of,
    refused,
    same_names,
)
from relentropy.distributions.bijections import Affine, Exp, Log, Logit
from relentropy.distributions.directional import VonMisesFisher
from relentropy.distributions.discrete import Logits, LogProbs, Probs
from relentropy.distributions.integers import (
    Bernoulli,
    BetaBinomial,
    Binomial,
    Delta,
    Geometric,
    NegativeBinomial,
    Poisson,
    Zipf,
)
from relentropy.distributions.interval import (
    Beta,
    ContinuousBernoulli,
    Kumaraswamy,
    LogitNormal,
    Triangular,
    Uniform,
    VonMises,
)
from relentropy.distributions.line import Cauchy, Gumbel, Laplace, Logistic, Moyal, Normal, StudentT
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.matrices import MatrixNormal, Wishart
from relentropy.distributions.mixture import Mixture
from relentropy.distributions.multivariate import MultivariateNormal, MultivariateStudentT
from relentropy.distributions.positive import (
    Chi,
    Chi2,
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    InverseGaussian,
    LogNormal,
    Weibull,
)
from relentropy.distributions.power_law import GeneralizedPareto, Pareto
from relentropy.distributions.simplex import Dirichlet, Multinomial
from relentropy.distributions.truncated import TruncatedNormal

INF = float("inf")


def read(d: Any) -> Distribution:
    """The distribution that an object of TensorFlow Probability describes."""
    reader = reader_of(d, "tensorflow_probability", READERS, "_log_prob")
    return by_own_density(d) if reader is None else reader(d)


def by_own_density(d: Any) -> Distribution:
    """A kind that we don't have, by its density; TypeError unless it is of one real number."""
    import numpy

    if tuple(d.event_shape) or tuple(d.batch_shape):
        raise refused(d)
    substrate = "jax" if "substrates.jax" in type(d).__module__ else "numpy"
    zero = _array.array_of(substrate, numpy.zeros((), dtype=d.dtype))
    return by_density(d, d.log_prob, support(d, zero), zero)


def support(d: Any, zero: Any) -> tuple[float, float] | None:
    """The image of the line under the bijector that the object proposes."""
    bijector = d.experimental_default_event_space_bijector()
    if bijector is None:
        return None
    low, high = sorted(float(bijector.forward(zero + end)) for end in (-INF, INF))
    return (low, high) if low < high else None


def probs_or_logits(d: Any) -> dict[str, Any]:
    """What the object was made from; the other one is None."""
    return not_none(d, "probs", "logits")


def categorical(d: Any) -> Probs | Logits:
    return Probs(d.probs) if d.probs is not None else Logits(d.logits)


def inverse_gamma(d: Any) -> InverseGamma:
    return InverseGamma(d.concentration, scale_of(d))


def gamma(d: Any) -> Gamma:
    return Gamma(d.concentration, _exp_of(d, "rate", "log_rate"))


def poisson(d: Any) -> Poisson:
    return Poisson(_exp_of(d, "rate", "log_rate"))


def probit(d: Any) -> Bernoulli:
    """The log-odds of Φ(x), exact in both tails."""
    if d.probits is None:
        return Bernoulli(d.probs)
    return Bernoulli(logits=log_ndtr(d.probits) - log_ndtr(-d.probits))


def _exp_of(d: Any, name: str, log_name: str) -> Any:
    """A parameter, or the exponential of its logarithm where that was given."""
    x = getattr(d, name)
    if x is not None:
        return x
    log_x = getattr(d, log_name)
    return _array.namespace(log_x).exp(log_x)


def independent(d: Any) -> Distribution:
    return reading.independent(read(d.distribution), int(d.reinterpreted_batch_ndims))


def repeated(d: Any) -> Distribution:
    """Independent draws from one distribution, or from each of a batch of numbers."""
    batch, event = tuple(d.distribution.batch_shape), tuple(d.distribution.event_shape)
    size = tuple(d.event_shape)[: len(d.event_shape) - len(event)]
    if batch and event:
        raise refused(d, "a Sample of a batch of distributions of vectors has no counterpart")
    base, rank = read(d.distribution), len(batch)
    if rank:
        base = base.mapped(lambda x: x[(..., *[None] * len(size))])
        rank += len(size)
    return reading.independent(reading.expanded(base, rank, (*batch, *size)), len(size))


def mixture(d: Any) -> Mixture:
    return Mixture(d.cat.probs_parameter(), [read(component) for component in d.components])


def mixture_of_batch(d: Any) -> Mixture:
    return Mixture(d.mixture_distribution.probs_parameter(), read(d.components_distribution))


def transformed(d: Any) -> Distribution:
    moves = steps(d.bijector)
    return by_own_density(d) if moves is None else reading.transformed(read(d.distribution), *moves)


def spherical_uniform(d: Any) -> VonMisesFisher:
    """A von Mises-Fisher distribution without concentration, whatever its direction."""
    centre = d.mean()
    direction = _array.astype(_array.positions(centre) == 0, centre.dtype)
    return VonMisesFisher(direction, 0.0)


def _dense(root: Any) -> Any:
    return root.to_dense() if hasattr(root, "to_dense") else root


def wishart(d: Any) -> Wishart:
    if d.input_output_cholesky:
        raise refused(d, "a Wishart distribution of Cholesky factors has no counterpart")
    return Wishart(d.df, scale_tril=_dense(d.scale))


def half_cauchy(d: Any) -> Distribution:
    return reading.transformed(HalfCauchy(d.scale), Affine(d.loc, 1.0))


def pert(d: Any) -> Distribution:
    """A beta distribution between two ends."""
    width = d.high - d.low
    a, b = (1 + d.temperature * x / width for x in (d.peak - d.low, d.high - d.peak))
    return reading.transformed(Beta(a, b), Affine(d.low, width))


def normal_vector(d: Any) -> MultivariateNormal:
    """From the root of the covariance where that is triangular, otherwise from the covariance."""
    loc, scale = d.mean(), d.scale
    if type(scale).__name__ in TRIANGULAR:
        return MultivariateNormal(loc, scale_tril=scale.to_dense())
    return MultivariateNormal(loc, d.covariance())


def low_rank(d: Any) -> LowRankMultivariateNormal:
    return LowRankMultivariateNormal(d.mean(), d.cov_perturb_factor, d.cov_diag_factor)


TRIANGULAR = (
    *("LinearOperatorLowerTriangular", "LinearOperatorDiag"),
    *("LinearOperatorIdentity", "LinearOperatorScaledIdentity"),
)


READERS: dict[str, Reader] = {
    **same_names(
        *(Normal, Cauchy, Laplace, Gumbel, Logistic, Moyal, StudentT),
        *(LogNormal, HalfNormal, Exponential, Chi, Chi2, Weibull, InverseGaussian),
        *(GeneralizedPareto, Beta, Kumaraswamy, LogitNormal, Uniform, Triangular),
        *(TruncatedNormal, VonMises, BetaBinomial, Zipf),
    ),
    "Gamma": gamma,
    "InverseGamma": inverse_gamma,
    "Pareto": lambda d: Pareto(d.scale, d.concentration),
    "Poisson": poisson,
    "Bernoulli": lambda d: Bernoulli(**probs_or_logits(d)),
    "ProbitBernoulli": probit,
    "Geometric": lambda d: Geometric(**probs_or_logits(d)),
    "ContinuousBernoulli": lambda d: ContinuousBernoulli(**probs_or_logits(d)),
    "Binomial": lambda d: Binomial(d.total_count, **probs_or_logits(d)),
    "NegativeBinomial": lambda d: NegativeBinomial(d.total_count, **probs_or_logits(d)),
    "Categorical": categorical,
    "OneHotCategorical": categorical,
    "OrderedLogistic": lambda d: LogProbs(d.categorical_log_probs()),
    "StoppingRatioLogistic": lambda d: LogProbs(d.categorical_log_probs()),
    "HalfCauchy": half_cauchy,
    "ExpGamma": lambda d: reading.transformed(gamma(d), Log()),
    "ExpInverseGamma": lambda d: reading.transformed(inverse_gamma(d), Log()),
    "LogLogistic": lambda d: reading.transformed(Logistic(d.loc, d.scale), Exp()),
    "SigmoidBeta": lambda d: reading.transformed(Beta(d.concentration1, d.concentration0), Logit()),
    "PERT": pert,
    "Dirichlet": lambda d: Dirichlet(d.concentration),
    "Multinomial": lambda d: Multinomial(d.total_count, **probs_or_logits(d)),
    "MultivariateNormalLinearOperator": normal_vector,
    "MultivariateNormalDiagPlusLowRankCovariance": low_rank,
    "MultivariateStudentTLinearOperator": lambda d: MultivariateStudentT(
        d.df, d.loc, d.scale.to_dense()
    ),
    "MatrixNormalLinearOperator": lambda d: MatrixNormal(
        d.loc, d.scale_row.to_dense(), d.scale_column.to_dense()
    ),
    "WishartLinearOperator": wishart,
    "GaussianProcess": lambda d: read(d.get_marginal_distribution()),
    "VonMisesFisher": lambda d: VonMisesFisher(d.mean_direction, d.concentration),
    "SphericalUniform": spherical_uniform,
    "Independent": independent,
    "Sample": repeated,
    "Mixture": mixture,
    "MixtureSameFamily": mixture_of_batch,
    "TransformedDistribution": transformed,
    "Deterministic": lambda d: Delta(d.loc),
}
