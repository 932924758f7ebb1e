"""Jensen-Shannon divergence of rows of logits: a pass more than relative entropy.

With t = log(p/q), y = |t|, c the weight of the smaller of p and q in the mixture m, the terms are

    w p log(p/m) + (1-w) q log(q/m) + what sums to 0
        = max(p, q) [c (1 - (1+y) exp(-y)) - h(c (exp(-y) - 1))],   h(z) = (1+z) log(1+z) - z

none of them negative. The difference keeps its digits for c away from 1: `relentropy.kernels.door`
lets weights from 1/4 to 3/4 in.
"""

import math
from typing import Any

from relentropy.kernels.logarithms import h
from relentropy.kernels.machine import add, constant, frame, load, section
from relentropy.kernels.rows import of_any, parts, row, streamed
from relentropy.kernels.scalars import (
    SCALE_32,
    SCALE_64,
    quadratic,
    reduced,
    remainder,
    scaled_exp,
)
from relentropy.kernels.streams import BLOCK, INF, centred

STEEP = 60.0
"""log(p/q) beyond which the smaller of the two adds nothing to the mixture."""


@section
def terms(
    a: Any, b: Any, m: Any, m_rest: Any, top_a: Any, top_b: Any, of_a: Any, of_b: Any, weight: Any
) -> Any:
    """Of one block; of_a and of_b make weights probabilities."""
    zero, one, steep = constant(m, 0, 0), constant(m, 1, 1), constant(m, STEEP, STEEP)
    unscale, none = constant(m, 1 / SCALE_32, 1 / SCALE_64), constant(m, -INF, -INF)
    total = zero
    for i in range(a.shape[0]):
        x, y = load(a[i]), load(b[i])
        t = centred(x, y, m, m_rest)
        larger_p = (t > zero) | (y == none)  # t is NaN where either is -inf
        mass = scaled_exp(x - top_a if larger_p else y - top_b) * (of_a if larger_p else of_b)
        c = one - weight if larger_p else weight
        size = abs(t)
        size = size if size < steep else steep
        s, r = reduced(-size)
        square = quadratic(r)
        k2 = s * unscale
        less = k2 * (r + square) + (k2 - one)
        curved = -size * less - remainder(size, s, r, square)
        curved = curved if size < one else one - (k2 + k2 * (r + square)) * (one + size)
        total = add(total, mass * (c * curved - h(c * less, one + c * less)))
    return total


def jensen_shannon(
    a: Any, b: Any, room: Any, tolerances: Any, weight: float, out: Any, i: int, j: int
) -> None:
    """W D(P||M) + (1-w) D(Q||M) with M = wP + (1-w)Q, of rows that can be streamed."""
    for k in range(i, j):
        p, q = row(a, k), row(b, k)
        d = streamed(p, q, room, tolerances)
        out[k] = of_row(p, q, d, room[2], weight)


def jensen_shannon_of_rest(
    a: Any, b: Any, room: Any, tolerances: Any, weight: float, out: Any, i: int, j: int
) -> None:
    """The same of rows that are NaN so far."""
    for k in range(i, j):
        if math.isnan(out[k]):
            p, q = row(a, k), row(b, k)
            d = of_any(p, q, room, tolerances)
            out[k] = of_row(p, q, d, room[2], weight)


@frame
def of_row(a: Any, b: Any, d: float, facts: Any, weight: float) -> float:
    """The same of a row, from D and its facts; NaN where D is."""
    if math.isnan(d):
        return d
    like = load(a[0])
    # log(p/q) is a - b less the difference of the normalisers, which is E_p[a - b] - D.
    high, low = facts[3], facts[4] - d
    if d == INF:
        high, low = (facts[0] - facts[1]) + (facts[2] - facts[5]), 0.0
    top_a, top_b, m, m_rest, of_a, of_b = parts(like, facts, high, low)
    part, total = constant(like, weight, weight), 0.0
    for i in range(0, a.shape[0], BLOCK):
        j = i + BLOCK
        total += terms(a[i:j], b[i:j], m, m_rest, top_a, top_b, of_a, of_b, part)
    return total
