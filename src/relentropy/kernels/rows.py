"""Rows of logits and log-probabilities, of any kind.

What `relentropy.kernels.streams` does not take, has its maxima A and B found first, and is then
gone through twice, as in `relentropy.exact.discrete` (docs/numbers.md): w = exp(a - A), d = a - b,

    m = Σ w d / Σ w,    u = d - m,    D = log1p(E[exp(-u) - 1 + u] - δ) + δ,    δ = E[u]

where E is the mean with weights w, and δ is what the rounding of m leaves. What can be long is
summed in blocks: the sum of one block in the dtype, over many lanes, the sum of blocks in float64.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from relentropy.kernels import machine
from relentropy.kernels.door import result_dtype
from relentropy.kernels.machine import add, constant, counted, frame, load, scalar, section
from relentropy.kernels.scalars import (
    LEAST_32,
    LEAST_64,
    SCALE_32,
    SCALE_64,
    quadratic,
    reduced,
    remainder,
    scaled_exp,
    within,
)
from relentropy.kernels.streams import (
    BLOCK,
    FACTS,
    FAR,
    INF,
    SUMS,
    centred,
    in_two,
    rounding,
    stream,
    sum_of_two,
    surplus_without_far,
    top,
)

LARGE = math.exp(40.0)
"""Above, exp(D) - 1 comes near the largest float32, and the sum over exp(b) takes its place."""


NEGLIGIBLE = 1e-6
"""Of E[exp(-u) - 1 + u], how much δ² may be before the mean is taken again."""


@section
def weigh(a: Any, b: Any, w: Any, top_a: Any, guess: Any) -> tuple[Any, Any, Any]:
    """W = exp(a - A), scaled; Σ w, Σ w (d - guess), and how many cells have d = +inf."""
    zero, inf = constant(guess, 0, 0), constant(guess, INF, INF)
    total, moment, uncovered = zero, zero, zero
    for i in range(a.shape[0]):
        d = load(a[i]) - load(b[i])
        weight = scaled_exp(load(a[i]) - top_a)
        w[i] = weight
        total = add(total, weight)
        moment = add(moment, weight * (d - guess) if weight > zero else zero)
        uncovered = counted(uncovered, d == inf)
    return total, moment, uncovered


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


@frame
def mass(b: Any, top_b: Any) -> float:
    """Σ exp(b - B)."""
    total: float = 0.0
    for i in range(0, b.shape[0], BLOCK):
        total += mass_of_block(b[i : i + BLOCK], top_b)
    return total * np.float64(constant(top_b, 1 / SCALE_32, 1 / SCALE_64))


@section
def mass_of_block(b: Any, top_b: Any) -> Any:
    total = constant(top_b, 0, 0)
    for i in range(b.shape[0]):
        total = add(total, scaled_exp(load(b[i]) - top_b))
    return total


@frame
def sums_of_weights(a: Any, b: Any, w: Any, top_a: Any, guess: Any) -> tuple[float, float, float]:
    total, moment, uncovered = 0.0, 0.0, 0.0
    for i in range(0, a.shape[0], BLOCK):
        j = i + BLOCK
        of_total, of_moment, cells = weigh(a[i:j], b[i:j], w[i:j], top_a, guess)
        total, moment, uncovered = total + of_total, moment + of_moment, uncovered + cells
    return total, moment, uncovered


@frame
def sums_of_surplus(
    a: Any, b: Any, w: Any, m: Any, m_rest: Any, top_b: Any, offset: Any
) -> tuple[float, float]:
    total, moment, near = 0.0, 0.0, True  # until a block of this row has said otherwise
    for i in range(0, a.shape[0], BLOCK):
        x, y, z = a[i : i + BLOCK], b[i : i + BLOCK], w[i : i + BLOCK]
        of_total, of_moment = constant(m, 0, 0), constant(m, 0, 0)
        if near:
            of_total, of_moment, largest = surplus_without_far(x, y, z, m, m_rest)
            near = largest <= constant(m, -FAR, -FAR)
        if not near:
            of_total, of_moment = surplus(x, y, z, m, m_rest, top_b, offset)
        total, moment = total + of_total, moment + of_moment
    return total, moment


@frame
def streamed(a: Any, b: Any, room: Any, tolerances: Any) -> float:
    """D in nats, and in the room the facts of the row; NaN where another has to look at it."""
    value = stream(a, b, room[0], room[1], room[2])
    return value if sound(room[2], tolerances) else math.nan


@frame
def of_any(a: Any, b: Any, room: Any, tolerances: Any) -> float:
    """The same of any row; NaN where it is no distribution."""
    value = in_three_passes(a, b, room[0], room[2])
    return value if sound(room[2], tolerances) else math.nan


@scalar
def sound(facts: Any, tolerances: Any) -> bool:
    """Whether both rows sum to 1, where they should."""
    log_totals = facts[2] + facts[0], facts[5] + facts[1]
    return normal(log_totals[0], tolerances[0]) and normal(log_totals[1], tolerances[1])


@frame
def in_three_passes(a: Any, b: Any, w: Any, facts: Any) -> float:
    """D of any row, about the mean of the whole; NaN where it is no distribution."""
    top_a, top_b = top(a), top(b)
    if not (abs(top_a) < INF and abs(top_b) < INF):
        return math.nan
    guess = top_a - top_b  # so that an offset common to all cells is in none of the sums
    total, moment, uncovered = sums_of_weights(a, b, w, top_a, guess)
    log_total = math.log(total / np.float64(constant(top_a, SCALE_32, SCALE_64)))
    facts[0], facts[1], facts[2], facts[3], facts[4] = top_a, top_b, log_total, 0.0, 0.0
    facts[6] = 2.0
    if not total < INF:
        return math.nan
    if uncovered > 0.0:
        facts[5], facts[7] = math.log(mass(b, top_b)), INF
        return INF
    lost = rounding(top_a, top_b, guess)
    mean, high, low, value, delta = moment / total, 0.0, 0.0, 0.0, 0.0
    # Once, as a rule. What is left of the mean counts where it is not small beside u itself.
    for _ in range(3):
        high, low = sum_of_two(np.float64(guess), mean)
        m, m_rest = in_two(guess, high, low)
        offset = constant(guess, mean - lost, mean - lost)
        sum_g, sum_u = sums_of_surplus(a, b, w, m, m_rest, top_b, offset)
        delta, value = sum_u / total, sum_g / total
        if not (value < LARGE and delta * delta > NEGLIGIBLE * value):
            break
        mean += delta
    facts[3], facts[4] = high, low + delta
    if value < LARGE:
        value = math.log1p(value - delta) + delta
        facts[5] = (value - ((mean - lost) + delta)) + log_total
    else:
        facts[5] = math.log(mass(b, top_b))
        value = (facts[5] - log_total) + ((mean - lost) + delta)
    facts[7] = value
    return value


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
    zero = constant(top_b, 0, 0)
    largest, rest = zero, zero
    for i in range(b.shape[0]):
        shifted = load(b[i]) - top_b
        largest = counted(largest, shifted == zero)
        rest = add(rest, zero if shifted == zero else scaled_exp(shifted))
    return largest, rest


@section
def cross_entropy_of_row(a: Any, b: Any, tolerances: Any) -> float:
    """Σ p (-log q) from terms none of which is negative: log Σ exp(b - B), and the B - b."""
    top_a, top_b = top(a), top(b)
    if not (abs(top_a) < INF and abs(top_b) < INF):
        return math.nan
    scale = np.float64(constant(top_a, SCALE_32, SCALE_64))
    paid, total, largest, rest = 0.0, 0.0, 0.0, 0.0
    for i in range(0, a.shape[0], BLOCK):
        j = i + BLOCK
        sums, counts = cost(a[i:j], b[i:j], top_a, top_b), others(b[i:j], top_b)
        paid, total = paid + sums[0], total + sums[1]
        largest, rest = largest + counts[0], rest + counts[1]
    log_total_b = math.log1p((largest - 1.0) + rest / scale)
    sound = total < INF and rest < INF
    sound = sound and normal(math.log(total / scale) + np.float64(top_a), tolerances[0])
    if not (sound and normal(log_total_b + np.float64(top_b), tolerances[1])):
        return math.nan
    return log_total_b + paid / total


@scalar
def row(x: Any, i: int) -> Any:
    """Row i; an array of one row stands for as many as there are."""
    return x[i if x.shape[0] > 1 else 0]


# The loops take rows i to j. What they leave NaN is for the loop `of_rest`, which is compiled only
# where there is some.


def relative_entropy(a: Any, b: Any, room: Any, tolerances: Any, out: Any, i: int, j: int) -> None:
    """D(P||Q)."""
    for k in range(i, j):
        out[k] = streamed(row(a, k), row(b, k), room, tolerances)


def relative_entropy_of_rest(
    a: Any, b: Any, room: Any, tolerances: Any, out: Any, i: int, j: int
) -> None:
    for k in range(i, j):
        if math.isnan(out[k]):
            out[k] = of_any(row(a, k), row(b, k), room, tolerances)


def jeffreys(a: Any, b: Any, room: Any, tolerances: Any, out: Any, i: int, j: int) -> None:
    """D(P||Q) + D(Q||P), of rows read once. A loop, since what is written twice is made twice."""
    for k in range(i, j):
        total, x, y, of_both = 0.0, row(a, k), row(b, k), tolerances
        for _ in range(2):
            total += streamed(x, y, room, of_both)
            x, y, of_both = y, x, (of_both[1], of_both[0])
        out[k] = total


def jeffreys_of_rest(a: Any, b: Any, room: Any, tolerances: Any, out: Any, i: int, j: int) -> None:
    for k in range(i, j):
        if math.isnan(out[k]):
            total, x, y, of_both = 0.0, row(a, k), row(b, k), tolerances
            for _ in range(2):
                total += of_any(x, y, room, of_both)
                x, y, of_both = y, x, (of_both[1], of_both[0])
            out[k] = total


def cross_entropy(a: Any, b: Any, room: Any, tolerances: Any, out: Any, i: int, j: int) -> None:
    """H(P, Q); H(P) where both are the same."""
    for k in range(i, j):
        out[k] = cross_entropy_of_row(row(a, k), row(b, k), tolerances)


@scalar
def parts(like: Any, facts: Any, high: float, low: float) -> tuple[Any, Any, Any, Any, Any, Any]:
    """A, B, high + low in two numbers of the dtype, what makes weights probabilities, for each."""
    m, m_rest = in_two(like, high, low)
    unscale = 1 / np.float64(constant(like, SCALE_32, SCALE_64))
    scale_a, scale_b = unscale * math.exp(-facts[2]), unscale * math.exp(-facts[5])
    return (
        constant(like, facts[0], facts[0]),
        constant(like, facts[1], facts[1]),
        m,
        m_rest,
        constant(like, scale_a, scale_a),
        constant(like, scale_b, scale_b),
    )


def new_room(a: Any) -> tuple[Any, Any, Any]:
    """For the weights of a row, the sums of its blocks, and its facts."""
    cells = a.shape[1]
    return (
        np.empty(cells, result_dtype(a)),
        np.empty((1 + cells // BLOCK, SUMS)),
        np.empty(FACTS),
    )


REST = {verb: f"{verb}_of_rest" for verb in ("relative_entropy", "jeffreys", "jensen_shannon")}
"""The loop that takes what another has left NaN."""


@cache
def compiled(name: str, held: Any) -> Any:
    """A loop for rows of a dtype, made when it is first asked for."""
    if name.startswith("jensen_shannon"):
        from relentropy.kernels import jensen_shannon

        return with_room(getattr(jensen_shannon, name), held, (machine.REAL,))
    return with_room(globals()[name], held)


def with_room(loop: Any, held: Any, more: tuple[Any, ...] = ()) -> Any:
    """The compiled loop, that is given what it needs to work in."""
    made = machine.compiled(loop, held, (machine.room(held), machine.TOLERANCES, *more))
    return lambda a, b, *rest: made(a, b, new_room(a), *rest)
