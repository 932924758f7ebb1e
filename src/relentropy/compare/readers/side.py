"""A side of the comparison on its way to becoming a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relentropy.compare.errors import InputError, did_you_mean, printable
from relentropy.compare.readers import formats


@dataclass
class Side:
    """A side on its way to becoming a table: located and unpacked, but not yet read."""

    shown: str
    frame: Any = None
    source: formats.Input | None = None
    format: str = ""
    paths: list[Path] = field(default_factory=list)
    database: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The name without folders and endings: "july", "shop::orders"."""
        if self.source is None or self.source.remote:
            return self.shown
        path = Path(self.source.shown.removesuffix(f"::{self.source.table}"))
        stem = path.name if self.source.folder else path.name.split(".")[0] or path.name
        table = f"::{self.source.table}" if self.source.table is not None else ""
        return printable(stem + table) or self.shown


def choose_table(side: Side, tables: Sequence[str], known: Iterable[str]) -> str:
    """The table the user named, or the only one there is."""
    wanted = side.source.table if side.source else None
    known = list(known)
    listed = ", ".join(printable(t, 40) for t in list(tables)[:20]) or "none"
    if wanted is None:
        if len(tables) == 1:
            return tables[0]
        raise InputError(
            f"{side.shown} is a database with {len(tables)} tables ({listed}); "
            f"write '{side.shown}::table'"
        )
    if wanted not in known:
        raise InputError(
            f"{printable(wanted)!r} is not a table of this database; it has: {listed}."
            f"{did_you_mean(wanted, known)}"
        )
    return wanted
