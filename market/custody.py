"""Custody: what happens to seized machines between the default and the sale.

Legal delay; then a large enough cluster is offered where it stands, anything else is de-installed,
shipped and offered removed. Every day in custody costs the owner.
"""

from __future__ import annotations

import numpy as np

from agents.compiled import compiled
from agents.lender import Lenders
from agents.neocloud import HOURS_PER_DAY, Neoclouds, spot_margin_usd_day
from agents.party import Outside, Parties
from market.context import Log, Terms, Today
from market.default import charge_lender, present_value_factor
from market.events import Cause, Event, log_event
from market.hardware import Family, Hardware
from market.ledger import Ledger, pay, repay
from market.loans import Loans, annual_rate
from market.lots import Lots, LotState

CARRY_USD_KWH = 0.12  # what a host charges for a machine that runs
GPU_KW = 2.0  # storage of rigs is charged by the space a GPU of so much power takes


@compiled
def carry_lots(
    today: Today,
    terms: Terms,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    hardware: Hardware,
    neoclouds: Neoclouds,
    lots: Lots,
    log: Log,
) -> float:
    """Cost and income of every unsold lot for a day; returns supply kept online [H100s by rent].

    Where they stand, a receiver keeps part of the GPUs rented at spot, at the failed operator's
    realisation less what hosting gives up; the rest costs idle site. Removed machines cost storage.
    """
    courts = today.first_outside + Outside.COURTS
    customers = today.first_outside + Outside.CUSTOMERS
    supply = 0.0
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        if lots.state[i] == LotState.SOLD or hardware.family[k] == Family.SITE:
            continue
        standing = lots.state[i] == LotState.LEGAL or lots.state[i] == LotState.IN_PLACE
        running = hardware.kw[k] * HOURS_PER_DAY * CARRY_USD_KWH
        if standing and hardware.family[k] == Family.GPU:
            realisation = neoclouds.spot_realisation[lots.borrower[i]]
            rent = today.rent_h100_usd_h * hardware.quality[k]
            kept = (1.0 - terms.hosting_discount) * realisation
            margin = spot_margin_usd_day(rent, kept, running)
            rented = terms.receiver_share if margin > 0.0 else 0.0
            supply += rented * lots.units[i] * hardware.quality[k]
            income = rented * lots.units[i] * margin
            if income > 0.0:
                credit_owner(today, i, income, customers, parties, lenders, ledger, loans, lots)
            rate = (1.0 - rented) * terms.idle_cost_share * running
        elif standing:
            rate = terms.idle_cost_share * running
        elif hardware.family[k] == Family.GPU:
            rate = terms.storage_usd_per_gpu_day
        else:
            rate = terms.storage_usd_per_gpu_day * hardware.kw[k] / GPU_KW
        charge_owner(today, i, rate * lots.units[i], courts, parties, lenders, loans, lots, log)
    return supply


@compiled
def credit_owner(
    today: Today,
    lot: int,
    income_usd: float,
    customers: int,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    lots: Lots,
) -> None:
    """Income of a lot in custody: to the estate, or towards the claim, as far as it goes."""
    loan = lots.loan[lot]
    if loan < 0:
        pay(parties, customers, lots.owner[lot], income_usd)
        return
    applied = min(income_usd, loans.principal_usd[loan])
    row = loans.lender[loan]
    repay(
        parties,
        lenders,
        ledger,
        loans.principal_usd,
        loan,
        customers,
        row,
        lots.owner[lot],
        applied,
    )
    pay(parties, customers, lots.borrower[lot], income_usd - applied)
    loans.recovered_usd[loan] += applied
    rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], today.reference_rate)
    loans.recovered_value_usd[loan] += applied * present_value_factor(
        today.day, loans.default_day[loan], rate
    )


