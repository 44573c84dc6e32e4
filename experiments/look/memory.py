"""How much memory is free, and whether a population fits into it; looked at before it is made."""

from __future__ import annotations

from pathlib import Path

from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario

NEEDED_BYTES = 1_500  # of memory, for a party while its market is built and run
BOOK_PARTIES = 2_600.0  # borrowers, lenders and buyers of the packaged books, about
SMALL_PARTIES = 100_000  # so few always fit
LIMIT, USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def free_bytes() -> int:
    """Memory that can be had without swapping, within what this process may use."""
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        return min(free, int(LIMIT.read_text()) - int(USED.read_text()))
    except (OSError, ValueError):  # no such limit
        return free


def parties_of(scenario: Scenario) -> float:
    """Parties of a scenario's opening books, about."""
    opening = scenario.opening
    parties = scenario.synthetic.parties if opening.start == "synthetic" else BOOK_PARTIES
    return parties * opening.scale


def check_memory(scenario: Scenario, processes: int = 1) -> None:
    """Refuse a population that does not fit into memory.

    Raises:
        InputError: how much it needs, and how much is free.
    """
    parties = parties_of(scenario)
    if parties <= SMALL_PARTIES:
        return
    needed, free = parties * NEEDED_BYTES * processes, free_bytes()
    if needed > free:
        each = f" in each of {processes} processes" if processes > 1 else ""
        raise InputError(
            f"{parties:,.0f} parties{each} need about {needed / 1e9:.1f} GB of memory, and "
            f"{max(free, 0) / 1e9:.1f} GB are free; ask for fewer."
        )
