"""Custody: what happens to seized machines between the default and the sale.

Legal delay; then a large enough cluster is offered where it stands, anything else is de-installed,
shipped and offered removed. Every day in custody costs the owner.
"""

from __future__ import annotations

import numpy as np

from agents.compiled import compiled
from agents.lender import Lenders
from agents.party import Outside, Parties
from market.default import charge_lender
from market.events import Cause, Event, log_event
from market.hardware import Family, Hardware
from market.ledger import pay
from market.loans import Loans
from market.lots import Lots, LotState

CARRY_USD_KWH = 0.12  # what a host charges for a machine that runs


@compiled
def carry_lots(
    day: int,
    idle_share: float,
    storage_gpu: float,
    first_lender: int,
    first_outside: int,
    parties: Parties,
    lenders: Lenders,
    loans: Loans,
    hardware: Hardware,
    lots: Lots,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Storage or idle site cost of every unsold lot for a day, paid by its owner."""
    courts = first_outside + Outside.COURTS
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        if lots.state[i] == LotState.SOLD or hardware.family[k] == Family.SITE:
            continue
        if lots.state[i] == LotState.LEGAL or lots.state[i] == LotState.IN_PLACE:
            rate = idle_share * hardware.kw[k] * 24.0 * CARRY_USD_KWH
        elif hardware.family[k] == Family.GPU:
            rate = storage_gpu
        else:
            rate = storage_gpu * hardware.kw[k] / 2.0  # by the space a GPU of 2 kW takes
        charge_owner(
            day,
            i,
            rate * lots.units[i],
            courts,
            first_lender,
            first_outside,
            parties,
            lenders,
            loans,
            lots,
            events,
            count,
        )


@compiled
def charge_owner(
    day: int,
    lot: int,
    cost_usd: float,
    courts: int,
    first_lender: int,
    first_outside: int,
    parties: Parties,
    lenders: Lenders,
    loans: Loans,
    lots: Lots,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """A cost of enforcement: a lender's loss, or out of the estate's cash as far as it goes."""
    owner = lots.owner[lot]
    loan = lots.loan[lot]
    if loan < 0:
        pay(parties, owner, courts, min(cost_usd, max(parties.cash_usd[owner], 0.0)))
        return
    row = owner - first_lender
    short = cost_usd - parties.cash_usd[owner]
    if short > 0.0:
        pay(parties, first_outside + Outside.INVESTORS, owner, short)
        lenders.other_loans_usd[row] -= short
    pay(parties, owner, courts, cost_usd)
    loans.recovered_usd[loan] -= cost_usd
    loans.recovered_value_usd[loan] -= cost_usd
    charge_lender(day, row, cost_usd, lots.event[lot], first_lender, lenders, events, count)


@compiled
def advance_lots(
    day: int,
    legal_days: int,
    site_days: int,
    in_place_days: int,
    smallest_cluster: float,
    removal_gpu: float,
    removal_th: float,
    has_removed_buyers: np.ndarray,
    has_in_place_buyers: np.ndarray,
    first_lender: int,
    first_outside: int,
    parties: Parties,
    lenders: Lenders,
    loans: Loans,
    hardware: Hardware,
    lots: Lots,
    events: np.ndarray,
    count: np.ndarray,
) -> None:
    """Legal delay, then in place (if the borrower's cluster is large enough), then removed."""
    courts = first_outside + Outside.COURTS
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        waited = day - lots.state_day[i]
        state = lots.state[i]
        if state == LotState.LEGAL:
            if hardware.family[k] == Family.SITE:
                if waited >= site_days:
                    _set_state(day, i, LotState.REMOVED, lots, events, count)
            elif waited >= legal_days:
                cluster = 0.0
                for j in range(lots.count[0]):
                    if (
                        lots.hardware[j] == k
                        and lots.borrower[j] == lots.borrower[i]
                        and lots.state[j] <= LotState.IN_PLACE
                    ):
                        cluster += lots.units[j]
                if has_in_place_buyers[k] and cluster >= smallest_cluster:
                    _set_state(day, i, LotState.IN_PLACE, lots, events, count)
                elif has_removed_buyers[k]:
                    lots.state[i] = LotState.MOVING
                    lots.state_day[i] = day
                    per_unit = removal_gpu if hardware.family[k] == Family.GPU else removal_th
                    charge_owner(
                        day,
                        i,
                        per_unit * lots.units[i],
                        courts,
                        first_lender,
                        first_outside,
                        parties,
                        lenders,
                        loans,
                        lots,
                        events,
                        count,
                    )
                else:  # nobody buys it removed: it stays and waits for a cluster buyer
                    _set_state(day, i, LotState.IN_PLACE, lots, events, count)
        elif state == LotState.IN_PLACE and waited >= in_place_days and has_removed_buyers[k]:
            lots.state[i] = LotState.MOVING
            lots.state_day[i] = day
            per_unit = removal_gpu if hardware.family[k] == Family.GPU else removal_th
            charge_owner(
                day,
                i,
                per_unit * lots.units[i],
                courts,
                first_lender,
                first_outside,
                parties,
                lenders,
                loans,
                lots,
                events,
                count,
            )
        elif state == LotState.MOVING and waited >= hardware.relocation_days[k]:
            _set_state(day, i, LotState.REMOVED, lots, events, count)


@compiled
def _set_state(
    day: int, lot: int, state: int, lots: Lots, events: np.ndarray, count: np.ndarray
) -> None:
    lots.state[lot] = state
    lots.state_day[lot] = day
    if lots.offered_day[lot] < 0:
        lots.offered_day[lot] = day
        log_event(
            events,
            count,
            day,
            Event.OFFERED,
            Cause.NONE,
            lots.borrower[lot],
            lots.owner[lot],
            lots.loan[lot],
            lots.units[lot] * lots.mark_usd[lot],
            lots.event[lot],
        )


