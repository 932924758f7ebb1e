"""Make the table of nearly and far from equal members: python -m tests.tables.make_scaled

Writes scaled.json beside this file: for each family, each parameter and each dtype the relative
entropies, both ways, between a member and the same member with that parameter multiplied by a
ratio from 1e-6 to 1e6, most interestingly by 1 ± 1e-6, where formulas cancel. The parameters are
floats of the dtype, so the ratio is that of the rounded numbers, and what is stored is exact.

The truth is the integral or sum of the definition in 44 and 52 digits (closed forms, in as many,
for integers whose sums have millions of terms), kept if both agree to 1e-15. A value beyond every
float is stored as 1e+400. `--check` compares.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

from tests.tables import integrals
from tests.tables.laws import INF, law
from tests.tables.writing import write

TABLE = Path(__file__).with_name("scaled.json")
FIRST, SECOND = replace(integrals.FIRST, digits=44), replace(integrals.SECOND, digits=52)
AGREEMENT = mpf(10) ** -15
DIGITS = 18
RATIOS = (1 + 1e-6, 1 - 1e-6, 1 + 1e-3, 1 - 1e-3, 1e3, 1e-3, 1e6, 1e-6)
DTYPES = ("float64", "float32")

Member = dict[str, float]

# Exact in float32. The large ones are those at which torch 2.13 loses its digits.
MEMBERS: dict[str, list[Member]] = {
    "Normal": [{"loc": 0.5, "scale": 1.25}],
    "StudentT": [{"df": 4, "loc": 0.5, "scale": 1.25}],
    "Cauchy": [{"loc": 0.5, "scale": 1.25}],
    "Laplace": [{"loc": 0.5, "scale": 1.25}],
    "AsymmetricLaplace": [{"loc": 0.5, "scale": 1.25, "asymmetry": 1.5}],
    "Logistic": [{"loc": 0.5, "scale": 1.25}],
    "Gumbel": [{"loc": 0.5, "scale": 1.25}],
    "Moyal": [{"loc": 0.5, "scale": 1.25}],
    "LogNormal": [{"loc": 0.5, "scale": 1.25}],
    "HalfNormal": [{"scale": 1.25}],
    "HalfCauchy": [{"scale": 1.25}],
    "Exponential": [{"rate": 1.25}],
    "Gamma": [
        {"concentration": 2.5, "rate": 1.25},
        {"concentration": 10000, "rate": 1},
        {"concentration": 0.0625, "rate": 1},
    ],
    "InverseGamma": [{"concentration": 2.5, "rate": 1.25}],
    "Chi": [{"df": 3}],
    "Chi2": [{"df": 3}],
    "Weibull": [{"scale": 1.25, "concentration": 1.5}],
    "Rayleigh": [{"scale": 1.25}],
    "Maxwell": [{"scale": 1.25}],
    "InverseGaussian": [{"loc": 1.25, "concentration": 1.5}],
    "Pareto": [{"scale": 1.25, "alpha": 2.5}],
    "GeneralizedPareto": [
        {"loc": 0.5, "scale": 1.25, "concentration": 0.25},
        {"loc": 0.5, "scale": 1.25, "concentration": -0.25},
    ],
    "FisherSnedecor": [{"df1": 5, "df2": 7}],
    "TruncatedNormal": [{"loc": 0.375, "scale": 0.5, "low": 0.125, "high": 0.875}],
    "LogitNormal": [{"loc": 0.5, "scale": 1.25}],
    "Beta": [
        {"concentration1": 2, "concentration0": 3},
        {"concentration1": 10000, "concentration0": 10000},
    ],
    "Kumaraswamy": [{"concentration1": 2, "concentration0": 1.5}],
    "Uniform": [{"low": 0.25, "high": 0.75}],
    "Triangular": [{"low": 0.125, "high": 0.875, "peak": 0.375}],
    "ContinuousBernoulli": [{"probs": 0.375}],
    "VonMises": [{"loc": 0.5, "concentration": 2}],
    "Bernoulli": [{"probs": 0.375}],
    "Binomial": [{"total_count": 10, "probs": 0.375}],
    "BetaBinomial": [{"concentration1": 2, "concentration0": 3, "total_count": 10}],
    "Geometric": [{"probs": 0.375}],
    "NegativeBinomial": [{"total_count": 3.5, "probs": 0.375}],
    "Poisson": [{"rate": 3}, {"rate": 100}],
    "Zipf": [{"power": 3.5}],
}
# Supports of other whole numbers are other families of alphabets: nothing to scale.
FIXED = {("Binomial", "total_count"), ("BetaBinomial", "total_count")}


def is_valid(family: str, m: Member) -> bool:
    if family in ("Uniform", "Triangular", "TruncatedNormal"):
        return m["low"] <= m.get("peak", m["low"]) <= m["high"] and m["low"] < m["high"]
    return 0 < m.get("probs", 0.5) < 1 < m.get("power", 2)


# --- closed forms, for integers -----------------------------------------------------------------


def two_points(p: Any, q: Any) -> Any:
    return p * mp.log(p / q) + (1 - p) * mp.log((1 - p) / (1 - q))


def of_counts(family: str, p: dict[str, Any], q: dict[str, Any]) -> Any:
    """Johnson, Kemp and Kotz's means in E_P[log p - log q]; None where there is no closed form."""
    if family == "Poisson":
        return q["rate"] - p["rate"] + p["rate"] * mp.log(p["rate"] / q["rate"])
    if family in ("Bernoulli", "Binomial"):
        return p.get("total_count", 1) * two_points(p["probs"], q["probs"])
    if family == "Geometric":
        return two_points(p["probs"], q["probs"]) / p["probs"]
    if family == "NegativeBinomial" and p["total_count"] == q["total_count"]:
        return p["total_count"] * two_points(p["probs"], q["probs"]) / (1 - p["probs"])
    return None


