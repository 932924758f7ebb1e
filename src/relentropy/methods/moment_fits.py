"""For each family the parameters that match the expectations of its sufficient statistics.

Each function takes expectations under P, `e.of(statistic)`, and solves the equations of the
maximum likelihood: closed where they are, by SciPy's root finders otherwise.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from relentropy._scalar import NEAR, rho
from relentropy.distributions import integers, interval, line, positive, power_law
from relentropy.distributions.coordinates import Point
from relentropy.distributions.family import Family

Parameters = dict[str, Any]


class Expectation(Protocol):
    """Expectations under P."""

    def of(self, statistic: Callable[[Point], Any], kink: float | None = None) -> float: ...

    def median(self) -> float: ...

    def ends(self) -> tuple[float, float]: ...


class Fit(NamedTuple):
    """Parameters from expectations, and a member whose support and tails are the family's."""

    parameters: Callable[..., Parameters]
    member: Callable[..., Family]
    known: tuple[str, ...] = ()


def value(t: Point) -> Any:
    return t.x


def log_value(t: Point) -> Any:
    return t.above(0.0).log


def log_rest(t: Point) -> Any:
    return t.below(1.0).log


def _spread_of(e: Expectation, statistic: Callable[[Point], Any]) -> tuple[float, float]:
    """The mean of a statistic and its standard deviation."""
    mean = e.of(statistic)
    variance = e.of(lambda t: (statistic(t) - mean) ** 2)
    return mean, math.sqrt(_some(variance))


def _some(size: float) -> float:
    if not size > 0:
        raise ValueError("P is a single point: members may come ever nearer, and none is nearest")
    return size


def _normal(e: Expectation) -> Parameters:
    return dict(zip(("loc", "scale"), _spread_of(e, value), strict=True))


def _log_normal(e: Expectation) -> Parameters:
    return dict(zip(("loc", "scale"), _spread_of(e, log_value), strict=True))


def _logit_normal(e: Expectation) -> Parameters:
    found = _spread_of(e, lambda t: log_value(t) - log_rest(t))
    return dict(zip(("loc", "scale"), found, strict=True))


def _laplace(e: Expectation) -> Parameters:
    m = e.median()
    return {"loc": m, "scale": _some(e.of(lambda t: np.abs(t.x - m), kink=m))}


def _exponential(e: Expectation) -> Parameters:
    return {"rate": 1 / _some(e.of(value))}


def _root_mean_square(e: Expectation, per: float) -> Parameters:
    return {"scale": math.sqrt(_some(e.of(lambda t: t.x**2)) / per)}


def _gamma_of(mean: float, excess: float) -> Parameters:
    """Log a - ψ(a) = log E[x] - E[log x]; the solution lies between 1/(2s) and 1/s."""
    s = _some(excess)
    a = _root(lambda a: _log_minus_digamma(a) - s, 0.5 / s, 1.0 / s)
    return {"concentration": a, "rate": a / mean}


def _log_minus_digamma(a: float) -> float:
    """Log a - ψ(a), by its asymptotic series where the two are close (DLMF 5.11.2)."""
    from scipy.special import digamma

    if a < 16:
        return float(math.log(a) - digamma(a))
    z = 1 / (a * a)
    series = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z / 132))))
    return 0.5 / a + series


def _log_of_mean(e: Expectation, statistic: Callable[[Point], Any]) -> tuple[float, float]:
    """E[y], and log E[y] - E[log y] >= 0 from terms that do not cancel, for log y given."""
    shift = e.of(statistic)
    mean = e.of(lambda t: np.exp(statistic(t) - shift))
    log_mean = shift + math.log(mean)

    def term(t: Point) -> Any:
        # z - log(1 + z), z = y / E[y] - 1.
        u = statistic(t) - log_mean
        z = np.expm1(u)
        near = np.abs(z) < NEAR
        safe = np.where(near, z, 0.0)
        return np.where(near, safe * rho(np, safe), z - u)

    return math.exp(log_mean), e.of(term)


def _gamma(e: Expectation) -> Parameters:
    return _gamma_of(*_log_of_mean(e, log_value))


def _inverse_gamma(e: Expectation) -> Parameters:
    return _gamma_of(*_log_of_mean(e, lambda t: -log_value(t)))


