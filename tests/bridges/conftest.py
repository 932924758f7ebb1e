"""The libraries whose objects are read, imported when a test asks for one."""

import importlib
import importlib.util
from types import ModuleType
from typing import Any

import pytest

from tests.backends import everything_is_required
from tests.tools import quiet_imports


def imported(name: str) -> Any:
    """The module; the test is skipped, or fails where all is required, without it."""
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        complaint = f"{name} is not installed: pip install '.[test]'"
        if everything_is_required():
            pytest.fail(complaint)
        pytest.skip(complaint)
    with quiet_imports(without_tensorflow="tensorflow_probability" in name):
        return importlib.import_module(name)


@pytest.fixture
def torch() -> ModuleType:
    return imported("torch")


@pytest.fixture
def torch_float64(torch: Any) -> Any:
    """PyTorch making float64 of Python's floats."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.fixture
def numpyro() -> ModuleType:
    return imported("numpyro.distributions")


@pytest.fixture
def tfp() -> ModuleType:
    return imported("tensorflow_probability.substrates.jax")


@pytest.fixture
def distrax() -> ModuleType:
    imported("tensorflow_probability.substrates.jax")
    return imported("distrax")
