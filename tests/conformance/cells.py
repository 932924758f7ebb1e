"""The cells of the conformance matrix: the worst error of a framework, a pair, a dtype, a quantity.

The page docs/conformance.md shows them, and the tests hold each to its bound. A cell is a number,
or a word from EXPLAINED that says why there is none.

The error of a value is |value − truth|, relative to the truth and whatever the rounding of that
row's input leaves beside it: so much that it meets the bound exactly where it meets the row's own
tolerances (tests/tables/make_discrete.py). The error of an entry of a derivative is relative to
its size (tests/tables/make_derivatives.py). Where the truth is 0 or infinite the result must be
so too; otherwise, and for NaN, the error is infinite.
"""

import functools
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mpmath import mpf

import relentropy
from tests.backends import Backend
from tests.conformance.calculus import COMPILERS, Function, compiled, gradients, second_derivatives
from tests.tables import make_derivatives, reading
from tests.tables.make_discrete import BASE

INF = math.inf
KINDS = ("Probs", "LogProbs", "Logits", "Counts")
DTYPES = ("float64", "float32", "float16", "bfloat16")
QUANTITIES = ("value", "compiled", "gradient", "second derivative")
ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Unit roundoff: a derivative comes back in the dtype of what it is the derivative by."""

EXPLAINED = {
    "no derivatives": "NumPy does not differentiate.",
    "no compiler": "NumPy compiles nothing.",
    "integers": "`Counts` are integers, which have no derivatives; beside other descriptions, "
    "derivatives are with respect to these.",
}

Row = reading.Row
Kinds = tuple[str, str]


def pairs() -> list[tuple[Kinds, str]]:
    """The rows of the matrix: ordered pairs of descriptions, each with its dtypes."""
    found = []
    for a in KINDS:
        for b in KINDS:
            counted = [a, b].count("Counts")
            dtypes = {0: DTYPES, 1: ("float64",), 2: ("int64",)}[counted]
            found += [((a, b), dtype) for dtype in dtypes]
    return found


def explanation(framework: str, kinds: Kinds, quantity: str) -> str | None:
    """Why there is no number in a cell, or None."""
    if quantity == "compiled":
        return "no compiler" if framework == "numpy" else None
    if quantity == "value":
        return None
    if kinds == ("Counts", "Counts"):
        return "integers"
    return "no derivatives" if framework == "numpy" else None


def result_dtype(dtype: str) -> str:
    return "float64" if dtype in ("float64", "int64") else "float32"


def bound(dtype: str, quantity: str) -> float:
    base = BASE[result_dtype(dtype)]
    return base if quantity in ("value", "compiled") else base + ROUNDING.get(dtype, 0.0)


@functools.cache
def derivatives() -> tuple[Row, ...]:
    text = make_derivatives.TABLE.read_text(encoding="utf-8")
    return tuple(json.loads(text, object_hook=_with_infinities))


def _with_infinities(row: Row) -> Row:
    words = {"inf": INF, "-inf": -INF}

    def number(x: Any) -> Any:
        return [number(v) for v in x] if isinstance(x, list) else words.get(x, x)

    return {k: number(v) if isinstance(v, list) and k != "kinds" else v for k, v in row.items()}


def rows_with_derivatives(kinds: Kinds, dtype: str) -> list[Row]:
    return [r for r in derivatives() if (tuple(r["kinds"]), r["dtype"]) == (kinds, dtype)]


def rows_with_values(kinds: Kinds, dtype: str) -> list[Row]:
    rows = [r for r in reading.small(dtype=dtype) if tuple(r["kinds"]) == kinds]
    return rows + rows_with_derivatives(kinds, dtype)


def cell(xp: Backend, kinds: Kinds, dtype: str, quantity: str, compiler: str = "") -> float:
    """The worst error, computed in as few batches as possible."""
    if quantity in ("value", "compiled"):
        groups = reading.filled_groups(rows_with_values(kinds, dtype))
        f = _value if quantity == "value" else functools.partial(_compiled, compiler)
        return max(_worst_value(xp, group, f) for group in groups)
    return worst_derivative(xp, rows_with_derivatives(kinds, dtype), quantity)


def function(xp: Backend, rows: Sequence[Row]) -> tuple[Function, dict[str, Any]]:
    """The relative entropy of a batch of rows, and its arrays by side."""
    kinds, dtype = rows[0]["kinds"], rows[0]["dtype"]
    sides = {
        side: xp.array([row[side] for row in rows], "int64" if kind == "Counts" else dtype)
        for side, kind in zip("pq", kinds, strict=True)
    }

    def f(p: Any, q: Any) -> Any:
        described = (getattr(relentropy, kind)(x) for kind, x in zip(kinds, (p, q), strict=True))
        return relentropy.relative_entropy(*described)

    return f, sides


def _value(xp: Backend, f: Function, xs: Sequence[Any]) -> Any:
    return f(*xs)


def _compiled(compiler: str, xp: Backend, f: Function, xs: Sequence[Any]) -> Any:
    return compiled(xp, f, compiler)(*xs)


def _worst_value(xp: Backend, rows: list[Row], compute: Callable[..., Any]) -> float:
    f, sides = function(xp, rows)
    values = compute(xp, f, tuple(sides.values()))
    dtype = result_dtype(rows[0]["dtype"])
    assert xp.is_native(values)
    assert xp.dtype_of(values) == dtype
    host = xp.numpy(values)
    return max(error_of_value(xp, row, host[i], dtype) for i, row in enumerate(rows))


def error_of_value(xp: Backend, row: Row, value: float, dtype: str) -> float:
    """Against the truth, or that of inputs whose subnormal numbers are flushed to zero."""
    truths = [row["truth"]]
    if xp.flushes_subnormals and "flushed" in row:
        truths.append(row["flushed"])
    step, largest = reading.smallest_step(xp, dtype), float(np.finfo(dtype).max)
    return min(_error(row, float(value), t, BASE[dtype], step, largest) for t in truths)


def _error(row: Row, value: float, truth: str, base: float, step: float, largest: float) -> float:
    expected = float(mpf(truth))
    if expected > largest:
        expected = INF
    if value == expected:
        return 0.0
    must_be_exact = expected == INF or (truth == "0.0" and row["atol"] == 0)
    if must_be_exact or not 0 <= value < INF:
        return INF
    return abs(value - expected) * base / (row["rtol"] * expected + row["atol"] + step)


def worst_derivative(xp: Backend, rows: list[Row], quantity: str) -> float:
    """Over all rows of one pair and dtype, sixteen to a batch, of which the last repeats some."""
    if quantity == "second derivative":
        rows = [row for row in rows if "second" in row]
    batch = (rows * BATCH)[:BATCH]
    assert len(rows) <= BATCH
    f, sides = function(xp, batch)
    wanted = [s for s, kind in zip("pq", batch[0]["kinds"], strict=True) if kind != "Counts"]
    if quantity == "gradient":
        found = gradients(xp, f, sides, wanted)
    else:
        along = make_derivatives.directions
        steps = [along(row["kinds"], row["p"], row["q"]) for row in batch]
        directions = {side: [s["pq".index(side)] for s in steps] for side in wanted}
        found = second_derivatives(xp, f, sides, directions, batch[0]["dtype"])
    host = {side: xp.numpy(x) for side, x in found.items()}
    return max(
        error_of_derivative(xp, row, side, host[side][i], quantity)
        for i, row in enumerate(batch)
        for side in wanted
    )


BATCH = 16


def error_of_derivative(
    xp: Backend, row: Row, side: str, got: Sequence[float], quantity: str
) -> float:
    k, limit = "pq".index(side), bound(row["dtype"], quantity)
    first = quantity == "gradient"
    truths = row["gradient" if first else "second"][k]
    sizes = row["sizes"][k] if first else [row["second_sizes"][k]] * len(truths)
    step = smallest_step(xp, row["dtype"]) / limit
    entries = zip(got, truths, sizes, strict=True)
    return max(error_of_entry(float(v), t, s + step) for v, t, s in entries)


def error_of_entry(got: float, truth: float | None, size: float) -> float:
    """|got − truth| / size; a number is not asked for where truth is None, only that it is one."""
    if truth is None:
        return INF if math.isnan(got) else 0.0
    if got == truth:
        return 0.0
    return abs(got - truth) / size if size and math.isfinite(got) else INF


def smallest_step(xp: Backend, dtype: str) -> float:
    """What underflow alone may cost a derivative, which has the dtype of its input."""
    if dtype == "float16":
        return 4.0 * 2.0**-24
    return reading.smallest_step(xp, result_dtype(dtype))


def key(framework: str, kinds: Kinds, dtype: str, quantity: str) -> str:
    """The name of a cell in docs/figures/conformance.json."""
    return f"{framework} {'‖'.join(kinds)} {dtype} {quantity}"


IN_OTHER_COMPILERS: tuple[tuple[Kinds, str], ...] = (
    (("Probs", "Probs"), "float64"),
    (("Probs", "Probs"), "float32"),
    (("Logits", "Logits"), "float32"),
)
"""What is shown of the compilers that are not the first: they take half a minute a cell."""


def other_compilers() -> list[tuple[str, str]]:
    return [(name, other) for name, ways in COMPILERS.items() for other in ways[1:]]
