"""Group relative policy optimisation and its relatives: advantages, one loss, its metrics."""

import math
from collections.abc import Iterable
from typing import Any, Literal

from relentropy import _array
from relentropy._scalar import INF
from relentropy.rl._clusters import clustered_mean, effective_sample_size
from relentropy.rl._inputs import (
    Complaint,
    Tokens,
    floating,
    one_of,
    refuse,
    token_log_probabilities,
)
from relentropy.rl.aggregation import Aggregation
from relentropy.rl.aggregation import aggregate as reduce_tokens
from relentropy.rl.estimators import ESTIMATORS, Estimator
from relentropy.rl.penalty import (
    BEYOND,
    GRADIENTS,
    NEVER_DRAWN,
    Gradient,
    check_gradient,
    penalty_of,
)

Array = Any


def group_advantage(
    reward: Array, *, scale: Literal["std", "none"] = "std", ddof: int = 0
) -> Array:
    """How much better each answer is than its group: (r - mean) / std over the last axis.

    Exactly 0 for equal rewards, with no epsilon below the line.

    Args:
        reward: (..., G), the rewards of the G answers to one prompt along the last axis; numbers
            of any kind, 0/1 and booleans included. A flat vector is one group: reshape that of
            several prompts first, (prompts, G), and flatten the advantages after.
        scale: "std" divides by the standard deviation of the group (DeepSeekMath, eq. 3);
            "none" does not (Dr.GRPO, arXiv 2503.20783), and G/(G-1) times it is RLOO's
            leave-one-out advantage, r_i minus the mean of the others.
        ddof: 0 for the deviation of the group itself, 1 for the estimate with G - 1.

    Returns:
        (..., G), of no unit; constant for differentiation.

    Raises:
        ValueError: a reward that is NaN or infinite (wherever values can be looked at; inside a
            trace its group is NaN), or a group of one, which has nothing to be better than.

    Examples:
        >>> from relentropy.rl import group_advantage
        >>> group_advantage([1.0, 0.0, 0.0, 1.0]).tolist()
        [1.0, -1.0, -1.0, 1.0]
        >>> group_advantage([0.1, 0.1, 0.1]).tolist()
        [0.0, 0.0, 0.0]

    """
    one_of(scale, "scale", ("std", "none"))
    r = _array.stop_gradient(_numbers(reward, "reward"))
    size = r.shape[-1] if r.ndim else 1
    if size < 2 or ddof not in range(size):
        raise ValueError(
            f"reward has shape {tuple(r.shape)} with ddof={ddof}: groups of {size} along the last "
            "axis; expected at least two answers a prompt, and more than ddof"
        )
    xp = _array.namespace(r)
    with _array.quiet(r):
        message = "expected a finite reward; drop the answer, or say what it is worth"
        refuse(xp, [Complaint("reward", r, ~(xp.abs(r) < INF), message)])
        # Equal rewards are told by comparison: their mean may be off by a rounding.
        low, high = (f(r, axis=-1, keepdims=True) for f in (xp.min, xp.max))
        equal = low == high
        # The middle is taken off first: a large common level would eat the differences.
        level = r - (low / 2 + high / 2)
        deviation = xp.where(equal, 0.0, level - xp.mean(level, axis=-1, keepdims=True))
        if scale == "none":
            return deviation
        # Scaled by the largest, so that no square leaves the range.
        largest = xp.max(xp.abs(deviation), axis=-1, keepdims=True)
        unit = deviation / xp.where(largest == 0, 1.0, largest)
        squares = xp.sum(unit * unit, axis=-1, keepdims=True) / (size - ddof)
        return unit / xp.sqrt(xp.where(largest == 0, 1.0, squares))


def _numbers(x: Any, name: str) -> Array:
    """Rewards and advantages may come as integers or booleans; half precision widens."""
    if isinstance(x, list | tuple):
        import numpy

        x = numpy.asarray(x)
    if _array.framework(x) is not None and not _array.is_floating(x):
        x = _array.astype(x, _array.default_float(x))
    (x,) = _array.promote(floating(x, name))
    return x


