"""Rows of logits that stay near each other: read from memory once, by the chain rule over blocks.

A block is weighed, w = exp(a - A), and compared while it lies in the first cache, about the mean
μ_j of its own differences d = a - b. With W_j, G_j, M_j the sums of w, of w (exp(-u) - 1 + u) and
of w u, where u = d - μ_j, and with m = Σ (μ_j W_j + M_j) / W, Δ = m - μ_j, W = Σ W_j

    D = log1p(Σ V_j / W),    V_j = exp(Δ) G_j + (exp(Δ) - 1 - Δ) W_j - (exp(Δ) - 1) M_j

None of this is negative but the last, which is what the rounding of μ_j leaves. The sums of a block
are taken in the dtype, over many lanes, those over blocks in float64.

Rows that are not finite, or whose cells or blocks are far apart, are for `relentropy.kernels.rows`.
In all kernels `np.float64` widens; numba's `float` leaves float32 as it is.
"""

import math
from typing import Any

import numpy as np

from relentropy.kernels.machine import (
    add,
    constant,
    frame,
    larger,
    load,
    of_rank,
    rank,
    scalar,
    section,
)
from relentropy.kernels.scalars import (
    MOST_32,
    MOST_64,
    SCALE_32,
    SCALE_64,
    quadratic,
    reduced,
    remainder,
    weight_of,
)

BLOCK = 1024
"""Cells whose terms are summed in the dtype: a page of memory, or two."""

INF = math.inf
FAR = -30.0
"""Below this u what counts is Q's mass, which has to be taken from b alone."""

SMALL = 0.3465
"""Just below log(2)/2: |u| up to which exp(-u) - 1 + u is the polynomial, as it is."""

CLOSE = 0.3
"""The same for differences from the mean of a block, so that some is left for Δ and D."""

FACTS = 8
"""Of a row: A, B, log Σ exp(a - A), the mean of d in two parts, log Σ exp(b - B), how far u is
from 0 (0 if |u| + D is at most SMALL, 1 if it is at most -2 FAR, otherwise 2), and D."""

SUMS = 4
"""Of a block: W, the mean of d less that of the first block's tops, G, M."""

MUCH = 20.0
"""Logarithm of how far weights may rise above that of the first block's top."""

TALL = math.exp(MUCH)

LITTLE_32, LITTLE_64 = 1e-21, 1e-280
"""Of D, below which weights count that are below the dtype, and that are not 0 here."""

SKEWED = 1e-2
"""Of E[exp(-u) - 1 + u], how much E[u]² may be before the mean is taken again."""


@section
def top(a: Any) -> Any:
    """The largest entry; NaN or infinite where the row is no distribution, as a rule."""
    best = rank(load(a[0]))
    for i in range(a.shape[0]):
        best = larger(best, rank(load(a[i])))
    return of_rank(best)


@section
def weigh(a: Any, b: Any, w: Any, top_a: Any, guess: Any) -> tuple[Any, Any]:
    """W = exp(a - A), scaled; Σ w and Σ w (d - guess), which is not finite where a or b is not."""
    zero, highest = constant(guess, 0, 0), top_a + constant(guess, MOST_32, MOST_64)
    total, moment = zero, zero
    for i in range(a.shape[0]):
        x = load(a[i])
        weight = weight_of((x if x < highest else highest) - top_a)
        w[i] = weight
        total = add(total, weight)
        moment = add(moment, weight * ((x - load(b[i])) - guess))
    return total, moment


@scalar
def centred(x: Any, y: Any, m: Any, m_rest: Any) -> Any:
    """What x - y - m - m_rest is, with what the rounding of x - y lost: Knuth's two-sum."""
    d = x - y
    z = d - x
    return (d - m) + (((x - (d - z)) - (y + z)) - m_rest)


@section
def surplus_without_far(a: Any, b: Any, w: Any, m: Any, m_rest: Any) -> tuple[Any, Any, Any]:
    """Σ w (exp(-u) - 1 + u) and Σ w u, right where no |u| is larger than -FAR; the largest |u|."""
    total, moment, largest = constant(m, 0, 0), constant(m, 0, 0), rank(constant(m, 0, 0))
    for i in range(a.shape[0]):
        u = centred(load(a[i]), load(b[i]), m, m_rest)
        s, r = reduced(-u)
        total = add(total, w[i] * remainder(u, s, r, quadratic(r)))
        moment = add(moment, w[i] * u)
        largest = larger(largest, rank(abs(u)))
    return total, moment, of_rank(largest)


