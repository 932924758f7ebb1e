"""Relative entropy on a finite alphabet: the formulas.

Each takes two prepared descriptions (`relentropy._convert.prepare`): event axis last, one dtype,
and returns one value a row, in nats. Derivations: docs/numbers.md.
"""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, Totals, g, kl_div, logsumexp, softmax, totals
from relentropy.distributions.discrete import Discrete, Logs, Probs, Weights

Array = Any

OVERFLOW = 40.0
"""Above exp(40) the sum over Q's surplus is taken as a logsumexp, lest it leave float32."""


def log_weights(x: Discrete) -> Array:
    """Logarithms of the (unnormalised) probabilities; no gradient at 0 unless P needs one there."""
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
    in_p, in_q = a > -INF, b > -INF
    infinite = xp.any(in_p & ~in_q, axis=-1, keepdims=True)
    a = xp.where(infinite, _array.stop_gradient(a), a)
    finite = _finite_from_logs(xp, a, b, in_p, in_q)
    mass = _array.stop_gradient(xp.exp(a - logsumexp(xp, a)))
    # The value is +inf; what is added carries the gradient q - p with respect to b.
    cost = logsumexp(xp, b) - xp.sum(xp.where(mass > 0, mass * b, 0.0), axis=-1, keepdims=True)
    return xp.where(infinite, INF + cost, finite)[..., 0]


def centred_log_ratio(xp: Any, a: Array, b: Array, both: Array) -> tuple[Array, Array, Array]:
    """u = (a - b) - m with m = E_p[a - b], and m in two parts; u = 0 outside `both`.

    One pass leaves E_p[u] at a rounding of m, which for a large common offset exceeds u itself;
    the second takes that rounding out.
    """
    parts = softmax(xp, a)
    p = parts.weights / (1 + parts.rest)
    d = xp.where(both, a, 0.0) - xp.where(both, b, 0.0)
    m = xp.sum(p * d, axis=-1, keepdims=True)
    u = d - m
    correction = xp.sum(p * u, axis=-1, keepdims=True)
    return xp.where(both, u - correction, 0.0), m, correction


def _finite_from_logs(xp: Any, a: Array, b: Array, in_p: Array, in_q: Array) -> Array:
    """D for rows without an infinite term. v is the log of Q's mass on the scale exp(D)."""
    both = in_p & in_q
    u, m, correction = centred_log_ratio(xp, a, b, both)
    parts = softmax(xp, a)
    p, log_total = parts.weights / (1 + parts.rest), parts.log_total(xp)
    top = xp.max(_array.stop_gradient(b), axis=-1, keepdims=True)
    lost = (b - top) + (((top - parts.top) + m) + correction - log_total)  # where p = 0
    v = xp.where(both, xp.where(both, parts.shifted, 0.0) - log_total - u, xp.where(in_q, lost, -INF))
    huge = xp.max(_array.stop_gradient(v), axis=-1, keepdims=True) > OVERFLOW
    near = both & (u >= -30)
    far = in_q & ~near & ~huge
    u1, u2 = xp.where(near & ~huge, u, 0.0), xp.where(far & both, u, 0.0)
    surplus = xp.where(far, xp.exp(xp.where(far, v, 0.0)), 0.0)
    terms = xp.where(near, p * g(xp, u1), surplus + xp.where(both, p * (u2 - 1), 0.0))
    small = xp.log1p(xp.sum(terms, axis=-1, keepdims=True))
    return xp.where(huge, logsumexp(xp, v), small)
