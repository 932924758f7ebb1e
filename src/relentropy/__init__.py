"""Relative entropy: how far one distribution is from another, in nats or bits.

``relative_entropy(p, q)`` is D(P||Q) for any description of P and Q. Importing this package
loads no numerical library; each is imported on first use.
"""

from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

from relentropy._lazy import lookup

__version__ = "0.1.0"

if TYPE_CHECKING:
    from relentropy import compare as compare
    from relentropy._convert import as_distribution as as_distribution
    from relentropy._divergences import bhattacharyya as bhattacharyya
    from relentropy._divergences import bounds as bounds
    from relentropy._divergences import chernoff as chernoff
    from relentropy._divergences import chi_square as chi_square
    from relentropy._divergences import f_divergence as f_divergence
    from relentropy._divergences import hellinger as hellinger
    from relentropy._divergences import jeffreys as jeffreys
    from relentropy._divergences import jensen_shannon as jensen_shannon
    from relentropy._divergences import renyi as renyi
    from relentropy._divergences import total_variation as total_variation
    from relentropy._divergences import tsallis as tsallis
    from relentropy._gradients import RelativeEntropyGradients as RelativeEntropyGradients
    from relentropy._gradients import relative_entropy_gradients as relative_entropy_gradients
    from relentropy._heads import LinearDivergences as LinearDivergences
    from relentropy._heads import linear_divergences as linear_divergences
    from relentropy._heads import linear_relative_entropy as linear_relative_entropy
    from relentropy._joint import conditional_entropy as conditional_entropy
    from relentropy._joint import conditional_mutual_information as conditional_mutual_information
    from relentropy._joint import conditional_relative_entropy as conditional_relative_entropy
    from relentropy._joint import mutual_information as mutual_information
    from relentropy._rules import rule_for as rule_for
    from relentropy._rules import rules as rules
    from relentropy._sharded import sharded_relative_entropy as sharded_relative_entropy
    from relentropy._verbs import cross_entropy as cross_entropy
    from relentropy._verbs import entr as entr
    from relentropy._verbs import entropy as entropy
    from relentropy._verbs import kl_div as kl_div
    from relentropy._verbs import kl_divergence as kl_divergence
    from relentropy._verbs import perplexity as perplexity
    from relentropy._verbs import rel_entr as rel_entr
    from relentropy._verbs import relative_entropy as relative_entropy
    from relentropy._verbs import surprisal as surprisal
    from relentropy.distributions.bijections import Affine as Affine
    from relentropy.distributions.bijections import Compose as Compose
    from relentropy.distributions.bijections import Exp as Exp
    from relentropy.distributions.bijections import Log as Log
    from relentropy.distributions.bijections import Logit as Logit
    from relentropy.distributions.bijections import Power as Power
    from relentropy.distributions.bijections import Sigmoid as Sigmoid
    from relentropy.distributions.bijections import Tanh as Tanh
    from relentropy.distributions.compound import Independent as Independent
    from relentropy.distributions.directional import VonMisesFisher as VonMisesFisher
    from relentropy.distributions.discrete import Counts as Counts
    from relentropy.distributions.discrete import Logits as Logits
    from relentropy.distributions.discrete import LogProbs as LogProbs
    from relentropy.distributions.discrete import Probs as Probs
    from relentropy.distributions.integers import Bernoulli as Bernoulli
    from relentropy.distributions.integers import BetaBinomial as BetaBinomial
    from relentropy.distributions.integers import Binomial as Binomial
    from relentropy.distributions.integers import Delta as Delta
    from relentropy.distributions.integers import Geometric as Geometric
    from relentropy.distributions.integers import NegativeBinomial as NegativeBinomial
    from relentropy.distributions.integers import Poisson as Poisson
    from relentropy.distributions.integers import Zipf as Zipf
    from relentropy.distributions.interval import Beta as Beta
    from relentropy.distributions.interval import ContinuousBernoulli as ContinuousBernoulli
    from relentropy.distributions.interval import Kumaraswamy as Kumaraswamy
    from relentropy.distributions.interval import LogitNormal as LogitNormal
    from relentropy.distributions.interval import Triangular as Triangular
    from relentropy.distributions.interval import Uniform as Uniform
    from relentropy.distributions.interval import VonMises as VonMises
    from relentropy.distributions.line import AsymmetricLaplace as AsymmetricLaplace
    from relentropy.distributions.line import Cauchy as Cauchy
    from relentropy.distributions.line import Gumbel as Gumbel
    from relentropy.distributions.line import Laplace as Laplace
    from relentropy.distributions.line import Logistic as Logistic
    from relentropy.distributions.line import Moyal as Moyal
    from relentropy.distributions.line import Normal as Normal
    from relentropy.distributions.line import StudentT as StudentT
    from relentropy.distributions.log_density import LogDensity as LogDensity
    from relentropy.distributions.low_rank import (
        LowRankMultivariateNormal as LowRankMultivariateNormal,
    )
    from relentropy.distributions.matrices import InverseWishart as InverseWishart
    from relentropy.distributions.matrices import MatrixNormal as MatrixNormal
    from relentropy.distributions.matrices import Wishart as Wishart
    from relentropy.distributions.mixture import Mixture as Mixture
    from relentropy.distributions.multivariate import MultivariateNormal as MultivariateNormal
    from relentropy.distributions.multivariate import MultivariateStudentT as MultivariateStudentT
    from relentropy.distributions.positive import Chi as Chi
    from relentropy.distributions.positive import Chi2 as Chi2
    from relentropy.distributions.positive import Exponential as Exponential
    from relentropy.distributions.positive import FisherSnedecor as FisherSnedecor
    from relentropy.distributions.positive import Gamma as Gamma
    from relentropy.distributions.positive import HalfCauchy as HalfCauchy
    from relentropy.distributions.positive import HalfNormal as HalfNormal
    from relentropy.distributions.positive import InverseGamma as InverseGamma
    from relentropy.distributions.positive import InverseGaussian as InverseGaussian
    from relentropy.distributions.positive import LogNormal as LogNormal
    from relentropy.distributions.positive import Maxwell as Maxwell
    from relentropy.distributions.positive import Rayleigh as Rayleigh
    from relentropy.distributions.positive import Weibull as Weibull
    from relentropy.distributions.power_law import GeneralizedPareto as GeneralizedPareto
    from relentropy.distributions.power_law import Pareto as Pareto
    from relentropy.distributions.processes import GaussianProcess as GaussianProcess
    from relentropy.distributions.processes import MarkovChain as MarkovChain
    from relentropy.distributions.processes import MarkovPath as MarkovPath
    from relentropy.distributions.processes import PoissonProcess as PoissonProcess
    from relentropy.distributions.simplex import Dirichlet as Dirichlet
    from relentropy.distributions.simplex import Multinomial as Multinomial
    from relentropy.distributions.transformed import Transformed as Transformed
    from relentropy.distributions.truncated import TruncatedNormal as TruncatedNormal
    from relentropy.frameworks.base import Framework as Framework
    from relentropy.frameworks.registry import register_framework as register_framework
    from relentropy.methods.estimate import Estimate as Estimate
    from relentropy.methods.estimate import estimate as estimate
    from relentropy.methods.moments import moment_projection as moment_projection
    from relentropy.methods.projection import Projection as Projection
    from relentropy.methods.projection import minimum_relative_entropy as minimum_relative_entropy

