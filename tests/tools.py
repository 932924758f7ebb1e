"""What a test needs beside Python packages: programs, and scripts of the repository."""

import contextlib
import importlib.util
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
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


@contextlib.contextmanager
def quiet_imports(without_tensorflow: bool) -> Iterator[None]:
    """Imports may warn of what their own dependencies will remove.

    Where TensorFlow is loaded, TensorFlow Probability on JAX asks for TF-Keras, which it does not
    use; so TensorFlow can be hidden.
    """
    tensorflow = sys.modules.pop("tensorflow", None) if without_tensorflow else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if tensorflow is not None:
            sys.modules["tensorflow"] = tensorflow


def load_script(path: Path) -> ModuleType:
    """A script that lies outside any package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
