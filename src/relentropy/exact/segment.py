"""Rényi's and Chernoff's divergence along a line of natural parameters, from terms >= 0, in nats.

P and Q are members of an exponential family with the natural parameters x and y, and

    ∫ p^α q^(1-α) = exp(F(m) - α F(x) - (1-α) F(y)),    m = α x + (1-α) y,

F the log-normaliser. A relative entropy is a Bregman divergence of F. Between P and Q (α < 1) the
gap of F is that of m towards both; beyond P (α > 1) it is that of x, which lies between m and y:

    D_α = α/(1-α) D(M||P) + D(M||Q),    D_α = D(P||Q) + D(P||M)/(α-1).

Nothing is subtracted in either, and each D is free of cancellation because the difference of its
parameters is handed to it: it is a multiple of y - x. Where M is no member the integral diverges.
Source: van Erven & Harremoës, "Rényi divergence and Kullback-Leibler divergence" (2014), theorem 30
for α < 1; for α > 1 it is theirs with P between Q and M.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._scalar import INF, _exact_product
from relentropy.exact.geometric_mixture import Mixed

Array = Any
Parameters = tuple[Array, ...]


def all_positive(m: Parameters) -> Array:
    """Where all are above 0."""
    valid = m[0] > 0
    for x in m[1:]:
        valid = valid & (x > 0)
    return valid


class Segment(NamedTuple):
    """The line through the natural parameters of P, at 0, and of Q, at 1.

    Attributes:
        start: the parameters of P.
        end: those of Q.
        step: those of Q minus those of P, each to its own last digits.
        divergence: D(X||Y) from x, y, y - x and x₀y₁ - x₁y₀ of the first two parameters.
        beyond: from α the exact α start - (α-1) end, rounded once.
        wedge: x₀y₁ - x₁y₀ of start and end; along the line it grows like the distance.
        is_member: where parameters are those of a distribution.

    """

    start: Parameters
    end: Parameters
    step: Parameters
    divergence: Callable[..., Array]
    beyond: Callable[[float], Parameters]
    wedge: Any = 0.0
    is_member: Callable[[Parameters], Array] = all_positive


def mixed_along(s: Segment, beta: Any) -> Mixed:
    """D(M||P) and D(M||Q) of M ∝ p^(1-β) q^β, 0 <= β <= 1."""
    alpha = 1 - beta
    m = tuple(alpha * x + beta * y for x, y in zip(s.start, s.end, strict=True))
    back, on = (tuple(t * d for d in s.step) for t in (-beta, alpha))
    to_p = s.divergence(m, s.start, back, -beta * s.wedge)
    return Mixed(to_p, s.divergence(m, s.end, on, alpha * s.wedge), True)


def renyi_along(s: Segment, alpha: float) -> Array:
    """D_α of any finite order >= 0 but 1; +inf where the integral diverges."""
    if alpha == 0:
        return 0.0 * mixed_along(s, 0.5).to_p
    if alpha < 1:
        mixed = mixed_along(s, 1 - alpha)
        return alpha / (1 - alpha) * mixed.to_p + mixed.to_q
    xp, beta = _array.namespace(*s.start), 1 - alpha
    m = beyond_start(s, alpha)
    valid = s.is_member(tuple(_array.stop_gradient(x) for x in m))
    m = tuple(xp.where(valid, x, y) for x, y in zip(m, s.start, strict=True))
    step = tuple(xp.where(valid, beta * d, 0.0) for d in s.step)
    there = s.divergence(s.start, m, step, xp.where(valid, beta * s.wedge, 0.0 * m[0]))
    value = s.divergence(s.start, s.end, s.step, s.wedge) + there / (alpha - 1)
    return xp.where(valid, value, INF)


def beyond_start(s: Segment, alpha: float) -> Parameters:
    """Those of M for α > 1, rounded once, so that it is known where M is no distribution."""
    found = []
    for x, d, exact in zip(s.start, s.step, s.beyond(alpha), strict=True):
        plain = x + (1 - alpha) * d
        xp, still = _array.namespace(x), _array.stop_gradient(plain)
        rounding = _array.stop_gradient(exact) - still
        found.append(plain + xp.where(xp.isnan(rounding), 0.0, rounding))
    return tuple(found)


def weighted_difference(alpha: float, xs: Sequence[Array], ys: Sequence[Array]) -> Array:
    """α Πx - (α-1) Πy, α > 1, of positive numbers, from products of twice the digits.

    0 only where it is; NaN where a product leaves the range in which its rounding is known.
    """
    like = sum(0.0 * x for x in (*xs, *ys))
    xp = _array.namespace(like)
    over, under = (_array.constant_like(like, c) + like for c in (alpha, alpha - 1))
    (a, a_rest), (b, b_rest) = _product(xp, [over, *xs]), _product(xp, [under, *ys])
    exact = (a - b) + (a_rest - b_rest)
    least = _array.smallest_normal(like) / float(xp.finfo(like.dtype).eps) ** 2
    in_range = (a > least) & (b > least) & (xp.abs(exact) < INF)
    return xp.where(in_range, exact, float("nan"))


def _product(xp: Any, factors: Sequence[Array]) -> tuple[Array, Array]:
    """A product and what its rounding left."""
    total, rest = factors[0], 0.0
    for x in factors[1:]:
        rest = rest * x
        total, error = _exact_product(xp, total, x)
        rest = rest + error
    return total, rest
