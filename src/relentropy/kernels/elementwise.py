"""rel_entr, kl_div and entr, cell by cell: SciPy's values at the edges, without its cancellation.

The cells are one long row, of which each thread takes a piece.
"""

import math
from functools import cache
from typing import Any

from relentropy.kernels import machine
from relentropy.kernels.logarithms import h_near, log_of, quotient
from relentropy.kernels.machine import constant, fused, load, scalar, section

INF, NAN = math.inf, math.nan

BLOCK = 2048
"""Cells at a time."""


@scalar
def inside(x: Any) -> Any:
    return (x > constant(x, 0, 0)) & (x < constant(x, INF, INF))


@scalar
def times_log(x: Any, k: Any, f: Any, f_rest: Any) -> Any:
    """The product x log(2^k (1 + f)), with one rounding of the product."""
    large, small = log_of(k, f, f_rest)
    return fused(x, large, x * small)


@scalar
def outside_of_both(x: Any, y: Any, x_is_zero: Any, y_is_infinite: Any) -> Any:
    """Where an argument is 0, negative, infinite or NaN."""
    zero, inf = constant(x, 0, 0), constant(x, INF, INF)
    value = y_is_infinite if y == inf else inf
    value = x_is_zero if (x == zero) & (y >= zero) else value
    value = inf if (x < zero) | (y < zero) else value
    return constant(x, NAN, NAN) if (x != x) | (y != y) else value


@scalar
def rel_entr_of(a: Any, b: Any) -> Any:
    zero, inf = constant(a, 0, 0), constant(a, INF, INF)
    value = times_log(a, *quotient(a, b))
    beyond = constant(a, NAN, NAN) if a == inf else -inf
    return value if inside(a) & inside(b) else outside_of_both(a, b, zero, beyond)


@scalar
def kl_div_of(a: Any, b: Any) -> Any:
    zero, inf = constant(a, 0, 0), constant(a, INF, INF)
    k, f, f_rest = quotient(a, b)
    close, apart = b * h_near(f), (times_log(a, k, f, f_rest) - a) + b
    value = close if k == zero else apart
    return value if inside(a) & inside(b) else outside_of_both(a, b, b + zero, inf)


@scalar
def entr_of(a: Any) -> Any:
    zero, inf = constant(a, 0, 0), constant(a, INF, INF)
    value = zero - times_log(a, *quotient(a, constant(a, 1, 1)))
    value = value if inside(a) else (zero if a == zero else -inf)
    return a if a != a else value


@section
def rel_entr_of_block(x: Any, y: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        out[i] = rel_entr_of(load(x[i]), load(y[i]))


@section
def kl_div_of_block(x: Any, y: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        out[i] = kl_div_of(load(x[i]), load(y[i]))


@section
def entr_of_block(x: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        out[i] = entr_of(load(x[i]))


# Block by block: in a loop over all of them LLVM does not take many cells at once.


def rel_entr(x: Any, y: Any, out: Any, first: int, last: int) -> None:
    """Terms x log(x/y)."""
    x, y, out = x[0], y[0], out[0]
    for i in range(first, last, BLOCK):
        j = min(i + BLOCK, last)
        rel_entr_of_block(x[i:j], y[i:j], out[i:j])


def kl_div(x: Any, y: Any, out: Any, first: int, last: int) -> None:
    """Terms x log(x/y) - x + y >= 0."""
    x, y, out = x[0], y[0], out[0]
    for i in range(first, last, BLOCK):
        j = min(i + BLOCK, last)
        kl_div_of_block(x[i:j], y[i:j], out[i:j])


def entr(x: Any, same: Any, out: Any, first: int, last: int) -> None:
    """-x log x; the argument is handed over twice."""
    x, out = x[0], out[0]
    for i in range(first, last, BLOCK):
        j = min(i + BLOCK, last)
        entr_of_block(x[i:j], out[i:j])


@cache
def compiled(verb: str, held: Any) -> Any:
    """The loop over cells of a dtype, made when it is first asked for."""
    return machine.compiled(globals()[verb], held, (), axes=2)
