"""An object and what it is read as have the same density: the test that a reader is right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

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


def cases(objects: dict[str, Any], quick: str) -> list[Any]:
    """The objects as parameters of a test, those not named in `quick` in the exhaustive run.

    JAX compiles every operation of every shape when it first comes.
    """
    return [
        pytest.param(make, id=name, marks=() if name in quick.split(", ") else SLOW)
        for name, make in objects.items()
    ]


SLOW = (pytest.mark.exhaustive,)
