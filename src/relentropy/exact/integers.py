"""Families on the whole numbers: relative entropy within a family, and entropies."""

import math
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, kl_div
from relentropy.distributions.discrete import Logits
from relentropy.distributions.integers import Bernoulli, Geometric, Poisson, Zipf
from relentropy.exact.bregman import BERNOULLI, by_second_derivative, two_points
from relentropy.exact.discrete import relative_entropy_of_logs
from relentropy.exact.shannon import entropy_of_discrete

Array = Any


def of_trials(p: Any, q: Any, swapped: bool = False) -> Array:
    """The relative entropy of a single trial with the probabilities of success of p and of q.

    With `swapped` a success of P is a failure of Q.
    """
    if p.probs is None or q.probs is None:
        return relative_entropy_of_logs(_as_logs(p), _as_logs(q, swapped))
    xp, a, rest_b = _array.namespace(p.probs, q.probs), p.probs, 1 - q.probs
    b, gap = q.probs, p.probs - q.probs
    if swapped:
        # Where the two are close, the smaller of the numbers is the exact complement of 1.
        gap = xp.where(b < 0.5, b - (1 - a), a - rest_b)
        b, rest_b = rest_b, b
    infinite = ((b == 0) & (a > 0)) | ((rest_b == 0) & (a < 1))
    a = xp.where(infinite, _array.stop_gradient(a), a)  # the convention where D = +inf
    return two_points(xp, a, b, 1 - a, rest_b, gap)


def _as_logs(p: Any, swapped: bool = False) -> Logits:
    """Failure and success as a finite alphabet, in logs that round nothing."""
    if p.logits is None:
        pair = [p.log_failure(), p.log_success()]
    else:
        x, xp = p.logits, _array.namespace(p.logits)
        zero = xp.zeros_like(x)
        pair = [xp.where(x == INF, -INF, zero), xp.where(x == INF, zero, x)]
    pair = pair[::-1] if swapped else pair
    return Logits.__new__(Logits).with_values(_array.namespace(pair[0]).stack(pair, axis=-1))


@rule(Bernoulli, Bernoulli)
def bernoulli_bernoulli(p: Bernoulli, q: Bernoulli) -> Array:
    """D = p log(p/q) + (1-p) log((1-p)/(1-q)), from logits where those are given."""
    return of_trials(p, q)


@rule(Bernoulli, None, of="entropy")
def entropy_of_bernoulli(p: Any) -> Array:
    """H = -p log p - (1-p) log(1-p)."""
    return entropy_of_discrete(_as_logs(p))


@rule(Geometric, Geometric)
def geometric_geometric(p: Geometric, q: Geometric) -> Array:
    """D = [p log(p/q) + (1-p) log((1-p)/(1-q))] / p: that of a trial, times their mean number."""
    return of_trials(p, q) / p.success()


@rule(Geometric, None, of="entropy")
def entropy_of_geometric(p: Geometric) -> Array:
    """H = [-p log p - (1-p) log(1-p)] / p."""
    return entropy_of_bernoulli(p) / p.success()


@rule(Poisson, Poisson)
def poisson_poisson(p: Poisson, q: Poisson) -> Array:
    """D = r log(r/s) - r + s, rates r and s."""
    xp, r, s = _array.namespace(p.rate, q.rate), p.rate, q.rate
    r = xp.where((s == 0) & (r > 0), _array.stop_gradient(r), r)  # the convention where D = +inf
    return kl_div(xp, r, s)


# --- Zipf ---------------------------------------------------------------------------------------


class _LogMoments(NamedTuple):
    """Log ζ(s), and the mean and the variance of log k."""

    log_zeta: Array
    mean: Array
    variance: Array


_TERMS = 12


def _log_moments(xp: Any, s: Array) -> _LogMoments:
    """From 11 terms and, for k >= 12, the formula of Euler and Maclaurin (DLMF 25.2.9).

    Its tail is 12^-s R(s), so that log(k/12) has there the moments -R' and R'' times 12^-s.
    """
    e, log_n = s - 1, math.log(_TERMS)
    rest, first, second = _TERMS / e + 0.5, -_TERMS / e**2, 2 * _TERMS / e**3
    # (s)_(2j-1) / 12^(2j-1) and its two derivatives.
    rising, slope, bend = s / _TERMS, xp.ones_like(s) / _TERMS, xp.zeros_like(s)
    for j, c in enumerate(BERNOULLI[:5]):
        rest, first, second = rest + c * rising, first + c * slope, second + c * bend
        for t in ((s + 2 * j + 1) / _TERMS, (s + 2 * j + 2) / _TERMS):
            bend = bend * t + 2 * slope / _TERMS
            slope = slope * t + rising / _TERMS
            rising = rising * t
    tail = xp.exp(-s * log_n)
    weights = [(math.log(k), xp.exp(-s * math.log(k))) for k in range(2, _TERMS)]
    others = sum(w for _, w in weights) + tail * rest
    mean = (sum(y * w for y, w in weights) + tail * (log_n * rest - first)) / (1 + others)
    gap = log_n - mean
    squares = mean * mean + sum((y - mean) ** 2 * w for y, w in weights)
    squares = squares + tail * (second - 2 * gap * first + gap * gap * rest)
    return _LogMoments(xp.log1p(others), mean, squares / (1 + others))


@rule(Zipf, Zipf)
def zipf_zipf(p: Zipf, q: Zipf) -> Array:
    """D = log(ζ(t)/ζ(s)) + (t - s) E_P[log k]; of close powers ∫ (t - x) Var_x[log k] dx."""
    xp = _array.namespace(p.power, q.power)
    s, d = p.power + 0.0 * q.power, q.power - p.power
    lower = xp.minimum(p.power, q.power) - 1
    near = _array.stop_gradient(xp.abs(d)) <= 0.5 * _array.stop_gradient(
        xp.minimum(lower, 1 + 0 * lower)
    )
    step = xp.where(near, d, 0.0)
    close = by_second_derivative(xp, lambda x: _log_moments(xp, x).variance, s, step)
    of_p, of_q = _log_moments(xp, s), _log_moments(xp, q.power + 0.0 * s)
    return xp.where(near, close, of_q.log_zeta - of_p.log_zeta + d * of_p.mean)


@rule(Zipf, None, of="entropy")
def entropy_of_zipf(p: Zipf) -> Array:
    """H = log ζ(s) + s E[log k]."""
    moments = _log_moments(_array.namespace(p.power), p.power)
    return moments.log_zeta + p.power * moments.mean
