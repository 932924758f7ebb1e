"""Intervals that hold far from no drift, at it, and in between.

Far away an estimate is normal with the delta method's variance. At P = Q that variance is 0 and
2 n_e D̂ + (K-1), n_e = nm/(n+m), is χ²(K-1); close by it is non-central, χ²(K-1, λ = 2 n_e D), with
mean and variance D and v₀ + c D where v₀ = (K-1)/2n_e² and c = 2/n_e. The same family serves
everywhere once c is the slope that the delta method finds: variance v₀ + c D, 2/c for n_e and
2 v₀ (2/c)² for K-1. The interval collects every D that would not find the estimate surprising.
"""

import numpy as np
from scipy.special import chdtr, chndtrinc, ndtri

EXACT_BELOW = 1e4
"""Non-central χ² is inverted exactly below this value; above, a normal with its variance serves."""


def slope(value: float, total: float, null: float, null_slope: float) -> float:
    """The c of variance(D) = null + c D, given the variance `total` found at the estimate `value`.

    Near 0 the ratio (total - null)/value is noise, so the known slope at P = Q is mixed in with
    the weight of one standard deviation of the null.
    """
    width = np.sqrt(null)
    if width < 1e-6 * null_slope:
        # No permutation changes the estimate, as when every observation is the only one of its
        # kind: what is left of the null is rounding, and says nothing about a width.
        width = null_slope
    value = max(value, 0.0)
    return float((max(total - null, 0.0) + null_slope * width) / (value + width))


def interval(value: float, null: float, slope: float, confidence: float) -> tuple[float, float]:
    """The central `confidence` interval of D for a corrected estimate `value`, which may be < 0.

    `null` is v₀ and `slope` c above. The ends are at least 0. An estimate below 0 has the interval
    of 0: samples more alike than chance makes them do not prove more than alike.
    """
    alpha = (1 - confidence) / 2
    size = 2 / slope
    freedom = 2 * null * size**2
    start = 2 * size * max(value, 0.0) + freedom
    if freedom > 0 and start < EXACT_BELOW:
        if chdtr(freedom, start) <= 1 - alpha:
            low = 0.0
        else:
            low = float(chndtrinc(start, freedom, 1 - alpha)) / (2 * size)
        high = float(chndtrinc(start, freedom, alpha)) / (2 * size)
        return low, high
    z = float(ndtri(1 - alpha))
    centre = max(value, 0.0) + z * z * slope / 2
    half = z * np.sqrt(null + slope * max(value, 0.0) + (z * slope / 2) ** 2)
    return max(centre - half, 0.0), float(centre + half)
