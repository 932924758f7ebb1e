"""Divergences of families on the whole numbers: sums, taken exactly where single values matter.

The first 1024 values, and the last 256 of a long finite support, are cells of their own. Between
them, with a smooth window φ that rises from 0 to 1 inside those, Σ φ(k) f(k) is the integral of φ f
to all digits (Poisson's summation formula: for a window of deviation 3/2 the difference is
exp(-2 (3π/2)²) < 1e-19 of f), and that is taken by quadrature. Sources: DLMF 1.8.14; Loader (2000)
for the probabilities.
"""

from typing import Any

from relentropy import _array
from relentropy._special import log_ndtr
from relentropy.distributions.coordinates import Coordinate, Ends, Point
from relentropy.distributions.integers import Integers
from relentropy.distributions.nodes import nodes
from relentropy.methods.crossings import sign_changes
from relentropy.methods.quadrature import (
    UNDERFLOW,
    Cells,
    log_ratio,
    of_logs,
    spread,
)

Array = Any
INF = float("inf")

SHORT = 2048
"""A support of at most so many values is summed value by value."""
FIRST, LAST = 1024, 256
WINDOW = 1.5
"""The deviation of the window; its middle lies 9 deviations inside the values summed one by one."""
AROUND = 32
"""Values to either side of a crossing that are summed one by one."""
MOST_CROSSINGS = 4
RISE = FIRST - 9 * WINDOW
FALL = LAST - 9 * WINDOW


class Sum:
    """The common support of a pair of families on the whole numbers, from 0 to `high`."""

    def __init__(self, p: Integers, q: Integers, kinks: bool = False) -> None:
        self.p, self.q = p, q
        self.crossings: Array | None = None
        array = p.arrays()[0]
        self.xp = _array.namespace(array)
        zero = self.xp.zeros_like(_array.stop_gradient(array))
        ends = [_array.stop_gradient(f.support[1] + zero) for f in (p, q)]
        self.high = self.xp.minimum(*ends)[:, None]
        self.long = self.high > SHORT
        self.endless = self.high == INF
        if kinks and _array.known(self.xp.any(self.long)) is not False:
            self.crossings = self._crossings()

    def log_density(self, f: Integers, k: Array) -> Array:
        return f.mapped(_columns)._log_density_anywhere(k)

    def alone(self) -> tuple[Array, Array, Array]:
        """The values taken one by one, the log of their weight, and which exist."""
        xp = self.xp
        first = _array.constant_like(self.high, list(map(float, range(SHORT + 1))))
        first = first + xp.zeros_like(self.high)
        exists = first <= xp.where(self.long, FIRST - 1.0, self.high)
        weight = xp.where(self.long, log_ndtr((RISE - first) / WINDOW), 0.0)
        parts = [(first, weight, exists)]
        if self._some_end_far():
            parts.append(self._last())
        if self.crossings is not None:
            parts.append(self._around_crossings(self.crossings))
        return tuple(xp.concat(part, axis=-1) for part in zip(*parts, strict=True))

    def _last(self) -> tuple[Array, Array, Array]:
        """The last values of a long support, the log of their weight, and which exist."""
        xp = self.xp
        back = _array.constant_like(self.high, list(map(float, range(LAST))))
        far = self.long & ~self.endless
        last = xp.where(far, self.high, SHORT + 0.0) - back
        tail = log_ndtr((FALL - back) / WINDOW) + xp.zeros_like(last)
        return last, tail, far & (last > -1)

    def _around_crossings(self, c: Array) -> tuple[Array, Array, Array]:
        """The values about each crossing, so that no kink of |p - q| is smoothed over."""
        xp = self.xp
        offsets = _array.constant_like(c, list(map(float, range(-AROUND, AROUND + 1))))
        k = (xp.floor(c)[..., None] + offsets).reshape(c.shape[0], -1)
        own = xp.repeat(xp.arange(c.shape[-1]), offsets.shape[0])
        shares = _shares(xp, k, c)
        weight = xp.take_along_axis(shares, xp.broadcast_to(own, k.shape)[..., None], axis=-1)
        weight = weight[..., 0] * xp.exp(self._log_window_of_ends(Point(k)))
        some = (weight > 0) & self.long
        return k, xp.log(xp.where(some, weight, 1.0)), some

    def _crossings(self) -> Array:
        """Where p = q beyond the first values, (B, MOST_CROSSINGS); -1e9 where there are fewer."""
        xp, points = self.xp, self.features()
        y, _ = nodes(points, spread(points) / 8, 60)
        y = xp.sort(y, axis=-1)
        still = [f.mapped(_array.stop_gradient) for f in (self.p, self.q)]

        def sign(y: Array) -> Array:
            point, log_j = self.coordinate().at(y)
            log_p, log_q = (_smooth(f, point) for f in still)
            told = (log_p + log_j > UNDERFLOW) | (log_q + log_j > UNDERFLOW)
            told = told & (point.x > RISE - 20 * WINDOW)
            return xp.where(told, xp.where(log_p > log_q, 1.0, -1.0), 0.0)

        y = sign_changes(sign, y, self.long, MOST_CROSSINGS)
        x = self.coordinate().at(xp.where(y > -INF, y, points[..., :1])).point.x
        return xp.where(y > -INF, x, -1e9)

    def _some_end_far(self) -> bool:
        return _array.known(self.xp.any(self.long & ~self.endless)) is not False

    def coordinate(self) -> Coordinate:
        return Ends(0.0, self.xp.where(self.long, self.high, SHORT + 0.0))

    def features(self) -> Array:
        """Where the pieces of the integral end."""
        xp, zero = self.xp, self.xp.zeros_like(self.high)
        places = [zero + RISE + k * WINDOW for k in (-9, 0, 9)]
        finite = xp.where(self.endless | ~self.long, SHORT + 0.0, self.high)
        places += [finite - FALL + k * WINDOW for k in (-9, 0, 9)]
        for f in (self.p, self.q):
            f = f.mapped(lambda x: _array.stop_gradient(x)[..., None])
            places += [f.centre() + k * f.width() + zero for k in (-8, -3, 0, 3, 8)]
        top = xp.where(self.endless, INF, finite) - 1
        if self.crossings is not None:
            places += [self.crossings + k * AROUND for k in (-1, 0, 1)]
        inside = [xp.minimum(xp.maximum(x, zero + RISE / 2), top) for x in places]
        return xp.concat([self.coordinate().of(Point(x)) for x in inside], axis=-1)

    def log_window(self, point: Point) -> Array:
        """The log of the weight that the integral has at a point."""
        window = self._log_window_of_ends(point)
        if self.crossings is None:
            return window
        rest = 1 - self.xp.sum(_shares(self.xp, point.x, self.crossings), axis=-1)
        some = rest > 1e-18
        return window + self.xp.where(some, self.xp.log(self.xp.where(some, rest, 1.0)), -INF)

    def _log_window_of_ends(self, point: Point) -> Array:
        # Near 0 the continuation of k^-s would outgrow the window.
        near = point.x > RISE - 20 * WINDOW
        rising = self.xp.where(near, log_ndtr((point.x - RISE) / WINDOW), -INF)
        far = self.xp.where(self.endless, 1e300, point.below(self.high).value)
        return rising + log_ndtr((far - FALL) / WINDOW)


