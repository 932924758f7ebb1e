"""Jeffreys smoothing: half an observation more in every cell of both samples.

The posterior mean of each probability under Jeffreys' prior (Krichevsky & Trofimov 1981 for its
optimality in coding). Finite, never negative, and biased: upwards near P = Q, where the noise of
few counts reads as drift, and downwards far from it. It is the better answer when the cells are
about as many as the observations and the two samples clearly differ.
"""

from relentropy.methods.functionals import Array, Functional

PRIOR = 0.5


def probabilities(counts: Array, size: float, cells: int) -> Array:
    """(x_k + 1/2) / (n + K/2)."""
    return (counts + PRIOR) / (size + PRIOR * cells)


def terms(x: Array, y: Array, n: float, m: float, cells: int, functional: Functional) -> Array:
    """The cells of D at the smoothed probabilities; each at least 0."""
    return functional.terms(probabilities(x, n, cells), probabilities(y, m, cells))
