"""log(x/y) and (1+z) log(1+z) - z for numba, without branches or tables, as `scalars` has exp.

A number is taken apart to 2^k m, 2/3 <= m < 4/3, by its bits. With s = f/(2+f), log(1+f) is
2 artanh s, by the minimax polynomial of `coefficients`; where k = 0, f is what the difference of
the two numbers says, so that nothing cancels. Measured errors: tests/kernels/test_logarithms.py.
"""

from typing import Any

from relentropy.kernels.coefficients import ARTANH_32, ARTANH_64
from relentropy.kernels.machine import constant, exponent, fused, mantissa, polynomial, scalar
from relentropy.kernels.scalars import HIGH_32, HIGH_64, LOW_32, LOW_64

artanh_tail = polynomial(ARTANH_32, ARTANH_64)
"""(artanh s - s) / s³ at z = s², |s| <= 1/5."""

NORMAL_32, NORMAL_64 = 2.0**-126, 2.0**-1022
"""Below, the bits of a number do not tell its exponent."""

LIFT = 64
"""Such numbers are taken times 2 to this."""


@scalar
def apart(x: Any) -> tuple[Any, Any]:
    """Two numbers k and m: x = 2^k m, 2/3 <= m < 4/3, for finite x > 0."""
    lift, none = constant(x, LIFT, LIFT), constant(x, 0, 0)
    subnormal = x < constant(x, NORMAL_32, NORMAL_64)
    x = x * constant(x, 2.0**LIFT, 2.0**LIFT) if subnormal else x
    return exponent(x) - (lift if subnormal else none), mantissa(x)


@scalar
def quotient(x: Any, y: Any) -> tuple[Any, Any, Any]:
    """k, f and what f lacks: x/y = 2^k (1 + f), |f| <= 1/3, for finite x, y > 0."""
    one, two = constant(x, 1, 1), constant(x, 2, 2)
    three, four = constant(x, 3, 3), constant(x, 4, 4)
    kx, mx = apart(x)
    ky, my = apart(y)
    k = kx - ky
    above, below = three * mx > four * my, three * mx < two * my
    mx = mx / two if above else (mx * two if below else mx)
    k = k + one if above else (k - one if below else k)
    inverse = one / my
    difference = mx - my  # exact
    f = difference * inverse
    return k, f, fused(-f, my, difference) * inverse


@scalar
def log_of(k: Any, f: Any, f_rest: Any) -> tuple[Any, Any]:
    """log(2^k (1 + f)), as the sum of two numbers."""
    one, two = constant(f, 1, 1), constant(f, 2, 2)
    s = f / (two + f)
    z = s * s
    whole = k * constant(f, HIGH_32, HIGH_64)  # exact
    large = whole + f
    lost = f - (large - whole)
    small = k * constant(f, LOW_32, LOW_64) + f_rest * (one - f) + lost
    return large, small - s * (f - (z + z) * artanh_tail(z))


@scalar
def h_near(z: Any) -> Any:
    """(1+z) log(1+z) - z for |z| <= 1/3: 2s²/(1-s) and what artanh s adds to s."""
    two = constant(z, 2, 2)
    s = z / (two + z)
    square = s * s
    return (two + z) * (square + (constant(z, 1, 1) + s) * (square * s * artanh_tail(square)))


@scalar
def h(z: Any, m: Any) -> Any:
    """(1+z) log(1+z) - z >= 0, from z >= -1 and m = 1 + z, each with all its digits."""
    one, two = constant(z, 1, 1), constant(z, 2, 2)
    log_2, zero = constant(z, HIGH_32 + LOW_32, HIGH_64 + LOW_64), constant(z, 0, 0)
    k = exponent(m)
    near = k == zero
    f = z if near else mantissa(m) - one
    s = f / (two + f)
    cubic = s * s * s * artanh_tail(s * s)
    far = m * (two * (s + cubic) + k * log_2) - z
    return (two + z) * (s * s + (one + s) * cubic) if near else far