def overflows(family: str, p: Member, q: Member) -> bool:
    """E_P of Q's exponential or power is Γ(1 + r), or more, for a ratio r of parameters."""
    if family in ("Gumbel", "Moyal"):
        return p["scale"] > 200 * q["scale"]
    return family == "Weibull" and q["concentration"] > 200 * p["concentration"]


def once(family: str, p: Member, q: Member, setting: integrals.Setting) -> Any:
    with mp.workdps(setting.digits):
        exact = [{name: mpf(x) for name, x in m.items()} for m in (p, q)]
        value = of_counts(family, *exact)
        if value is not None:
            return value
        return integrals.divergence(law(family, p), law(family, q), setting)


def truth(family: str, p: Member, q: Member) -> str:
    if p == q:
        return "0"
    if overflows(family, p, q):
        return "1e+400"
    value, again = (once(family, p, q, setting) for setting in (FIRST, SECOND))
    if again == INF:
        return "inf"
    with mp.workdps(SECOND.digits):
        if abs(value - again) > AGREEMENT * abs(again):
            raise ArithmeticError(f"{family}: {p} || {q}: {mp.nstr(value)} and {mp.nstr(again)}")
        return str(mp.nstr(again, DIGITS))


# --- the table ----------------------------------------------------------------------------------

Task = tuple[str, Member, str, float, str]


def tasks() -> Iterator[Task]:
    for family, members in MEMBERS.items():
        for member in members:
            for name in member:
                if (family, name) not in FIXED:
                    for dtype in DTYPES:
                        for ratio in RATIOS:
                            scaled = float(np.dtype(dtype).type(member[name] * ratio))
                            if is_valid(family, member | {name: scaled}):
                                yield family, member, name, scaled, dtype


def row(task: Task) -> list[Any]:
    """The task, D(P||P'), D(P'||P)."""
    family, member, name, scaled, _ = task
    other = member | {name: scaled}
    return [*task, truth(family, member, other), truth(family, other, member)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="compare with the file")
    options = parser.parse_args()
    if options.processes == 1:
        rows = [row(task) for task in tasks()]
    else:
        with ProcessPoolExecutor(options.processes) as pool:
            rows = list(pool.map(row, tasks(), chunksize=8))
    return write(TABLE, rows, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
