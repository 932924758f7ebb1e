"""Distillation: how far a student is from its teacher at each token, over the whole vocabulary."""

from typing import Any, Literal

from relentropy import _array
from relentropy._divergences import check_weight, scaled_jensen_shannon
from relentropy._verbs import relative_entropy
from relentropy.distributions.discrete import Logits
from relentropy.rl._inputs import one_of
from relentropy.rl._rows import checked_logits, each_row, harmless

Array = Any
Divergence = Literal["forward", "reverse", "jensen-shannon"]

DIVERGENCES = ("forward", "reverse", "jensen-shannon")


def distillation_divergence(
    student_logits: Array,
    teacher_logits: Array,
    mask: Array | None = None,
    *,
    divergence: Divergence = "forward",
    weight: float = 0.5,
    temperature: float = 1.0,
) -> Array:
    """One value a token: the divergence between a teacher's and a student's next-token law.

    | divergence | value, with T the teacher, S the student, M = wT + (1-w)S |
    |---|---|
    | "forward" | D(T‖S): the student covers all that the teacher does |
    | "reverse" | D(S‖T): the student does only what the teacher does |
    | "jensen-shannon" | [w D(T‖M) + (1-w) D(S‖M)] / (w (1-w)) |

    The last is "forward" at weight w = 0 and "reverse" at w = 1, and continuous in between and at
    both ends, all digits kept at w = 1e-300 too. Without the division (Agarwal et al., arXiv
    2306.13649) the loss fades to 0 at the ends, and implementations that put a divergence there
    jump; multiply by w (1-w) to reproduce them. At w = 1/2 it is 4 times the usual
    Jensen-Shannon divergence, at most 4 log 2.

    Gradients flow to both arguments: detach the teacher unless it learns too. Reduce with
    `aggregate(value, mask, how)`. Nothing is multiplied by temperature², the factor by which
    Hinton et al. keep gradients of one size over temperatures: multiply if you want it.

    Args:
        student_logits: (..., T, V); -inf for tokens that are ruled out.
        teacher_logits: same shape; dtypes are promoted.
        mask: (..., T), 1 for tokens that count. Masked logits may hold anything.
        divergence: as in the table.
        weight: w in [0, 1], of the teacher in the mixture; for "jensen-shannon".
        temperature: both laws are softmax(logits / temperature).

    Returns:
        Nats a token, (..., T), 0 where masked, >= 0, and 0 for equal laws; half precision comes
        back as float32. +inf where the second of D(.‖.) rules out what the first does not;
        "jensen-shannon" is finite for 0 < w < 1. Gradients are finite everywhere, 0 at -inf in
        both. Inside a trace a row that is no distribution gives NaN. Memory on PyTorch is that of
        the logits and their gradients: tokens are taken in blocks, again for the gradient.

    Raises:
        TypeError: integers, mixed frameworks.
        ValueError: shapes that differ, a row with NaN or +inf or nothing but -inf, wherever values
            can be looked at; a weight outside [0, 1]; a temperature that is not positive.

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import distillation_divergence
        >>> teacher, student = np.log([[0.5, 0.5]]), np.log([[0.75, 0.25]])
        >>> distillation_divergence(student, teacher).round(4).tolist()
        [0.1438]
        >>> for w in (0.0, 1e-9, 1.0):
        ...     value = distillation_divergence(
        ...         student, teacher, divergence="jensen-shannon", weight=w
        ...     )
        ...     print(value.round(4).tolist())
        [0.1438]
        [0.1438]
        [0.1308]

    """
    one_of(divergence, "divergence", DIVERGENCES)
    check_weight(weight)
    _, kept, logits = checked_logits(
        mask, temperature, student_logits=student_logits, teacher_logits=teacher_logits
    )

    def of_rows(kept: Array, *logits: Array) -> Array:
        student, teacher = harmless(kept, temperature, *logits)
        return between(teacher, student, divergence, weight)

    return each_row(of_rows, kept, *logits)


def between(teacher: Array, student: Array, divergence: Divergence, weight: float) -> Array:
    """The named divergence of rows of logits."""
    p, q = Logits(teacher), Logits(student)
    with _array.quiet(teacher):
        if divergence == "forward":
            return relative_entropy(p, q)
        if divergence == "reverse":
            return relative_entropy(q, p)
        return scaled_jensen_shannon(p, q, weight=weight)
