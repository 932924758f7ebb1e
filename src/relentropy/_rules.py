"""Pair dispatch: which formula answers a verb for a pair of descriptions.

The most specific rule for a pair of kinds wins: a closed form for two families before the
quadrature for any two densities.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

_RULE_MODULES = (
    "relentropy.exact.compound",
    "relentropy.exact.directional",
    "relentropy.exact.discrete",
    "relentropy.exact.integers",
    "relentropy.exact.interval",
    "relentropy.exact.line",
    "relentropy.exact.low_rank",
    "relentropy.exact.matrices",
    "relentropy.exact.multivariate",
    "relentropy.exact.multivariate_renyi",
    "relentropy.exact.multivariate_student",
    "relentropy.exact.positive",
    "relentropy.exact.processes",
    "relentropy.exact.simplex",
    "relentropy.exact.singular",
    "relentropy.exact.supports",
    "relentropy.exact.univariate_renyi",
    "relentropy.methods.equal_parameters",
    "relentropy.methods.expectations",
    "relentropy.methods.neighbours",
    "relentropy.methods.relative_entropy",
    "relentropy.methods.shannon",
    "relentropy.methods.radial",
    "relentropy.methods.trials",
)


@dataclass(frozen=True)
class Rule:
    """One way to answer: for which pair, the function that computes it, and what it says.

    Attributes:
        p: the kind of the first argument.
        q: the kind of the second; None for verbs on one distribution.
        function: what runs.
        of: the verb, such as "relative_entropy".
        kind: "closed", "quadrature" or "summation"; "support" where the answer is +inf because Q
            does not cover P or the expectation does not exist; "refused" where the function raises
            LookupError with the reason.
        reason: why, where the kind is "support".
        path: "formula"; "kernel" where a compiled loop would do what the formula says; "blocks"
            where the formula would take some rows at a time, with derivatives of its own: asked of
            `rule_for`, as inputs, installed packages and the environment are at that moment.

    """

    p: type
    q: type | None
    function: Callable[..., Any]
    of: str = "relative_entropy"
    kind: str = "closed"
    reason: str = ""
    path: str = "formula"

    @property
    def formula(self) -> str:
        """What it computes, in one line."""
        return self.reason or (self.function.__doc__ or "").strip().partition("\n")[0]

    def __repr__(self) -> str:
        where = f"{self.function.__module__}.{self.function.__qualname__}"
        pair = self.p.__name__ + (f" || {self.q.__name__}" if self.q is not None else "")
        verb = "" if self.of == "relative_entropy" else f"{self.of} of "
        return f"Rule({verb}{pair}: {self.formula} [{self.kind}, {where}])"

    def because(self, reason: str) -> "Rule":
        """The same pair, answered by +inf for a reason that is seen without computing."""
        return replace(self, kind="support", reason=reason)


_table: dict[tuple[str, type, type | None], Rule] = {}

_found: dict[tuple[str, type, type | None], Rule] = {}
"""What `rule_between` found for kinds that have no rule of their own; a new rule forgets it."""


def rule(
    p: type, q: type | None, /, *, of: str = "relative_entropy", kind: str = "closed"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the answer to a verb for a pair of kinds."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if (of, p, q) in _table:
            raise ValueError(f"there is a rule already: {_table[of, p, q]!r}")
        _table[of, p, q] = Rule(p, q, function, of, kind)
        _found.clear()
        return function

    return register


def load() -> None:
    """Import the modules whose rules register themselves."""
    for module in _RULE_MODULES:
        if module not in sys.modules:
            import_module(module)


def rules() -> list[Rule]:
    """Every registered rule.

    >>> from relentropy import rules
    >>> any(rule.p.__name__ == "Weights" for rule in rules())
    True
    """
    load()
    return list(_table.values())


def registered(p: type, q: type | None, of: str = "relative_entropy") -> Rule | None:
    """The rule for exactly these kinds, if its module is loaded."""
    return _table.get((of, p, q))


def has_rule(p: type, q: type | None, of: str = "relative_entropy") -> bool:
    """Whether any rule answers for the pair."""
    load()
    return any(r.of == of and _fits(r, p, q) for r in _table.values())


def rule_between(p: type, q: type | None, of: str = "relative_entropy") -> Rule:
    """The most specific rule for a pair of kinds; none, or two equally specific, is an error."""
    load()
    found = _table.get((of, p, q)) or _found.get((of, p, q))
    if found is None:
        found = _found[of, p, q] = most_specific(p, q, of)
    return found


def most_specific(p: type, q: type | None, of: str) -> Rule:
    """`rule_between`, by looking through the whole table."""
    found = [r for r in _table.values() if r.of == of and _fits(r, p, q)]
    if not found:
        raise LookupError(_nothing(p, q, of))
    for best in found:
        if all(issubclass(best.p, r.p) and _is(best.q, r.q) for r in found):
            return best
    raise LookupError(f"ambiguous: {found!r} all answer {_pair(p, q)}")


def _fits(r: Rule, p: type, q: type | None) -> bool:
    return issubclass(p, r.p) and _is(q, r.q)


def _is(q: type | None, other: type | None) -> bool:
    return q is other if q is None or other is None else issubclass(q, other)


def _pair(p: type, q: type | None) -> str:
    return p.__name__ if q is None else f"{p.__name__} || {q.__name__}"


def _nothing(p: type, q: type | None, of: str) -> str:
    """No rule: what is near, and what to type instead."""
    near = [r for r in _table.values() if r.of == of and (r.p is p or (q and r.q is q))]
    nearest = f"; nearest: {', '.join(_pair(r.p, r.q) for r in near[:4])}" if near else ""
    return (
        f"no rule for {of} of {_pair(p, q)}{nearest}; see relentropy.rules(), or use "
        'estimate(p, q, method="monte-carlo")'
    )


def rule_for(p: Any, q: Any, /) -> Rule:
    """What would run for D(P||Q), without running it.

    >>> from relentropy import Cauchy, Logits, Normal, StudentT, rule_for
    >>> rule_for([0.5, 0.5], Logits([0.0, 1.0])).formula
    'D = log1p(E_p[exp(-u) - 1 + u]), u = (a - b) - E_p[a - b], from log-weights a and b.'
    >>> rule_for(Normal(0, 1), StudentT(5)).kind
    'quadrature'
    >>> rule_for(Cauchy(0, 1), Normal(0, 1)).kind
    'support'
    """
    from relentropy._convert import as_distribution
    from relentropy.kernels import blocks, door
    from relentropy.methods.infinite import reason_for_infinity

    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    found = rule_between(type(p), type(q))
    reason = reason_for_infinity(p, q)
    found = found.because(reason) if reason else found
    if door.enters(p, q):
        return replace(found, path="kernel")
    return replace(found, path="blocks") if blocks.rows_of_block((p, q)) else found
