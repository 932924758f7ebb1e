"""Rows shared among threads: the loops hold no lock of Python, so plain threads do."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

ENOUGH = 1 << 17
"""Cells from which a second thread is worth waking."""

PIECES = 4
"""Pieces of work a thread, so that one that was held up does not hold up all."""


def over_rows(work: Callable[[int, int], None], rows: int, cells: int) -> None:
    """work(first, last) for pieces that cover range(rows), whose cost is in all `cells`."""
    workers = 1 if cells < ENOUGH else min(processors(), rows, 1 + cells // ENOUGH)
    if workers == 1:
        work(0, rows)
        return
    step = -(-rows // (workers * PIECES))
    # This thread takes part: one fewer to wake, and nothing waits for nothing.
    starts = iter(range(0, rows, step))

    def some() -> None:
        for first in starts:  # next() on a range is one step, which no other thread divides
            work(first, min(first + step, rows))

    others = [_pool().submit(some) for _ in range(workers - 1)]
    some()
    for other in others:
        other.result()


@cache
def processors() -> int:
    """How many of them this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _pool() -> Any:
    from concurrent.futures import ThreadPoolExecutor  # small work needs none

    return ThreadPoolExecutor(max(1, processors() - 1), thread_name_prefix="relentropy")


# The threads do not survive a fork; the child makes its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
