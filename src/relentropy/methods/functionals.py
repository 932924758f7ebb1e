"""What is estimated: the divergences of two frequency vectors, as a statistician needs them.

Each is one object that knows its terms cell by cell, how it responds to one observation more
(its influence), and how large it is beside relative entropy when P is close to Q.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from relentropy._scalar import kl_div

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Functional:
    """A divergence D(P, Q) over a finite alphabet.

    Attributes:
        name: the verb that computes it exactly.
        scale: the limit of D(P, Q) / D(P‖Q) as Q tends to P. With it
            2nm/(n+m) · D(P̂, Q̂) tends to scale · χ²(K-1) when there is no drift.
        terms: (p, q) -> the non-negative cells that sum to D.
        influence: (p, q) -> the derivatives of D by the weight of each cell in P and in Q, up to
            a constant each.

    """

    name: str
    scale: float
    terms: Callable[[Array, Array], Array]
    influence: Callable[[Array, Array], tuple[Array, Array]]


def relative_entropy_terms(p: Array, q: Array) -> Array:
    """The non-negative cells p log(p/q) - p + q, +inf where q = 0 < p."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms: Array = kl_div(np, p, q)
    return terms


def _relative_entropy_influence(p: Array, q: Array) -> tuple[Array, Array]:
    return np.log(p / q), -p / q


def _jeffreys_influence(p: Array, q: Array) -> tuple[Array, Array]:
    log_ratio = np.log(p / q)
    return log_ratio - q / p, -log_ratio - p / q


def jensen_shannon_terms(p: Array, q: Array) -> Array:
    """½ p log(p/m) + ½ q log(q/m) with m = (p+q)/2, at least 0 in every cell."""
    middle = (p + q) / 2
    return (relative_entropy_terms(p, middle) + relative_entropy_terms(q, middle)) / 2


def _jensen_shannon_influence(p: Array, q: Array) -> tuple[Array, Array]:
    middle = (p + q) / 2
    return np.log(p / middle) / 2, np.log(q / middle) / 2


RELATIVE_ENTROPY = Functional(
    "relative_entropy", 1.0, relative_entropy_terms, _relative_entropy_influence
)
JEFFREYS = Functional(
    "jeffreys",
    2.0,
    lambda p, q: relative_entropy_terms(p, q) + relative_entropy_terms(q, p),
    _jeffreys_influence,
)
JENSEN_SHANNON = Functional("jensen_shannon", 0.25, jensen_shannon_terms, _jensen_shannon_influence)

FUNCTIONALS = {f.name: f for f in (RELATIVE_ENTROPY, JEFFREYS, JENSEN_SHANNON)}
