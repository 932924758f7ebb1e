"""Families of distributions of a matrix: Wishart, its inverse, and the matrix normal."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array, _linalg
from relentropy._special import digamma, log_gamma
from relentropy.distributions.family import POSITIVE, REAL, Domain
from relentropy.distributions.line import HALF_LOG_2PI
from relentropy.distributions.multivariate import (
    GAUSSIAN_FORMS,
    Multivariate,
    MultivariateNormal,
    Scaled,
)
from relentropy.distributions.scales import Scale

Array = Any


class WishartLike(Scaled):
    """What Wishart's distribution and its inverse share: degrees of freedom above d - 1."""

    df: Any

    def _validate(self) -> None:
        super()._validate()
        d = self.scale.dimension
        self._require(lambda xp, n: n > d - 1, f"above {d - 1}, the dimension less 1", "df")

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.scale.dimension, self.scale.dimension)

    @property
    def wishart_scale(self) -> Scale:
        """V of the matrix that is Wishart distributed: the draw, or its inverse."""
        raise NotImplementedError

    def halves(self) -> Array:
        """(df - i) / 2 for i = 0, ..., d - 1, (..., d)."""
        steps = _array.positions(self.scale.matrix)
        return (self.df[..., None] - _array.astype(steps, self.df.dtype)) / 2

    def log_multigamma(self) -> Array:
        """Log Γ_d(df/2), the multivariate gamma function."""
        d, xp = self.scale.dimension, _array.namespace(self.df)
        return d * (d - 1) / 4 * math.log(math.pi) + xp.sum(log_gamma(self.halves()), axis=-1)

    def mean_log_det(self) -> Array:
        """The mean of log det of the matrix that is Wishart distributed."""
        d, xp = self.scale.dimension, _array.namespace(self.df)
        total = xp.sum(digamma(self.halves()), axis=-1) + d * math.log(2)
        return total + 2 * self.wishart_scale.half_log_det()

    def log_normalizer(self) -> Array:
        d = self.scale.dimension
        half_det = self.wishart_scale.half_log_det()
        return self.df * (d * math.log(2) / 2 + half_det) + self.log_multigamma()

    def _wishart_root(self, rng: Any, shape: tuple[int, ...]) -> Any:
        """A lower root of a draw of Wishart's distribution (Bartlett, 1933)."""
        import numpy

        d = self.scale.dimension
        z = numpy.tril(rng.standard_normal((*shape, d, d)), -1)
        diagonal = rng.chisquare(2 * self.halves(), (*shape, d)) ** 0.5
        return self.wishart_scale.scale_root() @ (z + _linalg.diagonal_matrix(diagonal))


@dataclass(frozen=True, eq=False, repr=False)
class Wishart(WishartLike):
    """Wishart's distribution: of X = Σ z zᵀ over df normal vectors z of covariance V.

    The density is proportional to det(X)^((df-d-1)/2) exp(-tr(V⁻¹ X) / 2) on the symmetric
    positive definite matrices.

    Args:
        df: degrees of freedom (...), real, above d - 1.
        covariance_matrix: V (..., d, d), or
        precision_matrix: V⁻¹, or
        scale_tril: the lower triangular L with L Lᵀ = V.

    >>> from relentropy import Wishart, relative_entropy
    >>> identity = [[1.0, 0.0], [0.0, 1.0]]
    >>> round(float(relative_entropy(Wishart(4.0, identity), Wishart(3.0, identity))), 12)
    0.229637154539
    """

    df: Any
    covariance_matrix: Any = None
    precision_matrix: Any = None
    scale_tril: Any = None

    domains: ClassVar[dict[str, Domain]] = {"df": POSITIVE, **dict.fromkeys(GAUSSIAN_FORMS, REAL)}
    ranks: ClassVar[dict[str, int]] = dict.fromkeys(GAUSSIAN_FORMS, 2)
    forms: ClassVar[dict[str, tuple[bool, bool]]] = GAUSSIAN_FORMS

    @property
    def wishart_scale(self) -> Scale:
        return self.scale

    def _log_density(self, x: Array) -> Array:
        d, xp = self.scale.dimension, _array.namespace(x)
        root, inside = _root_inside(xp, x)
        log_det = 2 * xp.sum(xp.log(_linalg.diagonal(root)), axis=-1)
        trace = _trace_of_ratio(Scale(root, False, True), self.scale)
        value = (self.df - d - 1) / 2 * log_det - trace / 2 - self.log_normalizer()
        return xp.where(inside, value, -float("inf"))

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        root = self._wishart_root(rng, shape)
        return root @ root.mT


