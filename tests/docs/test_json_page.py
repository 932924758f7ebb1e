"""The page about the JSON names every key, and no other."""

import re
from typing import Any

import pytest

from relentropy.compare import example_paths, tables
from tests.docs.pages import ROOT

SECTIONS = ["The whole", "A column", "A direction", "A contribution"]


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return tables(*example_paths(), columns=["origin", "departure_delay"]).to_dict()


def named(section: str) -> set[str]:
    page = (ROOT / "docs" / "api" / "json.md").read_text(encoding="utf-8")
    text = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_names_every_key(result: dict[str, Any], section: str) -> None:
    column = result["columns"][0]
    found = [result, column, column["current_from_reference"], column["contributions"][0]]
    assert named(section) == set(found[SECTIONS.index(section)])


def test_the_smaller_objects_are_as_described(result: dict[str, Any]) -> None:
    column = result["columns"][0]
    assert set(column["histogram"][0]) == {"cell", "reference_mass", "current_mass"}
    assert set(column["missing"]) == set(result["rows"]) == {"reference", "current"}
    total = sum(cell["value"] for cell in column["contributions"])
    assert total == pytest.approx(column["current_from_reference"]["finite_value"], rel=1e-9)
