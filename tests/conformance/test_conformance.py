"""Every cell of docs/conformance.md is computed again and held to its bound.

Always: NumPy and TensorFlow whole, PyTorch but for its compiler, of JAX and tinygrad, which compile
each cell for seconds, the pairs of QUICK. The rest is exhaustive.
"""

import math
import os
from pathlib import Path
from typing import Any

import pytest

from tests import backends
from tests.conformance import cells, verbs
from tests.conftest import ready
from tests.tools import load_script

QUICK = {
    "jax": [(("Logits", "Logits"), "float64")],
    "tinygrad": [(("Probs", "Logits"), "float32")],
}
QUICK_VERBS = ("entropy", "rel_entr")


def is_quick(framework: str, pair: Any, quantity: str) -> bool:
    if framework in ("numpy", "tensorflow"):
        return True
    if framework == "torch" and quantity != "compiled":
        return True
    if framework == "tinygrad":
        # Without a compiler, batches of 64 rows of 64 take minutes; gradients are 16 rows of 4.
        interpreted = os.environ.get("DEV") == "PYTHON"
        if quantity == "second derivative" or (interpreted and quantity != "gradient"):
            return False
    return pair in QUICK.get(framework, [(("Probs", "LogProbs"), "float32")])


def all_cells() -> list[Any]:
    found = []
    for framework in backends.NAMES:
        for kinds, dtype in cells.pairs():
            for quantity in cells.QUANTITIES:
                if cells.explanation(framework, kinds, quantity) is None:
                    slow = not is_quick(framework, (kinds, dtype), quantity)
                    marks = [pytest.mark.exhaustive] if slow else []
                    name = f"{framework}-{'‖'.join(kinds)}-{dtype}-{quantity}"
                    cell = (framework, kinds, dtype, quantity)
                    found.append(pytest.param(*cell, marks=marks, id=name))
    return found


@pytest.mark.parametrize(("framework", "kinds", "dtype", "quantity"), all_cells())
def test_a_cell(
    request: pytest.FixtureRequest, framework: str, kinds: cells.Kinds, dtype: str, quantity: str
) -> None:
    xp = ready(request, framework)
    assert cells.cell(xp, kinds, dtype, quantity) <= cells.bound(dtype, quantity)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings(
    "ignore:.*script_method. is deprecated:DeprecationWarning"
)  # Inductor's
@pytest.mark.parametrize(("framework", "compiler"), cells.other_compilers())
@pytest.mark.parametrize(("kinds", "dtype"), cells.IN_OTHER_COMPILERS)
def test_other_compilers(
    request: pytest.FixtureRequest, framework: str, compiler: str, kinds: cells.Kinds, dtype: str
) -> None:
    xp = ready(request, framework)
    assert cells.cell(xp, kinds, dtype, "compiled", compiler) <= cells.bound(dtype, "compiled")


def all_verbs() -> list[Any]:
    found = []
    for framework in backends.NAMES:
        for verb in verbs.VERBS:
            slow = framework in ("jax", "tinygrad") and verb not in QUICK_VERBS
            marks = [pytest.mark.exhaustive] if slow else []
            found.append(pytest.param(framework, verb, marks=marks, id=f"{framework}-{verb}"))
    return found


@pytest.mark.parametrize("dtype", verbs.DTYPES)
@pytest.mark.parametrize(("framework", "verb"), all_verbs())
def test_a_verb(request: pytest.FixtureRequest, framework: str, verb: str, dtype: str) -> None:
    xp = ready(request, framework)
    for quantity in verbs.quantities(framework):
        assert verbs.cell(xp, verb, dtype, quantity) <= verbs.bound(dtype), quantity


@pytest.fixture(scope="module")
def generator() -> Any:
    return load_script(Path(__file__).parents[2] / "docs" / "figures" / "conformance.py")


def test_the_page_is_what_the_generator_makes(generator: Any) -> None:
    assert generator.PAGE.read_text(encoding="utf-8") == generator.page(generator.stored())


def test_no_cell_of_the_page_is_empty_or_over_its_bound(generator: Any) -> None:
    stored = generator.stored()
    for framework in backends.NAMES:
        for kinds, dtype in cells.pairs():
            for quantity in cells.QUANTITIES:
                error = stored["cells"].get(cells.key(framework, kinds, dtype, quantity))
                if cells.explanation(framework, kinds, quantity) is None:
                    assert 0 <= error <= cells.bound(dtype, quantity)
                else:
                    assert error is None
        for verb in verbs.VERBS:
            for dtype in verbs.DTYPES:
                for quantity in verbs.quantities(framework):
                    error = stored["verbs"][verbs.key(framework, verb, dtype, quantity)]
                    assert 0 <= error <= verbs.bound(dtype)


@pytest.mark.parametrize("value", [-1e-20, math.nan, math.inf, 0.0])
def test_a_wrong_value_is_no_cell(value: float) -> None:
    """A negative value, NaN, ∞ and 0 are worse than any bound where D = .456..."""
    row = next(r for r in cells.derivatives() if (r["name"], r["dtype"]) == ("far", "float64"))
    assert cells.error_of_value(backends.backend("numpy"), row, value, "float64") > 1e-3


def test_a_wrong_gradient_is_no_cell() -> None:
    assert cells.error_of_entry(math.nan, 1.0, 1.0) == math.inf
    assert cells.error_of_entry(math.nan, None, 1.0) == math.inf
    assert cells.error_of_entry(0.0, -math.inf, 1.0) == math.inf
    assert cells.error_of_entry(1.5, 1.0, 2.0) == 0.25
