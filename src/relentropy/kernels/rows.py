"""Rows of logits and log-probabilities: relative entropy in three passes, two of them cached.

A row of both arrays is read once from memory, for its maxima; by then it lies in the cache, and the
two passes that compute find it there. They are those of `relentropy.exact.discrete`
(docs/numbers.md): with w = exp(a - A), d = a - b,

    m = Σ w d / Σ w,    u = d - m,    D = log1p(E[exp(-u) - 1 + u] - δ) + δ,    δ = E[u]

where E is the mean with weights w, and δ is what the rounding of m leaves. What can be long is
summed in blocks: the sum of one block in the dtype, over many lanes, the sum of blocks in float64.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from relentropy.kernels import machine
from relentropy.kernels.machine import add, constant, larger, load, of_rank, rank, scalar, section
from relentropy.kernels.scalars import (
    LEAST_32,
    LEAST_64,
    SCALE_32,
    SCALE_64,
    quadratic,
    reduced,
    remainder,
    scaled_exp,
    scaled_exp_below_1,
    within,
)

BLOCK = 2048
"""Cells whose terms are summed in the dtype."""

INF = math.inf
FAR = -30.0
"""Below this u = log(p/q) - m what counts is Q's mass, which is taken from b alone."""

CLOSE = 0.3
"""|u| up to which exp(-u) - 1 + u is the polynomial, as it is.

Where all cells are so, D is at most log cosh 0.3, and u + D below log(2)/2 too.
"""

LARGE = math.exp(40.0)
"""Above, exp(D) - 1 comes near the largest float32, and the sum over exp(b) takes its place."""


FACTS = 7
"""Of a row: A, B, log Σ exp(a - A), the mean of d in two parts, log Σ exp(b - B), and the largest
|u|: 0 if it is at most CLOSE, 1 if at most -FAR, otherwise 2."""

NEGLIGIBLE = 1e-6
"""Of E[exp(-u) - 1 + u], how much δ² may be before the mean is taken again."""


@section
def top(a: Any) -> Any:
    """The largest entry; NaN or infinite where the row is no distribution, as a rule."""
    best = rank(load(a[0]))
    for i in range(a.shape[0]):
        best = larger(best, rank(load(a[i])))
    return of_rank(best)


@section
def weigh(a: Any, b: Any, w: Any, top_a: Any, guess: Any) -> tuple[Any, Any, Any]:
    """W = exp(a - A), scaled; Σ w, Σ w (d - guess), and how many cells have d = +inf."""
    zero, one, inf = constant(guess, 0, 0), constant(guess, 1, 1), constant(guess, INF, INF)
    total, moment, uncovered = zero, zero, zero
    for i in range(a.shape[0]):
        d = load(a[i]) - load(b[i])
        weight = scaled_exp(load(a[i]) - top_a)
        w[i] = weight
        total = add(total, weight)
        moment = add(moment, weight * (d - guess) if weight > zero else zero)
        uncovered = add(uncovered, one if d == inf else zero)
    return total, moment, uncovered


@section
def weigh_finite(a: Any, b: Any, w: Any, top_a: Any, guess: Any) -> tuple[Any, Any]:
    """`weigh` where all is finite; where something is not, neither is the second sum."""
    zero = constant(guess, 0, 0)
    total, moment = zero, zero
    for i in range(a.shape[0]):
        weight = scaled_exp_below_1(load(a[i]) - top_a)
        w[i] = weight
        total = add(total, weight)
        moment = add(moment, weight * ((load(a[i]) - load(b[i])) - guess))
    return total, moment


@scalar
def centred(x: Any, y: Any, m: Any, m_rest: Any) -> Any:
    """What x - y - m - m_rest is, with what the rounding of x - y lost: Knuth's two-sum."""
    d = x - y
    z = d - x
    return (d - m) + (((x - (d - z)) - (y + z)) - m_rest)


