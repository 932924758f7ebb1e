"""Numerical answers that say when they are not good enough.

Two independent rules answer with more and more nodes until they agree to 1e-9 of the value, or to
1e-15; otherwise an error says what was reached.
"""

from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy.distributions.family import broadcast_shapes

Array = Any
INF = float("inf")

LEVELS = (60, 180, 540)
"""Nodes on either side of the middle of each piece, tried in turn."""

TRACED_LEVEL = 180
BLOCK_ROWS = 64
"""Rows in work at once: their nodes then stay in the processor's cache."""

Evaluation = Callable[[Any, Any, int], list[Array]]


def tolerance(x: Array) -> float:
    """What two rules may differ by, relative to the value; more where only float32 is at hand."""
    return 1e-9 if _array.dtype_name(x) == "float64" else 1e-4


def refined(evaluate: Evaluation, p: Any, q: Any, what: str, absolute: float = 1e-15) -> Array:
    """The mean of two independent rules, with more nodes until they agree.

    evaluate(p, q, n) gives the value by each rule for families of batch shape (B,). Where they do
    not agree, to 1e-9 of the value or to `absolute`, at the finest level ArithmeticError is raised;
    inside a trace the value is NaN.
    """
    batch = broadcast_shapes(p.batch_shape, q.batch_shape)
    dtype = p.arrays()[0].dtype
    p, q = (f.mapped(_widened).flattened(batch) for f in (p, q))
    value = _in_blocks(lambda a, b: _refined_block(evaluate, a, b, what, absolute), p, q)
    return _array.astype(value.reshape(batch), dtype)


def _widened(x: Array) -> Array:
    return _array.astype(x, _array.widest_float(x))


def _in_blocks(f: Callable[[Any, Any], Array], p: Any, q: Any) -> Array:
    (rows,) = p.batch_shape
    some = p.arrays()[0]
    if rows <= BLOCK_ROWS or _array.framework(some) == "jax" or _array.compiling():
        return f(p, q)
    blocks = [slice(i, i + BLOCK_ROWS) for i in range(0, rows, BLOCK_ROWS)]
    parts = [f(p.rows(block), q.rows(block)) for block in blocks]
    return _array.namespace(some).concat(parts)


def _refined_block(evaluate: Evaluation, p: Any, q: Any, what: str, absolute: float) -> Array:
    value, bad = _once(evaluate, p, q, LEVELS[0], absolute)
    xp = _array.namespace(value)
    found = _array.known(xp.any(bad))
    if found is None:
        value, bad = _once(evaluate, p, q, TRACED_LEVEL, absolute)
        return xp.where(bad, float("nan"), value)
    for level in LEVELS[1:]:
        if not found:
            return value
        finer, still_bad = _once(evaluate, p, q, level, absolute)
        value = xp.where(bad, finer, value)
        bad = bad & still_bad
        found = bool(xp.any(bad))
    if found:
        raise ArithmeticError(_not_reached(evaluate, p, q, bad, what))
    return value


def _once(evaluate: Evaluation, p: Any, q: Any, n: int, absolute: float) -> tuple[Array, Array]:
    """The value, and where the two rules do not agree."""
    even, odd = evaluate(p, q, n)
    xp = _array.namespace(even)
    # Infinities agree with themselves, and their difference is NaN.
    value = xp.where(even == odd, even, (even + odd) / 2)
    still, error = _array.stop_gradient(value), _array.stop_gradient(even - odd)
    error = xp.where(xp.abs(still) < INF, xp.abs(error) / 2, 0.0)
    good = (error <= tolerance(value) * xp.abs(still)) | (error <= absolute)
    return value, ~good | xp.isnan(still)


def _not_reached(evaluate: Evaluation, p: Any, q: Any, bad: Array, what: str) -> str:
    import numpy

    row = int(numpy.argmax(_array.to_numpy(bad)))
    p, q = (f.rows(slice(row, row + 1)).mapped(_array.stop_gradient) for f in (p, q))
    even, odd = (float(x[0]) for x in evaluate(p, q, LEVELS[-1]))
    p, q = (f.mapped(lambda x: _array.to_numpy(x)[0]) for f in (p, q))
    return (
        f"{what} of {p!r} and {q!r} by quadrature: two rules give {even:.12g} and {odd:.12g}, "
        "too far apart to be trusted; try "
        'estimate(p, q, method="monte-carlo")'
    )
