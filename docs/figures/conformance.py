"""Write docs/conformance.md: the worst error of every framework, dtype and derivative.

    python docs/figures/conformance.py numpy torch jax tensorflow tinygrad

measures the cells of these frameworks into docs/figures/conformance.json (a quarter of an hour for
all) and writes the page; without names it only writes the page. The cells are those that
tests/conformance/test_conformance.py holds to their bounds.
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tests import backends  # noqa: E402

backends.settle_tinygrad()

from tests.conformance import cells, verbs  # noqa: E402

PAGE = HERE.parent / "conformance.md"
DATA = HERE / "conformance.json"
TITLES = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "jax": "JAX",
    "tensorflow": "TensorFlow",
    "tinygrad": "tinygrad",
}
HEADINGS = {
    "value": "Values",
    "compiled": "Compiled values",
    "gradient": "Gradients",
    "second derivative": "Second derivatives",
}
PACKAGES = {"tensorflow": ("tensorflow", "tensorflow_cpu")}

HEAD = """# What is reached where

<!-- Made by docs/figures/conformance.py. -->

Every framework computes the same cases, and the worst relative error of each cell is below: from
the exact values, gradients and second derivatives (Hessian times a vector) that mpmath made for
`tests/tables/`, of distributions that are far apart, close to 1e-9, equal, with zeros on either
side and both, one-hot, and logits that are 24 wide. A right infinity, zero, or −∞ of a gradient
counts as 0; a wrong one, a negative value or a NaN would be listed as inf. The tests compute every
cell again and hold it to its bound: 1e-12 in float64, 1e-5 in float32 and, since half precision is
accumulated in float32, for values of float16 and bfloat16 too. Derivatives come back in the dtype
of their input, so that those of half precision are rounded to it once: 5e-4 or 4e-3 more.

Measured with {versions}.

