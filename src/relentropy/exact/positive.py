"""Families on a half-line: relative entropy within and between them, and entropies.

Most are a gamma variable or a power of one. B(b, a) is the Bregman divergence of log Γ from a to b
and J(b, a) that of log Γ(x) - x log x + x, both without cancellation (`relentropy.exact.bregman`).
"""

import math
from itertools import product
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, Totals, log_quotient, log_ratio
from relentropy._special import digamma
from relentropy.distributions.line import HALF_LOG_2PI
from relentropy.distributions.positive import (
    Chi,
    Chi2,
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
from relentropy.exact.bregman import (
    entropy_of_log_gamma,
    of_exp,
    of_log_gamma_remainder,
    of_minus_log,
)
from relentropy.exact.line import EULER, of_cauchy, of_normals, of_powers_of_gamma, of_scales

Array = Any


@rule(LogNormal, LogNormal)
def log_normal_log_normal(p: LogNormal, q: LogNormal) -> Array:
    """D = (r² - 1)/2 - log r + δ²/(2 s²), r = σ/s: that of the normal logarithms."""
    return of_normals(p, q)


@rule(LogNormal, None, of="entropy")
def entropy_of_log_normal(p: LogNormal) -> Array:
    """H = log σ + log(2π e)/2 + μ."""
    return _array.namespace(p.scale).log(p.scale) + (HALF_LOG_2PI + 0.5) + p.loc


@rule(HalfCauchy, HalfCauchy)
def half_cauchy_half_cauchy(p: HalfCauchy, q: HalfCauchy) -> Array:
    """D = log((σ+s)² / (4σs)): that of the symmetric laws."""
    return of_cauchy(p.scale, q.scale, _array.namespace(p.scale).zeros_like(p.scale))


@rule(HalfCauchy, None, of="entropy")
def entropy_of_half_cauchy(p: HalfCauchy) -> Array:
    """H = log(2π σ)."""
    return _array.namespace(p.scale).log(p.scale) + math.log(2 * math.pi)


# --- gamma variables ----------------------------------------------------------------------------


def of_gammas(a: Array, r: Array, b: Array, s: Array) -> Array:
    """The relative entropy of gamma laws of concentrations a and b, rates r and s."""
    xp = _array.namespace(a, r, b, s)
    # log((s/b) / (r/a)), where it is small from the exact difference of the products sa and rb.
    u = log_ratio(xp, s, r, Totals(b, a, (a - b) / b, cross=True))
    return b * of_exp(xp, u) + of_log_gamma_remainder(xp, b, a)


def as_gamma(p: Gamma | Chi2 | Exponential) -> tuple[Array, Array]:
    """Concentration and rate."""
    if isinstance(p, Gamma):
        return p.concentration, p.rate
    if isinstance(p, Chi2):
        return p.df / 2, 0.5 + 0.0 * p.df
    return 1.0 + 0.0 * p.rate, p.rate


def gammas(p: Any, q: Any) -> Array:
    """D = b (e^u - 1 - u) + J(b, a), u = log(sa / (rb)), concentrations a, b and rates r, s."""
    return of_gammas(*as_gamma(p), *as_gamma(q))


_GAMMAS: list[type] = [Gamma, Chi2, Exponential]
for _p, _q in product(_GAMMAS, repeat=2):
    if (_p, _q) != (Exponential, Exponential):
        rule(_p, _q)(gammas)


@rule(Exponential, Exponential)
def exponential_exponential(p: Exponential, q: Exponential) -> Array:
    """D = s/r - 1 - log(s/r), rates r and s."""
    return of_minus_log(_array.namespace(p.rate, q.rate), q.rate, p.rate)


@rule(Gamma, None, of="entropy")
def entropy_of_gamma(p: Gamma) -> Array:
    """H = a + log Γ(a) + (1 - a) ψ(a) - log r."""
    a, xp = p.concentration, _array.namespace(p.rate)
    return entropy_of_log_gamma(xp, a) + digamma(a) - xp.log(p.rate)


@rule(Chi2, None, of="entropy")
def entropy_of_chi2(p: Chi2) -> Array:
    """H = a + log Γ(a) + (1 - a) ψ(a) + log 2, a = df/2."""
    a, xp = p.df / 2, _array.namespace(p.df)
    return entropy_of_log_gamma(xp, a) + digamma(a) + math.log(2)


@rule(Exponential, None, of="entropy")
def entropy_of_exponential(p: Exponential) -> Array:
    """H = 1 - log r."""
    return 1 - _array.namespace(p.rate).log(p.rate)


@rule(InverseGamma, InverseGamma)
def inverse_gamma_inverse_gamma(p: InverseGamma, q: InverseGamma) -> Array:
    """D = b (e^u - 1 - u) + J(b, a), u = log(sa / (rb)): that of the gamma laws of 1/x."""
    return of_gammas(p.concentration, p.rate, q.concentration, q.rate)


@rule(InverseGamma, None, of="entropy")
def entropy_of_inverse_gamma(p: InverseGamma) -> Array:
    """H = a + log Γ(a) - (1 + a) ψ(a) + log r."""
    a, xp = p.concentration, _array.namespace(p.rate)
    return entropy_of_log_gamma(xp, a) - digamma(a) + xp.log(p.rate)


# --- lengths of normal vectors: x²/(2σ²) is a gamma variable ------------------------------------

HALF_DIMENSIONS: dict[type, float] = {HalfNormal: 0.5, Rayleigh: 1.0, Maxwell: 1.5}


def lengths_of_one_dimension(p: Any, q: Any) -> Array:
    """D = a (r² - 1 - 2 log r), r = σ/s, a half the number of dimensions."""
    return 2 * HALF_DIMENSIONS[type(p)] * of_scales(p.scale, q.scale)


def lengths(p: Any, q: Any) -> Array:
    """D = b (e^u - 1 - u) + J(b, a), u = log(aσ²/(bs²)), a and b half the dimensions."""
    (a, sigma), (b, s) = as_length(p), as_length(q)
    xp = _array.namespace(a, b)
    u = 2 * log_ratio(xp, sigma, s) + log_ratio(xp, a, b)
    return b * of_exp(xp, u) + of_log_gamma_remainder(xp, b, a)


def as_length(p: Any) -> tuple[Array, Array]:
    """Half the number of dimensions, and the scale of each."""
    if isinstance(p, Chi):
        return p.df / 2, 1.0 + 0.0 * p.df
    return HALF_DIMENSIONS[type(p)] + 0.0 * p.scale, p.scale


_LENGTHS: list[type] = [*HALF_DIMENSIONS, Chi]
for _p, _q in product(_LENGTHS, repeat=2):
    rule(_p, _q)(lengths_of_one_dimension if _p is _q and _p is not Chi else lengths)


def entropy_of_length(p: Any) -> Array:
    """H = a + log Γ(a) + (1/2 - a) ψ(a) + log(σ/√2), a half the number of dimensions."""
    a, scale = as_length(p)
    xp = _array.namespace(scale)
    log_scale = xp.log(scale) - math.log(2) / 2
    return entropy_of_log_gamma(xp, a) + digamma(a) / 2 + log_scale


for _p in _LENGTHS:
    rule(_p, None, of="entropy")(entropy_of_length)


# --- powers of exponential variables ------------------------------------------------------------


def weibulls(p: Any, q: Any) -> Array:
    """D = e^u - 1 - u + B(1+r, 2) + r - 1 - log r, r = k'/k, u = k' log(λ/λ') + log Γ(1+r).

    λ, λ' are the scales and k, k' the powers. Bauckhage (2013), equation 7, rearranged.
    """
    (k_p, log_scale), (k_q, _) = _as_weibull(p, q), _as_weibull(q, p)
    xp = _array.namespace(log_scale)
    k_p, k_q = (k + 0.0 * log_scale for k in (k_p, k_q))
    return of_powers_of_gamma(xp, 1.0, 1 - EULER, k_q * log_scale, k_p, k_q)


def _as_weibull(p: Any, q: Any) -> tuple[Any, Array]:
    """The power, and the log of the scale of p relative to that of q."""
    power = (
        p.concentration if isinstance(p, Weibull) else 1.0 if isinstance(p, Exponential) else 2.0
    )
    xp = _array.namespace(*p.arrays(), *q.arrays())
    (m, d), (n, e) = _scale_as_ratio(p), _scale_as_ratio(q)
    # (m/d) / (n/e), where it is near 1 from the exact difference of products.
    return power, log_ratio(xp, m, n, Totals(d, e, (e - d) / d, cross=True))


def _scale_as_ratio(p: Any) -> tuple[Array, Array]:
    if isinstance(p, Exponential):
        return _array.constant_like(p.rate, 1.0), p.rate
    one = _array.constant_like(p.scale, 1.0)
    return p.scale, one * math.sqrt(0.5) if isinstance(p, Rayleigh) else one


_POWERS: list[type] = [Weibull, Exponential, Rayleigh]
for _p, _q in product(_POWERS, repeat=2):
    if _p is not _q or _p is Weibull:
        rule(_p, _q)(weibulls)


@rule(Weibull, None, of="entropy")
def entropy_of_weibull(p: Weibull) -> Array:
    """H = γ (1 - 1/k) + log(λ/k) + 1."""
    xp, k = _array.namespace(p.scale), p.concentration
    return EULER * (1 - 1 / k) + log_quotient(xp, p.scale, k) + 1


# --- others -------------------------------------------------------------------------------------


@rule(InverseGaussian, InverseGaussian)
def inverse_gaussian_inverse_gaussian(p: InverseGaussian, q: InverseGaussian) -> Array:
    """D = (λ'/λ - 1 - log(λ'/λ))/2 + λ'/(2μ) ((μ - μ')/μ')², means μ and concentrations λ."""
    xp = _array.namespace(p.loc, q.loc)
    x = (p.loc - q.loc) / q.loc
    return (
        of_minus_log(xp, q.concentration, p.concentration) + q.concentration / p.loc * x * x
    ) / 2


@rule(Pareto, Pareto)
def pareto_pareto(p: Pareto, q: Pareto) -> Array:
    """D = α'/α - 1 - log(α'/α) + α' log(x/x'), the smallest values x, x'; +inf for x < x'."""
    xp = _array.namespace(p.scale, q.scale)
    covered = p.scale >= q.scale
    x, y = (xp.where(covered, s, 1.0) for s in (p.scale, q.scale))
    value = of_minus_log(xp, q.alpha, p.alpha) + q.alpha * log_ratio(xp, x, y)
    return xp.where(covered, value, INF)


@rule(Pareto, None, of="entropy")
def entropy_of_pareto(p: Pareto) -> Array:
    """H = 1 + 1/α + log(x/α), the smallest value x."""
    xp = _array.namespace(p.scale, p.alpha)
    return 1 + 1 / p.alpha + log_quotient(xp, p.scale, p.alpha)


@rule(GeneralizedPareto, None, of="entropy")
def entropy_of_generalized_pareto(p: GeneralizedPareto) -> Array:
    """H = log σ + ξ + 1."""
    return _array.namespace(p.scale).log(p.scale) + p.concentration + 1 + 0.0 * p.loc


@rule(FisherSnedecor, None, of="entropy")
def entropy_of_fisher_snedecor(p: FisherSnedecor) -> Array:
    """H = h(a) + h(b) - h(a+b) + ψ(a) - ψ(b) + log(b/a), a and b half the degrees of freedom.

    h(a) = a + log Γ(a) - a ψ(a) is the entropy of the logarithm of a gamma variable.
    """
    a, b, xp = p.df1 / 2, p.df2 / 2, _array.namespace(p.df1, p.df2)
    shared = [entropy_of_log_gamma(xp, x) for x in (a, b, a + b)]
    means = digamma(a) - digamma(b) + log_quotient(xp, b, a)
    return shared[0] + shared[1] - shared[2] + means
