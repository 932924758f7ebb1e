"""Mixture(weights, components): one of several distributions, chosen at random."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from relentropy import _array
from relentropy.distributions.compound import (
    Independent,
    draws_of,
    event_shape,
    in_one_framework,
    require_event,
)
from relentropy.distributions.family import (
    NOT_NEGATIVE,
    Continuous,
    Domain,
    Family,
    Parametric,
    Univariate,
    _beside,
    broadcast_shapes,
)
from relentropy.distributions.integers import Delta, Integers

Array = Any
INF = float("inf")


@dataclass(frozen=True, eq=False, repr=False)
class _Weights(Parametric):
    """The weights as they came; a list of numbers belongs to no framework."""

    weights: Any
    domains: ClassVar[dict[str, Domain]] = {"weights": NOT_NEGATIVE}

    def __post_init__(self) -> None:
        listed = isinstance(self.weights, list | tuple)
        super().__post_init__()
        object.__setattr__(self, "plain", listed)


@dataclass(frozen=True, eq=False, repr=False)
class Mixture(Family):
    """Component k with probability weights[k]: density Σ weights[k] p_k(x).

    Divergences of mixtures of univariate families are integrals or sums like all others. In more
    dimensions there is no formula: `bounds` are certified, and
    `estimate(p, q, method="monte-carlo")` samples.

    Args:
        weights: probabilities, shape (..., K); 0 is allowed, a component without weight counts
            for nothing, support included.
        components: K families, which may be of different kinds but all have densities on the
            line, or all live on the integers, or all on vectors of one shape; or one family
            whose last batch axis has K members.

    Errors: TypeError for components that cannot be mixed, a density and a `Delta` among them;
    ValueError for weights that are no probabilities.

    >>> from relentropy import Mixture, Normal, Uniform, relative_entropy
    >>> p = Mixture([0.5, 0.5], Normal([-1.0, 1.0], 0.5))
    >>> round(float(relative_entropy(p, Normal(0, 1))), 12)
    0.185426986823
    >>> q = Mixture([0.25, 0.75], [Uniform(0, 1), Uniform(0, 2)])
    >>> round(float(relative_entropy(Uniform(0, 1), q)), 12)
    0.470003629246
    """

    weights: Any
    components: Any

    def __new__(cls, weights: Any = None, components: Any = None) -> "Mixture":
        return object.__new__(_kind_of(components) if cls is Mixture else cls)

    def __post_init__(self) -> None:
        weights = _Weights(self.weights)
        count = _count(weights.weights)
        families = _listed(self.components, count)
        if len(families) != count:
            raise ValueError(
                f"Mixture: {count} weights and {len(families)} components; there must be as many"
            )
        weights, *families = in_one_framework([weights, *self._prepared(families)])
        object.__setattr__(self, "weights", weights.weights)
        object.__setattr__(self, "components", tuple(families))
        object.__setattr__(self, "plain", weights.plain and all(f.plain for f in families))
        self._validate()

    def _prepared(self, families: list[Any]) -> list[Any]:
        return families

    def _validate(self) -> None:
        xp = _array.namespace(self.weights)
        total = xp.sum(_array.stop_gradient(self.weights), axis=-1)
        wrong = xp.abs(total - 1) > 1e-3
        if _array.known(xp.any(wrong)):
            first = float(total.reshape(-1)[int(xp.argmax(wrong.reshape(-1) * 1))])
            raise ValueError(f"Mixture: weights sum to {first:.6g} instead of 1; divide by the sum")
        broadcast_shapes(tuple(total.shape), *(f.batch_shape for f in self.components))

    def shares(self) -> list[Array]:
        """The weight of each component, of the shape of the batch; they sum to 1."""
        total = _array.namespace(self.weights).sum(self.weights, axis=-1)
        w = self.weights / total[..., None]
        return [w[..., k] for k in range(w.shape[-1])]

    def arrays(self) -> list[Array]:
        each = [self.weights[..., k] for k in range(self.weights.shape[-1])]
        return each + [x for f in self.components for x in f.arrays()]

    def mapped(self, f: Callable[[Array], Array]) -> "Mixture":
        each = [f(self.weights[..., k]) for k in range(self.weights.shape[-1])]
        other = object.__new__(type(self))
        object.__setattr__(other, "weights", _array.namespace(*each).stack(each, -1))
        object.__setattr__(other, "components", tuple(c.mapped(f) for c in self.components))
        object.__setattr__(other, "plain", False)
        return other

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the batch of distributions; () for a single one."""
        shapes = (f.batch_shape for f in self.components)
        return broadcast_shapes(tuple(self.weights.shape[:-1]), *shapes)

    def __repr__(self) -> str:
        return f"Mixture({self.weights.tolist()!r}, {list(self.components)!r})"

    def sample(self, rng: Any, size: tuple[int, ...] = ()) -> Any:
        """Independent draws as a NumPy array of shape size + batch_shape + event_shape."""
        import numpy

        numbers = self.mapped(_array.to_numpy)
        shape = (*size, *numbers.batch_shape)
        cuts = numpy.cumsum(numpy.stack(numbers.shares(), -1), axis=-1)[..., :-1]
        chosen = (rng.uniform(size=shape)[..., None] >= cuts).sum(-1)
        event = event_shape(self.components[0])
        draws = numpy.empty((*shape, *event))
        for k, component in enumerate(numbers.components):
            mine = chosen == k
            if numbers.batch_shape:
                draws[mine] = draws_of(component, rng, size, numbers.batch_shape)[mine]
            elif mine.any():
                draws[mine] = component.sample(rng, (int(mine.sum()),))
        return draws

    def _log_mixed(self, logs: list[Array]) -> Array:
        """The log of Σ share · exp(log), free of overflow, with a gradient where a share is 0."""
        xp = _array.namespace(*logs)
        given, w = xp.stack(xp.broadcast_arrays(*logs), -1), xp.stack(self.shares(), -1)
        still = _array.stop_gradient(given)
        top = xp.max(xp.where((w > 0) & (still == still), still, -INF), axis=-1)[..., None]
        base = xp.where(xp.abs(top) < INF, top, 0.0)
        gap = xp.where(xp.abs(still) < INF, given, base) - base
        # What has no weight may be far above what has; its slope is then merely very large.
        terms = w * xp.exp(xp.where(gap < 700, gap, 700.0))
        # NaN is a density too far out to be a number.
        total = xp.sum(xp.where(still > -INF, terms, 0.0), axis=-1)
        top, base = top[..., 0], base[..., 0]
        some = (total > 0) & (top < INF)
        value = xp.log(xp.where(some, total, 1.0)) + base
        return xp.where(some, value, xp.where(top == INF, INF, -INF))


