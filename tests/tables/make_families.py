"""Make the table of relative entropies between families: python -m tests.tables.make_families

Writes families.json beside this file: the members of each family, and for every ordered pair of
families D(P||Q) of all their members, rows for P, columns for Q, in 20 digits. What the file
holds already is kept, so that an interrupted run goes on; `--fresh` begins anew, `--check`
computes everything again and compares. About a quarter of an hour on one core; `--processes 2`.

Each value is the integral or sum of the definition (`tests/tables/integrals.py`) of densities
written down once more (`tests/tables/laws.py`), computed twice, with other pieces, another order
and more digits, and kept if both agree to 1e-16. "inf" is decided by supports and tails alone.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

from tests.tables.integrals import FIRST, SECOND, Setting, divergence
from tests.tables.laws import INF, law

TABLE = Path(__file__).with_name("families.json")
AGREEMENT = mpf(10) ** -16
NEGLIGIBLE = mpf(10) ** -26
DIGITS = 20

Member = dict[str, Any]
"""Parameters by name; JSON has no infinity, so that is a word."""

# A plain member of each family, a hard one (narrow, heavy, skewed, far from the others), and more
# where a family has several faces. Supports are chosen so that each contains some of the others.
MEMBERS: dict[str, list[Member]] = {
    "Normal": [{"loc": 0.5, "scale": 1.25}, {"loc": 3, "scale": 0.01}],
    "StudentT": [
        {"df": 5, "loc": 0.2, "scale": 1.1},
        {"df": 1.5, "loc": 2, "scale": 0.1},
        {"df": 1e4, "loc": -1, "scale": 3},
    ],
    "Cauchy": [{"loc": -0.3, "scale": 0.8}, {"loc": 4, "scale": 0.01}],
    "Laplace": [{"loc": 0.3, "scale": 1}, {"loc": 0, "scale": 1e-3}],
    "AsymmetricLaplace": [
        {"loc": 0.1, "scale": 1, "asymmetry": 1.5},
        {"loc": 1, "scale": 0.1, "asymmetry": 5},
    ],
    "Logistic": [{"loc": 0.4, "scale": 0.7}, {"loc": -2, "scale": 0.02}],
    "Gumbel": [{"loc": 0.1, "scale": 2}, {"loc": 0, "scale": 1}, {"loc": 5, "scale": 0.05}],
    "Moyal": [{"loc": 0, "scale": 1.5}, {"loc": 1, "scale": 0.05}],
    "LogNormal": [{"loc": 0.2, "scale": 0.8}, {"loc": -0.5, "scale": 2.5}],
    "HalfNormal": [{"scale": 1.5}, {"scale": 0.02}],
    "HalfCauchy": [{"scale": 1.2}, {"scale": 0.01}],
    "Exponential": [{"rate": 0.7}, {"rate": 50}],
    "Gamma": [
        {"concentration": 2.5, "rate": 1.3},
        {"concentration": 0.05, "rate": 1},
        {"concentration": 1.05, "rate": 2},
        {"concentration": 1e4, "rate": 1e4},
    ],
    "InverseGamma": [{"concentration": 3, "rate": 2}, {"concentration": 0.8, "rate": 0.1}],
    "Chi": [{"df": 3}, {"df": 0.3}],
    "Chi2": [{"df": 4}, {"df": 0.2}],
    "Weibull": [{"scale": 1.2, "concentration": 1.7}, {"scale": 1, "concentration": 0.5}],
    "Rayleigh": [{"scale": 1.1}, {"scale": 0.01}],
    "Maxwell": [{"scale": 0.9}, {"scale": 20}],
    "InverseGaussian": [{"loc": 1.2, "concentration": 1.5}, {"loc": 5, "concentration": 0.05}],
    "Pareto": [{"scale": 1, "alpha": 3}, {"scale": 0.5, "alpha": 0.6}],
    "GeneralizedPareto": [
        {"loc": 0, "scale": 1, "concentration": 0.2},
        {"loc": 0, "scale": 0.375, "concentration": -0.5},
        {"loc": 0, "scale": 1.5, "concentration": 0},
        {"loc": -1, "scale": 1, "concentration": 0.9},
    ],
    "FisherSnedecor": [{"df1": 5, "df2": 7}, {"df1": 1, "df2": 1.5}],
    "TruncatedNormal": [
        {"loc": 0.3, "scale": 0.5, "low": 0.125, "high": 0.875},
        {"loc": 0, "scale": 1, "low": 10, "high": 12},
        {"loc": 0.5, "scale": 1, "low": 0, "high": 1},
        {"loc": 1, "scale": 3, "low": -20, "high": 25},
        {"loc": 0.25, "scale": 1, "low": -1, "high": "inf"},
        {"loc": 0.25, "scale": 1, "low": "-inf", "high": 1},
    ],
    "LogitNormal": [{"loc": 0.3, "scale": 0.9}, {"loc": -2, "scale": 4}],
    "Beta": [
        {"concentration1": 2, "concentration0": 3},
        {"concentration1": 0.5, "concentration0": 0.05},
        {"concentration1": 1e4, "concentration0": 1e4},
    ],
    "Kumaraswamy": [
        {"concentration1": 2, "concentration0": 1.5},
        {"concentration1": 0.2, "concentration0": 6},
    ],
    "Uniform": [{"low": 0.25, "high": 0.75}, {"low": -4, "high": 4}, {"low": 0, "high": 1}],
    "Triangular": [
        {"low": 0.125, "high": 0.875, "peak": 0.375},
        {"low": -5, "high": 5, "peak": 5},
        {"low": 0, "high": 1, "peak": 0.25},
    ],
    "ContinuousBernoulli": [{"probs": 0.3}, {"probs": 0.999999}, {"probs": 0.5}],
    "VonMises": [{"loc": 0.5, "concentration": 2}, {"loc": -3, "concentration": 50}],
    "Delta": [{"v": 1}, {"v": 0}],
    "Bernoulli": [{"probs": 0.3}, {"probs": 1e-6}],
    "Binomial": [{"total_count": 10, "probs": 0.35}, {"total_count": 1000, "probs": 0.002}],
    "BetaBinomial": [
        {"concentration1": 2, "concentration0": 3, "total_count": 10},
        {"concentration1": 0.1, "concentration0": 0.2, "total_count": 50},
    ],
    "Geometric": [{"probs": 0.3}, {"probs": 0.01}],
    "NegativeBinomial": [{"total_count": 3.5, "probs": 0.4}, {"total_count": 0.2, "probs": 0.95}],
    "Poisson": [{"rate": 3}, {"rate": 1000}],
    "Zipf": [{"power": 3.5}, {"power": 1.5}, {"power": 2.25}],
}


def once(p: tuple[str, Member], q: tuple[str, Member], setting: Setting) -> Any:
    with mp.workdps(setting.digits):
        return divergence(law(*p), law(*q), setting)


def truth(p: tuple[str, Member], q: tuple[str, Member]) -> str:
    """D(P||Q) in decimal digits; a complaint where two ways do not agree."""
    if p == q:
        return "0"
    value, again = (once(p, q, setting) for setting in (FIRST, SECOND))
    if again == INF:
        return "inf"
    with mp.workdps(SECOND.digits):
        if abs(again) < NEGLIGIBLE:
            return "0.0"  # one distribution by two names
        if abs(value - again) > AGREEMENT * abs(again):
            raise ArithmeticError(f"{p} || {q}: {mp.nstr(value, 25)} and {mp.nstr(again, 25)}")
        return str(mp.nstr(again, DIGITS))


def values(pair: tuple[str, str]) -> tuple[str, str, list[list[str]]]:
    """The matrix of a pair of families."""
    p, q = pair
    return p, q, [[truth((p, a), (q, b)) for b in MEMBERS[q]] for a in MEMBERS[p]]


def stored() -> dict[tuple[str, str], list[list[str]]]:
    """What the file holds, unless the members have changed."""
    if not TABLE.exists():
        return {}
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    same = {f for f, members in MEMBERS.items() if table["members"].get(f) == members}
    return {(p, q): m for p, q, m in table["values"] if p in same and q in same}


def text(matrices: dict[tuple[str, str], list[list[str]]]) -> str:
    members = ",\n".join(f"  {json.dumps(f)}: {json.dumps(m)}" for f, m in MEMBERS.items())
    pairs = (pair for pair in product(MEMBERS, MEMBERS) if pair in matrices)
    lines = ",\n".join(f"  {json.dumps([*pair, matrices[pair]])}" for pair in pairs)
    return f'{{"members": {{\n{members}\n}},\n"values": [\n{lines}\n]}}\n'


def made(
    pairs: list[tuple[str, str]], processes: int
) -> Iterator[tuple[str, str, list[list[str]]]]:
    if processes == 1:
        yield from map(values, pairs)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(values, pairs, chunksize=4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="keep nothing of the file")
    parser.add_argument("--check", action="store_true", help="compare with the file")
    options = parser.parse_args()
    matrices = {} if options.fresh or options.check else stored()
    missing = [pair for pair in product(MEMBERS, MEMBERS) if pair not in matrices]
    for done, (p, q, matrix) in enumerate(made(missing, options.processes)):
        matrices[p, q] = matrix
        if done % 100 == 99 and not options.check:
            TABLE.write_text(text(matrices), encoding="utf-8")
    if options.check:
        return int(text(matrices) != TABLE.read_text(encoding="utf-8"))
    TABLE.write_text(text(matrices), encoding="utf-8")
    every = [v for matrix in matrices.values() for row in matrix for v in row]
    print(f"{TABLE.name}: {len(matrices)} pairs, {len(every)} values, {every.count('inf')} inf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
