"""Means over the tokens of sequences, whose errors know that tokens of one belong together."""

from typing import Any, NamedTuple

from relentropy import _array
from relentropy._scalar import INF

Array = Any


class ClusteredMean(NamedTuple):
    """Means of tokens and of sequences, with standard errors over sequences as clusters."""

    per_token: Array
    per_token_standard_error: Array
    per_sequence: Array
    per_sequence_standard_error: Array


def clustered_mean(xp: Any, x: Array, kept: Array) -> ClusteredMean:
    """Of x (..., T), 0 where not kept. The error of one sequence, or of an infinite mean, is +inf.

    The mean over tokens is a ratio of two sums over sequences, S_i and n_i; its error follows
    from the residuals S_i - mean · n_i (Cochran, Sampling Techniques, 3rd ed., eq. 6.13).
    """
    counts = xp.reshape(xp.sum(_array.astype(kept, x.dtype), axis=-1), (-1,))
    sums = xp.reshape(xp.sum(x, axis=-1), (-1,))
    present = _array.astype(counts > 0, x.dtype)
    sequences, tokens = xp.sum(present), xp.sum(counts)
    safe_sequences = xp.where(sequences > 0, sequences, 1.0)
    safe_tokens = xp.where(tokens > 0, tokens, 1.0)
    per_token, per_sequence = xp.sum(sums) / safe_tokens, xp.sum(sums) / safe_sequences

    def error(residuals: Array, scale: Array) -> Array:
        several = (sequences > 1) & (xp.abs(per_token) < INF)
        residuals = xp.where(several, residuals, 0.0)
        freedom = xp.where(several, sequences - 1, 1.0)
        variance = xp.sum(present * residuals**2) * safe_sequences / freedom
        return xp.where(several, xp.sqrt(variance) / scale, INF)

    return ClusteredMean(
        per_token,
        error(sums - per_token * counts, safe_tokens),
        per_sequence,
        error(sums - per_sequence, safe_sequences),
    )


def effective_sample_size(xp: Any, log_weights: Array) -> Array:
    """(Σ w)² / Σ w² of weights given by their logarithms, (n,); 0 where all of them are 0.

    Relative to the largest weight, so that none overflows.
    """
    if not log_weights.shape[0]:
        return xp.sum(log_weights)
    some = xp.any(log_weights > -INF)
    largest = xp.where(some, xp.max(log_weights), 0.0)
    weights = xp.exp(log_weights - largest)
    squares = xp.where(some, xp.sum(weights**2), 1.0)
    return xp.sum(weights) ** 2 / squares