_EXPORTS = {
    "relentropy._convert": ["as_distribution"],
    "relentropy._divergences": [
        "bhattacharyya",
        "bounds",
        "chernoff",
        "chi_square",
        "f_divergence",
        "hellinger",
        "jeffreys",
        "jensen_shannon",
        "renyi",
        "total_variation",
        "tsallis",
    ],
    "relentropy._gradients": ["RelativeEntropyGradients", "relative_entropy_gradients"],
    "relentropy._heads": [
        "LinearDivergences",
        "linear_divergences",
        "linear_relative_entropy",
    ],
    "relentropy._joint": [
        "conditional_entropy",
        "conditional_mutual_information",
        "conditional_relative_entropy",
        "mutual_information",
    ],
    "relentropy._rules": ["rule_for", "rules"],
    "relentropy._sharded": ["sharded_relative_entropy"],
    "relentropy._verbs": [
        "cross_entropy",
        "entr",
        "entropy",
        "kl_div",
        "kl_divergence",
        "perplexity",
        "rel_entr",
        "relative_entropy",
        "surprisal",
    ],
    "relentropy.distributions.bijections": [
        "Affine",
        "Compose",
        "Exp",
        "Log",
        "Logit",
        "Power",
        "Sigmoid",
        "Tanh",
    ],
    "relentropy.distributions.compound": ["Independent"],
    "relentropy.distributions.log_density": ["LogDensity"],
    "relentropy.distributions.mixture": ["Mixture"],
    "relentropy.distributions.transformed": ["Transformed"],
    "relentropy.distributions.discrete": ["Counts", "LogProbs", "Logits", "Probs"],
    "relentropy.distributions.integers": [
        "Bernoulli",
        "BetaBinomial",
        "Binomial",
        "Delta",
        "Geometric",
        "NegativeBinomial",
        "Poisson",
        "Zipf",
    ],
    "relentropy.distributions.interval": [
        "Beta",
        "ContinuousBernoulli",
        "Kumaraswamy",
        "LogitNormal",
        "Triangular",
        "Uniform",
        "VonMises",
    ],
    "relentropy.distributions.line": [
        "AsymmetricLaplace",
        "Cauchy",
        "Gumbel",
        "Laplace",
        "Logistic",
        "Moyal",
        "Normal",
        "StudentT",
    ],
    "relentropy.distributions.positive": [
        "Chi",
        "Chi2",
        "Exponential",
        "FisherSnedecor",
        "Gamma",
        "HalfCauchy",
        "HalfNormal",
        "InverseGamma",
        "InverseGaussian",
        "LogNormal",
        "Maxwell",
        "Rayleigh",
        "Weibull",
    ],
    "relentropy.distributions.processes": [
        "GaussianProcess",
        "MarkovChain",
        "MarkovPath",
        "PoissonProcess",
    ],
    "relentropy.distributions.directional": [
        "VonMisesFisher",
    ],
    "relentropy.distributions.low_rank": [
        "LowRankMultivariateNormal",
    ],
    "relentropy.distributions.matrices": [
        "InverseWishart",
        "MatrixNormal",
        "Wishart",
    ],
    "relentropy.distributions.multivariate": [
        "MultivariateNormal",
        "MultivariateStudentT",
    ],
    "relentropy.distributions.simplex": [
        "Dirichlet",
        "Multinomial",
    ],
    "relentropy.distributions.power_law": ["GeneralizedPareto", "Pareto"],
    "relentropy.distributions.truncated": ["TruncatedNormal"],
    "relentropy.frameworks.base": ["Framework"],
    "relentropy.frameworks.registry": ["register_framework"],
    "relentropy.methods.estimate": ["Estimate", "estimate"],
    "relentropy.methods.moments": ["moment_projection"],
    "relentropy.methods.projection": ["Projection", "minimum_relative_entropy"],
}
# Public name -> the module that defines it.
_HOMES = {name: module for module, names in _EXPORTS.items() for name in names}
_SUBJECTS = ["compare", "rl"]
_HOMES |= {name: f"relentropy.{name}" for name in _SUBJECTS}

__all__ = ["__version__", *sorted(_HOMES)]

# Found by name alone: `from relentropy import *` does not ask for a framework.
_HOMES |= {name: f"relentropy.{name}" for name in ("jax", "keras", "torch")}

_find = lookup("relentropy", _HOMES)


def __getattr__(name: str) -> Any:
    value = _find(name)
    if isinstance(value, FunctionType):
        # TensorFlow's AutoGraph leaves a function alone that has this: here is nothing to convert.
        value.__dict__["autograph_info__"] = None
    if _HOMES[name].startswith("relentropy.distributions."):
        # Rules are found when they load, which cannot be while a framework traces their use.
        import_module("relentropy._rules").load()
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
