"""The table of moves: both sides of every row run, and are what the page says."""

import builtins
import functools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import backends
from tests.docs.pages import ROOT, Reader, blocks
from tests.tools import quiet_imports

PAGE = ROOT / "docs" / "moving.md"
HEADER = ["There", "gives", "Here", "gives", "Why"]
SECTIONS = (
    "SciPy",
    "PyTorch: kl_div and KLDivLoss",
    "torch.distributions",
    "JAX",
    "Optax",
    "Keras",
    "TensorFlow Probability",
    "tinygrad",
)
# The section that has to be read before.
AFTER = {"torch.distributions": "PyTorch: kl_div and KLDivLoss", "Optax": "JAX"}


@dataclass(frozen=True)
class Row:
    """What is written and comes out there, and here; and why."""

    section: str
    there: str
    there_gives: str
    here: str
    here_gives: str
    why: str


def rows() -> Iterator[Row]:
    section = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        if not line.startswith("|") or line.startswith("|---"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == len(HEADER), line
        if cells != HEADER:
            *code, why = cells
            assert all(re.fullmatch("`[^`]+`", cell) for cell in code), line
            yield Row(section, *(cell.strip("`") for cell in code), why)


ROWS = list(rows())


@functools.cache
def names_of(section: str) -> dict[str, Any]:
    """What a reader has who read the blocks at the top and those of the section."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines, start=1) if line.startswith("## ")]
    reader = Reader(PAGE, Path())
    reader.names |= names_of(AFTER[section]) if section in AFTER else {}
    if section == "tinygrad":
        backends.backend("tinygrad")  # chooses a compiler
    for block in blocks(PAGE):
        opened = max((line for line in starts if line < block.line), default=0)
        title = lines[opened - 1].removeprefix("## ") if opened else ""
        if title == section or (not title and section not in AFTER):
            with quiet_imports(without_tensorflow="tensorflow_probability" in block.text):
                exec(compile(block.text, f"{PAGE}:{block.line}", "exec"), reader.names)
    return reader.names


@pytest.fixture
def names(row: Row) -> dict[str, Any]:
    try:
        return names_of(row.section)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error}: pip install '.[test]'")


def outcome(code: str, names: dict[str, Any]) -> Any:
    """The value as an array, or the class of the exception."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return array(eval(code, names))
    except Exception as error:
        return type(error)


def array(x: Any) -> Any:
    """Any framework's array, as NumPy's."""
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x)


def assert_gives(found: Any, shown: str) -> None:
    """The four digits that are shown, or the exception."""
    if hasattr(builtins, shown) and isinstance(getattr(builtins, shown), type):
        assert found is getattr(builtins, shown)
        return
    assert isinstance(found, np.ndarray), found
    expected = np.array(eval(shown, {"inf": np.inf, "nan": np.nan}))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=5e-4, atol=0)


def assert_relation(code: str, names: dict[str, Any]) -> None:
    """What the last column says of the two values."""
    left, equals, right = code.partition(" == ")
    if equals:
        a, b = (array(eval(side, names)) for side in (left, right))
        np.testing.assert_allclose(a, np.broadcast_to(b, a.shape), rtol=1e-6)
    else:
        assert eval(code, names)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}: {row.there} | {row.here}")
def test_a_row_gives_what_it_shows(row: Row, names: dict[str, Any]) -> None:
    there, here = outcome(row.there, names), outcome(row.here, names)
    assert_gives(there, row.there_gives)
    assert_gives(here, row.here_gives)
    for code in re.findall("`([^`]+)`", row.why):
        if re.search(r"\b(t?here)\b", code):
            assert_relation(code, names | {"there": there, "here": here})
    if row.why.startswith("the same"):
        np.testing.assert_allclose(here, there, rtol=1e-6, atol=0)


def test_every_section_has_rows() -> None:
    assert tuple(dict.fromkeys(row.section for row in ROWS)) == SECTIONS


@pytest.mark.parametrize("kind", ["none", "mean", "batchmean", "sum"])
def test_every_reduction_of_pytorch_has_a_row(kind: str) -> None:
    code = " ".join(row.there for row in ROWS if row.section.startswith("PyTorch"))
    assert f'reduction="{kind}"' in code or (kind == "mean" and "F.kl_div(Q.log(), P)" in code)


def test_every_divergence_of_optax_has_a_row() -> None:
    losses = pytest.importorskip("optax.losses", reason="pip install '.[test]'")
    code = " ".join(row.there for row in ROWS if row.section == "Optax")
    for name in dir(losses):
        if "kl_div" in name:
            assert re.search(rf"\b{name}\(", code), name
