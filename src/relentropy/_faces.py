"""What the faces of frameworks share: `inputs`, and rows that do not count.

A face (`relentropy.torch`, `relentropy.jax`, `relentropy.keras`) calls a verb as people of its
framework call a loss. A loss meets what a verb does not: padding, whose rows hold anything and
must have no part in the value or the gradient.
"""

import math
from typing import Any, Literal, TypeAlias

from relentropy import _array
from relentropy._verbs import log_of_base, relative_entropy
from relentropy.distributions.discrete import Discrete, Logits, LogProbs, Probs

Array = Any
Input: TypeAlias = Literal["probs", "log_probs", "logits"]
Inputs: TypeAlias = Input | tuple[Input, Input]
Kinds: TypeAlias = tuple[type[Discrete], type[Discrete]]

KINDS: dict[str, type[Discrete]] = {"probs": Probs, "log_probs": LogProbs, "logits": Logits}


def check(inputs: Any, base: float | None, sides: tuple[str, str] = ("p", "q")) -> None:
    """Raise at once for what a face is made with, not at its first call."""
    kinds_of(inputs, sides)
    log_of_base(base)


def kinds_of(inputs: Any, sides: tuple[str, str] = ("p", "q")) -> Kinds:
    """What each side is, from one name for both or a pair of names."""
    pair = (inputs, inputs) if isinstance(inputs, str) else inputs
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(x in KINDS for x in pair):
        raise ValueError(
            f"inputs is {inputs!r}; expected 'logits', 'log_probs' or 'probs', or a pair of them "
            f"for {sides[0]} and {sides[1]}: inputs=('probs', 'logits')"
        )
    return KINDS[pair[0]], KINDS[pair[1]]


def divergence_of_rows(
    p: Array, q: Array, kinds: Kinds, *, axis: int, where: Array | None, base: float | None
) -> tuple[Array, Array | None]:
    """D(P||Q) of each row, and which rows count, in a shape that broadcasts: all for None.

    A row of which `where` keeps no cell counts for nothing: its value is 0, and so is its
    gradient, whatever stands in it.
    """
    if where is None:
        return relative_entropy(kinds[0](p), kinds[1](q), axis=axis, base=base), None
    xp, cells = _array.namespace(p, q, where), p.shape[axis] or q.shape[axis]
    if _array.dtype_name(where) != "bool":
        raise TypeError(f"where has dtype {_array.dtype_name(where)}; expected bool: where != 0")
    where = _array.event_last(where, axis if where.ndim > 1 else -1)
    counts = xp.any(where, axis=-1)
    p, q = (
        xp.where(counts[..., None], _array.event_last(x, axis), harmless(kind, cells))
        for x, kind in zip((p, q), kinds, strict=True)
    )
    # A mask of whole rows drops no cell, so that nothing has to be renormalised.
    kept = None if where.shape[-1] == 1 else where | ~counts[..., None]
    value = relative_entropy(kinds[0](p), kinds[1](q), where=kept, base=base)
    return xp.where(counts, value, 0.0), counts


def harmless(kind: type[Discrete], cells: int) -> float:
    """What to put into every cell of a row that does not count: the uniform distribution."""
    return {Probs: 1 / cells, LogProbs: -math.log(cells), Logits: 0.0}[kind]