@section
def surplus(
    a: Any, b: Any, w: Any, m: Any, m_rest: Any, top_b: Any, offset: Any
) -> tuple[Any, Any]:
    """Σ w (exp(-u) - 1 + u) and Σ w u; where u < FAR or w = 0, exp(b) stands for w exp(-u)."""
    zero, far, least = constant(m, 0, 0), constant(m, FAR, FAR), constant(m, LEAST_32, LEAST_64)
    total, moment = zero, zero
    for i in range(a.shape[0]):
        y, weight = load(b[i]), w[i]
        u = centred(load(a[i]), y, m, m_rest)
        v = (y - top_b) + offset
        near = (u >= far) & (weight > zero)
        s, r = reduced(within(-u if near else v))
        square = quadratic(r)
        part = weight * u if weight > zero else zero
        beyond = (zero if v < least else s + s * (r + square)) + (part - weight)
        total = add(total, weight * remainder(u, s, r, square) if near else beyond)
        moment = add(moment, part)
    return total, moment


@section
def surplus_without_far(a: Any, b: Any, w: Any, m: Any, m_rest: Any) -> tuple[Any, Any, Any]:
    """The same where all |u| are at most -FAR, and how many are not."""
    zero, one, most = constant(m, 0, 0), constant(m, 1, 1), constant(m, -FAR, -FAR)
    total, moment, others = zero, zero, zero
    for i in range(a.shape[0]):
        u = centred(load(a[i]), load(b[i]), m, m_rest)
        s, r = reduced(-u)
        total = add(total, w[i] * remainder(u, s, r, quadratic(r)))
        moment = add(moment, w[i] * u)
        others = add(others, zero if abs(u) <= most else one)
    return total, moment, others


@section
def surplus_of_close(a: Any, b: Any, w: Any, m: Any, m_rest: Any) -> tuple[Any, Any, Any]:
    """The same where all |u| are at most CLOSE, so that there is nothing to reduce."""
    zero, one, most = constant(m, 0, 0), constant(m, 1, 1), constant(m, CLOSE, CLOSE)
    total, moment, others = zero, zero, zero
    for i in range(a.shape[0]):
        u = centred(load(a[i]), load(b[i]), m, m_rest)
        total = add(total, w[i] * quadratic(-u))
        moment = add(moment, w[i] * u)
        others = add(others, zero if abs(u) <= most else one)
    return total, moment, others


@section
def mass(b: Any, top_b: Any) -> float:
    """Σ exp(b - B)."""
    total: float = 0.0
    for i in range(0, b.shape[0], BLOCK):
        total += mass_of_block(b[i : i + BLOCK], top_b)
    return total * float(constant(top_b, 1 / SCALE_32, 1 / SCALE_64))


@section
def mass_of_block(b: Any, top_b: Any) -> Any:
    total = constant(top_b, 0, 0)
    for i in range(b.shape[0]):
        total = add(total, scaled_exp(load(b[i]) - top_b))
    return total


@section
def sums_of_weights(a: Any, b: Any, w: Any, top_a: Any, guess: Any) -> tuple[float, float, float]:
    total, moment, uncovered = 0.0, 0.0, 0.0
    for i in range(0, a.shape[0], BLOCK):
        j = i + BLOCK
        of_total, of_moment = weigh_finite(a[i:j], b[i:j], w[i:j], top_a, guess)
        if not abs(of_moment) < INF:
            of_total, of_moment, cells = weigh(a[i:j], b[i:j], w[i:j], top_a, guess)
            uncovered += cells
        total, moment = total + of_total, moment + of_moment
    return total, moment, uncovered


