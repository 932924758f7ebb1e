"""Relative entropy of distributions made of others, from that of their parts.

Entries that are independent add up, and a bijection that both sides share changes nothing. The
parts are answered in whatever way they are, quadrature included.
"""

from collections.abc import Callable
from typing import Any

from relentropy import _array, _linalg
from relentropy._rules import rule, rule_between
from relentropy.distributions.bijections import Affine, Exp, Sigmoid, same_bijection
from relentropy.distributions.compound import Independent
from relentropy.distributions.family import Continuous, Family
from relentropy.distributions.integers import Integers
from relentropy.distributions.interval import LogitNormal
from relentropy.distributions.line import Normal
from relentropy.distributions.multivariate import MultivariateNormal
from relentropy.distributions.positive import LogNormal
from relentropy.distributions.transformed import (
    Transformed,
    TransformedContinuous,
    TransformedIntegers,
    TransformedVector,
)

Array = Any


ADDITIVE = ("relative_entropy", "cross_entropy", "renyi", "bhattacharyya")
"""What adds up over independent entries."""
INVARIANT = (
    "relative_entropy",
    "renyi",
    "bhattacharyya",
    "hellinger",
    "chi_square",
    "jensen_shannon",
    "total_variation",
    "chernoff",
)
"""What a bijection that both sides share leaves as it is."""

Function = Callable[..., Array]


def answer(of: str, p: Family, q: Family | None = None, **options: Any) -> Array:
    """The value of a verb on parts, in whatever way they are answered."""
    found = rule_between(type(p), None if q is None else type(q), of)
    return found.function(p, **options) if q is None else found.function(p, q, **options)


def same_entries(p: Independent, q: Independent) -> tuple[Independent, Independent]:
    """Both without nesting; an error unless they are independent in the same axes."""
    p, q = flat(p), flat(q)
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"p has draws of shape {p.event_shape} and q of shape {q.event_shape}; they must be "
            "distributions of the same thing"
        )
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise LookupError(
            f"no rule for {type(p.base).__name__} with {p.reinterpreted_batch_ndims} independent "
            f"axes and {type(q.base).__name__} with {q.reinterpreted_batch_ndims}; use "
            'estimate(p, q, method="monte-carlo")'
        )
    return p, q


def flat(p: Independent) -> Independent:
    """Independent entries of independent entries are independent."""
    base, n = p.base, p.reinterpreted_batch_ndims
    while isinstance(base, Independent):
        base, n = base.base, n + base.reinterpreted_batch_ndims
    return Independent(base, n)


def _sum_over_entries(of: str) -> Function:
    def total(p: Independent, q: Independent, **options: Any) -> Array:
        """The sum over the entries of a draw, which are independent."""
        p, q = same_entries(p, q)
        return p.summed(answer(of, p.base, q.base, **options))

    return total


for _of in ADDITIVE:
    rule(Independent, Independent, of=_of)(_sum_over_entries(_of))


@rule(Independent, None, of="entropy")
def entropy_of_independent(p: Independent) -> Array:
    """The sum over the entries of a draw, which are independent."""
    return p.summed(answer("entropy", p.base))


@rule(Independent, Independent, of="hellinger")
def hellinger_of_independent(p: Independent, q: Independent) -> Array:
    """√(1 - exp(-B)), B the sum of the Bhattacharyya distances of the entries."""
    affinity = answer("bhattacharyya", p, q)
    xp = _array.namespace(affinity)
    some = affinity > 0
    return xp.where(some, xp.sqrt(-xp.expm1(-xp.where(some, affinity, 1.0))), 0.0)


@rule(Independent, Independent, of="chi_square")
def chi_square_of_independent(p: Independent, q: Independent) -> Array:
    """Π (1 + χ²) - 1 over the entries of a draw, which are independent."""
    p, q = same_entries(p, q)
    each = answer("chi_square", p.base, q.base)
    xp = _array.namespace(each)
    return xp.expm1(p.summed(xp.log1p(each)))


def _as_vector(p: Independent, q: Family) -> MultivariateNormal:
    """Independent normal entries as a normal vector."""
    p = flat(p)
    if not isinstance(p.base, Normal) or p.reinterpreted_batch_ndims != 1:
        raise LookupError(
            f"no rule for independent {type(p.base).__name__} and {type(q).__name__}; use "
            'estimate(p, q, method="monte-carlo")'
        )
    loc, scale = _array.namespace(p.base.loc).broadcast_arrays(p.base.loc, p.base.scale)
    root = scale[..., None] * _linalg.identity_like(scale[..., None, :] * scale[..., None])
    return MultivariateNormal(loc, scale_tril=root)


@rule(Independent, MultivariateNormal)
def relative_entropy_of_entries_to_vector(p: Independent, q: MultivariateNormal) -> Array:
    """D of two normal vectors, the first with independent entries."""
    return answer("relative_entropy", _as_vector(p, q), q)


@rule(MultivariateNormal, Independent)
def relative_entropy_of_vector_to_entries(p: MultivariateNormal, q: Independent) -> Array:
    """D of two normal vectors, the second with independent entries."""
    return answer("relative_entropy", p, _as_vector(q, p))


def _undone(of: str, otherwise: type | None) -> Function:
    def undone(p: Any, q: Any, **options: Any) -> Array:
        """That of the bases, where both sides are transformed by the same bijection."""
        a, b = as_transformed(p), as_transformed(q)
        if same_bijection(a.bijection, b.bijection):
            return answer(of, a.base, b.base, **options)
        if otherwise is None:
            raise LookupError(
                f"no rule for {of} where {a.bijection!r} and {b.bijection!r} are not the same; "
                'use estimate(p, q, method="monte-carlo")'
            )
        return rule_between(otherwise, otherwise, of).function(p, q, **options)

    return undone


def as_transformed(p: Any) -> Transformed:
    """A family as the image of a simpler one."""
    if isinstance(p, LogNormal):
        return Transformed(Normal(p.loc, p.scale), Exp())
    if isinstance(p, LogitNormal):
        return Transformed(Normal(p.loc, p.scale), Sigmoid())
    transformed: Transformed = p
    return transformed


for _of in INVARIANT:
    _undo = _undone(_of, Continuous)
    for _pair in (
        (TransformedContinuous, TransformedContinuous),
        (TransformedContinuous, LogNormal),
        (LogNormal, TransformedContinuous),
        (TransformedContinuous, LogitNormal),
        (LogitNormal, TransformedContinuous),
    ):
        rule(*_pair, of=_of)(_undo)
    rule(TransformedIntegers, TransformedIntegers, of=_of)(_undone(_of, Integers))
    rule(TransformedVector, TransformedVector, of=_of)(_undone(_of, None))


@rule(TransformedContinuous, None, of="entropy")
def entropy_of_transformed(p: TransformedContinuous) -> Array:
    """H(base) + log |scale| for Affine(loc, scale), otherwise -∫ p log p dx."""
    if isinstance(p.bijection, Affine):
        scale = p.bijection.scale
        xp = _array.namespace(scale)
        return answer("entropy", p.base) + xp.log(xp.abs(scale)) + 0.0 * p.bijection.loc
    return rule_between(Continuous, None, "entropy").function(p)


@rule(TransformedIntegers, None, of="entropy")
def entropy_of_moved(p: TransformedIntegers) -> Array:
    """That of the base."""
    return answer("entropy", p.base) + 0.0 * p.bijection.loc
