"""What every agent has: cash, coins, unpaid bills, and whether it is still standing.

All parties share one id space: borrowers first (miners, then neoclouds), then lenders, buyers and
outside parties, so that every flow has two ends.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .columns import Codes, Column, Flags, IntsOrNone, Reals


class Kind(IntEnum):
    """What a party is; borrowers are miners and neoclouds."""

    MINER = 0
    NEOCLOUD = 1
    LENDER = 2
    BUYER = 3
    OUTSIDE = 4


class Status(IntEnum):
    """Whether a party is a going concern."""

    PROSPECT = -1  # a firm that may come: it has nothing, owes nothing and is counted nowhere
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
    AUTHORITY = 9  # buys and lends as a last resort


OUTSIDE_NAMES = tuple(member.name for member in Outside)


class Parties(NamedTuple):
    """One row per party, of whatever kind."""

    kind: Annotated[NDArray[np.int8], Column(start=Kind.OUTSIDE)]
    status: Codes  # Status
    cash_usd: Reals  # outside parties may go negative: they are ends of flows
    btc: Reals  # free coins; pledged ones sit in the loan they secure
    btc_lent: Reals
    eth: Reals
    payables_usd: Reals  # operating cost it could not pay, owed to UTILITY
    lease_claims_usd: Reals  # of landlords whose contracts it broke when it failed
    payables_day: IntsOrNone  # since when, -1 if none
    default_day: IntsOrNone  # -1 if none
    default_event: IntsOrNone  # -1 if none
    entered_day: IntsOrNone  # of a firm that was not there at the opening, -1 before, and of others
    reorganised_day: IntsOrNone  # on which it defaulted and went on, -1 if it did not
    sale_event: IntsOrNone  # its last treasury sale under pressure, -1 if none
    trail_event: IntsOrNone  # its last adverse event: parent of what follows from it
    made_whole: Flags  # does not fail in this run: what it lacks comes from outside
    parent: IntsOrNone  # owner whose insolvency is its own, -1 if none or ring-fenced
