"""A positive definite matrix Σ, given as itself, as its inverse, or as a triangular root of either.

Rules work on what was given: near equal matrices their difference is exact only before anything
is factored or inverted.
"""

from typing import Any, NamedTuple, Self

from relentropy import _array, _linalg

Array = Any


class Scale(NamedTuple):
    """Σ (..., d, d), or its inverse, equal to `matrix`, or to L Lᵀ for a `matrix` L that is a root.

    Attributes:
        matrix: what was given.
        is_inverse: whether it describes Σ⁻¹.
        is_root: whether it is a lower triangular root.
        factor: the root of the matrix, where it was taken before.

    """

    matrix: Array
    is_inverse: bool = False
    is_root: bool = False
    factor: Array | None = None

    @property
    def dimension(self) -> int:
        size: int = self.matrix.shape[-1]
        return size

    def root(self) -> Array:
        """The lower L with L Lᵀ equal to Σ, or to Σ⁻¹ where that is what was given."""
        if self.is_root or self.factor is not None:
            return self.matrix if self.factor is None else self.factor
        return _linalg.cholesky(_linalg.symmetric(self.matrix))

    def factored(self) -> Self:
        """The same with its root at hand."""
        return self._replace(factor=self.root())

    def scale_root(self) -> Array:
        """The lower L with L Lᵀ = Σ."""
        if not self.is_inverse:
            return self.root()
        # Σ = U Uᵀ with U = C⁻ᵀ upper; reversed in both axes a root of the inverse becomes lower.
        xp, inverse = _array.namespace(self.matrix), self.product()
        turned = _linalg.cholesky(xp.flip(inverse, axis=(-2, -1)))
        upper = xp.flip(turned, axis=(-2, -1)).mT
        return _linalg.solve_lower(upper, _linalg.identity_like(inverse))

    def product(self) -> Array:
        """Σ, or Σ⁻¹ where that is what was given."""
        if self.is_root:
            return self.matrix @ self.matrix.mT
        return _linalg.symmetric(self.matrix)

    def dense(self) -> Array:
        """Σ."""
        if not self.is_inverse:
            return self.product()
        root = self.scale_root()
        return root @ root.mT

    def inverse(self) -> Self:
        """Σ⁻¹."""
        return self._replace(is_inverse=not self.is_inverse)

    def whitened(self, y: Array) -> Array:
        """A vector (..., d) whose squared length is yᵀ Σ⁻¹ y."""
        root = self.root()
        if self.is_inverse:
            return _linalg.times(root.mT, y)
        return _linalg.solve_lower_vector(root, y)

    def half_log_det(self) -> Array:
        """Half the log of the determinant of Σ."""
        xp = _array.namespace(self.matrix)
        total = xp.sum(xp.log(_linalg.diagonal(self.root())), axis=-1)
        return -total if self.is_inverse else total
