"""Nodes and weights of double-exponential rules (Takahasi & Mori 1974)."""

from functools import cache
from typing import Any, NamedTuple

from relentropy import _array

Array = Any


class Rule(NamedTuple):
    """Nodes and weights: distances from both ends of the unit interval, and of a half-line."""

    low: Array
    high: Array
    weight: Array
    far: Array
    far_weight: Array


@cache
def double_exponential(n: int) -> Rule:
    import numpy as np

    t = np.linspace(-3.15, 3.15, 2 * n + 1)
    u = np.pi / 2 * np.sinh(t)
    low, high = 1 / (1 + np.exp(-2 * u)), 1 / (1 + np.exp(2 * u))
    weight = np.pi / 4 * np.cosh(t) / np.cosh(u) ** 2 * (t[1] - t[0])
    t = np.linspace(-4.0, 4.0, 2 * n + 1)
    far = np.exp(np.pi / 2 * np.sinh(t))
    return Rule(low, high, weight, far, far * np.pi / 2 * np.cosh(t) * (t[1] - t[0]))


def nodes(points: Array, scale: Array, n: int) -> tuple[Array, Array]:
    """Nodes and weights over the line, (..., N): first those of even number, then those of odd.

    points (..., m) in any order separate the pieces; the two outer ones have the given scale.
    """
    xp = _array.namespace(points)
    rule = Rule(*(_array.constant_like(points, x) for x in double_exponential(n)))
    points = xp.sort(points, axis=-1)
    a, b = points[..., :-1, None], points[..., 1:, None]
    inner = xp.where(rule.low < rule.high, a + (b - a) * rule.low, b - (b - a) * rule.high)
    s = scale[..., None]
    left, right = points[..., :1] - s * rule.far, points[..., -1:] + s * rule.far
    y = xp.concat((inner, left[..., None, :], right[..., None, :]), axis=-2)
    w = xp.concat(((b - a) * rule.weight, *[(s * rule.far_weight)[..., None, :]] * 2), axis=-2)
    return _even_then_odd(xp, y), _even_then_odd(xp, w)


def _even_then_odd(xp: Any, x: Array) -> Array:
    halves = (x[..., 0::2], x[..., 1::2])
    return xp.concat([half.reshape(*half.shape[:-2], -1) for half in halves], axis=-1)
