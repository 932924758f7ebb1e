"""The divergences beside relative entropy for pairs of univariate families.

The union of both supports is a finite alphabet: cells of the common support, from quadrature or
summation, one cell for what P has alone and one for what Q has alone. The formulas are those of
`relentropy.exact.divergences`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from relentropy import _array
from relentropy._rules import rule
from relentropy.distributions.family import Continuous
from relentropy.distributions.integers import Delta, Integers
from relentropy.distributions.tails import power_exists
from relentropy.exact.divergences import (
    Ratio,
    chernoff_of,
    chi_square_of,
    f_divergence_of,
    hellinger_of,
    jensen_shannon_of,
    lower_bound_of,
    renyi_of,
    scaled_jensen_shannon_of,
    steep_mass_of,
    total_variation_of,
    tsallis_of,
)
from relentropy.methods import quadrature, summation
from relentropy.methods.crossings import crossings
from relentropy.methods.infinite import as_rows, fails_at_an_end, not_covered
from relentropy.methods.outside import alone, with_alone
from relentropy.methods.quadrature import Cells, common_coordinate
from relentropy.methods.refinement import refined, tolerance
from relentropy.methods.relative_entropy import without_infinite_rows

Array = Any
INF = float("inf")
Formula = Callable[[Ratio], Array]


class Seen(NamedTuple):
    """A finite alphabet, and in which rows it has got hold of all of P and of Q."""

    ratio: Ratio
    whole: Array

    def value(self, formula: Formula) -> Array:
        """The divergence, NaN in the other rows."""
        return self.ratio.xp.where(self.whole, formula(self.ratio), float("nan"))


def union(p: Any, q: Any, n: int, kinks: bool) -> list[Seen]:
    """Both families (B,) as finite alphabets over the union of their supports, by two rules."""
    if isinstance(p, Delta) or isinstance(q, Delta):
        return [_seen(_at_value(p, q))] * 2
    if isinstance(p, Continuous) != isinstance(q, Continuous):
        return [_seen(_nothing_shared(p, q))] * 2
    if isinstance(p, Integers):
        none = as_rows(False, p, q)
        found = summation.halves(p, q, n, none, kinks=kinks)
        endless = all(isinstance(f.support[1], float) and f.support[1] == INF for f in (p, q))
        return [_seen(cells if endless else _with_rests(cells)) for cells in found]
    empty = as_rows(common_coordinate(p, q)[1], p, q)
    more = crossings(p, q, empty) if kinks else None
    inner = quadrature.halves(p, q, quadrature.common, n, empty, more)
    outer = [_all_of_it(empty, alone(*pair, n)) for pair in ((p, q), (q, p))]
    return [_seen(with_alone(*parts)) for parts in zip(inner, *outer, strict=True)]


def _all_of_it(empty: Array, masses: list[Array]) -> list[Array]:
    """What one side has alone, and exactly 1 where the supports have nothing in common."""
    xp = _array.namespace(empty)
    return [xp.where(empty, xp.ones_like(mass), mass) for mass in masses]


def _nothing_shared(p: Any, q: Any) -> Cells:
    """A density and probabilities of single values: one cell each."""
    xp = _array.namespace(p.arrays()[0])
    none = xp.zeros_like(sum([*p.arrays(), *q.arrays()]))[:, None]
    empty = Cells(*(none[:, :0] for _ in range(3)))
    return with_alone(empty, none[:, 0] + 1, none[:, 0] + 1)


def _at_value(p: Any, q: Any) -> Cells:
    """A pair of which one side, or both, is a single value: that value, and the rest of each."""
    v = (p if isinstance(p, Delta) else q).v
    if not all(isinstance(f, (Delta, Integers)) for f in (p, q)):
        return _nothing_shared(p, q)
    log_p, log_q = (f.log_density(v)[:, None] for f in (p, q))
    xp = _array.namespace(v)
    both = (log_p > -INF) & (log_q > -INF)
    t = xp.where(both, log_p, 0.0) - xp.where(both, log_q, 0.0)
    cells = quadrature.of_logs(log_p, log_q, t, xp.zeros_like(log_p), log_p == log_p)
    rests = (-xp.expm1(x[:, 0]) for x in (log_p, log_q))
    return with_alone(cells, *rests)


def _seen(cells: Cells) -> Seen:
    xp = _array.namespace(cells.p)
    masses = (xp.sum(_array.stop_gradient(x), axis=-1) for x in cells[:2])
    missed = [xp.abs(mass - 1) for mass in masses]
    return Seen(cells.ratio(), xp.maximum(*missed) <= tolerance(cells.p))


def _with_rests(cells: Cells) -> Cells:
    """Whole numbers: what either side has beyond the other's end is what is missing from 1."""
    xp = _array.namespace(cells.p)
    rests = [1 - xp.sum(x, axis=-1) for x in cells[:2]]
    some = [xp.where(_array.stop_gradient(x) > 1e-13, x, 0.0) for x in rests]
    return with_alone(cells, *some)


def _answer(formula: Formula, p: Any, q: Any, what: str, kinks: bool = False) -> Array:
    return refined(
        lambda a, b, n: [seen.value(formula) for seen in union(a, b, n, kinks)], p, q, what
    )


