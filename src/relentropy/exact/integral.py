"""The integral of a function over an interval, with an estimate of its error, and gradients."""

from collections.abc import Callable
from functools import cache
from typing import Any

from relentropy import _array

Array = Any

RELATIVE, ABSOLUTE = 1e-9, 1e-15
MOST = 1 << 14
ROUNDS = 200
"""Pieces, and halvings, beyond which an integral is said not to converge."""


def integral(f: Callable[[Array], Array], begin: Array, end: Array) -> Array:
    """∫ f(t) dt from begin to end, (...), of f >= 0 that takes times (..., N).

    Gauss's rules of 20 and of 15 points are taken on pieces that are halved until both agree; the
    first is the answer. Where they differ by more than 1e-9 relative and 1e-15 absolute it raises
    ArithmeticError. +inf where f is infinite at a time that is looked at. (SciPy's `quad_vec` looks
    at one time a call: a hundred times slower.)
    """
    width = (end - begin)[..., None]

    def unit(u: Array) -> Array:
        return width * f(begin[..., None] + width * u)

    low, size = _pieces(unit, begin)
    values = unit(_array.constant_like(begin, _times(low, size, 20).ravel().tolist()))
    weights = size[:, None] * _gauss(20)[1]
    return _array.namespace(values).sum(
        values * _array.constant_like(begin, weights.ravel().tolist()), axis=-1
    )


def _pieces(f: Callable[[Array], Array], like: Array) -> tuple[Any, Any]:
    """Where pieces of [0, 1] begin, and their sizes, on which the rules agree."""
    import numpy

    def rule(low: Any, size: Any, n: int) -> Any:
        u = _times(low, size, n)
        y = f(_array.constant_like(like, u.ravel().tolist()))
        y = _array.to_numpy(_array.stop_gradient(y))
        if numpy.isnan(y).any():
            raise ValueError("an intensity is not a number inside the interval")
        # An infinite row is answered already; it shall not hold up the others.
        y = numpy.where(numpy.isinf(y).any(axis=-1, keepdims=True), 0.0, y)
        return (y.reshape(-1, *u.shape) * _gauss(n)[1]).sum(axis=-1) * size

    # Intensities vanish at round times, which halves of round intervals would meet.
    low, size = numpy.array([0.0, 0.36787944117144233]), numpy.diff([0, 0.36787944117144233, 1])
    done: list[Any] = []
    total: Any = 0.0
    missed: Any = 0.0
    while low.size:
        value = rule(low, size, 20)
        error = abs(value - rule(low, size, 15))
        whole = total + value.sum(axis=-1)
        # So little for each that all of them together stay within the bounds.
        allowed = numpy.maximum(RELATIVE * whole, ABSOLUTE)[:, None] / 1000
        last = 2 * low.size > MOST or len(done) > ROUNDS
        fine = (error <= allowed).all(axis=0) | last
        total = total + value[:, fine].sum(axis=-1)
        missed = missed + error[:, fine].sum(axis=-1)
        done.append((low[fine], size[fine]))
        low, half = low[~fine], size[~fine] / 2
        low, size = numpy.concatenate([low, low + half]), numpy.concatenate([half, half])
    if (missed > numpy.maximum(RELATIVE * total, ABSOLUTE)).any():
        raise ArithmeticError(
            f"the integral does not converge to {RELATIVE:g} relative: reached {total.max():.6g} ± "
            f"{missed.max():.1g}; it may be infinite"
        )
    low, size = (numpy.concatenate(x) for x in zip(*done, strict=True))
    return low, size


def _times(low: Any, size: Any, n: int) -> Any:
    return low[:, None] + size[:, None] * _gauss(n)[0]


@cache
def _gauss(n: int) -> tuple[Any, Any]:
    """Gauss–Legendre's nodes and weights on [0, 1]."""
    import numpy

    x, w = numpy.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, w / 2
