"""What is this? `as_distribution` says, and `prepare` brings a pair into one shape."""

from collections import Counter
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._labels import align as align_labels
from relentropy.bridges import library_of, read
from relentropy.distributions.discrete import Counts, Discrete, Logits, LogProbs, Probs, Weights
from relentropy.distributions.family import Family

TOLERANCE = 1e-3
"""How far the sum of a row of probabilities may miss 1; in half precision 2e-2."""


def as_distribution(x: Any, /, *, name: str = "x") -> Any:
    """The distribution that `x` describes.

    A distribution or a family is returned as it is. A raw array or a list of floats is `Probs`; a
    mapping or labelled series is `Probs` with labels; a `collections.Counter` is `Counts`. Objects
    of torch.distributions, scipy.stats, NumPyro, TensorFlow Probability and Distrax become the
    distributions that they describe, in their framework, gradients intact.

    Errors: TypeError that says what came and what to type instead.

    >>> from relentropy import as_distribution
    >>> as_distribution({"heads": 0.7, "tails": 0.3})
    Probs({'heads': 0.7, 'tails': 0.3})
    """
    if isinstance(x, (Discrete, Family)):
        return x
    try:
        library = library_of(x) if _array.framework(x) is None else None
        if library is not None:
            return read(x, library)
        return Counts(x) if isinstance(x, Counter) else Probs(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {str(error).removeprefix('Probs: ')}") from None


def align(p: Discrete, q: Discrete) -> tuple[Discrete, Discrete]:
    """The pair over the same cells: by label where both have labels, otherwise by position."""
    values_p, values_q, labels = align_labels(
        p.values, p.labels, p.missing, q.values, q.labels, q.missing
    )
    return p.with_values(values_p, labels), q.with_values(values_q, labels)


class Pair(NamedTuple):
    """Two distributions ready for a formula: event axis last, one dtype, masked cells empty.

    `valid` is None, or a boolean array over the rows that may turn out to be no distribution.
    """

    p: Discrete
    q: Discrete
    valid: Any


def prepare(p: Any, q: Any, /, *, axis: int = -1, where: Any = None) -> Pair:
    """Convert, align, promote, mask and validate a pair."""
    p, q = align(as_distribution(p, name="p"), as_distribution(q, name="q"))
    _array.namespace(p.values, q.values)
    p, q = (event_last(x, axis, name) for x, name in ((p, "p"), (q, "q")))
    if not _may_agree(p.values.shape[-1], q.values.shape[-1]):
        raise ValueError(
            f"p has {p.values.shape[-1]} cells along the event axis and q has "
            f"{q.values.shape[-1]}; they must be the same cells in the same order (give mappings "
            "to align by label)"
        )
    if p.values.shape[-1] is None or q.values.shape[-1] is None:
        p = p.with_values(_array.of_equal_length(p.values, q.values), p.labels)
    _require_broadcast(p, q)
    p, valid_p = masked_and_valid(p, axis, where, "p")
    q, valid_q = masked_and_valid(q, axis, where, "q")
    values_p, values_q = _array.promote(p.values, q.values)
    valid = valid_p if valid_q is None else valid_q if valid_p is None else valid_p & valid_q
    return Pair(p.with_values(values_p, p.labels), q.with_values(values_q, q.labels), valid)


def _require_broadcast(p: Discrete, q: Discrete) -> None:
    batches = [tuple(x.values.shape[:-1]) for x in (p, q)]
    for n, m in zip(*(reversed(batch) for batch in batches), strict=False):
        if not _may_agree(n, m) and 1 not in (n, m):
            raise ValueError(
                f"p has batch axes {batches[0]} and q has {batches[1]} beside the event axis; "
                "they must be equal or broadcast"
            )


def _may_agree(n: int | None, m: int | None) -> bool:
    """Whether two lengths are equal, as far as is known: in a trace of TensorFlow one is None."""
    return n == m or n is None or m is None


def prepare_one(
    p: Any, /, *, axis: int = -1, where: Any = None, name: str = "p"
) -> tuple[Discrete, Any]:
    """`prepare` for verbs with a single distribution: it, and which rows are valid."""
    p = event_last(as_distribution(p, name=name), axis, name)
    p, valid = masked_and_valid(p, axis, where, name)
    (values,) = _array.promote(p.values)
    return p.with_values(values, p.labels), valid


def event_last(x: Discrete, axis: int, name: str) -> Discrete:
    """Bring the event axis to the end, as floating point; an empty axis raises."""
    values = _array.native(x.values)
    if not hasattr(axis, "__index__"):
        raise TypeError(f"axis is {axis!r}; expected a whole number, such as -1")
    if not -len(values.shape) <= axis < len(values.shape):
        raise ValueError(f"{name}: axis {axis} does not exist in an array of shape {values.shape}")
    values = _array.event_last(values, axis)
    if values.shape[-1] == 0:
        raise ValueError(f"{name}: the event axis is empty; a distribution needs at least one cell")
    if isinstance(x, Counts):
        values = _array.astype(values, _array.widest_float(values))
    return x.with_values(values, x.labels)


def masked_and_valid(x: Discrete, axis: int, where: Any, name: str) -> tuple[Discrete, Any]:
    """Empty the cells that `where` drops, then ask which rows are distributions."""
    xp = _array.namespace(x.values)
    if where is not None:
        mask = _mask(x.values, axis, where)
        x = x.with_values(xp.where(mask, x.values, x.missing), x.labels)
    if x.validate is False:
        return x, None
    with _array.quiet(x.values):
        if _plainly_valid(x, whole=where is None):
            return x, None
        problems = list(_problems(x, whole=where is None))
        if x.validate or _array.is_numpy(x.values):
            found = [_array.known(xp.any(bad)) for bad, _ in problems]
            for (bad, complaint), seen in zip(problems, found, strict=True):
                if seen:
                    raise ValueError(_message(x, bad, complaint, name))
            if None not in found:  # in a trace nobody can look
                return x, None
        valid = ~problems[0][0]
        for bad, _ in problems[1:]:
            valid = valid & ~bad
        return x, valid


def _mask(values: Any, axis: int, where: Any) -> Any:
    if isinstance(where, list | tuple):
        import numpy

        where = numpy.asarray(where)
    _array.namespace(values, where)
    if _array.dtype_name(where) != "bool":
        raise TypeError(f"where must be boolean, got {_array.dtype_name(where)}")
    where = _array.event_last(where, axis if len(where.shape) > 1 else -1)
    if where.shape[-1] != 1 and not _may_agree(where.shape[-1], values.shape[-1]):
        raise ValueError(
            f"where has {where.shape[-1]} cells along the event axis, the distribution "
            f"{values.shape[-1]}"
        )
    return where


def _plainly_valid(x: Discrete, whole: bool) -> bool:
    """Whether a look at NumPy's values, cheaper than `_problems`, tells that there are none."""
    v = x.values
    if not (whole and _array.is_numpy(v) and v.size) or _array.is_half(v):
        return False
    if isinstance(x, Probs):
        return bool(v.min() >= 0 and abs(v.sum(axis=-1) - 1).max() <= TOLERANCE)
    return isinstance(x, Logits) and bool((abs(v.max(axis=-1)) < float("inf")).all())


def _problems(x: Discrete, whole: bool) -> Any:
    """(rows that have it, complaint) for each way in which a row can fail to be a distribution."""
    xp, v = _array.namespace(x.values), _array.stop_gradient(x.values)
    tolerance = 2e-2 if _array.is_half(v) else TOLERANCE
    (v,) = _array.promote(v)
    yield xp.any(xp.isnan(v), axis=-1), "contains NaN"
    if isinstance(x, Weights):
        total = xp.sum(v, axis=-1)
        yield xp.any(v < 0, axis=-1), "contains a negative entry"
        yield ~((total > 0) & (total < float("inf"))), "has no mass, or infinite mass: sum {total}"
        if isinstance(x, Probs) and whole:
            yield xp.abs(total - 1) > tolerance, "sums to {total} instead of 1; divide by the sum"
        if isinstance(x, Counts):
            yield xp.any(v != xp.floor(v), axis=-1), "has fractional counts; divide by the sum"
        return
    top = xp.max(v, axis=-1)
    yield ~((top > -float("inf")) & (top < float("inf"))), "needs a finite largest entry"
    if isinstance(x, LogProbs) and whole:
        total = xp.sum(xp.exp(v), axis=-1)
        complaint = "has exponentials that sum to {total} instead of 1; write Logits(...)"
        yield ~(xp.abs(total - 1) <= tolerance), complaint


def _message(x: Discrete, bad: Any, complaint: str, name: str) -> str:
    import numpy

    row = tuple(int(i) for i in numpy.argwhere(_array.to_numpy(bad))[0])
    values = _array.to_numpy(_array.promote(x.values)[0])[row].astype(numpy.float64)
    values = numpy.exp(values) if isinstance(x, LogProbs) else values
    where = f" in row {row[0] if len(row) == 1 else row}" if row else ""
    text = f"{name}{where} {complaint.format(total=f'{values.sum():.6g}')}"
    if "NaN" in complaint:
        text += f" (at position {int(numpy.isnan(values).argmax())})"
    if "negative" in complaint:
        text += f" ({values.min():.6g} at position {int(values.argmin())})"
    if isinstance(x, Probs) and ("sums" in complaint or "negative" in complaint):
        text += (
            "; if it is not meant as probabilities write Logits(...), LogProbs(...), Counts(...)"
        )
    return text
