"""How far one positive definite matrix is from another, without cancellation.

Every divergence of normal and Wishart families needs tr A - log det(I + A) >= 0, where I + A has
the eigenvalues of Σ_q⁻¹ Σ_p. With a lower triangular M such that I + A = M Mᵀ it is a sum of
squares and of exp(2u) - 1 - 2u, u = log M_ii. M is L_q⁻¹ L_p, which for matrices that are close
is lost in its distance from I; then M - I is found from the difference Σ_p - Σ_q itself.
"""

from typing import Any, NamedTuple

from relentropy import _array, _linalg
from relentropy._scalar import g, log_ratio
from relentropy.distributions.scales import Scale

Array = Any

CLOSE = 0.5
"""Below this Frobenius norm of A the root of I + A is taken from A."""


class MatrixRatio(NamedTuple):
    """A lower triangular M with the eigenvalues of Σ_q⁻¹ Σ_p in M Mᵀ."""

    log_diagonal: Array  # (..., d)
    below: Array  # (..., d, d), strictly lower triangular

    def excess(self, log_factor: Any = 0.0) -> Array:
        """tr(cB) - d - log det(cB) >= 0 for B = M Mᵀ and c = exp(log_factor) (...)."""
        xp = _array.namespace(self.below)
        log_c = log_factor + 0.0 * xp.sum(self.log_diagonal, axis=-1)
        diagonal = xp.sum(g(xp, -(2 * self.log_diagonal + log_c[..., None])), axis=-1)
        return diagonal + xp.exp(log_c) * xp.sum(self.below**2, axis=(-2, -1))

    def half_log_det(self) -> Array:
        """Half the log of det(Σ_q⁻¹ Σ_p)."""
        return _array.namespace(self.below).sum(self.log_diagonal, axis=-1)

    def minus_identity(self) -> Array:
        """M - I, to all its digits."""
        xp = _array.namespace(self.below)
        return self.below + _linalg.diagonal_matrix(xp.expm1(self.log_diagonal))


def matrix_ratio(p: Scale, q: Scale) -> MatrixRatio:
    """Both descriptions in the same way: from their difference. Otherwise from roots."""
    if p.is_inverse != q.is_inverse:
        return _of_roots(p.scale_root(), q.scale_root())
    if p.is_inverse:
        p, q = q, p
    if p.is_root or q.is_root:
        return _of_roots(p.root(), q.root())
    return _of_matrices(p, q)


def _of_roots(a: Array, b: Array) -> MatrixRatio:
    """B⁻¹ A for lower triangular a and b."""
    xp = _array.namespace(a, b)
    on = [_linalg.diagonal(x) for x in (a, b)]
    below = _linalg.strictly_lower(_linalg.solve_lower(b, a - b))
    return MatrixRatio(log_ratio(xp, *on), below)


def whitened(difference: Array, root: Array) -> Array:
    """L⁻¹ X L⁻ᵀ for a symmetric X and a lower root L."""
    half = _linalg.solve_lower(root, _linalg.symmetric(difference))
    return _linalg.symmetric(_linalg.solve_lower(root, half.mT))


def is_close(a: Array) -> Array:
    """Where the root of I + a is to be taken from a; carries no gradient."""
    size = _array.stop_gradient(a)
    return _array.namespace(a).sum(size * size, axis=(-2, -1)) < CLOSE**2


def _of_matrices(p: Scale, q: Scale) -> MatrixRatio:
    root = q.root()
    a = whitened(p.matrix - q.matrix, root)
    xp, close = _array.namespace(a), is_close(a)
    if _array.known(xp.all(close)):
        return root_of_excess(a)
    far = _of_roots(p.root(), root)
    if _array.known(~xp.any(close)):
        return far
    near = root_of_excess(xp.where(close[..., None, None], a, 0.0))
    return MatrixRatio(
        xp.where(close[..., None], near.log_diagonal, far.log_diagonal),
        xp.where(close[..., None, None], near.below, far.below),
    )


def root_of_excess(a: Array) -> MatrixRatio:
    """The root M = I + F of I + a, for a symmetric a of norm below 1, to all digits of F.

    The root from the framework has F to an absolute error of a rounding. One step of Newton's
    method for F + Fᵀ + F Fᵀ = a takes that to the relative error of a; derivatives flow through
    both, so that those of the second order are right, too.
    """
    xp = _array.namespace(a)
    root = _linalg.cholesky(a + _linalg.identity_like(a))
    f = root - _linalg.identity_like(a)
    residual = a - f - f.mT - f @ f.mT
    half = _linalg.solve_lower(root, residual)
    step = _linalg.solve_lower(root, half.mT).mT
    # X + Xᵀ = step for lower X.
    x = _linalg.strictly_lower(step) + _linalg.diagonal_matrix(_linalg.diagonal(step) / 2)
    f = f + root @ x
    return MatrixRatio(xp.log1p(_linalg.diagonal(f)), _linalg.strictly_lower(f))