An entry of a derivative is compared with the sizes of what it is a difference of, as
`tests/tables/make_derivatives.py` says; a value with the truth and with what the rounding of the
logarithms that came in leaves beside it (`tests/tables/make_discrete.py`).
"""


def versions() -> dict[str, str]:
    found = {}
    for name, title in TITLES.items():
        for package in PACKAGES.get(name, (name,)):
            try:
                found[name] = f"{title} {version(package)}"
            except ImportError:
                continue
    return found


def stored() -> dict[str, Any]:
    return json.loads(DATA.read_text(encoding="utf-8"))


def measure(framework: str, into: dict[str, Any]) -> None:
    xp = backends.backend(framework)
    into["versions"][framework] = versions()[framework]
    for kinds, dtype in cells.pairs():
        for quantity in cells.QUANTITIES:
            if cells.explanation(framework, kinds, quantity) is None:
                error = cells.cell(xp, kinds, dtype, quantity)
                into["cells"][cells.key(framework, kinds, dtype, quantity)] = rounded(error)
    for name, compiler in cells.other_compilers():
        for kinds, dtype in cells.IN_OTHER_COMPILERS if name == framework else ():
            error = cells.cell(xp, kinds, dtype, "compiled", compiler)
            into["compilers"][cells.key(framework, kinds, dtype, compiler)] = rounded(error)
    for verb in verbs.VERBS:
        for dtype in verbs.DTYPES:
            for quantity in verbs.quantities(framework):
                error = verbs.cell(xp, verb, dtype, quantity)
                into["verbs"][verbs.key(framework, verb, dtype, quantity)] = rounded(error)


def rounded(error: float) -> float:
    """Two digits, upwards in effect: what is said is not less than what was found."""
    return float(f"{error * 1.05:.1e}")


def shown(error: float | None, explained: str | None = None) -> str:
    if error is None:
        return LETTERS[explained or ""]
    return "0" if error == 0 else f"{error:.0e}".replace("e-0", "e-")


LETTERS = {"no derivatives": "·", "no compiler": "·", "integers": "–"}


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def worst(data: dict[str, Any]) -> list[str]:
    """The worst of each framework: values, gradients, second derivatives by dtype."""
    rows = []
    for quantity in cells.QUANTITIES:
        for dtype in cells.DTYPES:
            row = [HEADINGS[quantity], dtype]
            for framework in TITLES:
                errors = [
                    data["cells"].get(cells.key(framework, kinds, d, quantity))
                    for kinds, d in cells.pairs()
                    if d == dtype
                ]
                numbers = [e for e in errors if e is not None]
                row.append(shown(max(numbers)) if numbers else "·")
            rows.append(row)
    return table(["", "dtype", *TITLES.values()], rows)


def of_quantity(data: dict[str, Any], quantity: str) -> list[str]:
    rows = []
    for kinds, dtype in cells.pairs():
        row = ["‖".join(kinds), dtype]
        for framework in TITLES:
            error = data["cells"].get(cells.key(framework, kinds, dtype, quantity))
            row.append(shown(error, cells.explanation(framework, kinds, quantity)))
        rows.append(row)
    return table(["P‖Q", "dtype", *TITLES.values()], rows)


def of_verbs(data: dict[str, Any], quantity: str) -> list[str]:
    rows = []
    for verb in verbs.VERBS:
        row = [f"`{verb}`" if verb.isidentifier() else verb]
        for framework in TITLES:
            errors = [
                data["verbs"].get(verbs.key(framework, verb, d, quantity)) for d in verbs.DTYPES
            ]
            known = all(e is not None for e in errors)
            row.append(", ".join(map(shown, errors)) if known else "·")
        rows.append(row)
    return table(["", *TITLES.values()], rows)


def of_compilers(data: dict[str, Any]) -> list[str]:
    rows = []
    for framework, compiler in cells.other_compilers():
        row = [f"{TITLES[framework]}, {compiler}"]
        for kinds, dtype in cells.IN_OTHER_COMPILERS:
            row.append(shown(data["compilers"][cells.key(framework, kinds, dtype, compiler)]))
        rows.append(row)
    header = [f"{'‖'.join(kinds)}, {dtype}" for kinds, dtype in cells.IN_OTHER_COMPILERS]
    return table(["", *header], rows)


def page(data: dict[str, Any]) -> str:
    names = [data["versions"][framework] for framework in TITLES]
    lines = [
        HEAD.format(versions=", ".join(names[:-1]) + " and " + names[-1]),
        "## Worst cells",
        "",
    ]
    lines += worst(data)
    lines += [
        "`·`: " + " ".join(cells.EXPLAINED[k] for k in ("no derivatives", "no compiler")),
        "",
        "`–`: " + cells.EXPLAINED["integers"],
        "",
        "## What a framework cannot do",
        "",
        *LIMITS,
        "",
    ]
    for quantity in cells.QUANTITIES:
        lines += [f"## {HEADINGS[quantity]}", ""]
        if quantity == "compiled":
            lines += [COMPILED, ""]
        lines += of_quantity(data, quantity)
        if quantity == "compiled":
            lines += ["By other compilers, for some of the pairs:", "", *of_compilers(data)]
    lines += ["## The other verbs: values", "", VERBS, "", *of_verbs(data, "value")]
    lines += ["## The other verbs: gradients", "", *of_verbs(data, "gradient")]
    return "\n".join(lines)


COMPILED = (
    "By `torch.compile` (`aot_eager`, whole graph), `jax.jit`, `tf.function`, `TinyJit` (its third "
    "call, a replay)."
)
VERBS = (
    "In float64 and float32, from probabilities; joint distributions are of two variables. Entries "
    "of gradients are compared with the largest of their row, for entropies before the "
    "normalisation subtracts its mean (`tests/tables/make_verbs.py`)."
)
LIMITS = [
    "* **NumPy** has no derivatives and compiles nothing.",
    "* **PyTorch**: `torch.compile` with its own compiler needs one of C++ on the machine.",
    "* **JAX** and **TensorFlow** on the CPU flush subnormal numbers to zero, so that in float32 a "
    "probability below 1e-38 is none; their cells are held to what is right after that.",
    "* **TensorFlow** mixes no dtypes; of two floats the wider is taken here.",
    "* **tinygrad** has no vmap, and compiles each new shape for a second or more, `chernoff` for "
    "ten. bfloat16 needs clang 16 or its interpreter. Its exp and log are not used as they are, "
    "and log1p and expm1 it has not: ours stay within 1, 2.5, 4 and 3 units in the last place.",
    "* Families of distributions and `relentropy.rl` run on NumPy, PyTorch and JAX, and say so "
    "to the others.",
]


def main() -> int:
    for framework in sys.argv[1:]:
        found: dict[str, Any] = {part: {} for part in PARTS}
        measure(framework, found)
        before = stored() if DATA.exists() else {}
        data = {part: before.get(part, {}) | found[part] for part in PARTS}
        text = json.dumps(data, indent=0, ensure_ascii=False, sort_keys=True)
        DATA.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(page(stored()), encoding="utf-8")
    return 0


PARTS = ("versions", "cells", "compilers", "verbs")


if __name__ == "__main__":
    sys.exit(main())
