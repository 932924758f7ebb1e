"""Read the table of discrete cases and judge values against it."""

import functools
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mpf

import relentropy
from tests.backends import Backend
from tests.tables import rules

Row = dict[str, Any]
INF = float("inf")


@functools.cache
def table() -> tuple[Row, ...]:
    rows = json.loads(Path(__file__).with_name("discrete.json").read_text(encoding="utf-8"))
    return tuple(row | {"p": _numbers(row, "p"), "q": _numbers(row, "q")} for row in rows)


def _numbers(row: Row, side: str) -> Any:
    if side not in row:
        return None
    return [float(v) if isinstance(v, str) else v for v in row[side]]


def small(topic: str | None = None, dtype: str | None = None) -> list[Row]:
    return [
        row
        for row in table()
        if "rule" not in row and topic in (None, row["topic"]) and dtype in (None, row["dtype"])
    ]


def large() -> list[Row]:
    return [row for row in table() if "rule" in row]


def topics() -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["topic"], row["dtype"]) for row in small()))


def groups(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows that fit into one batch: the same descriptions, dtype and number of cells."""
    sorted_out: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        sorted_out[tuple(row["kinds"]), row["dtype"], len(row["p"])].append(row)
    yield from sorted_out.values()


def filled_groups(rows: Sequence[Row], side: int = 64) -> Iterator[list[Row]]:
    """Batches of one shape, side × side: empty cells fill up the rows, rows fill up the batch."""
    by_kind: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[tuple(row["kinds"]), row["dtype"]].append(_filled(row, side))
    for same in by_kind.values():
        for start in range(0, len(same), side):
            part = same[start : start + side]
            yield (part * side)[:side]


def _filled(row: Row, cells: int) -> Row:
    empty = {"Logits": -INF, "LogProbs": -INF, "Probs": 0.0, "Counts": 0}
    sides = zip("pq", row["kinds"], strict=True)
    return row | {s: row[s] + [empty[kind]] * (cells - len(row[s])) for s, kind in sides}


def inputs(row: Row) -> tuple[np.ndarray, np.ndarray]:
    if "rule" in row:
        return rules.RULES[row["rule"]](row["dtype"], **row["arguments"])
    return np.asarray(row["p"]), np.asarray(row["q"])


def describe(kind: str, array: Any) -> Any:
    return getattr(relentropy, kind)(array)


def smallest_step(backend: Backend, dtype: str) -> float:
    """What underflow alone may cost: a few subnormals, or normals where subnormals are flushed."""
    finfo = np.finfo(dtype)
    return 4.0 * float(finfo.tiny if backend.flushes_subnormals else finfo.smallest_subnormal)


def complaint(row: Row, value: float, backend: Backend, dtype: str) -> str | None:
    """What is wrong with the value, or None."""
    truths = [row["truth"]]
    if backend.flushes_subnormals and "flushed" in row:
        truths.append(row["flushed"])
    if any(_right(row, value, float(mpf(t)), backend, dtype) for t in truths):
        return None
    return (
        f"{row['dtype']} {'‖'.join(row['kinds'])} {row['name']}: got {value!r}, "
        f"expected {' or '.join(truths)}, off by {error(value, row['truth']):.2g} "
        f"(allowed {row['rtol']:g})"
    )


def _right(row: Row, value: float, expected: float, backend: Backend, dtype: str) -> bool:
    if np.isnan(value) or value < 0:
        return False
    if expected > float(np.finfo(dtype).max):
        return value == INF
    if row["truth"] == "0.0" and row["atol"] == 0:
        return value == 0
    allowed = row["rtol"] * expected + row["atol"] + smallest_step(backend, dtype)
    return abs(value - expected) <= allowed


def error(value: float, expected: str) -> float:
    """The relative error; 0 for a right infinity or zero."""
    truth = float(mpf(expected))
    if value == truth:
        return 0.0
    return abs(value - truth) / truth if 0 < truth < INF else INF
