"""One reducer for the policy term and the KL term, so that their normalisations agree."""

from typing import Any, Literal

from relentropy import _array
from relentropy._scalar import INF
from relentropy.rl._inputs import boolean_mask, floating, one_of

Array = Any
Aggregation = Literal["token-mean", "sequence-mean", "sequence-sum", "fixed-length", "sum"]

AGGREGATIONS = ("token-mean", "sequence-mean", "sequence-sum", "fixed-length", "sum")


def aggregate(
    x: Array,
    mask: Array,
    how: Aggregation,
    *,
    total_tokens: Any = None,
    total_sequences: Any = None,
    max_length: int | None = None,
) -> Array:
    """One number from numbers of tokens, masked tokens left out.

    | how | the number | elsewhere called |
    |---|---|---|
    | "token-mean" | Σ x / tokens | DAPO; TRL "dapo" and, of one micro-batch, "bnpo" |
    | "sequence-mean" | mean over sequences of their token means | DeepSeekMath; TRL "grpo" |
    | "sequence-sum" | mean over sequences of their token sums | Dr.GRPO's formula |
    | "fixed-length" | Σ x / (sequences · max_length) | Dr.GRPO's code; TRL "dr_grpo" |
    | "sum" | Σ x | |

    A batch that is split over micro-batches or ranks has the sum of its parts only if each part
    divides by the totals of the whole: hand them over, and add the results up. (A framework that
    averages over ranks or over micro-batches has divided already: multiply the result, or divide
    the totals, by their number.)

    Args:
        x: a number a token, (..., T); every row of T is a sequence.
        mask: 1 for tokens that count, (..., T). Elsewhere x may hold anything.
        how: as in the table.
        total_tokens: for "token-mean", the tokens of the whole batch; those of the mask if None.
        total_sequences: for the three means over sequences, the sequences of the whole batch; if
            None those with at least one kept token. A row that is masked throughout adds 0.
        max_length: for "fixed-length", the constant number of tokens to divide by, such as the
            limit of generation. The padded width would depend on the batch.

    Returns:
        A scalar of the framework, gradients flowing; half precision comes back as float32.

    Raises:
        ValueError: a mask of another shape; max_length missing, or only the total that `how` does
            not divide by given; nothing kept and no totals given,
            wherever the mask can be looked at (inside a trace the mean of nothing is 0).

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import aggregate
        >>> x, mask = np.array([[1.0, 2.0, 3.0], [8.0, 0.0, 0.0]]), np.array([[1, 1, 1], [1, 0, 0]])
        >>> [float(aggregate(x, mask, how)) for how in ("token-mean", "sequence-mean", "sum")]
        [3.5, 5.0, 14.0]
        >>> first = aggregate(x[:1], mask[:1], "token-mean", total_tokens=4)
        >>> float(first + aggregate(x[1:], mask[1:], "token-mean", total_tokens=4))
        3.5

    """
    one_of(how, "how", AGGREGATIONS)
    _check_totals(how, total_tokens, total_sequences)
    x = floating(x, "x")
    if x.ndim == 0:
        raise ValueError("x is a single number; expected shape (..., T), tokens last")
    xp = _array.namespace(x)
    kept = boolean_mask(mask, {"x": x})
    (x,) = _array.promote(x)
    x = xp.where(kept, x, 0.0)
    lengths = xp.sum(_array.astype(kept, x.dtype), axis=-1)
    if how == "sum":
        return xp.sum(x)
    if how == "token-mean":
        return xp.sum(x) / _total(xp, total_tokens, xp.sum(lengths), "total_tokens")
    sums = xp.sum(x, axis=-1)
    present = xp.sum(_array.astype(lengths > 0, x.dtype))
    sequences = _total(xp, total_sequences, present, "total_sequences")
    if how == "sequence-mean":
        sums = sums / xp.where(lengths > 0, lengths, 1.0)
    if how == "fixed-length":
        if max_length is None or not max_length > 0:
            raise ValueError(
                f'max_length is {max_length}; how="fixed-length" divides by it: give the constant '
                "limit of generation, such as 1024"
            )
        sums = sums / max_length
    return xp.sum(sums) / sequences


def _check_totals(how: str, total_tokens: Any, total_sequences: Any) -> None:
    """Only the other total given: what was meant to be divided by would not be."""
    per_token, per_sequence = how == "token-mean", how not in ("token-mean", "sum")
    for used, name, given, other, instead in (
        (per_token, "total_tokens", total_tokens, "total_sequences", total_sequences),
        (per_sequence, "total_sequences", total_sequences, "total_tokens", total_tokens),
    ):
        if used and given is None and instead is not None:
            raise ValueError(f'how="{how}" divides by {name}; give that beside or for {other}')


def _total(xp: Any, given: Any, counted: Array, name: str) -> Any:
    """The number to divide by: the one given, or what the mask counts."""
    if given is not None:
        if getattr(given, "ndim", 0) or _array.known((given > 0) & (given < INF)) is False:
            raise ValueError(
                f"{name} is {given}; expected one number, the count of the whole batch"
            )
        return given
    if _array.known(counted > 0) is False:
        raise ValueError(
            f"the mask keeps no token, so there is no mean; give {name} of the whole batch, of "
            "which this may be an empty part"
        )
    return xp.where(counted > 0, counted, 1.0)
