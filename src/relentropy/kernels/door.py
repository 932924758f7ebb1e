"""The door: who may enter the kernels. Everything else takes the formulas, which say the same.

`answer` is None where the kernels are not to be used: other inputs, too few numbers, numba not
installed, or rows that the formulas have to judge. Importing this imports nothing.
"""

import math
import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from relentropy import _array
from relentropy.distributions.discrete import Discrete, LogProbs, Logs, Probs
from relentropy.kernels.threads import over_rows

Array = Any

MANY = 1 << 13
"""Cells from which the kernels answer, the first time half a second later for loading numba.

The size alone decides: the last digits of an answer must not depend on what was asked before.
"""

SWITCH = "RELENTROPY_KERNELS"
"""Environment: 0 never uses the kernels, 1 always, where numba is installed."""

HELD = {
    "float32": "float32",
    "float64": "float64",
    "float16": "int16",
    "bfloat16": "uint16",
    "uint16": "uint16",  # bfloat16 of a framework, by its bits
}
"""As what each dtype enters. numba has no half precision on processors: its bits stand for it."""

_kernels: Any = None
"""The module of kernels: None before it is loaded, False where it cannot be."""


def answer(
    verb: str,
    p: Any,
    q: Any,
    axis: int,
    where: Any,
    divisor: float,
    formula: Callable[[Any, Any], Array] | None = None,
    options: tuple[float, ...] = (),
) -> Array | None:
    """The verb by a kernel, one value a row; None where the formulas are to answer.

    `formula`: the same of a prepared pair in nats, for derivatives beyond the first; without it
    there is no gradient.
    """
    if where is not None or _array.compiling():
        return None
    a = entering(p, axis)
    b = a if q is p else entering(q, axis)
    shape = None if a is None or b is None else common_shape(p, q)
    if shape is None or not worth(math.prod(shape)):
        return None
    # Asking the framework costs as much as a short row: not where the arrays are NumPy's own.
    wanted = not (a is p.values and b is q.values) and wants_gradient(p, q)
    if wanted and (formula is None or not may_have_gradient(p, a, b)):
        return None
    if not loaded():
        return None
    if wanted and formula is not None:
        return with_gradient((p, a), (q, b), divisor, formula)
    return by_rows(verb, (p, a), (q, b), shape, divisor, options)


def gradients(p: Any, q: Any, axis: int, divisor: float) -> tuple[Array, Array, Array] | None:
    """Relative entropy of NumPy's logits, with both gradients; None where the formulas answer."""
    a, b = entering(p, axis), entering(q, axis)
    if a is None or b is None or common_shape(p, q) is None or not may_have_gradient(p, a, b):
        return None
    if not worth(a.size) or not loaded():
        return None
    slopes = evaluated_slopes((p, a), (q, b))
    if slopes is None:
        return None
    import numpy

    value = slopes.d.reshape(a.shape[:-1])[()] / divisor
    factor = numpy.full(slopes.d.shape, 1 / divisor, slopes.d.dtype)
    toward_p, toward_q = slopes.gradients((True, True), factor)
    return value, toward_p, toward_q


def cell_by_cell(verb: str, *xs: Array) -> Array | None:
    """`rel_entr`, `kl_div` or `entr` of arrays of one shape; None where the formulas answer."""
    if _array.compiling():
        return None
    plain = [held(_array.plain(x)) for x in xs]
    a, b = plain[0], plain[-1]
    if a is None or b is None or a.shape != b.shape or a.dtype != b.dtype or not worth(a.size):
        return None
    if any(_array.wants_gradient(x) for x in xs) or not loaded():
        return None
    import numpy

    from relentropy.kernels import elementwise

    kernel = elementwise.compiled(verb, a.dtype)
    x, y = (numpy.ascontiguousarray(v).reshape(1, -1) for v in (a, b))
    out = numpy.empty(x.shape, result_dtype(a))
    over_rows(lambda i, j: kernel(x, y, out, i, j), out.size, out.size)
    return _array.from_plain(xs[0], out.reshape(a.shape)[()])


def enters(p: Any, q: Any) -> bool:
    """Whether the kernels would be asked for the pair, as things are; nothing is loaded to tell."""
    a, b = entering(p, -1), entering(q, -1)
    shape = None if a is None or b is None else common_shape(p, q)
    if shape is None or not worth(math.prod(shape)):
        return False
    if wants_gradient(p, q) and not may_have_gradient(p, a, b):
        return False
    return bool(_kernels) or (_kernels is None and find_spec("numba") is not None)


def entering(x: Any, axis: int) -> Array | None:
    """The values, if they are of a kind and dtype that the kernels take, event axis last."""
    if not isinstance(x, (Logs, Probs)) or x.labels is not None:
        return None
    values = held(_array.plain(x.values))
    if values is None or not values.shape or axis not in (-1, values.ndim - 1):
        return None
    return values


def held(values: Array | None) -> Array | None:
    """A NumPy array as the kernels take it; None where they do not."""
    if values is None or 0 in values.shape or not values.flags.aligned:
        return None
    dtype = held_as(values.dtype)
    if dtype is None:
        return None
    return values if values.dtype == dtype else values.view(dtype)


@cache
def held_as(dtype: Any) -> Any:
    """The dtype as which numbers of a dtype enter; None where they do not."""
    import numpy

    name = HELD.get(dtype.name)
    if name is None or not dtype.isnative:
        return None
    return numpy.dtype(name)


