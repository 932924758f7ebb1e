"""Rényi's divergence of vectors and matrices, and what follows from it, in nats.

Normal vectors have their own formula; other exponential families go by their geometric mixture.
"""

from typing import Any

from relentropy import _array, _linalg
from relentropy._rules import rule
from relentropy._scalar import INF
from relentropy.distributions.directional import VonMisesFisher
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.distributions.matrices import InverseWishart, MatrixNormal, Wishart, WishartLike
from relentropy.distributions.multivariate import MultivariateNormal
from relentropy.distributions.simplex import Dirichlet, Multinomial
from relentropy.exact import from_renyi
from relentropy.exact.divergences import chernoff_of, renyi_of
from relentropy.exact.divergences import ratio as ratio_of_cells
from relentropy.exact.geometric_mixture import (
    chernoff_of_mixtures,
    mixed_directions,
    mixed_dirichlets,
    mixed_normals,
    mixed_wisharts,
    of_order,
)
from relentropy.exact.matrix_ratio import is_close, matrix_ratio, root_of_excess
from relentropy.exact.multivariate import as_dense, require_same_event, square
from relentropy.exact.simplex import times_draws

Array = Any
Normal = MultivariateNormal


@rule(MultivariateNormal, MultivariateNormal, of="renyi")
def renyi_of_normals(p: Normal, q: Normal, alpha: float) -> Array:
    """D_α = [α Δᵀ Σ_α⁻¹ Δ + (log det Σ_α - (1-α) log det Σ_p - α log det Σ_q) / (1-α)] / 2.

    Σ_α = (1-α) Σ_p + α Σ_q, Δ = m_p - m_q; +inf where Σ_α is not positive definite. Source: Gil,
    Alajaji & Linder, "Rényi divergence measures for commonly used univariate continuous
    distributions" (2013), section 2.
    """
    require_same_event(p, q)
    if alpha == 0:
        return 0.0 * (square(p.loc - q.loc) + p.scale.half_log_det() + q.scale.half_log_det())
    if alpha < 0.5:
        return renyi_of_normals(q, p, 1 - alpha) * (alpha / (1 - alpha))
    ratio = matrix_ratio(p.scale, q.scale)
    f = ratio.minus_identity()
    # Coordinates in which Σ_q is I and Σ_p is I + a.
    inverse = p.scale.is_inverse and q.scale.is_inverse
    delta = p.loc - q.loc
    if inverse:
        w, a = p.scale.whitened(delta), f + f.mT + f.mT @ f
        w = w + _linalg.times(f.mT, w)
    else:
        w, a = _linalg.solve_lower_vector(q.scale.scale_root(), delta), f + f.mT + f @ f.mT
    if alpha == INF:
        return _max_log_ratio(w, a, ratio.half_log_det())
    return _renyi_of_excess(w, a, ratio, alpha)


def _renyi_of_excess(w: Array, a: Array, ratio: Any, alpha: float) -> Array:
    xp, beta = _array.namespace(a), 1 - alpha
    root, positive = _root_of_mixture(a, beta)
    z = _linalg.solve_lower_vector(root, w)
    mixed = beta * a
    small = is_close(mixed)
    safe = xp.where(small[..., None, None], mixed, 0.0)
    of_mixed = root_of_excess(safe)
    log_root = xp.sum(xp.log(_linalg.diagonal(root)), axis=-1)
    far = xp.where(small, of_mixed.half_log_det(), log_root) / beta - ratio.half_log_det()
    # For a small a both are of its second order: excesses over their tangents.
    near = (ratio.excess() - of_mixed.excess() / beta) / 2
    value = xp.where(small & is_close(a), near, far) + alpha / 2 * square(z)
    return xp.where(positive, value, INF)


def _root_of_mixture(a: Array, beta: float) -> tuple[Array, Array]:
    """The root of I + beta a, and where that is positive definite; the identity elsewhere."""
    xp, identity = _array.namespace(a), _linalg.identity_like(a)
    mixture = (1 - beta) * identity + beta * (identity + a)
    tried = _linalg.diagonal(_linalg.cholesky(_array.stop_gradient(mixture)))
    positive = ~xp.isnan(tried[..., -1]) & (tried[..., -1] > 0)
    return _linalg.cholesky(xp.where(positive[..., None, None], mixture, identity)), positive


