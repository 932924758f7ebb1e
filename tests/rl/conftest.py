"""What of these tests is exhaustive on JAX, which compiles every operation for every shape."""

import pytest

SLOW_ON_JAX = ("test_oracle_combinations.py", "test_top_k.py", "test_estimators.py")
"""Where single tests take up to twenty seconds there; other files run on JAX every time."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        on_jax = callspec is not None and "jax" in callspec.params.values()
        if on_jax and item.path.name in SLOW_ON_JAX:
            item.add_marker(pytest.mark.exhaustive)
