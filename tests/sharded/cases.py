"""Rows of logits of one length, one kind of trouble each, and how ranks may split them."""

import numpy as np

INF = float("inf")
K = 24
SPLITS = {2: (0, 5, K), 4: (0, 7, 7, 20, K)}
"""Where the cells of each rank begin: uneven, and one of four ranks has none."""

EVEN = {n: tuple(range(0, K + 1, K // n)) for n in (1, 2, 4)}
"""JAX cuts evenly."""


def table() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rows by name, P and Q; all numbers but those near equality are of few digits."""
    rng = np.random.default_rng(5)
    a, b = np.round(rng.normal(0, 3, (2, K)) * 8) / 8
    near = a + np.round(rng.normal(0, 2, K)) / 1024
    first, last = np.arange(K) < 12, np.arange(K) >= 20
    some = rng.random(K) < 0.3
    return {
        "random": (a, b),
        "far apart": (40 * a, 40 * b),
        "close": (a, near),
        "close, common offset": (a, near + 64),
        "large common offset": (a - 10_000, b + 10_000),
        "equal": (a, a),
        "equal, common offset": (a, a + 7),
        "masked alike": (np.where(some, -INF, a), np.where(some, -INF, b)),
        "masked in P": (np.where(some, -INF, a), b),
        "no P in the first cells": (np.where(first, -INF, a), b),
        "nothing in the last cells": (np.where(last, -INF, a), np.where(last, -INF, b)),
        "nothing in the first cells": (np.where(first, -INF, a), np.where(first, -INF, b)),
        "P in one cell": (np.where(np.arange(K) == 3, a, -INF), b),
        "P nearly in one cell": (np.where(np.arange(K) == 3, 200.0, a), a),
        "P almost nowhere in the last cells": (np.where(last, -800.0, a), b),
        "Q almost nowhere in the last cells": (a, np.where(last, -800.0, b)),
        "masked in Q": (a, np.where(some, -INF, b)),
        "no Q in the last cells": (a, np.where(last, -INF, b)),
        "no Q in one cell where P underflows": (
            np.where(last, -1000.0, a),
            np.where(np.arange(K) == 21, -INF, b),
        ),
        "disjoint": (np.where(first, -INF, a), np.where(first, b, -INF)),
        "NaN in P": (np.where(np.arange(K) == 22, np.nan, a), b),
        "NaN in Q": (a, np.where(np.arange(K) == 1, np.nan, b)),
        "+inf in P": (np.where(np.arange(K) == 1, INF, a), b),
        "+inf in Q": (a, np.where(np.arange(K) == 22, INF, b)),
        "no P": (np.full(K, -INF), b),
        "no Q": (a, np.full(K, -INF)),
    }


INVALID = ("NaN in P", "NaN in Q", "+inf in P", "+inf in Q", "no P", "no Q")
NAMES = tuple(table())


def stacked() -> tuple[np.ndarray, np.ndarray]:
    """All rows of P and all rows of Q, (rows, K), in the order of `NAMES`."""
    p, q = zip(*table().values(), strict=True)
    return np.stack(p), np.stack(q)
