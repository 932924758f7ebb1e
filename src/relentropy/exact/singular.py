"""Pairs that share nothing, or a single value: densities against probabilities of values."""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy.distributions.family import Continuous
from relentropy.distributions.integers import Delta, Integers
from relentropy.exact.supports import no_slope

Array = Any
INF = float("inf")


@rule(Continuous, Integers)
@rule(Continuous, Delta)
@rule(Integers, Continuous)
@rule(Delta, Continuous)
def relative_entropy_of_singular(p: Any, q: Any) -> Array:
    """D = +inf: a density and probabilities of single values share nothing."""
    return no_slope(p, q) + INF


@rule(Delta, Delta)
@rule(Delta, Integers)
def relative_entropy_of_value(p: Delta, q: Any) -> Array:
    """D = -log q(v): what the value v costs in Q's code."""
    value = -q.log_density(p.v)
    # -0 where Q is certain of it.
    return value + 0.0


@rule(Integers, Delta)
def relative_entropy_to_value(p: Integers, q: Delta) -> Array:
    """D = 0 where P is certain of the value, otherwise +inf."""
    xp, certain = _array.namespace(q.v), p.log_density(q.v) == 0
    zero = no_slope(p, q)
    return xp.where(certain, zero, zero + INF)
