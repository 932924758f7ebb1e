"""Rows of probabilities: two passes, the second over what the first left in the cache.

With P = Σ p, Q = Σ q (near 1, but rounded), e = Q/P - 1 from the summed differences, and

    z = (p/P) / (q/Q) - 1 = [(p - q)(1 + e) + e q] / q,    h(z) = (1+z) log(1+z) - z

D = Σ q h(z) / Q, of which no term is negative (docs/numbers.md). Sums of what is given are taken in
float64, and so are those of blocks.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from relentropy.kernels import machine
from relentropy.kernels.logarithms import LIFT, NORMAL_32, NORMAL_64, h, log_of, quotient
from relentropy.kernels.machine import add, constant, counted, load, scalar, section, where
from relentropy.kernels.rows import row
from relentropy.kernels.streams import BLOCK, INF
from relentropy.kernels.streams import top as largest

STEEP_32, STEEP_64 = 2.0**80, 2.0**900
"""p/q beyond which m log m comes near the end of the dtype."""

SUMS = 5
"""Of a row: Σ p, Σ q, Σ (q - p), how many cells are negative or NaN, how many have q = 0 < p."""


@section
def sums_of_block(p: Any, q: Any) -> tuple[float, float, float, Any, Any]:
    zero = constant(load(p[0]), 0, 0)
    total_p, total_q, difference = 0.0, 0.0, 0.0
    outside, uncovered = zero, zero
    for i in range(p.shape[0]):
        x, y = load(p[i]), load(q[i])
        total_p = add(total_p, np.float64(x))
        total_q = add(total_q, np.float64(y))
        difference = add(difference, np.float64(y - x))
        outside = counted(outside, not ((x >= zero) & (y >= zero)))
        uncovered = counted(uncovered, (x > zero) & (y == zero))
    return total_p, total_q, difference, outside, uncovered


@section
def sums_of(p: Any, q: Any, sums: Any) -> None:
    for k in range(SUMS):
        sums[k] = 0.0
    for i in range(0, p.shape[0], BLOCK):
        found = sums_of_block(p[i : i + BLOCK], q[i : i + BLOCK])
        sums[0], sums[1], sums[2] = sums[0] + found[0], sums[1] + found[1], sums[2] + found[2]
        sums[3], sums[4] = sums[3] + found[3], sums[4] + found[4]


@scalar
def valid(sums: Any, tolerances: Any) -> bool:
    """Whether both are distributions; an infinite tolerance asks no sum of 1."""
    return (
        (sums[3] == 0.0) and is_total(sums[0], tolerances[0]) and is_total(sums[1], tolerances[1])
    )


@scalar
def is_total(total: float, tolerance: float) -> bool:
    near = tolerance == INF or abs(total - 1.0) <= tolerance
    return near and 0.0 < total < INF


@scalar
def is_steep(x: Any, y: Any, steep: Any) -> Any:
    return (x >= y * steep) & (y > constant(y, 0, 0))


@section
def divergence_of_block(p: Any, q: Any, e: Any, grown: Any) -> tuple[Any, Any]:
    """Σ q h(z) where p/q stays in the dtype; how many cells there are in which it does not."""
    zero, one, half = constant(e, 0, 0), constant(e, 1, 1), constant(e, 0.5, 0.5)
    low, lift = constant(e, NORMAL_32, NORMAL_64), constant(e, 2.0**LIFT, 2.0**LIFT)
    steep = constant(e, STEEP_32, STEEP_64)
    total, left = zero, zero
    for i in range(p.shape[0]):
        x, y = load(p[i]), load(q[i])
        scale = lift if y < low else one  # the inverse of a subnormal number may be infinite
        inverse = one / (y * scale)
        m = (x * scale) * grown * inverse
        z = (((x - y) * grown + e * y) * scale) * inverse
        z = m - one if m < half else z
        beyond = is_steep(x * grown, y, steep)
        total = add(total, y * h(z, m) if (y > zero) & ~beyond else zero)
        left = counted(left, beyond)
    return total, left


@section
def steep_part_of_block(p: Any, q: Any, e: Any, grown: Any) -> Any:
    """The terms that are left: p [log(p/q) - 1] + q."""
    zero, one, steep = constant(e, 0, 0), constant(e, 1, 1), constant(e, STEEP_32, STEEP_64)
    total = zero
    for i in range(p.shape[0]):
        x, y = load(p[i]) * grown, load(q[i])
        large, small = log_of(*quotient(x, y))
        term = x * (large + (small - one)) + y
        total = add(total, term if is_steep(x, y, steep) else zero)
    return total


@section
def divergence(p: Any, q: Any, total_p: float, total_q: float, difference: float) -> float:
    """D of one row, where Q covers P."""
    e, grown = excess(load(p[0]), difference / total_p)
    total, left = 0.0, 0.0
    for i in range(0, p.shape[0], BLOCK):
        found = divergence_of_block(p[i : i + BLOCK], q[i : i + BLOCK], e, grown)
        total, left = total + found[0], left + found[1]
    if left > 0.0:
        for i in range(0, p.shape[0], BLOCK):
            total += steep_part_of_block(p[i : i + BLOCK], q[i : i + BLOCK], e, grown)
    return total / total_q


@scalar
def excess(like: Any, e: float) -> tuple[Any, Any]:
    """Q/P - 1 = e and 1 + e in the dtype."""
    return constant(like, e, e), constant(like, 1.0 + e, 1.0 + e)


def relative_entropy(p: Any, q: Any, room: Any, tolerances: Any, out: Any, i: int, j: int) -> None:
    """D(P||Q) in rows i to j of `out`."""
    sums = room[0]
    for k in range(i, j):
        x, y = row(p, k), row(q, k)
        sums_of(x, y, sums)
        value = INF if sums[4] > 0.0 else divergence(x, y, sums[0], sums[1], sums[2])
        out[k] = value if valid(sums, tolerances) else math.nan


def jeffreys(p: Any, q: Any, room: Any, tolerances: Any, out: Any, i: int, j: int) -> None:
    """D(P||Q) + D(Q||P), of rows read once."""
    forth, back = room[0], room[1]
    for k in range(i, j):
        x, y = row(p, k), row(q, k)
        sums_of(x, y, forth)
        sums_of(y, x, back)
        value = INF
        if forth[4] + back[4] == 0.0:
            value = divergence(x, y, forth[0], forth[1], forth[2])
            value += divergence(y, x, back[0], back[1], back[2])
        out[k] = value if valid(forth, tolerances) else math.nan


@section
def mixed_block(p: Any, q: Any, e: Any, grown: Any, weight: Any) -> Any:
    """Σ max(p, q) [c h(d) - h(c d)], 1 + d = min(p, q) / max(p, q): see `jensen_shannon`."""
    zero, one = constant(e, 0, 0), constant(e, 1, 1)
    total = zero
    for i in range(p.shape[0]):
        x, y = load(p[i]), load(q[i])
        difference, x = (x - y) * grown + e * y, x * grown
        larger_p = difference > zero
        most, least = x if larger_p else y, y if larger_p else x
        c = one - weight if larger_p else weight
        d, m = -abs(difference) / most, least / most
        term = most * (c * h(d, m) - h(c * d, one + c * d))
        total = add(total, term if most > zero else zero)
    return total


def jensen_shannon(
    p: Any,
    q: Any,
    room: Any,
    tolerances: Any,
    weight: float,
    out: Any,
    i: int,
    j: int,
) -> None:
    """W D(P||M) + (1-w) D(Q||M) with M = wP + (1-w)Q, whose terms are as in `jensen_shannon`."""
    sums = room[0]
    for k in range(i, j):
        x, y = row(p, k), row(q, k)
        sums_of(x, y, sums)
        e, grown = excess(load(x[0]), sums[2] / sums[0])
        part, total = constant(e, weight, weight), 0.0
        for n in range(0, x.shape[0], BLOCK):
            total += mixed_block(x[n : n + BLOCK], y[n : n + BLOCK], e, grown, part)
        out[k] = total / sums[1] if valid(sums, tolerances) else math.nan


@section
def cost_of_block(p: Any, q: Any, total: Any, top: Any) -> tuple[Any, Any, Any, Any]:
    """Σ p log(Q/q) and Σ q over cells that are not the largest; how many are, and their Σ p."""
    zero = constant(top, 0, 0)
    paid, rest, count, mass = zero, zero, zero, zero
    for i in range(p.shape[0]):
        x, y = load(p[i]), load(q[i])
        large, small = log_of(*quotient(total, y))
        least = y == top
        paid = add(paid, where(least | (x == zero), zero, x * (large + small)))
        rest = add(rest, where(least, zero, y))
        count = counted(count, least)
        mass = add(mass, where(least, x, zero))
    return paid, rest, count, mass


def cross_entropy(p: Any, q: Any, room: Any, tolerances: Any, out: Any, i: int, j: int) -> None:
    """H(P, Q); H(P) where both are the same. The largest q costs log1p(rest / q)."""
    sums = room[0]
    for k in range(i, j):
        x, y = row(p, k), row(q, k)
        sums_of(x, y, sums)
        top = largest(y)
        total = constant(top, sums[1], sums[1])
        paid, rest, count, mass = 0.0, 0.0, 0.0, 0.0
        for n in range(0, x.shape[0], BLOCK):
            found = cost_of_block(x[n : n + BLOCK], y[n : n + BLOCK], total, top)
            paid, rest, count = paid + found[0], rest + found[1], count + found[2]
            mass += found[3]
        value = (paid + mass * math.log1p((count - 1.0) + rest / np.float64(top))) / sums[0]
        value = INF if sums[4] > 0.0 else value
        out[k] = value if valid(sums, tolerances) else math.nan


REST: dict[str, str] = {}
"""No loop leaves rows to another."""


@cache
def compiled(verb: str, held: Any) -> Any:
    """The loop of a verb for rows of a dtype, made when it is first asked for."""
    extra = (machine.REAL,) if verb == "jensen_shannon" else ()
    loop = machine.compiled(globals()[verb], held, (machine.FACTS, machine.TOLERANCES, *extra))
    return lambda a, b, *rest: loop(a, b, np.empty((2, SUMS)), *rest)
