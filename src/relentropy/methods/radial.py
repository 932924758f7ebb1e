"""D(P||Q) to Student's vectors that share their centre and their shape: one integral.

Where loc is the same and the scale matrices are multiples of each other, the distance from the
centre is all in which P and Q differ, and D is that of its squares: multiples of F distributed
numbers, or gamma distributed ones where P is normal. Other pairs have no closed form and no
single integral, and are refused.
"""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy.distributions.bijections import Affine
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.multivariate import MultivariateNormal, MultivariateStudentT
from relentropy.distributions.positive import FisherSnedecor, Gamma
from relentropy.distributions.transformed import Transformed
from relentropy.exact.matrix_ratio import MatrixRatio, matrix_ratio
from relentropy.exact.multivariate import as_dense, require_same_event
from relentropy.methods.relative_entropy import relative_entropy_by_quadrature

Array = Any
StudentT = MultivariateStudentT

SAME = 100.0
"""Differences of shape below so many roundings are none; D changes by their square."""


@rule(MultivariateStudentT, MultivariateStudentT, kind="quadrature")
def relative_entropy_of_students(p: StudentT, q: StudentT) -> Array:
    """D of the squared distances from a common centre, for scale matrices that are multiples."""
    df = p.df
    dimension = 0.0 * df + p.dimension
    return _of_radii(p, q, FisherSnedecor(dimension, df))


@rule(MultivariateNormal, MultivariateStudentT, kind="quadrature")
def relative_entropy_of_normal_to_student(p: MultivariateNormal, q: StudentT) -> Array:
    """D of the squared distances from a common centre, for scale matrices that are multiples."""
    half = 0.0 * q.df + p.dimension / 2
    return _of_radii(p, q, Gamma(half, half))


@rule(LowRankMultivariateNormal, MultivariateStudentT, kind="quadrature")
def relative_entropy_of_low_rank_to_student(p: LowRankMultivariateNormal, q: StudentT) -> Array:
    """D of the squared distances from a common centre, for scale matrices that are multiples."""
    return relative_entropy_of_normal_to_student(as_dense(p), q)


def _of_radii(p: Any, q: StudentT, radius: Any) -> Array:
    """D of P's squared distance over d, in P's scale, against Q's in the same."""
    require_same_event(p, q)
    ratio, xp = matrix_ratio(p.scale, q.scale), _array.namespace(p.loc, q.loc)
    similar = _is_similar(xp, ratio) & xp.all(p.loc == q.loc, axis=-1)
    if _array.known(xp.all(similar)) is False:
        raise LookupError(
            f"{type(p).__name__} || MultivariateStudentT is a closed form or one integral only "
            "where loc is the same and the scale matrices are multiples of each other; otherwise "
            'use estimate(p, q, method="monte-carlo")'
        )
    log_scale = ratio.half_log_det() / p.dimension
    other = FisherSnedecor(0.0 * q.df + q.dimension, q.df)
    scaled = Transformed(other, Affine(0.0, xp.exp(-2 * log_scale)))
    value = relative_entropy_by_quadrature(radius, scaled)
    return xp.where(similar, value, float("nan"))


def _is_similar(xp: Any, ratio: MatrixRatio) -> Array:
    log_diagonal, below = (_array.stop_gradient(x) for x in ratio)
    skew = xp.max(xp.abs(below), axis=(-2, -1))
    mean = xp.mean(log_diagonal, axis=-1, keepdims=True)
    uneven = xp.max(xp.abs(log_diagonal - mean), axis=-1)
    close = SAME * float(xp.finfo(log_diagonal.dtype).eps)
    return (uneven < close) & (skew < close * xp.exp(mean[..., 0]))
