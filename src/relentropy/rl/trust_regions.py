"""A trust region: has a step moved the policy further than a limit?"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from relentropy import _array
from relentropy._scalar import INF
from relentropy._verbs import relative_entropy
from relentropy.distributions.discrete import Logits
from relentropy.rl._inputs import floating, one_of, refuse, same_shape
from relentropy.rl._rows import kept_rows, rows_of_logits, shown
from relentropy.rl.gaussian import beside, complaint, kl_of_gaussians

Array = Any


class TrustRegion(NamedTuple):
    """What `trust_region` found, in the arrays' framework.

    Attributes:
        inside: whether the judged divergence is finite and at most the limit, boolean.
        mean_kl: the mean of D(old‖new) over the states that count, in nats.
        max_kl: that of the state that moved most.
        kl: one value a state, 0 where masked.

    """

    inside: Array
    mean_kl: Array
    max_kl: Array
    kl: Array


def trust_region(
    old: Any,
    new: Any,
    mask: Array | None = None,
    *,
    limit: float,
    policy: Literal["categorical", "gaussian"] = "categorical",
    constraint: Literal["mean", "max"] = "mean",
) -> TrustRegion:
    """Whether D(old‖new), from the policy that acted to the updated one, stays within a limit.

    The mean over states is the constraint of TRPO (Schulman et al. 2015, eq. 14); the largest
    over states is that of its theory (eq. 11). A divergence that is infinite or NaN is never
    inside, whatever the limit. Gradients flow to both policies, second derivatives too, so
    that `mean_kl` gives TRPO's Fisher-vector products.

    Args:
        old: the policy that acted: logits (..., K), or for "gaussian" a pair (mean, log_std) with
            mean of shape (..., D) and log_std of the same shape, or (D,), or a number.
        new: the updated policy at the same states, likewise.
        mask: (...,), 1 for states that count. What is masked may hold anything.
        limit: nats, at least 0.
        policy: "categorical" or "gaussian" (independent coordinates).
        constraint: "mean" or "max", which of the two `inside` judges.

    Returns:
        `TrustRegion(inside, mean_kl, max_kl, kl)`; `inside` is an array, so that it can be used in
        a trace, where no state at all gives NaN and False.

    Raises:
        TypeError: integers, mixed frameworks, a Gaussian policy that is not a pair.
        ValueError: shapes that differ, values that are no policy, no state that counts, a limit
            that is negative or NaN.

    Examples:
        >>> import numpy as np
        >>> from relentropy.rl import trust_region
        >>> old, new = np.log([[0.5, 0.5], [0.5, 0.5]]), np.log([[0.5, 0.5], [0.75, 0.25]])
        >>> step = trust_region(old, new, limit=0.1)
        >>> bool(step.inside), round(float(step.mean_kl), 4), round(float(step.max_kl), 4)
        (True, 0.0719, 0.1438)
        >>> bool(trust_region(old, new, limit=0.1, constraint="max").inside)
        False

    """
    one_of(policy, "policy", ("categorical", "gaussian"))
    one_of(constraint, "constraint", ("mean", "max"))
    if _array.known(limit >= 0) is False:
        raise ValueError(f"limit is {limit}; expected nats, a number of at least 0")
    xp, kept, kl = (_categorical if policy == "categorical" else _gaussian)(old, new, mask)
    some = xp.any(kept)
    if _array.known(some) is False:
        raise ValueError("no state counts: the mask is 0 everywhere, or there is no state")
    with _array.quiet(kl):
        kl = xp.where(kept, kl, 0.0)
        mean_kl = xp.sum(kl) / xp.sum(_array.astype(kept, kl.dtype))
        max_kl = xp.where(some, xp.max(kl), float("nan"))
        judged = mean_kl if constraint == "mean" else max_kl
        return TrustRegion((judged <= limit) & (judged < INF), mean_kl, max_kl, kl)


def _categorical(old: Array, new: Array, mask: Array | None) -> tuple[Any, Array, Array]:
    xp, kept, (a, b) = rows_of_logits(mask, old=old, new=new)
    return xp, kept, relative_entropy(Logits(a), Logits(b))


def _gaussian(old: Any, new: Any, mask: Array | None) -> tuple[Any, Array, Array]:
    arrays: dict[str, Array] = {}
    for name, pair in (("old", old), ("new", new)):
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise TypeError(f"{name} is {type(pair).__name__}; expected a pair (mean, log_std)")
        mean = floating(pair[0], f"mean of {name}")
        arrays[f"mean of {name}"] = mean
        arrays[f"log_std of {name}"] = beside(mean, pair[1], f"log_std of {name}")
    means = {name: x for name, x in arrays.items() if name.startswith("mean")}
    same_shape(means)
    xp = _array.namespace(*arrays.values())
    kept = kept_rows(mask, means)
    refuse(xp, [complaint(xp, name, x, kept[..., None]) for name, x in arrays.items()])
    mean_a, log_a, mean_b, log_b = (
        shown(xp, mask, kept, x, 0.0) for x in _array.promote(*arrays.values())
    )
    with _array.quiet(mean_a):
        return xp, kept, kl_of_gaussians(xp, mean_a, 2 * log_a, mean_b, 2 * log_b)