def _shares(xp: Any, x: Array, crossings: Array) -> Array:
    """The weight that the values about each crossing take from the integral at x, (..., m).

    A window ψ about each, the first come first: ψ_j (1 - ψ_1) ... (1 - ψ_{j-1}).
    """
    d = x[..., None] - crossings[:, None, :]
    half = AROUND - 9 * WINDOW
    windows = xp.exp(log_ndtr((half - xp.abs(d)) / WINDOW))
    shares, left = [], xp.ones_like(windows[..., 0])
    for j in range(crossings.shape[-1]):
        shares.append(windows[..., j] * left)
        left = left * (1 - windows[..., j])
    return xp.stack(shares, axis=-1)


def halves(
    p: Integers, q: Integers, n: int, skip: Any, kinks: bool = False, flat: bool = False
) -> list[Cells]:
    """Both families (B,) as finite alphabets, by two rules; rows to `skip` are empty.

    With `kinks` values about the places where p = q are cells of their own; with `flat` the second
    probability is 1 in the cells.
    """
    sum_ = Sum(p, q, kinks)
    xp = sum_.xp
    k, weight, exists = sum_.alone()
    k = xp.where(exists, k, 0.0)
    log_p, log_q = (sum_.log_density(f, k) for f in (p, q))
    t = log_ratio(p.mapped(_columns), q.mapped(_columns), Point(k), log_p, log_q)
    single = log_p, log_q, t, weight, exists & ~skip[:, None]
    found = [single] * 2
    if _array.known(xp.any(sum_.long & ~skip[:, None])) is not False:
        found = [
            tuple(xp.concat(pair, axis=-1) for pair in zip(single, half, strict=True))
            for half in _between(sum_, n, skip)
        ]
    return [
        of_logs(log_p, xp.zeros_like(log_q), log_p, weight, used)
        if flat
        else of_logs(log_p, log_q, t, weight, used)
        for log_p, log_q, t, weight, used in found
    ]


def _columns(x: Array) -> Array:
    return x[..., None]


def _between(sum_: Sum, n: int, skip: Any) -> list[tuple[Array, ...]]:
    """Log p, log q, log(p/q), the log of the weight, and what is used, by either rule."""
    xp, points = sum_.xp, sum_.features()
    y, w = nodes(points, spread(points) / 8, n)
    coordinate = sum_.coordinate()
    point, log_j = coordinate.at(y)
    still = [f.mapped(_array.stop_gradient) for f in (sum_.p, sum_.q)]
    log_p, log_q = (_smooth(f, point) for f in still)
    weight = sum_.log_window(point) + log_j
    used = (log_p + weight > UNDERFLOW) | (log_q + weight > UNDERFLOW)
    used = used & sum_.long & ~skip[:, None] & (w > 0)
    if not _array.is_numpy(y):
        point, _ = coordinate.at(xp.where(used, y, points[..., :1]))
        log_p, log_q = (_smooth(f, point) for f in (sum_.p, sum_.q))
    wide_p, wide_q = (f.mapped(_columns) for f in (sum_.p, sum_.q))
    t = log_ratio(wide_p, wide_q, point, log_p, log_q)
    weight = xp.where(used, weight, 0.0) + xp.log(xp.where(used, 2 * w, 1.0))
    even = (n + 1) * (y.shape[-1] // (2 * n + 1))
    parts = slice(None, even), slice(even, None)
    return [tuple(x[..., part] for x in (log_p, log_q, t, weight, used)) for part in parts]


def _smooth(f: Integers, point: Point) -> Array:
    """The continuation of the log-probability between whole numbers, -inf beyond the support."""
    f = f.mapped(_columns)
    xp = _array.namespace(point.x)
    inside = point.x <= f.support[1]
    low = xp.zeros_like(point.x) + 1.0
    safe = point if inside is True else Point(xp.where(inside, point.x, low))
    exact = f.log_mass_at(point) if isinstance(f.support[1], float) else f.log_mass_at(safe)
    return xp.where(inside & ~xp.isnan(exact), exact, -INF)
