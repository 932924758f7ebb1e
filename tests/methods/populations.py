"""Distributions that the tests of the methods draw from, and their true divergences."""

import numpy as np
from scipy.stats import norm


def shifted_normal(cells, shift):
    """N(shift, 1) over the equal-mass bins of N(0, 1), and the masses of N(0, 1) there."""
    edges = norm.ppf(np.arange(1, cells) / cells)
    p = np.diff(norm.cdf(np.concatenate([[-np.inf], edges - shift, [np.inf]])))
    return p, np.full(cells, 1 / cells)


def zipf(cells):
    weights = 1 / np.arange(1, cells + 1)
    return weights / weights.sum()


def dirichlet_pair(seed, cells=100):
    """P ~ Dir(1) and Q ~ Dir(3) whose divergence is the published 0.5816, to 0.0005."""
    rng = np.random.default_rng(seed)
    while True:
        p, q = rng.dirichlet(np.ones(cells)), rng.dirichlet(np.full(cells, 3.0))
        if abs(relative_entropy(p, q) - 0.5816) < 0.0005:
            return p, q


def relative_entropy(p, q):
    # Exactly equal masses have no rounding to speak of.
    return 0.0 if np.allclose(p, q, rtol=1e-12, atol=0) else float(np.sum(p * np.log(p / q)))


def jensen_shannon(p, q):
    middle = (p + q) / 2
    return (relative_entropy(p, middle) + relative_entropy(q, middle)) / 2


def jeffreys(p, q):
    return relative_entropy(p, q) + relative_entropy(q, p)


TRUTHS = {
    "relative_entropy": relative_entropy,
    "jeffreys": jeffreys,
    "jensen_shannon": jensen_shannon,
}
