"""Rényi's divergence of families that have it closed where a parameter is equal.

Powers of gamma variables of one power, and trials of one count: exponential families then. Other
rows go by quadrature or summation, as all do of Cauchy's and of circular laws, whose order infinity
alone is closed. χ², Tsallis, Hellinger and Bhattacharyya follow from it.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, log_ratio
from relentropy._special import digamma
from relentropy.distributions.integers import Bernoulli, Binomial, Geometric, NegativeBinomial
from relentropy.distributions.interval import ContinuousBernoulli, VonMises
from relentropy.distributions.line import Cauchy, Gumbel, Moyal
from relentropy.distributions.positive import HalfCauchy, Weibull
from relentropy.exact import from_renyi, largest_ratio, natural
from relentropy.exact.integers import Trial, trial
from relentropy.exact.segment import renyi_along
from relentropy.exact.univariate_renyi import (
    chernoff_of_cells,
    in_widest_float,
    of_cells,
    of_waiting_times,
)
from relentropy.methods import neighbours
from relentropy.methods.rows import where_equal
from relentropy.methods.trials import ends, trials

Array = Any


def _numbers(alpha: float, what: str) -> Callable[[Any, Any], Array]:
    def numbers(p: Any, q: Any) -> Array:
        if alpha == INF:
            raise LookupError(
                f"the largest log-ratio is known of equal {what} only; take a finite order, or "
                "maximise p.log_density(x) - q.log_density(x)"
            )
        return neighbours.renyi(p, q, alpha)

    return numbers


def _register(p: type, q: type, renyi: Callable[..., Array]) -> None:
    rule(p, q, of="renyi")(renyi)
    from_renyi.register(p, q, renyi)


# --- trials -------------------------------------------------------------------------------------


@in_widest_float
def renyi_of_counts(p: Any, q: Any, alpha: float) -> Array:
    """D_α = n times that of one trial, of equal n; otherwise by summation."""
    n, m = (trials(x) for x in (p, q))
    return where_equal(p, q, n == m, _times(n, of_cells(p, q, alpha)), _numbers(alpha, "counts"))


@in_widest_float
def chernoff_of_counts(p: Any, q: Any) -> Array:
    """N times that of one trial, of equal n; otherwise by summation."""
    n, m = (trials(x) for x in (p, q))
    return where_equal(p, q, n == m, _times(n, chernoff_of_cells(p, q)), neighbours.chernoff)


def _times(n: Array, one: Array) -> Array:
    """No trial at all costs nothing, even where a single one would be infinite."""
    return n * _array.namespace(one).where(n > 0, one, 0.0)


_COUNTS: list[tuple[type, type]] = [
    (Binomial, Binomial),
    (Binomial, Bernoulli),
    (Bernoulli, Binomial),
]
for _p, _q in _COUNTS:
    _register(_p, _q, renyi_of_counts)
    rule(_p, _q, of="chernoff")(chernoff_of_counts)


@in_widest_float
def renyi_of_ends(p: Any, q: Any, alpha: float) -> Array:
    """D_α = r times that of the trials before one end, of equal r; otherwise by summation."""
    (go, go_q), (r, s) = (_going_on(x) for x in (p, q)), (ends(x) for x in (p, q))
    if alpha == INF:
        closed = r * largest_ratio.of_waiting_times(go, go_q)
    else:
        closed = r * of_waiting_times(go, go_q, alpha) + (s - r) * _slope(go, go_q, alpha)
    return where_equal(p, q, r == s, closed, _numbers(alpha, "counts"))


def _going_on(p: Any) -> Trial:
    return trial(p) if isinstance(p, NegativeBinomial) else trial(p).swapped()


def _slope(go: Trial, go_q: Trial, alpha: float) -> Array:
    """The derivative of D_α towards the count of Q, of equal counts: log(1-m) - log(1-q).

    That towards the count of P is as much less than that of one end. M goes on with m.
    """
    xp = _array.namespace(go.success, go_q.success)
    both = (go.success > 0) & (go_q.success > 0)
    logs = (xp.where(both, t.log_success, -1.0) for t in (go, go_q))
    log_m = sum(w * x for w, x in zip((alpha, 1 - alpha), logs, strict=True))
    some = both & (log_m < 0)
    of_m = xp.log(-xp.expm1(xp.where(some, log_m, -1.0)))
    return xp.where(some, of_m - xp.where(some, go_q.log_failure, 0.0), 0.0)


_ENDS: list[tuple[type, type]] = [
    (NegativeBinomial, NegativeBinomial),
    (NegativeBinomial, Geometric),
    (Geometric, NegativeBinomial),
]
for _p, _q in _ENDS:
    _register(_p, _q, renyi_of_ends)


# --- powers of gamma variables ------------------------------------------------------------------


class Powers(NamedTuple):
    """(y/λ)^k and (y/λ')^k' are gamma of the concentration a; y > 0 is some function of x."""

    log_scale: Array
    k: Array
    k_q: Array
    a: float


def _powers(p: Any, q: Any) -> Powers:
    if isinstance(p, Weibull):
        log_scale = log_ratio(_array.namespace(p.scale), *_alike(p.scale, q.scale))
        return Powers(log_scale, p.concentration, q.concentration, 1.0)
    # y = exp(-x).
    if isinstance(p, Gumbel):
        return Powers(q.loc - p.loc, 1 / p.scale, 1 / q.scale, 1.0)
    shift = (p.scale - q.scale) * math.log(2)
    return Powers(q.loc - p.loc + shift, 1 / p.scale, 1 / q.scale, 0.5)


def _alike(x: Array, y: Array) -> tuple[Array, Array]:
    return x + 0.0 * y, y + 0.0 * x


@in_widest_float
def renyi_of_powers(p: Any, q: Any, alpha: float) -> Array:
    """D_α of exponential or gamma laws of one concentration, where powers are equal."""
    log_scale, k, k_q, a = _powers(p, q)
    still, still_q = (_array.stop_gradient(x) for x in (k, k_q))
    u, xp = still * log_scale + 0.0 * still_q, _array.namespace(log_scale)
    if alpha == INF:
        closed = xp.where(u > 0, INF, -a * u)
    else:
        of_p, of_q = _slopes_of_powers(xp, _array.stop_gradient(u), alpha, a)
        slopes = (k - still) / still * of_p + (k_q - still_q) / still_q * of_q
        closed = _of_log_rate(xp, u, alpha, a) + slopes
    return where_equal(p, q, _powers_agree(p, q), closed, _numbers(alpha, "powers"))


def _powers_agree(p: Any, q: Any) -> Array:
    return p.concentration == q.concentration if isinstance(p, Weibull) else p.scale == q.scale


def _of_log_rate(xp: Any, u: Array, alpha: float, a: float) -> Array:
    """Of gamma laws of rates 1 and e^u; far apart a (log(α + (1-α) e^u) - (1-α) u) / (1-α)."""
    far = xp.abs(_array.stop_gradient(u)) > _FAR
    near = renyi_along(natural.of_powers(xp.where(far, 0.0, u), a), alpha)
    if alpha == 0:
        return near
    beta, v = 1 - alpha, xp.where(far, u, -_FAR)
    below = xp.log(alpha + beta * xp.exp(xp.where(v < 0, v, 0.0))) - beta * v
    below = a / beta * below
    if alpha > 1:
        return xp.where(far, xp.where(v > 0, INF, below), near)
    above = a / beta * (xp.log(beta + alpha * xp.exp(-xp.where(v > 0, v, 0.0))) + alpha * v)
    return xp.where(far, xp.where(v > 0, above, below), near)


_FAR = 100.0


def _slopes_of_powers(xp: Any, u: Array, alpha: float, a: float) -> tuple[Array, Array]:
    """The derivatives of D_α towards log k and log k' where these are equal, constants.

    α/(α-1) E_M[∂ log p] and -E_M[∂ log q], each (1 - 1/m) (1 + a (ψ(a) - log m)) with the rate m of
    M in units of that of P, α + (1-α) e^u, or of Q.
    """
    beta, mean = 1 - alpha, digamma(_array.constant_like(u, a))
    up, down = xp.exp(xp.where(u > 0, 0.0, u)), xp.exp(-xp.where(u > 0, u, 0.0))
    share = alpha * down + beta * up  # m or, above u = 0, m e^-u
    some = share > 0
    log_m = xp.log(xp.where(some, share, 1.0)) + xp.where(u > 0, u, 0.0)

    def mean_slope(log_m: Array) -> Array:
        log_m = xp.where(some, log_m, 0.0)
        return -xp.expm1(-log_m) * (1 + a * (mean - log_m))

    return alpha / (alpha - 1) * mean_slope(log_m), -mean_slope(log_m - u)


_POWERS: list[type] = [Weibull, Gumbel, Moyal]
for _p in _POWERS:
    _register(_p, _p, renyi_of_powers)


# --- only the largest ratio ---------------------------------------------------------------------


def _or_largest(largest: Callable[[Any, Any], Array]) -> Callable[..., Array]:
    def renyi(p: Any, q: Any, alpha: float) -> Array:
        return largest(p, q) if alpha == INF else neighbours.renyi(p, q, alpha)

    renyi.__doc__ = neighbours.renyi.__doc__
    return renyi


_LARGEST: dict[type, Callable[[Any, Any], Array]] = {
    Cauchy: lambda p, q: largest_ratio.of_cauchys(p.scale, q.scale, p.loc - q.loc),
    HalfCauchy: lambda p, q: largest_ratio.of_cauchys(p.scale, q.scale, 0.0 * p.scale),
    VonMises: largest_ratio.of_von_mises,
    ContinuousBernoulli: largest_ratio.of_continuous_bernoullis,
}
for _p, _largest in _LARGEST.items():
    rule(_p, _p, of="renyi", kind="quadrature")(_or_largest(in_widest_float(_largest)))
