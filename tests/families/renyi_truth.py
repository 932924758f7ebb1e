"""Rényi's divergence of families in mpmath, by the integral and by the textbooks' formulas.

The formulas subtract log-normalisers, as published (Gil, Alajaji & Linder 2013; Liese & Vajda,
Convex statistical distances, 1987), in so many digits that nothing is lost. That they are right is
tested against the integral of the definition.
"""

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from tests.tables.laws import INF, Law, Point, law, log_beta

Number = Any
Parameters = dict[str, Any]


def _member(value: bool, log_power: Callable[[], Any]) -> Any:
    return log_power() if value else INF


def of_gammas(a: Any, r: Any, b: Any, s: Any, x: Any) -> Any:
    """Log of the integral; x is α."""
    m, t = x * a + (1 - x) * b, x * r + (1 - x) * s

    def own(a: Any, r: Any) -> Any:
        return mp.loggamma(a) - a * mp.log(r)

    return _member(m > 0 and t > 0, lambda: own(m, t) - x * own(a, r) - (1 - x) * own(b, s))


def of_normals(loc: Any, t: Any, loc_q: Any, s: Any, x: Any) -> Any:
    """Gil, Alajaji & Linder (2013), table 2."""
    v = x * s**2 + (1 - x) * t**2

    def value() -> Any:
        logs = (1 - x) * mp.log(t) + x * mp.log(s) - mp.log(v) / 2
        return logs + x * (x - 1) / 2 * (loc - loc_q) ** 2 / v

    return _member(v > 0, value)


def of_betas(a: Any, b: Any, c: Any, d: Any, x: Any) -> Any:
    m, n = x * a + (1 - x) * c, x * b + (1 - x) * d
    return _member(
        m > 0 and n > 0,
        lambda: log_beta(m, n) - x * log_beta(a, b) - (1 - x) * log_beta(c, d),
    )


def of_inverse_gaussians(m: Any, c: Any, n: Any, d: Any, x: Any) -> Any:
    """∫ x^(-3/2) exp(-λ/(2x) - ψx/2) dx = √(2π/λ) exp(-√(λψ)), also at ψ = 0."""
    k, psi = x * c + (1 - x) * d, x * c / m**2 + (1 - x) * d / n**2

    def own(c: Any, psi: Any) -> Any:
        return -mp.log(c) / 2 - mp.sqrt(c * psi)

    def value() -> Any:
        return own(k, psi) - x * own(c, c / m**2) - (1 - x) * own(d, d / n**2)

    return _member(k > 0 and psi >= 0, value)


def of_laplaces(loc: Any, t: Any, loc_q: Any, s: Any, x: Any) -> Any:
    """The three pieces, each an exponential."""
    d, a, b = abs(loc - loc_q), x / t, (1 - x) / s

    def value() -> Any:
        between = d if a == b else mp.expm1((b - a) * d) / (b - a)
        pieces = (mp.exp(-b * d) + mp.exp(-a * d)) / (a + b) + mp.exp(-b * d) * between
        return mp.log(pieces) - x * mp.log(2 * t) - (1 - x) * mp.log(2 * s)

    return _member(a + b > 0, value)


def of_paretos(u: Any, a: Any, v: Any, b: Any, x: Any) -> Any:
    m = x * a + (1 - x) * b

    def value() -> Any:
        own = x * (mp.log(a) + a * mp.log(u)) + (1 - x) * (mp.log(b) + b * mp.log(v))
        return own - mp.log(m) - m * mp.log(max(u, v))

    return _member(m > 0 and (x < 1 or u >= v), value)


def of_uniforms(a: Any, b: Any, c: Any, d: Any, x: Any) -> Any:
    low, high = max(a, c), min(b, d)
    if low >= high:
        return -INF
    inside = x < 1 or (c <= a and b <= d)
    return _member(inside, lambda: mp.log(high - low) - x * mp.log(b - a) - (1 - x) * mp.log(d - c))


def of_poissons(r: Any, s: Any, x: Any) -> Any:
    return r**x * s ** (1 - x) - x * r - (1 - x) * s


def of_trials(p: Any, q: Any, x: Any) -> Any:
    return mp.log(p**x * q ** (1 - x) + (1 - p) ** x * (1 - q) ** (1 - x))


def of_geometrics(p: Any, q: Any, x: Any) -> Any:
    m = (1 - p) ** x * (1 - q) ** (1 - x)
    return _member(m < 1, lambda: x * mp.log(p) + (1 - x) * mp.log(q) - mp.log1p(-m))


