"""The verbs on one or two distributions: relative entropy, cross-entropy, entropy and kin."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from relentropy import _array, _scalar
from relentropy._convert import as_distribution, prepare, prepare_one
from relentropy._families import answer, answer_one, is_family, refuse_axes
from relentropy._labels import read_values
from relentropy._rules import rule_between
from relentropy.distributions.discrete import Discrete

# Its rules register themselves; torch.compile cannot import.
from relentropy.exact.discrete import relative_entropy_of_logs, slopes_of_logs
from relentropy.exact.shannon import (
    cross_entropy_of_discrete,
    entropy_of_discrete,
    slopes_of_cross_entropy,
    slopes_of_entropy,
    surprisals,
)
from relentropy.kernels import blocks, door

Array = Any


def relative_entropy(
    p: Any, q: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None
) -> Array:
    """D(P||Q): the expected extra cost of coding P's data with Q's code.

    D(P||Q) = Σ p log(p/q) >= 0. Not symmetric, and 0 only for equals.

    Args:
        p: P, from which the data come: an array of probabilities (..., K), `LogProbs`,
            `Logits`, `Counts`, a mapping or labelled series; or a family such as `Normal`.
        q: Q, whose code is used; same framework as `p`, same K. Batch axes broadcast, the event
            axis never does. Labelled input aligns by label, a missing label being 0. Any family
            where `p` is one; `rule_for(p, q)` says how the pair is answered.
        axis: the event axis.
        where: boolean mask, broadcast against the arrays; cells where it is False are dropped
            and the rest is renormalised.
        base: base of the logarithm; nats by default, 2 for bits.

    Returns:
        One value a row, in the framework of the input, gradients flowing. float16 and bfloat16
        are accumulated and returned in float32. Exactly 0 for equal inputs; +inf where P has
        mass and Q none, or where the expectation does not exist; NaN, on traced or device arrays,
        for rows that are no distribution.

    Raises:
        TypeError: integers (write 1.0, or Counts), strings, mixed frameworks.
        ValueError: lengths that differ; NumPy rows that are negative, NaN or do not sum to 1.

    Examples:
        >>> from relentropy import relative_entropy
        >>> round(float(relative_entropy([0.5, 0.5], [0.75, 0.25], base=2)), 12)
        0.207518749639
        >>> round(float(relative_entropy([0.75, 0.25], [0.5, 0.5], base=2)), 12)
        0.188721875541

    Source: Kullback & Leibler, "On Information and Sufficiency", Ann. Math. Statist. 22 (1951),
    eq. 2.4.

    """
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    if is_family(p, q):
        refuse_axes(axis, where)
        return answer("relative_entropy", p, q, divisor=log_of_base(base))
    fused = door.answer(
        "relative_entropy", p, q, axis, where, log_of_base(base), relative_entropy_of_logs
    )
    if fused is not None:
        return fused
    rule = rule_between(type(p), type(q))
    return by_formula(rule.function, slopes_of_logs, (p, q), axis, where, base)


kl_divergence = relative_entropy
"""The same function under the name people type."""


def cross_entropy(
    p: Any, q: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None
) -> Array:
    """H(P, Q) = -Σ p log q: the cost of coding P's data with Q's code.

    Arguments, shapes and errors as for `relative_entropy`; +inf where P has mass and Q none.

    >>> from relentropy import cross_entropy
    >>> round(float(cross_entropy([0.5, 0.5], [0.75, 0.25], base=2)), 12)
    1.207518749639

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., theorem 5.4.3.
    """
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    if is_family(p, q):
        refuse_axes(axis, where)
        return answer("cross_entropy", p, q, divisor=log_of_base(base))
    fused = door.answer("cross_entropy", p, q, axis, where, log_of_base(base))
    if fused is not None:
        return fused
    slopes = slopes_of_cross_entropy
    return by_formula(cross_entropy_of_discrete, slopes, (p, q), axis, where, base)


def entropy(p: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None) -> Array:
    """H(P) = -Σ p log p: the mean surprisal, the cost of coding P's data with P's code.

    Arguments, shapes and errors as for `relative_entropy`; 0 for a certain outcome. The gradient
    is 0 by convention at p = 0, where it is infinite.

    >>> from relentropy import entropy
    >>> float(entropy([0.5, 0.5], base=2))
    1.0
    >>> round(float(entropy([0.7, 0.3], base=2)), 4)
    0.8813

    Source: Shannon, "A Mathematical Theory of Communication" (1948), section 6.
    """
    p = as_distribution(p, name="p")
    if is_family(p):
        refuse_axes(axis, where)
        return answer_one("entropy", p, divisor=log_of_base(base))
    fused = door.answer("cross_entropy", p, p, axis, where, log_of_base(base))
    if fused is not None:
        return fused
    return by_formula(entropy_of_discrete, slopes_of_entropy, (p,), axis, where, base)


def surprisal(p: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None) -> Array:
    """-log p of every cell, in the shape of `p`; +inf at p = 0 and in cells dropped by `where`.

    Arguments and errors as for `relative_entropy`.

    >>> from relentropy import surprisal
    >>> surprisal([0.5, 0.25, 0.25], base=2).tolist()
    [1.0, 2.0, 2.0]
    """
    prepared, valid = prepare_one(p, axis=axis, where=where)
    valid = valid if valid is None else valid[..., None]
    value = per_row(surprisals, (prepared,), valid, base)
    return _array.namespace(value).moveaxis(value, -1, axis)


def perplexity(p: Any, q: Any = None, /, *, axis: int = -1, where: Any = None) -> Array:
    """Exp H(P), or exp H(P, Q) with `q`: the number of equally likely cells that cost the same.

    Arguments and errors as for `relative_entropy`. Perplexity has no unit and no base.

    >>> from relentropy import perplexity
    >>> round(float(perplexity([0.25, 0.25, 0.25, 0.25])), 12)
    4.0
    """
    if q is None:
        value = entropy(p, axis=axis, where=where)
    else:
        value = cross_entropy(p, q, axis=axis, where=where)
    with _array.quiet(value):
        return _array.namespace(value).exp(value)


def rel_entr(x: Any, y: Any, /) -> Array:
    """Elementwise x log(x/y), SciPy's name and meaning, on every framework.

    0 at x = 0 <= y, +inf at y = 0 < x and for negative arguments, NaN only from NaN. Arguments
    are real floating arrays that broadcast; nothing is normalised. The gradient with respect to
    x is 0 by convention at x = 0.

    >>> from relentropy import rel_entr
    >>> rel_entr([0.0, 0.5, 0.5], [0.0, 0.0, 0.5]).tolist()
    [0.0, inf, 0.0]
    """
    return _elementwise(_scalar.rel_entr, x, y)


def kl_div(x: Any, y: Any, /) -> Array:
    """Elementwise x log(x/y) - x + y >= 0, SciPy's name and meaning, on every framework.

    y at x = 0, +inf at y = 0 < x and for negative arguments, NaN only from NaN; otherwise as
    `rel_entr`, but without SciPy's cancellation near x = y.

    >>> from relentropy import kl_div
    >>> kl_div([0.0, 0.5, 0.5], [0.5, 0.0, 0.5]).tolist()
    [0.5, inf, 0.0]
    """
    return _elementwise(_scalar.kl_div, x, y)


def entr(x: Any, /) -> Array:
    """Elementwise -x log x, SciPy's name and meaning: 0 at 0, -inf below.

    >>> from relentropy import entr
    >>> entr([0.0, 1.0, -1.0]).tolist()
    [0.0, 0.0, -inf]
    """
    return _elementwise(_scalar.entr, x)


def by_formula(
    formula: Callable[..., Array],
    slopes: Callable[..., Any] | None,
    sides: tuple[Discrete, ...],
    axis: int,
    where: Any,
    base: float | None,
) -> Array:
    """A verb on one or two distributions, one value a row, in blocks of rows where that pays.

    `slopes` gives the same of logits, and a tuple of its derivatives towards each cell of each
    side; without it there are no blocks.
    """
    step = blocks.rows_of_block(sides, axis, where)
    if step is not None and slopes is not None:
        verb = OfRows(formula, slopes, tuple((type(x), x.validate) for x in sides), base)
        return _array.in_row_blocks(verb, step, *(x.values for x in sides))
    prepared, valid = prepared_sides(sides, axis, where)
    return per_row(formula, prepared, valid, base)


def prepared_sides(
    sides: tuple[Discrete, ...], axis: int = -1, where: Any = None
) -> tuple[tuple[Discrete, ...], Any]:
    """`prepare` or `prepare_one`: the distributions, and which rows are valid."""
    if len(sides) == 1:
        one, valid = prepare_one(sides[0], axis=axis, where=where)
        return (one,), valid
    pair = prepare(*sides, axis=axis, where=where)
    return (pair.p, pair.q), pair.valid


@dataclass(frozen=True)
class OfRows:
    """A verb as a function of arrays of logits alone; see `relentropy._array.in_row_blocks`."""

    formula: Callable[..., Array]
    formula_with_slopes: Callable[..., Any]
    kinds: tuple[tuple[type[Discrete], bool | None], ...]
    base: float | None

    def __call__(self, *rows: Array) -> Array:
        return per_row(self.formula, *self._prepared(rows), self.base)

    def slopes(self, *rows: Array) -> tuple[Array, tuple[Array, ...]]:
        sides, valid = self._prepared(rows)
        value, slopes = self.formula_with_slopes(*sides)
        factor, xp = 1 / log_of_base(self.base), _array.namespace(value)
        slopes = tuple(slope * factor for slope in slopes)
        if valid is not None:  # the value of other rows is the constant NaN
            slopes = tuple(xp.where(valid[..., None], slope, 0.0) for slope in slopes)
        return per_row(lambda *_: value, sides, valid, self.base), slopes

    def _prepared(self, rows: tuple[Array, ...]) -> tuple[tuple[Discrete, ...], Any]:
        pairs = zip(self.kinds, rows, strict=True)
        return prepared_sides(tuple(kind(x, validate=v) for (kind, v), x in pairs))


def per_row(
    formula: Callable[..., Array], arguments: tuple[Any, ...], valid: Any, base: float | None
) -> Array:
    """Evaluate a formula in nats; NaN for invalid rows; convert to the base."""
    divisor = log_of_base(base)
    values = arguments[0].values
    with _array.quiet(values):
        value = in_blocks(formula, arguments) if _array.is_numpy(values) else formula(*arguments)
        if valid is not None:
            value = _array.namespace(values).where(valid, value, float("nan"))
        value = value if base is None else value / divisor
        # A lone number is a scalar on NumPy, whichever way the formula went.
        return value[()] if _array.is_numpy(value) else value


BLOCK = 1 << 16
"""Elements in work at once on NumPy: temporaries then stay in the processor's cache."""


