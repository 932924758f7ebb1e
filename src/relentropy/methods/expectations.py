"""Closed relative entropies from declared expectations, by quadrature in the rows that cancel.

A rule for every ordered pair of families in which P knows the statistics of Q, unless the pair has
an exact rule of its own.
"""

from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy._rules import registered, rule
from relentropy._scalar import INF
from relentropy.distributions.integers import Integers
from relentropy.distributions.interval import (
    Beta,
    ContinuousBernoulli,
    Kumaraswamy,
    Uniform,
    VonMises,
)
from relentropy.distributions.line import AsymmetricLaplace, Cauchy, Laplace, Normal, StudentT
from relentropy.distributions.positive import (
    Chi,
    Chi2,
    Exponential,
    Gamma,
    HalfNormal,
    Maxwell,
    Rayleigh,
    Weibull,
)
from relentropy.distributions.power_law import GeneralizedPareto
from relentropy.distributions.truncated import TruncatedNormal

# The exact rules of pairs come first: what they answer is not registered again. `transforms`
# declares the last expectations.
from relentropy.exact import integers as _integers  # noqa: F401
from relentropy.exact import positive as _positive  # noqa: F401
from relentropy.exact import transforms as _transforms  # noqa: F401
from relentropy.exact.expectations import (
    Sized,
    divergence,
    formula,
    is_closed,
    knowing,
    ordinary,
)
from relentropy.exact.statistics import families
from relentropy.exact.supports import never_covered
from relentropy.methods.infinite import infinite_rows
from relentropy.methods.relative_entropy import (
    relative_entropy_by_quadrature,
    relative_entropy_by_summation,
)
from relentropy.methods.rows import by_numbers_where

Array = Any

ROUNDINGS = 4.0
"""The error of a sum, in units of the last place of the sum of the sizes of its parts."""

RELATIVE = {"float64": 1e-10, "float32": 1e-4}
"""The relative error up to which the closed form is taken."""
TRACED = 1e-6
"""That inside a trace, where rows cannot be taken apart; beyond it the value is NaN."""

_ALIKE: tuple[set[type], ...] = (
    {Laplace, AsymmetricLaplace},
    {Cauchy, StudentT},
    {Normal, StudentT},
    {Normal, HalfNormal, TruncatedNormal},
    {Uniform, Beta, Kumaraswamy, ContinuousBernoulli, GeneralizedPareto, TruncatedNormal},
    {Exponential, GeneralizedPareto},
    {Gamma, Chi, Chi2, Weibull, HalfNormal, Maxwell, Rayleigh},
    {VonMises},
)
"""Families that have members in common, or that tend to the same: D between them may be 0."""


def by_expectations(p: Any, q: Any) -> Array:
    """D = -h(P) - E_P[log q], and by quadrature or summation where these cancel."""
    given = p, q
    p, q = (f.mapped(_widened) for f in given)
    skip = infinite_rows(p, q)
    xp = _array.namespace(skip)
    if _array.known(xp.any(skip)) is None and _needs_quadrature_in_a_trace(p, q):
        return _by_numbers(*given)
    if _array.known(xp.all(skip)):
        return xp.full_like(skip, INF, dtype=given[0].arrays()[0].dtype)
    some = _array.known(xp.any(skip)) is not False
    parts = divergence(*(ordinary(p, q, skip) if some else (p, q)))
    value = xp.broadcast_to(parts.value, skip.shape)
    value = xp.where(skip, INF, value) if some else value
    value = _sharpened(value, parts, skip, p, q)
    return _array.astype(value, given[0].arrays()[0].dtype)


def _by_numbers(p: Any, q: Any) -> Array:
    if isinstance(p, Integers):
        return relative_entropy_by_summation(p, q)
    return relative_entropy_by_quadrature(p, q)


def _widened(x: Array) -> Array:
    return _array.astype(x, _array.widest_float(x))


def _needs_quadrature_in_a_trace(p: Any, q: Any) -> bool:
    """Whether rows that cancel are likely, where they cannot be taken apart from the others."""
    alike = any({type(p), type(q)} <= group for group in _ALIKE)
    return alike or _array.dtype_name(p.arrays()[0]) != "float64"


def _sharpened(value: Array, parts: Sized, skip: Array, p: Any, q: Any) -> Array:
    """The value, and by numbers where it has lost too many digits; inside a trace NaN there."""
    xp = _array.namespace(value)
    still, size = _array.stop_gradient(value), _array.stop_gradient(parts.size)
    error = ROUNDINGS * xp.finfo(value.dtype).eps * size
    lost = ~(error <= RELATIVE[_array.dtype_name(value)] * still) & ~skip
    some = _array.known(xp.any(lost))
    if some is None:
        return xp.where((error <= TRACED * still) | skip, value, float("nan"))
    return by_numbers_where(lost, value, p, q, _by_numbers) if some else value


def _closed(q: type) -> Callable[[Any, Any], Array]:
    def closed(p: Any, q: Any) -> Array:
        return by_expectations(p, q)

    closed.__doc__ = formula(q)
    return closed


for _q in families():
    _function = _closed(_q)
    for _p in knowing():
        if is_closed(_p, _q) and not never_covered(_p, _q) and registered(_p, _q) is None:
            rule(_p, _q)(_function)
