"""What `relentropy between` finds out: D both ways, how, and why where it is infinite."""

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import relentropy
from relentropy.cli.specification import Specified
from relentropy.cli.streams import DataError
from relentropy.compare.report.numbers import chosen

ERROR_RATE = 0.05
"""Of a false alarm, for the draws to notice; that of `relentropy compare` at 95 % confidence."""
NUMERIC, NUMERIC_ERROR = ("quadrature", "summation"), 1e-9
"""What the library promises where it does not use a formula: two independent rules agree to this,
relative to the value, or to 1e-15."""
_NAMES = {2.0: "bit", math.e: "nat", 10.0: "hartley"}


@dataclass(frozen=True)
class Unit:
    """What information is counted in."""

    base: float

    @property
    def name(self) -> str | None:
        """``bit``, ``nat``, ``hartley``; None where the base has no name of its own."""
        return _NAMES.get(self.base)

    @property
    def plural(self) -> str:
        return f"{self.name}s" if self.name else f"units of base {self.base:g}"

    @property
    def nats(self) -> float:
        """Nats in one of it."""
        return math.log(self.base)


@dataclass(frozen=True)
class Direction:
    """D of one from the other: the value, the rule that gave it, and why where it is infinite."""

    value: float
    rule: Any
    why: str | None
    unit: Unit

    def draws_to_notice(self) -> int | None:
        """Draws until a likelihood-ratio test at the error rate rules the other out, on average."""
        nats = self.value * self.unit.nats
        if not 0 < nats < math.inf:
            return None
        draws = -math.log(ERROR_RATE) / nats
        return math.ceil(draws) if draws < 1e15 else None

    def to_dict(self) -> dict[str, Any]:
        infinite = self.value == math.inf
        numeric = self.rule.kind in NUMERIC
        return {
            "value": None if infinite else self.value,
            "infinite": infinite,
            "why": self.why,
            "how": self.rule.kind,
            "formula": self.rule.formula,
            "relative_error": NUMERIC_ERROR if numeric and not infinite else None,
            "draws_to_notice": self.draws_to_notice(),
        }


@dataclass(frozen=True)
class Answer:
    """Both directions, and the symmetric divergence where it can be had."""

    p: Specified
    q: Specified
    unit: Unit
    p_from_q: Direction
    q_from_p: Direction
    jensen_shannon: float | None

    def json(self) -> str:
        """As JSON text, ASCII only."""
        found = {
            "schema": "relentropy.between/1",
            "version": relentropy.__version__,
            "unit": self.unit.name,
            "base": self.unit.base,
            "p": self.p.text,
            "q": self.q.text,
            "p_from_q": self.p_from_q.to_dict(),
            "q_from_p": self.q_from_p.to_dict(),
            "jensen_shannon": self.jensen_shannon,
        }
        return json.dumps(found, allow_nan=False, indent=2) + "\n"


def find(p: Specified, q: Specified, unit: Unit) -> Answer:
    """Ask the library; what it cannot answer is a DataError with its reasons."""
    _require_one_kind(p, q)
    try:
        forward, backward = _direction(p, q, "PQ", unit), _direction(q, p, "QP", unit)
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise DataError(str(error.args[0] if error.args else error)) from None
    middle = None
    # It is not to be had for every pair whose relative entropy is.
    with suppress(LookupError, ArithmeticError):
        middle = float(relentropy.jensen_shannon(p.distribution, q.distribution, base=unit.base))
    return Answer(p, q, unit, forward, backward, middle)


def _require_one_kind(p: Specified, q: Specified) -> None:
    if p.is_list == q.is_list:
        return
    one, other = (p, q) if p.is_list else (q, p)
    raise DataError(
        f"{one.text} is a list of cells and {other.text} a family: the list does not say which "
        "values its cells stand for. Give both as lists, or both as families."
    )


def _direction(one: Specified, other: Specified, letters: str, unit: Unit) -> Direction:
    pair = one.distribution, other.distribution
    value = float(relentropy.relative_entropy(*pair, base=unit.base))
    if math.isnan(value):
        raise ArithmeticError(f"D({letters[0]}‖{letters[1]}) is not a number")
    rule = relentropy.rule_for(*pair)
    why = _why(*pair, letters, rule) if value == math.inf else None
    return Direction(value, rule, why, unit)


def _why(one: Any, other: Any, letters: str, rule: Any) -> str:
    """Why D is infinite."""
    p, q = tuple(letters)
    if hasattr(one, "values"):
        return _impossible(one, other, letters)
    if not hasattr(one, "sample"):
        return f"{p} does what {q} rules out"
    if is_density(one) != is_density(other) and rule.kind == "support":
        continuous, single = (p, q) if is_density(one) else (q, p)
        return f"{continuous} has a density, {single} has all its mass on single values"
    beyond = _beyond(one, other, letters) or _beside(one, other, letters)
    if beyond or rule.kind != "support":
        return beyond or "it exceeds the largest number, 1.8e308"
    return (
        f"{p} has so much mass where the density of {q} all but vanishes that the expectation of "
        f"log({p.lower()}/{q.lower()}) does not exist"
    )


def is_density(x: Any) -> bool:
    """Whether a family of one number is continuous."""
    return hasattr(x, "log_density_at")


def _impossible(one: Any, other: Any, letters: str) -> str:
    """The cells that one has and the other has not."""
    known = set(_possible(other))
    gone = [str(label) for label in _possible(one) if label not in known]
    more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
    verb = "happens" if len(gone) == 1 else "happen"
    return f"{', '.join(gone[:3])}{more} {verb} in {letters[0]} and never in {letters[1]}"


def _possible(x: Any) -> list[Any]:
    labels = x.labels or [f"cell {i + 1} of {len(x.values)}" for i in range(len(x.values))]
    costs = relentropy.surprisal(x)
    return [label for label, cost in zip(labels, costs, strict=True) if cost < math.inf]


def _beyond(one: Any, other: Any, letters: str) -> str:
    """Where one reaches beyond the support of the other, if the ends tell."""
    if not (hasattr(one, "support") and hasattr(other, "support")):
        return ""
    (low, high), (other_low, other_high) = ([float(x) for x in f.support] for f in (one, other))
    places = [f"below {chosen(other_low)}"] if low < other_low else []
    places += [f"above {chosen(other_high)}"] if high > other_high else []
    if not places:
        return ""
    return f"{letters[0]} has mass {' and '.join(places)}, {letters[1]} has none there"


def _beside(one: Any, other: Any, letters: str) -> str:
    """A value that one takes and that is impossible for the other, if draws show any."""
    import numpy as np

    if is_density(other) and not hasattr(other, "components"):
        return ""  # only mixtures have gaps
    x = one.sample(np.random.default_rng(0), (1000,))
    with np.errstate(all="ignore"):
        impossible = np.asarray(other.log_density(x)) == -np.inf
    if impossible.ndim != 1:
        return ""
    # Far out a density that is positive everywhere underflows.
    near = np.max(np.abs(x.reshape(len(x), -1)), axis=1, initial=0.0) < 1e100
    found = x[impossible & near]
    if not len(found):
        return ""
    such = f", such as at {found[0]:.3g}" if x.ndim == 1 else ""
    return f"{letters[0]} has mass where {letters[1]} has none{such}"
