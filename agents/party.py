"""What every agent has: cash, coins, unpaid bills, and whether it is still standing.

All parties share one id space: borrowers first (miners, then neoclouds), then lenders, buyers and
outside parties, so that every flow has two ends.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Kind(IntEnum):
    """What a party is; borrowers are miners and neoclouds."""

    MINER = 0
    NEOCLOUD = 1
    LENDER = 2
    BUYER = 3
    OUTSIDE = 4


class Status(IntEnum):
    """Whether a party is a going concern."""

    ACTIVE = 0
    DEFAULTED = 1
    WOUND_UP = 2


class Outside(IntEnum):
    """Outside parties that are ends of flows, as offsets from the first outside party."""

    EXCHANGE = 0  # buys and sells BTC and ETH
    NETWORK = 1  # issues mined BTC
    SUPPLIER = 2  # sells new hardware and building work
    UTILITY = 3  # power, sites, staff: all operating cost
    CUSTOMERS = 4  # rents without a named contract, other revenue
    INVESTORS = 5  # fund the lenders, hold committed equity
    COURTS = 6  # legal cost, transport, storage
    OWNERS = 7  # ordinary sellers of second-hand hardware
    BTC_BORROWERS = 8  # hold the BTC that miners have lent out


OUTSIDE_NAMES = tuple(member.name for member in Outside)


class Parties(NamedTuple):
    """One row per party, of whatever kind."""

    kind: NDArray[np.int8]  # Kind
    status: NDArray[np.int8]  # Status
    cash_usd: NDArray[np.float64]  # outside parties may go negative: they are ends of flows
    btc: NDArray[np.float64]  # free coins; pledged ones sit in the loan they secure
    btc_lent: NDArray[np.float64]
    eth: NDArray[np.float64]
    payables_usd: NDArray[np.float64]  # operating cost it could not pay, owed to UTILITY
    payables_day: NDArray[np.int32]  # since when, -1 if none
    default_day: NDArray[np.int32]  # -1 if none
    default_event: NDArray[np.int32]  # -1 if none
    sale_event: NDArray[np.int32]  # its last treasury sale under pressure, -1 if none
    trail_event: NDArray[np.int32]  # its last adverse event: parent of what follows from it
    parent: NDArray[np.int32]  # owner whose insolvency is its own, -1 if none or ring-fenced


def empty_parties(count: int) -> Parties:
    """A table of ``count`` active parties with nothing."""
    return Parties(
        kind=np.full(count, Kind.OUTSIDE, np.int8),
        status=np.full(count, Status.ACTIVE, np.int8),
        cash_usd=np.zeros(count),
        btc=np.zeros(count),
        btc_lent=np.zeros(count),
        eth=np.zeros(count),
        payables_usd=np.zeros(count),
        payables_day=np.full(count, -1, np.int32),
        default_day=np.full(count, -1, np.int32),
        default_event=np.full(count, -1, np.int32),
        sale_event=np.full(count, -1, np.int32),
        trail_event=np.full(count, -1, np.int32),
        parent=np.full(count, -1, np.int32),
    )
