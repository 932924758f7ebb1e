"""What all bridges share: which reader an object has, which parameter it was given, refusals."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from relentropy import _array
from relentropy.distributions.bijections import Bijection
from relentropy.distributions.compound import Independent
from relentropy.distributions.discrete import Discrete, Logs
from relentropy.distributions.log_density import LogDensity
from relentropy.distributions.simplex import Multinomial
from relentropy.distributions.transformed import Transformed

Array = Any
Distribution = Any
INF = float("inf")
Reader = Callable[..., Distribution]


def reader_of(x: Any, prefix: str, readers: Mapping[str, Reader], *densities: str) -> Reader | None:
    """The reader of the nearest class that x derives from and whose density x still has.

    A subclass that has a density of its own is another distribution than its base.
    """
    cls = type(x)
    for base in cls.__mro__:
        if base.__module__.startswith(prefix) and base.__name__ in readers:
            if all(getattr(cls, name, None) is getattr(base, name, None) for name in densities):
                return readers[base.__name__]
            return None
    return None


def same_names(*families: type) -> dict[str, Reader]:
    """Readers of kinds whose name and whose parameters have the names that they have here."""
    return {family.__name__: _by_names(family) for family in families}


def _by_names(family: Any) -> Reader:
    names = tuple(family.domains)
    return lambda d: family(**{name: getattr(d, name) for name in names})


def first_set(d: Any, *names: str) -> dict[str, Any]:
    """The first of several attributes to be set on an object; others were derived from it."""
    name = next(name for name in vars(d) if name in names)
    return {name: getattr(d, name)}


def not_none(d: Any, *names: str) -> dict[str, Any]:
    """The attributes that an object was given; the others are None."""
    given = {name: getattr(d, name) for name in names}
    return {name: x for name, x in given.items() if x is not None}


def in_jax(x: Any) -> Any:
    """A number or NumPy array as JAX's; others are left alone."""
    if _array.framework(x) == "numpy" or isinstance(x, int | float):
        import jax.numpy as jnp

        return jnp.asarray(x)
    return x


class InJax:
    """A view of an object whose parameters are all JAX's, as it computes with them."""

    def __init__(self, d: Any) -> None:
        self._d = d

    def __getattr__(self, name: str) -> Any:
        return in_jax(getattr(self._d, name))


def expanded(p: Distribution, rank: int, shape: tuple[int, ...]) -> Distribution:
    """The distribution with its `rank` batch axes broadcast to `shape`."""

    def grown(x: Array) -> Array:
        return _array.namespace(x).broadcast_to(x, (*shape, *x.shape[rank:]))

    return p.with_values(grown(p.values)) if isinstance(p, Discrete) else p.mapped(grown)


def independent(base: Distribution, rank: int) -> Distribution:
    """The last batch axes as axes of one draw; of a table, a draw of one is a multinomial."""
    if isinstance(base, Discrete) and rank:
        name = "logits" if isinstance(base, Logs) else "probs"
        base = Multinomial(1, **{name: base.values})
    return Independent(base, rank) if rank else base


def transformed(base: Distribution, *steps: Bijection) -> Distribution:
    """One bijection after the other, of each entry where the base has several."""
    if isinstance(base, Independent):
        return Independent(transformed(base.base, *steps), base.reinterpreted_batch_ndims)
    for step in steps:
        base = Transformed(base, step)
    return base


def by_density(
    d: Any, log_density: Callable[[Array], Array], support: tuple[Any, Any] | None, like: Array
) -> Distribution:
    """A kind that we don't have, by its density in the framework of an array; or refused."""
    single = support is not None and all(getattr(x, "ndim", 0) == 0 for x in support)
    if support is None or not single or tuple(getattr(d, "batch_shape", ())):
        raise refused(d, log_density=getattr(log_density, "__name__", "log_prob"))
    low, high = (float(x) for x in support)
    density = LogDensity(_within(log_density, low, high), (low, high))
    return density.mapped(lambda zero: _array.constant_like(like, 0.0))


def _within(log_density: Callable[[Array], Array], low: float, high: float) -> Any:
    """-inf outside the support, where a foreign function may raise, warn or give NaN."""
    middle = (low + high) / 2 if high - low < INF else low + 1 if low > -INF else min(high - 1, 0.0)

    def log_density_anywhere(x: Array) -> Array:
        xp = _array.namespace(x)
        inside = (x >= low) & (x <= high)
        return xp.where(inside, log_density(xp.where(inside, x, middle)), -INF)

    return log_density_anywhere


def unchecked(d: Any) -> Any:
    """A copy that does not look at the values of its points, and whose parts don't either."""
    other = copy(d)
    other._validate_args = False
    if hasattr(d, "base_dist"):
        other.base_dist = unchecked(d.base_dist)
    return other


def interval(constraint: Any) -> tuple[Any, Any] | None:
    """The ends of a constraint of PyTorch or NumPyro on one real number; None for another."""
    if constraint.is_discrete or constraint.event_dim:
        return None
    low, high = (getattr(constraint, f"{side}_bound", None) for side in ("lower", "upper"))
    if low is None and high is None and type(constraint).__name__ != "_Real":
        return None
    return -INF if low is None else low, INF if high is None else high


def refused(x: Any, why: str = "", log_density: str = "log_prob") -> TypeError:
    """The error for an object that has no counterpart."""
    kind = f"{type(x).__module__.partition('.')[0]}'s {type(x).__name__}"
    reason = why or f"{kind} has no counterpart in relentropy"
    return TypeError(
        f"{reason}; write it as one of relentropy's families, or a density of one real number as "
        f"LogDensity(x.{log_density}, support=(low, high))"
    )
