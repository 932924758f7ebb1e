"""The verbs on parametric families: bring a pair together, find the rule, run it."""

from typing import Any

from relentropy import _array
from relentropy._convert import as_distribution
from relentropy._rules import rule_between
from relentropy.distributions.family import Family, adapted, broadcast_shapes

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
    found = rule_between(type(p), type(q), of)
    with _array.quiet(p.arrays()[0]):
        value = found.function(p, q, **options)
        value = value if divisor == 1.0 else value / divisor
    return value[()] if _array.is_numpy(value) else value


def answer_one(of: str, p: Any, /, *, divisor: float = 1.0, **options: Any) -> Array:
    """The value of a verb on one family."""
    found = rule_between(type(p), None, of)
    with _array.quiet(p.arrays()[0]):
        value = found.function(p, **options)
        value = value if divisor == 1.0 else value / divisor
    return value[()] if _array.is_numpy(value) else value


def refuse_axes(axis: int, where: Any) -> None:
    """Families have parameters, not cells: there is no event axis to choose or to mask."""
    if axis != -1 or where is not None:
        raise TypeError(
            "axis and where are for arrays of cells; families have one value a member of their "
            "batch: index or reshape the parameters instead"
        )
