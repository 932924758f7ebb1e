"""The face of Keras, on each of its backends: `keras_cases.py`, run once in a process for each.

Keras takes its backend when it is first imported, so that one process cannot try two.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends import everything_is_required, installed

CASES = Path(__file__).with_name("keras_cases.py")
ROOT = CASES.parents[2]


BACKENDS = ["tensorflow", "jax", "torch"]
# A process and its imports each, and JAX compiles every operation for every shape.
ONE_BACKEND = [
    "tensorflow",
    *(pytest.param(b, marks=pytest.mark.exhaustive) for b in ("jax", "torch")),
]


@pytest.mark.parametrize("backend", ONE_BACKEND)
def test_the_cases_on_the_backend(backend: str, tmp_path: Path) -> None:
    assert passed(backend, "not exhaustive", tmp_path) > 20


@pytest.mark.exhaustive
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_slow_cases_on_the_backend(backend: str, tmp_path: Path) -> None:
    assert passed(backend, "exhaustive", tmp_path) > 5


def passed(backend: str, marks: str, home: Path) -> int:
    """The number of the cases that passed in a process with that backend; none has failed."""
    for name in ("keras", backend):
        if not installed([name]):
            pytest.skip(f"{name} is not installed: pip install '.[test]'")
    options = ["-n", "0", "-q", "-p", "no:cacheprovider", "--show-capture=no", "-m", marks]
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "KERAS_HOME": str(home),  # a floatx that somebody has set stays out
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling is most of what it does here
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, CASES],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    report = f"Keras on {backend}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, report
    assert not (everything_is_required() and "skipped" in done.stdout), report
    count = re.search(r"(\d+) passed", done.stdout)
    assert count, report
    return int(count[1])
