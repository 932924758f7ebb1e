"""Make the table of the other verbs on arrays: python -m tests.tables.make_verbs

Writes verbs.json beside this file: for each verb and dtype some pairs of distributions (rounded
to the dtype), the value, and the gradient by free inputs, which the verbs normalise. `--check`
compares with the file. Values are the definitions of tests/truth.py; gradients are central
differences of these, in so many digits that they are exact. Where a cell is 0 only the value is
listed, since each verb has conventions of its own for slopes at the boundary.

`sizes` is what the entries of a gradient are measured against, one number a side. For divergences
it is the largest entry, which is small where P and Q are close. Entropies are not small there:
their slope is what the definition has before normalising subtracts its mean.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

from tests import truth
from tests.backends import as_dtype
from tests.tables.make_derivatives import DIGITS, FLAT, NOTHING, STEP
from tests.tables.writing import write

TABLE = Path(__file__).with_name("verbs.json")
Exact = Callable[..., Any]
Cells = list[mpf]


def normalised(f: Exact) -> Exact:
    def g(*rows: Cells) -> Any:
        return f(*([v / mp.fsum(row) for v in row] for row in rows))

    return g


def cellwise(f: Exact) -> Exact:
    return lambda *rows: [f(*cells) for cells in zip(*rows, strict=True)]


def le_cam(p: Cells, q: Cells) -> mpf:
    return mp.fsum((x - y) ** 2 / (x + y) for x, y in zip(p, q, strict=True) if x + y)


def margins(p: Cells) -> tuple[Cells, Cells]:
    """Of four cells as a table of two rows and two columns."""
    return [p[0] + p[1], p[2] + p[3]], [p[0] + p[2], p[1] + p[3]]


def mutual_information(p: Cells) -> mpf:
    rows, columns = margins(p)
    return truth.relative_entropy(p, [r * c for r in rows for c in columns])


def conditional_relative_entropy(p: Cells, q: Cells) -> mpf:
    """By the chain rule."""
    return truth.relative_entropy(p, q) - truth.relative_entropy(margins(p)[0], margins(q)[0])


def chernoff(p: Cells, q: Cells) -> mpf:
    """At the root of the slope; differences by p and q need no search then (envelope theorem)."""
    both = [(x, y) for x, y in zip(p, q, strict=True) if x and y]
    low, high = mpf(0), mpf(1)
    for _ in range(400):
        a = (low + high) / 2
        slope = mp.fsum(x**a * y ** (1 - a) * mp.log(x / y) for x, y in both)
        low, high = (low, a) if slope > 0 else (a, high)
    return -mp.log(truth.affinity(p, q, low))


PAIRS: dict[str, Exact] = {
    "relative_entropy": truth.relative_entropy,
    "cross_entropy": truth.cross_entropy,
    "jeffreys": lambda p, q: truth.relative_entropy(p, q) + truth.relative_entropy(q, p),
    "jensen_shannon": truth.jensen_shannon,
    "renyi, order 1/2": lambda p, q: truth.renyi(p, q, mpf("0.5")),
    "renyi, order 2": lambda p, q: truth.renyi(p, q, 2),
    "tsallis, order 2": lambda p, q: truth.tsallis(p, q, 2),
    "bhattacharyya": truth.bhattacharyya,
    "hellinger": truth.hellinger,
    "total_variation": truth.total_variation,
    "chi_square": truth.chi_square,
    "chernoff": chernoff,
    "f_divergence (Le Cam)": le_cam,
    "conditional_relative_entropy": conditional_relative_entropy,
}
SINGLE: dict[str, Exact] = {
    "entropy": truth.entropy,
    "perplexity": lambda p: mp.exp(truth.entropy(p)),
    "surprisal": cellwise(lambda x: -mp.log(x) if x else mp.inf),
    "mutual_information": mutual_information,
    "conditional_entropy": lambda p: truth.entropy(p) - truth.entropy(margins(p)[0]),
}
ELEMENTWISE: dict[str, Exact] = {
    "rel_entr": cellwise(truth.rel_entr),
    "kl_div": cellwise(truth.kl_div),
    "entr": cellwise(lambda x: -x * mp.log(x) if x else mpf(0)),
}
ENTROPIES = ("cross_entropy", "entropy", "perplexity", "surprisal", "conditional_entropy")
RAW = PAIRS | SINGLE
EXACT = {name: normalised(f) for name, f in RAW.items()} | ELEMENTWISE
ONE_ARGUMENT = (*SINGLE, "entr")


def cases() -> Iterator[tuple[str, list[float], list[float], tuple[str, ...]]]:
    wide, q = ("float64", "float32"), [0.1, 0.2, 0.3, 0.4]
    yield "far", [0.4, 0.3, 0.2, 0.1], q, wide
    yield "skewed", [0.7, 0.2, 0.05, 0.05], [0.05, 0.15, 0.5, 0.3], wide
    yield "nearly certain", [0.97, 0.01, 0.015, 0.005], FLAT, wide
    yield "against nearly certain", FLAT, [0.01, 0.015, 0.97, 0.005], wide
    for noise, dtypes in ((1e-1, wide), (1e-3, wide), (1e-5, wide), (1e-8, wide[:1])):
        w = [v * (1 + noise * t) for v, t in zip(q, [1.0, -0.5, 0.8, -0.6], strict=True)]
        yield f"noise {noise:g}", [v / sum(w) for v in w], q, dtypes
    yield "zero in p", [0.5, 0.25, 0.25, 0.0], FLAT, wide
    yield "zero in q", FLAT, [0.5, 0.25, 0.25, 0.0], wide
    yield "zero in both", [0.5, 0.375, 0.125, 0.0], [0.25, 0.25, 0.5, 0.0], wide
    yield "one-hot in p", [0.0, 1.0, 0.0, 0.0], q, wide


CLOSE = ("noise 0.001", "noise 1e-05", "noise 1e-08")


def total(value: Any) -> mpf:
    return mp.fsum(value) if isinstance(value, list) else value


def slopes(f: Exact, sides: list[Cells]) -> list[Cells]:
    """Central differences by every cell."""
    found = []
    for k, side in enumerate(sides):
        found.append([])
        for j in range(len(side)):
            moved = []
            for sign in (1, -1):
                x = [list(s) for s in sides]
                x[k][j] += sign * STEP
                moved.append(total(f(*x)))
            found[-1].append((moved[0] - moved[1]) / (2 * STEP))
    return found


def text(x: Any) -> Any:
    return [text(v) for v in x] if isinstance(x, list) else str(float(x))


def row(verb: str, name: str, dtype: str, sides: list[list[float]]) -> dict[str, Any]:
    with truth.digits(DIGITS):
        exact = [truth.exactly(side) for side in sides]
        made = {"verb": verb, "name": name, "dtype": dtype, "sides": sides}
        made["truth"] = text(EXACT[verb](*exact))
        if all(all(side) for side in sides):
            found = slopes(EXACT[verb], exact)
            made["gradient"] = [[float(mp.chop(g, NOTHING)) for g in side] for side in found]
            before = slopes(RAW[verb], exact) if verb in ENTROPIES else found
            made["sizes"] = [size(side) for side in before]
    return made


def size(slope: Cells) -> float:
    return float(mp.nstr(mp.chop(max(map(abs, slope)), NOTHING), 3))


def rows() -> Iterator[dict[str, Any]]:
    for verb in EXACT:
        for name, p, q, dtypes in cases():
            if verb.startswith("f_divergence") and name in CLOSE:
                continue  # the caller's f is given p/q, which near 1 has few digits of p − q
            for dtype in dtypes:
                sides = [p] if verb in ONE_ARGUMENT else [p, q]
                rounded = [as_dtype(side, dtype).astype(float).tolist() for side in sides]
                yield row(verb, name, dtype, rounded)


def main() -> int:
    return write(TABLE, rows(), check="--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
