"""The tables of derivatives hold what their scripts make, and derivatives of the definition."""

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest
from mpmath import mp, mpf

from tests import truth
from tests.conformance import cells
from tests.tables import make_derivatives, make_verbs
from tests.tables.make_derivatives import weights

STEP = mpf(10) ** -30
ROWS = [
    row
    for row in cells.derivatives()[::7]
    if row["truth"] != "inf" and -mp.inf not in row["p"] + row["q"] and 0 not in row["p"] + row["q"]
]


def definition(kinds: Sequence[str], p: Sequence[Any], q: Sequence[Any]) -> mpf:
    """Σ p log(p/q) of what the inputs describe, normalised."""
    P, Q = (weights(kind, x) for kind, x in zip(kinds, (p, q), strict=True))
    S, T = mp.fsum(P), mp.fsum(Q)
    return truth.relative_entropy([v / S for v in P], [v / T for v in Q])


def along(row: cells.Row, step: Sequence[Any], times: Any) -> mpf:
    x = [mpf(v) + times * s for v, s in zip(row["p"] + row["q"], step, strict=True)]
    return definition(row["kinds"], x[: len(row["p"])], x[len(row["p"]) :])


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{'‖'.join(r['kinds'])}-{r['name']}")
def test_gradients_are_differences_of_the_definition(row: cells.Row) -> None:
    stored = row["gradient"][0] + row["gradient"][1]
    with mp.workdps(100):
        for i, expected in enumerate(stored):
            step = [mpf(i == j) for j in range(len(stored))]
            slope = (along(row, step, STEP) - along(row, step, -STEP)) / (2 * STEP)
            assert abs(slope - expected) <= 1e-14 * abs(expected) + 1e-50


@pytest.mark.parametrize("row", ROWS[::3], ids=lambda r: f"{'‖'.join(r['kinds'])}-{r['name']}")
def test_second_derivatives_are_differences_of_the_definition(row: cells.Row) -> None:
    """Σ v H v, from three values on a line. Counts have no derivatives; v is 0 there."""
    v = make_derivatives.directions(row["kinds"], row["p"], row["q"])
    flat = [mpf(s) for side in v for s in side]
    with mp.workdps(100):
        bent = along(row, flat, STEP) - 2 * along(row, flat, 0) + along(row, flat, -STEP)
        curvature = bent / STEP**2
        stored = [mpf(s) for side in row["second"] for s in side]
        expected = mp.fsum(a * b for a, b in zip(flat, stored, strict=True))
        size = mp.fsum(abs(a * b) for a, b in zip(flat, stored, strict=True))
        assert abs(curvature - expected) <= 1e-13 * size


@pytest.mark.exhaustive
@pytest.mark.parametrize("script", [make_derivatives, make_verbs], ids=lambda m: m.__name__)
def test_the_stored_table_is_what_its_script_makes(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [script.__name__, "--check"])
    assert script.main() == 0
