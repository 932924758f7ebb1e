"""How many bits one data set has moved from another, where, and how sure we are."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relentropy.compare.analysis import tables as tables
    from relentropy.compare.comparison import Comparison as Comparison
    from relentropy.compare.errors import InputError as InputError

__all__ = ["Comparison", "InputError", "example_paths", "tables"]

_HOMES = {"tables": "analysis", "Comparison": "comparison", "InputError": "errors"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'relentropy.compare' has no attribute {name!r}")
    return getattr(import_module(f"relentropy.compare.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def example_paths() -> tuple[Path, Path]:
    """The tables that ship with the package: flights from New York, January and July 2013.

    >>> from relentropy.compare import example_paths
    >>> [path.name for path in example_paths()]
    ['flights-january.parquet', 'flights-july.parquet']
    """
    folder = Path(__file__).parent / "example"
    return folder / "flights-january.parquet", folder / "flights-july.parquet"
