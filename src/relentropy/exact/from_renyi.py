"""What follows from Rényi's divergence of one order: χ², Tsallis, Hellinger, Bhattacharyya."""

from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy._rules import rule

Array = Any
Renyi = Callable[[Any, Any, float], Array]


def register(p: type, q: type, renyi: Renyi) -> None:
    """Rules for a pair of kinds that has one for Rényi's divergence of any finite order."""
    rule(p, q, of="bhattacharyya")(_bhattacharyya(renyi))
    rule(p, q, of="hellinger")(_hellinger(renyi))
    rule(p, q, of="chi_square")(_chi_square(renyi))
    rule(p, q, of="tsallis")(_tsallis(renyi))


def _bhattacharyya(renyi: Renyi) -> Callable[..., Array]:
    def formula(p: Any, q: Any) -> Array:
        """-log ∫ √(pq) = D_½ / 2, Rényi's divergence of order 1/2."""
        return renyi(p, q, 0.5) / 2

    return formula


def _hellinger(renyi: Renyi) -> Callable[..., Array]:
    def formula(p: Any, q: Any) -> Array:
        """√(1 - exp(-D_½ / 2)) of Rényi's divergence of order 1/2; the gradient at 0 is 0."""
        half = renyi(p, q, 0.5) / 2
        xp = _array.namespace(half)
        positive = _array.stop_gradient(half) > 0
        return xp.where(positive, xp.sqrt(-xp.expm1(-xp.where(positive, half, 1.0))), 0.0)

    return formula


def _chi_square(renyi: Renyi) -> Callable[..., Array]:
    def formula(p: Any, q: Any) -> Array:
        """exp(D_2) - 1 of Rényi's divergence of order 2."""
        return _expm1(renyi(p, q, 2.0))

    return formula


def _tsallis(renyi: Renyi) -> Callable[..., Array]:
    def formula(p: Any, q: Any, alpha: float) -> Array:
        """(exp((α-1) D_α) - 1) / (α-1) of Rényi's divergence of order α."""
        return _expm1((alpha - 1) * renyi(p, q, alpha)) / (alpha - 1)

    return formula


def _expm1(x: Array) -> Array:
    """exp(x) - 1, without a derivative where it is infinite."""
    xp = _array.namespace(x)
    finite = x < float("inf")
    return xp.where(finite, xp.expm1(xp.where(finite, x, 0.0)), float("inf"))
