"""Relative entropy on a finite alphabet: the formulas.

Each takes two prepared descriptions (`relentropy._convert.prepare`): event axis last, one dtype,
and returns one value a row, in nats. Derivations: docs/numbers.md.
"""

from typing import Any, NamedTuple

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import (
    INF,
    Softmax,
    Totals,
    centred,
    excess,
    g_given,
    kl_div,
    log_ratio,
    logsumexp,
    softmax,
    totals,
)
from relentropy.distributions.discrete import Counts, Discrete, Logs, Probs, Weights

Array = Any


def log_weights(x: Discrete) -> Array:
    """Logarithms of the (unnormalised) probabilities; constant where they are -inf."""
    if isinstance(x, Logs):
        return x.values
    xp = _array.namespace(x.values)
    positive = x.values > 0
    return xp.where(positive, xp.log(xp.where(positive, x.values, 1.0)), -INF)


def pair_totals(p: Weights, q: Weights) -> Totals:
    """The sums of both rows, compared exactly unless both are probabilities by declaration."""
    xp = _array.namespace(p.values)
    both_probabilities = isinstance(p, Probs) and isinstance(q, Probs)
    found = totals(xp, p.values, q.values, cross=not both_probabilities)
    # Sums of counts are exact. Those of other weights are rounded, which float32 can feel.
    counted = isinstance(p, Counts) or isinstance(q, Counts)
    return found if both_probabilities or counted else centred(xp, p.values, q.values, found)


def without_gradient_at_zero(xp: Any, p: Array, q: Array) -> Array:
    """P, constant where the convention wants ∂D/∂p = 0: at p = 0, and in rows where D = +inf."""
    infinite = xp.any((p > 0) & (q == 0), axis=-1, keepdims=True)
    return xp.where(infinite | ~(p > 0), _array.stop_gradient(p), p)


@rule(Weights, Weights)
def relative_entropy_of_weights(p: Weights, q: Weights) -> Array:
    """D = Σ q h(p/q - 1), h(x) = (1+x) log(1+x) - x, of the normalised weights."""
    xp = _array.namespace(p.values)
    p = p.with_values(without_gradient_at_zero(xp, p.values, q.values))
    terms = kl_div(xp, p.values, q.values, pair_totals(p, q))
    return xp.sum(terms, axis=-1)


def slopes_of_weights(p: Weights, q: Weights) -> tuple[Array, tuple[Array, Array]]:
    """D with ∂D/∂p = log(p/q) - D, 0 at p = 0 and where D = +inf, and ∂D/∂q = 1 - p/q.

    Of the normalised weights: what differentiation makes of `relative_entropy_of_weights`.
    """
    xp = _array.namespace(p.values)
    found, d = pair_totals(p, q), relative_entropy_of_weights(p, q)[..., None]
    x, y = p.values, q.values
    counted, covered = (x > 0) & ~(d == INF), y > 0
    t = log_ratio(xp, xp.where(counted, x, 1.0), xp.where(counted, y, 1.0), found)
    less = -excess(xp, x, xp.where(covered, y, 1.0), found) / found.q
    at_zero = xp.where(x > 0, -INF, 1 / found.q)
    to_p = xp.where(counted, (t - d) / found.p, 0.0)
    return d[..., 0], (to_p, xp.where(covered, less, at_zero))


@rule(Discrete, Discrete)
def relative_entropy_of_logs(p: Discrete, q: Discrete) -> Array:
    """D = log1p(E_p[exp(-u) - 1 + u]), u = (a - b) - E_p[a - b], from log-weights a and b."""
    xp = _array.namespace(p.values)
    a, b = log_weights(p), log_weights(q)
    infinite = uncovered(xp, a, b)
    a = xp.where(infinite, _array.stop_gradient(a), a)
    finite = relative_entropy_on_support(xp, centred_log_ratio(xp, a, b))
    return xp.where(infinite, INF + _gradient_of_cost(xp, a, b, q), finite)[..., 0]


def uncovered(xp: Any, a: Array, b: Array) -> Array:
    """Rows, (..., 1), in which P has mass where Q has none: D = +inf."""
    return xp.any((a > -INF) & (b == -INF), axis=-1, keepdims=True)


def slopes_of_logs(p: Logs, q: Logs) -> tuple[Array, tuple[Array, Array]]:
    """D with ∂D/∂a = p u, 0 where D = +inf, and ∂D/∂b = q - p = p (exp(-t) - 1), t = u + D.

    What differentiation makes of `relative_entropy_of_logs`, in fewer steps; t = log(p/q).
    """
    a, b = p.values, q.values
    xp = _array.namespace(a)
    infinite = uncovered(xp, a, b)
    a = xp.where(infinite, _array.stop_gradient(a), a)  # also in second derivatives
    ratio = centred_log_ratio(xp, a, b)
    d = relative_entropy_on_support(xp, ratio)
    t = ratio.u + d
    near = ratio.common & ~infinite & (xp.abs(_array.stop_gradient(t)) < 30)
    close = ratio.p * xp.expm1(-xp.where(near, t, 0.0))
    to_a = xp.where(infinite, 0.0, ratio.p * ratio.u)
    to_b = xp.where(near, close, ratio.of_q.share - ratio.p)
    return xp.where(infinite, INF, d)[..., 0], (to_a, to_b)