def grpo_loss(
    log_prob: Array,
    old_log_prob: Array,
    ref_log_prob: Array | None,
    advantage: Array,
    mask: Array,
    *,
    beta: Any,
    clip: tuple[float, float] = (0.2, 0.2),
    ratio: Literal["token", "sequence", "sequence-mean"] = "token",
    surrogate: Literal["ppo", "cispo"] = "ppo",
    kl_estimator: Estimator = "k3",
    kl_gradient: Gradient = "as-written",
    aggregate: Aggregation = "sequence-mean",
    total_tokens: Any = None,
    total_sequences: Any = None,
    max_length: int | None = None,
) -> tuple[Array, dict[str, Array]]:
    """The GRPO loss, -E[min(ρA, clip(ρ)A) - β D(π_θ‖π_ref)], and what to log of it.

    The default is DeepSeekMath's eq. 3, the token form of DeepSeek-R1's objective. Other settings
    give its relatives: docs/reinforcement-learning.md has the table.

    Args:
        log_prob: log π_θ of the tokens drawn, (..., T); the only argument that is differentiated.
        old_log_prob: log π_old, of the policy that drew the tokens.
        ref_log_prob: log π_ref; None only with beta=0.
        advantage: one a sequence, shape (...), or one a token, (..., T) or (..., 1).
        mask: 1 for the tokens that the policy chose, (..., T).
        beta: weight of the divergence, a number of at least 0.
        clip: (ε_low, ε_high); the ratio is held in [1 - ε_low, 1 + ε_high]. math.inf turns a
            side off.
        ratio: ρ of each token; of the whole "sequence", the product over its tokens, which makes
            the divergence too one of whole outputs (as DeepSeek-R1 prints both); or
            "sequence-mean", the geometric mean over the tokens (GSPO). Numbers of a sequence
            stand at each of its tokens, so that "sequence-mean" aggregation counts each once.
        surrogate: "ppo", -min(ρA, clip(ρ)A); "cispo", -sg(clip(ρ))·A·log π_θ, in which clipped
            tokens keep a gradient.
        kl_estimator: as in `kl_estimate`.
        kl_gradient: as in `kl_penalty`. The exact gradients ("token", "sequence", "forward")
            come with the ratio to π_old, under which the tokens were drawn; "as-written" and
            "none" as published, without.
        aggregate: the reducer of both terms, as in `relentropy.rl.aggregate`.
        total_tokens: for that reducer.
        total_sequences: for that reducer.
        max_length: for that reducer.

    Returns:
        (loss, metrics): a scalar, and a dictionary of scalars without gradients: "policy_loss",
        "kl_loss" (without β), "kl_per_token" and "kl_per_sequence" in nats with
        "..._standard_error" (sequences are the clusters; +inf for a single one),
        "clip_fraction" (of tokens), "entropy" (nats a token, mean surprisal of the tokens
        drawn), "effective_sample_size" (of the ratios: in tokens, or in sequences). Those of the
        divergence are missing without a reference.

    Raises:
        TypeError, ValueError: as `kl_penalty`; advantages that are NaN or infinite, ratios beyond
            the dtype, a mask that keeps nothing.

    Examples:
        >>> import torch
        >>> from relentropy.rl import group_advantage, grpo_loss
        >>> log_prob = torch.tensor([[-0.5, -1.0], [-2.0, -0.1]], requires_grad=True)
        >>> reference, mask = torch.tensor([[-0.6, -1.2], [-1.5, -0.1]]), torch.ones(2, 2)
        >>> advantage = group_advantage(torch.tensor([1.0, 0.0]))
        >>> loss, metrics = grpo_loss(
        ...     log_prob, log_prob.detach(), reference, advantage, mask, beta=0.04
        ... )
        >>> loss.backward()
        >>> round(float(metrics["kl_per_token"]), 4)
        0.0431

    Source: Shao et al., "DeepSeekMath", arXiv 2402.03300, eq. 3 and 4.

    """
    one_of(ratio, "ratio", ("token", "sequence", "sequence-mean"))
    one_of(surrogate, "surrogate", ("ppo", "cispo"))
    one_of(kl_estimator, "kl_estimator", ESTIMATORS)
    one_of(kl_gradient, "kl_gradient", GRADIENTS)
    _check_coefficients(beta, clip, ref_log_prob)
    switched_off = isinstance(beta, int | float) and beta == 0
    if not switched_off:
        check_gradient(kl_estimator, kl_gradient)
    xp, kept, (a, old, *ref) = _drawn_tokens(mask, log_prob, old_log_prob, ref_log_prob)
    weights = _advantage(xp, advantage, kept, a)
    totals = {
        "total_tokens": total_tokens,
        "total_sequences": total_sequences,
        "max_length": max_length,
    }
    with _array.quiet(a):
        log_ratio = _log_ratio(xp, a - old, kept, ratio)
        terms, clipped = _surrogate(xp, a, log_ratio, weights, clip, surrogate)
        loss = policy_loss = reduce_tokens(terms, kept, aggregate, **totals)
        metrics = {"policy_loss": policy_loss}
        if ref:
            slope: Gradient = "none" if switched_off else kl_gradient
            kl, measured = _divergence(xp, (a, ref[0], old), kept, ratio, kl_estimator, slope)
            metrics["kl_loss"] = reduce_tokens(kl, kept, aggregate, **totals)
            metrics |= measured
            if not switched_off:
                loss = loss + beta * metrics["kl_loss"]
        metrics |= _policy_metrics(xp, a, log_ratio, kept, clipped, ratio)
    return loss, {name: _array.stop_gradient(x) for name, x in metrics.items()}


