"""Which divergences of two univariate families are infinite, known without any integral.

Q must cover P, and the expectation of log(p/q) must exist: both follow from the supports and from
how the densities end.
"""

from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy.distributions.family import Continuous, Family, broadcast_shapes
from relentropy.distributions.integers import Delta, Integers
from relentropy.distributions.tails import ALGEBRAIC, Tail, cost_exists

Array = Any
INF = float("inf")


def as_rows(condition: Any, p: Family, q: Family) -> Array:
    """A condition, a bool or an array, as booleans of the batch of both."""
    some = _array.constant_like(p.arrays()[0], 0.0)
    shape = broadcast_shapes(p.batch_shape, q.batch_shape)
    return _array.namespace(some).broadcast_to((some != 0) | condition, shape)


def not_covered(p: Any, q: Any) -> Array:
    """Where the support of P is no subset of that of Q."""
    p, q = (f.mapped(_array.stop_gradient) for f in (p, q))
    if isinstance(p, Integers):
        return _impossible_values(p, q)
    (low_p, high_p), (low_q, high_q) = p.support, q.support
    return as_rows(low_p < low_q, p, q) | as_rows(high_p > high_q, p, q)


def _impossible_values(p: Integers, q: Integers) -> Array:
    """Whether a value is possible under P and impossible under Q.

    The lowest and the highest value of P tell, the second where Q is a single point, and the
    first beyond Q.
    """
    (low, high), beyond = p.support, q.support[1] + 1
    found = as_rows(False, p, q)
    xp = _array.namespace(found)
    some = sum(0.0 * x for x in [*p.arrays(), *q.arrays()])
    zero = xp.zeros_like(some)  # 0 · inf of a logit is NaN
    candidates = [(low, True), (low + 1, low + 1 <= high), (high, high < INF)]
    for k, exists in [*candidates, (beyond, (beyond <= high) & (beyond < INF))]:
        exists = as_rows(exists, p, q)
        value = xp.where(exists, k + zero, low + zero)
        log_p, log_q = (f._log_density_anywhere(value) for f in (p, q))
        found = found | (exists & (log_p > -INF) & (log_q == -INF))
    return found


def without_expectation(p: Any, q: Any) -> Array:
    """Where E_P[-log q] does not exist although Q covers P."""
    p, q = (f.mapped(_array.stop_gradient) for f in (p, q))
    if isinstance(p, Integers):
        return _without_expectation_of_integers(p, q)
    return fails_at_an_end(p, q, cost_exists)


def fails_at_an_end(p: Continuous, q: Continuous, exists: Callable[[Tail, Tail], Any]) -> Array:
    """Where an integral does not exist at an end that both supports have in common."""
    (low_p, high_p), (low_q, high_q) = p.support, q.support
    found = as_rows(False, p, q)
    inner = (low_p > low_q, high_p < high_q)
    for tail_p, tail_q, inside in zip(p.tails(), q.tails(), inner, strict=True):
        found = found | (~as_rows(exists(tail_p, tail_q), p, q) & ~as_rows(inside, p, q))
    return found


def _without_expectation_of_integers(p: Integers, q: Integers) -> Array:
    """Costs grow like log k, like k or like k log k, which only algebraic tails may not afford."""
    if any(isinstance(f.support[1], float) and f.support[1] < INF for f in (p, q)):
        return as_rows(False, p, q)
    if not isinstance(p.support[1], float) or not isinstance(q.support[1], float):
        return as_rows(False, p, q)
    a, b = p.tail(), q.tail()
    exists = (a.level > ALGEBRAIC) | (b.level == ALGEBRAIC) | (a.power > 1)
    return ~as_rows(exists, p, q)


def infinite_rows(p: Any, q: Any) -> Array:
    """Where D(P||Q) = +inf."""
    return not_covered(p, q) | without_expectation(p, q)


def reason_for_infinity(p: Any, q: Any) -> str:
    """Why D is infinite for all members of the batch, if that is known; otherwise ''."""
    same_kind = all(isinstance(f, Continuous) for f in (p, q)) or all(
        isinstance(f, Integers) for f in (p, q)
    )
    if not same_kind:
        kinds = [isinstance(f, (Continuous, Integers, Delta)) for f in (p, q)]
        mixed = all(kinds) and isinstance(p, Continuous) != isinstance(q, Continuous)
        return "+inf: a density and probabilities of single values share nothing" if mixed else ""
    with _array.quiet(p.arrays()[0]):
        uncovered, divergent = not_covered(p, q), without_expectation(p, q)
        xp = _array.namespace(uncovered)
        if _array.known(xp.all(uncovered)):
            return "+inf: P has mass where Q has none"
        if _array.known(xp.all(uncovered | divergent)):
            return "+inf: the expectation of log(p/q) does not exist"
    return ""
