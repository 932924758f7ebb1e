"""Work that all workers of pytest share: starting processes takes seconds each time."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder that the first worker to ask has filled; the others wait for it."""
    root = factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / name
    done = folder / "done"
    try:
        folder.mkdir()
    except FileExistsError:
        limit = time.monotonic() + 500
        while not done.exists() and time.monotonic() < limit:
            time.sleep(0.1)
        return folder
    try:
        fill(folder)
    finally:
        done.touch()
    return folder
