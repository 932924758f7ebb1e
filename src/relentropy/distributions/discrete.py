"""Distributions on a finite alphabet, in the four ways that people hold them.

A raw array always means probabilities. Everything else says what it is: `LogProbs`, `Logits`,
`Counts`. The event axis is chosen by the verb (``axis=-1``); all other axes are batch axes.
"""

from typing import Any, ClassVar, Self

from relentropy import _array
from relentropy._labels import Label, read_values


class Discrete:
    """A distribution on a finite alphabet: an array, and labels where the input had them.

    Attributes:
        values: the native array as it was given, batch axes included.
        labels: the names of the cells along the only axis, or None.
        validate: True looks at the values on any framework, False never; None (the default)
            looks at eager NumPy arrays only.

    """

    __slots__ = ("labels", "validate", "values")
    missing: ClassVar[float] = 0.0
    """What a label that the other side has and this one lacks stands for."""

    def __init__(self, values: Any, /, *, validate: bool | None = None) -> None:
        array, labels = read_values(values, type(self).__name__)
        self.values = self._accept(array)
        self.labels: tuple[Label, ...] | None = labels
        self.validate = validate

    @staticmethod
    def _accept(array: Any) -> Any:
        raise NotImplementedError

    def with_values(self, values: Any, labels: tuple[Label, ...] | None = None) -> Self:
        """The same kind of description around other values."""
        other = object.__new__(type(self))
        other.values, other.labels, other.validate = values, labels, self.validate
        return other

    def __repr__(self) -> str:
        if self.labels is None:
            return f"{type(self).__name__}({self.values!r})"
        cells = dict(zip(self.labels, self.values.tolist(), strict=True))
        return f"{type(self).__name__}({cells!r})"


class Weights(Discrete):
    """Non-negative weights on a linear scale: `Probs` and `Counts`."""

    __slots__ = ()


class Logs(Discrete):
    """Weights on a logarithmic scale: `LogProbs` and `Logits`."""

    __slots__ = ()
    missing: ClassVar[float] = -float("inf")

    @staticmethod
    def _accept(array: Any) -> Any:
        if _array.is_floating(array):
            return array
        if not _array.is_integer(array):
            raise _not_real("Logits or LogProbs need real numbers", array)
        return _array.astype(array, _array.default_float(array))


class Probs(Weights):
    """Probabilities, shape (..., K), summing to 1 along the event axis.

    A sum that misses 1 by rounding is taken as meant; beyond 1e-3 (2e-2 in half precision) the
    row is invalid: eager NumPy input raises ValueError, other arrays give NaN for that row
    unless ``validate=True``. A mapping or labelled series aligns by label.

    >>> from relentropy import Probs, relative_entropy
    >>> d = relative_entropy(Probs({"a": 0.5, "b": 0.5}), {"b": 0.25, "a": 0.75}, base=2)
    >>> round(float(d), 12)
    0.207518749639
    """

    __slots__ = ()

    @staticmethod
    def _accept(array: Any) -> Any:
        if _array.is_floating(array):
            return array
        if not _array.is_integer(array):
            raise _not_real("probabilities must be real floating-point numbers", array)
        raise TypeError(
            f"probabilities must be floating point, got {_array.dtype_name(array)}: write 1.0 "
            "instead of 1 for probabilities, or Counts(...) for counts"
        )


class Counts(Weights):
    """How often each cell was seen in a sample, shape (..., K): whole numbers >= 0.

    In `relative_entropy` they stand for the empirical distribution, exactly (infinite on cells
    that only the first side has); `estimate` gives the statistician's answer about the
    distributions behind the samples.

    >>> from relentropy import Counts, relative_entropy
    >>> round(float(relative_entropy(Counts([3, 1]), Counts([1, 1]), base=2)), 12)
    0.188721875541
    """

    __slots__ = ()

    @staticmethod
    def _accept(array: Any) -> Any:
        if not (_array.is_floating(array) or _array.is_integer(array)):
            raise _not_real("counts must be whole numbers", array)
        return array


class LogProbs(Logs):
    """Natural logarithms of probabilities, shape (..., K); -inf is a probability of 0.

    Taken as they are: their exponentials must sum to 1 up to the tolerance of `Probs`.

    >>> import numpy as np
    >>> from relentropy import LogProbs, relative_entropy
    >>> float(relative_entropy(LogProbs(np.log([0.5, 0.5])), [1.0, 0.0]))
    inf
    """

    __slots__ = ()


class Logits(Logs):
    """Unnormalised log-probabilities, shape (..., K); the softmax is taken for you.

    >>> from relentropy import Logits, relative_entropy
    >>> float(relative_entropy(Logits([0.0, -float("inf")]), Logits([0.0, 0.0]), base=2))
    1.0
    """

    __slots__ = ()


def _not_real(rule: str, array: Any) -> TypeError:
    return TypeError(f"{rule}, got an array of {_array.dtype_name(array)}")
