"""Rényi's divergence of univariate families that have it closed, and what follows from it, in nats.

Exponential families go along the segment of their natural parameters; Laplace's, Pareto's and
uniform laws and single trials have formulas of their own. All are computed in the widest float.
"""

import math
from collections.abc import Callable
from functools import wraps
from itertools import product
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, g, log_ratio
from relentropy.distributions.integers import Bernoulli, Geometric, Poisson, Zipf
from relentropy.distributions.interval import Beta, LogitNormal, Uniform
from relentropy.distributions.line import Laplace, Normal
from relentropy.distributions.positive import (
    Chi,
    Chi2,
    Exponential,
    Gamma,
    HalfNormal,
    InverseGamma,
    InverseGaussian,
    LogNormal,
    Maxwell,
    Rayleigh,
)
from relentropy.distributions.power_law import Pareto
from relentropy.exact import from_renyi, largest_ratio, natural
from relentropy.exact.bregman import even_size, mean_along
from relentropy.exact.divergences import Ratio, chernoff_of, renyi_of
from relentropy.exact.geometric_mixture import Mixed, chernoff_of_mixtures
from relentropy.exact.integers import Trial, trial, trials_apart
from relentropy.exact.positive import as_gamma, as_length
from relentropy.exact.segment import Segment, mixed_along, renyi_along

Array = Any
Formula = Callable[[Any, Any, float], Array]
Largest = Callable[[Any, Any], Array]


def in_widest_float(f: Callable[..., Array]) -> Callable[..., Array]:
    """A formula of two families computed in float64, given back in their dtype."""

    @wraps(f)
    def run(p: Any, q: Any, *options: float, **named: float) -> Array:
        dtype = p.arrays()[0].dtype
        wide = (x.mapped(lambda a: _array.astype(a, _array.widest_float(a))) for x in (p, q))
        return _array.astype(f(*wide, *options, **named), dtype)

    return run


def of_any_order(finite: Formula, largest: Largest) -> Formula:
    """Rényi's divergence of the orders below infinity, and of that."""

    def renyi(p: Any, q: Any, alpha: float) -> Array:
        return largest(p, q) if alpha == INF else finite(p, q, alpha)

    renyi.__doc__ = finite.__doc__
    return in_widest_float(renyi)


def _register(kinds: tuple[type, type], finite: Formula, largest: Largest) -> None:
    renyi = of_any_order(finite, largest)
    rule(*kinds, of="renyi")(renyi)
    from_renyi.register(*kinds, renyi)


def along(segment: Callable[[Any, Any], Segment]) -> Formula:
    """Rényi's divergence of the orders below infinity of an exponential family."""

    def finite(p: Any, q: Any, alpha: float) -> Array:
        """D_α = [α D(M||P) + (1-α) D(M||Q)] / (1-α), M ∝ p^α q^(1-α); D(P||Q) + D(P||M)/(α-1)."""
        return renyi_along(segment(p, q), alpha)

    return finite


def chernoff_along(segment: Callable[[Any, Any], Segment]) -> Callable[[Any, Any], Array]:
    """Chernoff's information of an exponential family."""

    def formula(p: Any, q: Any) -> Array:
        """D(M||P) = D(M||Q) at the geometric mixture M that is as far from both."""
        return chernoff_of_mixtures(lambda a, b, beta: mixed_along(segment(a, b), beta), p, q)

    return in_widest_float(formula)


# --- exponential families -----------------------------------------------------------------------


def _gammas(p: Any, q: Any) -> Segment:
    if isinstance(p, Exponential) and isinstance(q, Exponential):
        return natural.of_rates(p.rate, q.rate)
    return natural.of_gammas(*as_gamma(p), *as_gamma(q))


def _inverse_gammas(p: InverseGamma, q: InverseGamma) -> Segment:
    return natural.of_gammas(p.concentration, p.rate, q.concentration, q.rate)


def _lengths(p: Any, q: Any) -> Segment:
    if type(p) is type(q) and not isinstance(p, Chi):
        return natural.of_lengths(p.scale, q.scale, HALF_DIMENSIONS[type(p)])
    return natural.of_squares(*as_length(p), *as_length(q))


