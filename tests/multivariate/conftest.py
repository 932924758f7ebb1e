"""JAX compiles every operation at its first call, seconds a family: in the exhaustive run."""

import pytest

from tests import backends
from tests.conftest import ready

SLOW = pytest.param("jax", marks=pytest.mark.exhaustive)


@pytest.fixture(params=["numpy", "torch", SLOW])
def eager(request: pytest.FixtureRequest) -> backends.Backend:
    """Each framework in turn, JAX in the exhaustive run."""
    return ready(request, request.param)


@pytest.fixture(params=["torch", SLOW])
def eager_autodiff(request: pytest.FixtureRequest) -> backends.Backend:
    """Each framework that differentiates, JAX in the exhaustive run."""
    return ready(request, request.param)
