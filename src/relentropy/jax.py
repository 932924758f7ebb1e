"""Distributions as pytrees of JAX, and relative entropy as Optax has its losses.

Importing this module is enough: `Probs`, `LogProbs`, `Logits`, `Counts`, and the families (all but
`LogDensity`, which is a function), then pass through `jax.jit`, `jax.vmap`, `jax.grad`,
`jax.lax.scan` and `jax.tree`. Their arrays are the leaves; labels and `validate` are static.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import GetAttrKey, all_leaves, register_pytree_with_keys

from relentropy import _array, distributions
from relentropy._faces import Inputs, divergence_of_rows, kinds_of
from relentropy.distributions.discrete import Counts, Discrete, Logits, LogProbs, Probs
from relentropy.distributions.family import Parametric
from relentropy.distributions.log_density import LogDensity
from relentropy.distributions.processes import PoissonProcess

__all__ = ["relative_entropy_loss"]


def relative_entropy_loss(
    p: Any,
    q: Any,
    *,
    inputs: Inputs = "logits",
    axis: int = -1,
    where: Any = None,
    base: float | None = None,
) -> jax.Array:
    """D(P||Q) of each row, as a loss in the manner of Optax: a pure function, not yet averaged.

    D(P||Q) = Σ p log(p/q).

    Args:
        p: P, the targets, an array (..., K).
        q: Q, the output of the model, an array with the same K; batch axes broadcast.
        inputs: what p and q are: "logits", "log_probs" or "probs"; or a pair, such as
            ("probs", "logits").
        axis: the event axis.
        where: boolean mask, broadcast against the arrays. Cells where it is False are dropped
            and the rest is renormalised; a row of which no cell is left, padding, has the value 0
            and the gradient 0, whatever stands in it. For a mask (N, T) of the tokens in
            (N, T, K) write ``where=mask[..., None]``, and for the mean over the tokens that count
            ``losses.sum() / mask.sum()``.
        base: base of the logarithm; nats by default, 2 for bits.

    Returns:
        One value a row, float32 for half precision. 0 for equal rows; inf where P has mass and Q
        none; NaN for a row that is no distribution.

    Raises:
        TypeError: integers, such as labels of classes, and arrays of other frameworks.
        ValueError: an unknown `inputs`; lengths that differ.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from relentropy.jax import relative_entropy_loss
        >>> target, logits = jnp.array([[0.5, 0.5, 0.0]]), jnp.zeros((1, 3))
        >>> loss = relative_entropy_loss(target, logits, inputs=("probs", "logits"))
        >>> [round(float(x), 4) for x in loss]
        [0.4055]

    `optax.losses.kl_divergence(log_q, p)` is the same quantity with the second distribution
    first, as a logarithm; the targets are probabilities, of which NaN comes where one is 0 and
    so is the prediction. Here the order is D(P||Q) and `inputs` says what is a logarithm.

    Source: Kullback & Leibler, "On Information and Sufficiency", Ann. Math. Statist. 22 (1951),
    eq. 2.4.

    """
    kinds = kinds_of(inputs)
    p, q = _array_of(p, "p"), _array_of(q, "q")
    where = where if where is None else jnp.asarray(where)
    values: jax.Array = divergence_of_rows(p, q, kinds, axis=axis, where=where, base=base)[0]
    return values


def _array_of(x: Any, name: str) -> jax.Array:
    """An array of JAX, or of NumPy as data loaders give it, in floating point."""
    if not isinstance(x, list | tuple) and _array.framework(x) not in ("jax", "numpy"):
        raise TypeError(
            f"{name} is {type(x).__name__}; expected an array of JAX or NumPy: inputs= says what "
            "its numbers are"
        )
    array = jnp.asarray(x)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{name} has dtype {array.dtype}; expected floating point. For labels of classes "
            "D(p||q) is optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels); "
            "as distributions they are jax.nn.one_hot(labels, K), with inputs=('probs', ...)"
        )
    return array


def _register_discrete(kind: type[Discrete]) -> None:
    def unflatten(static: tuple[Any, Any], children: Iterable[Any]) -> Discrete:
        # JAX puts anything into a tree, even None: nothing is looked at here.
        x = object.__new__(kind)
        x.labels, x.validate = static
        (x.values,) = children
        return x

    register_pytree_with_keys(
        kind,
        lambda x: (((GetAttrKey("values"), x.values),), (x.labels, x.validate)),
        unflatten,
        lambda x: ((x.values,), (x.labels, x.validate)),
    )


def _register_parametric(kind: type[Parametric]) -> None:
    def unflatten(static: tuple[Any, Any], children: Iterable[Any]) -> Parametric:
        names, others = static
        x = object.__new__(kind)
        for name, value in (*zip(names, children, strict=True), *others, ("plain", False)):
            object.__setattr__(x, name, value)
        if isinstance(x, PoissonProcess) and x.interval:
            object.__setattr__(x, "interval", (x.begin, x.end))
        return x

    def flatten_with_keys(x: Parametric) -> tuple[list[tuple[GetAttrKey, Any]], tuple[Any, Any]]:
        children, static = _flattened(x)
        return [(GetAttrKey(n), c) for n, c in zip(static[0], children, strict=True)], static

    register_pytree_with_keys(kind, flatten_with_keys, unflatten, _flattened)


def _flattened(x: Parametric) -> tuple[list[Any], tuple[Any, Any]]:
    """Parameters and components; beside them their names, and what is static."""
    held = dict(sorted(vars(x).items()))
    held.pop("plain")
    if held.get("interval"):
        held["interval"] = ("begin", "end")  # where its ends stand already, each a leaf
    names = tuple(name for name in held if _is_child(x, name, held[name]))
    others = tuple((name, value) for name, value in held.items() if name not in names)
    return [held[name] for name in names], (names, others)


def _is_child(x: Parametric, name: str, value: Any) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    nested = bool(parts) and all(isinstance(part, Parametric) for part in parts)
    parameter = name in x.domains or name == "weights"
    return nested or (parameter and not callable(value))


def _parametric(kind: type[Parametric] = Parametric) -> Iterator[type[Parametric]]:
    for child in kind.__subclasses__():
        yield child
        yield from _parametric(child)


def _is_registered(kind: type) -> bool:
    return not all_leaves([object.__new__(kind)])


def _register() -> None:
    """Make pytrees of all kinds that are none yet."""
    for module in iter_modules(distributions.__path__):
        import_module(f"relentropy.distributions.{module.name}")
    for discrete in (Probs, LogProbs, Logits, Counts):
        if not _is_registered(discrete):
            _register_discrete(discrete)
    for family in _parametric():
        if family is not LogDensity and not _is_registered(family):
            _register_parametric(family)


_register()
