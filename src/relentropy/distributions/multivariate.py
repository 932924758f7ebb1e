"""Families of distributions of a vector, and what they share with those of a matrix."""

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from relentropy import _array, _linalg
from relentropy._special import log_beta
from relentropy.distributions.family import (
    POSITIVE,
    REAL,
    Domain,
    Family,
    _beside,
    broadcast_shapes,
)
from relentropy.distributions.interval import require_one
from relentropy.distributions.line import HALF_LOG_2PI
from relentropy.distributions.scales import Scale

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Multivariate(Family):
    """A family of distributions of a vector or a matrix."""

    ranks: ClassVar[dict[str, int]] = {}
    """How many of the last axes of each parameter belong to one distribution."""

    @classmethod
    def made(cls, **parameters: Array) -> Self:
        """One whose parameters are arrays that need not be looked at again."""
        other = object.__new__(cls)
        for field in fields(cls):
            object.__setattr__(other, field.name, parameters.get(field.name))
        object.__setattr__(other, "plain", False)
        return other

    def replaced(self, **parameters: Array) -> Self:
        """The same with other arrays for some parameters, which are not looked at."""
        return self.made(**{**self.parameters(), **parameters})

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch of distributions; () for a single one."""
        return broadcast_shapes(*(self._split(name, x)[0] for name, x in self.parameters().items()))

    def _split(self, name: str, x: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shape of a parameter: that of the batch and that of one distribution."""
        cut = x.ndim - self.ranks.get(name, 0)
        return tuple(x.shape[:cut]), tuple(x.shape[cut:])

    def flattened(self, shape: tuple[int, ...]) -> Self:
        """Broadcast to a batch shape and laid out in one axis, (B, ...)."""
        flat = {}
        for name, x in self.parameters().items():
            one = self._split(name, x)[1]
            whole = _array.namespace(x).broadcast_to(x, (*shape, *one))
            flat[name] = whole.reshape(-1, *one)
        return self.replaced(**flat)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one draw."""
        raise NotImplementedError

    @property
    def dimension(self) -> int:
        """The number of entries of one draw."""
        return math.prod(self.event_shape)

    def log_density(self, x: Any, /) -> Array:
        """The log of the density at x, whose last axes are the event; -inf outside the support."""
        x, p = _beside(x, self)
        self._require_event(x)
        with _array.quiet(x):
            return p._log_density(x)

    def _log_density(self, x: Array) -> Array:
        raise NotImplementedError

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        """Independent draws as a NumPy array of shape size + batch_shape + event_shape."""
        return self.mapped(_array.to_numpy)._sample(rng, (*size, *self.batch_shape))

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        raise NotImplementedError

    def _require_event(self, x: Array) -> None:
        event = self.event_shape
        if tuple(x.shape[x.ndim - len(event) :]) != event:
            raise ValueError(
                f"{type(self).__name__}: x has shape {tuple(x.shape)}; its last axes must be "
                f"{event}, one draw"
            )

    def _validate(self) -> None:
        for name, rank in self.ranks.items():
            x = getattr(self, name)
            if x is not None and x.ndim < rank:
                raise ValueError(
                    f"{type(self).__name__}: {name} must have at least {rank} "
                    f"{'axis' if rank == 1 else 'axes'}, got shape {tuple(x.shape)}"
                )
        self._validate_shapes()
        super()._validate()

    def _validate_shapes(self) -> None:
        """All event axes have one length."""
        lengths = {
            name: self._split(name, x)[1]
            for name, x in self.parameters().items()
            if self.ranks.get(name)
        }
        self._require_lengths(lengths, all_of=len({n for s in lengths.values() for n in s}) == 1)

    def _require_lengths(self, lengths: dict[str, tuple[int, ...]], *, all_of: bool) -> None:
        if not all_of or 0 in {n for shape in lengths.values() for n in shape}:
            shown = ", ".join(f"{name} {shape}" for name, shape in lengths.items())
            raise ValueError(
                f"{type(self).__name__}: the last axes do not fit one another: {shown}"
            )

    def _require_rows(self, name: str, found: Array, wanted: float, complaint: str) -> None:
        """Raise where a number that each row of a parameter has is not what it should be."""
        found = _array.stop_gradient(found)
        xp = _array.namespace(found)
        bad = ~(xp.abs(found - wanted) < 1e-3)
        if _array.known(xp.any(bad)):
            first = float(_array.to_numpy(found)[_array.to_numpy(bad)][0])
            raise ValueError(f"{type(self).__name__}: {name} {complaint.format(first)}")

    def _validate_scale(self, name: str, *, is_root: bool) -> None:
        """A square matrix is symmetric and positive definite, a root triangular and positive."""
        x = _array.stop_gradient(getattr(self, name))
        xp = _array.namespace(x)
        if is_root:
            wrong = xp.any(xp.triu(x, k=1) != 0) | xp.any(_linalg.diagonal(x) <= 0)
            if _array.known(wrong):
                raise ValueError(
                    f"{type(self).__name__}: {name} must be lower triangular with a positive "
                    "diagonal; give a symmetric matrix under its own name, or its Cholesky factor"
                )
            return
        size = xp.max(xp.abs(x), axis=(-2, -1))
        skew = xp.max(xp.abs(x - x.mT), axis=(-2, -1))
        if _array.known(xp.any(skew > 1e3 * xp.finfo(x.dtype).eps * size)):
            raise ValueError(
                f"{type(self).__name__}: {name} must be symmetric; it differs from its transpose "
                f"by {float(xp.max(skew)):.3g}"
            )
        failed = xp.isnan(_linalg.diagonal(_linalg.cholesky(_linalg.symmetric(x)))[..., -1])
        if _array.known(xp.any(failed)):
            smallest = _linalg.smallest_eigenvalue(x)
            raise ValueError(
                f"{type(self).__name__}: {name} must be positive definite; the smallest "
                f"eigenvalue is {smallest[_array.to_numpy(failed)][0]:.3g}"
            )


class Scaled(Multivariate):
    """A family with one positive definite matrix, given in one of several ways."""

    forms: ClassVar[dict[str, tuple[bool, bool]]] = {}
    """Of each name of the matrix: whether it is the inverse, whether it is a root."""

    def __post_init__(self) -> None:
        require_one(self, *self.forms)
        super().__post_init__()

    @property
    def scale(self) -> Scale:
        """The matrix in the form in which it was given."""
        name = self._form()
        return Scale(getattr(self, name), *self.forms[name])

    def _form(self) -> str:
        return next(name for name in self.forms if getattr(self, name) is not None)

    def _validate(self) -> None:
        super()._validate()
        name = self._form()
        self._validate_scale(name, is_root=self.forms[name][1])


GAUSSIAN_FORMS = {
    "covariance_matrix": (False, False),
    "precision_matrix": (True, False),
    "scale_tril": (False, True),
}


@dataclass(frozen=True, eq=False, repr=False)
class MultivariateNormal(Scaled):
    """The normal distribution of a vector, its covariance given in one of three ways.

    The density is exp(-(x-m)ᵀ Σ⁻¹ (x-m) / 2) / √det(2πΣ).

    Args:
        loc: the mean m (..., d).
        covariance_matrix: Σ (..., d, d), or
        precision_matrix: Σ⁻¹, or
        scale_tril: the lower triangular L with positive diagonal and L Lᵀ = Σ.

    Errors: TypeError unless exactly one matrix is given; ValueError where it is not symmetric and
    positive definite, with the smallest eigenvalue.

    >>> from relentropy import MultivariateNormal, relative_entropy
    >>> p = MultivariateNormal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]])
    >>> q = MultivariateNormal([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    >>> round(float(relative_entropy(p, q)), 12)
    0.643841036226
    """

    loc: Any
    covariance_matrix: Any = None
    precision_matrix: Any = None
    scale_tril: Any = None

    domains: ClassVar[dict[str, Domain]] = dict.fromkeys(("loc", *GAUSSIAN_FORMS), REAL)
    ranks: ClassVar[dict[str, int]] = {"loc": 1, **dict.fromkeys(GAUSSIAN_FORMS, 2)}
    forms: ClassVar[dict[str, tuple[bool, bool]]] = GAUSSIAN_FORMS

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1],)

    def _log_density(self, x: Array) -> Array:
        z, scale = self.scale.whitened(x - self.loc), self.scale
        xp = _array.namespace(z)
        return -xp.sum(z * z, axis=-1) / 2 - scale.half_log_det() - self.dimension * HALF_LOG_2PI

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        z = rng.standard_normal((*shape, self.dimension))
        return self.loc + _linalg.times(self.scale.scale_root(), z)


@dataclass(frozen=True, eq=False, repr=False)
class MultivariateStudentT(Scaled):
    """Student's t of a vector: density proportional to (1 + |L⁻¹ (x - loc)|²/df)^(-(df+d)/2).

    Args:
        df: degrees of freedom (...), positive.
        loc: the centre (..., d), the mean where df > 1.
        scale_tril: lower triangular L (..., d, d) with positive diagonal; the covariance is
            L Lᵀ df / (df - 2) where df > 2.

    >>> from relentropy import MultivariateStudentT, MultivariateNormal, relative_entropy
    >>> identity = [[1.0, 0.0], [0.0, 1.0]]
    >>> p = MultivariateStudentT(2.0, [0.0, 0.0], identity)
    >>> float(relative_entropy(p, MultivariateNormal([0.0, 0.0], identity)))  # no second moment
    inf
    """

    df: Any
    loc: Any
    scale_tril: Any

    domains: ClassVar[dict[str, Domain]] = {"df": POSITIVE, "loc": REAL, "scale_tril": REAL}
    ranks: ClassVar[dict[str, int]] = {"loc": 1, "scale_tril": 2}
    forms: ClassVar[dict[str, tuple[bool, bool]]] = {"scale_tril": (False, True)}

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.loc.shape[-1],)

    def log_normalizer(self) -> Array:
        """Minus the log of the density at the centre."""
        xp, half = _array.namespace(self.df), self.df / 2
        d = self.dimension
        constant = log_beta(half, xp.full_like(half, d / 2)) - math.lgamma(d / 2)
        return (
            constant + (xp.log(self.df) + math.log(math.pi)) * (d / 2) + self.scale.half_log_det()
        )

    def _log_density(self, x: Array) -> Array:
        xp, z = _array.namespace(x), self.scale.whitened(x - self.loc)
        grown = xp.log1p(xp.sum(z * z, axis=-1) / self.df)
        return -(self.df + self.dimension) / 2 * grown - self.log_normalizer()

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        z = rng.standard_normal((*shape, self.dimension))
        shrink = (rng.chisquare(self.df, shape) / self.df) ** 0.5
        return self.loc + _linalg.times(self.scale_tril, z) / shrink[..., None]
