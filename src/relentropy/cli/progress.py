"""A progress bar that appears only where somebody can see it and has to wait."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

# Below this many seconds a bar is only a flicker.
PATIENCE = 1.0


class Report(Protocol):
    """What the engine calls as it goes."""

    def __call__(self, done: int, total: int, what: str) -> None: ...


@contextmanager
def progress_bar(wanted: bool) -> Iterator[Report | None]:
    """Yield what the engine should call, or None where a bar would not be seen."""
    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.text import Text

    from relentropy.compare.visible import visible

    class Task(TextColumn):
        """What is being done; names come from data, so they are never read as markup."""

        def render(self, task: object) -> Text:
            return Text(getattr(task, "description", ""))

    columns = (Task(""), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=None)
    started = time.monotonic()

    def report(done: int, total: int, what: str) -> None:
        bar.update(task, completed=done, total=total, description=visible(what, 40))
        if not bar.live.is_started and time.monotonic() - started > PATIENCE:
            bar.start()

    try:
        yield report
    finally:
        bar.stop()
