"""How fast a density falls at an end of its support, and which expectations therefore exist.

A tail is described in X: |x| towards infinity, 1 / distance towards a finite end. The same
description serves the density of P and the cost -log q of Q, so that for every pair it is known
without any integral whether E_P[-log q] exists.
"""

from typing import Any, NamedTuple

from relentropy import _array

Array = Any

ALGEBRAIC, LOGARITHMIC, POWER, EXPONENTIAL = 0, 1, 2, 3
UNKNOWN_LEVEL = 4


class Tail(NamedTuple):
    """-log of the density grows like a law of X; lighter tails have the higher level.

    level 0: (1 + power) log X, so that X has moments of orders below `power`;
    level 1: rate · log² X;
    level 2: rate · X^power;
    level 3: exp(X / scale), with rate = 1 / scale.

    Of an `UNKNOWN` tail, that of a density which the user wrote, nothing is concluded.
    """

    level: Any
    power: Any = 1.0
    rate: Any = 1.0


def algebraic(power: Any) -> Tail:
    return Tail(ALGEBRAIC, power)


LOG_SQUARED = Tail(LOGARITHMIC)


def stretched(power: Any, rate: Any) -> Tail:
    return Tail(POWER, power, rate)


def double_exponential(rate: Any) -> Tail:
    return Tail(EXPONENTIAL, 1.0, rate)


UNKNOWN = Tail(UNKNOWN_LEVEL)

JUMP = algebraic(1.0)
"""A density that ends at a finite place without tending to 0 or infinity."""


def cost_exists(p: Tail, q: Tail) -> Any:
    """Whether E_P[-log q] exists as far as this end is concerned."""
    by_power = (p.level > ALGEBRAIC) | (p.power > q.power)
    same_law = (p.power > 1) | ((p.power == 1) & (p.rate > q.rate))
    by_exponential = (p.level > POWER) | ((p.level == POWER) & same_law)
    at_most = (q.level <= LOGARITHMIC) | (q.level == UNKNOWN_LEVEL)
    return at_most | ((q.level == POWER) & by_power) | ((q.level == EXPONENTIAL) & by_exponential)


def power_exists(p: Tail, q: Tail, alpha: float) -> Any:
    """Whether the integral of p^α q^(1-α), α > 1, exists as far as this end is concerned."""
    beta = alpha - 1
    algebraic_ = (p.level == ALGEBRAIC) & (alpha * p.power > beta * q.power)
    logarithmic = (p.level == LOGARITHMIC) & (alpha * p.rate > beta * q.rate)
    faster = p.power > q.power
    powers = faster | ((p.power == q.power) & (alpha * p.rate > beta * q.rate))
    doubles = (p.rate > q.rate) | (p.rate == q.rate)
    equal = algebraic_ | logarithmic | ((p.level == POWER) & powers)
    equal = equal | ((p.level == EXPONENTIAL) & doubles)
    unknown = (p.level == UNKNOWN_LEVEL) | (q.level == UNKNOWN_LEVEL)
    return unknown | (p.level > q.level) | ((p.level == q.level) & equal)


def either(condition: Any, a: Tail, b: Tail) -> Tail:
    """One tail or the other; by the row where the condition is an array."""
    if _array.framework(condition) is None:
        return a if condition else b
    xp = _array.namespace(condition)
    like = next((x for x in (*a, *b) if _array.framework(x) is not None), None)
    zero = xp.zeros_like(condition, dtype=like.dtype if like is not None else None) * 1.0
    return Tail(*(xp.where(condition, x + zero, y + zero) for x, y in zip(a, b, strict=True)))


def heavier(a: Tail, b: Tail) -> Tail:
    """Of two tails the one that a mixture of both has."""
    order = (-a.level, -a.power, -a.rate), (-b.level, -b.power, -b.rate)
    if any(_array.framework(x) is not None for pair in order for x in pair):
        return _heavier_of_arrays(a, b)
    return a if order[0] >= order[1] else b


def _heavier_of_arrays(a: Tail, b: Tail) -> Tail:
    array = next(x for x in (*a, *b) if _array.framework(x) is not None)
    xp = _array.namespace(array)
    tie = a.level == b.level
    first = (a.level < b.level) | (
        tie & ((a.power < b.power) | ((a.power == b.power) & (a.rate <= b.rate)))
    )
    first = first & (array == array)
    full = [xp.zeros_like(array) + x for x in (*a, *b)]
    return Tail(*(xp.where(first, x, y) for x, y in zip(full[:3], full[3:], strict=True)))
