"""How far a run is, on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress


PATIENCE_S = 2.0


@contextmanager
def progress(total: int, quiet: bool) -> Iterator[Callable[[int, str], None]]:
    """A bar on stderr, only on a terminal, and only once patience is over."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, text: None
        return
    now: dict[str, Any] = {"completed": 0, "description": "Opening the books"}
    bars: list[Progress] = []

    def start() -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.add_task(now["description"], total=total, completed=now["completed"])
        bar.start()
        bars.append(bar)

    def update(done: int, text: str) -> None:
        now.update(completed=done, description=text)
        for bar in bars:
            bar.update(bar.task_ids[0], **now)

    timer = threading.Timer(PATIENCE_S, start)
    timer.daemon = True
    timer.start()
    try:
        yield update
    finally:
        timer.cancel()
        timer.join()
        for bar in bars:
            bar.stop()