@dataclass(frozen=True, eq=False, repr=False)
class InverseWishart(WishartLike):
    """The distribution of X whose inverse is Wishart distributed with df and Ψ⁻¹.

    The density is proportional to det(X)^(-(df+d+1)/2) exp(-tr(Ψ X⁻¹) / 2).

    Args:
        df: degrees of freedom (...), real, above d - 1.
        scale_matrix: Ψ (..., d, d), or
        scale_tril: the lower triangular L with L Lᵀ = Ψ.

    >>> from relentropy import InverseWishart, relative_entropy
    >>> identity = [[1.0, 0.0], [0.0, 1.0]]
    >>> p, q = InverseWishart(4.0, identity), InverseWishart(3.0, identity)
    >>> round(float(relative_entropy(p, q)), 12)
    0.229637154539
    """

    df: Any
    scale_matrix: Any = None
    scale_tril: Any = None

    domains: ClassVar[dict[str, Domain]] = {
        "df": POSITIVE,
        "scale_matrix": REAL,
        "scale_tril": REAL,
    }
    ranks: ClassVar[dict[str, int]] = {"scale_matrix": 2, "scale_tril": 2}
    forms: ClassVar[dict[str, tuple[bool, bool]]] = {
        "scale_matrix": (False, False),
        "scale_tril": (False, True),
    }

    @property
    def wishart_scale(self) -> Scale:
        return self.scale.inverse()

    def _log_density(self, x: Array) -> Array:
        d, xp = self.scale.dimension, _array.namespace(x)
        root, inside = _root_inside(xp, x)
        log_det = 2 * xp.sum(xp.log(_linalg.diagonal(root)), axis=-1)
        trace = _trace_of_ratio(self.scale, Scale(root, False, True))
        value = -(self.df + d + 1) / 2 * log_det - trace / 2 - self.log_normalizer()
        return xp.where(inside, value, -float("inf"))

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        root = self._wishart_root(rng, shape)
        inverse = _linalg.solve_lower(root, _linalg.identity_like(root))
        return inverse.mT @ inverse


def _root_inside(xp: Any, x: Array) -> tuple[Array, Array]:
    """The root of x where it is positive definite, that of the identity elsewhere."""
    value = _array.stop_gradient(_linalg.symmetric(x))
    inside = ~xp.isnan(_linalg.diagonal(_linalg.cholesky(value))[..., -1])
    safe = xp.where(inside[..., None, None], _linalg.symmetric(x), _linalg.identity_like(x))
    return _linalg.cholesky(safe), inside


def _trace_of_ratio(p: Scale, q: Scale) -> Array:
    """tr(Σ_q⁻¹ Σ_p)."""
    root, of_p = q.root(), p.scale_root()
    half = root.mT @ of_p if q.is_inverse else _linalg.solve_lower(root, of_p)
    return _array.namespace(half).sum(half**2, axis=(-2, -1))


@dataclass(frozen=True, eq=False, repr=False)
class MatrixNormal(Multivariate):
    """A normal matrix X = loc + A Z Bᵀ of independent standard normal Z: rows and columns covary.

    Args:
        loc: the mean (..., n, m).
        scale_tril_row: A, lower triangular (..., n, n); the rows have covariance A Aᵀ.
        scale_tril_column: B, lower triangular (..., m, m); the columns have covariance B Bᵀ.

    >>> from relentropy import MatrixNormal, relative_entropy
    >>> p = MatrixNormal([[0.0, 0.0]], [[1.0]], [[1.0, 0.0], [0.0, 1.0]])
    >>> q = MatrixNormal([[1.0, 0.0]], [[1.0]], [[1.0, 0.0], [0.0, 1.0]])
    >>> float(relative_entropy(p, q))
    0.5
    """

    loc: Any
    scale_tril_row: Any
    scale_tril_column: Any

    domains: ClassVar[dict[str, Domain]] = dict.fromkeys(
        ("loc", "scale_tril_row", "scale_tril_column"), REAL
    )
    ranks: ClassVar[dict[str, int]] = {"loc": 2, "scale_tril_row": 2, "scale_tril_column": 2}

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.loc.shape[-2:])

    @property
    def row_scale(self) -> Scale:
        return Scale(self.scale_tril_row, False, True)

    @property
    def column_scale(self) -> Scale:
        return Scale(self.scale_tril_column, False, True)

    def _validate_shapes(self) -> None:
        n, m = self.event_shape
        shapes = {name: tuple(x.shape[-2:]) for name, x in self.parameters().items()}
        fits = shapes["scale_tril_row"] == (n, n) and shapes["scale_tril_column"] == (m, m)
        self._require_lengths(shapes, all_of=fits)

    def _validate(self) -> None:
        super()._validate()
        self._validate_scale("scale_tril_row", is_root=True)
        self._validate_scale("scale_tril_column", is_root=True)

    def whitened(self, y: Array) -> Array:
        """A⁻¹ y B⁻ᵀ (..., n, m)."""
        half = _linalg.solve_lower(self.scale_tril_row, y)
        return _linalg.solve_lower(self.scale_tril_column, half.mT).mT

    def half_log_det(self) -> Array:
        """Half the log of the determinant of the covariance of all entries."""
        n, m = self.event_shape
        return m * self.row_scale.half_log_det() + n * self.column_scale.half_log_det()

    def as_vector(self) -> MultivariateNormal:
        """The same distribution of the entries, row by row; its covariance is (A Aᵀ) ⊗ (B Bᵀ)."""
        n, m = self.event_shape
        a, b = self.scale_tril_row, self.scale_tril_column
        product = a[..., :, None, :, None] * b[..., None, :, None, :]
        root = product.reshape(*product.shape[:-4], n * m, n * m)
        loc = self.loc.reshape(*self.loc.shape[:-2], n * m)
        return MultivariateNormal.made(loc=loc, scale_tril=root)

    def _log_density(self, x: Array) -> Array:
        xp, z = _array.namespace(x), self.whitened(x - self.loc)
        square = xp.sum(z * z, axis=(-2, -1))
        return -square / 2 - self.half_log_det() - self.dimension * HALF_LOG_2PI

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        z = rng.standard_normal((*shape, *self.event_shape))
        return self.loc + self.scale_tril_row @ z @ self.scale_tril_column.mT
