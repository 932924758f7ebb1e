"""Bijectors of TensorFlow Probability and of Distrax as our bijections."""

from collections.abc import Callable
from typing import Any

from relentropy import _array
from relentropy.bridges.transforms import ARTANH
from relentropy.distributions.bijections import (
    Affine,
    Bijection,
    Exp,
    Log,
    Logit,
    Power,
    Sigmoid,
    Tanh,
)

Steps = tuple[Bijection, ...]


def steps(b: Any) -> Steps:
    """A bijector as bijections, the first to be applied first."""
    name = type(b).__name__
    if name == "Chain":
        return tuple(step for part in reversed(b.bijectors) for step in steps(part))
    if name in ("Invert", "Inverse"):
        return inverse_steps(b.bijector)
    if name in WRAPPERS:
        return steps(WRAPPERS[name](b))
    return _looked_up(BIJECTIONS, _name(b))(b)


def inverse_steps(b: Any) -> Steps:
    """The inverse of a bijector as bijections."""
    name = type(b).__name__
    if name == "Chain":
        return tuple(step for part in b.bijectors for step in inverse_steps(part))
    if name in ("Invert", "Inverse"):
        return steps(b.bijector)
    if name in WRAPPERS:
        return inverse_steps(WRAPPERS[name](b))
    return _looked_up(INVERSES, _name(b))(b)


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


def _looked_up(table: dict[str, Callable[[Any], Steps]], name: str) -> Callable[[Any], Steps]:
    if name in table:
        return table[name]
    inverse = "the inverse of " if table is INVERSES else ""
    raise TypeError(
        f"{inverse}{name} has no counterpart among the bijections Affine, Exp, Log, Sigmoid, "
        "Logit, Tanh and Power"
    )


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
    "ScalarAffine": lambda b: (Affine(b.shift, b.scale),),
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
    "ScalarAffine": lambda b: (Affine(-b.shift / b.scale, 1 / b.scale),),
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
