"""Frozen distributions of one number of scipy.stats, from SciPy's parameters to ours."""

import math
from collections.abc import Callable
from typing import Any

from relentropy.bridges.reading import Distribution, by_density, reader_of, refused
from relentropy.distributions.bijections import Affine, Exp, Log, Power
from relentropy.distributions.discrete import Probs
from relentropy.distributions.integers import (
    Bernoulli,
    BetaBinomial,
    Binomial,
    Geometric,
    NegativeBinomial,
    Poisson,
    Zipf,
)
from relentropy.distributions.interval import Beta, Triangular, Uniform, VonMises
from relentropy.distributions.line import (
    AsymmetricLaplace,
    Cauchy,
    Gumbel,
    Laplace,
    Logistic,
    Moyal,
    Normal,
    StudentT,
)
from relentropy.distributions.positive import (
    Chi,
    Exponential,
    FisherSnedecor,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    InverseGaussian,
    LogNormal,
    Maxwell,
    Rayleigh,
    Weibull,
)
from relentropy.distributions.power_law import GeneralizedPareto, Pareto
from relentropy.distributions.transformed import Transformed
from relentropy.distributions.truncated import TruncatedNormal

Number = Any

MOST_CELLS = 1_000_000
"""A table of more values is made by nobody by accident."""


def read(d: Any) -> Distribution:
    """The distribution that a frozen distribution of one number describes."""
    shapes = [name.strip() for name in (d.dist.shapes or "").split(",") if name.strip()]
    given = dict(zip([*shapes, "loc", "scale"], d.args, strict=False)) | d.kwds
    return of_parameters(d.dist, d, {name: plain(x) for name, x in given.items()})


def of_parameters(kind: Any, d: Any, given: dict[str, Number]) -> Distribution:
    """The distribution d, of a kind such as scipy.stats.norm, with the parameters given."""
    reader = reader_of(kind, "scipy.stats", READERS, "_pdf", "_logpdf", "_pmf", "_logpmf")
    if reader is not None:
        line = {"kind": kind} if reader is von_mises else {}
        return reader(**{"loc": 0.0, **given}, **line)
    if hasattr(kind, "logpdf"):
        return by_own_density(d)
    return table(kind, d, given.get("loc", 0))


def by_own_density(d: Any) -> Distribution:
    """A kind that we don't have, by its density."""
    import numpy

    return by_density(d, d.logpdf, d.support(), numpy.asarray(0.0))


def table(kind: Any, d: Any, loc: Number) -> Probs:
    """The probabilities of finitely many values, by value."""
    import numpy

    low, high = d.support()
    if numpy.ndim(low) or numpy.ndim(high) or not high - low < MOST_CELLS:
        raise refused(d, f"scipy.stats.{kind.name} has no counterpart in relentropy", "logpmf")
    listed = getattr(kind, "xk", None)
    values = numpy.arange(low, high + 1) if listed is None else numpy.ravel(listed) + loc
    return Probs(dict(zip(values.tolist(), d.pmf(values).tolist(), strict=True)))


def plain(x: Number) -> Number:
    """A scalar of NumPy as a number, which takes the framework of the other side."""
    import numpy

    return x.item() if isinstance(x, numpy.generic) else x


def shifted(p: Distribution, loc: Number, scale: Number = 1.0) -> Distribution:
    """What loc + scale x is distributed like, x from p, where p has no parameters for it."""
    import numpy

    if numpy.all(numpy.equal(loc, 0)) and numpy.all(numpy.equal(scale, 1)):
        return p
    return Transformed(p, Affine(loc, scale))


def mapped(f: Callable[[float], float], x: Number) -> Number:
    """A function of a number, or of each entry of an array."""
    if isinstance(x, int | float):
        return f(x)
    import numpy

    return numpy.vectorize(f, otypes=[numpy.float64])(x)


def log(x: Number) -> Number:
    return mapped(math.log, x)


def failure_odds(p: float) -> float:
    """log((1-p) / p), exact near both ends."""
    if p in (0.0, 1.0):
        return math.inf if p == 0 else -math.inf
    return math.log1p(-p) - math.log(p)


def von_mises(kind: Any, kappa: Number, loc: Number, scale: Number = 1.0) -> Distribution:
    """Of the two kinds, vonmises is on the circle, vonmises_line on an interval that moves."""
    import numpy

    if kind.name == "vonmises_line":
        return shifted(VonMises(0.0, kappa), loc, scale)
    if not numpy.all(numpy.equal(scale, 1)):
        raise TypeError("a von Mises distribution with a scale has no counterpart in relentropy")
    return VonMises(loc, kappa)


def truncated(a: Number, b: Number, loc: Number, scale: Number = 1.0) -> TruncatedNormal:
    """SciPy's ends are in standard deviations from the mean."""
    return TruncatedNormal(loc, scale, loc + scale * a, loc + scale * b)


def f_distribution(dfn: Number, dfd: Number, loc: Number, scale: Number = 1.0) -> Distribution:
    return shifted(FisherSnedecor(dfn, dfd), loc, scale)


