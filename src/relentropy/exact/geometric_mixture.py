"""Rényi's and Chernoff's divergence by the geometric mixture of an exponential family, in nats.

M ∝ p^α q^(1-α) is a member of the family, and with it

    D_α(P||Q) = [α D(M||P) + (1-α) D(M||Q)] / (1-α),

whose terms are relative entropies, free of cancellation, and least at M, so that the rounding of
M itself does not show. Source: van Erven & Harremoës, "Rényi divergence and Kullback-Leibler
divergence" (2014), theorem 30.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array, _linalg
from relentropy._scalar import INF
from relentropy.distributions.directional import VonMisesFisher
from relentropy.distributions.matrices import Wishart, WishartLike
from relentropy.distributions.multivariate import MultivariateNormal
from relentropy.distributions.simplex import Dirichlet
from relentropy.exact.directional import relative_entropy_of_directions
from relentropy.exact.matrices import relative_entropy_of_wisharts
from relentropy.exact.multivariate import relative_entropy_of_normals
from relentropy.exact.simplex import relative_entropy_of_dirichlets

Array = Any


class Mixed(NamedTuple):
    """The relative entropies from M ∝ p^(1-β) q^β to P and to Q, and where M is a distribution."""

    to_p: Array
    to_q: Array
    valid: Any


def of_order(mixed: Mixed, alpha: float) -> Array:
    """D_α, α not 1 and finite."""
    xp = _array.namespace(mixed.to_p)
    value = alpha / (1 - alpha) * mixed.to_p + mixed.to_q
    return xp.where(mixed.valid, value, INF)


HALVINGS = 40
"""The maximum over β is flat: a square root of the precision would be enough."""


def chernoff_of_mixtures(mixed: Callable[[Any, Any, Array], Mixed], p: Any, q: Any) -> Array:
    """Max over β of -log ∫ p^(1-β) q^β = (1-β) D(M||P) + β D(M||Q), reached where both are equal.

    β is constant for differentiation, which gives the first derivatives (envelope theorem).
    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., theorem 11.9.1.
    """
    p_fixed, q_fixed = (x.mapped(_array.stop_gradient) for x in (p, q))
    start = mixed(p_fixed, q_fixed, 0.5)
    xp, zero = _array.namespace(start.to_p), 0.0 * (start.to_p + start.to_q)

    def halve(low: Array, high: Array) -> tuple[Array, Array]:
        beta = (low + high) / 2
        m = mixed(p_fixed, q_fixed, beta)
        nearer_p = m.to_p < m.to_q
        return xp.where(nearer_p, beta, low), xp.where(nearer_p, high, beta)

    low, high = _array.repeat(halve, HALVINGS, zero, zero + 1.0)
    beta = (low + high) / 2
    m = mixed(p, q, beta)
    return (1 - beta) * m.to_p + beta * m.to_q


def _wide(beta: Any, axes: int) -> Any:
    """A weight beside arrays with so many axes of one distribution."""
    return beta if isinstance(beta, float) else beta[(..., *[None] * axes)]


def _both(divergence: Callable[[Any, Any], Array], m: Any, p: Any, q: Any, valid: Any) -> Mixed:
    return Mixed(divergence(m, p), divergence(m, q), valid)


def mixed_dirichlets(p: Dirichlet, q: Dirichlet, beta: Any) -> Mixed:
    """M of the concentration (1-β) a + β b."""
    a, b = p.concentration, q.concentration
    xp = _array.namespace(a, b)
    m = a + _wide(beta, 1) * (b - a)
    valid = xp.all(m > 0, axis=-1)
    middle = p.replaced(concentration=xp.where(valid[..., None], m, xp.ones_like(m)))
    return _both(relative_entropy_of_dirichlets, middle, p, q, valid)


def _mixed_precision(a: Array, b: Array, beta: Any) -> tuple[Array, Array]:
    """(1-β) a + β b, and where it is positive definite; the identity elsewhere."""
    xp, mixed = _array.namespace(a, b), a + _wide(beta, 2) * (b - a)
    tried = _linalg.diagonal(_linalg.cholesky(_array.stop_gradient(mixed)))[..., -1]
    valid = ~xp.isnan(tried)
    return xp.where(valid[..., None, None], mixed, _linalg.identity_like(a)), valid


def mixed_wisharts(p: WishartLike, q: WishartLike, beta: Any) -> Mixed:
    """M of (1-β) n + β m degrees of freedom and of the inverse scale (1-β) V⁻¹ + β W⁻¹."""
    d = p.scale.dimension
    a, b = (x.wishart_scale.inverse().dense() for x in (p, q))
    precision, valid = _mixed_precision(a, b, beta)
    df = p.df + beta * (q.df - p.df)
    valid = valid & (df > d - 1)
    df = _array.namespace(df, a).where(valid, df, d + 1.0)
    m, of_p, of_q = (
        Wishart.made(df=n, precision_matrix=x) for n, x in ((df, precision), (p.df, a), (q.df, b))
    )
    return _both(relative_entropy_of_wisharts, m, of_p, of_q, valid)


def mixed_directions(p: VonMisesFisher, q: VonMisesFisher, beta: Any) -> Mixed:
    """M of the vector (1-β) κμ of P + β κμ of Q."""
    a, b = (x.concentration[..., None] * x.mean_direction for x in (p, q))
    xp = _array.namespace(a, b)
    vector = a + _wide(beta, 1) * (b - a)
    length = xp.sum(vector * vector, axis=-1)
    moved = length > 0
    length = xp.where(moved, xp.sqrt(xp.where(moved, length, 1.0)), 0.0)
    direction = vector / xp.where(moved, length, 1.0)[..., None]
    direction = xp.where(moved[..., None], direction, p.mean_direction)
    # Equal distributions are at 0 exactly: the length of κμ is κ but for a rounding.
    same = xp.all(vector == a, axis=-1)
    length = length + _array.stop_gradient(xp.where(same, p.concentration - length, 0.0 * length))
    rounding = xp.where(same[..., None], p.mean_direction - direction, 0.0 * direction)
    direction = direction + _array.stop_gradient(rounding)
    middle = p.replaced(mean_direction=direction, concentration=length)
    return _both(relative_entropy_of_directions, middle, p, q, length >= 0)


def mixed_normals(p: MultivariateNormal, q: MultivariateNormal, beta: Any) -> Mixed:
    """M of the precision Λ = (1-β) Λ_p + β Λ_q and the mean m_p + β Λ⁻¹ Λ_q (m_q - m_p)."""
    a, b = (x.scale.inverse().dense() for x in (p, q))
    precision, valid = _mixed_precision(a, b, beta)
    root, pull = _linalg.cholesky(precision), _linalg.times(b, q.loc - p.loc)[..., None]
    moved = _linalg.solve_upper(root.mT, _linalg.solve_lower(root, pull))[..., 0]
    loc = p.loc + _wide(beta, 1) * moved
    m, of_p, of_q = (
        MultivariateNormal.made(loc=x, precision_matrix=y)
        for x, y in ((loc, precision), (p.loc, a), (q.loc, b))
    )
    return _both(relative_entropy_of_normals, m, of_p, of_q, valid)
