"""The normal distribution of a vector that a few factors and independent noise explain."""

from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array, _linalg
from relentropy.distributions.family import POSITIVE, REAL, Domain
from relentropy.distributions.line import HALF_LOG_2PI
from relentropy.distributions.multivariate import Multivariate

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class LowRankMultivariateNormal(Multivariate):
    """A normal vector with covariance Σ = W Wᵀ + diag(D): few factors and independent noise.

    No (d, d) matrix is made: cost and memory are those of k factors.

    Args:
        loc: the mean (..., d).
        cov_factor: W (..., d, k).
        cov_diag: the positive D (..., d).

    >>> from relentropy import LowRankMultivariateNormal, relative_entropy
    >>> p = LowRankMultivariateNormal([0.0, 0.0], [[1.0], [1.0]], [1.0, 1.0])
    >>> q = LowRankMultivariateNormal([0.0, 0.0], [[0.0], [0.0]], [1.0, 1.0])
    >>> round(float(relative_entropy(p, q)), 12)
    0.450693855666
    """

    loc: Any
    cov_factor: Any
    cov_diag: Any

    domains: ClassVar[dict[str, Domain]] = {"loc": REAL, "cov_factor": REAL, "cov_diag": POSITIVE}
    ranks: ClassVar[dict[str, int]] = {"loc": 1, "cov_factor": 2, "cov_diag": 1}

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1],)

    def _validate_shapes(self) -> None:
        lengths = {"loc": self.loc.shape[-1:], "cov_diag": self.cov_diag.shape[-1:]}
        lengths["cov_factor"] = self.cov_factor.shape[-2:-1]
        self._require_lengths(
            {k: tuple(v) for k, v in lengths.items()}, all_of=len(set(lengths.values())) == 1
        )

    @property
    def loading(self) -> Array:
        """D^(-1/2) W, the factors in units of the noise."""
        return self.cov_factor / _array.namespace(self.cov_diag).sqrt(self.cov_diag)[..., None]

    def capacitance_root(self) -> Array:
        """The lower root of I + Wᵀ D⁻¹ W (..., k, k)."""
        v = self.loading
        inner = v.mT @ v
        return _linalg.cholesky(inner + _linalg.identity_like(inner))

    def mahalanobis(self, y: Array) -> Array:
        """yᵀ Σ⁻¹ y for vectors (..., d)."""
        return self.mahalanobis_of_columns(y[..., None])[..., 0]

    def mahalanobis_of_columns(self, y: Array) -> Array:
        """yᵀ Σ⁻¹ y for the columns of matrices (..., d, n), in terms without a minus sign.

        It is the smallest |D^(-1/2) (y - W z)|² + |z|².
        """
        xp, v, root = _array.namespace(y), self.loading, self.capacitance_root()
        y = y / xp.sqrt(self.cov_diag)[..., None]
        z = _linalg.solve_upper(root.mT, _linalg.solve_lower(root, v.mT @ y))
        rest = y - v @ z
        return xp.sum(rest * rest, axis=-2) + xp.sum(z * z, axis=-2)

    def half_log_det(self) -> Array:
        """Half the log of the determinant of Σ."""
        xp = _array.namespace(self.cov_diag)
        noise = xp.sum(xp.log(self.cov_diag), axis=-1) / 2
        return noise + xp.sum(xp.log(_linalg.diagonal(self.capacitance_root())), axis=-1)

    def dense(self) -> Array:
        """Σ (..., d, d)."""
        noise = self.cov_diag[..., None] * _linalg.identity_like(
            self.cov_factor @ self.cov_factor.mT
        )
        return self.cov_factor @ self.cov_factor.mT + noise

    def _log_density(self, x: Array) -> Array:
        square = self.mahalanobis(x - self.loc)
        return -square / 2 - self.half_log_det() - self.dimension * HALF_LOG_2PI

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        factors = rng.standard_normal((*shape, self.cov_factor.shape[-1]))
        noise = rng.standard_normal((*shape, self.dimension)) * self.cov_diag**0.5
        return self.loc + _linalg.times(self.cov_factor, factors) + noise
