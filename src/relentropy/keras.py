"""Relative entropy as Keras 3 has its losses and metrics, on TensorFlow, JAX and PyTorch.

Both are called ``(y_true, y_pred)``, which is D(y_true‖y_pred): the order of Keras is that of
mathematics. Nothing is clipped.
"""

from typing import Any

import keras
from keras.src.backend import get_keras_mask  # has no public name

from relentropy._faces import Inputs, check, divergence_of_rows, kinds_of

Tensor = Any
SIDES = ("y_true", "y_pred")

__all__ = ["RelativeEntropy", "RelativeEntropyMetric"]


@keras.saving.register_keras_serializable(package="relentropy")
class RelativeEntropy(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """D(y_true‖y_pred) as a loss of Keras.

    D(P‖Q) = Σ p log(p/q), for each row; the default reduction is the mean over rows.

    Args:
        inputs: what y_true and y_pred are: "probs", "log_probs" or "logits"; or a pair, such as
            ("probs", "logits") for a last layer without softmax.
        axis: the event axis.
        base: base of the logarithm; nats by default, 2 for bits.
        reduction: as for every loss of Keras: "sum_over_batch_size", "sum", "none", ...
        name: as for every loss of Keras.
        dtype: as for every loss of Keras. Half precision is accumulated in float32, and rounded to
            this.

    Shape:
        y_true and y_pred: (..., K), the same shape. Integers are taken as numbers, so that one-hot
        rows may be integers; labels of classes are refused.

    Values at the edges: 0 for equal rows; inf where y_true has mass and y_pred none, where
    `keras.losses.KLDivergence` clips y_pred to 1e-7 and gives 16.1 at most; NaN for a row that is
    no distribution. A row that is masked, or has the weight 0, counts for nothing: neither its
    value nor its gradient, whatever stands in it. `sample_weight` has the batch axes, or the first
    of them.

    Errors: ValueError for an unknown `inputs`, and for shapes that differ.

    >>> import keras
    >>> from relentropy.keras import RelativeEntropy
    >>> loss = RelativeEntropy(base=2)
    >>> float(loss([[0.5, 0.5], [1.0, 0.0]], [[0.25, 0.75], [0.5, 0.5]])).__round__(4)
    0.6038
    >>> float(loss([[0.5, 0.5]], [[1.0, 0.0]])), float(loss([[1.0, 0.0]], [[1.0, 0.0]]))
    (inf, 0.0)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> model.compile("sgd", RelativeEntropy(inputs=("probs", "logits")))

    Source: Kullback & Leibler, "On Information and Sufficiency", Ann. Math. Statist. 22 (1951),
    eq. 2.4.
    """

    def __init__(
        self,
        inputs: Inputs = "probs",
        *,
        axis: int = -1,
        base: float | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "relative_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check(inputs, base, SIDES)
        self.inputs, self.axis, self.base = inputs, axis, base

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The loss of a batch."""
        weight, mask = _of_rows(sample_weight, y_pred), _of_rows(get_keras_mask(y_pred), y_pred)
        values = _values(self, y_true, y_pred, _counted(weight, mask))
        if weight is not None:
            weight = keras.ops.broadcast_to(weight, keras.ops.shape(values))
        # The reduction is Keras' own; y_pred brings its mask.
        reduction = _Reduction(name=self.name, reduction=self.reduction, dtype=self.dtype)
        return reduction(values, y_pred, weight)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each row."""
        return _values(self, y_true, y_pred, None)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it again."""
        return {**super().get_config(), "dtype": self.dtype, **_settings(self)}


@keras.saving.register_keras_serializable(package="relentropy")
class RelativeEntropyMetric(keras.metrics.Mean):  # type: ignore[misc]  # Keras has no types
    """The mean of D(y_true‖y_pred) over all rows that were seen, as a metric of Keras.

    Arguments, values, masks and weights as for `RelativeEntropy`; the mean is weighted by
    `sample_weight`, 0 before anything was seen.

    >>> from relentropy.keras import RelativeEntropyMetric
    >>> metric = RelativeEntropyMetric(base=2)
    >>> metric.update_state([[1.0, 0.0]], [[0.5, 0.5]])
    >>> metric.update_state([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]])
    >>> round(float(metric.result()), 4)
    0.3333
    """

    def __init__(
        self,
        inputs: Inputs = "probs",
        *,
        axis: int = -1,
        base: float | None = None,
        name: str = "relative_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        check(inputs, base, SIDES)
        self.inputs, self.axis, self.base = inputs, axis, base

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take the rows of a batch into the mean."""
        weight, mask = _of_rows(sample_weight, y_pred), _of_rows(get_keras_mask(y_pred), y_pred)
        values = _values(self, y_true, y_pred, _counted(weight, mask))
        if mask is not None:
            mask = keras.ops.cast(mask, self.dtype)
            weight = mask if weight is None else mask * keras.ops.cast(weight, self.dtype)
        super().update_state(values, sample_weight=weight)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it again."""
        return {**super().get_config(), **_settings(self)}


class _Reduction(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """The reduction of values that are found already, with weights and the mask of y_pred."""

    def call(self, values: Tensor, y_pred: Tensor) -> Tensor:
        return values


def _settings(of: Any) -> dict[str, Any]:
    return {"inputs": of.inputs, "axis": of.axis, "base": of.base}


def _values(of: Any, y_true: Any, y_pred: Any, counted: Tensor | None) -> Tensor:
    """D(y_true‖y_pred) of each row; 0 where it is not counted."""
    y_true, y_pred = _floating(y_true, of.dtype), _floating(y_pred, of.dtype)
    _require_same_shape(y_true, y_pred)
    where = counted if counted is None else keras.ops.expand_dims(counted, of.axis)
    kinds = kinds_of(of.inputs, SIDES)
    return divergence_of_rows(y_true, y_pred, kinds, axis=of.axis, where=where, base=of.base)[0]


def _floating(x: Any, dtype: str) -> Tensor:
    """A tensor of that dtype, or of half precision, whose sums are allowed more rounding."""
    x = keras.ops.convert_to_tensor(x)
    is_half = keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16")
    return x if is_half else keras.ops.cast(x, dtype)


def _of_rows(weight: Any, y_pred: Any) -> Tensor | None:
    """A weight or mask with an axis for each batch axis of y_pred."""
    if weight is None:
        return None
    weight, rank = keras.ops.convert_to_tensor(weight), keras.ops.ndim(y_pred) - 1
    if keras.ops.ndim(weight) == rank + 1 and weight.shape[-1] == 1:
        return keras.ops.squeeze(weight, -1)
    while keras.ops.ndim(weight) < rank:
        weight = keras.ops.expand_dims(weight, -1)
    return weight


def _counted(weight: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Which rows count: those that are not masked, with a weight other than 0."""
    weighed = None if weight is None else keras.ops.not_equal(weight, 0)
    masked = None if mask is None else keras.ops.cast(mask, "bool")
    if weighed is None or masked is None:
        return masked if weighed is None else weighed
    return keras.ops.logical_and(weighed, masked)


def _require_same_shape(y_true: Tensor, y_pred: Tensor) -> None:
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    pairs = zip(*shapes, strict=False)
    if len(shapes[0]) == len(shapes[1]) and all(n == m or None in (n, m) for n, m in pairs):
        return
    raise ValueError(
        f"y_true has shape {shapes[0]} and y_pred {shapes[1]}; expected equal shapes, a "
        "distribution in each row. Labels of classes become rows by keras.utils.to_categorical("
        "labels, K); D(y_true‖y_pred) of these is keras.losses.SparseCategoricalCrossentropy()"
    )
