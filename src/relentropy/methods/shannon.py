"""Entropy and cross-entropy of families: E_P[-log p] and E_P[-log q]."""

from typing import Any

from relentropy import _array
from relentropy._rules import rule, rule_between
from relentropy._special import log_factorial_excess
from relentropy.distributions.family import Continuous, Family
from relentropy.distributions.integers import Binomial, Delta, Integers, Poisson
from relentropy.distributions.simplex import Multinomial
from relentropy.methods import quadrature, summation
from relentropy.methods.infinite import as_rows
from relentropy.methods.quadrature import Cells
from relentropy.methods.refinement import refined

Array = Any

ABSOLUTE = 1e-12
"""Entropies pass through 0, where no error is small beside them."""


@rule(Continuous, None, of="entropy", kind="quadrature")
def entropy_by_quadrature(p: Continuous) -> Array:
    """h(P) = -∫ p log p dx, the differential entropy, by double-exponential quadrature."""

    def evaluate(p: Continuous, q: Continuous, n: int) -> list[Array]:
        halves = quadrature.halves(p, q, quadrature.own, n, as_rows(False, p, q), flat=True)
        return [_mean_surprisal(cells) for cells in halves]

    return refined(evaluate, p, p, "entropy", ABSOLUTE)


@rule(Integers, None, of="entropy", kind="summation")
def entropy_by_summation(p: Integers) -> Array:
    """H(P) = -Σ p log p, by summation."""

    def evaluate(p: Integers, q: Integers, n: int) -> list[Array]:
        halves = summation.halves(p, q, n, as_rows(False, p, q), flat=True)
        return [_mean_surprisal(cells) for cells in halves]

    return refined(evaluate, p, p, "entropy", ABSOLUTE)


def _mean_surprisal(cells: Cells) -> Array:
    """Σ p (-log p), where the second side of the cells has the density 1."""
    xp = _array.namespace(cells.p)
    return -xp.sum(cells.p * xp.where(cells.p > 0, cells.t, 0.0), axis=-1)


@rule(Multinomial, None, of="entropy", kind="summation")
def entropy_of_multinomial(p: Multinomial) -> Array:
    """H = Σ H(Bin(n, p_i), Poisson(n p_i)) - [log n! - n log n + n].

    Poisson counts that are known to sum to n are multinomial, so that log p is the sum of theirs
    less the logarithm of the Poisson probability of n; each count is binomial.
    """
    xp, n = _array.namespace(p.total_count), p.total_count
    probs = xp.minimum(xp.exp(p.log_probs()), xp.ones_like(p.log_probs()))
    trials = n[..., None] + xp.zeros_like(probs)
    counts, poisson = Binomial(trials, probs), Poisson(trials * probs)
    return xp.sum(cross_entropy_of_families(counts, poisson), axis=-1) - log_factorial_excess(n)


@rule(Delta, None, of="entropy")
def entropy_of_value(p: Delta) -> Array:
    """H = 0: there is no doubt."""
    return 0.0 * p.v


@rule(Family, Family, of="cross_entropy")
def cross_entropy_of_families(p: Family, q: Family) -> Array:
    """H(P, Q) = H(P) + D(P||Q), each by its own rule."""
    own = rule_between(type(p), None, "entropy").function(p)
    return own + rule_between(type(p), type(q)).function(p, q)
