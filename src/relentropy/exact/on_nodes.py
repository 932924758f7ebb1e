"""D(P||Q) of two densities on the nodes of one integration rule, which has all digits for both."""

from typing import Any

from relentropy import _array
from relentropy._scalar import INF, g, logsumexp

Array = Any


def divergence_on_nodes(xp: Any, log_mass: Array, ratio: Array) -> Array:
    """log1p(E_P[exp(-u) - 1 + u]), u = r - E_P r, over the last axis.

    `log_mass` are P's exponents at the nodes and `ratio` is r = log p/q, both up to a constant.
    Where u < -30, exp(-u) is taken in logs.
    """
    log_mass = log_mass - logsumexp(xp, log_mass)
    mass = xp.exp(log_mass)
    u = ratio - xp.sum(mass * ratio, axis=-1, keepdims=True)
    covered = _array.stop_gradient(u) > -30
    far = xp.where(covered, -INF, log_mass - xp.where(covered, 0.0, u))
    near = mass * g(xp, xp.where(covered, u, 0.0))
    terms = xp.where(covered, near, xp.exp(far) + mass * (u - 1))
    return xp.log1p(xp.sum(terms, axis=-1))
