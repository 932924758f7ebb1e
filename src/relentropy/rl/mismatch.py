"""Are the tokens that the trainer learns from those that its policy would have drawn?

An inference engine draws the tokens, the trainer computes their log-probabilities anew, and the
two differ: other kernels, other precision, older weights, experts routed elsewhere.
"""

from dataclasses import dataclass
from typing import Any

from relentropy import _array
from relentropy._scalar import INF, g
from relentropy.rl._clusters import clustered_mean, effective_sample_size
from relentropy.rl._inputs import Complaint, refuse, token_log_probabilities

Array = Any

NEVER_DRAWN = (
    "the rollout cannot have drawn a token of probability 0; mask tokens that were forced, and "
    "log the probabilities of the distribution that is drawn from"
)


@dataclass(frozen=True)
class TokenMismatch:
    """One token: where it is (indices from 0), its two log-probabilities, and its nats.

    `sequence` counts the rows of the input in order, whatever its batch shape; `contribution` is
    the token's share of the rollout-to-train divergence, w - 1 - log w with w = train/rollout.
    """

    sequence: int
    position: int
    rollout_log_prob: float
    train_log_prob: float
    contribution: float


@dataclass(frozen=True)
class PolicyMismatch:
    """What `policy_mismatch` measured. Divergences in nats; `str()` is one line for a log."""

    sequences: int
    tokens: int
    kl_rollout_train_per_token: float
    kl_rollout_train_per_token_standard_error: float
    kl_rollout_train_per_sequence: float
    kl_rollout_train_per_sequence_standard_error: float
    kl_train_rollout_per_token: float
    kl_train_rollout_per_token_standard_error: float
    kl_train_rollout_per_sequence: float
    kl_train_rollout_per_sequence_standard_error: float
    chi_square_per_token: float
    chi_square_per_token_standard_error: float
    effective_sample_size: float
    effective_tokens: float
    worst: tuple[TokenMismatch, ...]

    def __str__(self) -> str:
        if not self.worst:
            return (
                f"rollout to train: 0 nats; the two agree exactly on {self.tokens} tokens in "
                f"{self.sequences} {_plural('sequence', self.sequences)}"
            )
        error = self.kl_rollout_train_per_sequence_standard_error
        known = f" ± {error:.2g}" if error < INF else ""
        token = self.worst[0]
        return (
            f"rollout to train: {self.kl_rollout_train_per_sequence:.3g}{known} nats/sequence"
            f"{' (± standard error)' if known else ''}, "
            f"{self.kl_rollout_train_per_token:.3g} nats/token; effective sample size "
            f"{self.effective_sample_size:.3g} of {self.sequences} "
            f"{_plural('sequence', self.sequences)}; "
            f"worst: token {token.position} of sequence {token.sequence}, log-probability "
            f"{token.rollout_log_prob:.3g} in rollout, {token.train_log_prob:.3g} in training"
        )


