"""The page on the oracle shows what its generator makes, and what others have found."""

from types import ModuleType

import pytest

from tests.backends import Backend
from tests.docs.pages import ROOT
from tests.tools import load_script

SLOW = ("spread", "reducers")
NAMES = ("normals", "in use", "spread", "on-policy", "off-policy", "reducers")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    return load_script(ROOT / "docs" / "figures" / "rl_oracle.py")


@pytest.fixture(scope="module")
def page(generator: ModuleType) -> str:
    return str(generator.PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.exhaustive] if n in SLOW else []) for n in NAMES],
)
def test_tables_are_what_the_generator_makes(
    torch_backend: Backend, generator: ModuleType, page: str, name: str
) -> None:
    assert generator.shown(page, name) == generator.TABLES[name]()


def test_every_table_has_its_place(generator: ModuleType, page: str) -> None:
    assert tuple(generator.TABLES) == NAMES
    assert page.count("<!-- table: ") == len(NAMES)


def columns(generator: ModuleType, page: str, name: str) -> dict[tuple[str, ...], list[str]]:
    """Rows of a table as the page has it, by their first cells."""
    keys = {"normals": 2, "in use": 1, "spread": 1}[name]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in generator.shown(page, name).splitlines()[2:]
    ]
    return {tuple(row[:keys]): row[keys:] for row in rows}


def test_the_normals_have_schulmans_figures(generator: ModuleType, page: str) -> None:
    """As printed by Schulman (2020), bias and standard deviation over the true value."""
    published = {
        ("0.1", "k1"): (0, 20),
        ("0.1", "k2"): (0.002, 1.42),
        ("0.1", "k3"): (0, 1.42),
        ("1", "k1"): (0, 2),
        ("1", "k2"): (0.25, 1.73),
        ("1", "k3"): (0, 1.7),
    }
    found = columns(generator, page, "normals")
    for key, (bias, deviation) in published.items():
        # His k2 at 0.1, from samples, is 0.002; the integral is μ²/4 = 0.0025.
        assert float(found[key][0]) == pytest.approx(bias, abs=6e-4)
        assert float(found[key][1]) == pytest.approx(deviation, abs=5e-3)


def test_what_is_exact_and_what_is_nothing(generator: ModuleType, page: str) -> None:
    """The errors against the sequence gradient that hold for every pair of policies."""
    found = {key[0]: cells[0] for key, cells in columns(generator, page, "in use").items()}
    assert found["k1 in the loss"] == "1.00 / 1.00"
    for exact in (
        "k1 in the reward",
        "k2 of the sequence's sum",
        "whole vocabulary + score × what follows",
    ):
        assert found[exact] == "0 / 0"
    same = {
        found[name]
        for name in ("k2 in the loss", "ρ·k3 in the loss", "whole vocabulary in the loss")
    }
    assert len(same) == 1


def test_an_earlier_enumeration_met_ordinary_policies(generator: ModuleType, page: str) -> None:
    """What it found for one pair at each drift lies between the 5th and the 95th percentile."""
    earlier = {
        "k2, ρ·k3 or whole vocabulary in the loss": (0.19, 0.74),
        "k3 in the loss": (0.14, 0.95),
        "k3 in the reward": (1.01, 1.15),
    }
    found = columns(generator, page, "spread")
    for name, figures in earlier.items():
        for figure, cell in zip(figures, found[(name,)], strict=True):
            low, high = cell.partition("(")[2].removesuffix(")").split(" to ")
            assert float(low) < figure < float(high)
