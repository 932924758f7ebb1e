"""How much better Monte Carlo is than the plain mean of log(p/q): python -m benchmarks.monte_carlo.

For each pair the variance of the plain mean over draws of P, of the mean of w - 1 - log w over the
same (w = q/p; "k3" of reinforcement learning), and the square of the standard error that `estimate`
finds, all at the same number of draws; and how often its 95 % interval covers over many seeds.
"""

import argparse
import math
import time

import numpy as np

from relentropy import (
    Gamma,
    Mixture,
    MultivariateNormal,
    Normal,
    StudentT,
    Uniform,
    estimate,
    relative_entropy,
)

PAIRS = {
    "N(0,1) ‖ N(0.001,1)": (Normal(0, 1), Normal(1e-3, 1)),
    "N(0,1) ‖ N(1,1)": (Normal(0, 1), Normal(1, 1)),
    "N(0,1) ‖ N(30,1)": (Normal(0, 1), Normal(30, 1)),
    "N(0,1) ‖ N(0,3)": (Normal(0, 1), Normal(0, 3)),
    "N(0,2) ‖ N(0,1)": (Normal(0, 2), Normal(0, 1)),
    "StudentT(3) ‖ N(0,1)": (StudentT(3), Normal(0, 1)),
    "U(0,1) ‖ Gamma(2,1)": (Uniform(0, 1), Gamma(2, 1)),
    "two peaks ‖ N(0,1)": (Mixture([0.5, 0.5], Normal([-1.0, 1.0], 0.5)), Normal(0, 1)),
    "10 dimensions, mean 0.3 apart": (
        MultivariateNormal(np.zeros(10), np.eye(10)),
        MultivariateNormal(np.full(10, 0.3), np.eye(10)),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=300)
    options = parser.parse_args()
    print(f"{options.draws:,} draws, {options.seeds} seeds\n")
    print(f"{'pair':32}{'D':>10}{'plain/ours':>12}{'k3/ours':>12}{'covered':>9}{'ms':>7}")
    for name, (p, q) in PAIRS.items():
        plain, k3 = others(p, q, options.draws)
        truth, variances, inside = float(relative_entropy(p, q)), [], 0
        start = time.perf_counter()
        for seed in range(options.seeds):
            e = estimate(p, q, method="monte-carlo", rng=seed, draws=options.draws)
            variances.append(e.standard_error**2)
            inside += e.interval[0] <= truth <= e.interval[1]
        spent = (time.perf_counter() - start) / options.seeds * 1e3
        ours = float(np.median(variances))
        print(
            f"{name:32}{truth:10.4g}{plain / ours:12.3g}{k3 / ours:12.3g}"
            f"{100 * inside / options.seeds:8.1f}%{spent:7.1f}"
        )


def others(p: Normal, q: Normal, draws: int) -> tuple[float, float]:
    """The variances of the means of -log w and of w - 1 - log w over draws of P."""
    x = p.sample(np.random.default_rng(0), (10 * draws,))
    r = q.log_density(x) - p.log_density(x)
    with np.errstate(over="ignore"):
        k3 = np.expm1(r) - r
    return float(r.var() / draws), float(k3.var() / draws) if np.isfinite(k3).all() else math.inf


if __name__ == "__main__":
    main()
