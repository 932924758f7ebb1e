"""`python -m benchmarks.polynomials`: where the coefficients of the kernels come from.

Prints `relentropy/kernels/coefficients.py`. Each polynomial is the minimax one, found by Remez'
exchange in 60 digits: of all polynomials of its degree the one whose largest relative error over
the interval is smallest. Its coefficients are then rounded to the dtype; the error that is left is
printed beside them.
"""

from collections.abc import Callable
from typing import NamedTuple

import mpmath
import numpy as np
from mpmath import mpf

DIGITS = 60


class Fit(NamedTuple):
    """f ≈ P on an interval, P of the degree that each dtype needs; the error relative to f."""

    name: str
    of: str
    f: Callable[[mpf], mpf]
    interval: tuple[mpf, mpf]
    degrees: dict[str, int]


def exponential(x: mpf) -> mpf:
    """(exp(x) - 1 - x) / x²."""
    if abs(x) < mpf(10) ** -8:  # three terms leave 60 digits less than the error of the fit
        return mpf(1) / 2 + x / 6 + x * x / 24 + x**3 / 120
    return (mpmath.expm1(x) - x) / x**2


def artanh(z: mpf) -> mpf:
    """(artanh s - s) / s³ at z = s²."""
    if z < mpf(10) ** -16:
        return mpf(1) / 3 + z / 5 + z * z / 7
    s = mpmath.sqrt(z)
    return (mpmath.atanh(s) - s) / s**3


with mpmath.workdps(DIGITS):
    HALF_STEP = mpmath.log(2) / 2 * (1 + mpf(2) ** -10)
    """The remainder of a division by log 2, with room for the rounding of the quotient."""

    LARGEST_S = mpf("0.2001")
    """(m - 1)/(m + 1) for m within [2/3, 3/2]."""

    INTERVALS = (-HALF_STEP, HALF_STEP), (mpf(0), LARGEST_S**2)

FITS = [
    Fit(
        "EXPONENTIAL",
        "(exp(x) - 1 - x) / x² for |x| <= log(2)/2",
        exponential,
        INTERVALS[0],
        {"float32": 5, "float64": 10},
    ),
    Fit(
        "WEIGHT",
        "exp(x) for |x| <= log(2)/2",
        mpmath.exp,
        INTERVALS[0],
        {"float32": 6, "float64": 11},
    ),
    Fit(
        "ARTANH",
        "(artanh s - s) / s³ in z = s², |s| <= 1/5",
        artanh,
        INTERVALS[1],
        {"float32": 3, "float64": 9},
    ),
]


def minimax(fit: Fit, degree: int) -> tuple[list[mpf], mpf]:
    """The coefficients of P, and its largest relative error."""
    low, high = fit.interval
    n = degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle - half * mpmath.cos(mpmath.pi * (i + mpf(1) / 2) / n) for i in range(n)]
    grid = [low + (high - low) * i / mpf(400) for i in range(401)]
    for _ in range(8):
        rows = [
            [x**j / fit.f(x) for j in range(degree + 1)] + [mpf((-1) ** i)]
            for i, x in enumerate(nodes)
        ]
        solution = list(mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix([1] * n)))
        coefficients = solution[:-1]
        nodes, largest = exchanged(fit, coefficients, grid, n)
    return coefficients, largest


def error(fit: Fit, coefficients: list[mpf], x: mpf) -> mpf:
    return mpmath.polyval(coefficients[::-1], x) / fit.f(x) - 1


def exchanged(fit: Fit, coefficients: list[mpf], grid: list[mpf], n: int) -> tuple[list[mpf], mpf]:
    """The n extrema of the error with alternating signs, and the largest of them."""
    errors = [error(fit, coefficients, x) for x in grid]
    peaks: list[tuple[mpf, mpf]] = []
    for x, e in zip(grid, errors, strict=True):
        if peaks and (peaks[-1][1] > 0) == (e > 0):
            if abs(e) > abs(peaks[-1][1]):
                peaks[-1] = (x, e)
        else:
            peaks.append((x, e))
    while len(peaks) > n:
        peaks.pop(0 if abs(peaks[0][1]) < abs(peaks[-1][1]) else -1)
    if len(peaks) < n:
        raise ArithmeticError(f"{fit.name}: {len(peaks)} extrema instead of {n}; refine the grid")
    return [x for x, _ in peaks], max(abs(e) for _, e in peaks)


@mpmath.workdps(DIGITS)
def rounded(fit: Fit, dtype: str) -> tuple[list[float], float]:
    """The coefficients in the dtype, and the error that is left in exact arithmetic."""
    found, _ = minimax(fit, fit.degrees[dtype])
    round_to = np.dtype(dtype).type
    constants = [round_to(mpmath.nstr(c, 40)) for c in found]
    low, high = fit.interval
    worst = mpf(0)
    for i in range(801):
        x = low + (high - low) * i / mpf(800)
        value = mpmath.polyval([mpf(float(c)) for c in reversed(constants)], x)
        worst = max(worst, abs(value / fit.f(x) - 1))
    return [float(c) for c in constants], float(worst)


def main() -> None:
    print('"""Minimax polynomials of the kernels; made by `python -m benchmarks.polynomials`."""')
    for fit in FITS:
        print(f"\n# {fit.of}")
        for dtype in fit.degrees:
            constants, worst = rounded(fit, dtype)
            print(f"# Relative error {worst:.1e} in exact arithmetic.")
            print(f"{fit.name}_{dtype[5:]} = (")
            for c in constants:
                print(f"    {c!r},")
            print(")")


if __name__ == "__main__":
    main()