@compiled
def charge_owner(
    today: Today,
    lot: int,
    cost_usd: float,
    courts: int,
    parties: Parties,
    lenders: Lenders,
    loans: Loans,
    lots: Lots,
    log: Log,
) -> None:
    """A cost of enforcement: a lender's loss, or out of the estate's cash as far as it goes."""
    owner = lots.owner[lot]
    loan = lots.loan[lot]
    if loan < 0:
        pay(parties, owner, courts, min(cost_usd, max(parties.cash_usd[owner], 0.0)))
        return
    row = owner - today.first_lender
    short = cost_usd - parties.cash_usd[owner]
    if short > 0.0:
        pay(parties, today.first_outside + Outside.INVESTORS, owner, short)
        lenders.other_loans_usd[row] -= short
    pay(parties, owner, courts, cost_usd)
    loans.recovered_usd[loan] -= cost_usd
    loans.recovered_value_usd[loan] -= cost_usd
    charge_lender(today, row, cost_usd, lots.event[lot], lenders, log)


@compiled
def advance_lots(
    today: Today,
    terms: Terms,
    smallest_cluster: float,
    has_removed_buyers: np.ndarray,
    has_in_place_buyers: np.ndarray,
    parties: Parties,
    lenders: Lenders,
    loans: Loans,
    hardware: Hardware,
    lots: Lots,
    log: Log,
) -> None:
    """Legal delay, then in place (if the borrower's cluster is large enough), then removed."""
    courts = today.first_outside + Outside.COURTS
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        waited = today.day - lots.state_day[i]
        state = lots.state[i]
        if state == LotState.LEGAL:
            if hardware.family[k] == Family.SITE:
                if waited >= terms.site_days:
                    _set_state(today, i, LotState.REMOVED, lots, log)
            elif waited >= terms.legal_days:
                cluster = 0.0
                for j in range(lots.count[0]):
                    if (
                        lots.hardware[j] == k
                        and lots.borrower[j] == lots.borrower[i]
                        and lots.state[j] <= LotState.IN_PLACE
                    ):
                        cluster += lots.units[j]
                if has_in_place_buyers[k] and cluster >= smallest_cluster:
                    _set_state(today, i, LotState.IN_PLACE, lots, log)
                elif has_removed_buyers[k]:
                    lots.state[i] = LotState.MOVING
                    lots.state_day[i] = today.day
                    per_unit = (
                        terms.removal_usd_per_gpu
                        if hardware.family[k] == Family.GPU
                        else terms.removal_usd_per_th
                    )
                    charge_owner(
                        today,
                        i,
                        per_unit * lots.units[i],
                        courts,
                        parties,
                        lenders,
                        loans,
                        lots,
                        log,
                    )
                else:  # nobody buys it removed: it stays and waits for a cluster buyer
                    _set_state(today, i, LotState.IN_PLACE, lots, log)
        elif state == LotState.IN_PLACE and waited >= terms.in_place_days and has_removed_buyers[k]:
            lots.state[i] = LotState.MOVING
            lots.state_day[i] = today.day
            per_unit = (
                terms.removal_usd_per_gpu
                if hardware.family[k] == Family.GPU
                else terms.removal_usd_per_th
            )
            charge_owner(
                today, i, per_unit * lots.units[i], courts, parties, lenders, loans, lots, log
            )
        elif state == LotState.MOVING and waited >= hardware.relocation_days[k]:
            _set_state(today, i, LotState.REMOVED, lots, log)


@compiled
def _set_state(today: Today, lot: int, state: int, lots: Lots, log: Log) -> None:
    lots.state[lot] = state
    lots.state_day[lot] = today.day
    if lots.offered_day[lot] < 0:
        lots.offered_day[lot] = today.day
        log_event(
            log,
            today.day,
            Event.OFFERED,
            Cause.NONE,
            lots.borrower[lot],
            lots.owner[lot],
            lots.loan[lot],
            lots.units[lot] * lots.mark_usd[lot],
            lots.event[lot],
        )
