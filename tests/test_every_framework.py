"""A full run in which a framework ran no test at all has failed, whatever its tests say."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import backends

TESTS = Path(__file__).parent
RUN = """
def test_something(numpy_backend, {others}):
    assert numpy_backend.name == "numpy"
"""


def full_run(folder: Path, others: list[str]) -> subprocess.CompletedProcess[str]:
    """Of a project with the rules of this one and a single test."""
    (folder / "tests").mkdir()
    for name in ("__init__.py", "conftest.py", "backends.py"):
        shutil.copy(TESTS / name, folder / "tests" / name)
    shutil.copy(TESTS.parent / "pyproject.toml", folder)
    fixtures = ", ".join(f"{name}_backend" for name in others)
    (folder / "tests" / "test_one.py").write_text(RUN.format(others=fixtures), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("others", [[], ["torch", "jax", "tensorflow"]], ids=len)
def test_a_framework_that_ran_nothing_fails_the_run(tmp_path: Path, others: list[str]) -> None:
    done = full_run(tmp_path, others)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    for name in backends.NAMES:
        missing = name not in ("numpy", *others)
        assert (f"no test ran on {name};" in done.stdout) == missing, done.stdout


@pytest.mark.exhaustive
def test_a_run_of_all_of_them_passes(tmp_path: Path) -> None:
    done = full_run(tmp_path, [name for name in backends.NAMES if name != "numpy"])
    assert done.returncode == 0, done.stdout + done.stderr