def _count(weights: Array) -> int:
    if weights.ndim == 0:
        raise ValueError("Mixture: weights must have one number a component, got a single number")
    return int(weights.shape[-1])


def _listed(components: Any, count: int) -> list[Family]:
    if not isinstance(components, Family):
        return list(components)
    batch = components.batch_shape
    if not batch or batch[-1] != count:
        raise ValueError(
            f"Mixture: the last batch axis of the components must have {count} members, one a "
            f"weight; their batch is {batch}"
        )
    return [member(components, k) for k in range(count)]


def member(family: Any, k: int, skip: int = 0) -> Any:
    """The k-th along the last batch axis, or along one that is `skip` axes before it."""
    if isinstance(family, Independent):
        base = member(family.base, k, skip + family.reinterpreted_batch_ndims)
        return Independent(base, family.reinterpreted_batch_ndims)
    plain, ranks = family.plain, getattr(family, "ranks", {})
    other = family.mapped(lambda x: _taken(x, k, skip) if not ranks else x)
    for name, x in family.parameters().items() if ranks else ():
        object.__setattr__(other, name, _taken(x, k, skip + ranks.get(name, 0)))
    object.__setattr__(other, "plain", plain)
    return other


def _taken(x: Array, k: int, skip: int) -> Array:
    axis = x.ndim - 1 - skip
    if axis < 0:
        return x
    return x[(slice(None),) * axis + (k if x.shape[axis] > 1 else 0,)]


def _kind_of(components: Any) -> type[Mixture]:
    families = [components] if isinstance(components, Family) else components
    if not isinstance(families, Sequence) or not families:
        raise TypeError(
            "Mixture: components must be a list of families, or one family whose last batch axis "
            f"has a member a weight; got {type(components).__name__}"
        )
    for f in families:
        if not isinstance(f, Family):
            raise TypeError(f"Mixture: components must be families, got {type(f).__name__}")
    # These are mixtures too, and so cannot be imported first.
    from relentropy.distributions.mixture_univariate import ContinuousMixture, IntegerMixture

    if all(isinstance(f, Continuous) for f in families):
        return ContinuousMixture
    if all(isinstance(f, Integers | Delta) for f in families):
        return IntegerMixture
    shapes = {event_shape(f) for f in families}
    if len(shapes) == 1 and not any(isinstance(f, Univariate) for f in families):
        return VectorMixture
    names = ", ".join(sorted({type(f).__name__ for f in families}))
    raise TypeError(
        f"Mixture: {names} cannot be mixed: the components must all have densities on the line, "
        "or all live on the integers, or all on arrays of one shape"
    )


class VectorMixture(Mixture):
    """Families of arrays of one shape."""

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one draw."""
        return event_shape(self.components[0])

    def log_density(self, x: Any, /) -> Array:
        """The log of the density at x, of shape (..., *event_shape)."""
        x, p = _beside(x, self)
        require_event(self, x)
        with _array.quiet(x):
            return p._log_mixed([f.log_density(x) for f in p.components])


__all__ = ["Mixture"]
