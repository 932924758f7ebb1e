"""The univariate families as SciPy has them: independent densities, distribution functions, draws.

What SciPy lacks, or has on another support, is written here from its distribution function.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

Array = Any


@dataclass(frozen=True)
class Own:
    """A distribution that SciPy has not, with the faces of a frozen one that the tests use."""

    low: float
    high: float
    log_density: Callable[[Array], Array]
    cdf_inside: Callable[[Array], Array]
    quantile: Callable[[Array], Array]

    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def logpdf(self, x: Array) -> Array:
        x = np.asarray(x, dtype=float)
        inside = (x >= self.low) & (x <= self.high)
        with np.errstate(all="ignore"):
            return np.where(inside, self.log_density(np.where(inside, x, self.low)), -np.inf)

    def cdf(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return self.cdf_inside(np.clip(x, self.low, self.high))

    def ppf(self, u: Array) -> Array:
        return self.quantile(np.asarray(u))


def kumaraswamy(concentration1: float, concentration0: float) -> Own:
    a, b = concentration1, concentration0
    return Own(
        0.0,
        1.0,
        lambda x: math.log(a * b) + special.xlogy(a - 1, x) + special.xlog1py(b - 1, -(x**a)),
        lambda x: 1 - (1 - x**a) ** b,
        lambda u: (1 - (1 - u) ** (1 / b)) ** (1 / a),
    )


def logit_normal(loc: float, scale: float) -> Own:
    z = stats.norm(loc, scale)
    return Own(
        0.0,
        1.0,
        lambda x: np.where(
            (x > 0) & (x < 1), z.logpdf(special.logit(x)) - np.log(x) - np.log1p(-x), -np.inf
        ),
        lambda x: z.cdf(special.logit(x)),
        lambda u: special.expit(z.ppf(u)),
    )


def continuous_bernoulli(probs: float) -> Own:
    if probs == 0.5:
        return Own(0.0, 1.0, lambda x: 0.0 * x, lambda x: x, lambda u: u)
    slope = math.log(probs / (1 - probs))  # the density is slope exp(slope x) / (e^slope - 1)
    return Own(
        0.0,
        1.0,
        lambda x: math.log(slope / math.expm1(slope)) + slope * x,
        lambda x: np.expm1(slope * x) / math.expm1(slope),
        lambda u: np.log1p(u * math.expm1(slope)) / slope,
    )


def von_mises(loc: float, concentration: float) -> Own:
    whole = stats.vonmises(concentration, loc)
    start = whole.cdf(-math.pi)  # SciPy continues it beyond a turn

    def quantile(u: Array) -> Array:
        grid = np.linspace(-math.pi, math.pi, 4001)
        return np.interp(u, whole.cdf(grid) - start, grid)

    return Own(-math.pi, math.pi, whole.logpdf, lambda x: whole.cdf(x) - start, quantile)


def triangular(low: float, high: float, peak: float) -> Any:
    return stats.triang((peak - low) / (high - low), low, high - low)


def truncated_normal(loc: float, scale: float, low: float, high: float) -> Any:
    return stats.truncnorm((low - loc) / scale, (high - loc) / scale, loc, scale)


LAWS: dict[str, Callable[..., Any]] = {
    "Normal": stats.norm,
    "StudentT": stats.t,
    "Cauchy": stats.cauchy,
    "Laplace": stats.laplace,
    "AsymmetricLaplace": lambda loc, scale, asymmetry: stats.laplace_asymmetric(
        asymmetry, loc, scale
    ),
    "Logistic": stats.logistic,
    "Gumbel": stats.gumbel_r,
    "Moyal": stats.moyal,
    "LogNormal": lambda loc, scale: stats.lognorm(scale, scale=math.exp(loc)),
    "HalfNormal": lambda scale: stats.halfnorm(scale=scale),
    "HalfCauchy": lambda scale: stats.halfcauchy(scale=scale),
    "Exponential": lambda rate: stats.expon(scale=1 / rate),
    "Gamma": lambda concentration, rate: stats.gamma(concentration, scale=1 / rate),
    "InverseGamma": lambda concentration, rate: stats.invgamma(concentration, scale=rate),
    "Chi": lambda df: stats.chi(df),
    "Chi2": lambda df: stats.chi2(df),
    "Weibull": lambda scale, concentration: stats.weibull_min(concentration, scale=scale),
    "Rayleigh": lambda scale: stats.rayleigh(scale=scale),
    "Maxwell": lambda scale: stats.maxwell(scale=scale),
    "InverseGaussian": lambda loc, concentration: stats.invgauss(
        loc / concentration, scale=concentration
    ),
    "Pareto": lambda scale, alpha: stats.pareto(alpha, scale=scale),
    "GeneralizedPareto": lambda loc, scale, concentration: stats.genpareto(
        concentration, loc, scale
    ),
    "FisherSnedecor": lambda df1, df2: stats.f(df1, df2),
    "TruncatedNormal": truncated_normal,
    "LogitNormal": logit_normal,
    "Beta": lambda concentration1, concentration0: stats.beta(concentration1, concentration0),
    "Kumaraswamy": kumaraswamy,
    "Uniform": lambda low, high: stats.uniform(low, high - low),
    "Triangular": triangular,
    "ContinuousBernoulli": continuous_bernoulli,
    "VonMises": von_mises,
    "Bernoulli": lambda probs: stats.bernoulli(probs),
    "Binomial": lambda total_count, probs: stats.binom(int(total_count), probs),
    "BetaBinomial": lambda concentration1, concentration0, total_count: stats.betabinom(
        int(total_count), concentration1, concentration0
    ),
    "Geometric": lambda probs: stats.geom(probs, loc=-1),
    "NegativeBinomial": lambda total_count, probs: stats.nbinom(total_count, 1 - probs),
    "Poisson": lambda rate: stats.poisson(rate),
    "Zipf": lambda power: stats.zipf(power),
}
INTEGERS = (
    "Bernoulli",
    "Binomial",
    "BetaBinomial",
    "Geometric",
    "NegativeBinomial",
    "Poisson",
    "Zipf",
)
CONTINUOUS = tuple(name for name in LAWS if name not in INTEGERS)


def law(family: str, member: dict[str, float]) -> Any:
    """The distribution of that name and those parameters; all but `Delta`."""
    return LAWS[family](**member)


def of(distribution: Any) -> Any:
    """The same of one of the package's own, of batch shape ()."""
    member = {name: float(x) for name, x in distribution.parameters().items()}
    return law(type(distribution).__name__, member)
