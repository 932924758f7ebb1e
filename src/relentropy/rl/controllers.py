"""What changes during training: the coefficient of the penalty, and the reference itself."""

import copy
import math
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from relentropy import _array

Array = Any
Tree = Any
"""Arrays in dicts, lists, tuples and named tuples, nested at will; None stands for nothing."""


class FixedCoefficient:
    """A coefficient that stays what it is, with the interface of `AdaptiveCoefficient`.

    Args:
        value: the coefficient β, finite and at least 0.

    Raises:
        ValueError: for a value that is negative or not finite.

    Examples:
        >>> from relentropy.rl import FixedCoefficient
        >>> coefficient = FixedCoefficient(0.04)
        >>> coefficient.update(kl=12.0)
        0.04
    """

    def __init__(self, value: float) -> None:
        self.value = _coefficient(value, "value")

    def update(self, kl: Any, count: float = 1) -> float:
        """The same value again; `kl` is checked, so that a NaN is heard of here too."""
        _nats(kl)
        _count(count)
        return self.value

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint needs."""
        return {"value": self.value}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take the value of a checkpoint."""
        self.value = _coefficient(_saved(state, "value"), "value")

    def __repr__(self) -> str:
        return f"FixedCoefficient({self.value:g})"


class AdaptiveCoefficient:
    """A coefficient that holds the divergence at a target.

    After each batch of n samples, with error e = clip(KL/target - 1, ±max_error):

        β ← β · (1 + e · n/horizon), kept within bounds

    It is an integrator of the error in log β: at the target β rests, above it β grows by at most
    max_error every `horizon` samples. A batch larger than the horizon counts as one horizon, so β
    stays positive. β itself is all the memory there is: at a bound nothing accumulates, and the
    first batch with an error of the other sign leaves the bound.

    Args:
        initial: the first β, within the bounds.
        target: the divergence to hold, in the unit of the `kl` that is passed to `update`: nats a
            sequence or nats a token; above 0.
        horizon: the number of samples over which an error is worked off, in the unit of `count`.
        bounds: the smallest and the largest β, both above 0: a β of 0 could never grow.
        max_error: the largest relative error that counts.

    Raises:
        ValueError: for a setting out of its range.

    Examples:
        >>> from relentropy.rl import AdaptiveCoefficient
        >>> coefficient = AdaptiveCoefficient(0.1, target=6.0, horizon=10_000)
        >>> round(coefficient.update(kl=9.0, count=512), 6)  # too far: e is clipped to .2
        0.101024

    Source: Ziegler et al. 2019, arXiv 1909.08593, section 2.2.
    """

    def __init__(
        self,
        initial: float,
        *,
        target: float,
        horizon: float,
        bounds: tuple[float, float] = (1e-6, 1e3),
        max_error: float = 0.2,
    ) -> None:
        self.target = _positive(target, "target")
        self.horizon = _positive(horizon, "horizon")
        self.max_error = _positive(max_error, "max_error")
        if self.max_error >= 1:
            raise ValueError(f"max_error is {max_error:g}; expected less than 1, such as 0.2")
        self.bounds = (
            _positive(bounds[0], "bounds[0]"),
            _positive(bounds[1], "bounds[1]", finite=False),
        )
        self.value = _coefficient(initial, "initial")
        low, high = self.bounds
        if not low <= self.value <= high:
            raise ValueError(
                f"initial is {self.value:g} and bounds is ({low:g}, {high:g}); expected "
                "low <= initial <= high"
            )

    def update(self, kl: Any, count: float = 1) -> float:
        """β after a batch: `kl` is its divergence, `count` its number of samples.

        Args:
            kl: a number, or an array of one number of any framework. A +inf is the largest
                error. An estimate below 0, as k1 can be, is an error like any other.
            count: samples since the last update, at least 0.

        Raises:
            ValueError: for a NaN (the batch is broken; the coefficient must not hide it), for more
                than one number, for a negative count.
        """
        error = _nats(kl) / self.target - 1
        error = min(max(error, -self.max_error), self.max_error)
        elapsed = min(_count(count) / self.horizon, 1.0)
        self.value = self._within_bounds(self.value * (1 + error * elapsed))
        return self.value

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint needs: the value. Target, horizon and bounds belong to the program."""
        return {"value": self.value}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take the value of a checkpoint; outside the bounds of this run, the nearer bound."""
        self.value = self._within_bounds(_coefficient(_saved(state, "value"), "value"))

    def _within_bounds(self, value: float) -> float:
        low, high = self.bounds
        return min(max(value, low), high)

    def __repr__(self) -> str:
        return (
            f"AdaptiveCoefficient({self.value:g}, target={self.target:g}, "
            f"horizon={self.horizon:g}, bounds={self.bounds}, max_error={self.max_error:g})"
        )


