"""The largest log(p/q): Rényi's divergence of infinite order of univariate families, in nats.

Of an exponential family log(p/q) is linear in the statistics, with the difference of the natural
parameters, and has its largest value at an end or at one place inside. Each formula is a sum of
terms that are not negative. Source: van Erven & Harremoës, "Rényi divergence and Kullback-Leibler
divergence" (2014), theorem 6.
"""

from typing import Any

from relentropy import _array
from relentropy._scalar import INF, _difference_of_products, log_quotient, log_ratio
from relentropy._special import digamma, i0e
from relentropy.distributions.integers import Geometric, Poisson, Zipf
from relentropy.distributions.interval import Beta, ContinuousBernoulli, VonMises
from relentropy.distributions.line import Laplace
from relentropy.distributions.positive import InverseGaussian
from relentropy.distributions.power_law import Pareto
from relentropy.exact.bregman import even_size, excess_over_log, log_ratio_given, two_points
from relentropy.exact.integers import Trial, mean_log, trial, trials_apart, zipf_zipf
from relentropy.exact.interval import (
    continuous_bernoulli_continuous_bernoulli,
    mean_gap,
    natural_gap,
    of_betas,
)
from relentropy.exact.line import of_cauchy
from relentropy.exact.segment import Segment

Array = Any


def of_gammas(segment: Segment) -> Array:
    """D + α [1/y - 1 - log(1/y) + log a - ψ(a)], y = αr/(βa): the place α/β over the mean of P.

    For concentrations a = b + α and rates r = s + β, both differences above 0. At α = 0 <= β it is
    a log(r/s), otherwise +inf.
    """
    (a, r), (b, s), (d, e) = segment.start, segment.end, segment.step
    xp = _array.namespace(a)
    inside = (d < 0) & (e < 0)
    a1, b1, d1 = (xp.where(inside, x, y) for x, y in ((a, 2.0), (b, 1.0), (d, -1.0)))
    r1, s1, e1 = (xp.where(inside, x, y) for x, y in ((r, 2.0), (s, 1.0), (e, -1.0)))
    wedge = xp.where(inside, segment.wedge, 0.0)
    value = segment.divergence((a1, r1), (b1, s1), (d1, e1), wedge)
    log_y = log_quotient(xp, -d1, a1) - log_quotient(xp, -e1, r1)
    beyond = excess_over_log(xp, wedge / r1 / d1, -log_y) + log_less_digamma(a1)
    same = (d == 0) & (e <= 0)
    only_rates = -a * log_ratio_given(xp, s, r, xp.where(same, e, 0.0))
    return xp.where(inside, value - d1 * beyond, xp.where(same, only_rates, INF))


def log_less_digamma(x: Array) -> Array:
    """Log x - ψ(x) > 0; from 12 on by Stirling's series (DLMF 5.11.2)."""
    xp = _array.namespace(x)
    large = x >= 12
    small, z = xp.where(large, 1.0, x), 1 / xp.where(large, x, 12.0)
    y = z * z
    series = z / 2 + y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return xp.where(large, series, xp.log(small) - digamma(small))


def of_normals(p: Any, q: Any) -> Array:
    """log(s/σ) + δ²/(2 (s² - σ²)) for scales s > σ; 0 of equal ones, otherwise +inf."""
    delta = p.loc - q.loc
    xp = _array.namespace(delta)
    t, s = (x + 0.0 * delta for x in (p.scale, q.scale))
    wider = s > t
    t1, s1 = xp.where(wider, t, 1.0), xp.where(wider, s, 2.0)
    shift = delta / (s1 - t1) * (delta / (s1 + t1)) / 2
    same = (s == t) & (delta == 0)
    return xp.where(wider, log_ratio(xp, s1, t1) + shift, xp.where(same, 0.0 * delta, INF))


def of_laplaces(p: Laplace, q: Laplace) -> Array:
    """log(s/σ) + |δ|/s for scales s >= σ; otherwise +inf."""
    distance = even_size(_array.namespace(p.loc, q.loc), p.loc - q.loc) / q.scale
    xp = _array.namespace(distance)
    t, s = (x + 0.0 * distance for x in (p.scale, q.scale))
    return xp.where(s >= t, log_ratio(xp, s, t) + distance, INF)


def of_paretos(p: Pareto, q: Pareto) -> Array:
    """log(a/a') + a' log(x/x') for a >= a' and the smallest values x >= x'; otherwise +inf."""
    zero = 0.0 * (p.scale + p.alpha + q.scale + q.alpha)
    xp = _array.namespace(zero)
    x, a, x_q, a_q = (v + zero for v in (p.scale, p.alpha, q.scale, q.alpha))
    value = log_ratio(xp, a, a_q) + a_q * log_ratio(xp, x, x_q)
    return xp.where((x >= x_q) & (a >= a_q), value, INF)