@section
def sums_of_surplus(
    a: Any, b: Any, w: Any, high: float, low: float, top_a: Any, top_b: Any
) -> tuple[float, float, float]:
    m = constant(top_a, high, high)
    m_rest = (high - float(m)) + low
    offset = ((float(top_b) - float(top_a)) + high) + low
    m_rest, offset = constant(top_a, m_rest, m_rest), constant(top_a, offset, offset)
    total, moment = 0.0, 0.0
    close, near = True, True  # until a block of this row has said otherwise
    for i in range(0, a.shape[0], BLOCK):
        x, y, z = a[i : i + BLOCK], b[i : i + BLOCK], w[i : i + BLOCK]
        of_total, of_moment = constant(m, 0, 0), constant(m, 0, 0)
        if close:
            of_total, of_moment, others = surplus_of_close(x, y, z, m, m_rest)
            close = others == 0
        if near and not close:
            of_total, of_moment, others = surplus_without_far(x, y, z, m, m_rest)
            near = others == 0
        if not near:
            of_total, of_moment = surplus(x, y, z, m, m_rest, top_b, offset)
        total, moment = total + of_total, moment + of_moment
    return total, moment, 0.0 if close else (1.0 if near else 2.0)


@section
def relative_entropy_of_row(
    a: Any, b: Any, w: Any, facts: Any, tolerance_a: float, tolerance_b: float
) -> float:
    """D in nats; NaN where a row is no distribution. `facts`: what the gradient needs to know."""
    top_a, top_b = top(a), top(b)
    if not (abs(top_a) < INF and abs(top_b) < INF):
        return math.nan
    guess = top_a - top_b  # so that an offset common to all cells is in none of the sums
    total, moment, uncovered = sums_of_weights(a, b, w, top_a, guess)
    log_total = math.log(total / float(constant(top_a, SCALE_32, SCALE_64)))
    facts[0], facts[1], facts[2], facts[3], facts[4] = top_a, top_b, log_total, 0.0, 0.0
    facts[6] = 2.0
    if not (total < INF and normal(log_total + float(top_a), tolerance_a)):
        return math.nan
    if uncovered > 0.0:
        facts[5] = math.log(mass(b, top_b))
        return INF if normal(facts[5] + float(top_b), tolerance_b) else math.nan
    mean, high, low, value = moment / total, 0.0, 0.0, 0.0
    # Once, as a rule. What is left of the mean counts where it is not small beside u itself.
    for _ in range(3):
        high = float(guess) + mean
        low = (float(guess) - high) + mean
        sum_g, sum_u, facts[6] = sums_of_surplus(a, b, w, high, low, top_a, top_b)
        delta, value = sum_u / total, sum_g / total
        if not (value < LARGE and delta * delta > NEGLIGIBLE * value):
            break
        mean += delta
    if value < LARGE:
        value = math.log1p(value - delta) + delta
    else:
        offset = ((float(top_b) - float(top_a)) + high) + (low + delta)
        value = (math.log(mass(b, top_b)) - log_total) + offset
    facts[3], facts[4] = high, low + delta
    facts[5] = (value - (high + facts[4])) + (log_total + (float(top_a) - float(top_b)))
    return value if normal(facts[5] + float(top_b), tolerance_b) else math.nan


@scalar
def normal(log_total: float, tolerance: float) -> bool:
    """Whether a row sums to 1, where it should; an infinite tolerance asks nothing."""
    return tolerance == INF or abs(math.expm1(log_total)) <= tolerance


@section
def cost(a: Any, b: Any, top_a: Any, top_b: Any) -> tuple[Any, Any]:
    """Σ w (B - b) with w = exp(a - A), scaled, and Σ w; where w = 0 nothing is paid."""
    zero = constant(top_a, 0, 0)
    paid, total = zero, zero
    for i in range(a.shape[0]):
        weight = scaled_exp(load(a[i]) - top_a)
        paid = add(paid, weight * (top_b - load(b[i])) if weight > zero else zero)
        total = add(total, weight)
    return paid, total


@section
def others(b: Any, top_b: Any) -> tuple[Any, Any]:
    """How many entries are the largest, and Σ exp(b - B), scaled, of all the rest."""
    zero, one = constant(top_b, 0, 0), constant(top_b, 1, 1)
    largest, rest = zero, zero
    for i in range(b.shape[0]):
        shifted = load(b[i]) - top_b
        largest = add(largest, one if shifted == zero else zero)
        rest = add(rest, zero if shifted == zero else scaled_exp(shifted))
    return largest, rest


