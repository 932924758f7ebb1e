"""What of these tests is exhaustive on JAX, which compiles every operation for every shape."""

import pytest

SLOW_ON_JAX = ("test_oracle_combinations.py", "test_top_k.py", "test_estimators.py")
"""Where single tests take up to twenty seconds there; other files run on JAX every time."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Of the whole run, of which this folder is a part.
    for item in (i for i in items if i.path.parent.name == "rl" and i.path.name in SLOW_ON_JAX):
        callspec = getattr(item, "callspec", None)
        fixtures = {} if callspec is None else callspec.params
        if "jax" in (fixtures.get("xp"), fixtures.get("autodiff")):
            item.add_marker(pytest.mark.exhaustive)
