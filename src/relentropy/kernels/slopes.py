"""Relative entropy of rows of logits with its gradients, which are computed anew, not kept.

Beside the values a few facts of each row are returned (`relentropy.kernels.streams.FACTS`), from
which another pass has both gradients, at unit sum: with u = a - b - E_p[a - b] and
t = log(p/q) = u + D

    ∂D/∂a = p (t - D) = p u,    ∂D/∂b = q - p = p (exp(-t) - 1)

Where D = +inf the first is 0, by convention.
"""

import math
from functools import cache
from typing import Any

from relentropy.kernels import machine
from relentropy.kernels.machine import constant, load, section
from relentropy.kernels.rows import of_any, parts, streamed, with_room
from relentropy.kernels.scalars import (
    LEAST_32,
    LEAST_64,
    SCALE_32,
    SCALE_64,
    quadratic,
    reduced,
    scaled_exp,
    weight_of,
    within,
)
from relentropy.kernels.streams import BLOCK, INF, centred

NEAR = 30.0
"""|log(p/q)| up to which q - p comes from p, and beyond which from both."""


def values(
    a: Any, b: Any, room: Any, tolerances: Any, facts: Any, out: Any, i: int, j: int
) -> None:
    """D, and the facts of each row; NaN in rows that are for `values_of_rest`."""
    for k in range(i, j):
        out[k] = streamed(a[k], b[k], (room[0], room[1], facts[k]), tolerances)


def values_of_rest(
    a: Any, b: Any, room: Any, tolerances: Any, facts: Any, out: Any, i: int, j: int
) -> None:
    """The same of the rows that are NaN so far."""
    for k in range(i, j):
        if math.isnan(out[k]):
            out[k] = of_any(a[k], b[k], (room[0], room[1], facts[k]), tolerances)


@section
def slopes_of_p(a: Any, b: Any, out: Any, scale: Any, top_a: Any, m: Any, m_rest: Any) -> None:
    zero = constant(m, 0, 0)
    for i in range(a.shape[0]):
        x = load(a[i])
        weight = scaled_exp(x - top_a)
        u = centred(x, load(b[i]), m, m_rest)
        out[i] = (weight * scale) * u if weight > zero else zero


@section
def slopes_of_q_close(
    a: Any, b: Any, out: Any, scale: Any, top_a: Any, m: Any, m_rest: Any
) -> None:
    """Where all |t| are at most SMALL."""
    for i in range(a.shape[0]):
        x = load(a[i])
        t = centred(x, load(b[i]), m, m_rest)
        out[i] = (weight_of(x - top_a) * (quadratic(-t) - t)) * scale


@section
def slopes_of_q_near(a: Any, b: Any, out: Any, scale: Any, top_a: Any, m: Any, m_rest: Any) -> None:
    """Where all |t| are at most -2 FAR."""
    one, unscale = constant(m, 1, 1), constant(m, 1 / SCALE_32, 1 / SCALE_64)
    for i in range(a.shape[0]):
        x = load(a[i])
        s, r = reduced(-centred(x, load(b[i]), m, m_rest))
        k2 = s * unscale
        less = k2 * (r + quadratic(r)) + (k2 - one)
        out[i] = (weight_of(x - top_a) * less) * scale


@section
def slopes_of_q(
    a: Any,
    b: Any,
    out: Any,
    scale: Any,
    top_a: Any,
    m: Any,
    m_rest: Any,
    top_b: Any,
    scale_b: Any,
    factor: Any,
) -> None:
    zero, one, far = constant(m, 0, 0), constant(m, 1, 1), constant(m, NEAR, NEAR)
    unscale, least = constant(m, 1 / SCALE_32, 1 / SCALE_64), constant(m, LEAST_32, LEAST_64)
    for i in range(a.shape[0]):
        x, y = load(a[i]), load(b[i])
        p = scaled_exp(x - top_a) * scale
        t = centred(x, y, m, m_rest)
        v = y - top_b
        near = (abs(t) <= far) & (p > zero)
        s, r = reduced(within(-t if near else v))
        tail = r + quadratic(r)
        k2 = s * unscale
        q = zero if v < least else (s + s * tail) * scale_b
        out[i] = factor * (p * (k2 * tail + (k2 - one)) if near else q - p)


@section
def row_to_p(a: Any, b: Any, facts: Any, factor: Any, out: Any) -> None:
    """In out factor · p u."""
    top_a, _, m, m_rest, scale, _ = parts(load(a[0]), facts, facts[3], facts[4])
    scale = constant(m, 0, 0) if facts[7] == INF else scale * factor
    for j in range(0, a.shape[0], BLOCK):
        k = j + BLOCK
        if facts[7] == INF:
            out[j:k] = scale
        else:
            slopes_of_p(a[j:k], b[j:k], out[j:k], scale, top_a, m, m_rest)


@section
def row_to_q(a: Any, b: Any, facts: Any, factor: Any, out: Any) -> None:
    """In out factor · (q - p)."""
    # m - D, so that t comes from one difference. Where D = +inf nothing is near.
    top_a, top_b, m, m_rest, scale, scale_b = parts(
        load(a[0]), facts, facts[3], facts[4] - facts[7]
    )
    of_p = scale * factor
    for j in range(0, a.shape[0], BLOCK):
        k = j + BLOCK
        x, y, z = a[j:k], b[j:k], out[j:k]
        if facts[6] == 0.0:
            slopes_of_q_close(x, y, z, of_p, top_a, m, m_rest)
        elif facts[6] == 1.0:
            slopes_of_q_near(x, y, z, of_p, top_a, m, m_rest)
        else:
            slopes_of_q(x, y, z, scale, top_a, m, m_rest, top_b, scale_b, factor)


def slope_to_p(a: Any, b: Any, facts: Any, factor: Any, out: Any, first: int, last: int) -> None:
    """The factor times ∂D/∂a, in rows first to last."""
    for i in range(first, last):
        row_to_p(a[i], b[i], facts[i], factor[i], out[i])


def slope_to_q(a: Any, b: Any, facts: Any, factor: Any, out: Any, first: int, last: int) -> None:
    """The factor times ∂D/∂b, in rows first to last."""
    for i in range(first, last):
        row_to_q(a[i], b[i], facts[i], factor[i], out[i])


def slopes_to_both(
    a: Any, b: Any, facts: Any, factor: Any, to_p: Any, out: Any, first: int, last: int
) -> None:
    """Of a row that lies in the cache, in `to_p` and `out`."""
    for i in range(first, last):
        row_to_p(a[i], b[i], facts[i], factor[i], to_p[i])
        row_to_q(a[i], b[i], facts[i], factor[i], out[i])


REST = {"values": "values_of_rest"}


@cache
def compiled(name: str, held: Any) -> Any:
    """`values` or slopes for rows of a dtype, made when it is first asked for."""
    if name in ("values", *REST.values()):
        return with_room(globals()[name], held, (machine.FACTS,))
    vector, table = machine.results(held, 1), machine.results(held, 2)
    parameters = (machine.FACTS, vector)
    both = (table,) if name == "slopes_to_both" else ()
    return machine.compiled(globals()[name], held, (*parameters, *both), axes=2)
