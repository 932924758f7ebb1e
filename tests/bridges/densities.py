"""An object and what it is read as have the same density: the test that a reader is right."""

from collections.abc import Callable
from typing import Any

import numpy as np

from relentropy import as_distribution
from tests.backends import Backend


def assert_same_density(
    backend: Backend, theirs: Any, log_density: Callable[[Any], Any], rtol: float = 1e-9
) -> Any:
    """The densities at some draws; gives back what it was read as."""
    ours = as_distribution(theirs)
    assert all(backend.is_native(x) for x in ours.arrays()) or ours.plain
    x = backend.array(ours.sample(np.random.default_rng(7), (4,)))
    found, expected = ours.log_density(x), log_density(x)
    np.testing.assert_allclose(
        backend.numpy(backend.array(found) if backend.name == "numpy" else found),
        np.asarray(backend.numpy(expected)),
        rtol=rtol,
        atol=rtol,
    )
    return ours
