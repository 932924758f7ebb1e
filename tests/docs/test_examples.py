"""Every example in the README, the documentation and the docstrings is executed."""

import doctest
import importlib
import shutil
from pathlib import Path

import duckdb
import pytest

from relentropy.compare import example_paths
from relentropy.frameworks import registry
from tests.docs import pages

WITH_EXAMPLES = [page for page in pages.pages() if pages.blocks(page)]


def put_two_tables(folder: Path) -> None:
    """The README speaks of the reader's own files; these stand for them."""
    for path, name in zip(example_paths(), ("january", "july"), strict=True):
        shutil.copy(path, folder / f"{name}.parquet")
        rows = f"SELECT * FROM '{path}'"
        duckdb.sql(f"COPY ({rows}) TO '{folder}/{name}.csv.gz'")


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda p: str(p.relative_to(pages.ROOT)))
def test_a_page_does_what_it_shows(page: Path, tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(pages.ROOT / "src")  # commands are typed in a checkout
    reader = pages.Reader(page, tmp_path)
    for block in pages.blocks(page):
        reader.read(block)


@pytest.mark.parametrize("name", pages.module_names())
def test_docstrings_do_what_they_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What an example registers is not there for other tests.
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    module = importlib.import_module(name)
    complaints: list[str] = []
    ran = 0
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        outcome = doctest.DocTestRunner(optionflags=pages.FLAGS).run(test, out=complaints.append)
        ran += outcome.attempted
    assert not complaints, "".join(complaints)
    assert ran, f"{name} has examples that no docstring holds"
