"""The array-API's functions on tensors of tinygrad: those that the formulas use.

tinygrad has neither log1p nor expm1, and its exp multiplies the argument by a rounded 1/log 2,
which costs a relative error of |x| roundings; they are written out here from exp2 and log2. Nor is
arithmetic what it says: a graph is rewritten as if numbers had no rounding, which `rounded` stops.
"""

import math
from collections.abc import Sequence
from typing import Any

from tinygrad.dtype import dtypes

Array = Any
Axis = int | tuple[int, ...] | None

bool = dtypes.bool
int64 = dtypes.int64
float32 = dtypes.float32
float64 = dtypes.float64

BLOCK = 256
"""Terms that are added one after the other; longer sums are sums of sums, for their rounding."""


def rounded(x: Array) -> Array:
    """`x` in a buffer of its own, through which gradients flow.

    Within one kernel tinygrad would rewrite (a - b) - a as -b, and compute again whatever is used
    twice. A plain buffer ends a graph as soon as it is realised: gradients would silently be 0. So
    the buffer holds a copy without gradient, and x - x, rewritten as 0, brings the gradient.
    """
    x = x.isnan().where(math.nan, x)
    return x.detach().contiguous() + (x - x.detach())


def abs(x: Array) -> Array:
    return x.abs()


def floor(x: Array) -> Array:
    return x.floor()


def isnan(x: Array) -> Array:
    return x.isnan()


def sqrt(x: Array) -> Array:
    return x.sqrt()


def minimum(x: Array, y: Array) -> Array:
    return x.minimum(y)


def maximum(x: Array, y: Array) -> Array:
    return x.maximum(y)


def where(condition: Array, x: Array | float, y: Array | float) -> Array:
    return condition.where(x, y)


def zeros_like(x: Array) -> Array:
    return x.const_like(0)


def full_like(x: Array, value: float) -> Array:
    return x.const_like(value)


def moveaxis(x: Array, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    n = len(x.shape)
    sources = [s % n for s in ([source] if isinstance(source, int) else source)]
    targets = [d % n for d in ([destination] if isinstance(destination, int) else destination)]
    order = [axis for axis in range(n) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return x.permute(order)


def reshape(x: Array, shape: Sequence[int]) -> Array:
    return x.reshape(tuple(shape))


def max(x: Array, *, axis: Axis = None, keepdims: Any = False) -> Array:
    return x.max(axis=axis, keepdim=keepdims)


def any(x: Array, *, axis: Axis = None, keepdims: Any = False) -> Array:
    return x.any(axis=axis, keepdim=keepdims)


def argmax(x: Array, *, axis: int, keepdims: Any = False) -> Array:
    return x.argmax(axis=axis, keepdim=keepdims)


def take_along_axis(x: Array, index: Array, *, axis: int) -> Array:
    return x.gather(axis, index)


def sum(x: Array, *, axis: Axis = None, keepdims: Any = False) -> Array:
    """The sum; along a long last axis in blocks, since terms are added one after the other."""
    n = x.shape[-1] if len(x.shape) else 0
    if axis not in (-1, len(x.shape) - 1) or n <= BLOCK:
        return rounded(x.sum(axis=axis, keepdim=keepdims))
    blocks = -(-n // BLOCK)
    x = x.pad(((0, 0),) * (len(x.shape) - 1) + ((0, blocks * BLOCK - n),))
    inner = x.reshape(*x.shape[:-1], blocks, BLOCK).sum(axis=-1).contiguous()
    return sum(inner, axis=-1, keepdims=keepdims)


LN2 = {
    dtypes.float32: (0.693359375, -2.12194440e-4),
    dtypes.float64: (0.693147180369123816490, 1.90821492927058770002e-10),
}
"""Log 2 as a number with few digits, whose products with small integers are exact, and the rest."""

RANGE = {dtypes.float32: (-104.0, 89.0), dtypes.float64: (-746.0, 710.0)}
"""Beyond these exp is 0 or infinite."""


def exp(x: Array) -> Array:
    """2^k times that of r, with k = x / log 2 rounded, r = x - k log 2; flat at -inf."""
    (high, low), (least, largest) = LN2[x.dtype], RANGE[x.dtype]
    inside = (x > least) & (x < largest)
    y = inside.where(x, 0.0)
    k = (y.detach() * (1 / math.log(2))).round()
    # As another number: y - k high - k low would be rewritten as y - k (high + low).
    r = (y - k * high) - rounded(k) * low
    # Two factors: 2^k alone may overflow where the product does not.
    half = (k * 0.5).trunc()
    value = (r * (1 / math.log(2))).exp2() * half.exp2() * (k - half).exp2()
    value = inside.where(value, (x > 0).where(math.inf, 0.0))
    return rounded(x.isnan().where(x, value))


def log(x: Array) -> Array:
    return rounded(x.log2() * math.log(2))


def log1p(x: Array) -> Array:
    """log(1 + x); below 1/4 as 2 artanh(x / (2 + x)) by its series, which leaves 1e-17."""
    near = x.detach().abs() < 0.25
    y = near.where(x, 0.0)
    s = y / (y + 2)
    z = s * s
    series = z * (1 / 21) + 1 / 19
    for k in range(17, 0, -2):
        series = series * z + 1 / k
    return rounded(near.where(2 * s * series, log(near.where(1.0, x + 1))))


def expm1(x: Array) -> Array:
    """exp(x) - 1; below 1/4 by its series, which leaves 1e-17."""
    near = x.detach().abs() < 0.25
    y = near.where(x, 0.0)
    series = y * (1 / 14) + 1
    for k in range(13, 1, -1):
        series = series * y * (1 / k) + 1
    return rounded(near.where(y * series, exp(near.where(0.0, x)) - 1))


def logaddexp(x: Array, y: Array | float) -> Array:
    """log(exp(x) + exp(y)), finite x and y."""
    top = x.maximum(y)
    return top + log1p(exp(-(x - y).abs()))
