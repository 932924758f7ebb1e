"""DuckDB in a closed room: a scratch database that can open the named files and nothing else."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from relentropy.compare.errors import InputError, printable

_MISSING_WORDS = ("", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "?", ".", "-")
"""Words that stand for a missing number when every other value of a text column is one."""


class Workbench:
    """A DuckDB connection over a scratch file; nothing is downloaded, nothing else is opened.

    Args:
        allow_extensions: lets DuckDB fetch its extensions and open remote addresses.
        discreet: keeps file contents out of error messages (for hidden columns).

    """

    def __init__(self, *, allow_extensions: bool = False, discreet: bool = False) -> None:
        import duckdb

        self.allow_extensions = allow_extensions
        self.discreet = discreet
        self.folder = Path(tempfile.mkdtemp(prefix="relentropy-"))
        fetch = str(allow_extensions).lower()
        self.connection = duckdb.connect(
            str(self.folder / "scratch.duckdb"),
            config={
                "autoinstall_known_extensions": fetch,
                "autoload_known_extensions": fetch,
                "preserve_insertion_order": "false",
                "temp_directory": str(self.folder / "spill"),
            },
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        self._names = 0
        self._attached: dict[Path, str] = {}

    def __enter__(self) -> "Workbench":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def attach(self, path: Path, shown: str) -> str:
        """Open a DuckDB file read-only; the name it goes by in SQL."""
        known = self._attached.get(path.resolve())
        if known is not None:
            return known
        name = self._attached[path.resolve()] = self.fresh_name()
        self._run(f"ATTACH {literal(path)} AS {name} (READ_ONLY)", f"cannot open {shown}")
        return name

    def seal(self, paths: Iterable[Path]) -> None:
        """From here on only these files can be read, whatever SQL a view or a name may hold."""
        if self.allow_extensions:
            return
        allowed = ", ".join(literal(path) for path in paths)
        self.connection.execute(f"SET allowed_paths = [{allowed}]")
        self.connection.execute(f"SET allowed_directories = [{literal(self.folder)}]")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def fresh_name(self) -> str:
        """A name that no file or user chose."""
        self._names += 1
        return f"relentropy_{self._names}"

    def describe(self, source: str, shown: str) -> list[tuple[str, str]]:
        """(name, DuckDB type) of each column of a table expression."""
        rows = self._run(f"DESCRIBE SELECT * FROM {source}", f"cannot read {shown}")
        return [(str(name), str(kind)) for name, kind, *_ in rows]

    def store(self, source: str, names: Sequence[str], columns: dict[str, str], shown: str) -> str:
        """Copy a table expression into the scratch file, once; the new table's name."""
        table = self.fresh_name()
        aliases = ", ".join(f"c{i}" for i in range(len(names)))
        chosen = ", ".join(f"{sql} AS {column}" for column, sql in columns.items())
        self._run(
            f"CREATE TABLE {table} AS SELECT {chosen} FROM {source} AS t({aliases})",
            f"cannot read {shown}",
        )
        return table

    def append(self, table: str, types: Sequence[str], batch: Sequence[Sequence[object]]) -> None:
        """Add rows, given column by column, to a scratch table of these DuckDB types."""
        lists = ", ".join(f"unnest(?::{kind}[])" for kind in types)
        self.connection.execute(f"INSERT INTO {table} SELECT {lists}", [list(c) for c in batch])

    def numbers_in_text(self, table: str, columns: Sequence[str]) -> list[str]:
        """Text columns whose every value is a number or a word for a missing one."""
        if not columns:
            return []
        words = ", ".join(literal(word) for word in _MISSING_WORDS)
        tests = ", ".join(
            f"count(*) FILTER ({c} NOT IN ({words}) AND try_cast({c} AS DOUBLE) IS NULL), "
            f"count(*) FILTER ({c} NOT IN ({words}))"
            for c in columns
        )
        # Most text shows itself in its first rows; only what passes is read to the end.
        head = self._run(f"SELECT {tests} FROM (FROM {table} LIMIT 2000)", "cannot read text")[0]
        likely = [c for i, c in enumerate(columns) if head[2 * i] == 0 and head[2 * i + 1] > 0]
        if len(likely) < len(columns):
            return self.numbers_in_text(table, likely)
        whole = self._run(f"SELECT {tests} FROM {table}", "cannot read text")[0]
        return [c for i, c in enumerate(columns) if whole[2 * i] == 0]

    def relation(self, sql: str) -> Any:
        """A lazy relation over the connection."""
        return self.connection.sql(sql)

    def _run(self, sql: str, failing: str) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise InputError(f"{failing}: {self.explain(error)}") from error

    def explain(self, error: Exception) -> str:
        """The first line of DuckDB's message, which may quote the file unless discreet."""
        if self.discreet:
            return f"{type(error).__name__} (details are left out because columns are hidden)"
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return printable(first, 300)


def literal(text: object) -> str:
    """An SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