def policy_mismatch(
    train_log_prob: Array, rollout_log_prob: Array, mask: Array | None = None, *, worst: int = 5
) -> PolicyMismatch:
    """How far the policy in the trainer is from the one that drew the tokens, in numbers to log.

    The tokens were drawn by the rollout, so every mean is one under the rollout's law. With
    w = train/rollout of one token:

    | field | what is averaged | over |
    |---|---|---|
    | kl_rollout_train_per_token | w - 1 - log w | tokens |
    | kl_rollout_train_per_sequence | Σ (w - 1 - log w) | sequences |
    | kl_train_rollout_per_token | w log w - w + 1 | tokens |
    | kl_train_rollout_per_sequence | Σ (Π w before) · (w log w - w + 1) | sequences |
    | chi_square_per_token | (w - 1)² | tokens |

    Those per sequence estimate the divergence of whole sequences, D(rollout‖train) and
    D(train‖rollout); those per token that of the next token, in both directions at the prefixes
    that the rollout visits, χ² being χ²(train‖rollout).

    No term is negative, and all are exactly 0 where the two agree. The estimates are unbiased
    (means over tokens: of large batches, where lengths vary) if the rollout could have drawn
    every token that the trainer gives a chance. Where it could not, as under top-k or top-p, the
    tokens cut off are never seen: D(rollout‖train) comes out low by their mass, and the other
    direction, in truth infinite, finite.

    `effective_sample_size` is (Σ W)²/Σ W² of the sequences' weights W = Π w: of how many
    sequences drawn by the trainer's own policy these are worth; a few of many means that
    importance weights cannot repair the mismatch. `effective_tokens` is the same of the tokens'
    own w. Standard errors take sequences as independent, their tokens not; of one sequence: inf.

    Args:
        train_log_prob: log-probabilities of the tokens drawn under the policy that is trained,
            (..., T), at most 0; a row of T is a sequence, (T,) is one sequence.
        rollout_log_prob: those under the distribution that the tokens were drawn from.
        mask: 1 for the tokens that the policy chose; all, if None.
        worst: how many tokens to name, those of the largest w - 1 - log w.

    Returns:
        `PolicyMismatch`: Python floats, read off the device. A token that the trainer holds for
        impossible makes D(rollout‖train) +inf, and is named.

    Raises:
        ValueError: shapes that differ, numbers above 0 or NaN, a rollout of -inf, no token kept.
        TypeError: integers, mixed frameworks.

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import policy_mismatch
        >>> rollout = np.log([[0.5, 0.9], [0.5, 0.4]])
        >>> train = np.log([[0.5, 0.6], [0.5, 0.4]])
        >>> result = policy_mismatch(train, rollout)
        >>> print(result)  # doctest: +NORMALIZE_WHITESPACE
        rollout to train: 0.0361 ± 0.036 nats/sequence (± standard error), 0.018 nats/token;
        effective sample size 1.92 of 2 sequences; worst: token 1 of sequence 0, log-probability
        -0.105 in rollout, -0.511 in training

    """
    if worst < 1:
        raise ValueError(f"worst is {worst}; expected the number of tokens to name, at least 1")
    train, rollout, kept = _on_host(train_log_prob, rollout_log_prob, mask)
    import numpy as np

    with _array.quiet(train):
        u = train - rollout
        forward = g(np, -u)
        backward = _log_backward(np, u)
        prefix = np.cumsum(u, axis=-1)
        prefix = np.concatenate([np.zeros_like(u[:, :1]), prefix[:, :-1]], axis=-1)
        present = kept.any(axis=-1)
        return PolicyMismatch(
            int(present.sum()),
            int(kept.sum()),
            *_means(np, forward, kept),
            *_means(np, np.exp(backward), kept)[:2],
            *_means(np, np.exp(prefix + backward), kept)[2:],
            *_means(np, np.expm1(u) ** 2, kept)[:2],
            float(effective_sample_size(np, u.sum(axis=-1)[present])),
            float(effective_sample_size(np, u[kept])),
            _largest(np, forward, train, rollout, worst),
        )


def _on_host(train: Array, rollout: Array, mask: Array | None) -> tuple[Array, Array, Array]:
    """Float64 NumPy arrays of shape (sequences, T), 0 where masked, and the boolean mask."""
    xp, kept, (train, rollout) = token_log_probabilities(
        mask, train_log_prob=train, rollout_log_prob=rollout
    )
    impossible = _array.stop_gradient(rollout) == -INF
    refuse(xp, [Complaint("rollout_log_prob", rollout, impossible, NEVER_DRAWN)])
    import numpy as np

    host = []
    for x in (train, rollout, kept):
        x = _array.stop_gradient(x)
        x = np.asarray(x.cpu() if _array.framework(x) == "torch" else x)
        host.append(x.reshape(-1, x.shape[-1]))
    if not host[2].any():
        raise ValueError("the mask keeps no token; expected at least one that the policy chose")
    return host[0].astype(np.float64), host[1].astype(np.float64), host[2]


def _log_backward(np: Any, u: Array) -> Array:
    """Log of w log w - w + 1 >= 0, w = exp(u): in logs, since the weights of prefixes overflow."""
    near = u > -1
    small = np.where(near, u, 0.0)
    # e^u (u - 1) is 0 at u = -inf.
    far = np.where(near | (u == -INF), 0.0, u)
    return np.where(near, small + np.log(g(np, small)), np.log1p(np.exp(u) * (far - 1)))


def _means(np: Any, x: Array, kept: Array) -> tuple[float, float, float, float]:
    """Mean and standard error per token, mean and standard error per sequence."""
    token, token_error, sequence, sequence_error = map(float, clustered_mean(np, x, kept))
    return token, token_error, sequence, sequence_error


def _largest(
    np: Any, x: Array, train: Array, rollout: Array, number: int
) -> tuple[TokenMismatch, ...]:
    """The tokens of the largest positive x, the first of equal ones first."""
    order = np.argsort(-x, axis=None, kind="stable")[:number]
    return tuple(
        TokenMismatch(int(row), int(place), *(float(v[row, place]) for v in (rollout, train, x)))
        for row, place in zip(*np.unravel_index(order, x.shape), strict=True)
        if x[row, place] > 0
    )


def _plural(word: str, number: int) -> str:
    return word if number == 1 else word + "s"
