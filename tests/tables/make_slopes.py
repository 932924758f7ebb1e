"""Make the table of derivatives: python -m tests.tables.make_slopes

Writes slopes.json beside this file: for ordered pairs of families with finite D(P||Q) its
derivative with respect to each parameter of either, as a central difference of the definition in
30 digits (the difference is right to 1e-12: its step is 1e-6 of the parameter). Null where a step
to one side makes the value infinite, so that there is no derivative. `--check` compares.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

from tests.tables.integrals import FIRST, divergence
from tests.tables.laws import INF, law
from tests.tables.make_families import MEMBERS
from tests.tables.make_scaled import FIXED
from tests.tables.writing import write

TABLE = Path(__file__).with_name("slopes.json")
STEP = mpf(10) ** -6
DIGITS = 13


Named = tuple[str, dict[str, Any]]

# Where formulas take another branch, of which the derivative is easily forgotten.
SPECIAL: list[tuple[Named, Named]] = [
    (
        ("NegativeBinomial", {"total_count": 3.5, "probs": 0.4}),
        ("NegativeBinomial", {"total_count": 3.5, "probs": 0.6}),
    ),
    (
        ("Normal", {"loc": 0.5, "scale": 1.25}),
        ("Normal", {"loc": 0.5, "scale": 2}),
    ),
    (("Laplace", {"loc": 0.5, "scale": 1.25}), ("Laplace", {"loc": 0.5, "scale": 2})),
    (
        ("Gamma", {"concentration": 1, "rate": 1.5}),
        ("Weibull", {"scale": 1.25, "concentration": 1}),
    ),
    (
        ("GeneralizedPareto", {"loc": 0, "scale": 1.5, "concentration": 0}),
        ("Gamma", {"concentration": 2.5, "rate": 1.3}),
    ),
    (
        ("Gamma", {"concentration": 2.5, "rate": 1.3}),
        ("GeneralizedPareto", {"loc": -1, "scale": 1.5, "concentration": 0}),
    ),
    (
        ("ContinuousBernoulli", {"probs": 0.5}),
        ("Beta", {"concentration1": 2, "concentration0": 3}),
    ),
    (
        ("Beta", {"concentration1": 2, "concentration0": 3}),
        ("ContinuousBernoulli", {"probs": 0.5}),
    ),
    (("Uniform", {"low": 0, "high": 1}), ("ContinuousBernoulli", {"probs": 0.5})),
    (
        ("TruncatedNormal", {"loc": 0, "scale": 1, "low": 10, "high": 12}),
        ("Exponential", {"rate": 2}),
    ),
    (
        ("TruncatedNormal", {"loc": 0.5, "scale": 1, "low": 0.5, "high": 1}),
        ("Triangular", {"low": 0, "high": 2, "peak": 0.75}),
    ),
    (
        ("VonMises", {"loc": 0.5, "concentration": 2}),
        ("VonMises", {"loc": 0.5, "concentration": 3}),
    ),
    (("Chi2", {"df": 2}), ("Exponential", {"rate": 0.5})),
]


def pairs() -> list[tuple[Named, Named]]:
    """The plain members of any two families; of one family two that differ."""
    found = []
    for p, q in product(MEMBERS, MEMBERS):
        if p != "Delta":
            found.append(((p, MEMBERS[p][0]), (q, MEMBERS[q][1 if p == q else 0])))
    return found + SPECIAL


def slope(p: tuple[str, Any], q: tuple[str, Any], side: int, name: str) -> str | None:
    """A central difference towards one parameter of P (side 0) or Q (side 1)."""
    with mp.workdps(FIRST.digits):
        families, given = (p[0], q[0]), (p[1], q[1])
        x = mpf(given[side][name])
        h = STEP * (min(x, 1 - x) if name == "probs" else abs(x) or mpf(1) / 8)
        values = []
        for step in (h, -h):
            moved = [dict(g) for g in given]
            moved[side][name] = x + step
            laws = [law(f, m) for f, m in zip(families, moved, strict=True)]
            values.append(divergence(*laws, FIRST))
        if INF in values:
            return None
        return str(mp.nstr((values[0] - values[1]) / (2 * h), DIGITS))


def row(pair: tuple[Named, Named]) -> list[Any] | None:
    """[P, its parameters, Q, its parameters, {parameter: slope} of P, the same of Q]."""
    p, q = pair
    with mp.workdps(FIRST.digits):
        if divergence(law(*p), law(*q), FIRST) == INF:
            return None
    slopes = [
        {n: slope(p, q, side, n) for n in m if (family, n) not in FIXED}
        for side, (family, m) in enumerate(pair)
    ]
    return [*p, *q, *slopes]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="compare with the file")
    options = parser.parse_args()
    if options.processes == 1:
        found = list(map(row, pairs()))
    else:
        with ProcessPoolExecutor(options.processes) as pool:
            found = list(pool.map(row, pairs(), chunksize=8))
    rows = [r for r in found if r]
    return write(TABLE, rows, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