@section
def cross_entropy_of_row(a: Any, b: Any, tolerance_a: float, tolerance_b: float) -> float:
    """Σ p (-log q) from terms none of which is negative: log Σ exp(b - B), and the B - b."""
    top_a, top_b = top(a), top(b)
    if not (abs(top_a) < INF and abs(top_b) < INF):
        return math.nan
    scale = float(constant(top_a, SCALE_32, SCALE_64))
    paid, total, largest, rest = 0.0, 0.0, 0.0, 0.0
    for i in range(0, a.shape[0], BLOCK):
        j = i + BLOCK
        sums, counts = cost(a[i:j], b[i:j], top_a, top_b), others(b[i:j], top_b)
        paid, total = paid + sums[0], total + sums[1]
        largest, rest = largest + counts[0], rest + counts[1]
    log_total_b = math.log1p((largest - 1.0) + rest / scale)
    sound = total < INF and rest < INF
    sound = sound and normal(math.log(total / scale) + float(top_a), tolerance_a)
    if not (sound and normal(log_total_b + float(top_b), tolerance_b)):
        return math.nan
    return log_total_b + paid / total


@scalar
def row(x: Any, i: int) -> Any:
    """Row i; an array of one row stands for as many as there are."""
    return x[i if x.shape[0] > 1 else 0]


def relative_entropy(
    a: Any, b: Any, tolerance_a: float, tolerance_b: float, out: Any, first: int, last: int
) -> None:
    """D(P||Q) in rows first to last of `out`."""
    w, facts = np.empty(a.shape[1], out.dtype), np.empty(FACTS)
    for i in range(first, last):
        p, q = row(a, i), row(b, i)
        out[i] = relative_entropy_of_row(p, q, w, facts, tolerance_a, tolerance_b)


def jeffreys(
    a: Any, b: Any, tolerance_a: float, tolerance_b: float, out: Any, first: int, last: int
) -> None:
    """D(P||Q) + D(Q||P), of rows read once."""
    w, facts = np.empty(a.shape[1], out.dtype), np.empty(FACTS)
    for i in range(first, last):
        p, q = row(a, i), row(b, i)
        forward = relative_entropy_of_row(p, q, w, facts, tolerance_a, tolerance_b)
        out[i] = forward + relative_entropy_of_row(q, p, w, facts, tolerance_b, tolerance_a)


def cross_entropy(
    a: Any, b: Any, tolerance_a: float, tolerance_b: float, out: Any, first: int, last: int
) -> None:
    """H(P, Q); H(P) where both are the same."""
    for i in range(first, last):
        out[i] = cross_entropy_of_row(row(a, i), row(b, i), tolerance_a, tolerance_b)


@scalar
def parts(like: Any, facts: Any, high: float, low: float) -> tuple[Any, Any, Any, Any, Any, Any]:
    """A, B, high + low in two numbers of the dtype, what makes weights probabilities, for each."""
    m = constant(like, high, high)
    m_rest = (high - float(m)) + low
    unscale = 1 / float(constant(like, SCALE_32, SCALE_64))
    scale_a, scale_b = unscale * math.exp(-facts[2]), unscale * math.exp(-facts[5])
    return (
        constant(like, facts[0], facts[0]),
        constant(like, facts[1], facts[1]),
        m,
        constant(like, m_rest, m_rest),
        constant(like, scale_a, scale_a),
        constant(like, scale_b, scale_b),
    )


@cache
def compiled(verb: str, held: Any) -> Any:
    """The loop of a verb for rows of a dtype, made when it is first asked for."""
    if verb == "jensen_shannon":
        from relentropy.kernels.jensen_shannon import jensen_shannon

        return machine.compiled(jensen_shannon, held, (*machine.VALUES, machine.REAL))
    return machine.compiled(globals()[verb], held, machine.VALUES)
