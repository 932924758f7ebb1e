"""The verbs on parametric families: bring a pair together, find the rule, run it."""

from functools import reduce
from typing import Any

from relentropy import _array
from relentropy._convert import as_distribution
from relentropy._rules import Rule, has_rule, rule_between
from relentropy.distributions.family import Family, adapted, broadcast_shapes
from relentropy.distributions.mixture import Mixture
from relentropy.exact.mixture_bounds import mixture_bounds

Array = Any


def is_family(*xs: Any) -> bool:
    return any(isinstance(x, Family) for x in xs)


def together(p: Any, q: Any) -> tuple[Any, Any]:
    """Both sides in one framework and dtype; plain numbers take the other side's."""
    for name, x in (("p", p), ("q", q)):
        if not isinstance(x, Family):
            raise TypeError(
                f"{name} is {type(x).__name__} and the other side a family: compare two families, "
                "or two distributions on the same finite alphabet"
            )
    if p.plain != q.plain:
        like = (q if p.plain else p).arrays()[0]
        p, q = (x.mapped(lambda a: adapted(a, like)) if x.plain else x for x in (p, q))
    arrays = [*p.arrays(), *q.arrays()]
    _array.namespace(*arrays)
    dtype = _array.promote(*arrays)[0].dtype
    p, q = (x.mapped(lambda a: _array.astype(a, dtype)) for x in (p, q))
    broadcast_shapes(p.batch_shape, q.batch_shape)
    return p, q


def answer(of: str, p: Any, q: Any, /, *, divisor: float = 1.0, **options: Any) -> Array:
    """The value of a verb on two families, one a member of the batch."""
    p, q = together(as_distribution(p, name="p"), as_distribution(q, name="q"))
    return _run(rule_between(type(p), type(q), of), (p, q), divisor, options)


def answer_one(of: str, p: Any, /, *, divisor: float = 1.0, **options: Any) -> Array:
    """The value of a verb on one family."""
    return _run(rule_between(type(p), None, of), (p,), divisor, options)


def _run(rule: Rule, families: tuple[Any, ...], divisor: float, options: dict[str, Any]) -> Array:
    with _array.quiet(families[0].arrays()[0]):
        value = rule.function(*families, **options)
        value = value if divisor == 1.0 else value / divisor
    return value[()] if _array.is_numpy(value) else value


def bounds_of_families(p: Any, q: Any, divisor: float) -> tuple[Array, Array]:
    """The tightest of what is known: of mixtures from their components, of all from neighbours."""
    p, q = together(p, q)
    found = []
    with _array.quiet(p.arrays()[0]):
        if isinstance(p, Mixture) or isinstance(q, Mixture):
            found.append(mixture_bounds(p, q))
        if has_rule(type(p), type(q), "renyi"):
            upper = rule_between(type(p), type(q), "renyi").function(p, q, alpha=2.0)
            found.append((_lower(p, q), upper))
        if not found:
            rule_between(type(p), type(q), "renyi")  # says what there is instead
        xp = _array.namespace(found[0][0])
        lower, upper = (
            reduce(f, (pair[i] for pair in found)) for i, f in enumerate((xp.maximum, xp.minimum))
        )
        return lower / divisor, upper / divisor


def _lower(p: Any, q: Any) -> Array:
    """From the total variation where there is a rule for it; always Rényi's of order 1/2."""
    if has_rule(type(p), type(q), "lower_bound"):
        return rule_between(type(p), type(q), "lower_bound").function(p, q)
    return rule_between(type(p), type(q), "renyi").function(p, q, alpha=0.5)


def refuse_axes(axis: int, where: Any) -> None:
    """Families have parameters, not cells: there is no event axis to choose or to mask."""
    if axis != -1 or where is not None:
        raise TypeError(
            "axis and where are for arrays of cells; families have one value a member of their "
            "batch: index or reshape the parameters instead"
        )
