"""Every public name explains itself, shows itself at work, and has its place in the reference."""

import ast
import importlib
import inspect
import re
import sys

import pytest

import relentropy
import relentropy.compare
import relentropy.rl
import relentropy.rl.oracle
from tests.docs.pages import ROOT

# Modules of a subject, whose public names are listed too.
SUBJECTS = [relentropy.compare, relentropy.rl, relentropy.rl.oracle]
MODULES = {module.__name__ for module in SUBJECTS}
PUBLIC = [
    f"{module.__name__}.{name}"
    for module in (relentropy, *SUBJECTS)
    for name in module.__all__
    # A constant is described where it is used.
    if name != "__version__" and not name.isupper()
]


def of_face(framework: str) -> list[str]:
    """The names in the face of a framework, read: importing one takes seconds."""
    source = (ROOT / "src" / "relentropy" / f"{framework}.py").read_text(encoding="utf-8")
    names = re.search(r"^__all__ = (\[.*\])$", source, re.MULTILINE)
    assert names, f"relentropy.{framework} has no __all__ on one line"
    return [f"relentropy.{framework}.{name}" for name in ast.literal_eval(names[1])]


PUBLIC += [name for framework in ("torch", "jax", "keras") for name in of_face(framework)]
# What somebody calls, and must see at work; the types of compare are only ever handed out.
WITH_EXAMPLES = [
    name for name in PUBLIC if name not in MODULES and not name.startswith("relentropy.compare.")
]
# Results, shown where the function that makes them is.
RESULTS = [
    "relentropy.LinearDivergences",
    "relentropy.RelativeEntropyGradients",
    "relentropy.rl.Bounds",
    "relentropy.rl.PolicyMismatch",
    "relentropy.rl.TokenMismatch",
    "relentropy.rl.TrustRegion",
    "relentropy.rl.oracle.Report",
]


def documented() -> list[str]:
    reference = (ROOT / "docs" / "api").glob("*.md")
    text = "\n".join(page.read_text(encoding="utf-8") for page in reference)
    return re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)


def test_the_reference_has_every_public_name_once() -> None:
    assert sorted(documented()) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_explains_itself(name: str) -> None:
    first, _, _ = (inspect.getdoc(found(name)) or "").partition("\n")
    assert len(first) > 20, f"{name} has no docstring"


@pytest.mark.parametrize("name", [name for name in WITH_EXAMPLES if name not in RESULTS])
def test_a_public_name_shows_itself_at_work(name: str) -> None:
    assert ">>> " in (inspect.getdoc(found(name)) or ""), f"{name} has no example"


def found(name: str) -> object:
    if name in MODULES:
        return sys.modules[name]
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)