def _drawn_tokens(
    mask: Array, log_prob: Array, old_log_prob: Array, ref_log_prob: Array | None
) -> Tokens:
    """The tokens that were drawn, with log-probabilities under two or three policies."""
    named = {"log_prob": log_prob, "old_log_prob": old_log_prob}
    if ref_log_prob is not None:
        named["ref_log_prob"] = ref_log_prob
    xp, kept, (a, old, *ref) = token_log_probabilities(mask, **named)
    old = _array.stop_gradient(old)
    drawn = {"log_prob": a, "old_log_prob": old}
    refuse(xp, [Complaint(name, x, x == -INF, NEVER_DRAWN) for name, x in drawn.items()])
    # Inside a trace nothing could be refused.
    possible = (_array.stop_gradient(a) != -INF) & (old != -INF)
    return Tokens(xp, kept & possible, tuple(xp.where(possible, x, 0.0) for x in (a, old, *ref)))


def _check_coefficients(beta: Any, clip: tuple[float, float], ref_log_prob: Array | None) -> None:
    if not isinstance(beta, int | float) and _array.framework(beta) is None:
        raise TypeError(
            f"beta is {type(beta).__name__}; expected a number: of a coefficient, its .value"
        )
    if not isinstance(clip, tuple | list):
        raise TypeError(f"clip is {clip!r}; expected a pair (ε_low, ε_high), such as (0.2, 0.2)")
    if getattr(beta, "ndim", 0) or _array.known((beta >= 0) & (beta < INF)) is False:
        raise ValueError(f"beta is {beta}; expected one finite number of at least 0")
    if ref_log_prob is None and not (isinstance(beta, int | float) and beta == 0):
        raise ValueError(f"beta is {beta} but ref_log_prob is None; give it, or set beta=0")
    if len(clip) != 2 or not all(side >= 0 for side in clip):
        raise ValueError(f"clip is {clip}; expected (ε_low, ε_high), each at least 0")


def _advantage(xp: Any, advantage: Array, kept: Array, like: Array) -> Array:
    """Advantages at every kept token, constant; 0 elsewhere."""
    weights = _array.stop_gradient(_numbers(advantage, "advantage"))
    _array.namespace(like, weights)  # raises for another framework
    given = tuple(weights.shape)
    if weights.ndim == kept.ndim - 1:
        weights = weights[..., None]
    of_tokens = weights.ndim == kept.ndim and weights.shape[-1] in (1, kept.shape[-1])
    if not of_tokens or weights.shape[:-1] != kept.shape[:-1]:
        raise ValueError(
            f"advantage has shape {given} and log_prob {tuple(kept.shape)}; expected "
            f"{tuple(kept.shape[:-1])}, one a sequence, or {tuple(kept.shape)}, one a token"
        )
    weights = xp.where(kept, _array.astype(weights, like.dtype), 0.0)
    refuse(xp, [Complaint("advantage", weights, ~(xp.abs(weights) < INF), "expected a number")])
    return weights


