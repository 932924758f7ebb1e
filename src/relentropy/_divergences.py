"""The verbs beside relative entropy: other divergences between two distributions.

All take what `relative_entropy` takes (descriptions, ``axis``, ``where``), raise what it raises,
and keep their digits for close distributions. The gradient at the boundary of the simplex is
one-sided and, where that is infinite, 0 or infinite as the formula has it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from relentropy import _array
from relentropy._convert import as_distribution
from relentropy._families import answer, bounds_of_families, is_family, refuse_axes
from relentropy._verbs import by_formula, log_of_base, relative_entropy
from relentropy.exact.discrete import jeffreys_of_logs, slopes_of_jeffreys
from relentropy.exact.divergences import (
    chernoff_of,
    chi_square_of,
    f_divergence_of,
    hellinger_of,
    jensen_shannon_of,
    lower_bound_of,
    ratio,
    renyi_of,
    scaled_jensen_shannon_of,
    slopes_of_jensen_shannon,
    total_variation_of,
    tsallis_of,
)
from relentropy.kernels import blocks, door

Array = Any


def _of_ratio(
    of: str,
    formula: Callable[..., Array],
    p: Any,
    q: Any,
    axis: int,
    where: Any,
    base: float | None,
    slopes: Callable[..., Any] | None = None,
    **options: Any,
) -> Array:
    """A verb on a pair: of families by its name, of cells by its formula; both take the options.

    With `slopes`, the same with derivatives towards logits, rows of these may go in blocks.
    """
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    if is_family(p, q):
        refuse_axes(axis, where)
        return answer(of, p, q, divisor=log_of_base(base), **options)
    fixed = tuple(options.items())
    with_slopes = None if slopes is None else OfRatio(slopes, fixed)
    return by_formula(OfRatio(formula, fixed), with_slopes, (p, q), axis, where, base)


@dataclass(frozen=True)
class OfRatio:
    """A formula of a ratio as one of a pair; two of the same formula and options are equal."""

    formula: Callable[..., Any]
    options: tuple[tuple[str, Any], ...]

    def __call__(self, p: Any, q: Any) -> Any:
        return self.formula(ratio(p, q), **dict(self.options))


def jeffreys(
    p: Any, q: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None
) -> Array:
    """D(P||Q) + D(Q||P), the symmetrised relative entropy; infinite unless the supports agree.

    >>> from relentropy import jeffreys
    >>> round(float(jeffreys([0.5, 0.5], [0.75, 0.25], base=2)), 12)
    0.39624062518

    Source: Jeffreys, "An invariant form for the prior probability in estimation problems" (1946).
    """
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    fused = door.answer("jeffreys", p, q, axis, where, log_of_base(base))
    if fused is not None:
        return fused
    if not is_family(p, q) and blocks.rows_of_block((p, q), axis, where):
        return by_formula(jeffreys_of_logs, slopes_of_jeffreys, (p, q), axis, where, base)
    forward = relative_entropy(p, q, axis=axis, where=where, base=base)
    return forward + relative_entropy(q, p, axis=axis, where=where, base=base)


def jensen_shannon(
    p: Any,
    q: Any,
    /,
    *,
    weight: float = 0.5,
    axis: int = -1,
    where: Any = None,
    base: float | None = None,
) -> Array:
    """W D(P||M) + (1-w) D(Q||M), M = wP + (1-w)Q: the divergence, not its root.

    Always finite: at most the entropy of (w, 1-w), one bit at w = 1/2; 0 at w = 0 and w = 1.

    >>> from relentropy import jensen_shannon
    >>> float(jensen_shannon([1.0, 0.0], [0.0, 1.0], base=2))
    1.0

    Source: Lin, "Divergence measures based on the Shannon entropy" (1991), eq. 4.1.
    """
    check_weight(weight)
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    if 0.25 <= weight <= 0.75:  # for which the kernel keeps its digits
        nats, options = log_of_base(base), (float(weight),)
        fused = door.answer("jensen_shannon", p, q, axis, where, nats, options=options)
        if fused is not None:
            return fused
    slopes = slopes_of_jensen_shannon if 0 < weight < 1 else None
    return _of_ratio(
        "jensen_shannon", jensen_shannon_of, p, q, axis, where, base, slopes, weight=weight
    )


def scaled_jensen_shannon(
    p: Any,
    q: Any,
    /,
    *,
    weight: float = 0.5,
    axis: int = -1,
    where: Any = None,
    base: float | None = None,
) -> Array:
    """`jensen_shannon` over w (1-w), which runs from D(P||Q) at w = 0 to D(Q||P) at w = 1.

    Continuous to both ends, and there exactly `relative_entropy`; 4 times `jensen_shannon` at
    w = 1/2.

    >>> from relentropy._divergences import scaled_jensen_shannon
    >>> p, q = [0.5, 0.5], [0.75, 0.25]
    >>> [round(float(scaled_jensen_shannon(p, q, weight=w)), 4) for w in (0, 0.5, 1)]
    [0.1438, 0.1353, 0.1308]
    """
    check_weight(weight)
    if weight in (0, 1):
        p, q = (p, q) if weight == 0 else (q, p)
        return relative_entropy(p, q, axis=axis, where=where, base=base)
    return _of_ratio(
        "scaled_jensen_shannon", scaled_jensen_shannon_of, p, q, axis, where, base, weight=weight
    )


def check_weight(weight: float) -> None:
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must lie in [0, 1], got {weight}")


def renyi(
    p: Any,
    q: Any,
    /,
    alpha: float,
    *,
    axis: int = -1,
    where: Any = None,
    base: float | None = None,
) -> Array:
    """Rényi's divergence of order alpha in [0, inf]: log(Σ p^α q^(1-α)) / (α - 1).

    Relative entropy at 1, -log Q(p > 0) at 0, log max(p/q) at infinity; non-decreasing in alpha.
    Of families the order is finite, but for normal vectors and multinomials.

    >>> from relentropy import renyi
    >>> float(renyi([1.0, 0.0], [0.5, 0.5], 2, base=2))
    1.0

    Source: van Erven & Harremoës, "Rényi divergence and Kullback-Leibler divergence" (2014), eq. 9.
    """
    if _order(alpha) == 1:
        return relative_entropy(p, q, axis=axis, where=where, base=base)
    return _of_ratio("renyi", renyi_of, p, q, axis, where, base, alpha=_order(alpha))


def tsallis(p: Any, q: Any, /, alpha: float, *, axis: int = -1, where: Any = None) -> Array:
    """Tsallis' relative entropy of order alpha in [0, inf): (Σ p^α q^(1-α) - 1) / (α - 1).

    Relative entropy in nats at 1. It is no logarithm and so has no base.

    >>> from relentropy import tsallis
    >>> float(tsallis([1.0, 0.0], [0.5, 0.5], 2))
    1.0

    Source: Tsallis, "Generalized entropy-based criterion for consistent testing" (1998), eq. 9.
    """
    if alpha == float("inf"):
        raise ValueError("alpha must be finite for tsallis; renyi has a limit at infinity")
    if _order(alpha) == 1:
        return relative_entropy(p, q, axis=axis, where=where)
    return _of_ratio("tsallis", tsallis_of, p, q, axis, where, None, alpha=_order(alpha))


def chernoff(
    p: Any, q: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None
) -> Array:
    """Chernoff information: max over α in [0, 1] of -log Σ p^α q^(1-α).

    The exponent at which the best test between P and Q errs; +inf for disjoint supports.
    Differentiable once (the maximiser is held constant).

    >>> from relentropy import chernoff
    >>> round(float(chernoff([0.9, 0.1], [0.1, 0.9], base=2)), 12)
    0.736965594166

    Source: Cover & Thomas, Elements of Information Theory, 2nd ed., eq. 11.239.
    """
    return _of_ratio("chernoff", chernoff_of, p, q, axis, where, base)


def bhattacharyya(
    p: Any, q: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None
) -> Array:
    """-log Σ √(pq): half of Rényi's divergence of order 1/2; +inf for disjoint supports.

    >>> from relentropy import bhattacharyya
    >>> float(bhattacharyya([1.0, 0.0], [0.25, 0.75], base=2))
    1.0

    Source: Kailath, "The divergence and Bhattacharyya distance measures" (1967), eq. 4.
    """
    return renyi(p, q, 0.5, axis=axis, where=where, base=base) / 2


def hellinger(p: Any, q: Any, /, *, axis: int = -1, where: Any = None) -> Array:
    """Hellinger's distance sqrt(1 - Σ √(pq)), in [0, 1]; a metric. Gradient 0 where P = Q.

    >>> from relentropy import hellinger
    >>> round(float(hellinger([1.0, 0.0], [0.25, 0.75])), 12)
    0.707106781187
    """
    return _of_ratio("hellinger", hellinger_of, p, q, axis, where, None)


def total_variation(p: Any, q: Any, /, *, axis: int = -1, where: Any = None) -> Array:
    """½ Σ |p - q|, in [0, 1]: the largest difference in the probability of any event.

    >>> from relentropy import total_variation
    >>> float(total_variation([0.5, 0.5], [0.75, 0.25]))
    0.25
    """
    return _of_ratio("total_variation", total_variation_of, p, q, axis, where, None)


def chi_square(p: Any, q: Any, /, *, axis: int = -1, where: Any = None) -> Array:
    """Pearson's Σ (p - q)² / q; +inf where P has mass and Q none.

    >>> from relentropy import chi_square
    >>> round(float(chi_square([0.5, 0.5], [0.75, 0.25])), 12)
    0.333333333333
    """
    return _of_ratio("chi_square", chi_square_of, p, q, axis, where, None)


def f_divergence(
    p: Any,
    q: Any,
    /,
    f: Callable[[Array], Array],
    *,
    at_infinity: float | None = None,
    axis: int = -1,
    where: Any = None,
) -> Array:
    """Csiszár's Σ q f(p/q) for a convex f with f(1) = 0, called on arrays of ratios >= 0.

    Args:
        p: P.
        q: Q.
        f: the generator, on arrays of the framework of `p`; f(0) must be its limit there.
        at_infinity: lim f(x)/x for x → ∞, what a unit of P's mass costs where Q has none; needed
            only where such mass occurs (ValueError on NumPy, NaN elsewhere).
        axis: the event axis.
        where: cells to keep.

    >>> from relentropy import f_divergence
    >>> float(f_divergence([0.5, 0.5], [0.75, 0.25], lambda x: abs(x - 1) / 2, at_infinity=0.5))
    0.25

    Source: Csiszár, "Information-type measures of difference" (1967), eq. 1.4.

    """
    options: dict[str, Any] = {"f": f, "at_infinity": at_infinity}
    value = _of_ratio("f_divergence", f_divergence_of, p, q, axis, where, None, **options)
    if at_infinity is None and _array.is_numpy(value) and (value != value).any():
        raise ValueError(
            "f_divergence: P has mass where Q has none; say what it costs, "
            "at_infinity=lim f(x)/x (inf if f grows faster than linearly)"
        )
    return value


def bounds(
    p: Any, q: Any, /, *, axis: int = -1, where: Any = None, base: float | None = None
) -> tuple[Array, Array]:
    """(lower, upper) with lower <= D(P||Q) <= upper, from other divergences.

    lower: the largest of Pinsker's 2 V², Bretagnolle & Huber's -log(1 - V²), with V the total
    variation, and Rényi's divergence of order 1/2. upper: log(1 + χ²). Of mixtures the tightest of
    these and of what the relative entropies of their components tell, in any dimension.

    >>> from relentropy import bounds, relative_entropy
    >>> low, high = bounds([0.5, 0.5], [0.75, 0.25])
    >>> bool(low <= relative_entropy([0.5, 0.5], [0.75, 0.25]) <= high)
    True

    Source: Tsybakov, Introduction to Nonparametric Estimation (2009), lemmas 2.5-2.7.
    """
    p, q = as_distribution(p, name="p"), as_distribution(q, name="q")
    if is_family(p, q):
        refuse_axes(axis, where)
        return bounds_of_families(p, q, log_of_base(base))
    lower = _of_ratio("lower_bound", lower_bound_of, p, q, axis, where, base)
    return lower, renyi(p, q, 2, axis=axis, where=where, base=base)


def _order(alpha: float) -> float:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float):
        raise TypeError(f"alpha must be a number, got {alpha!r}")
    if not alpha >= 0:
        raise ValueError(f"alpha must be >= 0, got {alpha}; swap p and q for a negative order")
    return float(alpha)
