"""Entropy, cross-entropy and surprisal on a finite alphabet, one value a row, in nats."""

from typing import Any

from relentropy import _array
from relentropy._scalar import INF, log_quotient, softmax
from relentropy.distributions.discrete import Discrete, Logs

Array = Any


def probabilities(x: Discrete) -> Array:
    """The normalised probabilities, last axis."""
    xp = _array.namespace(x.values)
    if isinstance(x, Logs):
        return softmax(xp, x.values).share
    return x.values / xp.sum(x.values, axis=-1, keepdims=True)


def surprisals(x: Discrete, wanted: Array | None = None) -> Array:
    """-log p >= 0 of every cell; +inf at p = 0, or the constant 0 where it is not `wanted`.

    That of the most probable cell is log1p(the others' mass / its own): -log p would lose it
    where p rounds to 1.
    """
    xp = _array.namespace(x.values)
    if isinstance(x, Logs):
        parts = softmax(xp, x.values)
        shifted = parts.shifted if wanted is None else xp.where(wanted, parts.shifted, 0.0)
        return parts.log_total(xp) - shifted
    w = x.values
    first = _array.positions(w) == _array.first_largest(_array.stop_gradient(w))
    others = xp.sum(xp.where(first, 0.0, w), axis=-1, keepdims=True)
    total = xp.sum(w, axis=-1, keepdims=True)
    counted = ~first if wanted is None else ~first & wanted
    rest = log_quotient(xp, total, xp.where(counted, w, 1.0))
    return xp.where(first, xp.log1p(others / xp.where(first, w, 1.0)), rest)


def cross_entropy_of_discrete(p: Discrete, q: Discrete) -> Array:
    """H(P, Q) = Σ p (-log q), with 0 · ∞ = 0; no gradient towards P where it is +inf."""
    xp = _array.namespace(p.values)
    p, wanted = _held_where_infinite(p, q), (p.values > p.missing) | (q.values > q.missing)
    mass, cost = probabilities(p), surprisals(q, wanted)
    # An unused cell of Q, or one of P below the range of the dtype, costs nothing.
    paid = wanted & ((mass > 0) | (cost < INF))
    return xp.sum(xp.where(paid, mass, 0.0) * xp.where(paid, cost, 0.0), axis=-1)


def _held_where_infinite(p: Discrete, q: Discrete) -> Discrete:
    """P, constant for differentiation in rows where it has mass and Q has none."""
    xp = _array.namespace(p.values)
    alone = (p.values > p.missing) & ~(q.values > q.missing)
    infinite = xp.any(alone, axis=-1, keepdims=True)
    return p.with_values(xp.where(infinite, _array.stop_gradient(p.values), p.values))


def entropy_of_discrete(p: Discrete) -> Array:
    """H(P) = Σ p (-log p); the gradient is 0 by convention at p = 0."""
    xp = _array.namespace(p.values)
    positive = p.values > p.missing
    p = p.with_values(xp.where(positive, p.values, p.missing))
    mass, cost = probabilities(p), surprisals(p, positive)
    return xp.sum(xp.where(positive, mass * cost, 0.0), axis=-1)


def slopes_of_cross_entropy(p: Logs, q: Logs) -> tuple[Array, tuple[Array, Array]]:
    """H(P, Q) with ∂/∂a = p (c - E_p[c]), c = -log q, 0 where H = +inf, and ∂/∂b = q - p."""
    value, mass = cross_entropy_of_discrete(p, q), probabilities(_held_where_infinite(p, q))
    to_a = _slopes_of_mean(mass, surprisals(q, mass > 0), value)
    return value, (to_a, probabilities(q) - mass)


def slopes_of_entropy(p: Logs) -> tuple[Array, tuple[Array]]:
    """H(P) with ∂/∂a = p (c - E_p[c]), c = -log p."""
    value, mass = entropy_of_discrete(p), probabilities(p)
    return value, (_slopes_of_mean(mass, surprisals(p, mass > 0), value),)


def _slopes_of_mean(p: Array, cost: Array, mean: Array) -> Array:
    """Towards a of Σ p c with c held, and 0 where p = 0."""
    xp, mean = _array.namespace(p), mean[..., None]
    counted = (p > 0) & (mean < INF)
    return xp.where(counted, p * (xp.where(counted, cost, 0.0) - xp.where(counted, mean, 0.0)), 0.0)
