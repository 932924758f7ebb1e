"""How good `estimate` is on counts: error, coverage, false alarms, speed.

    python -m benchmarks.estimate_counts [--runs 400] [errors coverage near-null alarms bins speed]

Run from a checkout: the distributions are those that the tests draw from.
Every table is Monte Carlo; the last digits move with --runs and --seed.
"""

import argparse
import math
import time

import numpy as np
from scipy.stats import chi2

from relentropy import Counts, estimate
from relentropy.methods.estimate import both_ways
from tests.methods.populations import shifted_normal, zipf


def relative_entropy(p, q):
    return float(np.sum(p * np.log(p / q)))


def dirichlet_pair(rng, cells=100, target=0.5816):
    while True:
        p, q = rng.dirichlet(np.ones(cells)), rng.dirichlet(np.full(cells, 3.0))
        if abs(relative_entropy(p, q) - target) < 0.0005:
            return p, q


def samples(p, q, n, m, runs, rng):
    return zip(rng.multinomial(n, p, runs), rng.multinomial(m, q, runs), strict=True)


def errors(runs, rng):
    print("\nErrors at K = 100, P ~ Dir(1), Q ~ Dir(3), D = .5816, n = m = N: bias / RMSE")
    print(f"{'N':>7}{'Zhang-Grabchak':>18}{'smoothing':>18}{'auto':>18}{'plug-in infinite':>18}")
    pairs = [dirichlet_pair(rng) for _ in range(8)]
    for size in (100, 300, 1000, 3000, 10_000):
        found = {"zhang-grabchak": [], "jeffreys": [], "auto": []}
        infinite = []
        for p, q in pairs:
            truth = relative_entropy(p, q)
            for x, y in samples(p, q, size, size, runs // len(pairs), rng):
                for method, gaps in found.items():
                    e = estimate(Counts(x), Counts(y), method=method, rng=rng)
                    gaps.append(e.value - truth)
                infinite.append(e.diagnostics["infinite"])
        cells = [
            f"{np.mean(g):+.3f} / {np.sqrt(np.mean(np.square(g))):.3f}" for g in found.values()
        ]
        print(f"{size:>7}" + "".join(f"{c:>18}" for c in cells) + f"{np.mean(infinite):>18.1%}")


def covered(p, q, n, m, runs, rng):
    """Coverage of the interval, of the plug-in's normal interval, and mean width over 3.92 sd."""
    truth = max(relative_entropy(p, q), 0.0)
    hits, naive, widths, values = 0, 0, [], []
    for x, y in samples(p, q, n, m, runs, rng):
        e = estimate(Counts(x), Counts(y), rng=rng)
        low, high = e.interval
        hits += low <= truth + 1e-15 and truth <= high
        naive += abs(e.diagnostics["plug_in"] - truth) <= 1.96 * e.standard_error
        widths.append(high - low)
        values.append(e.value)
    return hits / runs, naive / runs, np.mean(widths) / (3.92 * np.std(values)), np.mean(values)


def coverage(runs, rng):
    print("\nCoverage of the 95 % interval at K = 20, P ~ Dir(1), Q ~ Dir(3)")
    print(f"{'N':>7}{'coverage':>12}{'plug-in as centre':>20}{'width / 3.92 sd':>18}")
    for size in (300, 1000, 5000):
        rows = [
            covered(rng.dirichlet(np.ones(20)), rng.dirichlet(np.full(20, 3.0)), size, size,
                    runs // 4, rng)
            for _ in range(8)
        ]  # fmt: skip
        rate, naive, width, _ = np.mean(rows, axis=0)
        print(f"{size:>7}{rate:>12.3f}{naive:>20.3f}{width:>18.2f}")


def near_null(runs, rng):
    print("\nCoverage from no drift to far, N(shift, 1) in equal-mass bins of N(0, 1)")
    print(f"{'K':>4}{'n':>9}{'m':>9}{'shift':>8}{'D':>10}{'mean':>10}{'coverage':>10}{'width':>8}")
    for cells in (2, 5, 20, 100):
        for n, m in ((100, 100), (1000, 1000), (10**6, 10**6), (100, 10**6), (10**5, 1000)):
            for scaled in (0, 1, 3, 10):
                shift = scaled / math.sqrt(min(n, m))
                p, q = shifted_normal(cells, shift)
                rate, _, width, mean = covered(p, q, n, m, runs, rng)
                print(
                    f"{cells:>4}{n:>9}{m:>9}{shift:>8.3f}{max(relative_entropy(p, q), 0):>10.2g}"
                    f"{mean:>10.2g}{rate:>10.3f}{width:>8.2f}"
                )


def alarms(runs, rng):
    print("\nFalse alarms at 5 % without drift")
    print(f"{'samples':>32}{'p <= .05':>10}{'low > 0':>10}{'above floor':>13}{'2nD vs chi2':>13}")
    for name, p, n, m in (
        ("K=20, 1000 / 1000", np.full(20, 0.05), 1000, 1000),
        ("K=8, 100 / 100", np.full(8, 0.125), 100, 100),
        ("K=100, 100 / 100", np.full(100, 0.01), 100, 100),
        ("Zipf 1000, 300 / 10,000", zipf(1000), 300, 10_000),
        ("10,000 categories, 10,000 rows", np.full(10_000, 1e-4), 10_000, 10_000),
    ):
        rows = []
        for x, y in samples(p, p, n, m, runs, rng):
            e = estimate(Counts(x), Counts(y), rng=rng)
            d = e.diagnostics
            naive = 2 * n * d["plug_in"] > chi2.ppf(0.95, p.size - 1)
            rows.append(
                (d["p_value"] <= 0.05, e.interval[0] > 0, e.value > d["noise_floor"], naive)
            )
        p_value, low, floor, naive = np.mean(rows, axis=0)
        print(f"{name:>32}{p_value:>10.3f}{low:>10.3f}{floor:>13.3f}{naive:>13.3f}")


def bins(runs, rng):
    print("\nN(i/10, 1) against N(0, 1), a million rows each, 100 bins; truth i²/200 nats")
    print(f"{'i':>3}{'i²/200':>10}{'in bins':>10}{'mean':>10}{'coverage':>10}{'width':>8}")
    for i in range(7):
        p, q = shifted_normal(100, i / 10)
        rate, _, width, mean = covered(p, q, 10**6, 10**6, runs, rng)
        binned = max(relative_entropy(p, q), 0)
        print(f"{i:>3}{i * i / 200:>10.5f}{binned:>10.5f}{mean:>10.5f}{rate:>10.3f}{width:>8.2f}")


def speed(runs, rng):
    print("\nMilliseconds, best of 7")
    print(f"{'K':>8}{'n = m':>10}{'masses':>10}{'estimate':>10}{'both_ways':>11}")
    for cells, size, name in (
        (10, 10**6, "equal"),
        (100, 10**6, "equal"),
        (200, 10**6, "equal"),
        (100, 600, "equal"),
        (200, 10**5, "Zipf"),
        (1000, 10**5, "Zipf"),
        (100_000, 10**5, "Zipf"),
        (100_000, 10**6, "Dirichlet"),
    ):
        masses = {
            "equal": np.full(cells, 1 / cells),
            "Zipf": zipf(cells),
            "Dirichlet": rng.dirichlet(np.ones(cells)),
        }[name]
        x, y = (Counts(rng.multinomial(size, masses)) for _ in range(2))
        times = [best(lambda f=f, x=x, y=y: f(x, y, rng=0)) for f in (estimate, both_ways)]
        print(f"{cells:>8}{size:>10}{name:>10}{times[0]:>10.2f}{times[1]:>11.2f}")


def best(call):
    times = []
    for _ in range(7):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


TABLES = {
    "errors": errors,
    "coverage": coverage,
    "near-null": near_null,
    "alarms": alarms,
    "bins": bins,
    "speed": speed,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], metavar="TABLE")
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.tables or TABLES:
        TABLES[name](options.runs, np.random.default_rng(options.seed))


if __name__ == "__main__":
    main()
