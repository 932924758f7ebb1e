"""Changes of variable of PyTorch and NumPyro, which have the same names, as our bijections."""

from collections.abc import Callable, Iterable
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


def steps(t: Any, convert: Convert = lambda x: x) -> Steps | None:
    """A transform as bijections, the first to be applied first; None for one that we don't have.

    `convert` reads the parameters.
    """
    name = type(t).__name__
    if name == "ComposeTransform":
        return joined(steps(part, convert) for part in t.parts)
    if name == "IndependentTransform":
        return steps(t.base_transform, convert)
    if name == "IdentityTransform":
        return ()
    if name == "_InverseTransform":
        inner = t.inv
        while type(inner).__name__ == "IndependentTransform":
            inner = inner.base_transform
        inverse = INVERSES.get(type(inner).__name__)
        return None if inverse is None else inverse(inner, convert)
    if name == "AbsTransform":
        raise TypeError(
            "AbsTransform is not one to one, so that a density is not carried over point by "
            "point; write HalfNormal or HalfCauchy, or the density of |x| as "
            "LogDensity(f, support=(0, inf))"
        )
    reader = BIJECTIONS.get(name)
    return None if reader is None else reader(t, convert)


def joined(parts: Iterable[Steps | None]) -> Steps | None:
    """All steps in order; None where a part has no counterpart."""
    found: list[Bijection] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return tuple(found)


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