def of_inverse_gaussians(p: InverseGaussian, q: InverseGaussian) -> Array:
    """½ log(λ/λ') + √(λψ) - √(λ'ψ') - √((λ-λ')(ψ-ψ')), ψ = λ/μ², for λ >= λ', ψ >= ψ'; or +inf.

    The roots are W² / ((√(λ'(ψ-ψ')) + √(ψ'(λ-λ')))² (their sum)), W = λ'ψ - λψ'.
    """
    zero = 0.0 * (p.loc + p.concentration + q.loc + q.concentration)
    xp = _array.namespace(zero)
    m, c, n, d = (x + zero for x in (p.loc, p.concentration, q.loc, q.concentration))
    # In units of the mean of P: λ and ψ are c, those of Q are d and d v².
    log_c, v = log_ratio(xp, c, d), m / n
    c, d = c / m, d / m
    moved = d * ((m - n) / n) * ((m + n) / n)  # ψ' - λ'
    more, more_psi = c - d, (c - d) - moved
    valid = (more >= 0) & (more_psi >= 0)
    x, y = (_root(xp, xp.where(valid, z, 0.0)) for z in (d * more_psi, d * v * v * more))
    both = x + y
    some = both > 0
    gap = c * moved / xp.where(some, both, 1.0)
    total = c + d * v + _root(xp, xp.where(valid, more * more_psi, 0.0))
    bend = xp.where(some, gap * gap / total, 0.0)
    return xp.where(valid, log_c / 2 + bend, INF)


def _root(xp: Any, x: Array) -> Array:
    """√x, of the derivative 0 at 0."""
    some = x > 0
    return xp.where(some, xp.sqrt(xp.where(some, x, 1.0)), 0.0)


def of_beta_variables(p: Beta, q: Beta) -> Array:
    """D + γ KL(α/γ ‖ a/c) + α (L(a) - L(c)) + β (L(b) - L(c)), L(x) = log x - ψ(x), c = a + b.

    For a = a' + α and b = b' + β, γ = α + β, neither negative; otherwise +inf.
    """
    zero = 0.0 * (sum(p.arrays()) + sum(q.arrays()))
    xp = _array.namespace(zero)
    a, b, a_q, b_q = (x + zero for x in (*p.arrays(), *q.arrays()))
    d, e = a - a_q, b - b_q
    same = (d == 0) & (e == 0)
    inside = (d >= 0) & (e >= 0) & ~same
    d, e = xp.where(inside, d, 1.0), xp.where(inside, e, 1.0)
    a_q, b_q = xp.where(inside, a_q, a), xp.where(inside, b_q, b)
    c, f = a + b, d + e
    gap = _difference_of_products(xp, a_q, b, a, b_q)
    place = f * two_points(xp, d / f, a / c, e / f, b / c, -gap / c / f)
    of_a, of_b, of_c = (log_less_digamma(x) for x in (a, b, c))
    value = of_betas(a, b, a_q, b_q, -d, -e, gap) + place
    value = value + d * (of_a - of_c) + e * (of_b - of_c)
    return xp.where(inside, value, xp.where(same, 0.0 * zero, INF))


def of_cauchys(scale: Array, scale_q: Array, distance: Array) -> Array:
    """D + 2 log(1 + √(1 - e^-D)), D the relative entropy; the distance of (δ, σ) and (0, s).

    It is hyperbolic, and all f-divergences are functions of it. Source: Nielsen and Okamura, "On
    f-divergences between Cauchy distributions" (2023).
    """
    value = of_cauchy(scale, scale_q, distance)
    xp = _array.namespace(value)
    return value + 2 * xp.log1p(_root(xp, -xp.expm1(-value)))


def of_von_mises(p: VonMises, q: VonMises) -> Array:
    """log(I0(κ')/I0(κ)) + √((κ-κ')² + 4κκ' sin²(δ/2)), concentrations κ and κ'."""
    xp = _array.namespace(p.concentration, q.concentration)
    turn = xp.sin((p.loc - q.loc) / 2)
    k, k_q = p.concentration + 0.0 * turn, q.concentration + 0.0 * turn
    d, cross = k - k_q, 4 * k * k_q * turn * turn
    reach = _root(xp, d * d + cross)
    # The root less κ - κ'.
    more = xp.where(d > 0, cross / xp.where(d > 0, reach + d, 1.0), reach - d)
    return log_ratio(xp, i0e(k_q), i0e(k)) + more


def of_continuous_bernoullis(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Array:
    """D + |d| (1/2 ± |S'(η)|), d = η' - η, + where it has the sign of η."""
    d, value = natural_gap(p, q), continuous_bernoulli_continuous_bernoulli(p, q)
    xp = _array.namespace(d)
    n = p.natural + 0.0 * d
    rest = mean_gap(xp, even_size(xp, n))
    return value + even_size(xp, d) * xp.where(n * d > 0, 1 - rest, rest)


# --- whole numbers ------------------------------------------------------------------------------


def of_poissons(p: Poisson, q: Poisson) -> Array:
    """S - r, at 0, for rates r <= s; otherwise +inf."""
    d = q.rate - p.rate
    return _array.namespace(d).where(d >= 0, d, INF)


def of_geometrics(p: Geometric, q: Geometric) -> Array:
    """log(p/q), at 0, for probabilities of success p >= q; otherwise +inf."""
    return of_waiting_times(trial(p).swapped(), trial(q).swapped())


def of_waiting_times(go: Trial, go_q: Trial) -> Array:
    """log(p/q) of the failures that end the waiting, p >= q; otherwise +inf."""
    apart = trials_apart(go, go_q)
    return _array.namespace(apart.gap).where(apart.gap <= 0, apart.failure, INF)


def of_zipfs(p: Zipf, q: Zipf) -> Array:
    """D + (s - t) E_P[log k] = log(ζ(t)/ζ(s)), at 1, for powers s >= t; otherwise +inf."""
    d = p.power - q.power
    xp = _array.namespace(d)
    return xp.where(d >= 0, zipf_zipf(p, q) + d * mean_log(xp, p.power), INF)