def _inverse_gaussian(e: Expectation) -> Parameters:
    mean = e.of(value)
    # E[1/x] - 1/m = E[(x - m)² / (x m²)]: non-negative terms.
    gap = e.of(lambda t: (t.x / mean - 1) ** 2 * np.exp(-log_value(t)))
    return {"loc": mean, "concentration": 1 / _some(gap)}


def _chi2(e: Expectation) -> Parameters:
    return {"df": _chi2_df(e.of(log_value))}


def _chi(e: Expectation) -> Parameters:
    return {"df": _chi2_df(2 * e.of(log_value))}


def _chi2_df(log_mean: float) -> float:
    """ψ(df/2) + log 2 = E[log x]."""
    from scipy.special import digamma

    return 2 * _rising_root(lambda a: float(digamma(a)) + math.log(2) - log_mean, 1.0)


def _weibull(e: Expectation) -> Parameters:
    """E[x^k log x] / E[x^k] - 1/k = E[log x], in u = log x - E[log x]."""
    centre, deviation = _spread_of(e, log_value)

    def power(k: float) -> tuple[float, float]:
        # log u is scaled so that no power overflows where P is bounded.
        mean = e.of(lambda t: np.exp(k * (log_value(t) - centre)))
        slope = e.of(lambda t: (log_value(t) - centre) * np.exp(k * (log_value(t) - centre)))
        return mean, slope

    def gap(k: float) -> float:
        mean, slope = power(k)
        return k * slope / mean - 1

    k = _rising_root(gap, math.pi / math.sqrt(6) / deviation)
    return {"concentration": k, "scale": math.exp(centre) * power(k)[0] ** (1 / k)}


def _pareto(e: Expectation, scale: float | None = None) -> Parameters:
    low = e.ends()[0] if scale is None else float(scale)
    # log(x / scale) from the distance, exact near the end.
    return {
        "scale": low,
        "alpha": 1 / _some(e.of(lambda t: np.log1p(t.above(low).value / low))),
    }


def _beta(e: Expectation) -> Parameters:
    """ψ(a) - ψ(a+b) = E[log x], ψ(b) - ψ(a+b) = E[log(1-x)], by Powell's method in logs."""
    from scipy.optimize import root
    from scipy.special import digamma, polygamma

    wanted = np.array([e.of(log_value), e.of(log_rest)])
    mean, deviation = _spread_of(e, value)
    start = np.array([mean, 1 - mean]) * max(mean * (1 - mean) / deviation**2 - 1, 0.1)

    def equations(logs: Any) -> Any:
        a = np.exp(logs)
        return digamma(a) - digamma(a.sum()) - wanted

    def slopes(logs: Any) -> Any:
        a = np.exp(logs)
        return np.diag(polygamma(1, a) * a) - polygamma(1, a.sum()) * a

    found = root(equations, np.log(start), jac=slopes, options={"xtol": 1e-14})
    if np.abs(equations(found.x)).max() > 1e-9 * np.abs(wanted).max():
        raise ArithmeticError(f"the equations for Beta were not solved: {found.message}")
    return dict(zip(("concentration1", "concentration0"), np.exp(found.x), strict=True))


def _uniform(e: Expectation) -> Parameters:
    low, high = e.ends()
    _some(high - low)
    return {"low": low, "high": high}


def _von_mises(e: Expectation) -> Parameters:
    """The mean direction, and κ with 1 - I1(κ)/I0(κ) = E[1 - cos(x - loc)]."""
    loc = math.atan2(e.of(lambda t: np.sin(t.x)), e.of(lambda t: np.cos(t.x)))
    missing = _some(e.of(lambda t: 2 * np.sin((t.x - loc) / 2) ** 2))
    if not missing < 1 - 1e-12:
        raise ValueError("P has no direction: members come ever nearer as concentration tends to 0")
    k = _rising_root(lambda k: math.log(missing / _one_minus_bessel_ratio(k)), 1.0)
    return {"loc": loc, "concentration": k}


def _one_minus_bessel_ratio(k: float) -> float:
    """1 - I1(κ)/I0(κ), for large κ by its series (Mardia & Jupp 2000, A.8 and 10.3.4)."""
    from scipy.special import i0e, i1e

    if k < 300:
        return float((i0e(k) - i1e(k)) / i0e(k))
    z = 1 / k
    return z * (1 / 2 + z * (1 / 8 + z * (1 / 8 + z * (25 / 128 + z * (13 / 32)))))