HALF_DIMENSIONS: dict[type, float] = {HalfNormal: 0.5, Rayleigh: 1.0, Maxwell: 1.5}
_FAMILIES: list[tuple[list[type], Callable[[Any, Any], Segment], Largest]] = [
    ([Normal], natural.of_normals, largest_ratio.of_normals),
    ([LogNormal], natural.of_normals, largest_ratio.of_normals),
    ([LogitNormal], natural.of_normals, largest_ratio.of_normals),
    (
        [Gamma, Chi2, Exponential],
        _gammas,
        lambda p, q: largest_ratio.of_gammas(natural.of_gammas(*as_gamma(p), *as_gamma(q))),
    ),
    (
        [InverseGamma],
        _inverse_gammas,
        lambda p, q: largest_ratio.of_gammas(_inverse_gammas(p, q)),
    ),
    (
        [HalfNormal, Rayleigh, Maxwell, Chi],
        _lengths,
        lambda p, q: largest_ratio.of_gammas(natural.of_squares(*as_length(p), *as_length(q))),
    ),
    ([InverseGaussian], natural.of_inverse_gaussians, largest_ratio.of_inverse_gaussians),
    ([Beta], natural.of_beta_variables, largest_ratio.of_beta_variables),
    ([Zipf], natural.of_zipfs, largest_ratio.of_zipfs),
]
for _kinds, _segment, _largest in _FAMILIES:
    for _pair in product(_kinds, _kinds):
        _register(_pair, along(_segment), _largest)
        rule(*_pair, of="chernoff")(chernoff_along(_segment))


# --- whole numbers ------------------------------------------------------------------------------


def _poissons(p: Poisson, q: Poisson, alpha: float) -> Array:
    """D_α = (r^α s^(1-α) - α r - (1-α) s) / (α-1), rates r and s, from terms that are not negative.

    At r = 0 it is s; at s = 0 < r it is α r / (1-α), and +inf for α > 1.
    """
    r, s = p.rate + 0.0 * q.rate, q.rate + 0.0 * p.rate
    xp, both = _array.namespace(r), (r > 0) & (s > 0)
    safe = (xp.where(both, x, 1.0) for x in (r, s))
    value = renyi_along(natural.of_poissons(*safe), alpha)
    lost = alpha / (1 - alpha) * r if alpha < 1 else INF + 0.0 * r
    return xp.where(both, value, xp.where(r > 0, lost, s))


@rule(Poisson, Poisson, of="chernoff")
@in_widest_float
def chernoff_of_poissons(p: Poisson, q: Poisson) -> Array:
    """D(M||P) = D(M||Q) at the geometric mixture M that is as far from both; r + s if one is 0."""
    xp, (r, s) = _array.namespace(p.rate), (p.rate + 0.0 * q.rate, q.rate + 0.0 * p.rate)
    both = (r > 0) & (s > 0)
    p, q = (x.mapped(lambda a: xp.where(both, a, 1.0)) for x in (p, q))
    value = chernoff_of_mixtures(
        lambda a, b, beta: mixed_along(natural.of_poissons(a.rate, b.rate), beta), p, q
    )
    return xp.where(both, value, r + s)


_register((Poisson, Poisson), _poissons, largest_ratio.of_poissons)


def of_waiting_times(go: Trial, go_q: Trial, alpha: float) -> Array:
    """Rényi's divergence of how often a trial succeeds before it fails the first time.

    Where P fails at once it is -log of Q's probability of that; where only Q does, α/(1-α) times
    that of P, and +inf for α > 1.
    """
    segment, both = _waiting_times(go, go_q)
    value, zero = renyi_along(segment, alpha), 0.0 * segment.start[0]
    xp = _array.namespace(zero)
    at_once = [xp.where(both, -1.0, t.log_failure + zero) for t in (go, go_q)]
    lost = -alpha / (1 - alpha) * at_once[0] if alpha < 1 else INF + zero
    return xp.where(both, value, xp.where(go.success > 0, lost, -at_once[1]))


def _waiting_times(go: Trial, go_q: Trial) -> tuple[Segment, Array]:
    """The segment, and where both may go on at all."""
    xp = _array.namespace(go.success, go_q.success)
    both = (go.success > 0) & (go_q.success > 0)
    x, y = (xp.where(both, t.log_success, -1.0) for t in (go, go_q))
    step = xp.where(both, -trials_apart(go, go_q).success, 0.0)
    return natural.of_waiting_times(x, y, step), both


def _as_going_on(p: Geometric) -> Trial:
    return trial(p).swapped()


def _geometrics(p: Geometric, q: Geometric, alpha: float) -> Array:
    """D_α of the log-probabilities to go on, log f and log g: +inf unless f^α g^(1-α) < 1."""
    return of_waiting_times(_as_going_on(p), _as_going_on(q), alpha)


