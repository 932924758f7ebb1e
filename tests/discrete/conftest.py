"""The verbs on arrays run on every framework, and so do their tests.

tinygrad compiles for seconds whatever it has not seen, so most of these tests are not for it: its
own file, test_tinygrad.py, puts the same cases into a few graphs.
"""

import pytest

from tests import backends
from tests.conftest import ready

EAGER = tuple(name for name in backends.NAMES if name != "tinygrad")


@pytest.fixture(params=EAGER)
def xp(request: pytest.FixtureRequest) -> backends.Backend:
    """Each framework but tinygrad, in turn."""
    return ready(request, request.param)


@pytest.fixture(params=backends.NAMES)
def anywhere(request: pytest.FixtureRequest) -> backends.Backend:
    """Each framework, tinygrad too: for tests in which little or nothing is computed."""
    return ready(request, request.param)


@pytest.fixture(params=[name for name in EAGER if name != "numpy"])
def autodiff(request: pytest.FixtureRequest) -> backends.Backend:
    """Each of these that differentiates."""
    return ready(request, request.param)
