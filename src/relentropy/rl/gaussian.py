"""Relative entropy between Gaussians with independent coordinates, from log-variances."""

from typing import Any

from relentropy import _array
from relentropy._scalar import INF, g
from relentropy.rl._inputs import Complaint, floating, refuse

Array = Any

NOT_FINITE = "expected a finite number"
NOT_A_NUMBER = "expected a logarithm, which may be -inf, that of 0"


def gaussian_kl(
    mean: Array,
    log_variance: Array | float,
    *,
    prior_mean: Array | float = 0.0,
    prior_log_variance: Array | float = 0.0,
) -> Array:
    """D(N(mean, exp log_variance) ‖ prior) a row: the KL term of a variational autoencoder.

    ½ Σ_j [(μ - μ₀)² / σ₀² + (σ²/σ₀² - 1 - log σ²/σ₀²)] over the last axis. Both terms are
    non-negative and neither cancels, so that a posterior close to its prior keeps its digits;
    exactly 0 for equals.

    Args:
        mean: μ, (..., D).
        log_variance: log σ², not log σ: same shape, or one that broadcasts over batch axes, or a
            number.
        prior_mean: μ₀, an array that broadcasts over batch axes, or a number.
        prior_log_variance: log σ₀², likewise.

    Returns:
        Nats a row, (...,), in the framework of `mean`; half precision comes back as float32. +inf
        for log_variance = -inf (a point has infinite relative entropy to a density), and where the
        value leaves the dtype: from log σ²/σ₀² of 710 (float32: 89) on. log_variance = -1e4 is
        5e3 nats a coordinate. Gradients flow to all arguments.

    Raises:
        TypeError: integers, mixed frameworks.
        ValueError: shapes that do not fit, NaN, an infinite mean, wherever values can be looked at.

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import gaussian_kl
        >>> gaussian_kl(np.array([[0.0, 0.0], [1.0, 0.0]]), np.zeros((2, 2))).tolist()
        [0.0, 0.5]
        >>> f"{gaussian_kl(np.array([1e-8]), np.array([0.0])):.15g}"
        '5e-17'

    Source: Kingma & Welling, "Auto-Encoding Variational Bayes" (2013), appendix B.
    """
    mean = floating(mean, "mean")
    named = {
        "log_variance": log_variance,
        "prior_mean": prior_mean,
        "prior_log_variance": prior_log_variance,
    }
    arrays = {"mean": mean, **{name: beside(mean, x, name) for name, x in named.items()}}
    xp = _array.namespace(*arrays.values())
    refuse(xp, [complaint(xp, name, x) for name, x in arrays.items()])
    with _array.quiet(mean):
        return kl_of_gaussians(xp, *_array.promote(*arrays.values()))


def beside(mean: Array, x: Any, name: str) -> Array:
    """A parameter as an array that broadcasts over the batch axes of the mean."""
    if mean.ndim == 0:
        raise ValueError("mean is a single number; expected shape (..., D), coordinates last")
    if isinstance(x, int | float):
        (like,) = _array.promote(mean)
        return _array.constant_like(like, [x])
    x = floating(x, name)
    _array.namespace(mean, x)
    batch = zip(reversed(x.shape[:-1]), reversed(mean.shape[:-1]), strict=False)
    fits = x.ndim <= mean.ndim and all(n in (1, m) for n, m in batch)
    if x.ndim > 0 and not (fits and x.shape[-1] == mean.shape[-1]):
        raise ValueError(
            f"{name} has shape {tuple(x.shape)} and mean {tuple(mean.shape)}; expected the same "
            "coordinates, and batch axes that are equal or 1"
        )
    return x


def complaint(xp: Any, name: str, x: Array, kept: Array | None = None) -> Complaint:
    """Means are finite; logarithms of scales are no NaN."""
    fixed = _array.stop_gradient(x)
    logarithm = "log" in name
    bad = xp.isnan(fixed) if logarithm else ~(xp.abs(fixed) < INF)
    bad = bad if kept is None else bad & kept
    values = xp.broadcast_to(fixed, bad.shape)
    return Complaint(name, values, bad, NOT_A_NUMBER if logarithm else NOT_FINITE)


def kl_of_gaussians(xp: Any, mean: Array, log_v: Array, mean0: Array, log_v0: Array) -> Array:
    """½ Σ [z² + g(-δ)], z = (μ - μ₀)/σ₀, δ = log σ²/σ₀², g(u) = exp(-u) - 1 + u."""
    same = (log_v == log_v0) & (xp.abs(_array.stop_gradient(log_v)) == INF)
    delta = xp.where(same, 0.0, log_v) - xp.where(same, 0.0, log_v0)
    wider = _array.stop_gradient(delta) == INF
    shape = xp.where(wider, INF, g(xp, 0.0 - xp.where(wider, 0.0, delta)))
    gap = mean - mean0
    # In two factors, 1/σ₀ stays in range wherever z does; where it cannot, equal means are equal.
    gap = mean - mean0
    nowhere = (gap == 0) & (xp.exp(-_array.stop_gradient(log_v0) / 4) == INF)
    half = xp.exp(-xp.where(nowhere, 0.0, log_v0) / 4)
    z = gap * half * half
    return xp.sum(z * z + shape, axis=-1) / 2
