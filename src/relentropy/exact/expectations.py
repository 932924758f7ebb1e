"""Relative entropies that follow from expectations, with no formula for the pair.

A family declares the expectations that it knows in closed form, in a line or two each
(`relentropy.exact.moments`, `relentropy.exact.transforms`). With the log-density of Q as a
combination of statistics T (`relentropy.exact.statistics`)

    D(P||Q) = E_P[log p] - Σ constants - Σ coefficient · E_P[T]

for each pair in which P knows the statistics of Q. The parts may cancel: their size is carried
along, in units of which the sum is wrong by a few roundings.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from relentropy import _array, _rules
from relentropy.exact.statistics import (
    NAMES,
    AtBoth,
    Decay,
    Linear,
    Log,
    LogitSquare,
    LogOneMinus,
    LogOnePlusSquare,
    LogSquare,
    OneMinusCosine,
    Power,
    Reciprocal,
    Sides,
    Square,
    Terms,
    has_terms,
    statistics_of,
    terms,
)

Array = Any
Function = Callable[..., Any]


class Sized(NamedTuple):
    """A number, and the sum of the sizes of what it was added from."""

    value: Array
    size: Array


def added(*parts: Any) -> Sized:
    return Sized(sum(parts), sum(abs(x) for x in parts))


def exp_of(xp: Any, *logs: Any) -> Sized:
    """exp(Σ logs): the roundings of the sum become relative errors."""
    total, size = added(*logs)
    value = xp.exp(total)
    return Sized(value, value * (1 + size))


_KNOWN: dict[tuple[str, type], Function] = {}


F = TypeVar("F", bound=Callable[..., Any])


def known_by(what: str, *families: type) -> Callable[[F], F]:
    """Declare that the decorated function answers for these families."""

    def register(function: F) -> F:
        for family in families:
            _KNOWN[what, family] = function
        return function

    return register


def knowing() -> list[type]:
    """The families that declare some expectation."""
    return list(dict.fromkeys(family for _, family in _KNOWN))


_NEEDS: dict[Any, tuple[str, ...]] = {
    Linear: ("mean",),
    Square: ("mean", "variance"),
    Sides: ("sides",),
    Log: ("log mean",),
    LogOneMinus: ("log rest",),
    LogSquare: ("log mean", "log variance"),
    LogitSquare: ("logit square",),
    Power: ("power",),
    Reciprocal: ("reciprocal",),
    Decay: ("decay",),
    OneMinusCosine: ("cosine",),
    LogOnePlusSquare: ("log one plus square",),
    AtBoth: ("both values",),
}
"""Which declarations of P the expectation of a statistic takes."""


def knows(family: type, statistic: Any) -> bool:
    """Whether the expectation of a statistic is known in closed form."""
    return all((what, family) in _KNOWN for what in _NEEDS[statistic])


def expectation(p: Any, statistic: Any) -> Sized:
    """E_P of a statistic, where it exists."""
    found = [_KNOWN[what, type(p)] for what in _NEEDS[type(statistic)]]
    if isinstance(statistic, Linear):
        anchor, offset = found[0](p)
        return added(anchor - statistic.m, offset)
    if isinstance(statistic, Log):
        return added(*found[0](p))
    if isinstance(statistic, Square | LogSquare):
        return _square(found[0](p), found[1](p), statistic.m)
    value: Sized = found[0](p, *statistic)
    return value


def _square(mean: tuple[Any, Any], variance: Any, m: Any) -> Sized:
    """Variance + (mean - m)²."""
    anchor, offset = mean
    distance = added(anchor - m, offset)
    if not isinstance(variance, Sized):
        variance = Sized(variance, variance)
    blur = 2 * abs(distance.value) * distance.size
    return Sized(variance.value + distance.value**2, variance.size + blur)


def is_closed(p: type, q: type) -> bool:
    """Whether D(P||Q) follows from what P declares and from the terms of Q."""
    return _own_is_known(p) and _knows_all(p, q)


def _own_is_known(p: type) -> bool:
    return _entropy(p) is not None or _knows_all(p, p)


def _knows_all(p: type, q: type) -> bool:
    return has_terms(q) and all(knows(p, t) for t in statistics_of(q))


def _entropy(p: type) -> Function | None:
    found = _rules.registered(p, None, "entropy")
    return found.function if found is not None and found.kind == "closed" else None


def formula(q: type) -> str:
    """What is computed, in a line."""
    names = ", ".join(NAMES[t] for t in statistics_of(q))
    return "D = -h(P) - E_P[log q]" + (f" from {names}" if names else "")


def divergence(p: Any, q: Any) -> Sized:
    """D(P||Q) of a closed pair where it is finite, and the size of its parts."""
    own, cost = _mean_log_density(p), mean_of(p, terms(q))
    return Sized(own.value - cost.value, own.size + cost.size)


def _mean_log_density(p: Any) -> Sized:
    """E_P[log p]."""
    entropy = _entropy(type(p))
    if entropy is None:
        return mean_of(p, terms(p))
    value = entropy(p)
    return Sized(-value, 1 + abs(value))


def mean_of(p: Any, log_density: Terms) -> Sized:
    """E_P[log q] from the terms of log q."""
    total, size = added(*log_density.constants)
    for coefficient, statistic in log_density.items:
        value, blur = expectation(p, statistic)
        total = total + coefficient * value
        size = size + abs(coefficient) * blur
    return Sized(total, size)


_ORDINARY = {
    "loc": 0.5,
    "scale": 1.0,
    "df": 5.0,
    "df1": 5.0,
    "df2": 20.0,
    "asymmetry": 1.0,
    "concentration": 3.0,
    "rate": 1.0,
    "alpha": 9.0,
    "concentration1": 2.0,
    "concentration0": 2.0,
    "low": 0.25,
    "high": 0.75,
    "peak": 0.5,
    "power": 9.0,
    "total_count": 3.0,
    "probs": 0.5,
    "logits": 0.0,
}
_ORDINARY_Q = {"scale": 4.0, "concentration": 0.5, "low": -8.0, "high": 8.0}


def ordinary(p: Any, q: Any, rows: Array) -> tuple[Any, Any]:
    """Both with harmless parameters in some rows, so that these have no NaN for a derivative.

    P's have all moments that are asked for, and are well inside the support of Q's.
    """
    xp = _array.namespace(rows)

    def harmless(f: Any, values: dict[str, float]) -> Any:
        return with_parameters(
            f, **{name: xp.where(rows, values[name], x) for name, x in f.parameters().items()}
        )

    values = _ORDINARY
    if type(p).__name__ == "GeneralizedPareto":
        values = values | {"concentration": 0.05}
    return harmless(p, values), harmless(q, _ORDINARY | _ORDINARY_Q)


def with_parameters(p: Any, **arrays: Array) -> Any:
    """The same family with some other parameters."""
    other = p.mapped(lambda x: x)
    for name, x in arrays.items():
        object.__setattr__(other, name, x)
    return other
