"""The plug-in: the divergence of the two observed frequency vectors, exact and biased.

Its bias is about (K-1)/2n + (Σ p/q - 1)/2m, and it is infinite as soon as one cell of P's sample
is missing from Q's.
"""

from relentropy.methods.functionals import Array, Functional


def terms(x: Array, y: Array, n: float, m: float, functional: Functional) -> Array:
    """The cells of D(x/n, y/m)."""
    return functional.terms(x / n, y / m)
