"""Distillation from a teacher that is known on its most probable tokens alone."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._divergences import check_weight
from relentropy._scalar import INF, logsumexp
from relentropy.rl._inputs import (
    NOT_LOG_PROBABILITIES,
    ROUNDING,
    Complaint,
    check_temperature,
    floating,
    one_of,
    refuse,
)
from relentropy.rl._rows import each_row, harmless, kept_rows, no_distribution, shown
from relentropy.rl.distillation import DIVERGENCES, Divergence, between

Array = Any


SUM = "the sum of exp(teacher_log_probs)"
TOO_LITTLE = (
    "the {} other tokens cannot make up the rest and each be less probable than these; give the "
    "most probable ones, with log-probabilities over the whole vocabulary"
)


class Bounds(NamedTuple):
    """What a divergence of which only a part is known lies between."""

    lower: Array
    upper: Array


def top_k_bounds(
    teacher_log_probs: Array,
    teacher_tokens: Array,
    student_logits: Array,
    mask: Array | None = None,
    *,
    divergence: Divergence = "forward",
    weight: float = 0.5,
    temperature: float = 1.0,
) -> Bounds:
    """(lower, upper) around `distillation_divergence` for a teacher known on its top k tokens.

    lower: the divergence between the two laws on k + 1 cells, the k tokens and all the rest; no
    law of the rest makes it less (data processing). It is the "top k + rest" loss, exact where
    the teacher spreads its rest as the student does, and the one to train on.

    upper: the largest value over all teachers that agree with what is known: the rest has mass
    r = 1 - Σ, and none of its tokens more than the least probable of the k. Attained, so that no
    better bound exists; it puts the rest on the tokens that the student finds least likely. For
    "reverse" it is +inf unless every token is bound to have some mass. It sorts the vocabulary.

    Both are exact where k = V - 1 or V, or nothing is left. Both hold for the log-probabilities as
    given; only `lower` of "reverse", which grows without bound as the rest vanishes, takes a rest
    below the rounding of their dtype (its eps) for one of that size. "jensen-shannon" is finite
    whatever comes.

    Args:
        teacher_log_probs: (..., T, k), log-probabilities (not logits) of the teacher's k most
            probable tokens in any order, as servers store them; constants.
        teacher_tokens: the ids of these tokens, integers (..., T, k), no id twice in a row.
        student_logits: (..., T, V). If the vocabulary is padded, cut the padding.
        mask: (..., T), 1 for tokens that count. What is masked may hold anything.
        divergence: "forward" D(T‖S), "reverse" D(S‖T) or "jensen-shannon", as in
            `distillation_divergence`.
        weight: of the teacher in the mixture; for "jensen-shannon".
        temperature: at which the teacher's log-probabilities were taken; the student's law is
            softmax(student_logits / temperature).

    Returns:
        `Bounds(lower, upper)`, nats a token, (..., T), 0 where masked, gradients flowing to the
        student; half precision comes back as float32. Inside a trace NaN marks rows that would
        raise.

    Raises:
        TypeError: integers for floats or floats for ids, mixed frameworks.
        ValueError: shapes that do not belong together, ids outside the vocabulary or repeated,
            log-probabilities above 0, that sum to more than 1 beyond rounding (1e-3; 2e-2 in half
            precision) or to so little that the rest cannot be less probable tokens.

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import distillation_divergence, top_k_bounds
        >>> teacher = np.log([[0.5, 0.3, 0.15, 0.05]])
        >>> student = np.log([[0.4, 0.4, 0.1, 0.1]])
        >>> bounds = top_k_bounds(teacher[:, :2], np.array([[0, 1]]), student)
        >>> exact = distillation_divergence(student, teacher)
        >>> [x.round(4).tolist() for x in (bounds.lower, exact, bounds.upper)]
        [[0.0253], [0.0514], [0.1639]]

    """
    one_of(divergence, "divergence", DIVERGENCES)
    check_temperature(temperature)
    check_weight(weight)
    log_p = floating(teacher_log_probs, "teacher_log_probs")
    logits = floating(student_logits, "student_logits")
    tokens = _integers(teacher_tokens)
    xp = _array.namespace(log_p, tokens, logits)
    _check_shapes(log_p, tokens, logits)
    kept = kept_rows(mask, {"student_logits": logits})
    known, valid = _known(xp, mask, kept, log_p, tokens, logits)
    hidden = float(xp.finfo(log_p.dtype).eps) if divergence == "reverse" else 0.0

    def of_rows(kept: Array, b: Array, *known: Array) -> Array:
        """Lower and upper, (rows, 2)."""
        log_p = known[0]
        with _array.quiet(b):
            (b, _) = harmless(kept, temperature, b, log_p)
            pairs = _pairs(xp, Known(*known), b, hidden)
            lower, upper = (between(*pair, divergence, weight) for pair in pairs)
            # Where they coincide, rounding may not turn them round.
            crossed = _array.stop_gradient(upper) < _array.stop_gradient(lower)
            return xp.stack((lower, xp.where(crossed, lower, upper)), axis=-1)

    both = each_row(of_rows, kept, logits, *known)
    both = xp.where(kept[..., None], xp.where(valid[..., None], both, float("nan")), 0.0)
    return Bounds(both[..., 0], both[..., 1])


class Known(NamedTuple):
    """What is known of the teacher in each row; constants."""

    log_p: Array  # (..., k)
    tokens: Array  # (..., k)
    rest: Array  # 1 - Σ exp(log_p), (..., 1)
    cap: Array  # the most that a token of the rest can have, (..., 1)


def _pairs(
    xp: Any, known: Known, b: Array, hidden: float
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Rows of log-weights (teacher, student): coarsened, and completed for the worst.

    An f-divergence Σ q f(p/q) is convex in the unknown part of p, so that over the p with sum r
    and 0 <= p_j <= c it is largest at a vertex: as many c as fit, what remains on one token, 0 on
    the others. Its terms φ(p, q) = q f(p/q) have ∂²φ/∂p∂q = -p/q² f''(p/q) <= 0, so that of all
    ways to assign these numbers the largest sum has them in the opposite order of q
    (rearrangement). Both directions and Jensen-Shannon are f-divergences.
    """
    log_p, tokens, rest, cap = known
    at_known = xp.take_along_axis(b, tokens, axis=-1)
    size = b.shape[-1] - tokens.shape[-1]
    if size == 0:
        return (log_p, at_known), (log_p, at_known)
    inside = _array.members(b, tokens)
    b_rest = logsumexp(xp, xp.where(inside, -INF, b))
    ascending = xp.sort(xp.where(inside, INF, b), axis=-1)[..., :size]
    left = rest - _array.astype(_array.positions(ascending), b.dtype) * cap
    worst = xp.minimum(xp.where(left > 0, left, 0.0), cap)

    def row(known_cells: Array, others: Array) -> Array:
        return xp.concat((known_cells, others), axis=-1)

    return (
        (row(log_p, _log(xp, xp.where(rest < hidden, hidden, rest))), row(at_known, b_rest)),
        (row(log_p, _log(xp, worst)), row(at_known, ascending)),
    )