def of_zipfs(s: Any, t: Any, x: Any) -> Any:
    m = x * s + (1 - x) * t
    own = [mp.log(mp.zeta(v)) for v in (s, t)]
    return _member(m > 1, lambda: mp.log(mp.zeta(m)) - x * own[0] - (1 - x) * own[1])


def _rate(scale: Any) -> Any:
    return 1 / (2 * scale**2)


def _gamma_of(family: str, m: Parameters) -> tuple[Any, Any]:
    """Concentration and rate of the gamma variable that x, or a function of x, is."""
    half = mpf(1) / 2
    forms: dict[str, Callable[[], tuple[Any, Any]]] = {
        "Gamma": lambda: (m["concentration"], m["rate"]),
        "InverseGamma": lambda: (m["concentration"], m["rate"]),
        "Exponential": lambda: (mpf(1), m["rate"]),
        "Chi2": lambda: (m["df"] / 2, half),
        "Chi": lambda: (m["df"] / 2, half),
        "HalfNormal": lambda: (half, _rate(m["scale"])),
        "Rayleigh": lambda: (mpf(1), _rate(m["scale"])),
        "Maxwell": lambda: (3 * half, _rate(m["scale"])),
        "Weibull": lambda: (mpf(1), m["scale"] ** -m["concentration"]),
        "Gumbel": lambda: (mpf(1), mp.exp(m["loc"] / m["scale"])),
        "Moyal": lambda: (half, mp.exp(m["loc"] / m["scale"]) / 2),
    }
    return forms[family]()


_IN_ORDER: dict[str, Callable[..., Any]] = {
    "Normal": of_normals,
    "LogNormal": of_normals,
    "LogitNormal": of_normals,
    "Beta": of_betas,
    "InverseGaussian": of_inverse_gaussians,
    "Laplace": of_laplaces,
    "Pareto": of_paretos,
    "Uniform": of_uniforms,
    "Poisson": of_poissons,
    "Bernoulli": of_trials,
    "Geometric": of_geometrics,
    "Zipf": of_zipfs,
}


def log_power(family: str, p: Parameters, q: Parameters, alpha: Any) -> Any:
    """Log ∫ p^α q^(1-α), of equal counts or powers where the formula is for these."""
    p, q = ({n: mpf(v) for n, v in m.items()} for m in (p, q))
    if family == "Binomial":
        return p["total_count"] * of_trials(p["probs"], q["probs"], alpha)
    if family == "NegativeBinomial":
        return p["total_count"] * of_geometrics(1 - p["probs"], 1 - q["probs"], alpha)
    if family in _IN_ORDER:
        return _IN_ORDER[family](*p.values(), *q.values(), alpha)
    return of_gammas(*_gamma_of(family, p), *_gamma_of(family, q), alpha)


def renyi(family: str, p: Parameters, q: Parameters, alpha: float) -> Any:
    """Rényi's divergence in the working precision of now."""
    alpha = mpf(alpha)
    value = log_power(family, p, q, alpha)
    return INF if value in (INF, -INF) else value / (alpha - 1)


def renyi_by_integral(family: str, p: Parameters, q: Parameters, alpha: float) -> Any:
    """The definition, by integral or by sum; the terms must exist and fall fast."""
    a, b = law(family, p), law(family, q)
    x = mpf(alpha)

    def power(t: Any) -> Any:
        exponent = x * a.log_density(t) + (1 - x) * b.log_density(t)
        return mp.exp(exponent) if exponent > -(10**4) else mpf(0)

    if a.lattice:
        low, high = int(max(a.low, b.low)), min(a.high, b.high)
        last = int(high) if high < INF else 3000
        return mp.log(mp.fsum(power(k) for k in range(low, last + 1))) / (x - 1)

    low, high = max(a.low, b.low), min(a.high, b.high)

    def at_log(y: Any) -> Any:
        d = mp.exp(y)
        return power(Point(low + d, low, high, d, INF)) * d

    def at_logit(y: Any) -> Any:
        d, e = (high - low) / (1 + mp.exp(-y)), (high - low) / (1 + mp.exp(y))
        return power(Point(low + d, low, high, d, e)) * d * e / (high - low)

    def at_line(y: Any) -> Any:
        return power(Point(mp.sinh(y), low, high, None, None)) * mp.cosh(y)

    f = at_line if low == -INF else at_log if high == INF else at_logit
    kinks = [mp.asinh(k) for law_ in (a, b) for k in law_.kinks] if low == -INF else []
    cuts = sorted([*range(-60, 61, 2), *kinks])
    return mp.log(mp.quad(f, cuts)) / (x - 1)


def point(of: Law, x: Any) -> Point:
    """A place inside the support."""
    return Point(x, of.low, of.high, x - of.low, of.high - x)
