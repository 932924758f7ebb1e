"""What one side has where the other has nothing."""

from functools import partial
from typing import Any

from relentropy import _array
from relentropy.distributions.coordinates import Coordinate, Ends
from relentropy.distributions.family import Continuous
from relentropy.methods import quadrature
from relentropy.methods.infinite import as_rows
from relentropy.methods.quadrature import Cells

Array = Any
INF = float("inf")


def with_alone(cells: Cells, p_alone: Array, q_alone: Array) -> Cells:
    """One more cell for each side's mass where the other has none."""
    xp = _array.namespace(cells.p)
    zero = xp.zeros_like(p_alone)
    p_end, q_end = (xp.stack(pair, axis=-1) for pair in ((p_alone, zero), (zero, q_alone)))
    t_end = xp.stack((zero + INF, zero - INF), axis=-1)
    ends = zip(cells, (p_end, q_end, t_end), strict=True)
    return Cells(*(xp.concat(pair, axis=-1) for pair in ends))


def alone(p: Continuous, q: Continuous, n: int) -> list[Array]:
    """P's mass below and above Q's support, by two rules."""
    (low_p, high_p), (low_q, high_q) = p.support, q.support
    total: list[Array] = []
    for choose, exists in (
        (partial(_between, end=0), low_p < low_q),
        (partial(_between, end=1), high_p > high_q),
    ):
        if exists is False:
            continue
        skip = ~as_rows(exists, p, q)
        parts = quadrature.halves(p, q, choose, n, skip)
        masses = [_array.namespace(c.p).sum(c.p, axis=-1) for c in parts]
        total = [a + b for a, b in zip(total, masses, strict=True)] if total else masses
    zero = 0.0 * as_rows(True, p, q)
    return total or [zero * p.arrays()[0], zero * p.arrays()[0]]


def _between(p: Continuous, q: Continuous, end: int) -> Coordinate:
    """The coordinate of what P has below (0) or above (1) Q's support."""
    (low_p, high_p), (low_q, high_q) = p.support, q.support
    array = (p.arrays() + q.arrays())[0]
    xp = _array.namespace(array)
    zero = xp.zeros_like(array)
    low, high = (low_p, low_q) if end == 0 else (high_q, high_p)
    low, high = low + zero, high + zero
    if end == 0:
        high = xp.minimum(high, high_p + zero)
    else:
        low = xp.maximum(low, low_p + zero)
    empty = ~(low < high)
    return Ends(xp.where(empty, 0.0, low), xp.where(empty, 1.0, high))
