"""What is loaded when, and what is said where an extra is missing."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from relentropy.compare import example_paths
from tests.compare import makers


def run(script: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, args)], capture_output=True, text=True, check=False
    )


def test_importing_loads_no_engine() -> None:
    done = run(
        "import sys, relentropy.compare as c; c.example_paths(); dir(c);"
        "print([m for m in ('duckdb', 'narwhals', 'numpy', 'scipy', 'rich') if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]"


def test_comparing_loads_no_more_than_it_needs() -> None:
    # DuckDB before 2.0 loads these two itself wherever they are installed.
    by_duckdb = ["pandas", "pyarrow"] if int(version("duckdb").split(".")[0]) < 2 else []
    done = run(
        "import sys; from relentropy.compare import *; tables(*example_paths());"
        "print([m for m in ('scipy.stats', 'pandas', 'polars', 'pyarrow', 'jinja2', 'torch')"
        " if m in sys.modules and m not in sys.argv])",
        *by_duckdb,
    )
    assert done.stdout.strip() == "[]"
    assert done.returncode == 0


def test_arrow_names_its_extra(tmp_path: Path) -> None:
    path = makers.arrow(makers.rows(30), tmp_path)
    done = run(
        "import sys; sys.modules['pyarrow'] = None; from relentropy.compare import *\n"
        "try: tables(sys.argv[1], sys.argv[1])\n"
        "except InputError as e: print(e)",
        path,
    )
    assert "pip install 'relentropy[arrow]'" in done.stdout


def test_the_example_is_small_and_there() -> None:
    assert sum(path.stat().st_size for path in example_paths()) < 1_000_000


def test_extensions_on_request(tmp_path: Path) -> None:
    from relentropy.compare import tables

    path = makers.parquet(makers.rows(100), tmp_path)
    assert tables(path, path, allow_extensions=True).rows == (100, 100)
