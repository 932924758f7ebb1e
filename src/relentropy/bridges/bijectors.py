"""Bijectors of TensorFlow Probability and of Distrax as our bijections."""

from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy.bridges.reading import in_jax
from relentropy.bridges.transforms import ARTANH, Steps, joined
from relentropy.distributions.bijections import (
    Affine,
    Exp,
    Log,
    Logit,
    Power,
    Sigmoid,
    Tanh,
)


def steps(b: Any) -> Steps | None:
    """A bijector as bijections, the first to be applied first; None for one that we don't have."""
    name = type(b).__name__
    if name == "Chain":
        return joined(steps(part) for part in reversed(b.bijectors))
    if name in ("Invert", "Inverse"):
        return inverse_steps(b.bijector)
    if name in WRAPPERS:
        return steps(WRAPPERS[name](b))
    reader = BIJECTIONS.get(_name(b))
    return None if reader is None else reader(b)


def inverse_steps(b: Any) -> Steps | None:
    """The inverse of a bijector as bijections."""
    name = type(b).__name__
    if name == "Chain":
        return joined(inverse_steps(part) for part in b.bijectors)
    if name in ("Invert", "Inverse"):
        return steps(b.bijector)
    if name in WRAPPERS:
        return inverse_steps(WRAPPERS[name](b))
    reader = INVERSES.get(_name(b))
    return None if reader is None else reader(b)


WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "Block": lambda b: b.bijector,
    "BijectorFromTFP": lambda b: b._tfp_bijector,
}
"""Distrax: each entry of the last axes; a bijector of TensorFlow Probability."""


def _name(b: Any) -> str:
    """The kind of a bijector; of a JAX function in Distrax's Lambda, that of the function."""
    if type(b).__name__ != "Lambda":
        return type(b).__name__
    function = getattr(getattr(b, "_forward", None), "__name__", "")
    return {"exp": "Exp", "log": "Log"}.get(function, "Lambda")


def scale_of(b: Any) -> Any:
    if b.scale is not None:
        return b.scale
    return _array.namespace(b.log_scale).exp(b.log_scale)


def _sigmoid(b: Any) -> Steps:
    """TensorFlow Probability's has ends, Distrax's has none."""
    low = getattr(b, "low", None)
    return (Sigmoid(),) if low is None else (Sigmoid(), Affine(low, b.high - low))


def _logit(b: Any) -> Steps:
    low = getattr(b, "low", None)
    if low is None:
        return (Logit(),)
    return Affine(-low / (b.high - low), 1 / (b.high - low)), Logit()


BIJECTIONS: dict[str, Callable[[Any], Steps]] = {
    "Identity": lambda b: (),
    "Shift": lambda b: (Affine(b.shift, 1.0),),
    "Scale": lambda b: (Affine(0.0, scale_of(b)),),
    "ScalarAffine": lambda b: (Affine(in_jax(b.shift), in_jax(b.scale)),),
    "Exp": lambda b: (Exp(),),
    "Log": lambda b: (Log(),),
    "Expm1": lambda b: (Exp(), Affine(-1.0, 1.0)),
    "Log1p": lambda b: (Affine(1.0, 1.0), Log()),
    "Sigmoid": _sigmoid,
    "Tanh": lambda b: (Tanh(),),
    "Power": lambda b: (Power(b.power),),
    "Square": lambda b: (Power(2.0),),
    "Reciprocal": lambda b: (Power(-1.0),),
}
INVERSES: dict[str, Callable[[Any], Steps]] = {
    "Identity": lambda b: (),
    "Shift": lambda b: (Affine(-b.shift, 1.0),),
    "Scale": lambda b: (Affine(0.0, 1 / scale_of(b)),),
    "ScalarAffine": lambda b: (Affine(in_jax(-b.shift / b.scale), in_jax(1 / b.scale)),),
    "Exp": lambda b: (Log(),),
    "Log": lambda b: (Exp(),),
    "Expm1": lambda b: (Affine(1.0, 1.0), Log()),
    "Log1p": lambda b: (Exp(), Affine(-1.0, 1.0)),
    "Sigmoid": _logit,
    "Tanh": lambda b: ARTANH,
    "Power": lambda b: (Power(1 / b.power),),
    "Square": lambda b: (Power(0.5),),
    "Reciprocal": lambda b: (Power(-1.0),),
}
