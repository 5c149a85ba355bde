"""The progress of a long preparation, shown at a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 1.0
"""Seconds after which something is shown."""


@contextmanager
def counted(what: str) -> Iterator[Callable[[int], None]]:
    """Inside, the given function takes how many rows are done; shown where standard error is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    started = time.monotonic()
    text = TextColumn("{task.description} {task.completed:,} rows")
    bar = Progress(SpinnerColumn(), text, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)

    def progress(done: int) -> None:
        bar.update(task, completed=done)
        if time.monotonic() - started > PATIENCE:
            bar.start()

    try:
        yield progress
    finally:
        bar.stop()
