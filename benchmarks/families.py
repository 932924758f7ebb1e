"""How every ordered pair of univariate families is answered, how well, and how fast.

    OMP_NUM_THREADS=1 python -m benchmarks.families    # writes docs/figures/families.json

For each pair: the kind of answer ("closed", "support", "quadrature" or "summation"), the worst
error against tests/tables/families.json (mpmath), the time of one pair and the time per pair in a
batch of 1,000; for closed pairs beside these the error and the time of quadrature, which must be
no better. Times are medians, in microseconds, on one core.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mpf

import relentropy
from relentropy import relative_entropy, rule_for
from relentropy._rules import rule_between
from relentropy.distributions.family import Continuous
from relentropy.distributions.integers import Integers
from relentropy.methods import relative_entropy as numbers
from tests.tables import family_tables as tables

TARGET = Path(__file__).parent.parent / "docs" / "figures" / "families.json"
BATCH = 1000
Answer = Callable[[Any, Any], Any]


def quietly(answer: Answer) -> Answer:
    """A rule called on its own, which `relative_entropy` would keep from warning."""

    def run(p: Any, q: Any) -> Any:
        with np.errstate(all="ignore"):
            return answer(p, q)

    return run


def seconds(f: Answer, p: Any, q: Any, runs: int, within: float) -> float:
    """The median time of a call; fewer runs where they would take longer than `within`."""
    f(p, q)
    times: list[float] = []
    while len(times) < runs and (sum(times) < within or not times):
        start = time.perf_counter()
        f(p, q)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def worst_error(p: str, q: str, answer: Answer) -> float | None:
    """The largest relative error over the finite values above 1e-15; inf where one is refused."""
    sides = (getattr(relentropy, p)(**tables.column(p)), getattr(relentropy, q)(**tables.row(q)))
    expected = tables.matrices()[p, q]
    try:
        values = np.broadcast_to(answer(*sides), np.shape(expected))
    except ArithmeticError:
        return float("inf")
    pairs = [(v, t) for v, t in zip(values.ravel(), chain(*expected), strict=True)]
    wrong = [v for v, t in pairs if t == "inf" and v != np.inf]
    if wrong:
        return float("inf")
    finite = [(mpf(float(v)), mpf(t)) for v, t in pairs if t != "inf" and mpf(t) > 1e-15]
    if not finite:
        return None
    return max(float(abs(v / t - 1)) if np.isfinite(float(v)) else np.inf for v, t in finite)


def example(p: str, q: str) -> tuple[int, int]:
    """The first members of the table between which D is finite, if there are any."""
    for i, line in enumerate(tables.matrices()[p, q]):
        for j, truth in enumerate(line):
            if truth != "inf":
                return i, j
    return 0, 0


def measured(p: str, q: str) -> dict[str, Any]:
    i, j = example(p, q)
    members = tables.members()[p][i], tables.members()[q][j]
    one = [getattr(relentropy, f)(**m) for f, m in zip((p, q), members, strict=True)]
    many = [
        getattr(relentropy, f)(**{name: np.full(BATCH, x) for name, x in m.items()})
        for f, m in zip((p, q), members, strict=True)
    ]
    kind = rule_between(type(one[0]), type(one[1])).kind
    reasons = rule_for(*one).kind
    row = {
        "p": p,
        "q": q,
        "kind": "support" if reasons == "support" else kind,
        "error": worst_error(p, q, relative_entropy),
        "one": round(1e6 * seconds(relative_entropy, *one, runs=9, within=0.05), 1),
        "each": round(1e6 / BATCH * seconds(relative_entropy, *many, runs=5, within=0.1), 3),
    }
    if row["kind"] == "closed":
        row |= by_numbers(p, q, many)
    return row


def by_numbers(p: str, q: str, many: list[Any]) -> dict[str, Any]:
    """What quadrature or summation would have reached, for the same members."""
    if all(isinstance(f, Continuous) for f in many):
        rule: Answer = numbers.relative_entropy_by_quadrature
    elif all(isinstance(f, Integers) for f in many):
        rule = numbers.relative_entropy_by_summation
    else:
        return {}
    answer = quietly(rule)
    return {
        "numbers_error": worst_error(p, q, answer),
        "numbers_each": round(1e6 / BATCH * seconds(answer, *many, runs=1, within=0.0), 1),
    }


def losers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Closed pairs that quadrature answers better by more than rounding, or faster."""
    return [
        row
        for row in rows
        if row.get("numbers_error") is not None
        and row["error"] is not None
        and (
            row["error"] > max(10 * row["numbers_error"], 1e-11)
            or row["each"] > row["numbers_each"]
        )
    ]


def summary(rows: list[dict[str, Any]]) -> str:
    lines = []
    for kind in sorted({row["kind"] for row in rows}):
        found = [row for row in rows if row["kind"] == kind]
        errors = [row["error"] for row in found if row["error"] is not None]
        each = statistics.median(row["each"] for row in found)
        one = statistics.median(row["one"] for row in found)
        worst = f"{max(errors):.1e}" if errors else "-"
        lines.append(f"{kind:11} {len(found):5} {worst:>9} {one:9.0f} us one {each:8.2f} us each")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", help="families that are P, divided by commas; nothing is written")
    families = list(tables.members())
    chosen = parser.parse_args().only
    first = chosen.split(",") if chosen else families
    rows = []
    for p in first:
        rows += [measured(p, q) for q in families]
        print(p, flush=True)
    print(summary(rows))
    for row in losers(rows):
        print("closed, and no better:", row)
    if not chosen:
        text = ",\n".join(json.dumps(row).replace("Infinity", '"inf"') for row in rows)
        TARGET.write_text(f"[\n{text}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
