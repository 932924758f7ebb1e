"""The relative entropy of two univariate families by quadrature or by summation."""

from typing import Any

from relentropy import _array
from relentropy._rules import rule
from relentropy._scalar import INF, kl_div_given
from relentropy.distributions.family import Continuous, Family
from relentropy.distributions.integers import Integers
from relentropy.exact.expectations import ordinary
from relentropy.methods import quadrature, summation
from relentropy.methods.infinite import infinite_rows
from relentropy.methods.outside import alone, with_alone
from relentropy.methods.quadrature import Cells
from relentropy.methods.refinement import refined, tolerance

Array = Any

CLOSE = 1e-2
"""Below so many nats log(p/q) is summed together with q - p, whose sum is 0."""


@rule(Continuous, Continuous, kind="quadrature")
def relative_entropy_by_quadrature(p: Continuous, q: Continuous) -> Array:
    """D = ∫ p log(p/q) dx by double-exponential quadrature."""
    return refined(_of_densities, p, q, "D")


@rule(Integers, Integers, kind="summation")
def relative_entropy_by_summation(p: Integers, q: Integers) -> Array:
    """D = Σ p log(p/q), value by value and, far out, by quadrature of the smooth continuation."""
    return refined(_of_integers, p, q, "D")


def _of_integers(p: Integers, q: Integers, n: int) -> list[Array]:
    skip = infinite_rows(p, q)
    p, q = without_infinite_rows(p, q, skip)
    values = []
    for cells in summation.halves(p, q, n, skip):
        plain, xp = sum_of_surprise(cells), _array.namespace(cells.p)
        # What Q has beyond P's end, as far as it is more than the rounding of the sum.
        rest = 1 - xp.sum(cells.q, axis=-1)
        rest = xp.where(_array.stop_gradient(rest) > 1e-13, rest, 0.0)
        value = xp.where(_close(plain), sum_of_terms(cells) + rest, plain)
        values.append(_checked(value, cells, skip))
    return values


def _of_densities(p: Continuous, q: Continuous, n: int) -> list[Array]:
    skip = infinite_rows(p, q)
    p, q = without_infinite_rows(p, q, skip)
    cells = quadrature.halves(p, q, quadrature.own, n, skip)
    values = [sum_of_surprise(c) for c in cells]
    xp = _array.namespace(values[0])
    if _array.known(xp.any(_close(values[0]) & ~skip)) is not False:
        # Then what Q has outside P's support counts beside D.
        rest = alone(q, p, n)
        whole = [with_alone(c, xp.zeros_like(m), m) for c, m in zip(cells, rest, strict=True)]
        values = [
            xp.where(_close(plain), sum_of_terms(c), plain)
            for plain, c in zip(values, whole, strict=True)
        ]
    values = [_checked(v, c, skip) for v, c in zip(values, cells, strict=True)]
    if q.has_gaps:
        return values
    # Then log q itself overflows, inside the support: +inf would be no more than a guess.
    return [xp.where(~skip & (v == INF), float("nan"), v) for v in values]


def without_infinite_rows(p: Any, q: Any, skip: Array) -> tuple[Any, Any]:
    """Ordinary parameters in the rows to skip, whose derivatives would be NaN, where there are any.

    A batch may share a parameter, into which such a NaN would leak.
    """
    plain = all(type(f).mapped is Family.mapped for f in (p, q))
    none = _array.known(~_array.namespace(skip).any(skip)) is True
    return (p, q) if none or not plain or _array.is_numpy(skip) else ordinary(p, q, skip)


def sum_of_surprise(cells: Cells) -> Array:
    """Σ p log(p/q), whose terms are of either sign."""
    xp = _array.namespace(cells.p)
    common = (cells.p > 0) & (cells.t < INF)
    return xp.sum(cells.p * xp.where(common, cells.t, 0.0), axis=-1)


def sum_of_terms(cells: Cells) -> Array:
    """Σ p log(p/q) - p + q, whose terms are not negative: no digit is lost however small D is."""
    p, q, xp = cells.p, cells.q, _array.namespace(cells.p)
    common = (p > 0) & (cells.t < INF)
    t = xp.where(common, cells.t, 0.0)
    near = common & (q > 0) & (xp.abs(_array.stop_gradient(t)) < 0.2)
    x = xp.expm1(xp.where(near, t, 0.0))
    return xp.sum(kl_div_given(xp, xp.where(common, p, 0.0), q, near, x, t), axis=-1)


def _close(value: Array) -> Array:
    return _array.stop_gradient(value) < CLOSE


def _checked(value: Array, cells: Cells, skip: Array) -> Array:
    """+inf in the rows to skip and over gaps of Q, NaN where the cells have not got hold of P."""
    xp = _array.namespace(value)
    mass = xp.sum(_array.stop_gradient(cells.p), axis=-1)
    value = xp.where(xp.abs(mass - 1) < tolerance(cells.p), value, float("nan"))
    # A mixture may have gaps inside its support.
    gap = xp.any((cells.p > 0) & (cells.t == INF), axis=-1)
    return xp.where(skip | gap, INF, value)
