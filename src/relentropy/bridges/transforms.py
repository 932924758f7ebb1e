"""Changes of variable of PyTorch and NumPyro, which have the same names, as our bijections."""

from collections.abc import Callable
from typing import Any

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
Convert = Callable[[Any], Any]

ARTANH = (Affine(0.5, 0.5), Logit(), Affine(0.0, 0.5))
"""The inverse of tanh, (log(1 + y) - log(1 - y)) / 2."""


def steps(t: Any, convert: Convert = lambda x: x) -> Steps:
    """A transform as bijections, the first to be applied first; `convert` reads parameters."""
    name = type(t).__name__
    if name == "ComposeTransform":
        return tuple(step for part in t.parts for step in steps(part, convert))
    if name == "IndependentTransform":
        return steps(t.base_transform, convert)
    if name == "IdentityTransform":
        return ()
    if name == "_InverseTransform":
        inner = t.inv
        while type(inner).__name__ == "IndependentTransform":
            inner = inner.base_transform
        return _looked_up(INVERSES, type(inner).__name__, f"{type(inner).__name__}().inv")(
            inner, convert
        )
    return _looked_up(BIJECTIONS, name, name)(t, convert)


Reader = Callable[[Any, Convert], Steps]

BIJECTIONS: dict[str, Reader] = {
    "AffineTransform": lambda t, convert: (Affine(convert(t.loc), convert(t.scale)),),
    "ExpTransform": lambda t, convert: (Exp(),),
    "SigmoidTransform": lambda t, convert: (Sigmoid(),),
    "TanhTransform": lambda t, convert: (Tanh(),),
    "PowerTransform": lambda t, convert: (Power(convert(t.exponent)),),
}


def _inverse_affine(t: Any, convert: Convert) -> Steps:
    loc, scale = convert(t.loc), convert(t.scale)
    return (Affine(-loc / scale, 1 / scale),)


INVERSES: dict[str, Reader] = {
    "AffineTransform": _inverse_affine,
    "ExpTransform": lambda t, convert: (Log(),),
    "SigmoidTransform": lambda t, convert: (Logit(),),
    "TanhTransform": lambda t, convert: ARTANH,
    "PowerTransform": lambda t, convert: (Power(1 / convert(t.exponent)),),
}


def _looked_up(table: dict[str, Reader], key: str, name: str) -> Reader:
    if key in table:
        return table[key]
    if key == "AbsTransform":
        raise TypeError(
            "AbsTransform is not one to one, so that a density is not carried over point by "
            "point; write HalfNormal or HalfCauchy, or the density of |x| as "
            "LogDensity(f, support=(0, inf))"
        )
    raise TypeError(
        f"{name} has no counterpart among the bijections Affine, Exp, Log, Sigmoid, Logit, Tanh "
        "and Power"
    )
