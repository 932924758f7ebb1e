"""The verbs on arrays run on every framework, and so do their tests."""

import pytest

from tests import backends
from tests.conftest import ready


@pytest.fixture(params=backends.NAMES)
def xp(request: pytest.FixtureRequest) -> backends.Backend:
    """Each framework in turn."""
    return ready(request, request.param)


@pytest.fixture(params=[name for name in backends.NAMES if name != "numpy"])
def autodiff(request: pytest.FixtureRequest) -> backends.Backend:
    """Each framework that differentiates."""
    return ready(request, request.param)
