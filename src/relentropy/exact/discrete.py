"""Relative entropy on a finite alphabet: the formulas.

Each takes two prepared descriptions (`relentropy._convert.prepare`): event axis last, one dtype,
and returns one value a row, in nats. Derivations: docs/numbers.md.
"""

from typing import Any, NamedTuple

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, Softmax, Totals, g, kl_div, logsumexp, softmax, totals
from relentropy.distributions.discrete import Discrete, Logs, Probs, Weights

Array = Any

OVERFLOW = 40.0
"""Above exp(40) the sum over Q's surplus is taken as a logsumexp, lest it leave float32."""


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
    return totals(xp, p.values, q.values, cross=not both_probabilities)


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


@rule(Discrete, Discrete)
def relative_entropy_of_logs(p: Discrete, q: Discrete) -> Array:
    """D = log1p(E_p[exp(-u) - 1 + u]), u = (a - b) - E_p[a - b], from log-weights a and b."""
    xp = _array.namespace(p.values)
    a, b = log_weights(p), log_weights(q)
    infinite = xp.any((a > -INF) & (b == -INF), axis=-1, keepdims=True)
    a = xp.where(infinite, _array.stop_gradient(a), a)
    finite = relative_entropy_on_support(xp, a, b, centred_log_ratio(xp, a, b))
    return xp.where(infinite, INF + _gradient_of_cost(xp, a, b, q), finite)[..., 0]


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
    """u = (a - b) - m with m = E_p[a - b], held in two parts; u = 0 outside the common support."""

    softmax: Softmax  # of a
    u: Array
    m: Array
    correction: Array

    @property
    def p(self) -> Array:
        return self.softmax.weights / (1 + self.softmax.rest)


def centred_log_ratio(xp: Any, a: Array, b: Array) -> CentredLogRatio:
    """The log-ratio about its mean under p, as exact as if a - b had not been rounded.

    Knuth's two-sum gives the rounding of a - b. One centring leaves E_p[u] at a rounding of m,
    which for a large common offset exceeds u itself; the second takes that out.
    """
    parts = softmax(xp, a)
    both = (a > -INF) & (b > -INF)
    a, b = xp.where(both, a, 0.0), xp.where(both, b, 0.0)
    d = a - b
    c = d - a
    rounding = (a - (d - c)) - (b + c)
    p = parts.weights / (1 + parts.rest)
    m = xp.sum(p * d, axis=-1, keepdims=True)
    u = (d - m) + rounding
    correction = xp.sum(p * u, axis=-1, keepdims=True)
    return CentredLogRatio(parts, xp.where(both, u - correction, 0.0), m, correction)


def relative_entropy_on_support(xp: Any, a: Array, b: Array, ratio: CentredLogRatio) -> Array:
    """D, (..., 1), of rows in which Q covers P."""
    in_q = b > -INF
    both = in_q & (a > -INF)
    u, p, log_total = ratio.u, ratio.p, ratio.softmax.log_total(xp)
    # v: the log of Q's mass, on the scale on which P's is p; the log of its sum is D.
    top = xp.max(_array.stop_gradient(b), axis=-1, keepdims=True)
    offset = ((top - ratio.softmax.top) + ratio.m) + ratio.correction
    v = xp.where(both, xp.where(both, ratio.softmax.shifted, 0.0) - u, (b - top) + offset)
    v = xp.where(in_q, v - log_total, -INF)
    huge = xp.max(_array.stop_gradient(v), axis=-1, keepdims=True) > OVERFLOW
    near = both & (u >= -30)
    far = in_q & ~near & ~huge
    u1, u2 = xp.where(near & ~huge, u, 0.0), xp.where(far & both, u, 0.0)
    surplus = xp.where(far, xp.exp(xp.where(far, v, 0.0)), 0.0)
    terms = xp.where(near, p * g(xp, u1), surplus + xp.where(both, p * (u2 - 1), 0.0))
    total = xp.sum(xp.where(huge, 0.0, terms), axis=-1, keepdims=True)
    return xp.where(huge, logsumexp(xp, v), xp.log1p(total))