class ReferencePolicy:
    """The reference's parameters: a copy of the policy's, refreshed from time to time.

    Nothing given: the copy stays as it is. With `every` the copy is made anew at each n-th
    `update`. With `moving_average` = m the copy moves towards the policy instead:

        reference ← reference + (1 - m) · (policy - reference)

    at each update, or at each n-th when both are given. The copies share no memory with the
    policy and carry no gradient. Halves are averaged in float32, since in bfloat16 a step of
    m = 0.999 rounds to nothing; integers (counters, buffers) are copied.

    Args:
        parameters: arrays of PyTorch, JAX or NumPy in dicts, lists, tuples and named tuples, such
            as `module.state_dict()` or a JAX parameter tree.
        every: the number of updates from one refresh to the next.
        moving_average: m, the weight that the reference keeps, 0 <= m < 1.

    Raises:
        TypeError: for something else than arrays in the tree.
        ValueError: for a tree without arrays, a setting out of its range.

    Examples:
        >>> import numpy
        >>> from relentropy.rl import ReferencePolicy
        >>> policy = {"w": numpy.zeros(2)}
        >>> reference = ReferencePolicy(policy, every=2)
        >>> policy["w"] += 1.0
        >>> reference.update(policy), reference.parameters["w"]
        (False, array([0., 0.]))
        >>> reference.update(policy), reference.parameters["w"]
        (True, array([1., 1.]))
    """

    def __init__(
        self,
        parameters: Tree,
        *,
        every: int | None = None,
        moving_average: float | None = None,
    ) -> None:
        if every is not None and (isinstance(every, bool) or every != int(every) or every < 1):
            raise ValueError(f"every is {every!r}; expected a whole number of updates, 1 or more")
        if moving_average is not None and not 0 <= moving_average < 1:
            raise ValueError(
                f"moving_average is {moving_average!r}; expected the weight that the reference "
                "keeps, 0 <= weight < 1, such as 0.999"
            )
        self.every = every
        self.moving_average = moving_average
        self._steps = 0
        live = _leaves(parameters, "parameters")
        if not live:
            raise ValueError("parameters holds no array; expected such as module.state_dict()")
        self._paths = _mapped(parameters, "parameters", lambda path, _: path)
        self._dtypes = {path: x.dtype for path, x in live.items()}
        self._kept = {path: self._copied(x) for path, x in live.items()}
        self._refreshed()

    @property
    def parameters(self) -> Tree:
        """The reference's parameters, in the containers and dtypes of the policy's.

        They are replaced at a refresh, never written to. Do not write to them either: load them
        with `module.load_state_dict(reference.parameters)`, which copies (without assign=True),
        or call the policy with them (`torch.func.functional_call`, a JAX function).
        """
        return self._parameters

    def update(self, parameters: Tree) -> bool:
        """Count one step of the policy; True when the reference has changed.

        Raises:
            ValueError: for a tree that differs from the first in names, shapes or dtypes.
        """
        live = self._matching(parameters, "parameters")
        self._steps += 1
        period = self.every or (None if self.moving_average is None else 1)
        if period is None or self._steps % period:
            return False
        if self.moving_average is None:
            self._kept = {path: self._copied(x) for path, x in live.items()}
        else:
            weight = 1 - self.moving_average
            for path, x in live.items():
                self._kept[path] = _moved(self._kept[path], x, weight)
        self._refreshed()
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs: the steps so far, and the parameters as they are averaged."""
        kept = self._kept
        return {
            "steps": self._steps,
            "parameters": _mapped(self._paths, "parameters", lambda path, _: kept[path]),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint; its arrays are copied.

        Raises:
            ValueError: for a tree that differs from the policy's in names or shapes.
        """
        saved = self._matching(_saved(state, "parameters"), "parameters", dtypes=False)
        self._steps = int(_saved(state, "steps"))
        self._kept = {
            path: _copy(_array.moved_to(x, self._kept[path])) for path, x in saved.items()
        }
        self._refreshed()

    def _copied(self, x: Array) -> Array:
        """A copy to keep, in the dtype to keep it in."""
        if self.moving_average is None or _array.dtype_name(x) not in _NARROW:
            return _copy(x)
        return _array.astype(_array.stop_gradient(x), _array.namespace(x).float32)

    def _refreshed(self) -> None:
        kept, dtypes = self._kept, self._dtypes
        self._parameters = _mapped(
            self._paths, "parameters", lambda path, _: _array.astype(kept[path], dtypes[path])
        )

    def _matching(self, tree: Tree, name: str, dtypes: bool = True) -> dict[str, Array]:
        """The leaves of a tree that fits the reference; ValueError for the first that does not."""
        live = _leaves(tree, name)
        for path in [*(live.keys() - self._kept.keys()), *(self._kept.keys() - live.keys())]:
            where = "the reference has no such array" if path in live else "it is missing"
            raise ValueError(
                f"{path}: {where}; expected the tree that ReferencePolicy was made from; "
                "for another one make a new ReferencePolicy"
            )
        for path, x in live.items():
            kept, dtype = self._kept[path], self._dtypes[path]
            came, expected = _array.framework(x), _array.framework(kept)
            if came != expected:
                raise ValueError(f"{path} is of {came}; expected {expected}, as at first")
            if x.shape != kept.shape or (dtypes and x.dtype != dtype):
                raise ValueError(
                    f"{path} has shape {tuple(x.shape)} and dtype {x.dtype}; expected "
                    f"{tuple(kept.shape)} and {dtype}, as at first"
                )
        return live

    def __repr__(self) -> str:
        return (
            f"ReferencePolicy({len(self._kept)} arrays, every={self.every}, "
            f"moving_average={self.moving_average})"
        )


