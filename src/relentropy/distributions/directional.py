"""Directions: the von Mises-Fisher distribution on the sphere, in any dimension.

What depends on the concentration κ is an integral over the cosine w of the angle to the mean
direction, of density proportional to exp(κw) (1 - w²)^((d-3)/2): a Bessel function of order
d/2 - 1, which no framework has for every d with derivatives. In y, w = tanh(y/2), the density is
smooth with exponential tails, so that the trapezoidal rule with a hundred nodes has all digits.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from relentropy import _array
from relentropy._scalar import logsumexp
from relentropy._special import softplus
from relentropy.distributions.family import NOT_NEGATIVE, REAL, Domain
from relentropy.distributions.multivariate import Multivariate

Array = Any

STEP, NODES = 0.06, 159
"""The rule in t, y = mode + width · sinh t: |t| <= 4.7, sinh 4.7 = 55 widths."""


class Cosine(NamedTuple):
    """The distribution of w = μᵀx on the nodes of an integration rule, (..., nodes)."""

    gap: Array  # 1 - w
    log_weight: Array  # of the uniform distribution on the sphere, the rule's weights included
    concentration: Array  # (...)

    def log_mass(self, concentration: Array) -> Array:
        """Exponents of the mass at the nodes for another concentration."""
        return self.log_weight - concentration[..., None] * self.gap

    def log_normalizer(self) -> Array:
        """Log of the integral of exp(-κ (1-w)) (1 - w²)^((d-3)/2) dw."""
        xp = _array.namespace(self.gap)
        return logsumexp(xp, self.log_mass(self.concentration))[..., 0]

    def mass(self) -> Array:
        xp = _array.namespace(self.gap)
        log_mass = self.log_mass(self.concentration)
        return xp.exp(log_mass - logsumexp(xp, log_mass))

    def mean_gap(self) -> Array:
        """E[1 - w]."""
        return _array.namespace(self.gap).sum(self.mass() * self.gap, axis=-1)

    def mean(self, dimension: int) -> Array:
        """E[w] = κ E[1 - w²] / (d - 1), by parts: it keeps its digits for small κ."""
        xp = _array.namespace(self.gap)
        spread = xp.sum(self.mass() * self.gap * (2 - self.gap), axis=-1)
        return self.concentration * spread / (dimension - 1)


class Peak(NamedTuple):
    """Where the density of y is largest, and its width there; constants for differentiation."""

    mode: Array
    width: Array


def peak(concentration: Array, dimension: int) -> Peak:
    k, m, xp = _array.stop_gradient(concentration), dimension - 1, _array.namespace(concentration)
    ratio = 2 / (m + xp.sqrt(m * m + 4 * k * k))  # w/κ at the mode, where 1 - w² = m ratio
    mode = 2 * xp.log1p(k * ratio) - xp.log(m * ratio)
    return Peak(mode, 2 / xp.sqrt((2 * k * k * ratio + m) * m * ratio))


def cosine(concentration: Array, dimension: int) -> Cosine:
    xp = _array.namespace(concentration)
    t = _array.constant_like(concentration, [STEP * (i - NODES // 2) for i in range(NODES)])
    mode, width = (x[..., None] for x in peak(concentration, dimension))
    y = mode + width * xp.sinh(t)
    # 1 - w = 2 / (1 + exp y), and (1 - w²) / 4 is the product of both such fractions.
    log_product = -softplus(y) - softplus(-y)
    log_weight = (dimension - 1) / 2 * (log_product + math.log(4)) - math.log(2)
    log_step = xp.log(width * STEP) + xp.log(xp.cosh(t))
    return Cosine(2 * xp.exp(-softplus(y)), log_weight + log_step, concentration)


@dataclass(frozen=True, eq=False, repr=False)
class VonMisesFisher(Multivariate):
    """The von Mises-Fisher distribution of a direction: density ∝ exp(κ μᵀx) on the unit sphere.

    The density is with respect to the area of the sphere in d dimensions.

    Args:
        mean_direction: μ (..., d), of length 1, d >= 2.
        concentration: κ >= 0 (...); 0 is the uniform distribution.

    >>> from relentropy import VonMisesFisher, relative_entropy
    >>> p, q = VonMisesFisher([0.0, 0.0, 1.0], 2.0), VonMisesFisher([0.0, 0.0, 1.0], 0.0)
    >>> round(float(relative_entropy(p, q)), 12)
    0.479409249401
    """

    mean_direction: Any
    concentration: Any

    domains: ClassVar[dict[str, Domain]] = {"mean_direction": REAL, "concentration": NOT_NEGATIVE}
    ranks: ClassVar[dict[str, int]] = {"mean_direction": 1}

    def _validate(self) -> None:
        super()._validate()
        if self.dimension < 2:
            raise ValueError("VonMisesFisher: mean_direction must have at least 2 entries")
        mu = self.mean_direction
        length = _array.namespace(mu).sum(mu * mu, axis=-1) ** 0.5
        complaint = "must be of length 1; got the length {:g}: divide by it"
        self._require_rows("mean_direction", length, 1.0, complaint)

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.mean_direction.shape[-1],)

    def cosine(self) -> Cosine:
        """The distribution of the cosine of the angle to the mean direction."""
        return cosine(self.concentration, self.dimension)

    def log_area(self) -> float:
        """Log of the area of the sphere of the directions at right angles to the mean."""
        half = (self.dimension - 1) / 2
        return math.log(2) + half * math.log(math.pi) - math.lgamma(half)

    def _log_density(self, x: Array) -> Array:
        xp, gap = _array.namespace(x), direction_gap(x, self.mean_direction)
        value = -self.concentration * gap - self.cosine().log_normalizer() - self.log_area()
        on_sphere = xp.abs(xp.sum(x * x, axis=-1) - 1) < 2e-3
        return xp.where(on_sphere | xp.isnan(value), value, -float("inf"))

    def _sample(self, rng: Any, shape: tuple[int, ...]) -> Any:
        import numpy

        w = _sample_cosine(rng, self.concentration, self.dimension, shape)[..., None]
        mu = numpy.broadcast_to(self.mean_direction, (*shape, self.dimension))
        z = rng.standard_normal(mu.shape)
        z = z - numpy.sum(z * mu, axis=-1, keepdims=True) * mu
        return w * mu + numpy.sqrt(1 - w * w) * z / numpy.linalg.norm(z, axis=-1, keepdims=True)


def direction_gap(a: Array, b: Array) -> Array:
    """1 - cos of the angle between vectors (..., d), to all digits of their difference."""
    xp = _array.namespace(a, b)
    size_a, size_b = (xp.sqrt(xp.sum(x * x, axis=-1)) for x in (a, b))
    inner = xp.sum(a * b, axis=-1)
    cos = inner / (size_a * size_b)
    d = b - a
    across = d - (xp.sum(d * a, axis=-1) / size_a**2)[..., None] * a
    sin_square = xp.sum(across * across, axis=-1) / size_b**2
    ahead = _array.stop_gradient(cos) > 0
    return xp.where(ahead, sin_square / (1 + xp.where(ahead, cos, 0.0)), 1 - cos)


def _sample_cosine(rng: Any, k: Any, dimension: int, shape: tuple[int, ...]) -> Any:
    """Wood's rejection (Commun. Statist. Simul. Comput. 23, 1994): a beta draw, transformed."""
    import numpy

    k, m = numpy.broadcast_to(k, shape).astype(numpy.float64), dimension - 1
    b = m / (2 * k + numpy.sqrt(4 * k * k + m * m))
    x = (1 - b) / (1 + b)
    # log(1 - x²), where x is nearly 1.
    c = k * x + m * (numpy.log(4 * b) - 2 * numpy.log1p(b))
    w, waiting = numpy.zeros(shape), numpy.ones(shape, dtype=bool)
    while waiting.any():
        z = rng.beta(m / 2, m / 2, shape)
        drawn = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        threshold = numpy.log(rng.uniform(size=shape))
        gain = k * drawn + m * numpy.log1p(-x * drawn) - c
        accepted = waiting & (gain >= threshold)
        w, waiting = numpy.where(accepted, drawn, w), waiting & ~accepted
    return w


__all__ = ["VonMisesFisher"]
