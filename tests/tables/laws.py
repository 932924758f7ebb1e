"""Every univariate family from its definition in the literature, in mpmath's numbers.

Independent of the package on purpose: each density is written here once more, from Johnson, Kotz
and Balakrishnan (Continuous univariate distributions), Johnson, Kemp and Kotz (Univariate discrete
distributions) or the paper named beside it, and with it what is known of its tails. A parameter is
the number that the float stands for, exactly.

A law is made in the working precision of the moment: make it again when that changes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mpmath import mp, mpf

INF = mp.inf


@dataclass(frozen=True)
class Power:
    """∫ of the density beyond z is z^-alpha, to a constant; z is |x|, or 1 / (distance to the end).

    So alpha is 1 at an end of finite support where the density is neither 0 nor infinite.
    """

    alpha: Any


@dataclass(frozen=True)
class LogSquare:
    """The density falls like exp(-c log² z)."""


@dataclass(frozen=True)
class Stretched:
    """The density falls like z^prefactor exp(-rate z^power)."""

    power: Any
    rate: Any = INF
    prefactor: Any = 0


@dataclass(frozen=True)
class DoubleExponential:
    """The density falls like exp(-c e^(rate z))."""

    rate: Any


Tail = Power | LogSquare | Stretched | DoubleExponential


def expectation_exists(p: Tail, q: Tail) -> bool:
    """Is ∫ -log q dP finite at an end that P and Q share?

    With y = log z the measure of a Power is e^(-alpha y) dy; the rest is comparing exponents.
    """
    if isinstance(q, Power | LogSquare):
        return True  # costs y or y²: every law here has E|log z|² < ∞
    if isinstance(q, Stretched):
        return not isinstance(p, Power) or p.alpha > q.power
    if isinstance(p, Stretched):
        at_the_edge = p.power == 1 and p.rate == q.rate and p.prefactor < -1
        return p.power > 1 or (p.power == 1 and p.rate > q.rate) or at_the_edge
    return isinstance(p, DoubleExponential)


class Point:
    """A place x in (low, high), with its distances from both ends kept apart from rounding."""

    __slots__ = ("from_high", "from_low", "high", "low", "x")

    def __init__(self, x: Any, low: Any, high: Any, from_low: Any, from_high: Any) -> None:
        self.x, self.low, self.high = x, low, high
        self.from_low, self.from_high = from_low, from_high

    def above(self, c: Any) -> Any:
        """X - c."""
        return self.from_low + (self.low - c) if self.low > -INF else self.x - c

    def below(self, c: Any) -> Any:
        """C - x."""
        return self.from_high + (c - self.high) if self.high < INF else c - self.x


def at(x: Any) -> Point:
    return Point(x, -INF, INF, None, None)


@dataclass(frozen=True)
class Law:
    """A distribution: its support, its log-density (of a Point) or log-mass (of an integer)."""

    low: Any
    high: Any
    log_density: Callable[[Any], Any]
    lower: Tail = Power(1)
    upper: Tail = Power(1)
    centre: Any = None
    width: Any = 1
    kinks: tuple[Any, ...] = field(default=())
    lattice: bool = False
    atom: bool = False
    logit: Any = None
    """The logit of the centre where that rounds to 1."""


def normal_log(z: Any) -> Any:
    return -z * z / 2 - mp.log(2 * mp.pi) / 2


GAUSS = Stretched(2)


# --- the line -----------------------------------------------------------------------------------


def on_line(f: Callable[[Any], Any], loc: Any, scale: Any, tails: Any, kinks: Any = ()) -> Law:
    """The law of loc + scale·Z, where f is the log-density of Z; the tails are those of x."""
    log_scale = mp.log(scale)

    def log_density(t: Point) -> Any:
        return f((t.x - loc) / scale) - log_scale

    return Law(-INF, INF, log_density, *tails, centre=loc, width=scale, kinks=kinks)


def normal(loc: Any, scale: Any) -> Law:
    c = -mp.log(2 * mp.pi) / 2
    return on_line(lambda z: c - z * z / 2, loc, scale, (GAUSS, GAUSS))


def student_t(df: Any, loc: Any, scale: Any) -> Law:
    c = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2
    tails = (Power(df), Power(df))
    return on_line(lambda z: c - (df + 1) / 2 * mp.log1p(z * z / df), loc, scale, tails)


def cauchy(loc: Any, scale: Any) -> Law:
    c = -mp.log(mp.pi)
    return on_line(lambda z: c - mp.log1p(z * z), loc, scale, (Power(1), Power(1)))


def laplace(loc: Any, scale: Any) -> Law:
    c, tail = -mp.log(2), Stretched(1, 1 / scale)
    return on_line(lambda z: c - abs(z), loc, scale, (tail, tail), (loc,))


def asymmetric_laplace(loc: Any, scale: Any, asymmetry: Any) -> Law:
    """Kotz, Kozubowski, Podgórski (2001): means asymmetry·scale left, scale / asymmetry right."""
    left, right = asymmetry, 1 / asymmetry
    c = -mp.log(left + right)
    tails = (Stretched(1, 1 / (left * scale)), Stretched(1, 1 / (right * scale)))
    ends = [loc + k * scale * side for k in (1, 40) for side in (-left, right)]
    kinks = (loc, *ends)  # one side may be far wider than the other
    return on_line(lambda z: c + (z / left if z < 0 else -z / right), loc, scale, tails, kinks)


def logistic(loc: Any, scale: Any) -> Law:
    tail = Stretched(1, 1 / scale)

    def f(z: Any) -> Any:
        return -abs(z) - 2 * mp.log1p(mp.exp(-abs(z)))

    return on_line(f, loc, scale, (tail, tail))


def gumbel(loc: Any, scale: Any) -> Law:
    tails = (DoubleExponential(1 / scale), Stretched(1, 1 / scale))
    return on_line(lambda z: -z - mp.exp(-z), loc, scale, tails)


def moyal(loc: Any, scale: Any) -> Law:
    """Moyal (1955), Phil. Mag. 46, 263."""
    c = -mp.log(2 * mp.pi) / 2
    tails = (DoubleExponential(1 / scale), Stretched(1, 1 / (2 * scale)))
    return on_line(lambda z: c - (z + mp.exp(-z)) / 2, loc, scale, tails)


# --- the half-line ------------------------------------------------------------------------------


def on_half_line(
    f: Callable[[Any, Any], Any],
    scale: Any,
    lower: Tail,
    upper: Tail,
    low: Any = 0,
    spread: Any = 1,
) -> Law:
    """F is the log-density as a function of the distance d from `low` and of log d.

    `scale` is where in d the mass is, `spread` how far it reaches in log d.
    """

    def log_density(t: Point) -> Any:
        d = t.above(low)
        return f(d, mp.log(d))

    return Law(mpf(low), INF, log_density, lower, upper, centre=low + scale, width=spread)


def log_normal(loc: Any, scale: Any) -> Law:
    def f(d: Any, log_d: Any) -> Any:
        return normal_log((log_d - loc) / scale) - mp.log(scale) - log_d

    return on_half_line(f, mp.exp(loc), LogSquare(), LogSquare(), spread=scale)


def half_normal(scale: Any) -> Law:
    c = mp.log(2 / mp.pi) / 2 - mp.log(scale)
    return on_half_line(lambda d, _: c - (d / scale) ** 2 / 2, scale, Power(1), GAUSS)


def half_cauchy(scale: Any) -> Law:
    c = mp.log(2 / (mp.pi * scale))
    return on_half_line(lambda d, _: c - mp.log1p((d / scale) ** 2), scale, Power(1), Power(1))


def exponential(rate: Any) -> Law:
    return gamma(mpf(1), rate)


def gamma(concentration: Any, rate: Any) -> Law:
    a, c = concentration, concentration * mp.log(rate) - mp.loggamma(concentration)
    upper = Stretched(1, rate, a - 1)
    spread = 1 / mp.sqrt(a)
    f = lambda d, log_d: c + (a - 1) * log_d - rate * d  # noqa: E731
    return on_half_line(f, a / rate, Power(a), upper, spread=spread)


def inverse_gamma(concentration: Any, rate: Any) -> Law:
    a, c = concentration, concentration * mp.log(rate) - mp.loggamma(concentration)
    f = lambda d, log_d: c - (a + 1) * log_d - rate / d  # noqa: E731
    return on_half_line(f, rate / a, Stretched(1, rate), Power(a), spread=1 / mp.sqrt(a))


def chi(df: Any) -> Law:
    c = (1 - df / 2) * mp.log(2) - mp.loggamma(df / 2)
    f = lambda d, log_d: c + (df - 1) * log_d - d * d / 2  # noqa: E731
    return on_half_line(f, mp.sqrt(df), Power(df), GAUSS, spread=1 / mp.sqrt(df))


def chi2(df: Any) -> Law:
    return gamma(df / 2, mpf(1) / 2)


def weibull(scale: Any, concentration: Any) -> Law:
    k, s = concentration, scale

    def f(d: Any, log_d: Any) -> Any:
        y = log_d - mp.log(s)
        return mp.log(k / s) + (k - 1) * y - mp.exp(k * y)

    return on_half_line(f, s, Power(k), Stretched(k, s**-k, k - 1), spread=1 / k)


def rayleigh(scale: Any) -> Law:
    f = lambda d, log_d: log_d - 2 * mp.log(scale) - (d / scale) ** 2 / 2  # noqa: E731
    return on_half_line(f, scale, Power(2), GAUSS)


def maxwell(scale: Any) -> Law:
    c = mp.log(2 / mp.pi) / 2 - 3 * mp.log(scale)
    f = lambda d, log_d: c + 2 * log_d - (d / scale) ** 2 / 2  # noqa: E731
    return on_half_line(f, scale, Power(3), GAUSS)


def inverse_gaussian(loc: Any, concentration: Any) -> Law:
    m, k = loc, concentration

    def f(d: Any, log_d: Any) -> Any:
        return (mp.log(k / (2 * mp.pi)) - 3 * log_d) / 2 - k * (d - m) ** 2 / (2 * m * m * d)

    upper = Stretched(1, k / (2 * m * m), mpf(-3) / 2)
    return on_half_line(f, min(m, k), Stretched(1, k / 2), upper, spread=mp.sqrt(mp.log1p(m / k)))


def pareto(scale: Any, alpha: Any) -> Law:
    c = mp.log(alpha) + alpha * mp.log(scale)

    def log_density(t: Point) -> Any:
        return c - (alpha + 1) * mp.log(scale + t.above(scale))

    return Law(scale, INF, log_density, Power(1), Power(alpha), centre=2 * scale)


def generalized_pareto(loc: Any, scale: Any, concentration: Any) -> Law:
    c, log_scale = concentration, mp.log(scale)
    if c < 0:
        high = loc - scale / c

        def bounded(t: Point) -> Any:  # 1 + c z is the distance from the upper end
            return -(1 + 1 / c) * mp.log(t.below(high) * -c / scale) - log_scale

        return Law(loc, high, bounded, Power(1), Power(-1 / c), centre=(loc + high) / 2)

    def f(d: Any, _: Any) -> Any:
        z = d / scale
        return (-(1 + 1 / c) * mp.log1p(c * z) if c else -z) - log_scale

    upper = Power(1 / c) if c else Stretched(1, 1 / scale)
    return on_half_line(f, scale, Power(1), upper, low=loc)


def fisher_snedecor(df1: Any, df2: Any) -> Law:
    a, b = df1 / 2, df2 / 2
    c = a * mp.log(df1 / df2) - log_beta(a, b)

    def f(d: Any, log_d: Any) -> Any:
        return c + (a - 1) * log_d - (a + b) * mp.log1p(df1 / df2 * d)

    return on_half_line(f, mpf(1), Power(a), Power(b), spread=mp.sqrt(1 / a + 1 / b))


# --- intervals ----------------------------------------------------------------------------------


def log_beta(a: Any, b: Any) -> Any:
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def truncated_normal(loc: Any, scale: Any, low: Any, high: Any) -> Law:
    def above(x: Any) -> Any:
        return mp.erfc((x - loc) / (scale * mp.sqrt(2))) / 2

    def below(x: Any) -> Any:
        return mp.erfc((loc - x) / (scale * mp.sqrt(2))) / 2

    mass = above(low) - above(high) if low > loc else below(high) - below(low)
    c = -mp.log(mass) - mp.log(scale)
    centre = min(max(loc, low), high)
    if centre in (low, high):  # far in a tail the mass lies within scale² / distance of the end
        step = min(scale, scale**2 / abs(centre - loc) if centre != loc else INF, (high - low) / 2)
        centre = low + step if centre == low else high - step
    upper = Power(1) if high < INF else GAUSS
    lower = Power(1) if low > -INF else GAUSS
    f = lambda t: normal_log((t.x - loc) / scale) + c  # noqa: E731
    return Law(low, high, f, lower, upper, centre=centre, width=min(1, scale))


def logit_normal(loc: Any, scale: Any) -> Law:
    def log_density(t: Point) -> Any:
        log_x, log_rest = mp.log(t.above(0)), mp.log(t.below(1))
        z = (log_x - log_rest - loc) / scale
        return normal_log(z) - mp.log(scale) - log_x - log_rest

    ends, tails = (mpf(0), mpf(1)), (LogSquare(), LogSquare())
    centre = 1 / (1 + mp.exp(-loc))
    return Law(*ends, log_density, *tails, centre=centre, width=scale, logit=loc)


def beta(concentration1: Any, concentration0: Any) -> Law:
    a, b = concentration1, concentration0
    c = -log_beta(a, b)

    def log_density(t: Point) -> Any:
        return c + (a - 1) * mp.log(t.above(0)) + (b - 1) * mp.log(t.below(1))

    spread = mp.sqrt(1 / a + 1 / b)
    return Law(mpf(0), mpf(1), log_density, Power(a), Power(b), centre=a / (a + b), width=spread)


def kumaraswamy(concentration1: Any, concentration0: Any) -> Law:
    a, b = concentration1, concentration0
    c = mp.log(a * b)

    def log_density(t: Point) -> Any:
        low, high = t.above(0), t.below(1)
        log_x = mp.log(low) if low < high else mp.log1p(-high)
        return c + (a - 1) * log_x + (b - 1) * mp.log(-mp.expm1(a * log_x))

    log_median = mp.log1p(-(mpf(2) ** (-1 / b))) / a
    logit = log_median - mp.log(-mp.expm1(log_median))
    spread = mp.sqrt(1 / a + 1 / b)
    # Where the mass reaches over many powers of ten, little of it lies near 1, but some does.
    places = [1 / (1 + mp.exp(-k)) for k in ((-40, 0, 40) if spread > 10 else ())]
    ends, tails = (mpf(0), mpf(1)), (Power(a), Power(b))
    centre = mp.exp(log_median)
    return Law(
        *ends, log_density, *tails, centre=centre, width=spread, kinks=tuple(places), logit=logit
    )


def uniform(low: Any, high: Any) -> Law:
    c = -mp.log(high - low)
    return Law(low, high, lambda t: c, centre=(low + high) / 2)


def triangular(low: Any, high: Any, peak: Any) -> Law:
    def log_density(t: Point) -> Any:
        if t.x < peak:
            return mp.log(2 * t.above(low) / ((high - low) * (peak - low)))
        if peak == high:
            return mp.log(2 * t.above(low)) - 2 * mp.log(high - low)
        return mp.log(2 * t.below(high) / ((high - low) * (high - peak)))

    lower, upper = Power(2 if peak > low else 1), Power(2 if peak < high else 1)
    centre = (low + high + peak) / 3
    return Law(low, high, log_density, lower, upper, centre=centre, kinks=(peak,))


def continuous_bernoulli(probs: Any) -> Law:
    """Loaiza-Ganem and Cunningham (2019), eq. 2 and 3."""
    r = 1 - 2 * probs
    c = mp.log(2 * mp.atanh(r) / r) if r else mp.log(2)
    a, b = mp.log(probs), mp.log(1 - probs)
    f = lambda t: c + t.above(0) * a + t.below(1) * b  # noqa: E731
    return Law(mpf(0), mpf(1), f, centre=mpf(1) / 2)


def von_mises(loc: Any, concentration: Any) -> Law:
    k = concentration
    c = -mp.log(2 * mp.pi * mp.besseli(0, k))
    width = min(1, 1 / mp.sqrt(k) if k else 1)
    centre = loc - 2 * mp.pi * mp.nint(loc / (2 * mp.pi))
    return Law(-mp.pi, +mp.pi, lambda t: c + k * mp.cos(t.x - loc), centre=centre, width=width)


# --- atoms and integers -------------------------------------------------------------------------


def delta(v: Any) -> Law:
    return Law(v, v, lambda x: mpf(0), lattice=v == int(v), atom=True)


def on_integers(
    low: int, high: Any, log_mass: Callable[[int], Any], upper: Tail = Power(1), mode: Any = 0
) -> Law:
    return Law(mpf(low), mpf(high), log_mass, upper=upper, centre=mode, lattice=True)


def bernoulli(probs: Any) -> Law:
    return on_integers(0, 1, lambda k: mp.log(probs if k else 1 - probs))


def log_choose(n: Any, k: Any) -> Any:
    return mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)


def binomial(total_count: Any, probs: Any) -> Law:
    n, a, b = total_count, mp.log(probs), mp.log(1 - probs)
    return on_integers(0, n, lambda k: log_choose(n, k) + k * a + (n - k) * b)


def beta_binomial(concentration1: Any, concentration0: Any, total_count: Any) -> Law:
    a, b, n = concentration1, concentration0, total_count
    c = log_beta(a, b)
    return on_integers(0, n, lambda k: log_choose(n, k) + log_beta(k + a, n - k + b) - c)


def geometric(probs: Any) -> Law:
    a, b = mp.log(probs), mp.log(1 - probs)
    return on_integers(0, INF, lambda k: a + k * b, Stretched(1))


def negative_binomial(total_count: Any, probs: Any) -> Law:
    r, a, b = total_count, mp.log(probs), mp.log(1 - probs)
    c = r * b - mp.loggamma(r)
    f = lambda k: c + mp.loggamma(k + r) - mp.loggamma(k + 1) + k * a  # noqa: E731
    return on_integers(0, INF, f, Stretched(1), mode=r * probs / (1 - probs))


def poisson(rate: Any) -> Law:
    """Its cost k log k has a mean exactly where k² / k has, for every tail here."""
    a = mp.log(rate)
    f = lambda k: k * a - rate - mp.loggamma(k + 1)  # noqa: E731
    return on_integers(0, INF, f, Stretched(1), mode=rate)


def zipf(power: Any) -> Law:
    c = -mp.log(mp.zeta(power))
    return on_integers(1, INF, lambda k: c - power * mp.log(k), Power(power - 1))


LAWS: dict[str, Callable[..., Law]] = {
    "Normal": normal,
    "StudentT": student_t,
    "Cauchy": cauchy,
    "Laplace": laplace,
    "AsymmetricLaplace": asymmetric_laplace,
    "Logistic": logistic,
    "Gumbel": gumbel,
    "Moyal": moyal,
    "LogNormal": log_normal,
    "HalfNormal": half_normal,
    "HalfCauchy": half_cauchy,
    "Exponential": exponential,
    "Gamma": gamma,
    "InverseGamma": inverse_gamma,
    "Chi": chi,
    "Chi2": chi2,
    "Weibull": weibull,
    "Rayleigh": rayleigh,
    "Maxwell": maxwell,
    "InverseGaussian": inverse_gaussian,
    "Pareto": pareto,
    "GeneralizedPareto": generalized_pareto,
    "FisherSnedecor": fisher_snedecor,
    "TruncatedNormal": truncated_normal,
    "LogitNormal": logit_normal,
    "Beta": beta,
    "Kumaraswamy": kumaraswamy,
    "Uniform": uniform,
    "Triangular": triangular,
    "ContinuousBernoulli": continuous_bernoulli,
    "VonMises": von_mises,
    "Delta": delta,
    "Bernoulli": bernoulli,
    "Binomial": binomial,
    "BetaBinomial": beta_binomial,
    "Geometric": geometric,
    "NegativeBinomial": negative_binomial,
    "Poisson": poisson,
    "Zipf": zipf,
}


def law(family: str, parameters: dict[str, Any]) -> Law:
    """That member of the family, in the working precision of now."""
    return LAWS[family](**{name: mpf(value) for name, value in parameters.items()})
