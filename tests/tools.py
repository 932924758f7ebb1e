"""Tools that a test needs beside Python packages."""

import os
import shutil

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
