"""Families that count trials: closed where both count the same trials, otherwise a sum."""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy.distributions.integers import Bernoulli, Binomial, Geometric, NegativeBinomial
from relentropy.exact.integers import of_trials, trial
from relentropy.methods.relative_entropy import relative_entropy_by_summation
from relentropy.methods.rows import where_equal

Array = Any


@rule(Binomial, Binomial)
@rule(Binomial, Bernoulli)
@rule(Bernoulli, Binomial)
def binomial_binomial(p: Any, q: Any) -> Array:
    """D = n [p log(p/q) + (1-p) log((1-p)/(1-q))] of equal n; otherwise by summation."""
    n, m = (trials(x) for x in (p, q))
    xp, one = _array.namespace(n), of_trials(trial(p), trial(q))
    # No trial at all costs nothing, even where a single one would be infinite.
    closed = n * xp.where(n > 0, one, 0.0)
    return where_equal(p, q, n == m, closed, relative_entropy_by_summation)


def trials(p: Any) -> Array:
    """How many trials there are."""
    if isinstance(p, Binomial):
        return p.total_count
    given = p.logits if p.probs is None else p.probs
    return _array.namespace(given).ones_like(given)


@rule(NegativeBinomial, NegativeBinomial)
@rule(NegativeBinomial, Geometric)
@rule(Geometric, NegativeBinomial)
def negative_binomial_negative_binomial(p: Any, q: Any) -> Array:
    """D = r [p log(p/q) + (1-p) log((1-p)/(1-q))] / (1-p) of equal r; otherwise by summation."""
    a, b = (trial(x) if isinstance(x, NegativeBinomial) else trial(x).swapped() for x in (p, q))
    r, s = (ends(x) for x in (p, q))
    # Of equal counts the derivative towards s is log(1-p) - log(1-q), and that towards r as much
    # less than the formula's: E_p[∂ log p/∂r] = 0 gives E_p[ψ(k+r)] - ψ(r) = -log(1-p).
    slope = a.log_failure - b.log_failure
    closed = r * (of_trials(a, b) / a.failure) + (s - r) * slope
    return where_equal(p, q, r == s, closed, relative_entropy_by_summation)


def ends(p: Any) -> Array:
    """How many trials that end it: failures of a negative binomial, the success of a geometric."""
    if isinstance(p, NegativeBinomial):
        return p.total_count
    given = p.logits if p.probs is None else p.probs
    return _array.namespace(given).ones_like(given)
