"""One Gaussian fitted to two peaks: by forward and by reverse relative entropy.

P is a mixture of two Gaussians, Q one Gaussian. Both divergences are integrals, taken by adaptive
quadrature and minimised over Q's mean and width. Writes docs/images/two-peaks.svg:

    python docs/figures/two_peaks.py
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.integrate import quad
from scipy.optimize import minimize

# P: 70 % round -2, 30 % round 2.5.
SHARES, MEANS, WIDTHS = (0.7, 0.3), (-2.0, 2.5), (0.8, 0.8)
REACH = (-14.0, 14.0)  # both densities are below 1e-40 outside


@dataclass(frozen=True)
class Fit:
    """A Gaussian Q, and its divergences from P and to P in bits."""

    mean: float
    width: float
    forward: float
    reverse: float


def log_gaussian(x: float, mean: float, width: float) -> float:
    """The log-density of a Gaussian."""
    return -(((x - mean) / width) ** 2) / 2 - math.log(width * math.sqrt(2 * math.pi))


def log_peaks(x: float) -> float:
    """The log-density of P."""
    high, low = sorted(
        (
            math.log(share) + log_gaussian(x, mean, width)
            for share, mean, width in zip(SHARES, MEANS, WIDTHS, strict=True)
        ),
        reverse=True,
    )
    return high + math.log1p(math.exp(low - high))


def forward(mean: float, width: float) -> float:
    """D(P‖Q) in bits."""

    def cost(x: float) -> float:
        log_p = log_peaks(x)
        return math.exp(log_p) * (log_p - log_gaussian(x, mean, width))

    return _integral(cost)


def reverse(mean: float, width: float) -> float:
    """D(Q‖P) in bits."""

    def cost(x: float) -> float:
        log_q = log_gaussian(x, mean, width)
        return math.exp(log_q) * (log_q - log_peaks(x))

    return _integral(cost)


def _integral(cost: Callable[[float], float]) -> float:
    value, _ = quad(cost, *REACH, points=(-2, 0, 2.5), epsabs=1e-12, epsrel=1e-12, limit=200)
    return float(value / math.log(2))


def fit(divergence: Callable[[float, float], float]) -> Fit:
    """The Gaussian that makes a divergence smallest."""
    start = (0.0, 0.5)  # mean and log-width
    found = minimize(
        lambda x: divergence(float(x[0]), math.exp(x[1])),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-12},
    )
    mean, width = float(found.x[0]), math.exp(found.x[1])
    return Fit(mean, width, forward(mean, width), reverse(mean, width))


def draw(covers: Fit, picks: Fit, target: Path) -> None:
    """P in grey under both fits, as an SVG whose text stays text."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "two-peaks", "font.size": 11}
    from matplotlib import pyplot

    x = np.linspace(-7, 7, 281)
    figure, panels = pyplot.subplots(1, 2, figsize=(8.4, 3.0), sharey=True)
    peaks = [math.exp(log_peaks(value)) for value in x]
    cases = (
        ("Smallest D(P‖Q): Q covers all of P", covers, "#3949ab"),
        ("Smallest D(Q‖P): Q picks one peak", picks, "#c2410c"),
    )
    for panel, (title, q, colour) in zip(panels, cases, strict=True):
        panel.fill_between(x, peaks, color="#9ca3af", alpha=0.45, linewidth=0, label="P")
        fitted = [math.exp(log_gaussian(value, q.mean, q.width)) for value in x]
        panel.plot(x, fitted, color=colour, linewidth=2, label="Q")
        panel.set_title(title, fontsize=11)
        panel.set_yticks([])
        panel.spines[["left", "right", "top"]].set_visible(False)
        panel.legend(frameon=False, loc="upper right")
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Fit, print, draw."""
    covers, picks = fit(forward), fit(reverse)
    print(covers, picks, sep="\n")
    draw(covers, picks, Path(__file__).parents[1] / "images" / "two-peaks.svg")


if __name__ == "__main__":
    main()