def _where_finite(formula: Formula, p: Any, q: Any, what: str, alpha: float) -> Array:
    """For ∫ p^α q^(1-α), α > 1: +inf where it does not exist."""

    def evaluate(a: Any, b: Any, n: int) -> list[Array]:
        if not _of_one_kind(a, b):  # then the cells tell
            return [seen.value(formula) for seen in union(a, b, n, kinks=False)]
        infinite = not_covered(a, b) | _without_power(a, b, alpha)
        a, b = without_infinite_rows(a, b, infinite)
        values = [seen.value(formula) for seen in union(a, b, n, kinks=False)]
        return [_array.namespace(v).where(infinite, INF, v) for v in values]

    return refined(evaluate, p, q, what)


def _of_one_kind(p: Any, q: Any) -> bool:
    return any(isinstance(p, kind) and isinstance(q, kind) for kind in (Continuous, Integers))


def _without_power(p: Any, q: Any, alpha: float) -> Array:
    p, q = (f.mapped(_array.stop_gradient) for f in (p, q))
    if isinstance(p, Integers):
        if not all(isinstance(f.support[1], float) and f.support[1] == INF for f in (p, q)):
            return as_rows(False, p, q)
        return ~as_rows(power_exists(p.tail(), q.tail(), alpha), p, q)
    return fails_at_an_end(p, q, lambda a, b: power_exists(a, b, alpha))


KINDS = (Continuous, Integers, Delta)


def _register(name: str, function: Callable[..., Array]) -> None:
    for p in KINDS:
        for q in KINDS:
            both = {(Continuous, Continuous): "quadrature", (Integers, Integers): "summation"}
            rule(p, q, of=name, kind=both.get((p, q), "closed"))(function)


def renyi(p: Any, q: Any, alpha: float) -> Array:
    """log(∫ p^α q^(1-α)) / (α - 1)."""
    formula = partial(renyi_of, alpha=alpha)
    if alpha <= 1:
        return _answer(formula, p, q, "Rényi's divergence")
    if alpha == INF:
        raise LookupError(
            f"renyi of order inf is the largest log(p/q), for which {type(p).__name__} and "
            f"{type(q).__name__} have no rule; take a finite order, or maximise "
            "p.log_density(x) - q.log_density(x)"
        )
    return _where_finite(formula, p, q, "Rényi's divergence", alpha)


def tsallis(p: Any, q: Any, alpha: float) -> Array:
    """(∫ p^α q^(1-α) - 1) / (α - 1)."""
    formula = partial(tsallis_of, alpha=alpha)
    if alpha <= 1:
        return _answer(formula, p, q, "Tsallis' divergence")
    return _where_finite(formula, p, q, "Tsallis' divergence", alpha)


def bhattacharyya(p: Any, q: Any) -> Array:
    """-log ∫ √(pq) = D_½ / 2, Rényi's divergence of order 1/2."""
    return renyi(p, q, 0.5) / 2


def chi_square(p: Any, q: Any) -> Array:
    """∫ (p - q)² / q."""
    return _where_finite(chi_square_of, p, q, "chi_square", 2.0)


def hellinger(p: Any, q: Any) -> Array:
    """√(1 - ∫ √(pq))."""
    return _answer(hellinger_of, p, q, "Hellinger's distance")


def total_variation(p: Any, q: Any) -> Array:
    """½ ∫ |p - q|, in pieces between the places where p = q."""
    return _answer(total_variation_of, p, q, "total_variation", kinks=True)


def chernoff(p: Any, q: Any) -> Array:
    """Max over α of -log ∫ p^α q^(1-α)."""
    return _answer(chernoff_of, p, q, "chernoff")


def jensen_shannon(p: Any, q: Any, weight: float) -> Array:
    """W D(P||M) + (1-w) D(Q||M), M = wP + (1-w)Q."""
    return _answer(partial(jensen_shannon_of, weight=weight), p, q, "jensen_shannon")


def scaled_jensen_shannon(p: Any, q: Any, weight: float) -> Array:
    """Jensen-Shannon over w (1-w)."""
    return _answer(partial(scaled_jensen_shannon_of, weight=weight), p, q, "jensen_shannon")


def f_divergence(p: Any, q: Any, f: Callable[[Array], Array], at_infinity: float | None) -> Array:
    """∫ q f(p/q)."""
    formula = partial(f_divergence_of, f=f, at_infinity=at_infinity)
    if at_infinity is not None:
        return _answer(formula, p, q, "f_divergence", kinks=True)

    def known(r: Ratio) -> Array:
        return r.xp.where(steep_mass_of(r) > 0, 0.0, formula(r))

    def unknown(r: Ratio) -> Array:
        return r.xp.where(steep_mass_of(r) > 0, r.xp.ones_like(r.p[..., 0]), 0.0)

    value = _answer(known, p, q, "f_divergence", kinks=True)
    xp, lacks = _array.namespace(value), _answer(unknown, p, q, "f_divergence", kinks=True)
    return xp.where(lacks > 0, float("nan"), value)


def lower_bound(p: Any, q: Any) -> Array:
    """The largest of Pinsker's, Bretagnolle and Huber's, and Rényi's of order 1/2."""
    return _answer(lower_bound_of, p, q, "bounds", kinks=True)


_VERBS: dict[str, Callable[..., Array]] = {
    "renyi": renyi,
    "bhattacharyya": bhattacharyya,
    "tsallis": tsallis,
    "chi_square": chi_square,
    "hellinger": hellinger,
    "total_variation": total_variation,
    "chernoff": chernoff,
    "jensen_shannon": jensen_shannon,
    "scaled_jensen_shannon": scaled_jensen_shannon,
    "f_divergence": f_divergence,
    "lower_bound": lower_bound,
}
for _name, _function in _VERBS.items():
    _register(_name, _function)
