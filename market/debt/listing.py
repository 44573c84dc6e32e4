"""Distressed owners sell machines: what a borrower that misses payments puts on the market.

Only machines that nobody has a lien on and no contract needs. They pass through the same auctions
as seized ones; what they bring pays what was missed, if it comes within the cure period.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Status
from ..state.events import Cause, Event
from ..state.hardware import Family, Holdings
from ..state.history import log_event
from ..state.ledger import DUST_USD
from ..state.loans import LoanStatus
from ..state.lots import LotState, new_lot
from ..state.market import Market
from .default import DUST_UNITS

ASK_SHARE = 1.25  # machines worth so much more than what is missing: prices may fall

MORE_SHARE = 0.25  # of what is on sale already: less than that more is not worth a listing
SMALLEST_SHARE = 0.1  # of a class: nobody lists a rig a day


@compiled
def list_machines(market: Market) -> None:
    """Put free machines on sale for what is due and unpaid, the cheapest classes first.

    Rigs are offered where they stand, GPUs are de-installed first.
    """
    today, parties, hardware = market.today, market.parties, market.hardware
    holdings, loans, lots = market.holdings, market.loans, market.lots
    marks_usd = market.marks_usd
    borrowers = len(loans.first) - 1
    coming = np.zeros(borrowers)
    for i in range(lots.count[0]):
        if lots.loan[i] < 0 and lots.state[i] != LotState.SOLD:
            coming[lots.borrower[i]] += lots.units[i] * marks_usd[lots.hardware[i]]
    seizures = len(loans.status) + holdings.first[borrowers]
    room = len(lots.owner) - seizures
    for b in range(borrowers):
        if parties.status[b] != Status.ACTIVE or parties.made_whole[b]:
            continue
        need = parties.payables_usd[b]
        for loan in range(loans.first[b], loans.first[b + 1]):
            if loans.status[loan] == LoanStatus.PERFORMING:
                need += loans.arrears_interest_usd[loan] + loans.arrears_principal_usd[loan]
        need = ASK_SHARE * (need - max(parties.cash_usd[b], 0.0)) - coming[b]
        if need <= MORE_SHARE * coming[b]:
            continue  # nothing is missing, or most of it is on its way
        spare_gpus = uncovered_gpus(market, b)
        while need > DUST_USD and lots.count[0] < room:
            row = _cheapest_free(market, b, spare_gpus > DUST_UNITS)
            if row < 0:
                break
            k = holdings.hardware[row]
            free = free_units(row, holdings)
            units = min(free, max(need / marks_usd[k], SMALLEST_SHARE * free))
            if free - units < DUST_UNITS:
                units = free
            if hardware.family[k] == Family.GPU:
                units = min(units, spare_gpus)
                spare_gpus -= units
            holdings.units[row] -= units
            holdings.spot_units[row] = max(0.0, holdings.spot_units[row] - units)
            need -= units * marks_usd[k]
            event = log_event(
                market,
                Event.LISTED,
                Cause.FUNDING,
                (b, -1, -1),
                units * marks_usd[k],
                parties.trail_event[b],
            )
            state = LotState.IN_PLACE if hardware.family[k] == Family.ASIC else LotState.MOVING
            i = new_lot(lots, today.day, (b, -1, b), k, units, event)
            lots.state[i] = state
            lots.mark_usd[i] = marks_usd[k]
            lots.listed[i] = True
            lots.offered_day[i] = today.day


@inlined
def free_units(row: int, holdings: Holdings) -> float:
    """Units of a holding without a lien and not needed for a contract of their own."""
    bound = max(holdings.pledged[row], holdings.contract_units[row])
    return max(0.0, holdings.units[row] - bound)


@compiled
def uncovered_gpus(market: Market, b: int) -> float:
    """GPUs of a borrower that no contract needs."""
    neoclouds, hardware, holdings = market.neoclouds, market.hardware, market.holdings
    pooled = 0.0
    for row in range(holdings.first[b], holdings.first[b + 1]):
        if hardware.family[holdings.hardware[row]] == Family.GPU:
            pooled += max(0.0, holdings.units[row] - holdings.contract_units[row])
    return max(0.0, pooled - neoclouds.contracted_gpus[b])


@compiled
def _cheapest_free(market: Market, b: int, gpus: bool) -> int:
    """The holding of the lowest mark that has free units and can be sold, or -1."""
    hardware, holdings, marks_usd = market.hardware, market.holdings, market.marks_usd
    best = -1
    lowest = np.inf
    for row in range(holdings.first[b], holdings.first[b + 1]):
        k = holdings.hardware[row]
        if hardware.family[k] == Family.GPU and not gpus:
            continue
        if (
            free_units(row, holdings) > DUST_UNITS
            and hardware.scrap_usd[k] < marks_usd[k]
            and marks_usd[k] < lowest
        ):
            lowest = marks_usd[k]
            best = row
    return best
