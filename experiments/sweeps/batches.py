"""Batches: how many runs a task gets, and how a run that kills its worker is found.

A task should take 5 to 60 s: much longer than the 2 ms it costs the scheduler, short enough to lose
little. A batch whose worker died twice is cut in half until single runs stand accused. Those are
tried again one at a time, with nothing else under way, because whatever waits on a dying worker
dies with it; only then a run is recorded as killed.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_S, SHORTEST_S = 60.0, 1.0  # the last batches are short, so that workers end together
ROUNDS = 3.0  # a batch is this part of what is left for its worker
GROWTH = 8  # times the last batch, until the time of a run is known well
MEMORY = 0.3  # weight of the latest batch in the estimated time of a run

type Batch = NDArray[np.int64]


@dataclass
class Batches:
    """Run ids on their way: to be given out, suspected, accused.

    Args:
        waiting: ids not yet given out, ascending.
        fixed: always so many runs to a batch; 0 for as many as time suggests.

    Example:
        ``batch = queue.next(workers=2)``, then ``queue.finished(batch, seconds)`` or
        ``queue.killed(batch)``.
    """

    waiting: Batch
    fixed: int = 0
    run_s: float = 0.0
    under_way: int = 0
    _place: int = 0
    _size: int = 1
    _suspects: deque[Batch] = field(default_factory=deque)
    _accused: deque[Batch] = field(default_factory=deque)
    _on_trial: bool = False

    def next(self, workers: int) -> Batch | None:
        """The next batch to run now; None if there is nothing, or if others must end first."""
        batch: Batch | None = None
        if self._on_trial:
            return None
        if self._suspects:
            batch = self._suspects.popleft()
        elif self._place < len(self.waiting):
            self._size = self._next_size(workers)
            batch = self.waiting[self._place : self._place + self._size]
            self._place += len(batch)
        elif self._accused and self.under_way == 0:
            batch = self._accused.popleft()
            self._on_trial = True
        if batch is not None:
            self.under_way += 1
        return batch

    def finished(self, batch: Batch, seconds: float) -> None:
        """A batch is done and took so long."""
        self._ended()
        each = max(seconds / len(batch), 1e-6)
        self.run_s = each if self.run_s == 0.0 else (1 - MEMORY) * self.run_s + MEMORY * each

    def killed(self, batch: Batch) -> int | None:
        """A batch took its workers down; returns the run if it was alone and did so again."""
        guilty = self._on_trial
        self._ended()
        if guilty:
            return int(batch[0])
        if len(batch) == 1:
            self._accused.append(batch)
        else:
            half = len(batch) // 2
            self._suspects.extend((batch[:half], batch[half:]))
        return None

    def _ended(self) -> None:
        self.under_way -= 1
        self._on_trial = False

    def _next_size(self, workers: int) -> int:
        if self.fixed:
            return self.fixed
        if self.run_s == 0.0:
            return 1
        left = len(self.waiting) - self._place
        seconds = min(max(left * self.run_s / (ROUNDS * workers), SHORTEST_S), LONGEST_S)
        return max(1, min(math.ceil(seconds / self.run_s), GROWTH * self._size))
