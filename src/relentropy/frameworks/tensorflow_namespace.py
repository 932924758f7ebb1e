"""The array-API's functions on tensors of TensorFlow: those that the formulas use.

Python numbers take the dtype of the tensor beside them. Shapes may be unknown until the graph runs.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

Array = Any
Axis = int | tuple[int, ...] | None

bool = tf.bool
int64 = tf.int64
float32 = tf.float32
float64 = tf.float64

abs = tf.math.abs
exp = tf.math.exp
expm1 = tf.math.expm1
floor = tf.math.floor
isnan = tf.math.is_nan
log = tf.math.log
log1p = tf.math.log1p
sqrt = tf.math.sqrt
minimum = tf.math.minimum
maximum = tf.math.maximum
zeros_like = tf.zeros_like


def where(condition: Array, x: Array | float, y: Array | float) -> Array:
    """Elementwise choice; at least one of x and y is a tensor, whose dtype both have."""
    like: Array = x if isinstance(x, tf.Tensor) else y
    x, y = (v if isinstance(v, tf.Tensor) else tf.constant(v, like.dtype) for v in (x, y))
    return tf.where(condition, x, y)


def full_like(x: Array, value: float) -> Array:
    return tf.fill(tf.shape(x), tf.constant(value, x.dtype))


def logaddexp(x: Array, y: Array | float) -> Array:
    """log(exp(x) + exp(y)), finite x."""
    y = tf.convert_to_tensor(y, x.dtype)
    top = tf.math.maximum(x, y)
    return top + tf.math.log1p(tf.math.exp(-tf.math.abs(x - y)))


def sum(x: Array, *, axis: Axis = None, keepdims: Any = False) -> Array:
    return tf.math.reduce_sum(x, axis=axis, keepdims=keepdims)


def max(x: Array, *, axis: Axis = None, keepdims: Any = False) -> Array:
    return tf.math.reduce_max(x, axis=axis, keepdims=keepdims)


def any(x: Array, *, axis: Axis = None, keepdims: Any = False) -> Array:
    return tf.math.reduce_any(x, axis=axis, keepdims=keepdims)


def argmax(x: Array, *, axis: int, keepdims: Any = False) -> Array:
    best = tf.math.argmax(x, axis=axis, output_type=tf.int32)
    return tf.expand_dims(best, axis) if keepdims else best


def take_along_axis(x: Array, index: Array, *, axis: int) -> Array:
    """The entry at one position a row: axis -1, index (..., 1)."""
    here = tf.range(tf.shape(x)[-1]) == index
    return tf.math.reduce_sum(where(here, x, 0.0), axis=axis, keepdims=True)


def moveaxis(x: Array, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    n = len(x.shape)
    sources = [s % n for s in ([source] if isinstance(source, int) else source)]
    targets = [d % n for d in ([destination] if isinstance(destination, int) else destination)]
    order = [axis for axis in range(n) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return tf.transpose(x, order)


def reshape(x: Array, shape: Sequence[int | None]) -> Array:
    """A new shape whose unknown lengths (None) are those of `x` at the same places."""
    lengths = tf.shape(x)
    return tf.reshape(x, [lengths[i] if n is None else n for i, n in enumerate(shape)])
