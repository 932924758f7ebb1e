"""Gradients, second derivatives and compilation on each framework, in batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.backends import Backend

Function = Callable[..., Any]
"""Of p and q, a value for each row."""

COMPILERS = {
    "numpy": (),
    "torch": ("aot_eager", "inductor"),
    "jax": ("jit",),
    "tensorflow": ("function", "XLA"),
    "tinygrad": ("TinyJit",),
}
"""The way that the matrix shows first, and others."""


def compiled(xp: Backend, f: Function, compiler: str = "") -> Function:
    """`f` as the framework compiles it."""
    if xp.name == "torch":
        # Every function is another at one place: without this they count as recompilations.
        xp.module._dynamo.reset()
    if compiler == "inductor":
        return xp.module.compile(f, fullgraph=True, dynamic=False)
    if compiler == "XLA":
        return xp.module.function(f, autograph=False, jit_compile=True)
    return xp.jit(f)


def gradients(
    xp: Backend, f: Function, sides: Mapping[str, Any], wanted: Sequence[str]
) -> dict[str, Any]:
    """The gradients of the sum of f with respect to the sides that are wanted."""

    def of_wanted(*xs: Any) -> Any:
        return f(*(dict(sides) | dict(zip(wanted, xs, strict=True))).values())

    slopes = _GRADIENT[xp.name](xp, of_wanted, tuple(sides[s] for s in wanted))
    return dict(zip(wanted, slopes, strict=True))


def second_derivatives(
    xp: Backend, f: Function, sides: Mapping[str, Any], directions: Mapping[str, Any], dtype: str
) -> dict[str, Any]:
    """The Hessian times the directions, as the gradient of gradient · direction."""
    wanted = list(directions)
    steps = [xp.array(directions[s], dtype) for s in wanted]

    def of_wanted(*xs: Any) -> Any:
        return f(*(dict(sides) | dict(zip(wanted, xs, strict=True))).values())

    found = _GRADIENT[xp.name](xp, of_wanted, tuple(sides[s] for s in wanted), steps)
    return dict(zip(wanted, found, strict=True))


def _torch(xp: Any, f: Function, xs: Any, steps: Any = None) -> Any:
    grad = xp.module.autograd.grad
    xs = tuple(x.detach().clone().requires_grad_() for x in xs)
    slopes = grad(f(*xs).sum(), xs, create_graph=steps is not None)
    if steps is None:
        return slopes
    return grad(sum((g * v).sum() for g, v in zip(slopes, steps, strict=True)), xs)


def _jax(xp: Any, f: Function, xs: Any, steps: Any = None) -> Any:
    grad, every = xp.module.grad, tuple(range(len(xs)))
    slopes = grad(lambda *a: f(*a).sum(), every)
    if steps is None:
        return slopes(*xs)

    def along(*a: Any) -> Any:
        return sum((g * v).sum() for g, v in zip(slopes(*a), steps, strict=True))

    return grad(along, every)(*xs)


def _tensorflow(xp: Any, f: Function, xs: Any, steps: Any = None) -> Any:
    tf = xp.module
    with tf.GradientTape() as outer:
        outer.watch(xs)
        with tf.GradientTape() as inner:
            inner.watch(xs)
            total = tf.reduce_sum(f(*xs))
        slopes = inner.gradient(total, xs)
        if steps is None:
            return slopes
        along = sum(tf.reduce_sum(g * v) for g, v in zip(slopes, steps, strict=True))
    return outer.gradient(along, xs)


def _tinygrad(xp: Any, f: Function, xs: Any, steps: Any = None) -> Any:
    slopes = f(*xs).sum().gradient(*xs)
    if steps is None:
        return slopes
    along = sum((g * v).sum() for g, v in zip(slopes, steps, strict=True))
    return along.gradient(*xs)


_GRADIENT = {"torch": _torch, "jax": _jax, "tensorflow": _tensorflow, "tinygrad": _tinygrad}
"""The gradient with respect to xs; with steps that of its scalar product with them."""
