"""Write docs/families-table.md: every ordered pair of families, and how it is answered.

    python docs/figures/families_table.py

The kinds are what `rule_for` says now. Errors and times come from docs/figures/families.json
(python -m benchmarks.families), other libraries' pairs from docs/figures/peers_pairs.json
(docs/figures/peers_pairs.py).
"""

import json
import math
import statistics
from pathlib import Path
from typing import Any

import relentropy
from relentropy._rules import rule_between
from relentropy.distributions.multivariate import Multivariate

HERE = Path(__file__).parent
PAGE = HERE.parent / "families-table.md"
LETTERS = {"closed": "C", "quadrature": "Q", "summation": "S", "support": "∞"}
WORDS = {
    "closed": "closed form",
    "quadrature": "quadrature",
    "summation": "summation",
    "support": "+∞",
}
PIPE = "\\|"
PEERS = {"torch": "PyTorch", "tfp": "TFP", "numpyro": "NumPyro", "scipy": "SciPy"}

HEAD = """# The table of families

<!-- Made by docs/figures/families_table.py. -->

Every ordered pair of the {families} univariate families: how D(P‖Q) is answered, the worst relative
error against the mpmath values of `tests/tables/families.json` ({values:,} values, {finite:,} of
them finite), the time of one pair and of each pair in a batch of 1,000 on NumPy, and which of
PyTorch {torch}, TensorFlow Probability {tfp}, NumPyro {numpyro} and SciPy {scipy} answer the pair.

A pair is listed as +∞ where every combination of the table's members is infinite, because P has
mass where Q has none or because the expectation does not exist. Times are of one noisy machine:
compare them with each other.
"""


def rows() -> list[dict[str, Any]]:
    return json.loads((HERE / "families.json").read_text(encoding="utf-8"))


def peers() -> dict[str, Any]:
    return json.loads((HERE / "peers_pairs.json").read_text(encoding="utf-8"))


def truths() -> tuple[int, int]:
    """How many values the table of truths has, and how many are finite."""
    table = json.loads(
        (HERE.parents[1] / "tests" / "tables" / "families.json").read_text(encoding="utf-8")
    )
    values = [x for _, _, matrix in table["values"] for line in matrix for x in line]
    return len(values), sum(x != "inf" for x in values)


def number(x: Any) -> str:
    if x is None:
        return "–"
    return "0" if x == 0 else f"{float(x):.0e}"


def microseconds(x: float) -> str:
    return f"{x:.2g}" if x < 100 else f"{x:.0f}"


def others(p: str, q: str) -> str:
    found = [PEERS[k] for k, v in peers_found.items() if q in v["answers"].get(p, ())]
    return ", ".join(found)


def counts(table: list[dict[str, Any]]) -> str:
    lines = [
        "| answered by | pairs | worst error | one pair, median | in a batch, median |",
        "|---|---|---|---|---|",
    ]
    for kind, word in WORDS.items():
        found = [row for row in table if row["kind"] == kind]
        errors = [float(row["error"]) for row in found if row["error"] is not None]
        one, each = (statistics.median(row[name] for row in found) for name in ("one", "each"))
        worst = number(max(errors)) if errors else "–"
        times = f"{microseconds(one)} µs | {microseconds(each)} µs"
        lines.append(f"| {word} | {len(found)} | {worst} | {times} |")
    return "\n".join(lines)


def names(table: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["p"] for row in table))