def _log(xp: Any, p: Array) -> Array:
    positive = p > 0
    return xp.where(positive, xp.log(xp.where(positive, p, 1.0)), -INF)


def _known(
    xp: Any, mask: Array | None, kept: Array, log_p: Array, tokens: Array, logits: Array
) -> tuple[Known, Array]:
    """What is known of the teacher, and which rows are valid; refused where one is not."""
    size, k = logits.shape[-1], log_p.shape[-1]
    given = _array.stop_gradient(_array.promote(log_p, logits)[0])
    # A masked row becomes a uniform teacher on the first k tokens.
    a = shown(xp, mask, kept, given, -math.log(size))
    ids = shown(xp, mask, kept, _array.astype(tokens, xp.int64), _array.positions(tokens))
    tolerance = ROUNDING.get(_array.dtype_name(log_p), 1e-3)
    above = ~(a <= tolerance)
    a = xp.where(above, 0.0, a)
    log_total = logsumexp(xp, a)
    rest = xp.where(log_total < 0, -xp.expm1(log_total), 0.0)
    least = xp.exp(xp.min(a, axis=-1, keepdims=True))
    outside = (ids < 0) | (ids >= size)
    ordered = xp.sort(ids, axis=-1)
    total = xp.exp(log_total)[..., 0]
    lacking = rest > (size - k) * least * (1 + tolerance) + tolerance
    complaints = [
        Complaint("teacher_log_probs", given, above, NOT_LOG_PROBABILITIES),
        Complaint("teacher_tokens", ids, outside, f"expected 0 ... {size - 1}"),
        Complaint(
            "sorted teacher_tokens",
            ordered[..., 1:],
            ordered[..., 1:] == ordered[..., :-1],
            "the same token comes twice in a row",
        ),
        Complaint(SUM, total, total > 1 + tolerance, "expected at most 1"),
        Complaint(SUM, total, lacking[..., 0], TOO_LITTLE.format(size - k)),
        no_distribution(xp, kept, "student_logits", logits),
    ]
    refuse(xp, complaints)
    valid = kept | True
    for complaint in complaints:
        bad = complaint.bad
        valid = valid & ~(bad if bad.ndim == kept.ndim else xp.any(bad, axis=-1))
    cap = xp.maximum(least, rest / max(1, size - k))  # their order may have been lost in rounding
    return Known(a, xp.where(outside, 0, ids), rest, cap), valid


def _check_shapes(log_p: Array, tokens: Array, logits: Array) -> None:
    if log_p.ndim == 0 or logits.ndim == 0 or tokens.shape != log_p.shape:
        raise ValueError(
            f"teacher_log_probs has shape {tuple(log_p.shape)} and teacher_tokens "
            f"{tuple(tokens.shape)}; expected (..., T, k) for both"
        )
    k, size = log_p.shape[-1], logits.shape[-1]
    if log_p.shape[:-1] != logits.shape[:-1] or not 1 <= k <= size:
        raise ValueError(
            f"teacher_log_probs has shape {tuple(log_p.shape)} and student_logits "
            f"{tuple(logits.shape)}; expected (..., T, k) and (..., T, V) with 1 <= k <= V"
        )


def _integers(tokens: Any) -> Array:
    if isinstance(tokens, Sequence) and not isinstance(tokens, str):
        import numpy

        tokens = numpy.asarray(tokens)
    if _array.framework(tokens) is None or not _array.is_integer(tokens):
        kind = type(tokens).__name__ if _array.framework(tokens) is None else tokens.dtype
        raise TypeError(f"teacher_tokens is {kind}; expected an array of integers, ids of tokens")
    return tokens
