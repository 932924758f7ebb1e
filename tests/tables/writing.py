"""Write a table of JSON, one row a line, or compare it with the file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write(table: Path, rows: Iterable[Any], *, check: bool) -> int:
    """The exit status: 1 where the file to be checked differs."""
    made = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]
    text = "[\n" + ",\n".join(made) + "\n]\n"
    if check:
        return int(text != table.read_text(encoding="utf-8"))
    table.write_text(text, encoding="utf-8")
    print(f"{table.name}: {len(made)} rows")
    return 0
