"""What a test needs beside Python packages: programs, and scripts of the repository."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest


def require_tool(name: str, remedy: str) -> str:
    """The path of the program ``name``.

    Where it is missing the test skips, naming the remedy; under ``RELENTROPY_REQUIRE_ALL=1``
    (continuous integration installs everything) it fails.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"needs the program {name}; {remedy}"
    if os.environ.get("RELENTROPY_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def load_script(path: Path) -> ModuleType:
    """A script that lies outside any package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
