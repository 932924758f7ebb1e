"""How many bits one data set has moved from another, where, and how sure we are."""

from pathlib import Path
from typing import TYPE_CHECKING

from relentropy._lazy import lookup

if TYPE_CHECKING:
    from relentropy.compare.analysis import tables as tables
    from relentropy.compare.comparison import Comparison as Comparison
    from relentropy.compare.errors import InputError as InputError

__all__ = ["Comparison", "InputError", "example_paths", "tables"]

_HOMES = {
    "tables": "relentropy.compare.analysis",
    "Comparison": "relentropy.compare.comparison",
    "InputError": "relentropy.compare.errors",
}
__getattr__ = lookup("relentropy.compare", _HOMES)


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