def jeffreys_of_logs(p: Logs, q: Logs) -> Array:
    """D(P||Q) + D(Q||P)."""
    return relative_entropy_of_logs(p, q) + relative_entropy_of_logs(q, p)


def slopes_of_jeffreys(p: Logs, q: Logs) -> tuple[Array, tuple[Array, Array]]:
    """`jeffreys_of_logs` with its derivatives towards a and b."""
    there, (first_a, second_b) = slopes_of_logs(p, q)
    back, (first_b, second_a) = slopes_of_logs(q, p)
    return there + back, (first_a + second_a, second_b + first_b)


def _gradient_of_cost(xp: Any, a: Array, b: Array, q: Discrete) -> Array:
    """A finite or infinite number whose gradient is that of the cross-entropy towards Q alone.

    Added to D = +inf it leaves the value, and ∂D/∂b = q - p or ∂D/∂q = 1 - p/q, -inf at q = 0.
    """
    mass = _array.stop_gradient(xp.exp(a - logsumexp(xp, a)))
    shown = xp.where(mass > 0, q.values, 0.0 if isinstance(q, Logs) else 1.0)
    b_shown = shown if isinstance(q, Logs) else xp.log(shown)
    shown_cost = xp.where(mass > 0, mass * b_shown, 0.0)
    return logsumexp(xp, b) - xp.sum(shown_cost, axis=-1, keepdims=True)


class CentredLogRatio(NamedTuple):
    """The parts of both softmaxes, and u = (a - b) - E_p[a - b] where p > 0 and q > 0."""

    of_p: Softmax
    of_q: Softmax
    p: Array
    common: Array  # where u is defined; 0 elsewhere
    u: Array
    offset: Array  # E_p[a - b] about the difference of the largest a and b


def centred_log_ratio(xp: Any, a: Array, b: Array, rest: Array | None = None) -> CentredLogRatio:
    """The log-ratio about its mean under p, as exact as if a - b had not been rounded.

    The mean is sought from a - b at P's largest cell, which is near and exact: a common offset is
    gone at once. It is then corrected for the rounding of a - b, which is added again, and with it
    `rest`, what a caller knows that a - b lacks; that takes out the rounding of m as well.
    """
    of_p, of_q = softmax(xp, a), softmax(xp, b)
    p = of_p.share
    common = (p > 0) & (b > -INF)
    d, rounding = difference(xp.where(common, a, 0.0), xp.where(common, b, 0.0))
    near = _array.stop_gradient(_array.entries(d, of_p.best))
    near = xp.where(xp.abs(near) < INF, near, 0.0)
    d = xp.where(common, d - near, 0.0)
    m = xp.sum(p * d, axis=-1, keepdims=True)
    u = (d - m) + (rounding if rest is None else rounding + rest)
    correction = xp.sum(xp.where(common, p * u, 0.0), axis=-1, keepdims=True)
    correction = xp.where(xp.abs(m) < INF, correction, 0.0)
    gap, lost = difference(of_q.top, of_p.top)
    offset = ((gap + near) + m) + (correction + lost)
    return CentredLogRatio(of_p, of_q, p, common, xp.where(common, u - correction, 0.0), offset)


def difference(a: Array, b: Array) -> tuple[Array, Array]:
    """A - b as computed, and what its rounding lost, whose derivative is 0: Knuth's two-sum."""
    d = _array.rounded(a - b)
    a, b, e = (_array.stop_gradient(x) for x in (a, b, d))
    c = _array.rounded(e - a)
    return d, (a - _array.rounded(e - c)) - _array.rounded(b + c)


def relative_entropy_on_support(xp: Any, ratio: CentredLogRatio) -> Array:
    """D, (..., 1), of rows in which Q covers P.

    Above 1 nat from the normalisers, m + log Σ exp b - log Σ exp a, which then does not cancel;
    below from the sum of non-negative terms, which then does not overflow.
    """
    p, common, log_total = ratio.p, ratio.common, ratio.of_p.log_total(xp)
    direct = ratio.offset + (ratio.of_q.log_total(xp) - log_total)
    large = ~(_array.stop_gradient(direct) < 1)
    # v: the log of Q's mass on the scale on which P's is p; the log of its sum is D.
    in_p, in_q = ratio.of_p.shifted - ratio.u, ratio.of_q.shifted + ratio.offset
    v = xp.where(common, in_p, in_q) - log_total
    u, v = xp.where(large, 0.0, ratio.u), xp.where(large, 0.0, v)
    covered = common & (u >= -30)
    e = xp.exp(xp.where(covered, -u, v))
    apart = e + xp.where(common, p * (u - 1), 0.0)
    terms = xp.where(covered, p * g_given(xp, xp.where(covered, u, 0.0), e), apart)
    return xp.where(large, direct, xp.log1p(xp.sum(terms, axis=-1, keepdims=True)))
