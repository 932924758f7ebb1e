"""Pairs of kinds in which no Q covers any P, whatever their parameters."""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF
from relentropy.distributions.family import Continuous
from relentropy.distributions.interval import Triangular, Uniform, Unit, VonMises
from relentropy.distributions.line import LocationScale
from relentropy.distributions.positive import Positive
from relentropy.distributions.power_law import GeneralizedPareto, Pareto

Array = Any

_BOUNDED: tuple[type, ...] = (Unit, VonMises, Uniform, Triangular)
_UNCOVERED: dict[type, tuple[type, ...]] = {
    LocationScale: (Positive, Pareto, GeneralizedPareto, *_BOUNDED),
    Positive: (Pareto, *_BOUNDED),
    Pareto: _BOUNDED,
    VonMises: (Positive, Pareto, Unit),
    Unit: (Pareto,),
}
"""Under each kind of P the kinds of Q that have nothing somewhere in its support."""


def never_covered(p: type, q: type) -> bool:
    """Whether no member of the family q covers any of the family p."""
    if issubclass(p, Continuous) != issubclass(q, Continuous):
        return True
    return any(issubclass(p, kind) and issubclass(q, _UNCOVERED[kind]) for kind in _UNCOVERED)


def uncovered(p: Any, q: Any) -> Array:
    """D = +inf: P has mass where Q has none."""
    return no_slope(p, q) + INF


def no_slope(p: Any, q: Any) -> Array:
    """0 in the shape of the batch, of the derivative 0 towards every parameter."""
    arrays = [*p.arrays(), *q.arrays()]
    xp = _array.namespace(*arrays)
    return sum(0.0 * xp.where(xp.abs(x) < INF, x, 0.0) for x in arrays)


for _p, _kinds in _UNCOVERED.items():
    for _q in _kinds:
        rule(_p, _q, kind="support")(uncovered)