@rule(Geometric, Geometric, of="chernoff")
@in_widest_float
def chernoff_of_geometrics(p: Geometric, q: Geometric) -> Array:
    """D(M||P) = D(M||Q) at the geometric mixture M that is as far from both."""
    return chernoff_of_waiting_times(p, q, _as_going_on)


def chernoff_of_waiting_times(p: Any, q: Any, going_on: Callable[[Any], Trial]) -> Array:
    """Chernoff's information of how often a trial succeeds before it fails the first time."""

    def mixed(a: Any, b: Any, beta: Array) -> Mixed:
        return mixed_along(_waiting_times(going_on(a), going_on(b))[0], beta)

    go, go_q = going_on(p), going_on(q)
    (_, both), value = _waiting_times(go, go_q), chernoff_of_mixtures(mixed, p, q)
    xp, zero = _array.namespace(value), 0.0 * value
    at_once = (xp.where(both, 0.0, t.log_failure + zero) for t in (go, go_q))
    return xp.where(both, value, -sum(at_once))


_register((Geometric, Geometric), _geometrics, largest_ratio.of_geometrics)


def cells_of_trials(p: Trial, q: Trial) -> Ratio:
    """Both as distributions of two cells."""
    xp, apart = _array.namespace(p.success, q.success), trials_apart(p, q)
    zero = 0.0 * apart.gap

    def side_by_side(x: Array, y: Array) -> Array:
        return xp.stack([x + zero, y + zero], axis=-1)

    a, b = (side_by_side(t.success, t.failure) for t in (p, q))
    t = side_by_side(apart.success, apart.failure)
    t = xp.where((a > 0) & (b > 0), t, xp.where(a > 0, INF, xp.where(b > 0, -INF, 0.0)))
    return Ratio(xp, a, b, side_by_side(apart.gap, -apart.gap), t)


def of_cells(p: Any, q: Any, alpha: float) -> Array:
    """D_α of one trial: log(p^α q^(1-α) + (1-p)^α (1-q)^(1-α)) / (α-1)."""
    return renyi_of(cells_of_trials(trial(p), trial(q)), alpha)


def chernoff_of_cells(p: Any, q: Any) -> Array:
    """Max over α of -log(p^α q^(1-α) + (1-p)^α (1-q)^(1-α))."""
    return chernoff_of(cells_of_trials(trial(p), trial(q)))


_register((Bernoulli, Bernoulli), of_cells, lambda p, q: of_cells(p, q, INF))
rule(Bernoulli, Bernoulli, of="chernoff")(in_widest_float(chernoff_of_cells))


# --- others -------------------------------------------------------------------------------------


def _shares(p: Uniform, q: Uniform) -> tuple[Array, Array, Array, Array]:
    """log(L/C) and log(L'/C), lengths L, L' and C in common; where C > 0; where C = L."""
    xp = _array.namespace(p.low, q.low)
    zero = 0.0 * (p.low + p.high + q.low + q.high)
    a, b, a_q, b_q = (x + zero for x in (p.low, p.high, q.low, q.high))
    low, high = xp.maximum(a, a_q), xp.minimum(b, b_q)
    some = low < high
    common = xp.where(some, high - low, 1.0)
    parts = [((low - a) + (b - high)) / common, ((low - a_q) + (b_q - high)) / common]
    logs = [xp.log1p(xp.where(some, x, 0.0)) for x in parts]
    return logs[0], logs[1], some, (a_q <= a) & (b <= b_q)


def _uniforms(p: Uniform, q: Uniform, alpha: float) -> Array:
    """D_α = α/(1-α) log(L/C) + log(L'/C), lengths L, L' and C in common; or +inf."""
    of_p, of_q, some, within = _shares(p, q)
    xp = _array.namespace(of_p)
    if alpha > 1:
        return xp.where(within, of_q, INF)
    return xp.where(some, alpha / (1 - alpha) * of_p + of_q, INF)


@rule(Uniform, Uniform, of="chernoff")
@in_widest_float
def chernoff_of_uniforms(p: Uniform, q: Uniform) -> Array:
    """Max(log(L/C), log(L'/C)), lengths L, L' and C in common; +inf if they have none."""
    of_p, of_q, some, _ = _shares(p, q)
    xp = _array.namespace(of_p)
    return xp.where(some, xp.maximum(of_p, of_q), INF)


