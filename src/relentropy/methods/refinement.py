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
    dtype, one = p.arrays()[0].dtype, p is q
    p, q = (f.mapped(_widened).flattened(batch) for f in (p, q))
    values: list[Array] = []
    failures: list[tuple[int, str, str]] = []
    blocks = _blocks(p)
    for block in blocks:
        some_p, some_q = (p, q) if len(blocks) == 1 else (f.rows(block) for f in (p, q))
        value, bad = _refined_block(evaluate, some_p, some_q, absolute)
        values.append(value)
        rows = [] if bad is None else _array.to_numpy(bad).nonzero()[0].tolist()
        for row in rows:
            shown = len(failures) < SHOWN
            said = _what_was_reached(evaluate, some_p, some_q, row, one) if shown else ("", "")
            failures.append((block.start + row, *said))
    if failures:
        raise NotReachedError(what, failures, batch)
    value = values[0] if len(values) == 1 else _array.namespace(values[0]).concat(values)
    return _array.astype(value.reshape(batch), dtype)


def _widened(x: Array) -> Array:
    return _array.astype(x, _array.widest_float(x))


class NotReachedError(ArithmeticError):
    """Two rules do not agree in some rows of a batch: which, of what parameters, and how far."""

    def __init__(
        self, what: str, failures: list[tuple[int, str, str]], batch: tuple[int, ...]
    ) -> None:
        self.what, self.failures = what, failures
        shown = [
            f"of {pair}{f' (row {_place(row, batch)})' if batch else ''} {reached}"
            for row, pair, reached in failures[:SHOWN]
        ]
        more = f"; and {len(failures) - SHOWN} more rows" if len(failures) > SHOWN else ""
        super().__init__(
            f"{what} by quadrature: {'; '.join(shown)}{more}: too far apart to be trusted; try "
            'estimate(p, q, method="monte-carlo")'
            + (" for these rows; the others are answered without them" if batch else "")
        )

    def among(self, rows: list[int], batch: tuple[int, ...]) -> "NotReachedError":
        """The same of the batch from which these rows were taken."""
        failures = [(rows[i], pair, said) for i, pair, said in self.failures]
        return NotReachedError(self.what, failures, batch)


SHOWN = 3
"""So many rows are shown with their parameters."""


def _place(row: int, batch: tuple[int, ...]) -> list[int]:
    """The index of a row of the batch laid out in one axis."""
    found = []
    for n in reversed(batch):
        row, i = divmod(row, n)
        found.append(i)
    return found[::-1]


def _blocks(p: Any) -> list[slice]:
    (rows,) = p.batch_shape
    if rows <= BLOCK_ROWS or _array.framework(p.arrays()[0]) == "jax" or _array.compiling():
        return [slice(0, rows)]
    return [slice(i, i + BLOCK_ROWS) for i in range(0, rows, BLOCK_ROWS)]


def _refined_block(
    evaluate: Evaluation, p: Any, q: Any, absolute: float
) -> tuple[Array, Array | None]:
    """The values, and where the rules do not agree; None where all do, or nobody can look."""
    value, bad = _once(evaluate, p, q, LEVELS[0], absolute)
    xp = _array.namespace(value)
    found = _array.known(xp.any(bad))
    if found is None:
        value, bad = _once(evaluate, p, q, TRACED_LEVEL, absolute)
        return xp.where(bad, float("nan"), value), None
    for level in LEVELS[1:]:
        if not found:
            return value, None
        finer, still_bad = _once(evaluate, p, q, level, absolute)
        value = xp.where(bad, finer, value)
        bad = bad & still_bad
        found = bool(xp.any(bad))
    return value, bad if found else None


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


def _what_was_reached(evaluate: Evaluation, p: Any, q: Any, row: int, one: bool) -> tuple[str, str]:
    """The pair, and what the two rules gave."""
    p, q = (f.rows(slice(row, row + 1)).mapped(_array.stop_gradient) for f in (p, q))
    even, odd = (float(x[0]) for x in evaluate(p, q, LEVELS[-1]))
    p, q = (_written(f.mapped(lambda x: _array.to_numpy(x)[0])) for f in (p, q))
    return p if one else f"{p} and {q}", f"two rules give {even:.12g} and {odd:.12g}"


def _written(p: Any) -> str:
    """With all digits of its parameters, where these are numbers."""
    parameters = p.parameters()
    if len(parameters) < len(p.arrays()) or any(x.ndim for x in parameters.values()):
        return repr(p)
    given = ", ".join(f"{name}={float(x)!r}" for name, x in parameters.items())
    return f"{type(p).__name__}({given})"
