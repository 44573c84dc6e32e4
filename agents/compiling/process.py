"""What a process of ours may use of the machine, and how often it looks for garbage."""

from __future__ import annotations

import gc
import os


def cores() -> int:
    """Cores that this process may use."""
    mine = getattr(os, "sched_getaffinity", None)
    return len(mine(0)) if mine else os.cpu_count() or 1


def collect_rarely() -> None:
    """Look for circles of objects seldom: a run makes many objects and few circles."""
    gc.set_threshold(100_000, 20, 100)
