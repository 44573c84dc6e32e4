"""Progress of a sweep on stderr: a bar on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..look import words

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

EVERY_S = 10.0
TELLING = 3  # runs that must have ended before a rate says anything


class Progress:
    """Counts of a sweep, and their display.

    Args:
        runs: in all.
        done: of them, before this call.
        quiet: show nothing.
    """

    def __init__(self, runs: int, done: int, quiet: bool = False) -> None:
        self.runs, self.before, self.quiet = runs, done, quiet
        self.done_now = self.failed = 0
        self.busy_s = 0.0
        self._start = self._last = time.monotonic()
        self._bar: Bar | None = None

    @property
    def seconds(self) -> float:
        """Since this call began."""
        return time.monotonic() - self._start

    def __enter__(self) -> Self:
        if not self.quiet and self.before:
            self.say(f"{self.before:,} of {words.times(self.runs, 'run')} are there already.")
        if not self.quiet and sys.stderr.isatty() and self.before < self.runs:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

            self._bar = Progress(
                TextColumn("Runs"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.add_task(self.line(), total=self.runs, completed=self.before)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def advance(self, runs: int, failed: int, busy_s: float) -> None:
        """So many runs have ended, some of them failed; they took so long at a worker."""
        self.done_now += runs
        self.failed += failed
        self.busy_s += busy_s
        if self._bar is not None:
            done: Any = {"completed": self.before + self.done_now, "description": self.line()}
            self._bar.update(self._bar.task_ids[0], **done)
        elif not self.quiet and time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """Runs done, rate, time left and failures."""
        done = self.before + self.done_now
        rate = self.done_now / max(self.seconds, 1e-9)
        failed = f", {self.failed:,} failed" if self.failed else ""
        told = f"{done:,} of {words.times(self.runs, 'run')}"
        if self.done_now < TELLING and done < self.runs:  # workers are still opening the books
            return f"{told}, starting{failed}"
        return f"{told}, {rate:.1f} a second, {clock((self.runs - done) / rate)} left{failed}"

    def say(self, text: str) -> None:
        """A remark."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """A duration for people: ``45 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
