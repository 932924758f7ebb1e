"""The table of families shows what its generator makes, and what the library does."""

from types import ModuleType
from typing import Any

import pytest

import relentropy
from relentropy import rule_for
from relentropy._rules import rule_between
from tests.docs.pages import ROOT
from tests.tables import family_tables as tables
from tests.tools import load_script


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    return load_script(ROOT / "docs" / "figures" / "families_table.py")


def test_the_page_is_what_the_generator_makes(generator: ModuleType) -> None:
    assert generator.PAGE.read_text(encoding="utf-8") == generator.page()


def test_every_ordered_pair_of_the_univariate_families_is_listed(generator: ModuleType) -> None:
    families = list(tables.members())
    listed = [(row["p"], row["q"]) for row in generator.rows()]
    assert listed == [(p, q) for p in families for q in families]
    assert len(families) == 39


def test_the_kinds_are_those_of_the_rules(generator: ModuleType) -> None:
    wrong = [row for row in generator.rows() if row["kind"] not in kinds(row)]
    assert not wrong


def kinds(row: dict[str, Any]) -> set[str]:
    """What answers the pair: its rule, or +inf for members that are infinitely far."""
    p, q = (
        [getattr(relentropy, row[side])(**m) for m in tables.members()[row[side]]]
        for side in ("p", "q")
    )
    found = {rule_for(a, b).kind for a in p for b in q}
    return found if found == {"support"} else {rule_between(type(p[0]), type(q[0])).kind}
