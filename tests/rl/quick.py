"""Which combinations run every time: JAX compiles every operation for every shape, for long."""

from typing import Any

import pytest

from tests.backends import WITH_FAMILIES


def on_every(
    fixture: str, argument: str, values: list[Any], *, quick: list[Any]
) -> pytest.MarkDecorator:
    """Each framework with each value; on JAX those that are not `quick` are exhaustive.

    `fixture` is "xp", or "autodiff" for the frameworks that differentiate.
    """
    cases = []
    for name in WITH_FAMILIES if fixture == "xp" else WITH_FAMILIES[1:]:
        for value in values:
            slow = name == "jax" and value not in quick
            marks = [pytest.mark.exhaustive] if slow else []
            cases.append(pytest.param(name, value, marks=marks, id=f"{name}-{value}"))
    return pytest.mark.parametrize((fixture, argument), cases, indirect=[fixture])
