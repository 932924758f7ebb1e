"""Where two densities cross: the kinks of |p - q|."""

from collections.abc import Callable
from functools import partial
from typing import Any

from relentropy import _array
from relentropy.distributions.family import Continuous
from relentropy.distributions.nodes import nodes
from relentropy.methods import quadrature

Array = Any
INF = float("inf")

MOST = 12
"""Crossings looked for; a pair of mixtures may have more, and then says so by not converging."""
COARSE = 60
HALVINGS = 60


def crossings(p: Continuous, q: Continuous, skip: Array) -> Array:
    """Values of the common coordinate at which p = q, (B, MOST); a feature where there are fewer.

    Found between neighbouring nodes by bisection; constant for differentiation, since |p - q| is 0
    there.
    """
    p, q = (f.mapped(_array.stop_gradient) for f in (p, q))
    points = quadrature.features(p, q, quadrature.common(p, q))
    xp = _array.namespace(points)
    y, _ = nodes(points, quadrature.spread(points) / 8, COARSE)
    found = sign_changes(partial(_sign, p, q), xp.sort(y, axis=-1), ~skip[:, None], MOST)
    return xp.where(found > -INF, found, points[..., :1])


def sign_changes(sign: Callable[[Array], Array], y: Array, rows: Array, most: int) -> Array:
    """Where a function changes its sign between neighbours of y, (B, most), -inf where nowhere.

    By bisection; `rows`, (B, 1), are those to look at.
    """
    xp = _array.namespace(y)
    at = sign(y)
    turns = (at[..., 1:] * at[..., :-1] < 0) & rows
    # The brackets that turn come first; the sort is stable.
    order = xp.argsort(xp.where(turns, 0, 1), axis=-1, stable=True)[..., :most]
    found = xp.take_along_axis(turns, order, axis=-1)
    low, high = (xp.take_along_axis(x, order, axis=-1) for x in (y[..., :-1], y[..., 1:]))
    first = sign(low)

    def halve(low: Array, high: Array) -> tuple[Array, Array]:
        middle = (low + high) / 2
        same = sign(middle) * first > 0
        return xp.where(same, middle, low), xp.where(same, high, middle)

    low, high = _array.repeat(halve, HALVINGS, low, high)
    return xp.where(found, (low + high) / 2, -INF)


def _sign(p: Continuous, q: Continuous, y: Array) -> Array:
    """The sign of p - q; 0 where both are too small to tell."""
    columns = quadrature.column(p), quadrature.column(q)
    log_p, log_q, _, log_j = quadrature.log_densities(*columns, quadrature.common, y)
    xp = _array.namespace(y)
    told = (log_p + log_j > quadrature.UNDERFLOW) | (log_q + log_j > quadrature.UNDERFLOW)
    return xp.where(told, xp.where(log_p > log_q, 1.0, -1.0), 0.0)
