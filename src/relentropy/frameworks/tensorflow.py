"""TensorFlow: tensors and variables, eager and inside `tf.function`."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from relentropy.frameworks import tensorflow_namespace as xp
from relentropy.frameworks.base import Framework

Array = Any


class TensorFlow(Framework):
    name = "tensorflow"

    def holds(self, x: object) -> bool:
        return isinstance(x, (tf.Tensor, tf.Variable))

    def namespace(self, x: Array) -> Any:
        return xp

    def native(self, x: Array) -> Array:
        if x.shape.rank is None:
            raise ValueError(
                "got a tensor of unknown rank; say how many axes it has, for example by "
                "tf.TensorSpec([None, None]) or tf.ensure_shape(x, [None, None])"
            )
        return tf.convert_to_tensor(x)

    def stop_gradient(self, x: Array) -> Array:
        return tf.stop_gradient(x)

    def known(self, condition: Array) -> bool | None:
        return bool(condition) if tf.executing_eagerly() else None

    def of_equal_length(self, x: Array, y: Array) -> Array:
        message = "p and q have different numbers of cells along the event axis"
        check = tf.debugging.assert_equal(tf.shape(x)[-1], tf.shape(y)[-1], message)
        # XLA drops the check, and would broadcast one cell; it cannot drop a shape.
        with tf.control_dependencies([check]):
            return tf.reshape(x, tf.concat([tf.shape(x)[:-1], tf.shape(y)[-1:]], 0))

    def repeat(
        self, step: Callable[..., tuple[Array, ...]], times: int, state: tuple[Array, ...]
    ) -> tuple[Array, ...]:
        if tf.executing_eagerly():
            return super().repeat(step, times, state)
        looped: tuple[Array, ...] = tf.while_loop(
            lambda *_: True, lambda *s: step(*s), state, maximum_iterations=times
        )
        return looped

    def result_dtype(self, x: Array, y: Array) -> Any:
        # TensorFlow has no promotion of its own: the wider of two floats.
        return max(x.dtype, y.dtype, key=lambda dtype: dtype.size)

    def astype(self, x: Array, dtype: Any) -> Array:
        return tf.cast(x, dtype)

    def default_float(self, x: Array) -> Any:
        return tf.float32

    def constant_like(self, x: Array, values: Sequence[float] | float) -> Array:
        return tf.constant(values, dtype=x.dtype)

    def positions(self, x: Array) -> Array:
        length = x.shape[-1]
        return tf.range(tf.shape(x)[-1] if length is None else length)

    def to_numpy(self, x: Array) -> Any:
        return x.numpy()

    def from_numpy(self, values: Any) -> Array:
        return tf.constant(values)


FRAMEWORK: Framework = TensorFlow()
