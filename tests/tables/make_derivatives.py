"""Make the table of derivatives of relative entropy: python -m tests.tables.make_derivatives

Writes derivatives.json beside this file. A row is one of discrete.json (inputs rounded to a dtype,
the value, its tolerances) with, for each side, the gradient and the second derivatives along
DIRECTIONS (the Hessian of both sides times that vector). `--check` compares with the file.

The derivatives are those of the value as a function of free inputs, which it normalises. With raw
weights w of P and z of Q, their sums S and T, and t = log(P/Q):

    ∂D/∂w = (t − D)/S, 0 at w = 0 and where D = ∞;  ∂D/∂z = (1 − P/Q)/T, −∞ at z = 0 < w

and w, z times that for logarithms. A test holds these against differences of the definition. The
second derivatives are central differences of these, in so many digits that they are exact.

No entry is known better than what it is the difference of. Each therefore has a `size` beside it:
for gradients |t| + E_P|t| and |1 − P/Q| + E_Q|1 − P/Q| in place of the difference, which is small
where P and Q are close; for second derivatives the largest Σ |Hᵢⱼ vⱼ| of the side. Where one side's
logarithm is rounded before the formula starts, size grows by twice the effect of that rounding.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from tests import truth
from tests.tables import make_discrete
from tests.tables.make_discrete import BASE, INF, UNIT
from tests.tables.writing import write

TABLE = Path(__file__).with_name("derivatives.json")
KINDS = ("Probs", "LogProbs", "Logits", "Counts")
DIRECTIONS = {"p": (1.0, -0.5, 0.75, 0.25), "q": (-0.75, 0.5, 1.0, -0.25)}
DIGITS = 120
STEP, NOTHING = mpf(10) ** -40, mpf(10) ** -60
COUNTED = 2**40
"""Counts are probabilities times this."""

HALVES, WIDE = ("float16", "bfloat16"), ("float32", "float64")
ALL = (*HALVES, *WIDE)
FLAT = [0.25, 0.25, 0.25, 0.25]


def cases() -> Iterator[tuple[str, list[float], list[float], tuple[str, ...]]]:
    """Names, P, Q and dtypes; four cells each, so that a batch has one shape."""
    q, tilt = [0.1, 0.2, 0.3, 0.4], [1.0, -0.5, 0.8, -0.6]
    yield "far", [0.4, 0.3, 0.2, 0.1], q, ALL
    yield "skewed", [0.7, 0.2, 0.05, 0.05], [0.05, 0.15, 0.5, 0.3], ALL
    yield "nearly certain", [0.97, 0.01, 0.01, 0.01], FLAT, ALL
    yield "against nearly certain", FLAT, [0.01, 0.01, 0.97, 0.01], ALL
    for noise, dtypes in ((1e-1, ALL), (1e-3, WIDE), (1e-5, WIDE), (1e-9, ("float64",))):
        w = [v * (1 + noise * t) for v, t in zip(q, tilt, strict=True)]
        yield f"noise {noise:g}", [v / sum(w) for v in w], q, dtypes
    yield "equal", [0.125, 0.25, 0.25, 0.375], [0.125, 0.25, 0.25, 0.375], ALL
    yield "zero in p", [0.5, 0.25, 0.25, 0.0], FLAT, ALL
    yield "one-hot in p", [0.0, 1.0, 0.0, 0.0], q, ALL
    yield "zero in both", [0.5, 0.375, 0.125, 0.0], [0.25, 0.25, 0.5, 0.0], ALL
    yield "zero in q", FLAT, [0.5, 0.25, 0.25, 0.0], ALL
    for width, dtypes in ((2.0, ALL), (8.0, WIDE)):
        a, b = ([width * v for v in row] for row in ([0, -1, -2, -3], [-2, -0.5, 0, -1.25]))
        sides = ([np.exp(v) for v in row] for row in (a, b))
        x, y = ([float(v / sum(row)) for v in row] for row in sides)
        yield f"logits as wide as {3 * width:g}", x, y, dtypes


def described(kind: str, values: Sequence[float]) -> list[Any]:
    if kind == "Counts":
        return [round(v * COUNTED) for v in values]
    if kind == "Probs":
        return list(values)
    lift = 3.0 if kind == "Logits" else 0.0
    return [v + lift for v in make_discrete.logs(list(values))]


def in_logs(kind: str) -> bool:
    return kind in ("LogProbs", "Logits")


def weights(kind: str, x: Sequence[mpf]) -> list[mpf]:
    return [mp.exp(v) if v != -mp.inf else mpf(0) for v in x] if in_logs(kind) else list(x)


def gradient(kinds: Sequence[str], x: Sequence[mpf], y: Sequence[mpf]) -> list[list[Any]]:
    """By the formulas above: for P's inputs x and Q's inputs y; None where both are 0."""
    w, z = (weights(kind, values) for kind, values in zip(kinds, (x, y), strict=True))
    S, T = mp.fsum(w), mp.fsum(z)
    P, Q = [v / S for v in w], [v / T for v in z]
    D = truth.relative_entropy(P, Q)
    by_p = [mpf(0) if not a or mp.isinf(D) else mp.log(a / b) - D for a, b in zip(P, Q)]
    scale = P if in_logs(kinds[0]) else [1 / S] * len(P)
    by_p = [g * s for g, s in zip(by_p, scale, strict=True)]
    if in_logs(kinds[1]):
        return [by_p, [b - a for a, b in zip(P, Q, strict=True)]]
    at_zero = {True: -mp.inf, False: None}
    return [by_p, [(1 - a / b) / T if b else at_zero[a > 0] for a, b in zip(P, Q, strict=True)]]


def sizes(kinds: Sequence[str], x: list[mpf], y: list[mpf], dtype: str) -> list[list[Any]]:
    """What the entries of the gradient are differences of."""
    w, z = (weights(kind, values) for kind, values in zip(kinds, (x, y), strict=True))
    S, T = mp.fsum(w), mp.fsum(z)
    P, Q = [v / S for v in w], [v / T for v in z]
    finite = not mp.isinf(truth.relative_entropy(P, Q))
    by_p = [abs(mp.log(a / b)) if a and finite else mpf(0) for a, b in zip(P, Q, strict=True)]
    by_q = [abs(1 - a / b) if b else a for a, b in zip(P, Q, strict=True)]
    noise = [2 * n / BASE[dtype] for n in roundings(kinds, x, y, dtype)]
    by_p = added(P, by_p, noise, [mpf(1)] * len(P))
    by_q = added(Q, by_q, noise, [a / b if b else mpf(1) for a, b in zip(P, Q, strict=True)])
    by_p = [s * (a if in_logs(kinds[0]) else 1 / S) if a else a for s, a in zip(by_p, P)]
    return [by_p, [s * (b if in_logs(kinds[1]) and b else 1 / T) for s, b in zip(by_q, Q)]]


def roundings(kinds: Sequence[str], x: list[mpf], y: list[mpf], dtype: str) -> list[Any]:
    """What the input of each cell loses before the formula starts, as for values."""
    logs = [in_logs(kind) for kind in kinds]
    if all(logs):
        difference = make_discrete.rounding_of_difference
        return [difference(float(a), float(b), dtype) for a, b in zip(x, y, strict=True)]
    w, z = (weights(kind, values) for kind, values in zip(kinds, (x, y), strict=True))
    size = make_discrete.log_size
    return [UNIT[dtype] * size(a, b) * any(logs) for a, b in zip(w, z, strict=True)]


def added(weight: list[mpf], terms: list[mpf], noise: list[mpf], times: list[mpf]) -> list[mpf]:
    """Each term and the mean of all, and each noise as it enters and the mean of all."""
    noise = [n * t for n, t in zip(noise, times, strict=True)]
    mean = mp.fsum(a * (v + n) for a, v, n in zip(weight, terms, noise, strict=True))
    return [v + n + mean for v, n in zip(terms, noise, strict=True)]


def diagonal(kinds: Sequence[str], x: list[mpf], y: list[mpf]) -> list[mpf]:
    """The second derivatives of Σ w log(w/z) − w + z, in logarithms of Σ w and Σ z."""
    w, z = (weights(kind, values) for kind, values in zip(kinds, (x, y), strict=True))
    S, T = mp.fsum(w), mp.fsum(z)
    by_p = [a / S if in_logs(kinds[0]) else 1 / (a * S) if a else a for a in w]
    pairs = zip(w, z, strict=True)
    if in_logs(kinds[1]):
        return by_p + [b / T for b in z]
    return by_p + [a / S / (b * b) if b else b for a, b in pairs]


def directions(kinds: Sequence[str], p: Sequence[float], q: Sequence[float]) -> list[list[float]]:
    """DIRECTIONS, but 0 for counts and where a step leaves the domain: at 0, and at -inf."""

    def step(kind: str, value: float, direction: float) -> float:
        edge = -INF if in_logs(kind) else 0
        return 0.0 if kind == "Counts" or value == edge else direction

    return [
        [step(kind, v, d) for v, d in zip(values, DIRECTIONS[side], strict=True)]
        for side, kind, values in zip("pq", kinds, (p, q), strict=True)
    ]


def second(
    kinds: Sequence[str], p: Sequence[float], q: Sequence[float]
) -> tuple[list[list[Any]], list[Any]]:
    """The Hessian times the directions, for either side, and a size for each side."""
    n, flat = len(p), truth.exactly([*p, *q])
    v = [x for side in directions(kinds, p, q) for x in side]
    total: list[Any] = [mpf(0)] * (2 * n)
    size = [abs(d * a) for d, a in zip(diagonal(kinds, flat[:n], flat[n:]), v, strict=True)]
    for j, step in enumerate(v):
        if not step:
            continue
        moved = []
        for sign in (1, -1):
            x = list(flat)
            x[j] += sign * STEP
            moved.append([g for side in gradient(kinds, x[:n], x[n:]) for g in side])
        for i, (up, down) in enumerate(zip(*moved, strict=True)):
            if up is None:
                total[i] = None
            else:
                entry = mpf(step) * (up - down) / (2 * STEP)
                total[i] += entry
                size[i] += abs(entry)
    return [total[:n], total[n:]], [max(size[:n]), max(size[n:])]


def as_json(x: Any) -> Any:
    """Floats, 0 for what is left of DIGITS digits; infinity as a word."""
    if isinstance(x, list):
        return [as_json(v) for v in x]
    return None if x is None else make_discrete.numbers_as_text(float(mp.chop(x, NOTHING)))


def coarse(x: list[Any]) -> list[Any]:
    """Sizes need three digits."""
    if isinstance(x, list):
        return [coarse(v) for v in x]
    return float(mp.nstr(mp.chop(x, NOTHING), 3))


def row(name: str, kinds: tuple[str, str], p: list[Any], q: list[Any], dtype: str) -> Any:
    made = make_discrete.small_row("derivatives", name, kinds, p, q, dtype)
    out = "float32" if dtype in HALVES else "float64" if dtype == "int64" else dtype
    with truth.digits(DIGITS):
        x, y = truth.exactly(p), truth.exactly(q)
        made |= {"gradient": as_json(gradient(kinds, x, y))}
        made |= {"sizes": coarse(sizes(kinds, x, y, out))}
        if made["truth"] != "inf":
            along, size = second(kinds, p, q)
            made |= {"second": as_json(along), "second_sizes": coarse(size)}
    return {k: as_json(v) if k in "pq" else v for k, v in made.items()}


def rows() -> Iterator[Any]:
    for a in KINDS:
        for b in KINDS:
            for name, x, y, dtypes in cases():
                if (a, b) == ("Counts", "Counts"):
                    continue  # integers have no derivatives, and discrete.json has the values
                for dtype in dtypes if "Counts" not in (a, b) else ("float64",):
                    p, q = (
                        make_discrete.rounded(kind, described(kind, values), dtype)
                        for kind, values in ((a, x), (b, y))
                    )
                    yield row(name, (a, b), p, q, dtype)


def main() -> int:
    return write(TABLE, rows(), check="--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
