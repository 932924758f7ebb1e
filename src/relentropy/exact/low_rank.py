"""D(P||Q) between normal vectors of low rank, in the size of the factors, in nats.

x = W z + √D e with k factors z. Between the joint distributions of (z, x) D is a sum of terms
that are not negative, and by the chain rule it exceeds D(P||Q) by the expected divergence between
the two posteriors of z, normal in k dimensions:

    D(P||Q) = D(joint) - E_P[D(z|x)].

Close distributions keep their digits so, since both are of the second order in differences that
are exact. Far ones come from tr(Σ_q⁻¹ Σ_p) - d - log det(Σ_q⁻¹ Σ_p).
"""

from typing import Any

from relentropy import _array, _linalg
from relentropy._rules import rule
from relentropy._scalar import g, log_quotient, log_ratio
from relentropy.distributions.low_rank import LowRankMultivariateNormal
from relentropy.exact.matrix_ratio import is_close, root_of_excess, whitened
from relentropy.exact.multivariate import require_same_event

Array = Any
LowRank = LowRankMultivariateNormal

NEAR = 0.1
"""Below this many nats between the joint distributions the difference is taken."""


@rule(LowRankMultivariateNormal, LowRankMultivariateNormal)
def relative_entropy_of_low_ranks(p: LowRank, q: LowRank) -> Array:
    """D = [tr C - d - log det C + Δᵀ Σ_q⁻¹ Δ] / 2, C = Σ_q⁻¹ Σ_p, Δ = m_p - m_q, by k x k matrices.

    Source: the matrix inversion and determinant lemmas; near equality the chain rule, Cover &
    Thomas, Elements of Information Theory, 2nd ed., theorem 2.5.3.
    """
    require_same_event(p, q)
    p, q = _of_one_rank(p, q)
    xp = _array.namespace(p.loc, q.loc)
    joint = _joint_excess(xp, p, q)
    # How much the posteriors' precisions differ, in units of P's.
    change = _change_of_capacitance(xp, p, q)
    a = whitened(-change, p.capacitance_root())
    near = (_array.stop_gradient(joint) < NEAR) & is_close(a)
    a = xp.where(near[..., None, None], a, 0.0)
    between = root_of_excess(a).excess() + _gain_excess(xp, p, q, change)
    value = xp.where(near, joint - between, _excess(xp, p, q))
    # A remainder of roundings may be negative, where W_p is W_q turned; the value is not.
    below = _array.stop_gradient(xp.where(value < 0, value, 0.0 * value))
    return (value - below + q.mahalanobis(p.loc - q.loc)) / 2


def _of_one_rank(p: LowRank, q: LowRank) -> tuple[LowRank, LowRank]:
    """Both with the larger number of factors, the new ones 0."""
    rank = max(x.cov_factor.shape[-1] for x in (p, q))
    return _with_rank(p, rank), _with_rank(q, rank)


def _with_rank(p: LowRank, rank: int) -> LowRank:
    w = p.cov_factor
    missing = rank - w.shape[-1]
    if missing == 0:
        return p
    zeros = _array.namespace(w).zeros_like(w[..., :1])
    wide = _array.namespace(w).concat([w, *[zeros] * missing], axis=-1)
    return p.replaced(cov_factor=wide)


def _joint_excess(xp: Any, p: LowRank, q: LowRank) -> Array:
    """Twice D of the joint distributions of factors and x about their means."""
    noise = xp.sum(g(xp, -log_ratio(xp, p.cov_diag, q.cov_diag)), axis=-1)
    moved = (p.cov_factor - q.cov_factor) ** 2 / q.cov_diag[..., None]
    return noise + xp.sum(moved, axis=(-2, -1))


def _change_of_capacitance(xp: Any, p: LowRank, q: LowRank) -> Array:
    """W_pᵀ D_p⁻¹ W_p - W_qᵀ D_q⁻¹ W_q, from differences."""
    moved, noise = p.cov_factor - q.cov_factor, p.cov_diag[..., None]
    narrower = (q.cov_diag - p.cov_diag) / (p.cov_diag * q.cov_diag)
    cross = (q.cov_factor / noise).mT @ moved
    of_noise = q.cov_factor.mT @ (narrower[..., None] * q.cov_factor)
    return cross + cross.mT + moved.mT @ (moved / noise) + of_noise


def _gain_excess(xp: Any, p: LowRank, q: LowRank, change: Array) -> Array:
    """Twice what the means K (x - m) of the two posteriors of z|x add to their expected D.

    K = C⁻¹ Wᵀ D⁻¹; C_p (K_p - K_q) is the change of Wᵀ D⁻¹ less the change of C times K_q.
    """
    root = q.capacitance_root()
    gain_q = _solve_twice(root, (q.cov_factor / q.cov_diag[..., None]).mT)
    narrower = (q.cov_diag - p.cov_diag) / (p.cov_diag * q.cov_diag)
    moved = (p.cov_factor - q.cov_factor) / p.cov_diag[..., None]
    moved = (moved + q.cov_factor * narrower[..., None]).mT
    gain = _solve_twice(p.capacitance_root(), moved - change @ gain_q)
    spread = root.mT @ gain
    noise = xp.sum(spread**2 * p.cov_diag[..., None, :], axis=(-2, -1))
    return noise + xp.sum((spread @ p.cov_factor) ** 2, axis=(-2, -1))


def _solve_twice(root: Array, x: Array) -> Array:
    """C⁻¹ x for C = root rootᵀ."""
    return _linalg.solve_upper(root.mT, _linalg.solve_lower(root, x))


def _excess(xp: Any, p: LowRank, q: LowRank) -> Array:
    """tr(Σ_q⁻¹ Σ_p) - d - log det(Σ_q⁻¹ Σ_p)."""
    leverage = _linalg.solve_lower(q.capacitance_root(), q.loading.mT)
    diagonal = 1 - xp.sum(leverage**2, axis=-2)
    noise = xp.sum(p.cov_diag / q.cov_diag * diagonal - 1, axis=-1)
    factors = xp.sum(q.mahalanobis_of_columns(p.cov_factor), axis=-1)
    log_noise = xp.sum(log_quotient(xp, p.cov_diag, q.cov_diag), axis=-1)
    roots = [_linalg.diagonal(x.capacitance_root()) for x in (p, q)]
    return noise + factors - log_noise - 2 * xp.sum(log_quotient(xp, *roots), axis=-1)