def _max_log_ratio(w: Array, a: Array, half_log_det: Array) -> Array:
    """The supremum of log p/q: finite where Σ_q - Σ_p is positive definite, or p is q."""
    xp = _array.namespace(a)
    root, positive = _root_of_mixture(-a - _linalg.identity_like(a), 1.0)
    value = square(_linalg.solve_lower_vector(root, w)) / 2 - half_log_det
    same = (xp.max(xp.abs(a), axis=(-2, -1)) == 0) & (xp.max(xp.abs(w), axis=-1) == 0)
    return xp.where(same, 0.0 * half_log_det, xp.where(positive, value, INF))


@rule(LowRankMultivariateNormal, LowRankMultivariateNormal, of="renyi")
def renyi_of_low_ranks(p: Any, q: Any, alpha: float) -> Array:
    """D_α = that of two normal vectors, their covariances W Wᵀ + diag(D) written out."""
    return renyi_of_normals(as_dense(p), as_dense(q), alpha)


@rule(MultivariateNormal, LowRankMultivariateNormal, of="renyi")
def renyi_of_normal_to_low_rank(p: Any, q: Any, alpha: float) -> Array:
    """D_α = that of two normal vectors, the covariance W Wᵀ + diag(D) of Q written out."""
    return renyi_of_normals(p, as_dense(q), alpha)


@rule(LowRankMultivariateNormal, MultivariateNormal, of="renyi")
def renyi_of_low_rank_to_normal(p: Any, q: Any, alpha: float) -> Array:
    """D_α = that of two normal vectors, the covariance W Wᵀ + diag(D) of P written out."""
    return renyi_of_normals(as_dense(p), q, alpha)


@rule(MatrixNormal, MatrixNormal, of="renyi")
def renyi_of_matrix_normals(p: MatrixNormal, q: MatrixNormal, alpha: float) -> Array:
    """D_α = that of the normal vectors of all entries."""
    require_same_event(p, q)
    return renyi_of_normals(p.as_vector(), q.as_vector(), alpha)


def _refuse_infinite_order(alpha: float, family: str) -> None:
    if alpha == INF:
        raise LookupError(
            f"the largest log-ratio of two {family} distributions has no closed form here; take "
            "a finite order, or maximise p.log_density(x) - q.log_density(x)"
        )


@rule(Dirichlet, Dirichlet, of="renyi")
def renyi_of_dirichlets(p: Dirichlet, q: Dirichlet, alpha: float) -> Array:
    """D_α = [α D(M||P) + (1-α) D(M||Q)] / (1-α), M of αa + (1-α)b; +inf unless > 0."""
    require_same_event(p, q)
    _refuse_infinite_order(alpha, "Dirichlet")
    return of_order(mixed_dirichlets(p, q, 1 - alpha), alpha)


@rule(Wishart, Wishart, of="renyi")
def renyi_of_wisharts(p: Wishart, q: Wishart, alpha: float) -> Array:
    """D_α = [α D(M||P) + (1-α) D(M||Q)] / (1-α), M of αn + (1-α)m and αV⁻¹ + (1-α)W⁻¹."""
    return _renyi_of_wishart_like(p, q, alpha)


@rule(InverseWishart, InverseWishart, of="renyi")
def renyi_of_inverse_wisharts(p: InverseWishart, q: InverseWishart, alpha: float) -> Array:
    """D_α between the Wishart distributions of the inverses."""
    return _renyi_of_wishart_like(p, q, alpha)


def _renyi_of_wishart_like(p: WishartLike, q: WishartLike, alpha: float) -> Array:
    require_same_event(p, q)
    _refuse_infinite_order(alpha, "Wishart")
    return of_order(mixed_wisharts(p, q, 1 - alpha), alpha)


