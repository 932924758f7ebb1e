"""Relative entropies and entropies of families as textbooks write them, in mpmath.

They cancel, and do not mind at 60 digits; test_exact.py holds some against the integral of the
definition. Parameters come as `mpf`, by name. Sources: Gil, Alajaji and Linder (2013), Rényi
divergence measures for commonly used univariate continuous distributions, tables 1 and 2; Johnson,
Kotz and Balakrishnan for the moments.
"""

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

P = dict[str, Any]
Form = Callable[[P, P], Any]

INF = mp.inf


def gammas(a: Any, r: Any, b: Any, s: Any) -> Any:
    normalisers = mp.loggamma(b) - mp.loggamma(a) + b * mp.log(r / s)
    return (a - b) * mp.digamma(a) + normalisers + a * (s - r) / r


def generalized_gammas(a: Any, k: Any, t: Any, b: Any, m: Any, u: Any) -> Any:
    """Stacy's laws: (x/t)^k is gamma of concentration a; of Q, (x/u)^m of concentration b."""
    normalisers = mp.log(k / m) + mp.loggamma(b) - mp.loggamma(a) + b * m * mp.log(u / t)
    cost = (t / u) ** m * mp.gamma(a + m / k) / mp.gamma(a)
    return normalisers + (a - b * m / k) * mp.digamma(a) - a + cost


def as_generalized_gamma(family: str, p: P) -> tuple[Any, Any, Any]:
    root = mp.sqrt(2)
    if family == "Gamma":
        return p["concentration"], mpf(1), 1 / p["rate"]
    if family == "Exponential":
        return mpf(1), mpf(1), 1 / p["rate"]
    if family == "Chi2":
        return p["df"] / 2, mpf(1), mpf(2)
    if family == "Chi":
        return p["df"] / 2, mpf(2), root
    if family == "Weibull":
        return mpf(1), p["concentration"], p["scale"]
    a = {"HalfNormal": 1, "Rayleigh": 2, "Maxwell": 3}[family]
    return mpf(a) / 2, mpf(2), p["scale"] * root


def of_generalized_gammas(family: str, other: str) -> Form:
    def form(p: P, q: P) -> Any:
        return generalized_gammas(*as_generalized_gamma(family, p), *as_generalized_gamma(other, q))

    return form


def normal(p: P, q: P) -> Any:
    s, t = p["scale"], q["scale"]
    return mp.log(t / s) + (s**2 + (p["loc"] - q["loc"]) ** 2) / (2 * t**2) - mpf(1) / 2


def cauchy(p: P, q: P) -> Any:
    s, t, d = p["scale"], q["scale"], p.get("loc", 0) - q.get("loc", 0)
    return mp.log(((s + t) ** 2 + d**2) / (4 * s * t))


def laplace(p: P, q: P) -> Any:
    s, t, d = p["scale"], q["scale"], abs(p["loc"] - q["loc"])
    return mp.log(t / s) + (s * mp.exp(-d / s) + d) / t - 1


def asymmetric_laplace(p: P, q: P) -> Any:
    """E|x - m'| of either side of m', by splitting the integral there."""
    left, right = p["scale"] * p["asymmetry"], p["scale"] / p["asymmetry"]
    left_q, right_q = q["scale"] * q["asymmetry"], q["scale"] / q["asymmetry"]
    d, total = q["loc"] - p["loc"], left + right
    if d > 0:
        above = right**2 / total * mp.exp(-d / right)
        below = above + d - (right - left)
    else:
        below = left**2 / total * mp.exp(d / left)
        above = below - d + (right - left)
    return mp.log((left_q + right_q) / total) - 1 + below / left_q + above / right_q


def gumbel(p: P, q: P) -> Any:
    s, t = p["scale"], q["scale"]
    cost = mp.exp((q["loc"] - p["loc"]) / t) * mp.gamma(1 + s / t)
    return mp.log(t / s) + (p["loc"] - q["loc"]) / t + mp.euler * (s / t - 1) + cost - 1


def moyal(p: P, q: P) -> Any:
    s, t = p["scale"], q["scale"]
    mean = mp.euler + mp.log(2)  # of the standard law
    cost = mp.exp((q["loc"] - p["loc"]) / t) * 2 ** (s / t) * mp.gamma(mpf(1) / 2 + s / t)
    z_q = (p["loc"] + s * mean - q["loc"]) / t
    return mp.log(t / s) + (z_q + cost / mp.sqrt(mp.pi)) / 2 - (mean + 1) / 2


def inverse_gamma(p: P, q: P) -> Any:
    return gammas(p["concentration"], p["rate"], q["concentration"], q["rate"])


