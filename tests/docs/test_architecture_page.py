"""The page on the architecture speaks of the files that exist, and of every part of the package."""

import re

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PARTS = sorted(
    path.name + ("/" if path.is_dir() else "")
    for path in (ROOT / "src" / "relentropy").iterdir()
    if path.suffix == ".py" or (path / "__init__.py").is_file()
)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_in_the_tree(part: str) -> None:
    assert re.search(rf"^  {re.escape(part)} ", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/.]+(?:\.py|/))`", PAGE))))
def test_every_file_named_exists(name: str) -> None:
    assert list(ROOT.glob(name)) or list((ROOT / "src").rglob(name.rstrip("/")))
