"""Every public name explains itself, shows itself at work, and has its place in the reference."""

import inspect
import re

import pytest

import relentropy
import relentropy.compare
from tests.docs.pages import ROOT

VERBS_AND_NOUNS = [name for name in relentropy.__all__ if name not in ("__version__", "compare")]
PUBLIC = [
    *(f"relentropy.{name}" for name in relentropy.__all__ if name != "__version__"),
    *(f"relentropy.compare.{name}" for name in relentropy.compare.__all__),
]


def documented() -> list[str]:
    reference = (ROOT / "docs" / "api").glob("*.md")
    text = "\n".join(page.read_text(encoding="utf-8") for page in reference)
    return re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)


def test_the_reference_has_every_public_name_once() -> None:
    assert sorted(documented()) == sorted(PUBLIC)


@pytest.mark.parametrize("name", VERBS_AND_NOUNS)
def test_a_public_name_explains_itself_with_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(relentropy, name)) or ""
    first, _, _ = text.partition("\n")
    assert len(first) > 20, f"{name} has no docstring"
    assert ">>> " in text, f"{name} has no example"


@pytest.mark.parametrize("name", relentropy.compare.__all__)
def test_a_public_name_of_compare_explains_itself(name: str) -> None:
    assert inspect.getdoc(getattr(relentropy.compare, name))
