"""Seized hardware on its way to a buyer.

A lot is what one loan (or an estate) holds of one class after a default. It passes through legal
delay, is offered in place where it stands, then de-installed, shipped and offered removed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ...agents.columns import Codes, Flags, Ints, Longs, OneCount, Reals
from ...agents.compiling.kernels import compiled


class LotState(IntEnum):
    """Where a lot is on its way."""

    LEGAL = 0
    IN_PLACE = 1
    MOVING = 2
    REMOVED = 3
    SOLD = 4


class Lots(NamedTuple):
    """One row per lot; rows ``0 .. count[0]`` are in use."""

    count: OneCount  # type: ignore[assignment]  # [1]; hides tuple.count
    owner: Ints  # party that sells: a lender, or the estate
    loan: Ints  # -1 for an estate's own hardware
    borrower: Ints
    hardware: Ints
    state: Codes
    units: Reals  # still unsold
    seized_units: Reals
    seized_day: Ints
    state_day: Ints  # since when in this state
    offered_day: Ints  # first offered for sale, -1 before
    mark_usd: Reals  # per unit, at seizure
    premium_usd_unit_day: Reals  # its contracts paid beyond spot, at seizure
    hosted_units: Reals  # of the unsold, run by a host for the lender
    proceeds_usd: Reals  # paid by buyers
    unit_days: Reals  # days from seizure to sale, summed over units sold to buyers
    ended_units: Reals  # that no buyer took in time: to the lender in kind, or scrap
    listed: Flags  # put on sale by its owner, not seized
    event: Longs  # of its seizure or listing
    last_event: Longs


@compiled
def new_lot(
    lots: Lots, day: int, whose: tuple[int, int, int], hardware: int, units: float, event: int
) -> int:
    """Use the next row for machines seized or listed today; returns it.

    ``whose``: owner (party that sells), loan (-1: none) and borrower. A lot starts in court,
    without a mark; who makes it sets what is otherwise.
    """
    i = lots.count[0]
    lots.count[0] = i + 1
    lots.owner[i], lots.loan[i], lots.borrower[i] = whose
    lots.hardware[i] = hardware
    lots.state[i] = LotState.LEGAL
    lots.units[i] = units
    lots.seized_units[i] = units
    lots.seized_day[i] = day
    lots.state_day[i] = day
    lots.offered_day[i] = -1
    lots.mark_usd[i] = 0.0
    lots.premium_usd_unit_day[i] = 0.0
    lots.hosted_units[i] = 0.0
    lots.event[i] = event
    lots.last_event[i] = event
    return i


@compiled
def lots_by_borrower(borrowers: int, lots: Lots) -> tuple[np.ndarray, np.ndarray]:
    """Lots of each borrower, in order: ``rows[first[b]] .. rows[first[b + 1] - 1]``."""
    first = np.zeros(borrowers + 1, np.int32)
    for i in range(lots.count[0]):
        first[lots.borrower[i] + 1] += 1
    for b in range(borrowers):
        first[b + 1] += first[b]
    rows = np.empty(lots.count[0], np.int32)
    for i in range(lots.count[0] - 1, -1, -1):  # from the last place of each down
        end = lots.borrower[i] + 1
        first[end] -= 1
        rows[first[end]] = i
    for b in range(borrowers):
        first[b] = first[b + 1]
    first[borrowers] = lots.count[0]
    return first, rows


@compiled
def rows_in_state(k: int, state: int, lots: Lots) -> np.ndarray:
    """Lots of a class in a state, in order."""
    rows = np.empty(lots.count[0], np.int64)
    found = 0
    for i in range(lots.count[0]):
        if lots.hardware[i] == k and lots.state[i] == state:
            rows[found] = i
            found += 1
    return rows[:found]
