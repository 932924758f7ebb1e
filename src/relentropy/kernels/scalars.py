"""exp, exp(x) - 1 - x and their kin for numba: no branches and no tables, so that loops over them
take as many numbers at once as the processor holds.

The argument is reduced to x = k log 2 + r, |r| <= log(2)/2, by adding a number so large that its
last bit is worth 1; then exp x = 2^k exp r, with the minimax polynomial of `coefficients`. Where
k = 0 the reduction changes nothing, and exp(x) - 1 - x is r² times that polynomial: nothing
cancels. Measured errors: tests/kernels/test_scalars.py.
"""

from typing import Any

from relentropy.kernels.coefficients import (
    EXPONENTIAL_32,
    EXPONENTIAL_64,
    WEIGHT_32,
    WEIGHT_64,
)
from relentropy.kernels.machine import constant, fused, polynomial, power, scalar

tail = polynomial(EXPONENTIAL_32, EXPONENTIAL_64)
"""(exp(r) - 1 - r) / r² for |r| <= log(2)/2."""

whole = polynomial(WEIGHT_32, WEIGHT_64)
"""exp(r) for |r| <= log(2)/2."""

LOG2_E = 1.4426950408889634
ROUND_32, ROUND_64 = 1.5 * 2.0**23, 1.5 * 2.0**52
"""(x + this) - this is x as a whole number, which then stands in the last bits of x + this."""

LOG_2 = 0.6931471805599453
# The same in two parts, the first so short that k times it is exact.
HIGH_32, LOW_32 = 0.693359375, -2.1219444005469057e-4
HIGH_64, LOW_64 = 6.93145751953125e-1, 1.4286068203094172e-6

EXPONENT_32, EXPONENT_64 = 32, 64
SCALE_32, SCALE_64 = 2.0**EXPONENT_32, 2.0**EXPONENT_64
"""Weights are kept times this, so that those below the normal numbers keep their digits."""

LEAST_32, LEAST_64 = -109.0, -752.0
"""Below, a weight counts as 0: it is less than the smallest subnormal number."""

MOST_32, MOST_64 = 60.0, 600.0
"""Above, a scaled weight would leave the dtype."""


@scalar
def quadratic(r: Any) -> Any:
    """exp(r) - 1 - r for |r| <= log(2)/2."""
    return r * r * tail(r)


@scalar
def reduced(x: Any) -> tuple[Any, Any]:
    """2^k times the scale of weights, and r: x = k log 2 + r, for LEAST <= x <= MOST."""
    rounding = constant(x, ROUND_32, ROUND_64)
    t = x * constant(x, LOG2_E, LOG2_E) + rounding
    k = t - rounding
    r = (x - k * constant(x, HIGH_32, HIGH_64)) - k * constant(x, LOW_32, LOW_64)
    return power(t, EXPONENT_32, EXPONENT_64), r


@scalar
def within(x: Any) -> Any:
    """x, brought to where its exponential is in range; NaN stays."""
    least, most = constant(x, LEAST_32, LEAST_64), constant(x, MOST_32, MOST_64)
    x = least if x < least else x
    return most if x > most else x


@scalar
def scaled_exp(x: Any) -> Any:
    """exp(x) times the scale of weights, for x <= MOST; exactly 0 where it is below the dtype."""
    s, r = reduced(within(x))
    e = s + s * (r + quadratic(r))
    return constant(x, 0.0, 0.0) if x < constant(x, LEAST_32, LEAST_64) else e


@scalar
def weight_of(x: Any) -> Any:
    """The same with fewer instructions: instead of 0 the smallest of all, and anything for NaN.

    k log 2 is subtracted at once, at a unit of the last place for every 30 of k, in float64 5.
    """
    least, rounding = constant(x, LEAST_32, LEAST_64), constant(x, ROUND_32, ROUND_64)
    x = x if x > least else least
    t = x * constant(x, LOG2_E, LOG2_E) + rounding
    r = fused(rounding - t, constant(x, LOG_2, LOG_2), x)
    return power(t, EXPONENT_32, EXPONENT_64) * whole(r)


@scalar
def remainder(u: Any, s: Any, r: Any, square: Any) -> Any:
    """exp(-u) - 1 + u >= 0, from -u `reduced` to s and r, and the `quadratic` of r.

    Where k = 0, r is -u, and what is added to the square is exactly 0.
    """
    one = constant(u, 1, 1)
    k2 = s * constant(u, 1 / SCALE_32, 1 / SCALE_64)
    return k2 * square + (k2 * r + ((k2 - one) + u))