@rule(VonMisesFisher, VonMisesFisher, of="renyi")
def renyi_of_directions(p: VonMisesFisher, q: VonMisesFisher, alpha: float) -> Array:
    """D_α = [α D(M||P) + (1-α) D(M||Q)] / (1-α), M of the vector α κμ of P + (1-α) κμ of Q."""
    require_same_event(p, q)
    _refuse_infinite_order(alpha, "von Mises-Fisher")
    return of_order(mixed_directions(p, q, 1 - alpha), alpha)


@rule(Multinomial, Multinomial, of="renyi")
def renyi_of_multinomials(p: Multinomial, q: Multinomial, alpha: float) -> Array:
    """D_α = n D_α of the cells of one draw; +inf where the numbers of draws differ."""
    require_same_event(p, q)
    return times_draws(p, q, renyi_of(ratio_of_cells(p.cells, q.cells), alpha))


_PAIRS = [
    (MultivariateNormal, MultivariateNormal, renyi_of_normals),
    (MultivariateNormal, LowRankMultivariateNormal, renyi_of_normal_to_low_rank),
    (LowRankMultivariateNormal, MultivariateNormal, renyi_of_low_rank_to_normal),
    (LowRankMultivariateNormal, LowRankMultivariateNormal, renyi_of_low_ranks),
    (MatrixNormal, MatrixNormal, renyi_of_matrix_normals),
    (Dirichlet, Dirichlet, renyi_of_dirichlets),
    (Wishart, Wishart, renyi_of_wisharts),
    (InverseWishart, InverseWishart, renyi_of_inverse_wisharts),
    (VonMisesFisher, VonMisesFisher, renyi_of_directions),
    (Multinomial, Multinomial, renyi_of_multinomials),
]
for _p, _q, _renyi in _PAIRS:
    from_renyi.register(_p, _q, _renyi)


@rule(Dirichlet, Dirichlet, of="chernoff")
def chernoff_of_dirichlets(p: Dirichlet, q: Dirichlet) -> Array:
    """D(M||P) = D(M||Q) at the geometric mixture M that is as far from both."""
    require_same_event(p, q)
    return chernoff_of_mixtures(mixed_dirichlets, p, q)


@rule(Wishart, Wishart, of="chernoff")
@rule(InverseWishart, InverseWishart, of="chernoff")
def chernoff_of_wisharts(p: WishartLike, q: WishartLike) -> Array:
    """D(M||P) = D(M||Q) at the geometric mixture M that is as far from both."""
    require_same_event(p, q)
    return chernoff_of_mixtures(mixed_wisharts, p, q)


@rule(VonMisesFisher, VonMisesFisher, of="chernoff")
def chernoff_of_directions(p: VonMisesFisher, q: VonMisesFisher) -> Array:
    """D(M||P) = D(M||Q) at the geometric mixture M that is as far from both."""
    require_same_event(p, q)
    return chernoff_of_mixtures(mixed_directions, p, q)


@rule(MultivariateNormal, MultivariateNormal, of="chernoff")
@rule(MultivariateNormal, LowRankMultivariateNormal, of="chernoff")
@rule(LowRankMultivariateNormal, MultivariateNormal, of="chernoff")
@rule(LowRankMultivariateNormal, LowRankMultivariateNormal, of="chernoff")
@rule(MatrixNormal, MatrixNormal, of="chernoff")
def chernoff_of_normals(p: Any, q: Any) -> Array:
    """D(M||P) = D(M||Q) at the geometric mixture M that is as far from both."""
    require_same_event(p, q)
    return chernoff_of_mixtures(mixed_normals, *(_as_normal(x) for x in (p, q)))


def _as_normal(p: Any) -> Normal:
    if isinstance(p, LowRankMultivariateNormal):
        return as_dense(p)
    return p.as_vector() if isinstance(p, MatrixNormal) else p


@rule(Multinomial, Multinomial, of="chernoff")
def chernoff_of_multinomials(p: Multinomial, q: Multinomial) -> Array:
    """N times that of the cells of one draw; +inf where the numbers of draws differ."""
    require_same_event(p, q)
    return times_draws(p, q, chernoff_of(ratio_of_cells(p.cells, q.cells)))
