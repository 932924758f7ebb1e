"""What the two sides are called in sentences: short, and never the same."""

import re

from relentropy.compare.visible import shorten, visible

_ENDINGS = re.compile(
    r"(\.(parquet|pq|csv|tsv|txt|json|jsonl|ndjson|arrow|feather|ipc|npy|npz|db|sqlite3?|duckdb"
    r"|gz|zip|zst))+$",
    re.IGNORECASE,
)
LIMIT = 40


def call(reference: str, current: str) -> tuple[str, str]:
    """Names for two paths, as short as tells them apart.

    >>> call("data/flights-january.parquet", "data/flights-july.parquet")
    ('flights-january', 'flights-july')
    >>> call("2024/sales.csv", "2025/sales.csv")
    ('2024/sales', '2025/sales')
    >>> call("shop.db::june", "shop.db::july")
    ('june', 'july')
    >>> call("sales.csv", "sales.csv")
    ('sales (reference)', 'sales (current)')
    """
    first, second = _parts(reference), _parts(current)
    for length in range(1, max(len(first), len(second)) + 1):
        names = ["/".join(parts[-length:]) for parts in (first, second)]
        if names[0] != names[1]:
            shown = tuple(shorten(visible(name), LIMIT) for name in names)
            if shown[0] != shown[1]:
                return shown[0], shown[1]
    name = shorten(visible(first[-1]), LIMIT)
    return f"{name} (reference)", f"{name} (current)"


def _parts(path: str) -> list[str]:
    """The steps of a path, the innermost last, a table of a database being the innermost."""
    file, _, table = path.partition("::")
    steps = [step for step in re.split(r"[\\/]+", file) if step]
    parts = [_ENDINGS.sub("", step) or step for step in steps] + [table] * bool(table)
    return parts or [path]
