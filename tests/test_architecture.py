"""The arrows between the parts of the package, enforced by reading the imports.

The tree is a sentence (docs/architecture.md): a verb, over two distributions, by a rule or a
method. Each part may import the parts listed for it, itself, and nothing else of the package.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import relentropy

SOURCE = Path(relentropy.__file__).parent
FRAMEWORKS = {"torch", "jax", "tensorflow", "tinygrad", "keras", "cupy", "mlx", "array_api_compat"}
# Where a framework may be imported: behind the door, for special functions and linear algebra, and
# in code that is about one framework.
DOORS = {"frameworks", "_special", "_linalg", "bridges", "torch", "keras", "jax", "tensorflow"}

VERBS = {"_verbs", "_divergences", "_joint"}
NUMBERS = {"_array", "_scalar", "_special", "_linalg"}
ARROWS: dict[str, set[str]] = {
    "frameworks": set(),
    "_array": {"frameworks"},
    "_lazy": set(),
    "_scalar": {"_array"},
    "_special": {"_array"},
    "_linalg": {"_array"},
    "_labels": {"_array"},
    "kernels": {*NUMBERS, "distributions"},
    "distributions": {*NUMBERS, "_labels"},
    "bridges": {*NUMBERS, "_labels", "distributions"},
    "_convert": {*NUMBERS, "_labels", "distributions", "bridges"},
    "_rules": {"_array", "_convert", "distributions", "exact", "kernels", "methods"},
    "_families": {"_array", "_convert", "_rules", "distributions", "exact"},
    "exact": {*NUMBERS, "_rules", "distributions", "kernels"},
    "methods": {*NUMBERS, "_convert", "_rules", "distributions", "exact", "kernels"},
    **{
        key: {
            *VERBS,
            *NUMBERS,
            "_labels",
            "_convert",
            "_families",
            "_rules",
            "distributions",
            "exact",
            "kernels",
        }
        for key in VERBS
    },
    "_gradients": {*VERBS, "_array", "_convert", "distributions", "exact", "kernels"},
    "_sharded": {*VERBS, "_array", "distributions", "exact"},
    "_heads": {*VERBS, *NUMBERS, "_labels", "distributions"},
    "_faces": {*VERBS, "_array", "distributions"},
    **{face: {*VERBS, "_array", "_faces", "distributions"} for face in ("jax", "keras", "torch")},
    "compare": {*VERBS, "_lazy", "distributions", "methods", ""},
    "cli": {"compare", ""},
    # The package itself re-exports, lazily, everything but the program.
    "": {
        *VERBS,
        "_lazy",
        "_convert",
        "_gradients",
        "_heads",
        "_rules",
        "_sharded",
        "distributions",
        "frameworks",
        "methods",
        "compare",
        "rl",
    },
}
# A subject (rl, quantum, ...) may use these, and no other subject.
SUBJECT_ARROWS = {*VERBS, *NUMBERS, "_lazy", "distributions"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The part a file belongs to: 'exact', '_array', ...; '' for the package itself."""
    first = path.relative_to(SOURCE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted name of everything that is imported, at the top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            names = {f"{module}.{alias.name}" for alias in node.names}
            yield from names if module == "relentropy" else {module}
        elif isinstance(node, ast.Call) and _is_import_call(node):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant) and a.value)


def _is_import_call(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in ("import_module", "__import__")


def imported_part(name: str) -> str | None:
    """The part of the package that a dotted name lies in; None for another package."""
    head, _, rest = name.partition(".")
    if head != "relentropy":
        return None
    first = rest.partition(".")[0]
    known = (SOURCE / first).is_dir() or (SOURCE / f"{first}.py").is_file()
    return first if first and known else ""


def violations(part: str, source: str) -> list[str]:
    found = []
    allowed = ARROWS.get(part, SUBJECT_ARROWS) | {part}
    for name in imports(ast.parse(source)):
        target = imported_part(name)
        if target is not None and target not in allowed:
            found.append(f"{part or 'relentropy'} imports {name}")
        if name.partition(".")[0] in FRAMEWORKS and part not in DOORS:
            found.append(f"{part or 'relentropy'} imports the framework {name}")
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_follow_the_arrows(path: Path) -> None:
    if path.parent.name == "example":
        return  # a script kept beside its data, never imported
    assert violations(part_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("distributions", "from relentropy.exact import discrete"),
        ("exact", "from relentropy.methods.estimate import estimate"),
        ("exact", "def f():\n    import torch"),
        ("compare", "import relentropy.cli"),
        ("quantum", "from relentropy import coding, compare"),
        ("torch", "from relentropy.methods.estimate import estimate"),
        ("_faces", "import keras"),
        ("methods", "from importlib import import_module\nimport_module('relentropy._verbs')"),
        ("_verbs", "import jax.numpy as jnp"),
        ("_scalar", "from relentropy.distributions.discrete import Probs"),
        ("_array", "from relentropy import _scalar"),
    ],
)
def test_a_wrong_arrow_is_seen(part: str, source: str) -> None:
    assert violations(part, source)


def test_every_part_is_in_the_picture_or_a_subject() -> None:
    parts = {part_of(path) for path in modules()}
    private = {part for part in parts if part.startswith("_")}
    assert private <= set(ARROWS), "a new private module needs its arrows written down"


def test_no_module_is_called_utils() -> None:
    assert not [p for p in modules() if "util" in p.name or "helper" in p.name]
