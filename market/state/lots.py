"""Seized hardware on its way to a buyer.

A lot is what one loan (or an estate) holds of one class after a default. It passes through legal
delay, is offered in place where it stands, then de-installed, shipped and offered removed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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

    count: NDArray[np.int64]  # type: ignore[assignment]  # [1]; hides tuple.count
    owner: NDArray[np.int32]  # party that sells: a lender, or the estate
    loan: NDArray[np.int32]  # -1 for an estate's own hardware
    borrower: NDArray[np.int32]
    hardware: NDArray[np.int32]
    state: NDArray[np.int8]
    units: NDArray[np.float64]  # still unsold
    seized_units: NDArray[np.float64]
    seized_day: NDArray[np.int32]
    state_day: NDArray[np.int32]  # since when in this state
    offered_day: NDArray[np.int32]  # first offered for sale, -1 before
    mark_usd: NDArray[np.float64]  # per unit, at seizure
    premium_usd_unit_day: NDArray[np.float64]  # its contracts paid beyond spot, at seizure
    hosted_units: NDArray[np.float64]  # of the unsold, run by a host for the lender
    proceeds_usd: NDArray[np.float64]
    unit_days: NDArray[np.float64]  # days from seizure to sale, summed over units sold
    listed: NDArray[np.bool_]  # put on sale by its owner, not seized
    event: NDArray[np.int64]  # of its seizure or listing
    last_event: NDArray[np.int64]


def empty_lots(capacity: int) -> Lots:
    """Room for ``capacity`` lots; a loan or a holding is seized once, machines are listed more.

    Every column starts as zeros, which the system gives out page by page: room that is never used
    takes no memory.
    """
    ints = {"owner", "loan", "borrower", "hardware", "seized_day", "state_day", "offered_day"}
    columns: dict[str, Any] = {}
    for name in Lots._fields[1:]:
        if name in ints:
            columns[name] = np.zeros(capacity, np.int32)
        elif name in ("event", "last_event"):
            columns[name] = np.zeros(capacity, np.int64)
        elif name == "state":
            columns[name] = np.zeros(capacity, np.int8)
        elif name == "listed":
            columns[name] = np.zeros(capacity, np.bool_)
        else:
            columns[name] = np.zeros(capacity)
    return Lots(count=np.zeros(1, np.int64), **columns)


@compiled
def new_lot(
    day: int,
    owner: int,
    loan: int,
    borrower: int,
    hardware: int,
    units: float,
    mark_usd: float,
    premium_usd_day: float,
    state: int,
    event: int,
    lots: Lots,
) -> int:
    """Use the next row; returns it."""
    i = lots.count[0]
    lots.count[0] = i + 1
    lots.owner[i] = owner
    lots.loan[i] = loan
    lots.borrower[i] = borrower
    lots.hardware[i] = hardware
    lots.state[i] = state
    lots.units[i] = units
    lots.seized_units[i] = units
    lots.seized_day[i] = day
    lots.state_day[i] = day
    lots.offered_day[i] = -1
    lots.mark_usd[i] = mark_usd
    lots.premium_usd_unit_day[i] = premium_usd_day
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
