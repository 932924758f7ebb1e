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
        parts = softmax(xp, x.values)
        return parts.weights / (1 + parts.rest)
    return x.values / xp.sum(x.values, axis=-1, keepdims=True)


def surprisals(x: Discrete) -> Array:
    """-log p >= 0 of every cell; +inf at p = 0.

    That of the most probable cell is log1p(the others' mass / its own): -log p would lose it
    where p rounds to 1.
    """
    xp = _array.namespace(x.values)
    if isinstance(x, Logs):
        parts = softmax(xp, x.values)
        return parts.log_total(xp) - parts.shifted
    w = x.values
    first = _array.positions(w) == xp.argmax(_array.stop_gradient(w), axis=-1, keepdims=True)
    others = xp.sum(xp.where(first, 0.0, w), axis=-1, keepdims=True)
    total = xp.sum(w, axis=-1, keepdims=True)
    rest = xp.where(first, 1.0, w)
    return xp.where(
        first,
        xp.log1p(others / xp.where(first, w, 1.0)),
        log_quotient(xp, total, rest),
    )


def cross_entropy_of_discrete(p: Discrete, q: Discrete) -> Array:
    """H(P, Q) = Σ p (-log q), with 0 · ∞ = 0."""
    xp = _array.namespace(p.values)
    mass, cost = probabilities(p), surprisals(q)
    counted = (mass > 0) | (cost < INF)
    return xp.sum(xp.where(counted, mass, 0.0) * xp.where(counted, cost, 0.0), axis=-1)


def entropy_of_discrete(p: Discrete) -> Array:
    """H(P) = Σ p (-log p); the gradient is 0 by convention at p = 0."""
    xp = _array.namespace(p.values)
    positive = p.values > p.missing
    p = p.with_values(xp.where(positive, p.values, p.missing))
    safe = p if isinstance(p, Logs) else p.with_values(p.values)
    cost = surprisals(safe)
    mass = xp.where(positive, probabilities(p), 0.0)
    return xp.sum(mass * xp.where(positive, cost, 0.0), axis=-1)