@section
def surplus_of_close(a: Any, b: Any, w: Any, m: Any, m_rest: Any) -> tuple[Any, Any, Any]:
    """The same where no |u| is larger than CLOSE, so that there is nothing to reduce."""
    total, moment, largest = constant(m, 0, 0), constant(m, 0, 0), rank(constant(m, 0, 0))
    for i in range(a.shape[0]):
        u = centred(load(a[i]), load(b[i]), m, m_rest)
        total = add(total, w[i] * quadratic(-u))
        moment = add(moment, w[i] * u)
        largest = larger(largest, rank(abs(u)))
    return total, moment, of_rank(largest)


@frame
def compare_block(
    a: Any, b: Any, w: Any, top_a: Any, guess: Any, close: bool, sums: Any
) -> tuple[bool, bool]:
    """Whether this block may be told by its `sums`, and whether its |u| are at most CLOSE."""
    total, moment = weigh(a, b, w, top_a, guess)
    if not (abs(moment) < INF and total < constant(guess, SCALE_32 * TALL, SCALE_64 * TALL)):
        return False, close
    mean, of_g, of_u = moment / np.float64(total), constant(guess, 0, 0), constant(guess, 0, 0)
    for _ in range(3):
        m, m_rest = in_two(guess, *sum_of_two(np.float64(guess), mean))
        if close:
            of_g, of_u, largest = surplus_of_close(a, b, w, m, m_rest)
            close = largest <= constant(m, CLOSE, CLOSE)
        if not close:
            of_g, of_u, largest = surplus_without_far(a, b, w, m, m_rest)
            if not largest <= constant(m, -FAR, -FAR):
                return False, close
        delta = of_u / np.float64(total)
        if not delta * delta * total > SKEWED * of_g:
            break
        mean += delta
    sums[0], sums[1], sums[2], sums[3] = total, mean, of_g, of_u
    return True, close


@scalar
def in_two(like: Any, high: float, low: float) -> tuple[Any, Any]:
    """The sum of both as a number of the dtype, and what that lacks."""
    m = constant(like, high + low, high + low)
    rest = (high - np.float64(m)) + low
    return m, constant(like, rest, rest)


@scalar
def sum_of_two(x: float, y: float) -> tuple[float, float]:
    """The sum, and what its rounding lost: all of it where |x| >= |y|."""
    high = x + y
    return high, (x - high) + y


@scalar
def rounding(x: Any, y: Any, difference: Any) -> float:
    """What x - y lost."""
    zero = constant(x, 0, 0)
    return np.float64(centred(x, y, difference, zero))


@frame
def join(sums: Any) -> tuple[float, float, float, float]:
    """W, m, D, and the largest |Δ|, from the sums of blocks."""
    total, moment = 0.0, 0.0
    for j in range(sums.shape[0]):
        total += sums[j, 0]
        moment += sums[j, 0] * sums[j, 1] + sums[j, 3]
    mean, value, spread = moment / total, 0.0, 0.0
    for j in range(sums.shape[0]):
        away = mean - sums[j, 1]
        s, r = reduced(away)
        beyond = remainder(-away, s, r, quadratic(r))
        grown = beyond + away
        value += sums[j, 2] + grown * (sums[j, 2] - sums[j, 3]) + beyond * sums[j, 0]
        spread = max(spread, abs(away))
    return total, mean, math.log1p(value / total), spread


@frame
def stream(a: Any, b: Any, w: Any, sums: Any, facts: Any) -> float:
    """D in nats; NaN where the row is for others to judge."""
    top_a, top_b = top(a[:BLOCK]), top(b[:BLOCK])
    guess = top_a - top_b  # so that an offset common to all cells is in none of the sums
    good, close, count = abs(guess) < INF, abs(guess) < INF, 0
    for i in range(0, a.shape[0], BLOCK):
        if good:
            x, y = a[i : i + BLOCK], b[i : i + BLOCK]
            good, close = compare_block(x, y, w, top_a, guess, close, sums[count])
            count += 1
    if not good:
        return math.nan
    total, mean, value, spread = join(sums[:count])
    log_total = math.log(total / np.float64(constant(guess, SCALE_32, SCALE_64)))
    facts[0], facts[1], facts[2] = top_a, top_b, log_total
    facts[3], facts[4] = sum_of_two(np.float64(guess), mean)
    facts[5] = (value - (mean - rounding(top_a, top_b, guess))) + log_total
    facts[6] = 0.0 if close and CLOSE + spread + value <= SMALL else 1.0
    facts[7] = value
    little = np.float64(constant(guess, LITTLE_32, LITTLE_64))
    fit = (value == 0.0) | (value > little)
    return value if fit and spread + value <= -FAR and facts[5] <= MUCH else math.nan