_NARROW = ("float16", "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2")
"""Floats that are averaged in float32."""


def _copy(x: Array) -> Array:
    """Memory of its own, on JAX too: a jitted step may have been given the policy's to reuse."""
    x = _array.stop_gradient(x)
    return x.clone() if _array.framework(x) == "torch" else x.copy()


def _moved(average: Array, x: Array, weight: float) -> Array:
    """The average after a step towards x; integers and booleans follow at once."""
    name = _array.dtype_name(x)
    if name.startswith(("int", "uint", "bool")):
        return _copy(x)
    return average + weight * (_array.astype(_array.stop_gradient(x), average.dtype) - average)


def _leaves(tree: Tree, name: str) -> dict[str, Array]:
    """The arrays of a tree by their path, such as "parameters['layers'][0]"."""
    found: dict[str, Array] = {}

    def keep(path: str, x: Any) -> None:
        if _array.framework(x) is None:
            raise TypeError(
                f"{path} is {type(x).__name__}; expected arrays of NumPy, PyTorch or JAX in "
                "dicts, lists and tuples: module.state_dict() for PyTorch, jax.tree.leaves(x) for "
                "other JAX trees"
            )
        found[path] = x

    _mapped(tree, name, keep)
    return found


def _mapped(tree: Tree, path: str, f: Callable[[str, Any], Any]) -> Tree:
    """The same containers with f(path, leaf) for each leaf."""
    if tree is None:
        return None
    if isinstance(tree, Mapping):
        items = {key: _mapped(x, f"{path}[{key!r}]", f) for key, x in tree.items()}
        if not isinstance(tree, MutableMapping):
            return type(tree)(items)  # type: ignore[call-arg]
        filled = copy.copy(tree)  # keeps the kind: an OrderedDict, the metadata of a state_dict
        filled.update(items)
        return filled
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_mapped(getattr(tree, k), f"{path}.{k}", f) for k in tree._fields))
    if isinstance(tree, list | tuple):
        return type(tree)(_mapped(x, f"{path}[{i}]", f) for i, x in enumerate(tree))
    return f(path, tree)


def _single_number(x: Any, name: str) -> float:
    """A float from a number or from an array of one number."""
    if _array.framework(x) is not None:
        if math.prod(x.shape) != 1:
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}; expected a single number: {name}.mean()"
            )
        x = _array.stop_gradient(x).reshape(())
    return float(x)


def _nats(kl: Any) -> float:
    number = _single_number(kl, "kl")
    if math.isnan(number):
        raise ValueError(
            "kl is nan; expected a number of nats. A batch in which no token is kept, or a "
            "log-probability that is nan, gives this: look there before the coefficient moves"
        )
    return number


def _count(count: Any) -> float:
    number = _single_number(count, "count")
    if not 0 <= number < math.inf:
        raise ValueError(f"count is {number:g}; expected a number of samples, at least 0")
    return number


def _coefficient(value: Any, name: str) -> float:
    number = _single_number(value, name)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is {number:g}; expected a finite coefficient, at least 0")
    return number


def _positive(value: Any, name: str, finite: bool = True) -> float:
    number = _single_number(value, name)
    if not number > 0 or (finite and number == math.inf):
        raise ValueError(f"{name} is {number:g}; expected a {'finite ' * finite}number above 0")
    return number


def _saved(state: Mapping[str, Any], key: str) -> Any:
    if key not in state:
        raise ValueError(
            f"the state has no {key!r}, only {sorted(state)}; expected what state_dict() returned"
        )
    return state[key]
