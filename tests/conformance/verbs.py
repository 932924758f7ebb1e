"""The second table of conformance: every verb on arrays, its value and its gradient.

Values are held to the relative error of relative entropy; entries of gradients to the same,
relative to the sizes of tests/tables/make_verbs.py.
"""

import functools
import json
import math
from typing import Any

import numpy as np

import relentropy
from tests.backends import Backend
from tests.conformance.calculus import Function, gradients
from tests.conformance.cells import INF, error_of_entry
from tests.tables import make_verbs
from tests.tables.make_discrete import BASE

DTYPES = ("float64", "float32")
QUANTITIES = ("value", "gradient")
VERBS = tuple(make_verbs.EXACT)
ROWS = 12


def le_cam(r: Any) -> Any:
    """(r − 1)² / (r + 1): a generator whose slope at infinity is 1."""
    return (r - 1) * ((r - 1) / (r + 1))


WITH_ARGUMENTS: dict[str, Function] = {
    "renyi, order 1/2": lambda p, q: relentropy.renyi(p, q, 0.5),
    "renyi, order 2": lambda p, q: relentropy.renyi(p, q, 2.0),
    "tsallis, order 2": lambda p, q: relentropy.tsallis(p, q, 2.0),
    "f_divergence (Le Cam)": lambda p, q: relentropy.f_divergence(p, q, le_cam, at_infinity=1.0),
}
JOINT = ("mutual_information", "conditional_entropy", "conditional_relative_entropy")


def bound(dtype: str) -> float:
    return BASE[dtype]


@functools.cache
def rows(verb: str, dtype: str) -> tuple[dict[str, Any], ...]:
    every = json.loads(make_verbs.TABLE.read_text(encoding="utf-8"))
    return tuple(r for r in every if (r["verb"], r["dtype"]) == (verb, dtype))


def function(verb: str) -> Function:
    f = WITH_ARGUMENTS.get(verb) or getattr(relentropy, verb)
    if verb not in JOINT:
        return f

    def of_tables(*sides: Any) -> Any:
        return f(*(x.reshape(-1, 2, 2) if hasattr(x, "reshape") else _reshape(x) for x in sides))

    return of_tables


def _reshape(x: Any) -> Any:
    """A tensor of TensorFlow has no method for it."""
    import tensorflow

    return tensorflow.reshape(x, (-1, 2, 2))


def quantities(framework: str) -> tuple[str, ...]:
    return ("value",) if framework == "numpy" else QUANTITIES


def key(framework: str, verb: str, dtype: str, quantity: str) -> str:
    """The name of a cell in docs/figures/conformance.json."""
    return f"{framework} {verb} {dtype} {quantity}"


def cell(xp: Backend, verb: str, dtype: str, quantity: str) -> float:
    """The worst error over the rows, in one batch."""
    found = rows(verb, dtype)
    if quantity == "gradient":
        found = tuple(row for row in found if "gradient" in row)
    batch = (found * ROWS)[:ROWS]
    sides = {
        name: xp.array([row["sides"][k] for row in batch], dtype)
        for k, name in enumerate("pq"[: len(batch[0]["sides"])])
    }
    f = function(verb)
    if quantity == "value":
        host = xp.numpy(f(*sides.values()))
        return max(error_of_value(host[i], row) for i, row in enumerate(batch))
    got = [xp.numpy(g) for g in gradients(xp, f, sides, list(sides)).values()]
    return max(
        error_of_entry(float(v), t, size)
        for i, row in enumerate(batch)
        for g, truths, size in zip(got, row["gradient"], row["sizes"], strict=True)
        for v, t in zip(g[i], truths, strict=True)
    )


def error_of_value(got: Any, row: dict[str, Any]) -> float:
    """The worst of the row's one value, or of its cells."""
    expected = np.atleast_1d(np.asarray(row["truth"], dtype=float))
    pairs = zip(np.atleast_1d(got).tolist(), expected.tolist(), strict=True)
    return max(_relative(v, t) for v, t in pairs)


def _relative(got: float, truth: float) -> float:
    if got == truth:
        return 0.0
    if math.isinf(truth) or truth == 0 or not math.isfinite(got):
        return INF
    return abs(got / truth - 1)
