"""How long a run may take, and what ends one that takes longer.

A run that hangs would hold its worker for ever. What a plan gives as ``run_limit_s`` is the limit;
without it a run may take twenty times as long as the slowest so far, in proportion to its days and
parties, and never less than a minute.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from ...market.scenario.scenario import Scenario
from ..look.memory import parties_of
from . import store

TIMES_SLOWEST = 20.0
LEAST_S = 60.0
ENGINE = re.compile(r"(firesale\.(agents|market)|numba|llvmlite)(\.|$)")  # modules at work in a run
UNMEASURED_S = 3600.0  # as long as no run has come to its end


_over: list[float] = []  # the limit that is over, until somebody may end the run


class OverTimeError(RuntimeError):
    """A run took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"took longer than its limit of {seconds:,.3g} s (run_limit_s of a plan)")


def size_of(scenario: Scenario) -> float:
    """What the time of a run grows with: days times parties."""
    return scenario.days * parties_of(scenario)


def limit_s(given_s: float | None, slowest_s: float, size: float) -> float:
    """Seconds that a run of some size may take.

    Args:
        given_s: the plan's own limit, if it has one.
        slowest_s: seconds per unit of size of the slowest run so far; 0 if none is known.
        size: of the run, see :func:`size_of`.
    """
    if given_s is not None:
        return given_s
    return max(LEAST_S, TIMES_SLOWEST * slowest_s * size) if slowest_s > 0.0 else UNMEASURED_S


def mark_of(folder: Path, run_id: int) -> Path:
    """Where a worker notes that it ended itself over a run; gone once the run has its row.

    What is left of an interrupted sweep is removed with its other unfinished files.
    """
    return folder / store.PARTS / f".overtime-{run_id}.tmp"


@contextlib.contextmanager
def limited(seconds: float, mark: Path) -> Iterator[None]:
    """End what takes longer than ``seconds``.

    In the main thread (a serial sweep) by an exception, in the market between two days
    (:func:`check`): compiled code does not survive one from a signal. In a worker, whose runs are
    in another thread, by leaving ``mark`` and ending the process: nothing gentler stops compiled
    code. Dask starts the worker anew and tries the batch again.

    Raises:
        OverTimeError: in the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        timer = threading.Timer(seconds, _end_process, (seconds, mark))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
    elif hasattr(signal, "setitimer"):

        def stop(_: int, frame: FrameType | None) -> None:
            if _in_market(frame):
                _over.append(seconds)
            else:
                raise OverTimeError(seconds)

        _over.clear()
        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)
    else:  # Windows
        yield


def check() -> None:
    """To be called where a run may be ended.

    Raises:
        OverTimeError: its time is over.
    """
    if _over:
        raise OverTimeError(_over.pop())


def _in_market(frame: FrameType | None) -> bool:
    """Whether code that calls compiled code is at work."""
    while frame is not None:
        if ENGINE.match(frame.f_globals.get("__name__", "")):
            return True
        frame = frame.f_back
    return False


def _end_process(seconds: float, mark: Path) -> None:
    try:
        store.write_text(mark, str(seconds))
    finally:
        os._exit(1)
