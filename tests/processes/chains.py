"""Markov chains in mpmath: the definitions, with so many digits that cancellation is harmless."""

from typing import Any

import numpy as np
from mpmath import mp, mpf


def exact(values: Any) -> Any:
    """Floats as the rational numbers they are, rows divided by their sums."""
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim == 1:
        x = [mpf(float(v)) for v in rows]
        return [v / mp.fsum(x) for v in x]
    return [exact(row) for row in rows]


def stationary(p: list[list[mpf]]) -> list[mpf]:
    """The solution of π P = π, Σ π = 1, for a chain with one closed class."""
    k = len(p)
    a = mp.matrix(k, k)
    for i in range(k):
        for j in range(k):
            a[j, i] = p[i][j] - (1 if i == j else 0)
    for i in range(k):
        a[k - 1, i] = 1
    b = mp.matrix(k, 1)
    b[k - 1] = 1
    return list(mp.lu_solve(a, b))


def divergence(p: list[mpf], q: list[mpf]) -> mpf:
    return mp.fsum(x * mp.log(x / y) for x, y in zip(p, q, strict=True) if x)


def rate(p: list[list[mpf]], q: list[list[mpf]]) -> mpf:
    """Σ π_i D(P_i‖Q_i)."""
    pi = stationary(p)
    return mp.fsum(w * divergence(x, y) for w, x, y in zip(pi, p, q, strict=True) if w)


def along_path(
    start_p: list[mpf], p: list[list[mpf]], start_q: list[mpf], q: list[list[mpf]], steps: int
) -> mpf:
    """D of the laws of X_0 ... X_steps by the chain rule, one step after the other."""
    total, law = divergence(start_p, start_q), start_p
    cost = [divergence(x, y) for x, y in zip(p, q, strict=True)]
    for _ in range(steps):
        total += mp.fsum(w * c for w, c in zip(law, cost, strict=True) if w)
        law = [mp.fsum(law[i] * p[i][j] for i in range(len(p))) for j in range(len(p))]
    return total
