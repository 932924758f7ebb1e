"""Which method answers for a pair of samples, and why, in a sentence."""

from typing import NamedTuple

FEW = 2.0
"""Observations per cell, of the smaller sample, below which smoothing can be the better answer.

At K = 100 and D = 0.6 the root mean square errors of the two cross between 200 and 300
observations (benchmarks/estimate_counts.py)."""

CLEAR = 0.05
"""p-value of no drift up to which smoothing is considered at all: it reads noise as drift."""

FAR = 0.5
"""Share of what smoothing reads into noise that the corrected estimate must exceed as well."""


class Choice(NamedTuple):
    """The method, the regime of the samples ("dense", "sparse", "very sparse") and the reason."""

    method: str
    regime: str
    reason: str


def choose(method: str, *, dense: bool, per_cell: float, clearly_far: bool) -> Choice:
    """Zhang–Grabchak, or smoothing where cells are very sparse and the samples clearly far apart.

    Smoothing is biased upwards by noise and, far from P = Q, downwards by shrinkage; the bias of
    Zhang–Grabchak is 0 at P = Q and grows with D where Q's sample misses cells.
    """
    regime = "dense" if dense else "sparse" if per_cell >= FEW else "very sparse"
    if method != "auto":
        return Choice(method, regime, f"{method} was asked for.")
    few = f"Only {per_cell:.2g} observations per cell"
    if dense:
        reason = (
            "Every cell is expected to hold at least 5 observations on each side: the bias that "
            "Zhang–Grabchak leaves is negligible."
        )
    elif per_cell >= FEW:
        reason = f"{per_cell:.3g} observations per cell are enough for Zhang–Grabchak."
    elif clearly_far:
        reason = f"{few} and the samples clearly differ: smoothing has the smaller error."
        return Choice("jeffreys", regime, reason)
    else:
        reason = (
            f"{few} and no large difference: smoothing would read their noise as drift, "
            "Zhang–Grabchak is 0 on average without drift."
        )
    return Choice("zhang-grabchak", regime, reason)
