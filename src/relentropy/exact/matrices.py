"""D(P||Q) and entropies of Wishart's distribution, its inverse and the matrix normal, in nats."""

import math
from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import log_quotient, log_ratio
from relentropy.distributions.matrices import InverseWishart, MatrixNormal, Wishart, WishartLike
from relentropy.exact.bregman import excess_over_log, of_log_gamma_remainder
from relentropy.exact.matrix_ratio import MatrixRatio, matrix_ratio
from relentropy.exact.multivariate import require_same_event

Array = Any


@rule(Wishart, Wishart)
def relative_entropy_of_wisharts(p: Wishart, q: Wishart) -> Array:
    """D = b [tr C - d - log det C] + Σ_i J_i(b, a), a, b = df/2 of P and Q, C = (a/b) V_q⁻¹ V_p.

    J_i is the Bregman divergence of log Γ(x - i/2) - x log x + x. Source: Penny,
    "Kullback-Liebler divergences of normal, gamma, Dirichlet and Wishart densities" (2001), eq. 15,
    regrouped into terms that are not negative.
    """
    return _of_wishart_like(p, q)


@rule(InverseWishart, InverseWishart)
def relative_entropy_of_inverse_wisharts(p: InverseWishart, q: InverseWishart) -> Array:
    """D between the Wishart distributions of the inverses: a bijection changes nothing."""
    return _of_wishart_like(p, q)


def _of_wishart_like(p: WishartLike, q: WishartLike) -> Array:
    require_same_event(p, q)
    xp = _array.namespace(p.df, q.df)
    ratio = matrix_ratio(p.wishart_scale, q.wishart_scale)
    scales = q.df / 2 * ratio.excess(log_ratio(xp, p.df, q.df))
    d = (q.df - p.df)[..., None] / 2
    a, b = p.halves(), q.halves()
    degrees = of_log_gamma_remainder(xp, b, a, d) + _of_shifted_x_log_x(xp, b, a, d, p, q)
    return scales + xp.sum(degrees, axis=-1)


def _of_shifted_x_log_x(
    xp: Any, b: Array, a: Array, d: Array, p: WishartLike, q: WishartLike
) -> Array:
    """Of (x-c) log(x-c) - x log x at x - c = b, a: c e(d/a) - (b+c) e(c d / (a (b+c))).

    e(w) = w - log(1 + w), c = i/2, and the second term is less than the first.
    """
    whole_a, whole_b = p.df[..., None] / 2, q.df[..., None] / 2
    # Not whole_b - b: a large number of degrees of freedom swallows i/2.
    c = _array.astype(_array.positions(b), b.dtype) / 2
    log_ratios = log_quotient(xp, b, a), log_quotient(xp, whole_b, whole_a)
    first = excess_over_log(xp, d / a, log_ratios[0])
    second = excess_over_log(xp, c / whole_b * (d / a), log_ratios[0] - log_ratios[1])
    return c * first - whole_b * second


@rule(Wishart, None, of="entropy")
def entropy_of_wishart(p: Wishart) -> Array:
    """H = log of the normalizer - (df-d-1)/2 E[log det X] + df d / 2."""
    d = p.scale.dimension
    return p.log_normalizer() - (p.df - d - 1) / 2 * p.mean_log_det() + p.df * d / 2


@rule(InverseWishart, None, of="entropy")
def entropy_of_inverse_wishart(p: InverseWishart) -> Array:
    """H = that of the inverse - (d+1) E[log det] of the inverse."""
    d = p.scale.dimension
    of_inverse = p.log_normalizer() - (p.df - d - 1) / 2 * p.mean_log_det() + p.df * d / 2
    return of_inverse - (d + 1) * p.mean_log_det()


@rule(MatrixNormal, MatrixNormal)
def relative_entropy_of_matrix_normals(p: MatrixNormal, q: MatrixNormal) -> Array:
    """D = [tr(C ⊗ R) - nm - log det(C ⊗ R) + |A_q⁻¹ Δ B_q⁻ᵀ|²] / 2, R and C the ratios of scales.

    Δ = loc_p - loc_q. Source: that of two normal vectors, whose covariances are (A Aᵀ) ⊗ (B Bᵀ).
    """
    require_same_event(p, q)
    xp = _array.namespace(p.loc, q.loc)
    rows, columns = (
        matrix_ratio(p.row_scale, q.row_scale),
        matrix_ratio(p.column_scale, q.column_scale),
    )
    distance = xp.sum(q.whitened(p.loc - q.loc) ** 2, axis=(-2, -1))
    return (_product_excess(xp, rows, columns) + distance) / 2


def _product_excess(xp: Any, rows: MatrixRatio, columns: MatrixRatio) -> Array:
    """The excess of a Kronecker product, whose root is the product of the roots."""
    u = rows.log_diagonal[..., :, None] + columns.log_diagonal[..., None, :]
    diagonal = MatrixRatio(u, xp.zeros_like(u[..., None])).excess()
    on, below = [], []
    for part in (rows, columns):
        on.append(xp.sum(xp.exp(2 * part.log_diagonal), axis=-1))
        below.append(xp.sum(part.below**2, axis=(-2, -1)))
    off = on[0] * below[1] + below[0] * on[1] + below[0] * below[1]
    return xp.sum(diagonal, axis=-1) + off


@rule(MatrixNormal, None, of="entropy")
def entropy_of_matrix_normal(p: MatrixNormal) -> Array:
    """H = log det(2πe (A Aᵀ) ⊗ (B Bᵀ)) / 2."""
    return p.half_log_det() + p.dimension * (0.5 + 0.5 * math.log(2 * math.pi))