def inverse_gaussian(p: P, q: P) -> Any:
    """E x = μ and E 1/x = 1/μ + 1/λ."""
    m, c, n, d = p["loc"], p["concentration"], q["loc"], q["concentration"]
    cost = d / (2 * n**2) * (m - 2 * n + n**2 * (1 / m + 1 / c))
    return mp.log(c / d) / 2 - mpf(1) / 2 + cost


def pareto(p: P, q: P) -> Any:
    a, b = p["alpha"], q["alpha"]
    if p["scale"] < q["scale"]:
        return INF
    return mp.log(a / b) + b * mp.log(p["scale"] / q["scale"]) + b / a - 1


def beta(p: P, q: P) -> Any:
    a, b, c, d = (m[f"concentration{i}"] for m in (p, q) for i in (1, 0))
    log_beta = lambda x, y: mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)  # noqa: E731
    of_a, of_b = (mp.digamma(x) - mp.digamma(a + b) for x in (a, b))
    return log_beta(c, d) - log_beta(a, b) + (a - c) * of_a + (b - d) * of_b


def uniform(p: P, q: P) -> Any:
    if p["low"] < q["low"] or p["high"] > q["high"]:
        return INF
    return mp.log((q["high"] - q["low"]) / (p["high"] - p["low"]))


def log_odds(p: P) -> Any:
    return p["logits"] if "logits" in p else mp.log(p["probs"] / (1 - p["probs"]))


def success(p: P) -> Any:
    return p["probs"] if "probs" in p else 1 / (1 + mp.exp(-p["logits"]))


def failure(p: P) -> Any:
    return 1 - p["probs"] if "probs" in p else 1 / (1 + mp.exp(p["logits"]))


def continuous_bernoulli(p: P, q: P) -> Any:
    n, m = log_odds(p), log_odds(q)
    log_mass = lambda x: mp.log(mp.expm1(x) / x) if x else mpf(0)  # noqa: E731
    mean = 1 / (1 - mp.exp(-n)) - 1 / n if n else mpf(1) / 2
    return log_mass(m) - log_mass(n) + (n - m) * mean


def bernoulli(p: P, q: P) -> Any:
    total = mpf(0)
    for x, y in ((success(p), success(q)), (failure(p), failure(q))):
        total += 0 if x == 0 else INF if y == 0 else x * mp.log(x / y)
    return total


def geometric(p: P, q: P) -> Any:
    return bernoulli(p, q) / success(p)


def binomial(p: P, q: P) -> Any:
    """Of equal counts."""
    return p["total_count"] * bernoulli(p, q)


def negative_binomial(p: P, q: P) -> Any:
    """Of equal counts."""
    return p["total_count"] * bernoulli(p, q) / failure(p)


def poisson(p: P, q: P) -> Any:
    r, s = p["rate"], q["rate"]
    return s - r + (0 if r == 0 else r * mp.log(r / s) if s else INF)


def zipf(p: P, q: P) -> Any:
    s, t = p["power"], q["power"]
    mean = -mp.zeta(s, derivative=1) / mp.zeta(s)
    return mp.log(mp.zeta(t) / mp.zeta(s)) + (t - s) * mean


SAME: dict[str, Form] = {
    "Normal": normal,
    "LogNormal": normal,
    "LogitNormal": normal,
    "Cauchy": cauchy,
    "HalfCauchy": cauchy,
    "Laplace": laplace,
    "AsymmetricLaplace": asymmetric_laplace,
    "Gumbel": gumbel,
    "Moyal": moyal,
    "InverseGamma": inverse_gamma,
    "InverseGaussian": inverse_gaussian,
    "Pareto": pareto,
    "Beta": beta,
    "Uniform": uniform,
    "ContinuousBernoulli": continuous_bernoulli,
    "Bernoulli": bernoulli,
    "Binomial": binomial,
    "Geometric": geometric,
    "NegativeBinomial": negative_binomial,
    "Poisson": poisson,
    "Zipf": zipf,
}

_GAMMAS = ("Gamma", "Chi2", "Exponential")
_LENGTHS = ("HalfNormal", "Rayleigh", "Maxwell", "Chi")
_WEIBULLS = ("Weibull", "Exponential", "Rayleigh")

FORMS: dict[tuple[str, str], Form] = {
    **{(family, family): form for family, form in SAME.items()},
    **{
        (a, b): of_generalized_gammas(a, b)
        for group in (_GAMMAS, _LENGTHS, _WEIBULLS)
        for a in group
        for b in group
    },
}
"""All pairs of families with a closed form of their own."""


def relative_entropy(family: str, other: str, p: P, q: P) -> Any:
    """The closed form at the numbers that the floats stand for."""
    exact = [{name: mpf(float(x)) for name, x in member.items()} for member in (p, q)]
    return FORMS[family, other](*exact)