READERS: dict[str, Callable[..., Distribution]] = {
    # On the line.
    "norm_gen": lambda loc, scale=1.0: Normal(loc, scale),
    "laplace_gen": lambda loc, scale=1.0: Laplace(loc, scale),
    "laplace_asymmetric_gen": lambda kappa, loc, scale=1.0: AsymmetricLaplace(loc, scale, kappa),
    "cauchy_gen": lambda loc, scale=1.0: Cauchy(loc, scale),
    "gumbel_r_gen": lambda loc, scale=1.0: Gumbel(loc, scale),
    "gumbel_l_gen": lambda loc, scale=1.0: shifted(Gumbel(0.0, 1.0), loc, -scale),
    "logistic_gen": lambda loc, scale=1.0: Logistic(loc, scale),
    "moyal_gen": lambda loc, scale=1.0: Moyal(loc, scale),
    "t_gen": lambda df, loc, scale=1.0: StudentT(df, loc, scale),
    "loggamma_gen": lambda c, loc, scale=1.0: shifted(
        Transformed(Gamma(c, 1.0), Log()), loc, scale
    ),
    # On half-lines.
    "halfnorm_gen": lambda loc, scale=1.0: shifted(HalfNormal(scale), loc),
    "halfcauchy_gen": lambda loc, scale=1.0: shifted(HalfCauchy(scale), loc),
    "lognorm_gen": lambda s, loc, scale=1.0: shifted(LogNormal(log(scale), s), loc),
    "gibrat_gen": lambda loc, scale=1.0: shifted(LogNormal(log(scale), 1.0), loc),
    "gamma_gen": lambda a, loc, scale=1.0: shifted(Gamma(a, 1 / scale), loc),
    "expon_gen": lambda loc, scale=1.0: shifted(Exponential(1 / scale), loc),
    "invgamma_gen": lambda a, loc, scale=1.0: shifted(InverseGamma(a, scale), loc),
    "levy_gen": lambda loc, scale=1.0: shifted(InverseGamma(0.5, scale / 2), loc),
    "levy_l_gen": lambda loc, scale=1.0: shifted(InverseGamma(0.5, 0.5), loc, -scale),
    "chi_gen": lambda df, loc, scale=1.0: shifted(Chi(df), loc, scale),
    "chi2_gen": lambda df, loc, scale=1.0: shifted(Gamma(df / 2, 0.5 / scale), loc),
    "weibull_min_gen": lambda c, loc, scale=1.0: shifted(Weibull(scale, c), loc),
    "weibull_max_gen": lambda c, loc, scale=1.0: shifted(Weibull(1.0, c), loc, -scale),
    "invweibull_gen": lambda c, loc, scale=1.0: shifted(
        Transformed(Weibull(1.0, c), Power(-1.0)), loc, scale
    ),
    "rayleigh_gen": lambda loc, scale=1.0: shifted(Rayleigh(scale), loc),
    "maxwell_gen": lambda loc, scale=1.0: shifted(Maxwell(scale), loc),
    "invgauss_gen": lambda mu, loc, scale=1.0: shifted(InverseGaussian(mu * scale, scale), loc),
    "wald_gen": lambda loc, scale=1.0: shifted(InverseGaussian(scale, scale), loc),
    "pareto_gen": lambda b, loc, scale=1.0: shifted(Pareto(scale, b), loc),
    "lomax_gen": lambda c, loc, scale=1.0: GeneralizedPareto(loc, scale / c, 1 / c),
    "genpareto_gen": lambda c, loc, scale=1.0: GeneralizedPareto(loc, scale, c),
    "f_gen": f_distribution,
    "betaprime_gen": lambda a, b, loc, scale=1.0: f_distribution(2 * a, 2 * b, loc, a / b * scale),
    "fisk_gen": lambda c, loc, scale=1.0: shifted(
        Transformed(Logistic(log(scale), 1 / c), Exp()), loc
    ),
    # On intervals.
    "beta_gen": lambda a, b, loc, scale=1.0: shifted(Beta(a, b), loc, scale),
    "arcsine_gen": lambda loc, scale=1.0: shifted(Beta(0.5, 0.5), loc, scale),
    "powerlaw_gen": lambda a, loc, scale=1.0: shifted(Beta(a, 1.0), loc, scale),
    "uniform_gen": lambda loc, scale=1.0: Uniform(loc, loc + scale),
    "triang_gen": lambda c, loc, scale=1.0: Triangular(loc, loc + scale, loc + c * scale),
    "truncnorm_gen": truncated,
    "vonmises_gen": von_mises,
    "reciprocal_gen": lambda a, b, loc, scale=1.0: shifted(
        Transformed(Uniform(log(a), log(b)), Exp()), loc, scale
    ),
    # On the integers.
    "bernoulli_gen": lambda p, loc: shifted(Bernoulli(p), loc),
    "binom_gen": lambda n, p, loc: shifted(Binomial(n, p), loc),
    "betabinom_gen": lambda n, a, b, loc: shifted(BetaBinomial(a, b, n), loc),
    "geom_gen": lambda p, loc: shifted(Geometric(p), loc + 1),
    "nbinom_gen": lambda n, p, loc: shifted(
        NegativeBinomial(n, logits=mapped(failure_odds, p)), loc
    ),
    "planck_gen": lambda lambda_, loc: shifted(
        Geometric(logits=mapped(lambda x: math.log(math.expm1(x)), lambda_)), loc
    ),
    "poisson_gen": lambda mu, loc: shifted(Poisson(mu), loc),
    "zipf_gen": lambda a, loc: shifted(Zipf(a), loc),
}
