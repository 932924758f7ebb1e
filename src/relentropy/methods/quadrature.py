"""Divergences of continuous univariate families by double-exponential quadrature.

The integral is taken in a coordinate in which the support is the whole line and integrable
singularities at its ends are exponential tails. Between the features of both densities it is taken
by the tanh-sinh rule, beyond them by the exp-sinh rule (Takahasi & Mori 1974). The nodes are the
cells of a finite alphabet with the weights p dx and q dx, so that every divergence is the formula
that it has there. The nodes of even and of odd number are two independent rules, whose difference
is the estimate of the error.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._scalar import INF
from relentropy.distributions.coordinates import Coordinate, Ends, Point
from relentropy.distributions.family import Continuous
from relentropy.distributions.nodes import nodes
from relentropy.exact.divergences import Ratio

Array = Any
Formula = Callable[[Ratio], Array]

UNDERFLOW = -745.0
"""exp of anything below is 0 in float64."""


def features(p: Continuous, q: Continuous, coordinate: Coordinate) -> Array:
    """Where the pieces end, (..., m), in the coordinate; constant for differentiation."""
    found = []
    for family in (p, q):
        own = family.coordinate()
        points = [own.at(y).point for y in family.features()]
        points += [Point(x) for x in family.kinks()]
        found += [coordinate.of(point) for point in points]
    xp = _array.namespace(*found)
    zero = xp.zeros_like(sum([*p.arrays(), *q.arrays()]))
    found = [_array.stop_gradient(x + zero) for x in found]
    # What lies outside the support, or too far out to be told from its end, is no feature.
    some = xp.zeros_like(found[0])
    for x in reversed(found):
        some = xp.where(xp.abs(x) < INF, x, some)
    return xp.stack([xp.where(xp.abs(x) < INF, x, some) for x in found], axis=-1)


def spread(points: Array) -> Array:
    """How far apart the ends of the pieces lie; where they are one, the width of a logistic."""
    xp = _array.namespace(points)
    found = xp.max(points, axis=-1) - xp.min(points, axis=-1)
    return xp.where(found > 0, found, 8.0)


def common_coordinate(p: Continuous, q: Continuous) -> tuple[Coordinate, Array | bool]:
    """The coordinate of the intersection of the supports, and whether it is empty."""
    (low_p, high_p), (low_q, high_q) = p.support, q.support
    if _covers_statically(q, p):
        return p.coordinate(), False
    low, high = _extreme("maximum", low_p, low_q), _extreme("minimum", high_p, high_q)
    empty = ~(low < high) if _array.framework(low < high) else not low < high
    if empty is False:
        return Ends(low, high), False
    xp = _array.namespace(*(x for x in (low, high) if _array.framework(x)))
    return Ends(xp.where(empty, 0.0, low), xp.where(empty, 1.0, high)), empty


def _covers_statically(q: Continuous, p: Continuous) -> bool:
    (low_p, high_p), (low_q, high_q) = p.support, q.support
    if not all(isinstance(x, float) for x in (low_q, high_q)):
        return False
    if low_q == -INF and high_q == INF:
        return True
    known = all(isinstance(x, float) for x in (low_p, high_p))
    return known and low_q <= low_p and high_p <= high_q


def _extreme(name: str, a: Any, b: Any) -> Any:
    if isinstance(a, float) and isinstance(b, float):
        return max(a, b) if name == "maximum" else min(a, b)
    array = a if _array.framework(a) else b
    xp, zero = _array.namespace(array), 0.0 * array
    zero = xp.where(zero == 0, zero, xp.zeros_like(zero))
    return getattr(xp, name)(a + zero, b + zero)


class Cells(NamedTuple):
    """P and Q on nodes or whole numbers: their masses, and log(p/q)."""

    p: Array
    q: Array
    t: Array

    def ratio(self) -> Ratio:
        """As a finite alphabet."""
        p, q = self.p, self.q
        xp = _array.namespace(p)
        t = xp.where(p > 0, self.t, xp.where(q > 0, -INF, 0.0))
        near = (p > 0) & (q > 0) & (xp.abs(_array.stop_gradient(t)) < 1)
        gap = -p * xp.expm1(-xp.where(near, t, 0.0))
        return Ratio(xp, p, q, xp.where(near, gap, p - q), t)


def log_ratio(p: Any, q: Any, point: Point, log_p: Array, log_q: Array) -> Array:
    """log(p/q) where both have a density, 0 elsewhere; of one family without cancellation."""
    xp = _array.namespace(log_p)
    both = (log_p > -INF) & (log_q > -INF)
    difference = xp.where(both, log_p, 0.0) - xp.where(both, log_q, 0.0)
    known = p.log_ratio_at(q, point) if type(p) is type(q) else None
    return difference if known is None else xp.where(both, known, difference)


def of_logs(log_p: Array, log_q: Array, t: Array, log_weight: Array, used: Array) -> Cells:
    """Cells from log-densities and the log of their ratio; those not `used` are empty."""
    xp = _array.namespace(log_p)
    log_weight = xp.where(used, log_weight, 0.0)
    log_p, log_q = (xp.where(used, x, -INF) for x in (log_p, log_q))
    t = xp.where(used, t, 0.0)
    t = xp.where((log_p > -INF) & (log_q == -INF), INF, t)
    p, q = (_exp(xp, x, log_weight) for x in (log_p, log_q))
    return Cells(p, q, t)


def _exp(xp: Any, log_p: Array, log_weight: Array) -> Array:
    """exp(log_p + log_weight), without a derivative where it is 0."""
    some = log_p > -INF
    return xp.where(some, xp.exp(xp.where(some, log_p + log_weight, 0.0)), 0.0)


Choice = Callable[[Continuous, Continuous], Coordinate]


def own(p: Continuous, q: Continuous) -> Coordinate:
    return p.coordinate()


def common(p: Continuous, q: Continuous) -> Coordinate:
    return common_coordinate(p, q)[0]


def halves(
    p: Continuous,
    q: Continuous,
    choose: Choice,
    n: int,
    skip: Any,
    more: Array | None = None,
    flat: bool = False,
) -> list[Cells]:
    """Both densities (B,) in a coordinate, by two independent rules; rows to `skip` are empty.

    `more` are further ends of pieces, (B, m). With `flat` the second density is 1 in the cells.
    """
    still = [f.mapped(_array.stop_gradient) for f in (p, q)]
    still_p, still_q = still
    points = features(still_p, still_q, choose(still_p, still_q))
    xp = _array.namespace(points)
    points = points if more is None else xp.concat((points, more), axis=-1)
    y, w = nodes(points, spread(points) / 8, n)
    log_p, log_q, t, log_j = log_densities(column(still_p), column(still_q), choose, y)
    of_p, of_q = (x + log_j > UNDERFLOW for x in (log_p, log_q))
    used = (of_p | of_q) & ~skip[:, None] & (w > 0)
    if not _array.is_numpy(y):
        # Again with gradients, each density only where it counts: further out its derivative may
        # overflow.
        middle = points[..., :1]
        wide_p, wide_q = column(p), column(q)
        log_p, near_q, t, _ = log_densities(wide_p, wide_q, choose, xp.where(of_p, y, middle))
        _, far_q, _, log_j = log_densities(wide_p, wide_q, choose, xp.where(used, y, middle))
        log_p, t = xp.where(of_p, log_p, -INF), xp.where(of_p, t, 0.0)
        log_q = xp.where(of_p, near_q, far_q)
    log_w = xp.log(xp.where(used, 2 * w, 1.0)) + log_j
    even = (n + 1) * (y.shape[-1] // (2 * n + 1))
    log_q, t = (xp.zeros_like(log_p), log_p) if flat else (log_q, t)
    return [
        of_logs(*(x[..., part] for x in (log_p, log_q, t, log_w, used)))
        for part in (slice(None, even), slice(even, None))
    ]


def log_densities(
    p: Continuous, q: Continuous, choose: Choice, y: Array
) -> tuple[Array, Array, Array, Array]:
    """Log p, log q, log(p/q) and the log of dx/dy at values of the coordinate."""
    point, log_jacobian = choose(p, q).at(y)
    xp = _array.namespace(y)
    log_p, log_q = (f.log_density_at(point) for f in (p, q))
    # What is NaN is too far out to be a number; a density there is 0 in every format.
    log_p, log_q = (xp.where(xp.isnan(x), -INF, x) for x in (log_p, log_q))
    # Beyond the largest number only densities of log x know theirs: without it, no cell.
    lost = (xp.abs(point.x) == INF) & ((log_p == -INF) | (log_q == -INF))
    log_p, log_q = (xp.where(lost, -INF, x) for x in (log_p, log_q))
    return log_p, log_q, log_ratio(p, q, point, log_p, log_q), log_jacobian


def column(p: Continuous) -> Continuous:
    return p.mapped(lambda x: x[..., None])