def result_dtype(values: Array) -> Any:
    """float64 for itself, float32 for all others."""
    import numpy

    return numpy.dtype("float64" if values.dtype.itemsize == 8 else "float32")


def common_shape(p: Discrete, q: Discrete) -> tuple[int, ...] | None:
    """The batch axes and the cells of a pair; None where they or the kinds do not agree."""
    if isinstance(p, Probs) != isinstance(q, Probs):
        return None
    shape_p, shape_q = tuple(p.values.shape), tuple(q.values.shape)
    kinds_differ = type(p.values) is not type(q.values)
    if kinds_differ and _array.framework(p.values) != _array.framework(q.values):
        return None
    if p.values.dtype != q.values.dtype:
        return None
    if shape_p == shape_q:
        return shape_p
    if shape_p[-1] != shape_q[-1]:
        return None
    import numpy

    try:
        return (*numpy.broadcast_shapes(shape_p[:-1], shape_q[:-1]), shape_p[-1])
    except ValueError:
        return None


def wants_gradient(p: Discrete, q: Discrete) -> bool:
    return _array.wants_gradient(p.values) or _array.wants_gradient(q.values)


def may_have_gradient(p: Discrete, a: Array, b: Array) -> bool:
    """Whether the kernels of gradients take a pair: logs, not broadcast."""
    return bool(isinstance(p, Logs) and a.shape == b.shape)


def worth(cells: int, enough: int = MANY) -> bool:
    """Whether so many cells are enough."""
    switch = os.environ.get(SWITCH)
    if switch is not None and switch in ("0", "1"):
        return switch == "1"
    return cells >= enough


def loaded() -> bool:
    """Whether the kernels can be used, after trying to load them."""
    global _kernels
    if _kernels is None:
        try:
            from relentropy.kernels import rows as _kernels
        except ImportError:
            _kernels = False
    return bool(_kernels)


def by_rows(
    verb: str,
    p: tuple[Discrete, Array],
    q: tuple[Discrete, Array],
    shape: tuple[int, ...],
    divisor: float,
    options: tuple[float, ...],
) -> Array | None:
    """One value a row; None where a row is no distribution, of which the formulas have to speak."""
    import numpy

    count = math.prod(shape[:-1])
    a, b = as_rows(p[1], shape), as_rows(q[1], shape)
    out = numpy.empty(count, result_dtype(a))
    tolerances = tolerance(*p), tolerance(*q)
    if not filled(kernels_of(p[0]), verb, (a, b, tolerances, *options), out, count * shape[-1]):
        return None
    if divisor != 1.0:
        out /= divisor
    value = out.reshape(shape[:-1])[()]
    return value if p[1] is p[0].values else _array.from_plain(p[0].values, value)


def filled(module: Any, name: str | None, inputs: tuple[Any, ...], out: Array, cells: int) -> bool:
    """Whether a loop of the module, or one that takes the rest after it, left no NaN in `out`."""
    while name is not None:
        loop = module.compiled(name, inputs[0].dtype)

        def piece(i: int, j: int, loop: Any = loop) -> None:
            loop(*inputs, out, i, j)

        over_rows(piece, len(out), cells)
        total = out.sum(dtype="float64") if len(out) > 1 else out[0]
        if not math.isnan(total):  # cheaper than to ask each; no row is -inf
            return True
        name = module.REST.get(name)
    return False


def kernels_of(x: Discrete) -> Any:
    """The module whose loops take a kind of rows."""
    if isinstance(x, Probs):
        from relentropy.kernels import weights

        return weights
    return _kernels


def with_gradient(
    p: tuple[Discrete, Array],
    q: tuple[Discrete, Array],
    divisor: float,
    formula: Callable[[Any, Any], Array],
) -> Array | None:
    """`by_rows` of relative entropy, as a step whose gradient the framework can ask for."""

    def differentiable(x: Array, y: Array) -> Array:
        return formula(p[0].with_values(x), q[0].with_values(y))

    slopes = evaluated_slopes(p, q, differentiable)
    if slopes is None:
        return None
    value = _array.with_slopes(slopes, p[0].values, q[0].values)
    return value if divisor == 1.0 else value / divisor


def evaluated_slopes(
    p: tuple[Discrete, Array],
    q: tuple[Discrete, Array],
    formula: Callable[[Array, Array], Array] | None = None,
) -> Any:
    """Values of relative entropy, and what its gradients need; None where a row is invalid."""
    import numpy

    from relentropy.kernels.gradient import Slopes

    slopes = Slopes(numpy.ascontiguousarray(p[1]), numpy.ascontiguousarray(q[1]), formula)
    return slopes if slopes.evaluated((tolerance(*p), tolerance(*q))) else None


def as_rows(x: Array, shape: tuple[int, ...]) -> Array:
    """Two axes, contiguous, with all rows or a single one that stands for all."""
    import numpy

    if x.size != shape[-1] and x.shape != shape:
        x = numpy.broadcast_to(x, shape)
    if not x.flags.c_contiguous:
        x = numpy.ascontiguousarray(x)
    return x.reshape(-1, shape[-1])


def tolerance(x: Discrete, values: Array) -> float:
    """How far the sum of a row may miss 1 where it should be 1, as in `relentropy._convert`."""
    if not isinstance(x, (LogProbs, Probs)) or x.validate is False:
        return math.inf
    return 1e-3 if values.dtype.itemsize > 2 else 2e-2
