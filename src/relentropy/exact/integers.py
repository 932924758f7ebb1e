"""Families on the whole numbers: relative entropy within a family, and entropies."""

import math
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, NEAR, kl_div, log_quotient
from relentropy.distributions.integers import Bernoulli, Geometric, Poisson, Zipf
from relentropy.exact.bregman import BERNOULLI, by_second_derivative, even_size, two_points

Array = Any


class Trial(NamedTuple):
    """Success or failure: their probabilities, the logarithms, and the logit if it was given."""

    success: Array
    failure: Array
    log_success: Array
    log_failure: Array
    logit: Array | None

    def swapped(self) -> "Trial":
        logit = None if self.logit is None else -self.logit
        return Trial(self.failure, self.success, self.log_failure, self.log_success, logit)


def trial(p: Any) -> Trial:
    return Trial(p.success(), p.failure(), p.log_success(), p.log_failure(), p.logits)


def of_trials(p: Trial, q: Trial) -> Array:
    """The relative entropy of one trial, p log(p/q) + (1-p) log((1-p)/(1-q))."""
    xp = _array.namespace(p.success, q.success)
    infinite = ((q.success == 0) & (p.success > 0)) | ((q.failure == 0) & (p.failure > 0))
    # By convention there is no gradient towards P where D = +inf.
    p = Trial(*(None if x is None else _still(xp, infinite, x) for x in p))
    if p.logit is None and q.logit is None:
        logs: tuple[Any, Any] = (None, None)
    else:
        logs = tuple(
            _difference(xp, x, y)
            for x, y in ((p.log_success, q.log_success), (p.log_failure, q.log_failure))
        )
    return two_points(xp, p.success, q.success, p.failure, q.failure, _gap(xp, p, q), logs)


def _still(xp: Any, where: Array, x: Array) -> Array:
    return xp.where(where, _array.stop_gradient(x), x)


def _difference(xp: Any, a: Array, b: Array) -> Array:
    """A - b of extended numbers, 0 at a = -inf."""
    some = a > -INF
    return xp.where(some, xp.where(some, a, 0.0) - xp.where(some, b, 0.0), 0.0)


def _gap(xp: Any, p: Trial, q: Trial) -> Array:
    """The difference of the probabilities of success, exact where they are close."""
    if p.logit is None or q.logit is None:
        # Of a probability and its complement the larger is a rounded one where they are close.
        direct = p.success - q.success
        return xp.where(q.success < 0.5, direct, q.failure - p.failure)
    finite = (xp.abs(p.logit) < INF) & (xp.abs(q.logit) < INF)
    d = xp.where(finite, p.logit, 0.0) - xp.where(finite, q.logit, 0.0)
    # p - q = p (1-q) (1 - exp(-d)), and the same the other way round.
    scale = xp.where(d < 0, -q.success * p.failure, p.success * q.failure)
    return xp.where(finite, -scale * xp.expm1(-even_size(xp, d)), p.success - q.success)


class Apart(NamedTuple):
    """Two trials: the difference of the probabilities, log(p/q) and log((1-p)/(1-q))."""

    gap: Array
    success: Array
    failure: Array


def trials_apart(p: Trial, q: Trial) -> Apart:
    """What lies between two trials, free of cancellation; log-ratios are 0 where a side is 0."""
    xp = _array.namespace(p.success, q.success)
    gap = _gap(xp, p, q)
    given = p.logit is not None or q.logit is not None
    shares = [
        (p.success, q.success, gap, p.log_success, q.log_success),
        (p.failure, q.failure, -gap, p.log_failure, q.log_failure),
    ]
    return Apart(gap, *(_log_share(xp, *share, given) for share in shares))


def _log_share(
    xp: Any, p: Array, q: Array, d: Array, log_p: Array, log_q: Array, given: bool
) -> Array:
    """log(p/q), d = p - q, where both are positive; 0 elsewhere."""
    both = (p > 0) & (q > 0)
    x = d / xp.where(both, q, 1.0)
    near = both & (xp.abs(_array.stop_gradient(x)) < NEAR)
    far = both & ~near
    if given:
        t = xp.where(far, log_p, 0.0) - xp.where(far, log_q, 0.0)
    else:
        t = log_quotient(xp, xp.where(far, p, 1.0), xp.where(far, q, 1.0))
    return xp.where(near, xp.log1p(xp.where(near, x, 0.0)), t)


