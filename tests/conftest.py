"""Fixtures and rules for the whole suite: every framework is tested, or the run fails."""

import os
from collections.abc import Iterator
from typing import Any

# Before anything imports JAX: float64 must be float64 there too.
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis
import pytest

from tests import backends

backends.settle_tinygrad()

hypothesis.settings.register_profile(
    # The same examples every time: a failure in CI is a failure at home. The first call of a
    # framework compiles, so a deadline would time the framework.
    "default",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
# pytest --hypothesis-profile=thorough: other examples at every run, and many of them.
hypothesis.settings.register_profile(
    "thorough",
    parent=hypothesis.settings.get_profile("default"),
    derandomize=False,
    max_examples=1000,
)
hypothesis.settings.load_profile("default")

_RAN = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RAN] = set()
    _REPORTER.config = config
    config.pluginmanager.register(_REPORTER, "frameworks-that-ran")


@pytest.fixture(params=backends.WITH_FAMILIES)
def xp(request: pytest.FixtureRequest) -> backends.Backend:
    """Each framework on which everything runs, in turn; in tests/discrete every framework."""
    return ready(request, request.param)


@pytest.fixture(params=[name for name in backends.WITH_FAMILIES if name != "numpy"])
def autodiff(request: pytest.FixtureRequest) -> backends.Backend:
    """Each of these that differentiates."""
    return ready(request, request.param)


@pytest.fixture
def numpy_backend(request: pytest.FixtureRequest) -> backends.Backend:
    """NumPy alone."""
    return ready(request, "numpy")


@pytest.fixture
def jax_backend(request: pytest.FixtureRequest) -> backends.Backend:
    """JAX alone, for what only JAX has."""
    return ready(request, "jax")


@pytest.fixture
def tensorflow_backend(request: pytest.FixtureRequest) -> backends.Backend:
    """TensorFlow alone, for what only TensorFlow has."""
    return ready(request, "tensorflow")


@pytest.fixture
def tinygrad_backend(request: pytest.FixtureRequest) -> backends.Backend:
    """tinygrad alone, for what only tinygrad has."""
    return ready(request, "tinygrad")


@pytest.fixture
def torch_backend(request: pytest.FixtureRequest) -> backends.Backend:
    """PyTorch alone, for what only PyTorch has."""
    return ready(request, "torch")


def ready(request: pytest.FixtureRequest, name: str) -> backends.Backend:
    if name not in backends.installed():
        complaint = f"{name} is not installed: pip install '.[test]'"
        if backends.everything_is_required():
            pytest.fail(complaint)
        pytest.skip(complaint)
    # User properties travel from an xdist worker to the process that counts.
    request.node.user_properties.append(("framework", name))
    return backends.backend(name)


# JAX compiles every operation for every shape, seconds a test. Of these files it runs with the
# exhaustive tests; of all others (table, elementwise, conformance, families, grpo, ...) every time.
SLOW_ON_JAX = {
    "discrete": ("contract", "gradients", "second_derivatives", "verbs", "wrong_values"),
    "heads": ("gradients", "values"),
    "rl": (
        *("bad_input", "distillation", "estimators", "gaussian", "oracle_combinations", "penalty"),
        *("top_k", "trust_region"),
    ),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        name = item.path.stem.removeprefix("test_")
        if name in SLOW_ON_JAX.get(item.path.parent.name, ()):
            fixtures = getattr(getattr(item, "callspec", None), "params", {})
            if "jax" in (fixtures.get("xp"), fixtures.get("autodiff"), fixtures.get("anywhere")):
                item.add_marker(pytest.mark.exhaustive)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """Where everything is required, what is missing fails instead of being skipped."""
    report = yield
    if report.skipped and backends.everything_is_required() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped where everything is required: {report.longrepr}"
        )
    return report


class _Frameworks:
    """Fails a full run in which some framework ran no test at all."""

    config: pytest.Config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not report.skipped:
            ran = self.config.stash[_RAN]
            ran.update(value for key, value in report.user_properties if key == "framework")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name in self.missing():
            terminalreporter.write_line(
                f"FAILED: no test ran on {name}; a full run needs it (pip install '.[test]')",
                red=True,
            )

    def missing(self) -> list[str]:
        config = self.config
        worker = hasattr(config, "workerinput")
        options = config.option
        chosen = options.keyword or options.collectonly or getattr(options, "lf", False)
        chosen = chosen or options.ignore or options.deselect
        named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
        part = config.option.markexpr not in ("", "not exhaustive and not trl and not gpu")
        if worker or chosen or named or part:
            return []
        return [name for name in backends.NAMES if name not in config.stash[_RAN]]


_REPORTER = _Frameworks()
