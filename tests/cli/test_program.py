"""The program as a process: before and around its commands."""

import subprocess
import sys

import pytest

import relentropy

PROGRAM = [sys.executable, "-m", "relentropy.cli"]


def run(*arguments, **more):
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=120, **more
    )


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(flag):
    result = run(flag)
    assert (result.returncode, result.stdout) == (0, f"relentropy {relentropy.__version__}\n")


def test_help_names_the_command():
    result = run("--help")
    assert result.returncode == 0
    assert "compare" in result.stdout
    assert result.stderr == ""


def test_no_arguments_is_a_usage_error_that_shows_the_help():
    result = run()
    assert result.returncode == 2
    assert "compare" in result.stdout + result.stderr


def test_an_unknown_command_suggests_the_known_one():
    result = run("comparee")
    assert result.returncode == 2
    assert "compare" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", ["--version", "--help", "compare --help"])
def test_what_needs_no_data_imports_no_engine(arguments):
    result = python(f"""
import sys
sys.argv = ["relentropy", *{arguments.split()!r}]
from relentropy.cli import main
try:
    main()
finally:
    heavy = {{"numpy", "scipy", "duckdb", "narwhals", "rich", "jinja2", "pandas", "polars"}}
    if "{arguments}" == "--version":
        heavy.add("click")
    print("loaded:", sorted(heavy & set(sys.modules)))
""")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize("missing", ["click", "duckdb", "narwhals", "rich", "jinja2"])
def test_without_the_extra_it_says_what_to_install(missing, tmp_path):
    """An entry of None in sys.modules is how Python itself marks a module as not to be had."""
    result = python(f"""
import sys
sys.modules["{missing}"] = None
sys.argv = ["relentropy", "compare", "--example", "--html", r"{tmp_path / "report.html"}"]
from relentropy.cli import main
main()
""")
    assert result.returncode == 2
    assert result.stdout == ""
    assert "pip install 'relentropy[cli]'" in result.stderr
    assert missing in result.stderr
    assert "Traceback" not in result.stderr


def test_without_the_extra_and_without_arguments():
    result = python("""
import sys
sys.modules["click"] = None
sys.argv = ["relentropy"]
from relentropy.cli import main
main()
""")
    assert result.returncode == 2
    assert "pip install 'relentropy[cli]'" in result.stderr


def test_a_missing_module_of_another_kind_is_not_blamed_on_the_extra():
    result = python("""
import sys
sys.modules["scipy.special"] = None
sys.argv = ["relentropy", "compare", "--example"]
from relentropy.cli import main
main()
""")
    assert result.returncode == 1
    assert "ModuleNotFoundError" in result.stderr