def _log_ratio(xp: Any, log_ratio: Array, kept: Array, ratio: str) -> Array:
    """The log-ratio at every token: its own, or that of its sequence."""
    if ratio == "token":
        return log_ratio
    whole = xp.sum(log_ratio, axis=-1, keepdims=True)
    if ratio == "sequence-mean":
        lengths = xp.sum(_array.astype(kept, log_ratio.dtype), axis=-1, keepdims=True)
        whole = whole / xp.where(lengths > 0, lengths, 1.0)
    return whole + xp.zeros_like(_array.stop_gradient(log_ratio))


def _surrogate(
    xp: Any, a: Array, log_ratio: Array, weights: Array, clip: tuple[float, float], surrogate: str
) -> tuple[Array, Array]:
    """The policy terms a token, and where the clip is what counts."""
    low = math.log1p(-clip[0]) if clip[0] < 1 else -INF
    high = math.log1p(clip[1])
    fixed = _array.stop_gradient(log_ratio)
    above, below = fixed > high, fixed < low
    if surrogate == "ppo":
        above, below = above & (weights > 0), below & (weights < 0)
    clipped = above | below
    # Two Python numbers would make a float32 of PyTorch's where.
    bound = xp.where(above, xp.full_like(fixed, 1 + clip[1]), 1 - clip[0])
    # At advantage 0 the ratio may be anything, and ∞ · 0 is NaN.
    live = xp.where(clipped | (weights == 0), 0.0, log_ratio)
    largest = math.log(xp.finfo(live.dtype).max)
    fixed = _array.stop_gradient(live)
    refuse(xp, [Complaint("log of the ratio", fixed, fixed > largest, BEYOND)])
    rho = xp.where(clipped, bound, xp.exp(live))
    if surrogate == "ppo":
        return -rho * weights, clipped & (weights != 0)
    return -_array.stop_gradient(rho) * weights * a, clipped & (weights != 0)


def _divergence(
    xp: Any,
    log_probs: tuple[Array, Array, Array],
    kept: Array,
    ratio: str,
    estimator: Estimator,
    gradient: Gradient,
) -> tuple[Array, dict[str, Array]]:
    """The divergence at every token, with its gradient, and its means."""

    def penalty(log_probs: Iterable[Array], gradient: Gradient) -> Array:
        a, ref, old = log_probs
        drawn = [] if published else [old]
        return penalty_of(xp, a, ref, drawn, estimator, gradient, strict=gradient != "none")

    published = gradient in ("as-written", "none")
    of_tokens = penalty(map(_array.stop_gradient, log_probs), "none")
    means = clustered_mean(xp, of_tokens, kept)
    measured = {f"kl_{name}": value for name, value in means._asdict().items()}
    if ratio != "sequence":
        return penalty(log_probs, gradient), measured
    # The whole output counts as one token.
    sums = (xp.sum(x, axis=-1, keepdims=True) for x in log_probs)
    return xp.where(kept, penalty(sums, gradient), 0.0), measured


def _policy_metrics(
    xp: Any, a: Array, log_ratio: Array, kept: Array, clipped: Array, ratio: str
) -> dict[str, Array]:
    a, log_ratio = _array.stop_gradient(a), _array.stop_gradient(log_ratio)
    tokens = xp.sum(_array.astype(kept, a.dtype))
    tokens = xp.where(tokens > 0, tokens, 1.0)
    log_weights = xp.where(kept, log_ratio, -INF)
    if ratio != "token" and kept.shape[-1]:
        log_weights = xp.max(log_weights, axis=-1)  # one of equals a sequence
    log_weights = xp.reshape(log_weights, (-1,))
    return {
        "clip_fraction": xp.sum(_array.astype(clipped & kept, a.dtype)) / tokens,
        "entropy": -xp.sum(a) / tokens,
        "effective_sample_size": effective_sample_size(xp, log_weights),
    }
