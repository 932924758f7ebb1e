"""`import relentropy` is light: no numerical library, no framework, until something needs it."""

import json
import subprocess
import sys
from typing import Any

import pytest

import relentropy

HEAVY = {
    "numpy",
    "scipy",
    "numba",
    "torch",
    "jax",
    "keras",
    "optax",
    "tensorflow",
    "tinygrad",
    "array_api_compat",
    "pandas",
    "polars",
    "pyarrow",
    "narwhals",
    "duckdb",
    "rich",
    "click",
    "jinja2",
}


def loaded_after(code: str) -> dict[str, Any]:
    """The heavy modules that a fresh interpreter has after running the code."""
    program = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    # -I keeps the environment out; site stays, because an editable install needs it.
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])} & HEAVY


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import relentropy") == loaded_after("") == set()


def test_looking_around_loads_nothing_heavy() -> None:
    assert loaded_after("import relentropy\ndir(relentropy)\nrelentropy.__version__") == set()


def test_a_list_needs_numpy_alone() -> None:
    used = loaded_after("import relentropy\nrelentropy.relative_entropy([.5, .5], [.25, .75])")
    assert used == {"numpy"}


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_one_framework_does_not_load_another(framework: str) -> None:
    pytest.importorskip(framework)
    make = {
        "torch": "import torch\nx = torch.tensor([.5, .5])",
        "jax": "import jax.numpy\nx = jax.numpy.asarray([.5, .5])",
    }[framework]
    before = loaded_after(make)
    after = loaded_after(f"{make}\nimport relentropy\nrelentropy.relative_entropy(x, x)")
    assert after - before <= {"array_api_compat"}
    assert not {"torch", "jax", "tensorflow"} - {framework} & after


def test_public_names_exist_and_say_what_they_are() -> None:
    for name in relentropy.__all__:
        thing = getattr(relentropy, name)
        assert name == "__version__" or thing.__doc__, name


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'kullback'"):
        relentropy.kullback
