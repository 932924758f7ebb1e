"""Relative entropy with its gradients, for NumPy, which has no differentiation of its own."""

from typing import Any, NamedTuple

from relentropy import _array
from relentropy._convert import as_distribution, prepare
from relentropy._verbs import log_of_base
from relentropy.distributions.discrete import Discrete, Logs, Probs
from relentropy.exact.discrete import slopes_of_logs, slopes_of_weights
from relentropy.kernels import door

Array = Any


class RelativeEntropyGradients(NamedTuple):
    """D(P||Q) of each row, and how it changes with each number that describes P and Q."""

    value: Array
    """D(P||Q), one value a row: (...)."""
    toward_p: Array
    """∂D/∂p, or ∂D/∂a of logits: (..., K), batch axes broadcast."""
    toward_q: Array
    """∂D/∂q, or ∂D/∂b of logits: (..., K), batch axes broadcast."""


def relative_entropy_gradients(
    p: Any, q: Any, /, *, axis: int = -1, base: float | None = None
) -> RelativeEntropyGradients:
    """D(P||Q) of NumPy arrays, with its gradients towards both.

    Towards probabilities ∂D/∂p = log(p/q) - D and ∂D/∂q = 1 - p/q, of the normalised rows; towards
    logits and log-probabilities a and b, ∂D/∂a = p (log(p/q) - D) and ∂D/∂b = q - p.

    Args:
        p: P: an array of probabilities (..., K), `LogProbs` or `Logits` of NumPy.
        q: Q: of the same kind; logits and log-probabilities mix. Batch axes broadcast, the event
            axis never does.
        axis: the event axis, also of the gradients.
        base: base of the logarithm; nats by default, 2 for bits.

    Returns:
        Value and gradients, float64, or float32 for float32 and half precision. Digits are kept
        where P and Q are close; for equal rows all are exactly 0. Where P has mass and Q none, D
        is +inf, ∂D/∂p is 0 by convention, and ∂D/∂q -inf in that cell; ∂D/∂p is 0 at p = 0.
        Nothing is NaN. Long rows of logits take the kernels, where `relative_entropy` does.

    Raises:
        TypeError: arrays of other packages, which differentiate themselves; families, counts,
            labels; probabilities beside logits.
        ValueError: lengths that differ; rows that are negative, NaN or do not sum to 1.

    Examples:
        >>> import numpy as np
        >>> from relentropy import Logits, relative_entropy_gradients
        >>> found = relative_entropy_gradients([0.5, 0.5], [0.75, 0.25])
        >>> found.toward_q.round(12).tolist()
        [0.333333333333, -1.0]
        >>> a, b = np.zeros(2), np.array([0.0, np.log(3)])
        >>> relative_entropy_gradients(Logits(a), Logits(b)).toward_q.round(12).tolist()
        [-0.25, 0.25]

    Source: derivatives of Kullback & Leibler, "On Information and Sufficiency", Ann. Math. Statist.
    22 (1951), eq. 2.4; docs/numbers.md.

    """
    p, q = (_plain(as_distribution(x, name=name), name) for x, name in ((p, "p"), (q, "q")))
    if isinstance(p, Probs) != isinstance(q, Probs):
        raise TypeError(
            f"p is {type(p).__name__} and q is {type(q).__name__}; expected probabilities on both "
            "sides or logs on both: the gradients are towards what is given"
        )
    divisor = log_of_base(base)
    fused = door.gradients(p, q, axis, divisor)
    if fused is not None:
        return RelativeEntropyGradients(*fused)
    pair = prepare(p, q, axis=axis)
    formula: Any = slopes_of_logs if isinstance(p, Logs) else slopes_of_weights
    with _array.quiet(pair.p.values):
        value, slopes = formula(pair.p, pair.q)
        toward_p, toward_q = (_array.namespace(x).moveaxis(x / divisor, -1, axis) for x in slopes)
    return RelativeEntropyGradients(value[()] / divisor, toward_p, toward_q)


def _plain(x: Any, name: str) -> Discrete:
    """A side of which gradients can be told, cell by cell."""
    if not isinstance(x, (Logs, Probs)):
        raise TypeError(
            f"{name} is {type(x).__name__}; expected Probs, LogProbs or Logits of NumPy arrays"
        )
    if x.labels is not None:
        raise TypeError(f"{name} has labels; give arrays, whose cells go by position")
    if not _array.is_numpy(x.values):
        framework = _array.framework(x.values)
        raise TypeError(
            f"{name} is an array of {framework}, which differentiates relative_entropy itself: "
            "torch.autograd.grad, jax.grad, tf.GradientTape, Tensor.backward"
        )
    return x
