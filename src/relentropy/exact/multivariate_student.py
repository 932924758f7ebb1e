"""D(P||Q) and entropy of Student's vectors: closed against a normal vector, refused otherwise."""

import math
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF
from relentropy._special import digamma
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.multivariate import MultivariateNormal, MultivariateStudentT
from relentropy.exact.matrix_ratio import matrix_ratio
from relentropy.exact.multivariate import as_dense, require_same_event, square

Array = Any
StudentT = MultivariateStudentT


@rule(MultivariateStudentT, None, of="entropy")
def entropy_of_student(p: StudentT) -> Array:
    """H = log of the normalizer + (ν+d)/2 [ψ((ν+d)/2) - ψ(ν/2)], ν degrees of freedom."""
    half = p.df / 2
    more = half + p.dimension / 2
    return p.log_normalizer() + more * (digamma(more) - digamma(half))


@rule(MultivariateStudentT, MultivariateNormal)
def relative_entropy_of_student_to_normal(p: StudentT, q: MultivariateNormal) -> Array:
    """D = D(P || normal of P's moments) + D(that normal || Q); +inf unless df > 2.

    Source: the Pythagorean identity of an M-projection, Csiszár & Shields, "Information Theory
    and Statistics: A Tutorial" (2004), section 3.
    """
    require_same_event(p, q)
    xp = _array.namespace(p.df, q.loc)
    exists = p.df > 2
    df = xp.where(exists, p.df, 4.0)
    p = p.replaced(df=df)
    # The covariance is wider than L Lᵀ by df / (df - 2).
    widening = -xp.log1p(-2 / df)
    ratio, d = matrix_ratio(p.scale, q.scale), p.dimension
    distance = square(q.scale.whitened(p.loc - q.loc))
    between = (ratio.excess(widening) + distance) / 2
    standard = entropy_of_student(p) - p.scale.half_log_det()
    of_moments = d * (0.5 + 0.5 * math.log(2 * math.pi)) + d * widening / 2 - standard
    return xp.where(exists, xp.maximum(of_moments, 0.0 * of_moments) + between, INF)


@rule(MultivariateStudentT, LowRankMultivariateNormal)
def relative_entropy_of_student_to_low_rank(p: StudentT, q: LowRankMultivariateNormal) -> Array:
    """D = that to a normal vector, the covariance W Wᵀ + diag(D) of Q written out."""
    return relative_entropy_of_student_to_normal(p, as_dense(q))