def _poisson(e: Expectation) -> Parameters:
    return {"rate": e.of(value)}


def _bernoulli(e: Expectation) -> Parameters:
    return {"probs": e.of(value)}


def _binomial(e: Expectation, total_count: float | None = None) -> Parameters:
    n = _given(total_count, "Binomial")
    return {"total_count": n, "probs": e.of(value) / n}


def _geometric(e: Expectation) -> Parameters:
    return {"probs": 1 / (1 + e.of(value))}


def _negative_binomial(e: Expectation, total_count: float | None = None) -> Parameters:
    n, mean = _given(total_count, "NegativeBinomial"), e.of(value)
    return {"total_count": n, "probs": mean / (n + mean)}


def _given(total_count: float | None, family: str) -> float:
    if total_count is None:
        raise TypeError(f"{family} has no moments for total_count: give total_count=...")
    return total_count


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    # Both ends may hold the root, to rounding.
    return float(brentq(f, low * (1 - 1e-9), high * (1 + 1e-9), xtol=1e-300, rtol=1e-15))


def _rising_root(f: Callable[[float], float], start: float) -> float:
    """The root of an increasing function of a positive number."""
    low = high = start
    while f(low) > 0:
        low /= 2
        if low < 1e-300:
            raise ValueError("members come ever nearer as a parameter tends to 0")
    while f(high) < 0:
        high *= 2
        if high > 1e300:
            raise ValueError("members come ever nearer as a parameter grows without end")
    return _root(f, low, high)


FITS: dict[type[Family], Fit] = {
    line.Normal: Fit(_normal, line.Normal),
    line.Laplace: Fit(_laplace, line.Laplace),
    positive.LogNormal: Fit(_log_normal, lambda: positive.LogNormal(0.0, 1.0)),
    positive.Exponential: Fit(_exponential, lambda: positive.Exponential(1.0)),
    positive.Gamma: Fit(_gamma, lambda: positive.Gamma(1.0, 1.0)),
    positive.InverseGamma: Fit(_inverse_gamma, lambda: positive.InverseGamma(1.0, 1.0)),
    positive.InverseGaussian: Fit(_inverse_gaussian, lambda: positive.InverseGaussian(1.0, 1.0)),
    positive.Chi: Fit(_chi, lambda: positive.Chi(1.0)),
    positive.Chi2: Fit(_chi2, lambda: positive.Chi2(1.0)),
    positive.HalfNormal: Fit(lambda e: _root_mean_square(e, 1.0), lambda: positive.HalfNormal(1.0)),
    positive.Rayleigh: Fit(lambda e: _root_mean_square(e, 2.0), lambda: positive.Rayleigh(1.0)),
    positive.Maxwell: Fit(lambda e: _root_mean_square(e, 3.0), lambda: positive.Maxwell(1.0)),
    positive.Weibull: Fit(_weibull, lambda: positive.Weibull(1.0, 1.0)),
    power_law.Pareto: Fit(
        _pareto,
        lambda scale=1e-300: power_law.Pareto(scale, 1.0),
        ("scale",),
    ),
    interval.Beta: Fit(_beta, lambda: interval.Beta(1.0, 1.0)),
    interval.LogitNormal: Fit(_logit_normal, lambda: interval.LogitNormal(0.0, 1.0)),
    interval.Uniform: Fit(_uniform, lambda: interval.Uniform(-1e300, 1e300)),
    interval.VonMises: Fit(_von_mises, lambda: interval.VonMises(0.0, 1.0)),
    integers.Poisson: Fit(_poisson, lambda: integers.Poisson(1.0)),
    integers.Bernoulli: Fit(_bernoulli, lambda: integers.Bernoulli(0.5)),
    integers.Binomial: Fit(
        _binomial,
        lambda total_count=None: integers.Binomial(_given(total_count, "Binomial"), 0.5),
        ("total_count",),
    ),
    integers.Geometric: Fit(_geometric, lambda: integers.Geometric(0.5)),
    integers.NegativeBinomial: Fit(
        _negative_binomial,
        lambda total_count=1.0: integers.NegativeBinomial(total_count, 0.5),
        ("total_count",),
    ),
}
