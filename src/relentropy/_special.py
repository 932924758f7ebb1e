"""Special functions, by one name on every framework, with gradients.

What a framework has is its own; what none has with a gradient is written out here in arithmetic
that runs on all. Arguments are real floating arrays of one framework; constants may be numbers.
"""

import math
from typing import Any

from relentropy import _array

Array = Any


def _native(name: str, x: Array) -> Any:
    """The framework's own function of one argument; all use SciPy's names."""
    kind = _array.framework(x)
    if kind == "torch":
        import torch

        return getattr(torch.special, name)
    if kind == "jax":
        import jax.scipy.special

        return getattr(jax.scipy.special, name)
    import scipy.special

    return getattr(scipy.special, name)


def log_gamma(x: Array) -> Array:
    """Log Γ(x), x > 0."""
    return _native("gammaln", x)(x)


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


_STIRLING = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)
"""B(2j) / (2j (2j - 1)), j = 1, 2, ...: Stirling's series."""


def trigamma(x: Array) -> Array:
    """The derivative of digamma, x > 0.

    PyTorch's has 9 digits. Moved up by ψ'(x) = ψ'(x+1) + 1/x², then DLMF 5.15.8.
    """
    total = sum(1 / (x + j) ** 2 for j in range(_TRIGAMMA_MOVES))
    y = 1 / (x + _TRIGAMMA_MOVES)
    z, series = y * y, 0.0
    for c in reversed(_TRIGAMMA):
        series = (series + c) * z
    return total + (y + z / 2 + y * series)


_TRIGAMMA_MOVES = 8
_TRIGAMMA = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
"""Bernoulli's numbers B(2j), j = 1, 2, ..."""


def log_gamma_remainder(x: Array) -> Array:
    """Log Γ(x) - [(x - 1/2) log x - x + log √(2π)], x > 0; tends to 1/(12 x).

    Below 8 it is moved up by Γ(x+1) = x Γ(x), the rest by Stirling's series (DLMF 5.11.1).
    """
    xp = _array.namespace(x)
    small = x < 8
    moved = xp.where(small, x + 8, x)
    z = 1 / (moved * moved)
    series = xp.zeros_like(x)
    for c in reversed(_STIRLING):
        series = series * z + c
    series = series / moved
    y = xp.where(small, x, 1.0)
    # log of x (x+1) ... (x+7), and the difference of the leading terms at x + 8 and at x.
    product = y
    for j in range(1, 8):
        product = product * (y + j)
    leading = (y + 7.5) * xp.log(y + 8) - (y - 0.5) * xp.log(y) - 8
    return xp.where(small, series + leading - xp.log(product), series)


def log_factorial_excess(k: Array) -> Array:
    """Log k! - (k log k - k), k >= 0: what Stirling's leading terms leave; 0 at 0."""
    xp = _array.namespace(k)
    positive = k > 0
    safe = xp.where(positive, k, 1.0)
    value = log_gamma_remainder(safe) + (xp.log(safe) + math.log(2 * math.pi)) / 2
    return xp.where(positive, value, 0.0 * k)


def log_beta(a: Array, b: Array) -> Array:
    """Log B(a, b) = log Γ(a) + log Γ(b) - log Γ(a + b), a, b > 0 of any size.

    Stirling's leading terms are put together before they are large: what is left of them is
    -a log(1 + b/a) - b log(1 + a/b) and half the log of 2π (a+b) / (a b).
    """
    xp = _array.namespace(a, b)
    a, b = a + 0.0 * b, b + 0.0 * a
    remainder = log_gamma_remainder(a) + log_gamma_remainder(b) - log_gamma_remainder(a + b)
    shares = a * xp.log1p(b / a) + b * xp.log1p(a / b)
    halves = (xp.log(a + b) - xp.log(a) - xp.log(b) + math.log(2 * math.pi)) / 2
    return remainder - shares + halves


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


GAUSS = (
    (0.019855071751231884, 0.050614268145188130),
    (0.101666761293186630, 0.111190517226687235),
    (0.237233795041835507, 0.156853322938943644),
    (0.408282678752175098, 0.181341891689180991),
    (0.591717321247824902, 0.181341891689180991),
    (0.762766204958164493, 0.156853322938943644),
    (0.898333238706813370, 0.111190517226687235),
    (0.980144928248768116, 0.050614268145188130),
)
"""Nodes and weights of the Gauss-Legendre rule of 8 nodes on (0, 1)."""


def log_gamma_step(x: Array, d: Array) -> Array:
    """Log Γ(x + d) - log Γ(x), of small d as the integral of ψ, which does not cancel."""
    xp = _array.namespace(x, d)
    near = xp.abs(d) < 0.25 * x
    step = xp.where(near, d, 0.0)
    integral = sum(w * digamma(x + u * step) for u, w in GAUSS) * step
    far = xp.where(near, 0.0, d)
    return xp.where(near, integral, log_gamma(x + far) - log_gamma(x))


def log_mills(x: Array) -> Array:
    """The log of Φ(x) / φ(x), Mills' ratio of -x; by its continued fraction for x <= -8.

    Source: DLMF 7.9.3.
    """
    xp = _array.namespace(x)
    far = x < -8
    moderate = xp.where(far, 0.0, x)
    near = log_ndtr(moderate) + moderate * moderate / 2 + math.log(2 * math.pi) / 2
    y = xp.where(far, -x, 8.0)
    fraction = y
    for k in range(30, 0, -1):
        fraction = y + k / fraction
    return xp.where(far, -xp.log(fraction), near)
