"""Pair dispatch: which exact formula answers D(P||Q) for a pair of descriptions."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

_EXACT_MODULES = ("relentropy.exact.discrete",)


@dataclass(frozen=True)
class Rule:
    """One exact formula: for which pair, the function that computes it, and what it says."""

    p: type
    q: type
    function: Callable[..., Any]

    @property
    def formula(self) -> str:
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    def __repr__(self) -> str:
        where = f"{self.function.__module__}.{self.function.__qualname__}"
        return f"Rule({self.p.__name__} || {self.q.__name__}: {self.formula} [{where}])"


_table: dict[tuple[type, type], Rule] = {}


def rule(p: type, q: type, /) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the exact D(P||Q) of a pair of kinds."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if (p, q) in _table:
            raise ValueError(f"there is a rule already: {_table[p, q]!r}")
        _table[p, q] = Rule(p, q, function)
        return function

    return register


def rules() -> list[Rule]:
    """Every registered exact formula.

    >>> from relentropy import rules
    >>> any(rule.p.__name__ == "Weights" for rule in rules())
    True
    """
    for module in _EXACT_MODULES:
        if module not in sys.modules:
            import_module(module)
    return list(_table.values())


def rule_between(p: type, q: type) -> Rule:
    """The most specific rule for a pair of kinds; none, or two equally specific, is an error."""
    found = [r for r in rules() if issubclass(p, r.p) and issubclass(q, r.q)]
    if not found:
        raise LookupError(
            f"no exact rule for {p.__name__} || {q.__name__}; see relentropy.rules(), or use "
            "estimate(p, q, method=...)"
        )
    for best in found:
        if all(issubclass(best.p, r.p) and issubclass(best.q, r.q) for r in found):
            return best
    raise LookupError(f"ambiguous: {found!r} all answer {p.__name__} || {q.__name__}")


def rule_for(p: Any, q: Any, /) -> Rule:
    """What would run for D(P||Q), without running it.

    >>> from relentropy import Logits, rule_for
    >>> rule_for([0.5, 0.5], Logits([0.0, 1.0])).formula
    'D = log1p(E_p[exp(-u) - 1 + u]), u = (a - b) - E_p[a - b], from log-weights a and b.'
    """
    from relentropy._convert import as_distribution

    return rule_between(type(as_distribution(p, name="p")), type(as_distribution(q, name="q")))