_register((Uniform, Uniform), _uniforms, lambda p, q: _uniforms(p, q, INF))


def _paretos(p: Pareto, q: Pareto, alpha: float) -> Array:
    """D_α of the exponential logs of rates a and a', and a' log(x/x') for x > x', x, x' the least.

    For x < x' and α < 1 it is α/(1-α) a log(x'/x) more, for α > 1 infinite.
    """
    xp, zero = _array.namespace(p.alpha, q.alpha), 0.0 * (p.scale + q.scale)
    value = renyi_along(natural.of_rates(p.alpha, q.alpha), alpha)
    begins = log_ratio(xp, p.scale + zero, q.scale + zero)
    below = xp.where(begins > 0, begins, 0.0), xp.where(begins < 0, -begins, 0.0)
    if alpha > 1:
        return xp.where(begins < 0, INF, value + q.alpha * below[0])
    return value + q.alpha * below[0] + alpha / (1 - alpha) * p.alpha * below[1]


_register((Pareto, Pareto), _paretos, largest_ratio.of_paretos)


def _laplaces(p: Laplace, q: Laplace, alpha: float) -> Array:
    """D_α of exponential laws of the same scales, and log(R)/(α-1) for the distance.

    R = exp(-B) [1 + exp(-k) + (A+B) (1 - exp(-k))/k] / 2 with A = α|δ|/σ, B = (1-α)|δ|/s and
    k = A - B; near 1 it is 1 - AB φ[A, B], with the divided difference of φ(x) = (e^-x - 1 + x)/x.
    """
    segment = natural.of_inverse_rates(p.scale, q.scale)
    scales = renyi_along(segment, alpha)
    if alpha == 0:
        return scales + 0.0 * (p.loc + q.loc)
    xp = _array.namespace(scales)
    distance = even_size(xp, p.loc - q.loc)
    a, b = alpha * (distance / p.scale), (1 - alpha) * (distance / q.scale)
    if alpha > 1:
        converges = _array.stop_gradient(scales) < INF
        a, b = (xp.where(converges, x, 0.0) for x in (a, b))
        scales = xp.where(converges, scales, INF)
    return scales + _log_overlap(xp, a, b) / (alpha - 1)


def _log_overlap(xp: Any, a: Array, b: Array) -> Array:
    """Log R of `_laplaces`."""
    huge = _array.stop_gradient(b) < -30
    x, y = (xp.where(huge, 0.0, v) for v in (a, b))
    gap = x * y * _phi_between(xp, x, y)
    near = ~huge & (xp.abs(_array.stop_gradient(gap)) < 0.5)
    close = xp.log1p(-xp.where(near, gap, 0.0))
    u, v = (xp.where(near, c, z) for c, z in ((2.0, a), (1.0, b)))
    k, least = xp.abs(u - v), xp.minimum(u, v)
    some = k > 0
    share = xp.where(some, -xp.expm1(-k) / xp.where(some, k, 1.0), 1.0 - k / 2)
    far = xp.log((1 + xp.exp(-k) + (u + v) * share) / 2) - least
    return xp.where(near, close, far)


def _phi_between(xp: Any, a: Array, b: Array) -> Array:
    """(φ(b) - φ(a)) / (b - a), φ(x) = (exp(-x) - 1 + x)/x, a + b > 0."""
    near = xp.abs(b - a) <= 2
    close = mean_along(lambda x: _phi_slope(xp, x), a, xp.where(near, b - a, 0.0))
    u, v = (xp.where(near, c, z) for c, z in ((3.0, a), (6.0, b)))
    far = (_phi(xp, v) - _phi(xp, u)) / (v - u)
    return xp.where(near, close, far)


def _phi(xp: Any, x: Array) -> Array:
    some = xp.abs(x) > 0
    return xp.where(some, g(xp, x) / xp.where(some, x, 1.0), x / 2)


def _phi_slope(xp: Any, x: Array) -> Array:
    """φ'(x) = (1 - exp(-x) (1+x)) / x²; by its series below 1."""
    near = xp.abs(x) < 1
    small, large = xp.where(near, x, 0.0), xp.where(near, 1.0, x)
    series = xp.zeros_like(x)
    for n in range(20, 1, -1):
        series = (n - 1) / math.factorial(n) - small * series
    return xp.where(near, series, (1 - xp.exp(-large) * (1 + large)) / large**2)


_register((Laplace, Laplace), _laplaces, largest_ratio.of_laplaces)