@rule(Bernoulli, Bernoulli)
def bernoulli_bernoulli(p: Bernoulli, q: Bernoulli) -> Array:
    """D = p log(p/q) + (1-p) log((1-p)/(1-q)), from logits where those are given."""
    return of_trials(trial(p), trial(q))


@rule(Bernoulli, None, of="entropy")
def entropy_of_bernoulli(p: Any) -> Array:
    """H = -p log p - (1-p) log(1-p)."""
    t = trial(p)
    return sum(
        _cost(x, log_x) for x, log_x in ((t.success, t.log_success), (t.failure, t.log_failure))
    )


def _cost(p: Array, log_p: Array) -> Array:
    """-p log p, 0 at 0."""
    xp = _array.namespace(p)
    return xp.where(p > 0, -p * xp.where(p > 0, log_p, 0.0), 0.0 * p)


@rule(Geometric, Geometric)
def geometric_geometric(p: Geometric, q: Geometric) -> Array:
    """D = [p log(p/q) + (1-p) log((1-p)/(1-q))] / p: that of a trial, times their mean number."""
    return of_trials(trial(p), trial(q)) / p.success()


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


def _log_moments(xp: Any, e: Array) -> _LogMoments:
    """Of the power s = 1 + e, from 11 terms and, for k >= 12, Euler and Maclaurin (DLMF 25.2.9).

    Its tail is 12^-s R(s), so that log(k/12) has there the moments -R' and R'' times 12^-s.
    """
    # Beyond 100 nothing is left of the tail, and its factors would overflow.
    whole, e = 1 + e, xp.where(e > 99, 99.0, e)
    s, log_n = 1 + e, math.log(_TERMS)
    rest, first, second = _TERMS / e + 0.5, -_TERMS / e**2, 2 * _TERMS / e**3
    # (s)_(2j-1) / 12^(2j-1) and its two derivatives.
    rising, slope, bend = s / _TERMS, xp.ones_like(s) / _TERMS, xp.zeros_like(s)
    for j, c in enumerate(BERNOULLI[:5]):
        rest, first, second = rest + c * rising, first + c * slope, second + c * bend
        for t in ((s + 2 * j + 1) / _TERMS, (s + 2 * j + 2) / _TERMS):
            bend = bend * t + 2 * slope / _TERMS
            slope = slope * t + rising / _TERMS
            rising = rising * t
    tail = xp.exp(-whole * log_n)
    weights = [(math.log(k), xp.exp(-whole * math.log(k))) for k in range(2, _TERMS)]
    others = sum(w for _, w in weights) + tail * rest
    mean = (sum(y * w for y, w in weights) + tail * (log_n * rest - first)) / (1 + others)
    gap = log_n - mean
    squares = mean * mean + sum((y - mean) ** 2 * w for y, w in weights)
    squares = squares + tail * (second - 2 * gap * first + gap * gap * rest)
    return _LogMoments(xp.log1p(others), mean, squares / (1 + others))


@rule(Zipf, Zipf)
def zipf_zipf(p: Zipf, q: Zipf) -> Array:
    """D = log(ζ(t)/ζ(s)) + (t - s) E_P[log k]; of close powers ∫ (t - x) Var_x[log k] dx."""
    zero = 0.0 * (p.power + q.power)
    return zipf_between(p.power - 1 + zero, q.power - 1 + zero, q.power - p.power)


def zipf_between(e: Array, f: Array, d: Array) -> Array:
    """The relative entropy of Zipf's laws of the powers 1 + e and 1 + f, f = e + d."""
    xp = _array.namespace(e)
    lower = xp.minimum(e, f)
    reach = xp.minimum(lower, 1 + 0 * lower)
    near = _array.stop_gradient(xp.abs(d)) <= 0.5 * _array.stop_gradient(reach)
    step = xp.where(near, d, 0.0)
    close = by_second_derivative(xp, lambda x: _log_moments(xp, x).variance, e, step)
    of_p, of_q = _log_moments(xp, e), _log_moments(xp, f)
    return xp.where(near, close, of_q.log_zeta - of_p.log_zeta + d * of_p.mean)


def mean_log(xp: Any, power: Array) -> Array:
    """The mean of log k under Zipf's law."""
    return _log_moments(xp, power - 1).mean


@rule(Zipf, None, of="entropy")
def entropy_of_zipf(p: Zipf) -> Array:
    """H = log ζ(s) + s E[log k]."""
    moments = _log_moments(_array.namespace(p.power), p.power - 1)
    return moments.log_zeta + p.power * moments.mean