def matrix(table: list[dict[str, Any]]) -> str:
    order = names(table)
    kinds = {(row["p"], row["q"]): LETTERS[row["kind"]] for row in table}
    width = max(map(len, order)) + 4
    tens = "".join(str(i // 10) if i % 10 == 0 else " " for i in range(1, len(order) + 1))
    units = "".join(str(i % 10) for i in range(1, len(order) + 1))
    lines = [" " * width + tens, " " * width + units]
    for i, p in enumerate(order, start=1):
        lines.append(f"{i:2} {p}".ljust(width) + "".join(kinds[p, q] for q in order))
    return "\n".join(lines)


def end(x: Any, p: Any) -> str:
    """An end of a support: a number, or the parameter that it is."""
    if isinstance(x, float):
        known = {math.inf: "∞", -math.inf: "−∞", math.pi: "π", -math.pi: "−π"}
        return known.get(x, f"{x:g}")
    for name, value in p.parameters().items():
        if value is x or float(value) == float(x):
            return f"`{name}`"
    return "of the parameters"


def description(name: str, member: dict[str, float]) -> str:
    family = getattr(relentropy, name)
    p = family(**member)
    parameters = ", ".join(f"`{k}`" for k in family.domains)
    if name in ("GeneralizedPareto",):
        return f"| `{name}` | {parameters} | `loc` … ∞, or `loc - scale / concentration` below 0 |"
    support = " … ".join(end(x, p) for x in p.support) if hasattr(p, "support") else "`v`"
    return f"| `{name}` | {parameters} | {support} |"


def descriptions(order: list[str]) -> str:
    table = json.loads(
        (HERE.parents[1] / "tests" / "tables" / "families.json").read_text(encoding="utf-8")
    )
    lines = ["| family | parameters | support |", "|---|---|---|"]
    return "\n".join([*lines, *(description(name, table["members"][name][0]) for name in order)])


def details(table: list[dict[str, Any]]) -> str:
    parts = []
    for p in names(table):
        lines = [
            f'<details markdown="1" id="{p.lower()}"><summary>{p} ‖ …</summary>',
            "",
            "| Q | answered by | worst error | one pair, µs | in a batch, µs | also in |",
            "|---|---|---|---|---|---|",
        ]
        of_p = [row for row in table if row["p"] == p]
        for row in of_p:
            if row["kind"] != "support":
                times = f"{microseconds(row['one'])} | {microseconds(row['each'])}"
                also = others(p, row["q"])
                kind, worst = WORDS[row["kind"]], number(row["error"])
                lines.append(f"| {row['q']} | {kind} | {worst} | {times} | {also} |")
        infinite = ", ".join(row["q"] for row in of_p if row["kind"] == "support")
        parts.append("\n".join([*lines, "", f"+∞: {infinite}." if infinite else "", "</details>"]))
    return "\n\n".join(parts)


def vectors() -> str:
    """Pairs of families of vectors and matrices that have a rule, and what is refused."""
    found = [getattr(relentropy, name) for name in relentropy.__all__ if name[0].isupper()]
    families = [f for f in found if isinstance(f, type) and issubclass(f, Multivariate)]
    lines = ["| P | Q | answered by | also in |", "|---|---|---|---|"]
    for p in families:
        for q in families:
            try:
                rule = rule_between(p, q)
            except LookupError:
                continue
            lines.append(
                f"| {p.__name__} | {q.__name__} | {rule.formula.replace('|', PIPE)} | "
                f"{others(p.__name__, q.__name__)} |"
            )
    return "\n".join(lines)


def page() -> str:
    table, (values, finite) = rows(), truths()
    versions = {name: found["version"] for name, found in peers_found.items()}
    order = names(table)
    return (
        "\n\n".join(
            [
                HEAD.format(families=len(order), values=values, finite=finite, **versions).rstrip(),
                counts(table),
                "## At a glance",
                "P in rows, Q in columns; C: closed form, Q: quadrature, S: summation.",
                f"```text\n{matrix(table)}\n```",
                "## Names, parameters, supports",
                descriptions(order),
                "## Pair by pair",
                details(table),
                "## Vectors and matrices",
                "Pairs that are not listed are refused with a `LookupError` that names "
                '`estimate(p, q, method="monte-carlo")`.',
                vectors(),
            ]
        )
        + "\n"
    )


peers_found = peers()

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
