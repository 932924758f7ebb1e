"""Estimates of relative entropy on sampled tokens, and the log-probabilities they start from.

On one token drawn from the policy, with d = log π_ref - log π_θ, Schulman's k1 = -d, k2 = d²/2
and k3 = exp(d) - 1 - d. ("Approximating KL divergence", joschu.net/blog/kl-approx.html, 2020.)
"""

import math
from typing import Any, Literal, NamedTuple

from relentropy import _array
from relentropy._scalar import INF, g, log_softmax_at
from relentropy.rl._inputs import (
    Complaint,
    check_temperature,
    floating,
    one_of,
    refuse,
    token_log_probabilities,
)

Array = Any
Estimator = Literal["k1", "k2", "k3"]

ESTIMATORS = ("k1", "k2", "k3")


class Continued(NamedTuple):
    """Estimates of which those beyond a bound follow the tangent there, and the share that do."""

    values: Array
    share: Array


def kl_estimate(
    log_prob: Array,
    ref_log_prob: Array,
    *,
    estimator: Estimator = "k3",
    mask: Array | None = None,
    linear_above: float | None = None,
) -> Any:
    """One estimate a token of D(π_θ‖π_ref), from the log-probabilities of the token drawn.

    With d = log π_ref - log π_θ: k1 = -d, unbiased, of either sign; k2 = d²/2, biased; k3 =
    exp(d) - 1 - d >= 0, unbiased. Means over tokens drawn from π_θ estimate the divergence at
    the prefixes seen. Nothing is clamped, and k3 does not cancel: at d = 3e-4 in float32 the
    written formula is 0, this one right to the last digits.

    This is a value. Its gradient is whatever autograd finds, and for k1 that has nothing to do
    with the reference: in a loss take `kl_penalty`, which separates the two.

    Args:
        log_prob: log π_θ of the tokens drawn, (..., T), at most 0.
        ref_log_prob: log π_ref of the same tokens, same shape; dtypes are promoted.
        estimator: "k1", "k2" or "k3".
        mask: 1 for tokens that count; elsewhere the estimate is 0 and nothing is looked at.
        linear_above: a bound c > 0 on d for k3: beyond it k3 goes on as its tangent,
            k3(c) + expm1(c) (d - c), which cannot overflow and keeps a gradient. The answer is
            then `(values, share)` with the share of tokens that were touched.

    Returns:
        Nats a token, (..., T), in the arrays' framework; half precision comes back as float32.
        0 where both are -inf. +inf where only the reference is -inf; where only the policy is,
        which it cannot have drawn, k1 is -inf and k2 and k3 are +inf.

    Raises:
        TypeError: integers, mixed frameworks.
        ValueError: shapes that differ, numbers above 0 or NaN (wherever values can be looked
            at; inside a trace NaN stays NaN).

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import kl_estimate
        >>> log_prob, ref_log_prob = np.log([0.5, 0.2]), np.log([0.25, 0.4])
        >>> kl_estimate(log_prob, ref_log_prob).round(4).tolist()
        [0.1931, 0.3069]
        >>> values, share = kl_estimate(log_prob, ref_log_prob, linear_above=0.5)
        >>> float(share)
        0.5

    """
    one_of(estimator, "estimator", ESTIMATORS)
    xp, kept, (a, b) = token_log_probabilities(mask, log_prob=log_prob, ref_log_prob=ref_log_prob)
    with _array.quiet(a):
        nowhere = (a == -INF) & (b == -INF)
        d = xp.where(nowhere, 0.0, b) - xp.where(nowhere, 0.0, a)
        if linear_above is None:
            return estimate_from(xp, d, estimator)
        c = _bound(linear_above, estimator, math.log(xp.finfo(d.dtype).max))
        beyond = kept & (_array.stop_gradient(d) > c)
        inside = estimate_from(xp, xp.where(beyond, c, d), "k3")
        values = inside + xp.where(beyond, xp.expm1(xp.full_like(d, c)) * (d - c), 0.0)
        counted = xp.sum(_array.astype(kept, values.dtype))
        share = xp.sum(_array.astype(beyond, values.dtype)) / xp.where(counted > 0, counted, 1.0)
        return Continued(values, share)


