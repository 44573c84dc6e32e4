"""Racks and power that change hands among buyers: free slots by kind of rack."""

from __future__ import annotations

from ...agents.buyer import Buyers
from ...agents.compiling.kernels import compiled


@compiled
def free_slots(buyers: Buyers, rack: int) -> float:
    """Free slots of a kind, of all buyers."""
    free = 0.0
    for i in range(len(buyers.slots)):
        free += buyers.slots[i, rack]
    return free


@compiled
def add_slots(buyers: Buyers, rack: int, slots: float) -> None:
    """Give slots to buyers, in proportion to those they had at the opening (in place)."""
    opened = 0.0
    for i in range(len(buyers.slots_open)):
        opened += buyers.slots_open[i, rack]
    if opened > 0.0:
        for i in range(len(buyers.slots)):
            buyers.slots[i, rack] += slots * buyers.slots_open[i, rack] / opened
