"""D(P||Q) and entropy of Student's vectors: closed against a normal vector, refused otherwise."""

import math
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF
from relentropy._special import digamma, log_beta
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.multivariate import MultivariateNormal, MultivariateStudentT
from relentropy.exact.bregman import excess_over_log
from relentropy.exact.matrix_ratio import matrix_ratio
from relentropy.exact.multivariate import as_dense, require_same_event, square
from relentropy.exact.on_nodes import divergence_on_nodes

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
    return xp.where(exists, of_moments(xp, df, d) + between, INF)


NEARLY_NORMAL = 6.0
"""Degrees of freedom above which the closed form of `of_moments` would cancel."""


def of_moments(xp: Any, df: Array, dimension: int) -> Array:
    """D between Student's vector and the normal vector of its moments; df > 2 and d alone matter.

    Log Γ((ν+d)/2) and the like, which for large ν leave nothing: then by an integral over the
    logarithm y of the squared radius, of density ∝ exp(y d/2) (1+s)^(-(ν+d)/2), s = exp(y)/ν.
    """
    d, large = dimension, df > NEARLY_NORMAL
    half, more = df / 2, (df + d) / 2
    gamma = log_beta(half, xp.full_like(half, d / 2)) - math.lgamma(d / 2)
    # d/2 log(2πe ν/(ν-2)) less the entropy, in which d/2 log(πν) is the same.
    direct = d / 2 * (1 - xp.log(half - 1)) - gamma - more * (digamma(more) - digamma(half))
    df = xp.where(large, df, 2 * NEARLY_NORMAL)[..., None]
    t = _array.constant_like(df, [0.06 * i for i in range(-79, 80)])
    # The largest density is at a squared radius of d.
    width = _array.stop_gradient(xp.sqrt(2 * (df + d) / (d * df)))
    y = math.log(d) + width * xp.sinh(t)
    s = xp.exp(y) / df
    log_mass = y * (d / 2) - (df + d) / 2 * xp.log1p(s) + xp.log(xp.cosh(t))
    ratio = (df + d) / 2 * excess_over_log(xp, s, xp.log1p(s)) - s * (1 + d / 2)
    return xp.where(large, divergence_on_nodes(xp, log_mass, ratio), direct)


@rule(MultivariateStudentT, LowRankMultivariateNormal)
def relative_entropy_of_student_to_low_rank(p: StudentT, q: LowRankMultivariateNormal) -> Array:
    """D = that to a normal vector, the covariance W Wᵀ + diag(D) of Q written out."""
    return relative_entropy_of_student_to_normal(p, as_dense(q))
