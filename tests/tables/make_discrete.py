"""Make the table of discrete relative entropies: python -m tests.tables.make_discrete

Writes discrete.json beside this file: the inputs as exact floats, the truth as 30 decimal
digits, and the tolerances. `--check` compares with the file instead of writing it.

The truth is Σ p log(p/q) of the normalised distributions, in so many digits that cancellation
does not matter (`tests/truth.py`). The inputs of a row are rounded to its dtype first, and the
truth is that of the rounded numbers. How far a value may be off:

* rtol is 1e-12 in float64 and 1e-5 in float32 and half precision (computed in float32).
* Where a row's own input forces a rounding before the formula starts (a − b of two logits that is
  not a float; log p next to a logit), rtol grows by twice the effect of that rounding on D:
  Σ |p − q| |rounding error| / D, and `why` says so.
* atol is 0 unless D is below what that rounding leaves, and `why` says so.
* `flushed` is the truth with subnormal inputs taken as zero, for backends that do so.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from tests import truth
from tests.backends import FLOATS, as_dtype
from tests.tables import rules

TABLE = Path(__file__).with_name("discrete.json")
INF = float("inf")
WIDE = ("float64", "float32")
UNIT = {"float64": 2.0**-53, "float32": 2.0**-24}
BASE = {"float64": 1e-12, "float32": 1e-5}
SMALLEST_NORMAL = {"float64": 2.0**-1022, "float32": 2.0**-126}

Case = tuple[str, str, str, Any, str, Any, tuple[str, ...]]


def result_dtype(dtype: str) -> str:
    return "float64" if dtype == "float64" else "float32"


# --- the cases, as numbers before rounding ------------------------------------------------------


def plain() -> Iterator[Case]:
    pairs = {
        "fair coin against 70/30": ([0.5, 0.5], [0.7, 0.3]),
        "70/30 against fair coin": ([0.7, 0.3], [0.5, 0.5]),
        "the two directions, forward": ([0.36, 0.48, 0.16], [1 / 3, 1 / 3, 1 / 3]),
        "the two directions, reverse": ([1 / 3, 1 / 3, 1 / 3], [0.36, 0.48, 0.16]),
        "three quarters": ([0.75, 0.25], [0.25, 0.75]),
        "dyadic": ([0.5, 0.25, 0.125, 0.125], [0.125, 0.125, 0.25, 0.5]),
        "loaded die": ([0.1, 0.1, 0.1, 0.1, 0.1, 0.5], [1 / 6] * 6),
        "die against loaded die": ([1 / 6] * 6, [0.1, 0.1, 0.1, 0.1, 0.1, 0.5]),
        "one cell": ([1.0], [1.0]),
        "equal, two cells": ([0.5, 0.5], [0.5, 0.5]),
        "equal, inexact tenths": ([0.1] * 10, [0.1] * 10),
        "equal, one third": ([1 / 3] * 3, [1 / 3] * 3),
        "equal, uneven": ([0.7, 0.2, 0.1], [0.7, 0.2, 0.1]),
        "Bernoulli .5 against 1e-2": ([0.5, 0.5], [0.01, 0.99]),
        "Bernoulli .01 against .5": ([0.01, 0.99], [0.5, 0.5]),
        "geometric tails": (
            [2.0**-i for i in range(1, 12)] + [2.0**-11],
            [2.0**-11] + [2.0**-i for i in range(11, 0, -1)],
        ),
    }
    for name, (p, q) in pairs.items():
        yield "plain", name, "Probs", p, "Probs", q, FLOATS


def zeros() -> Iterator[Case]:
    pairs = {
        "zero on both sides": ([0.5, 0.5, 0.0], [0.25, 0.75, 0.0]),
        "zero on both sides, equal": ([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]),
        "zero in p": ([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]),
        "zero in q": ([0.25, 0.25, 0.5], [0.5, 0.5, 0.0]),
        "zeros crossed": ([0.5, 0.5, 0.0], [0.5, 0.0, 0.5]),
        "disjoint": ([1.0, 0.0], [0.0, 1.0]),
        "disjoint halves": ([0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]),
        "many zeros in p": ([0.0, 0.0, 0.0, 1.0], [0.25, 0.25, 0.25, 0.25]),
        "many shared zeros": ([0.0, 0.75, 0.0, 0.25, 0.0], [0.0, 0.25, 0.0, 0.75, 0.0]),
        "negative zero in p": ([-0.0, 1.0], [0.5, 0.5]),
        "negative zero in q": ([0.5, 0.5], [-0.0, 1.0]),
        "negative zero in both": ([-0.0, 0.5, 0.5], [0.0, 0.25, 0.75]),
        "a small cell that q lacks": ([0.999, 0.001], [1.0, 0.0]),
        "mass where p is zero": ([1.0, 0.0], [0.25, 0.75]),
        "leading zeros": ([0.0, 0.0, 0.5, 0.5], [0.125, 0.125, 0.25, 0.5]),
    }
    for name, (p, q) in pairs.items():
        yield "zeros", name, "Probs", p, "Probs", q, FLOATS


def one_hot() -> Iterator[Case]:
    for k in (2, 4, 10):
        hot = [1.0] + [0.0] * (k - 1)
        uniform = [1 / k] * k
        yield "one-hot", f"one-hot against uniform, {k}", "Probs", hot, "Probs", uniform, FLOATS
        yield "one-hot", f"uniform against one-hot, {k}", "Probs", uniform, "Probs", hot, FLOATS
        yield "one-hot", f"one-hot against itself, {k}", "Probs", hot, "Probs", hot, FLOATS
    for r in (1e-2, 1e-4, 1e-5, 1e-7, 1e-8, 1e-12, 1e-17, 1e-30):
        close, hot = [1.0 - r, r], [1.0, 0.0]
        yield "one-hot", f"one-hot against residue {r:g}", "Probs", hot, "Probs", close, WIDE
        yield (
            "one-hot",
            f"residue {r:g} against ten times it",
            "Probs",
            close,
            "Probs",
            [
                1.0 - 10 * r,
                10 * r,
            ],
            WIDE,
        )
    for r in (1e-17, 1e-100, 1e-300):
        three = [1.0, r, r / 2], [1.0, r / 3, 4 * r]
        yield (
            "one-hot",
            f"two residues of {r:g}",
            "Probs",
            three[0],
            "Probs",
            three[1],
            ("float64",),
        )
    far = [1.0 - 1e-17, 1e-17], [1e-17, 1.0]
    yield "one-hot", "opposite corners, residue 1e-17", "Probs", far[0], "Probs", far[1], WIDE
    yield "one-hot", "q all residue", "Probs", [1e-17, 1.0], "Probs", [1e-25, 1.0], WIDE
    yield "one-hot", "p loses its residue", "Probs", [1.0, 1e-25], "Probs", [1.0, 1e-17], WIDE


def step(value: float, dtype: str, ulps: int) -> float:
    """`value` in `dtype`, moved by that many units in the last place."""
    x = as_dtype([value], dtype)
    integer = x.view({2: np.int16, 4: np.int32, 8: np.int64}[x.itemsize])
    return float((integer + integer.dtype.type(ulps)).view(x.dtype)[0])


def ulps_apart() -> Iterator[Case]:
    rows = {
        "two cells": ([0.1, 0.9], [1, 0]),
        "both cells": ([0.5, 0.5], [1, -1]),
        "quarter and rest": ([0.25, 0.75], [1, -1]),
        "three cells": ([0.2, 0.3, 0.5], [1, -1, 0]),
        "thirds": ([1 / 3, 1 / 3, 1 / 3], [0, 1, -1]),
        "four cells": ([0.1, 0.2, 0.3, 0.4], [1, -1, 1, -1]),
        "a small cell": ([1e-5, 1 - 1e-5], [1, 0]),
        "a tiny cell": ([1e-10, 1.0], [1, 0]),
    }
    for dtype in FLOATS:
        distances = (1, 100, 10_000) if dtype in WIDE else (1,)
        for name, (values, moves) in rows.items():
            for ulps in distances:
                if dtype in ("float16", "bfloat16") and name.startswith("a "):
                    continue
                p = as_dtype(values, dtype).astype(np.float64).tolist()
                q = [step(v, dtype, ulps * m) for v, m in zip(p, moves, strict=True)]
                label = f"{ulps} ulp apart, {name}"
                yield "ulps", label, "Probs", p, "Probs", q, (dtype,)
                yield "ulps", label + ", swapped", "Probs", q, "Probs", p, (dtype,)


def near() -> Iterator[Case]:
    """D from 1 down to 1e-20 (float64), to the limit of the format (float32)."""
    q = [0.05, 0.1, 0.15, 0.2, 0.22, 0.28]
    tilt = [1.0, -0.5, 0.8, -0.3, 0.4, -0.6]
    for k in range(11):
        for scale in (1.0, 0.3):
            size = scale * 10.0**-k * 0.5
            w = [v * (1 + size * t) for v, t in zip(q, tilt, strict=True)]
            p = [v / sum(w) for v in w]
            dtypes = WIDE if k <= 6 else ("float64",)
            yield "near", f"relative noise {size:.2g}", "Probs", p, "Probs", q, dtypes
            logs = [float(mp.log(v)) for v in q]
            moved = [v + size * t for v, t in zip(logs, tilt, strict=True)]
            yield "near", f"logits, noise {size:.2g}", "Logits", moved, "Logits", logs, dtypes


def extreme_ratio() -> Iterator[Case]:
    only64 = ("float64",)
    rows: list[tuple[str, list[float], list[float], tuple[str, ...]]] = [
        ("q subnormal, p/q overflows", [0.5, 0.5], [5e-324, 1.0], only64),
        ("q subnormal in float32", [0.5, 0.5], [1e-44, 1.0], WIDE),
        ("p/q overflows, normal q", [1.0 - 1e-16, 1e-16], [1e-307, 1.0], only64),
        ("p/q overflows in float32", [0.5, 0.5], [1e-37, 1.0], WIDE),
        ("p/q underflows", [1e-300, 1.0], [0.5, 0.5], only64),
        ("p/q underflows in float32", [1e-37, 1.0], [0.5, 0.5], WIDE),
        ("both subnormal", [1e-310, 1.0], [1e-309, 1.0], only64),
        ("both subnormal, swapped", [1e-309, 1.0], [1e-310, 1.0], only64),
        ("both subnormal in float32", [1e-42, 1.0], [1e-40, 1.0], ("float32",)),
        ("smallest subnormal in p", [5e-324, 1.0], [0.5, 0.5], only64),
        ("smallest subnormal in both", [5e-324, 1.0], [5e-324, 1.0], only64),
        ("smallest normal against half", [2.0**-1022, 1.0], [0.5, 0.5], only64),
        ("half against smallest normal", [0.5, 0.5], [2.0**-1022, 1.0], only64),
        ("smallest float32 normal", [0.5, 0.5], [2.0**-126, 1.0], WIDE),
        ("Bernoulli .5 against 1e-20", [0.5, 0.5], [1e-20, 1.0], WIDE),
        ("Bernoulli .1 against 1e-30", [0.1, 0.9], [1e-30, 1.0], WIDE),
        ("Bernoulli .5 against 1e-7", [0.5, 0.5], [1e-7, 1 - 1e-7], WIDE),
        ("ratio 1e200 twice", [0.5, 0.5, 0.0], [1e-200, 1e-200, 1.0], only64),
        ("tiny against tinier", [1e-30, 1.0], [1e-35, 1.0], WIDE),
        ("tinier against tiny", [1e-35, 1.0], [1e-30, 1.0], WIDE),
        ("1e-300 against 1e-200", [1e-300, 1.0], [1e-200, 1.0], only64),
        ("q has 1e-12 where p has none", [1.0, 0.0], [1.0 - 1e-12, 1e-12], only64),
        ("float16 subnormal", [0.5, 0.5], [6e-8, 1.0], FLOATS),
        ("float16 smallest", [2.0**-24, 1.0], [2.0**-14, 1.0], FLOATS),
        ("one cell of 1e-3 in q", [0.25, 0.75], [0.001, 0.999], FLOATS),
    ]
    for name, p, q, dtypes in rows:
        yield "ratio", name, "Probs", p, "Probs", q, dtypes


def unnormalised() -> Iterator[Case]:
    """Sums that miss 1: by rounding, or within what the library accepts."""
    tilt = [0.3, 0.25, 0.2, 0.15, 0.1]
    flat = [0.2] * 5
    for off in (1e-15, -1e-15, 1e-9, -1e-9, 1e-6, 1e-4, -1e-4, 5e-4):
        scaled = [v * (1 + off) for v in tilt]
        dtypes = WIDE if abs(off) >= 1e-7 else ("float64",)
        yield "sums", f"p sums to 1{off:+g}", "Probs", scaled, "Probs", flat, dtypes
        yield "sums", f"q sums to 1{off:+g}", "Probs", flat, "Probs", scaled, dtypes
        both = [v * (1 + off) for v in flat]
        yield "sums", f"both sum to 1{off:+g}", "Probs", scaled, "Probs", both, dtypes
    for off in (1e-9, 1e-4):
        w = [v * (1 + s) for v, s in zip(tilt, [1e-7, -1e-7, 2e-7, -2e-7, 0], strict=True)]
        moved = [v * (1 + off) for v in w]
        name = f"nearly equal and p sums to 1{off:+g}"
        yield "sums", name, "Probs", moved, "Probs", tilt, ("float64",)
    for k in (3, 6, 7, 10, 30, 49):
        hill = [(1 + i % 5) for i in range(k)]
        p = [v / sum(hill) for v in hill]
        yield "sums", f"ratios of integers, {k} cells", "Probs", p, "Probs", [1 / k] * k, FLOATS


def tilted(k: int, seed: int) -> list[float]:
    return rules.bell(seed, k).tolist()


def logits() -> Iterator[Case]:
    for i, k in enumerate((2, 3, 5, 17, 64)):
        a, b = tilted(k, 100 + i), tilted(k, 200 + i)
        yield "logits", f"random, {k} cells", "Logits", a, "Logits", b, FLOATS
        yield (
            "logits",
            f"random, {k} cells, scale 10",
            "Logits",
            [10 * v for v in a],
            "Logits",
            [10 * v for v in b],
            FLOATS,
        )
        yield "logits", f"random against uniform, {k}", "Logits", a, "Logits", [0.0] * k, FLOATS
        yield "logits", f"uniform against random, {k}", "Logits", [0.0] * k, "Logits", a, FLOATS
        yield "logits", f"equal, {k} cells", "Logits", a, "Logits", a, FLOATS
        for noise in (1e-2, 1e-4, 1e-6):
            near_a = [v + noise * w for v, w in zip(a, b, strict=True)]
            yield "logits", f"noise {noise:g}, {k} cells", "Logits", near_a, "Logits", a, WIDE
    for noise in (1e-8, 1e-10):
        a, b = tilted(17, 103), tilted(17, 203)
        near_a = [v + noise * w for v, w in zip(a, b, strict=True)]
        yield "logits", f"noise {noise:g}", "Logits", near_a, "Logits", a, ("float64",)
    grid = [0.5, -1.25, 2.0, 0.25]
    moved = [0.75, -1.0, 1.5, 0.25]
    for c in (1.0, -7.0, 1e2, 1e4, -1e4, 1e5):
        up = [v + c for v in grid]
        yield "offset", f"common offset {c:g}, equal", "Logits", up, "Logits", grid, WIDE
        yield "offset", f"common offset {c:g}", "Logits", up, "Logits", moved, WIDE
        both = [v + c for v in moved]
        yield "offset", f"the same offset {c:g} twice", "Logits", up, "Logits", both, WIDE
    for c in (1e4, 3e5):
        small = [v + 2.0**-4 * t for v, t in zip(grid, [1, -1, 0, 1], strict=True)]
        up = [v + c for v in small]
        yield "offset", f"offset {c:g} over a small difference", "Logits", up, "Logits", grid, WIDE


def infinite_logits() -> Iterator[Case]:
    rows = {
        "[0, -inf] against [0, 0] is log 2": ([0.0, -INF], [0.0, 0.0]),
        "[0, 0] against [0, -inf]": ([0.0, 0.0], [0.0, -INF]),
        "shared -inf": ([0.0, 1.0, -INF], [1.0, 0.0, -INF]),
        "shared -inf, equal": ([0.0, 1.0, -INF], [0.0, 1.0, -INF]),
        "crossed -inf": ([0.0, -INF, 1.0], [0.0, 1.0, -INF]),
        "two -inf in p": ([0.5, -INF, -INF, 1.0], [0.0, 1.0, 2.0, -1.0]),
        "-inf in p and shared": ([0.5, -INF, -INF, 1.0], [0.0, 1.0, -INF, -1.0]),
        "only one finite in each, same": ([-INF, 3.0, -INF], [-INF, -2.0, -INF]),
        "only one finite in p": ([-INF, 3.0, -INF], [1.0, -2.0, 0.5]),
        "disjoint": ([0.0, -INF], [-INF, 0.0]),
        "masked vocabulary": ([1.0, 2.0, 3.0] + [-INF] * 9, [2.0, 2.0, 2.0] + [-INF] * 9),
        "most of q where p has none": ([0.0, -INF], [-20.0, 0.0]),
        "all but 1e-17 of q where p has none": ([0.0, -INF], [-40.0, 0.0]),
        "almost none of q where p has none": ([0.0, -INF], [40.0, 0.0]),
    }
    for name, (a, b) in rows.items():
        yield "-inf", name, "Logits", a, "Logits", b, FLOATS


def large_logits() -> Iterator[Case]:
    rows = {
        "Bernoulli logits 0 against 20": ([0.0, 0.0], [0.0, 20.0]),
        "Categorical [0,0] against [0,-200]": ([0.0, 0.0], [0.0, -200.0]),
        "[0,-1e4] against uniform": ([0.0, -1e4], [0.0, 0.0]),
        "uniform against [0,-1e4]": ([0.0, 0.0], [0.0, -1e4]),
        "opposite corners, 1e4": ([0.0, -1e4], [-1e4, 0.0]),
        "opposite corners, ±1e4": ([1e4, -1e4], [-1e4, 1e4]),
        "±1e4, equal": ([1e4, -1e4, 0.0], [1e4, -1e4, 0.0]),
        "±1e4 against itself moved": ([1e4, -1e4, 1e4], [1e4, -1e4, 9999.0]),
        "all 1e4": ([1e4, 1e4 + 1], [1e4, 1e4 - 1]),
        "all -1e4": ([-1e4, -1e4 + 1], [-1e4, -1e4 - 1]),
        "spread of 1e4": ([0.0, 5e3, 1e4], [1e4, 5e3, 0.0]),
        "[0,-100] against [0,-101]": ([0.0, -100.0], [0.0, -101.0]),
        "[0,-40] against [0,-41]": ([0.0, -40.0], [0.0, -41.0]),
        "[0,-30] against [0,-80]": ([0.0, -30.0], [0.0, -80.0]),
        "[0,-80] against [0,-30]": ([0.0, -80.0], [0.0, -30.0]),
        "[0,-25] against [0,0]": ([0.0, -25.0], [0.0, 0.0]),
        "[0,-31] against [0,0]": ([0.0, -31.0], [0.0, 0.0]),
        "[0,-29] against [0,0]": ([0.0, -29.0], [0.0, 0.0]),
        "[0,-29,-31] against [-60,0,1]": ([0.0, -29.0, -31.0], [-60.0, 0.0, 1.0]),
        "residue e-700": ([0.0, -700.0], [0.0, -690.0]),
        "[0,-740] against uniform": ([0.0, -740.0], [0.0, 0.0]),
        "uniform against [0,-740]": ([0.0, 0.0], [0.0, -740.0]),
        "exp overflows in float32": ([0.0, 0.0, 0.0], [0.0, 90.0, -90.0]),
        "exp overflows in float64": ([0.0, 0.0, 0.0], [0.0, 800.0, -800.0]),
        "a far tail that q likes": ([0.0, -60.0], [-60.0, 0.0]),
        "three scales": ([0.0, -10.0, -1000.0], [-1000.0, 0.0, -10.0]),
    }
    for name, (a, b) in rows.items():
        yield "large logits", name, "Logits", a, "Logits", b, FLOATS if max(a + b) < 6e4 else WIDE
    huge = ([1e38, 0.0], [0.0, 1e38])
    yield "large logits", "logits of 1e38", "Logits", huge[0], "Logits", huge[1], WIDE
    huge = ([1e308, 0.0], [0.0, 1e308])
    yield "large logits", "logits of 1e308", "Logits", huge[0], "Logits", huge[1], ("float64",)


def logs(values: list[float]) -> list[float]:
    return [float(mp.log(v)) if v else -INF for v in values]


def log_probs() -> Iterator[Case]:
    pairs = {
        "fair coin against 70/30": ([0.5, 0.5], [0.7, 0.3]),
        "thirds": ([1 / 3] * 3, [0.36, 0.48, 0.16]),
        "equal": ([0.7, 0.2, 0.1], [0.7, 0.2, 0.1]),
        "-inf in p": ([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]),
        "-inf in q": ([0.25, 0.25, 0.5], [0.5, 0.5, 0.0]),
        "-inf in both": ([0.5, 0.5, 0.0], [0.25, 0.75, 0.0]),
        "one-hot": ([1.0, 0.0], [0.5, 0.5]),
        "one-hot, equal": ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
        "disjoint": ([1.0, 0.0], [0.0, 1.0]),
        "loaded die": ([1 / 6] * 6, [0.1, 0.1, 0.1, 0.1, 0.1, 0.5]),
        "ten cells": ([(i + 1) / 55 for i in range(10)], [(10 - i) / 55 for i in range(10)]),
    }
    for name, (p, q) in pairs.items():
        yield "log-probs", name, "LogProbs", logs(p), "LogProbs", logs(q), FLOATS
    for r in (1e-5, 1e-17, 1e-100, 1e-300):
        p, q = [1.0 - r, r], [1.0 - r / 2, r / 2]
        dtypes = WIDE if r > 1e-38 else ("float64",)
        a = [float(mp.log1p(-mpf(r))), float(mp.log(r))]
        b = [float(mp.log1p(-mpf(r) / 2)), float(mp.log(mpf(r) / 2))]
        yield "log-probs", f"residue {r:g}", "LogProbs", a, "LogProbs", b, dtypes
    deep = ([0.0, -1e4], [0.0, -2e4])
    yield "log-probs", "a cell of e-10000", "LogProbs", deep[0], "LogProbs", deep[1], WIDE
    half = ([0.0, -1e4], logs([0.5, 0.5]))
    yield "log-probs", "e-10000 against fair", "LogProbs", half[0], "LogProbs", half[1], WIDE
    yield "log-probs", "fair against e-10000", "LogProbs", half[1], "LogProbs", half[0], WIDE
    q = [0.05, 0.1, 0.15, 0.2, 0.22, 0.28]
    for noise in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10):
        w = [v * (1 + noise * (-1) ** i * (i + 1)) for i, v in enumerate(q)]
        p = [v / sum(w) for v in w]
        name = f"relative noise {noise:g}"
        dtypes = WIDE if noise >= 1e-6 else ("float64",)
        yield "log-probs", name, "LogProbs", logs(p), "LogProbs", logs(q), dtypes


def counts() -> Iterator[Case]:
    pairs = {
        "coin": ([5, 5], [7, 3]),
        "coin of another size": ([5, 5], [70, 30]),
        "equal": ([3, 1, 4], [3, 1, 4]),
        "proportional": ([3, 1, 4], [6, 2, 8]),
        "proportional by 3": ([1, 2, 3], [3, 6, 9]),
        "unseen in q": ([1, 2, 3], [0, 3, 3]),
        "unseen in p": ([0, 3, 3], [1, 2, 3]),
        "unseen in both": ([0, 3, 3], [0, 2, 4]),
        "one observation": ([1, 0, 0], [1, 1, 1]),
        "disjoint": ([4, 0], [0, 4]),
        "one cell": ([7], [3]),
        "1e12 against one more": ([10**12, 10**12], [10**12 + 1, 10**12]),
        "1e15": ([10**15, 1], [10**15, 2]),
        "a rare cell": ([10**9, 1], [10**9, 1000]),
        "a million and one": ([10**6, 10**6 + 1], [10**6 + 1, 10**6]),
        "die": ([10, 11, 9, 12, 8, 10], [15, 7, 9, 12, 8, 9]),
        "zeros and ones": ([1, 0, 1, 0, 1], [1, 1, 1, 1, 1]),
        "many against few": ([0, 41241], [1, 1]),
        "few against many": ([1, 1], [41240, 1]),
        "1e9 against two": ([10**9, 0], [1, 1]),
        "two against 1e9": ([1, 1], [10**9, 7]),
        "1e15 against three": ([10**15, 2 * 10**15], [1, 2]),
        "nearly the proportions of ten times as many": ([1001, 2999, 6000], [10000, 30001, 59999]),
        "nearly the proportions of 1e6 times as many": ([3, 2], [3 * 10**6 + 1, 2 * 10**6 - 1]),
    }
    for name, (p, q) in pairs.items():
        yield "counts", name, "Counts", p, "Counts", q, ("int64",)


def mixed() -> Iterator[Case]:
    """Every ordered pair of different descriptions."""
    p, q = [0.5, 0.3125, 0.125, 0.0625], [0.25, 0.25, 0.25, 0.25]
    z, s = [0.5, 0.25, 0.25, 0.0], [0.25, 0.25, 0.25, 0.25]
    o = [0.5, 0.5, 0.0, 0.0]
    pairs = {
        "full support": (p, q),
        "zero in p": (z, p),
        "zero in q": (p, z),
        "zero in both": (z, o),
        "zero in both, q wider": (o, z),
        "equal": (s, s),
        "near": ([0.25 + 2**-12, 0.25 - 2**-12, 0.25, 0.25], s),
        "one-hot in p": ([1.0, 0.0, 0.0, 0.0], p),
    }
    kinds = ("Probs", "LogProbs", "Logits", "Counts")

    def described(kind: str, values: list[float]) -> list[Any]:
        if kind == "Counts":
            return [int(v * 4096) for v in values]
        if kind == "Probs":
            return values
        lift = 3.0 if kind == "Logits" else 0.0
        return [v + lift for v in logs(values)]

    for a in kinds:
        for b in kinds:
            if a == b:
                continue
            for name, (x, y) in pairs.items():
                label = f"{a} against {b}: {name}"
                dtypes = ("float64",) if "Counts" in (a, b) else WIDE
                yield "mixed", label, a, described(a, x), b, described(b, y), dtypes


SMALL = (
    plain,
    zeros,
    one_hot,
    ulps_apart,
    near,
    extreme_ratio,
    unnormalised,
    logits,
    infinite_logits,
    large_logits,
    log_probs,
    counts,
    mixed,
)

BIG: list[tuple[str, str, str, str, dict[str, Any], tuple[str, ...]]] = [
    *(
        (
            f"V = 32000, noise {noise:g}",
            "Logits",
            "Logits",
            "noisy_logits",
            {"size": 32_000, "noise": noise, "seed": 7},
            WIDE,
        )
        for noise in (1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    ),
    *(
        (
            f"V = 32000, offset {offset:g}, noise {noise:g}",
            "Logits",
            "Logits",
            "offset_logits",
            {"size": 32_000, "noise": noise, "offset": offset, "seed": 11},
            WIDE,
        )
        for offset, noise in ((100.0, 1.0), (1e4, 1.0), (1e4, 0.1))
    ),
    ("V = 151936, noise .01", "Logits", "Logits", "noisy_logits",
     {"size": 151_936, "noise": 0.01, "seed": 13}, WIDE),
    ("V = 1e5, scale 10", "Logits", "Logits", "noisy_logits",
     {"size": 100_000, "noise": 1.0, "seed": 17, "scale": 10.0}, WIDE),
    ("V = 1e5, integer weights", "Probs", "Probs", "ramp_probs",
     {"size": 100_000, "levels": 40, "seed": 19}, WIDE),
    ("V = 1e6, integer weights", "Probs", "Probs", "ramp_probs",
     {"size": 1_000_000, "levels": 40, "seed": 23}, WIDE),
    *(
        (
            f"V = 32000, relative noise {noise:g}",
            "Probs",
            "Probs",
            "near_probs",
            {"size": 32_000, "noise": noise, "seed": 29},
            WIDE if noise >= 1e-6 else ("float64",),
        )
        for noise in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)
    ),
    ("V = 1e6, uniform against 1/i", "Probs", "Probs", "zipf_probs",
     {"size": 1_000_000, "flat": True}, WIDE),
    ("V = 1e5, 1/i against its mirror", "Probs", "Probs", "zipf_probs",
     {"size": 100_000, "flat": False}, WIDE),
    ("V = 1e6, half empty", "Probs", "Probs", "half_empty", {"size": 1_000_000}, WIDE),
    ("V = 1e5 counts", "Counts", "Counts", "big_counts",
     {"size": 100_000, "levels": 30, "seed": 31}, ("int64",)),
]  # fmt: skip


# --- truth and tolerance ------------------------------------------------------------------------


def rounded(kind: str, values: Any, dtype: str) -> list[Any]:
    if kind == "Counts":
        return [int(v) for v in values]
    return as_dtype(values, dtype).astype(np.float64).tolist()


def acceptable(kind: str, values: list[Any], dtype: str) -> bool:
    """Whether the numbers are still a distribution after rounding to the dtype."""
    if kind in ("Counts", "Logits"):
        return True
    tolerance = 1e-3 if dtype in WIDE else 1.5e-2
    total = sum(np.exp(values)) if kind == "LogProbs" else sum(values)
    return abs(total - 1) <= tolerance


def needed_digits(*sides: list[mpf]) -> int:
    """Enough to hold 1 + the square of the smallest cell."""
    smallest = min(v for side in sides for v in side if v)
    return int(60 + 2 * max(mpf(0), -mp.log10(smallest)))


def values_of(kind_p: str, p: Any, kind_q: str, q: Any) -> tuple[mpf, list[mpf], list[mpf]]:
    with truth.digits(40):
        need = needed_digits(truth.distribution(kind_p, p), truth.distribution(kind_q, q))
    with truth.digits(min(need, 20_000)):
        P, Q = truth.distribution(kind_p, p), truth.distribution(kind_q, q)
        return truth.relative_entropy(P, Q), P, Q


def tolerance(
    kinds: tuple[str, str], p: Any, q: Any, dtype: str, D: mpf, P: list[mpf], Q: list[mpf]
) -> tuple[float, float, str]:
    """(rtol, atol, why)."""
    out = result_dtype(dtype) if dtype != "int64" else "float64"
    base, u = BASE[out], UNIT[out]
    if mp.isinf(D):
        return 0.0, 0.0, ""
    if set(kinds) <= {"Logits", "LogProbs"}:
        if p == q:
            return 0.0, 0.0, ""
        inexact = [rounding_of_difference(a, b, out) for a, b in zip(p, q, strict=True)]
        effect = mp.fsum(e * slope(x, y, D) for e, x, y in zip(inexact, P, Q, strict=True))
        square = mp.fsum(e * e * x for e, x in zip(inexact, P, strict=True))
        why = "a − b is not exact" if effect else ""
    elif set(kinds) <= {"Probs", "Counts"}:
        if proportional(P, Q) and p != q:
            return base, 1e3 * u * u, "equal after normalising: rounding leaves its square"
        return base, 0.0, ""
    else:
        size = [log_size(x, y) for x, y in zip(P, Q, strict=True)]
        effect = 2 * u * mp.fsum(s * abs(x - y) for s, x, y in zip(size, P, Q, strict=True))
        square = mp.fsum((2 * u * s) ** 2 * (x + y) for s, x, y in zip(size, P, Q, strict=True))
        why = "one side's logarithms (or exponentials) are rounded"
    if not effect and not square:
        return base, 0.0, why
    atol = float(4 * square) if 1000 * square / base > D else 0.0
    return (float(base + 2 * effect / D) if D else base), atol, why


def slope(x: mpf, y: mpf, D: mpf) -> mpf:
    """How much D moves with log(p/q) of a cell; where p vanishes beside q, D needs only q."""
    return abs(x - y) if x and mp.log(x / y) - D > -30 else x


def proportional(P: list[mpf], Q: list[mpf]) -> bool:
    with truth.digits(40):
        return all(abs(x - y) <= mpf(10) ** -30 * x for x, y in zip(P, Q, strict=True))


def rounding_of_difference(a: float, b: float, dtype: str) -> mpf:
    if a == -INF or b == -INF:
        return mpf(0)
    with np.errstate(over="ignore"):
        d = float(np.subtract(np.dtype(dtype).type(a), np.dtype(dtype).type(b)))
    exact = mpf(a) - mpf(b)
    return mpf(0) if np.isinf(d) or exact == mpf(d) else UNIT[dtype] * abs(exact)


def log_size(x: mpf, y: mpf) -> mpf:
    return 1 + (abs(mp.log(x)) if x else 0) + (abs(mp.log(y)) if y else 0)


def text(x: mpf) -> str:
    with truth.digits(40):
        return "inf" if mp.isinf(x) else mp.nstr(+x, 30, strip_zeros=True)


def flushed(values: list[Any], dtype: str) -> list[Any]:
    tiny = SMALLEST_NORMAL[result_dtype(dtype)]
    return [0.0 if 0 < abs(v) < tiny else v for v in values]


def small_rows() -> Iterator[dict[str, Any]]:
    for make in SMALL:
        for topic, name, kind_p, raw_p, kind_q, raw_q, dtypes in make():
            for dtype in dtypes:
                p, q = rounded(kind_p, raw_p, dtype), rounded(kind_q, raw_q, dtype)
                if not (acceptable(kind_p, p, dtype) and acceptable(kind_q, q, dtype)):
                    continue
                yield small_row(topic, name, (kind_p, kind_q), p, q, dtype)


def small_row(
    topic: str, name: str, kinds: tuple[str, str], p: list[Any], q: list[Any], dtype: str
) -> dict[str, Any]:
    D, P, Q = values_of(kinds[0], p, kinds[1], q)
    if p == q and kinds[0] == kinds[1]:
        D = mpf(0)
    rtol, atol, why = tolerance(kinds, p, q, dtype, D, P, Q)
    row = {"topic": topic, "name": name, "dtype": dtype, "kinds": list(kinds), "p": p, "q": q}
    row |= {"truth": text(D), "rtol": float(f"{rtol:.2g}"), "atol": float(f"{atol:.2g}")}
    if why:
        row["why"] = why
    linear = [k in ("Probs",) for k in kinds]
    if dtype != "int64" and any(linear):
        zero_p = flushed(p, dtype) if linear[0] else p
        zero_q = flushed(q, dtype) if linear[1] else q
        if (zero_p, zero_q) != (p, q):
            row["flushed"] = text(values_of(kinds[0], zero_p, kinds[1], zero_q)[0])
    return row


def grouped(p: np.ndarray, q: np.ndarray) -> tuple[list[Any], list[Any], list[int]]:
    """The distinct pairs of cells and how often each occurs: a million cells have few."""
    pairs, times = np.unique(np.stack([p, q]), axis=1, return_counts=True)
    return pairs[0].tolist(), pairs[1].tolist(), times.tolist()


def big_row(name: str, kind_p: str, kind_q: str, rule: str, args: Any, dtype: str) -> Any:
    p, q = (x.astype(np.float64) for x in rules.RULES[rule](dtype, **args))
    with truth.digits(50):
        P, Q, times = weighted(kind_p, kind_q, *grouped(p, q))
        D = mp.fsum(n * a * mp.log(a / b) for a, b, n in zip(P, Q, times, strict=True) if a)
    out = result_dtype(dtype) if dtype != "int64" else "float64"
    rtol, why = BASE[out], ""
    if kind_p == "Logits":
        e = np.where((p - q).astype(out) == p - q, 0.0, np.abs(p - q) * UNIT[out])
        # Enough digits for a tolerance: the effect of one rounding of each a − b.
        pp, qq = (np.exp(x - x.max()) / np.exp(x - x.max()).sum() for x in (p, q))
        extra = 2 * float((e * np.abs(pp - qq)).sum()) / float(D)
        rtol, why = rtol + extra, "a − b is not exact" if extra else ""
    row = {"topic": "large vocabulary", "name": name, "dtype": dtype, "kinds": [kind_p, kind_q]}
    row |= {"rule": rule, "arguments": args, "truth": text(D)}
    row |= {"rtol": float(f"{rtol:.2g}"), "atol": 0.0}
    return row | ({"why": why} if why else {})


def weighted(kind_p: str, kind_q: str, p: Any, q: Any, times: list[int]) -> Any:
    sides = []
    for kind, x in ((kind_p, p), (kind_q, q)):
        x = [mp.exp(v) for v in truth.exactly(x)] if kind == "Logits" else truth.exactly(x)
        total = mp.fsum(n * v for n, v in zip(times, x, strict=True))
        sides.append([v / total for v in x])
    return sides[0], sides[1], times


def big_rows() -> Iterator[dict[str, Any]]:
    for name, kind_p, kind_q, rule, args, dtypes in BIG:
        for dtype in dtypes:
            yield big_row(name, kind_p, kind_q, rule, args, dtype)


def numbers_as_text(x: Any) -> Any:
    """JSON has no infinity: write it as a word."""
    if isinstance(x, list):
        return [numbers_as_text(v) for v in x]
    return str(x) if isinstance(x, float) and abs(x) == INF else x


def main() -> int:
    rows = [*small_rows(), *big_rows()]
    lines = []
    for row in rows:
        cells = {k: numbers_as_text(v) for k, v in row.items()}
        lines.append(json.dumps(cells, ensure_ascii=False, allow_nan=False))
    made = "[\n" + ",\n".join(lines) + "\n]\n"
    if "--check" in sys.argv[1:]:
        return int(made != TABLE.read_text(encoding="utf-8"))
    TABLE.write_text(made, encoding="utf-8")
    names = {(r["topic"], r["name"]) for r in rows}
    print(f"{TABLE.name}: {len(names)} cases, {len(rows)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
