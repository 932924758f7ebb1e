"""Special functions, by one name on every framework, with gradients.

What a framework has is its own; what none has with a gradient is written out here in arithmetic
that runs on all. Arguments are real floating arrays of one framework; constants may be numbers.
"""

import math
from typing import Any

from relentropy import _array

Array = Any

_NUMPY = {"lgamma": "gammaln", "digamma": "digamma"}
_JAX = {"lgamma": "gammaln"}


def _native(name: str, x: Array) -> Any:
    """The framework's own function of one argument."""
    kind = _array.framework(x)
    if kind == "torch":
        import torch

        return getattr(torch.special, {"lgamma": "gammaln"}.get(name, name))
    if kind == "jax":
        import jax.scipy.special

        return getattr(jax.scipy.special, _JAX.get(name, name))
    import scipy.special

    return getattr(scipy.special, _NUMPY.get(name, name))


def log_gamma(x: Array) -> Array:
    """Log Γ(x), x > 0."""
    return _native("lgamma", x)(x)


def digamma(x: Array) -> Array:
    """Γ'(x) / Γ(x), x > 0."""
    return _native("digamma", x)(x)


def erf(x: Array) -> Array:
    return _native("erf", x)(x)


def log_ndtr(x: Array) -> Array:
    """The log of the standard normal distribution function."""
    return _native("log_ndtr", x)(x)


def i0e(x: Array) -> Array:
    """exp(-|x|) I0(x), the scaled modified Bessel function of order 0."""
    return _native("i0e", x)(x)


def i1e(x: Array) -> Array:
    """exp(-|x|) I1(x), the scaled modified Bessel function of order 1."""
    return _native("i1e", x)(x)


def log_beta(a: Array, b: Array) -> Array:
    """Log B(a, b) = log Γ(a) + log Γ(b) - log Γ(a + b)."""
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    xp = _array.namespace(x)
    return xp.logaddexp(x, xp.zeros_like(x))


_EULER_MACLAURIN = [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160]
"""B(2j) / (2j)! for j = 1, 2, ..."""


def log_zeta(s: Array) -> Array:
    """Log ζ(s), s > 1: 12 terms of the sum and the Euler-Maclaurin formula for the others.

    ζ(s) (s - 1) is summed, which stays in range where s tends to 1. Source: DLMF 25.2.9.
    """
    xp = _array.namespace(s)
    n, e = 12, s - 1
    log_n = math.log(n)
    rising, tail = s / n, xp.zeros_like(s)
    for j, coefficient in enumerate(_EULER_MACLAURIN):
        tail = tail + coefficient * rising
        rising = rising * (s + 2 * j + 1) * (s + 2 * j + 2) / n**2
    total = xp.exp(-e * log_n) * (1 + e / n * (0.5 + tail))
    for k in range(1, n):
        total = total + e * xp.exp(-s * math.log(k))
    # For large s the first term is nearly all of the sum.
    return xp.log(total) - xp.log(e)