def in_blocks(formula: Callable[..., Array], arguments: tuple[Any, ...]) -> Array:
    """The formula over slices of the first batch axis, for NumPy, where every step is a pass."""
    import numpy

    arrays = [x.values for x in arguments]
    batch = numpy.broadcast_shapes(*(x.shape[:-1] for x in arrays))
    cells = arrays[0].shape[-1] * math.prod(batch)
    if not batch or cells <= BLOCK:
        return formula(*arguments)
    step = max(1, batch[0] * BLOCK // cells)
    pieces = []
    for start in range(0, batch[0], step):
        # An array that broadcasts along the first batch axis is used whole in each block.
        slices = [
            x[start : start + step] if x.ndim == len(batch) + 1 and x.shape[0] > 1 else x
            for x in arrays
        ]
        pieces.append(formula(*(a.with_values(x) for a, x in zip(arguments, slices, strict=True))))
    return numpy.concatenate(pieces)


def log_of_base(base: float | None) -> float:
    """log(base); 1 for nats."""
    if base is None:
        return 1.0
    if isinstance(base, bool) or not isinstance(base, int | float):
        raise TypeError(f"base must be a number such as 2 or 10, got {base!r}; None means nats")
    if not (0 < base < float("inf")) or base == 1:
        raise ValueError(f"base must be positive, finite and not 1, got {base}; None means nats")
    return math.log(base)


def _elementwise(formula: Callable[..., Array], *xs: Any) -> Array:
    arrays = [_number_array(x, name) for x, name in zip(xs, "xy", strict=False)]
    xp = _array.namespace(*arrays)
    fused = door.cell_by_cell(formula.__name__, *arrays)
    if fused is not None:
        return fused
    arrays = _array.promote(*arrays)
    with _array.quiet(arrays[0]):
        return formula(xp, *arrays)


def _number_array(x: Any, name: str) -> Array:
    if isinstance(x, float):
        import numpy

        return numpy.float64(x)
    array = read_values(x, name)[0] if _array.framework(x) is None else _array.native(x)
    if not _array.is_floating(array):
        raise TypeError(
            f"{name} must be floating point, got {_array.dtype_name(array)}: write 1.0 instead of 1"
        )
    return array
