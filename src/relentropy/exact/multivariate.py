"""D(P||Q) and its neighbours between normal and Student's vectors, in nats."""

import math
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.multivariate import Multivariate, MultivariateNormal
from relentropy.exact.matrix_ratio import matrix_ratio

Array = Any


def require_same_event(p: Multivariate, q: Multivariate) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"p has draws of shape {p.event_shape} and q of shape {q.event_shape}; they must be "
            "distributions of the same thing"
        )


def square(x: Array) -> Array:
    """The squared length of vectors (..., d)."""
    return _array.namespace(x).sum(x * x, axis=-1)


@rule(MultivariateNormal, MultivariateNormal)
def relative_entropy_of_normals(p: MultivariateNormal, q: MultivariateNormal) -> Array:
    """D = [Σ_i (exp(2u_i) - 1 - 2u_i) + Σ_{i>j} M_ij² + |L_q⁻¹ (m_p - m_q)|²] / 2, M = L_q⁻¹ L_p.

    u_i = log M_ii. Source: Kullback, Information Theory and Statistics (1959), chapter 9, eq. 1.5,
    regrouped into terms that are not negative.
    """
    require_same_event(p, q)
    scale = q.scale.factored()
    distance = square(scale.whitened(p.loc - q.loc))
    return (matrix_ratio(p.scale, scale).excess() + distance) / 2


@rule(MultivariateNormal, None, of="entropy")
def entropy_of_normal(p: MultivariateNormal) -> Array:
    """H = log det(2πeΣ) / 2."""
    return p.scale.half_log_det() + p.dimension * (0.5 + 0.5 * math.log(2 * math.pi))


Normal = MultivariateNormal
LowRank = LowRankMultivariateNormal


@rule(MultivariateNormal, LowRankMultivariateNormal)
def relative_entropy_of_normal_to_low_rank(p: Normal, q: LowRank) -> Array:
    """D of two normal vectors, the covariance W Wᵀ + diag(D) of Q written out."""
    return relative_entropy_of_normals(p, as_dense(q))


@rule(LowRankMultivariateNormal, MultivariateNormal)
def relative_entropy_of_low_rank_to_normal(p: LowRank, q: Normal) -> Array:
    """D of two normal vectors, the covariance W Wᵀ + diag(D) of P written out."""
    return relative_entropy_of_normals(as_dense(p), q)


def as_dense(p: LowRank) -> Normal:
    """The same distribution with its whole covariance."""
    return MultivariateNormal.made(loc=p.loc, covariance_matrix=p.dense())


@rule(LowRankMultivariateNormal, None, of="entropy")
def entropy_of_low_rank(p: LowRank) -> Array:
    """H = log det(2πe (W Wᵀ + diag D)) / 2, by the determinant of a k x k matrix."""
    return p.half_log_det() + p.dimension * (0.5 + 0.5 * math.log(2 * math.pi))