def estimate_from(xp: Any, d: Array, estimator: Estimator) -> Array:
    """k1, k2 or k3 of d = log π_ref - log π_θ; ±inf at d = ±inf."""
    if estimator == "k1":
        return 0.0 - d
    if estimator == "k2":
        return d * d / 2
    infinite = d == INF
    return xp.where(infinite, INF, g(xp, 0.0 - xp.where(infinite, 0.0, d)))


def _bound(linear_above: float, estimator: Estimator, largest: float) -> float:
    if estimator != "k3":
        raise ValueError(f"linear_above belongs to k3, which can overflow; {estimator} cannot")
    if not 0 < linear_above < largest:
        raise ValueError(
            f"linear_above is {linear_above}; expected a positive number below {largest:.1f}, "
            "beyond which exp overflows, such as 20.0"
        )
    return float(linear_above)


def token_log_probs(logits: Array, tokens: Array, *, temperature: float = 1.0) -> Array:
    """Log π(token) of each token drawn, from logits, without a log-softmax of all of them.

    log π = (chosen - largest) - log1p(Σ of the other exp(logit - largest)), whose two terms have
    one sign, so that a nearly certain token keeps its digits. On PyTorch rows are taken in blocks
    and the softmax is made again for the gradient: beside the logits and their gradient, memory
    is that of one block. JAX does so under `jax.jit`.

    Args:
        logits: (..., T, V).
        tokens: the tokens drawn, integers in 0 ... V - 1, (..., T).
        temperature: the policy is softmax(logits / temperature).

    Returns:
        Log-probabilities (..., T) in the framework of the logits; half precision is accumulated
        and returned in float32. -inf where the chosen logit is; NaN for a row that is no
        distribution (a NaN, +inf, or nothing but -inf).

    Raises:
        TypeError: logits that are not floating, tokens that are not integers.
        ValueError: shapes that do not belong together, a token outside 0 ... V - 1 (padding such
            as -100 must be replaced by any token, and masked later), temperature not positive.

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import token_log_probs
        >>> logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
        >>> np.exp(token_log_probs(logits, np.array([0, 1]))).round(12).tolist()
        [0.7, 0.8]

    """
    logits = floating(logits, "logits")
    if isinstance(tokens, list | tuple):
        import numpy

        tokens = numpy.asarray(tokens)
    xp = _array.namespace(logits, tokens)
    _check_tokens(xp, logits, tokens)
    check_temperature(temperature)
    rows = xp.reshape(logits, (-1, logits.shape[-1]))
    chosen = xp.reshape(_array.positions_from(tokens), (-1,))
    with _array.quiet(logits):
        value = _array.by_row_blocks(lambda x, t: _log_probs(x, t, temperature), rows, chosen)
    return xp.reshape(value, tokens.shape)


def _check_tokens(xp: Any, logits: Array, tokens: Array) -> None:
    if not _array.is_integer(tokens):
        raise TypeError(f"tokens has dtype {_array.dtype_name(tokens)}; expected integers")
    if logits.ndim == 0 or tokens.shape != logits.shape[:-1] or logits.shape[-1] == 0:
        raise ValueError(
            f"logits has shape {tuple(logits.shape)} and tokens {tuple(tokens.shape)}; expected "
            "(..., T, V) and (..., T)"
        )
    size = logits.shape[-1]
    outside = (tokens < 0) | (tokens >= size)
    message = f"expected 0 ... {size - 1}; replace padding by any token, and mask it"
    refuse(xp, [Complaint("tokens", tokens, outside, message)])


def _log_probs(logits: Array, tokens: Array, temperature: float) -> Array:
    (a,) = _array.promote(logits)
    return log_softmax_at(_array.namespace(a), a / temperature, tokens)
