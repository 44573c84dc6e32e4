"""Custody: what happens to seized machines between the default and the sale.

Legal delay; then a large enough cluster is offered where it stands, anything else is de-installed,
shipped and offered removed. Every day in custody costs the owner.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import Lenders
from ...agents.miner import Miners, online_share, power_cost_usd_day
from ...agents.neocloud import HOURS_PER_DAY, Neoclouds, spot_margin_usd_day
from ...agents.party import Outside, Parties, Status
from ..debt.losses import charge_lender
from ..state.context import Terms, Today
from ..state.events import Cause, Event, Log, log_event
from ..state.hardware import Family, Hardware
from ..state.ledger import Ledger, fund, pay, repay
from ..state.loans import Loans, annual_rate, present_value_factor
from ..state.lots import Lots, LotState, lots_by_borrower

TH_PER_PH = 1000.0
CARRY_USD_KWH = 0.12  # what a host charges for a machine that runs
IDLE_RIG_SHARE = 0.1  # idle cost of rigs in a shed, of that of GPUs in a data hall
GPU_KW = 2.0  # storage of rigs is charged by the space a GPU of so much power takes


@inlined
def is_held(today: Today, terms: Terms, lot: int, hardware: Hardware, lots: Lots) -> bool:
    """Whether a lender keeps a seized lot for good: it is never offered, a host runs all of it."""
    return (
        terms.hold_seized
        and lots.loan[lot] >= 0
        and hardware.family[lots.hardware[lot]] != Family.SITE
        and today.day >= lots.seized_day[lot] + terms.legal_days
    )


@compiled
def carry_lots(
    today: Today,
    terms: Terms,
    parties: Parties,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    hardware: Hardware,
    miners: Miners,
    neoclouds: Neoclouds,
    lots: Lots,
    log: Log,
) -> tuple[float, float]:
    """Cost and income of every unsold lot for a day; returns GPUs [H100s by rent] and TH/s kept on.

    Where machines stand, a receiver keeps part of the GPUs rented, at the failed operator's
    realisation less what hosting gives up, with part of what contracts pay beyond spot; and part of
    the rigs that pay their power mining. The rest costs idle site. Removed machines cost storage,
    unless a host runs them. Who keeps what it seized has all of it run that way, for a hosting fee.
    """
    courts = today.first_outside + Outside.COURTS
    customers = today.first_outside + Outside.CUSTOMERS
    exchange = today.first_outside + Outside.EXCHANGE
    supply = 0.0
    hashrate = 0.0
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        if lots.state[i] == LotState.SOLD or hardware.family[k] == Family.SITE:
            continue
        gpu = hardware.family[k] == Family.GPU
        standing = lots.state[i] == LotState.LEGAL or lots.state[i] == LotState.IN_PLACE
        running = hardware.kw[k] * HOURS_PER_DAY * CARRY_USD_KWH
        held = is_held(today, terms, i, hardware, lots)
        kept = 1.0 if held else terms.receiver_share
        if standing and gpu:
            margin = hosting_margin_usd_day(today, terms, i, hardware, neoclouds, lots)
            margin += terms.contract_kept_share * lots.premium_usd_unit_day[i]
            rented = kept if margin > 0.0 else 0.0
            supply += rented * lots.units[i] * hardware.quality[k]
            income = rented * lots.units[i] * margin
            if income > 0.0:
                credit_owner(today, i, income, customers, parties, lenders, ledger, loans, lots)
            rate = (1.0 - rented) * terms.idle_cost_share * running
        elif standing:
            price = miners.power_usd_mwh[lots.borrower[i]]
            lo, hi = hardware.lo_j_th[k], hardware.hi_j_th[k]
            share = online_share(today.hashprice_usd_ph_day, price, lo, hi) * kept
            mined = share * lots.units[i] / TH_PER_PH * today.hashprice_usd_ph_day
            income = mined - power_cost_usd_day(lots.units[i], share, price, lo, hi)
            if held:
                income *= 1.0 - terms.hosting_discount
            if income > 0.0:
                hashrate += share * lots.units[i]
                credit_owner(today, i, income, exchange, parties, lenders, ledger, loans, lots)
            rate = (1.0 - share) * terms.idle_cost_share * running * IDLE_RIG_SHARE
        elif gpu:
            share = min(lots.hosted_units[i], lots.units[i]) / max(lots.units[i], 1e-9)
            margin = hosting_margin_usd_day(today, terms, i, hardware, neoclouds, lots)
            supply += share * lots.units[i] * hardware.quality[k]
            income = share * lots.units[i] * margin
            if income > 0.0:
                credit_owner(today, i, income, customers, parties, lenders, ledger, loans, lots)
            rate = terms.storage_usd_per_gpu_day * (1.0 - share)
            rate += share * max(0.0, -margin)  # the host is paid until the next auction
        else:
            rate = terms.storage_usd_per_gpu_day * hardware.kw[k] / GPU_KW
        charge_owner(today, i, rate * lots.units[i], courts, parties, lenders, loans, lots, log)
        if held and loans.principal_usd[lots.loan[i]] <= 1e-6:  # repaid: the rest is the estate's
            loans.claims.open_lots[loans.claim[lots.loan[i]]] -= 1
            lots.loan[i] = -1
            lots.owner[i] = lots.borrower[i]
    return supply, hashrate


@inlined
def hosting_margin_usd_day(
    today: Today, terms: Terms, lot: int, hardware: Hardware, neoclouds: Neoclouds, lots: Lots
) -> float:
    """What a GPU of a lot leaves a day [USD] when somebody else runs it at spot."""
    k = lots.hardware[lot]
    kept = (1.0 - terms.hosting_discount) * neoclouds.spot_realisation[lots.borrower[lot]]
    running = hardware.kw[k] * HOURS_PER_DAY * CARRY_USD_KWH
    return spot_margin_usd_day(today.rent_h100_usd_h * hardware.quality[k], kept, running)


@inlined
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
        owner = lots.owner[lot]
        ended = parties.status[owner] == Status.WOUND_UP
        payee = today.first_outside + Outside.INVESTORS if ended else owner
        pay(parties, customers, payee, income_usd)
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
    claims, claim = loans.claims, loans.claim[loan]
    claims.recovered_usd[claim] += applied
    rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], today.reference_rate)
    claims.recovered_value_usd[claim] += applied * present_value_factor(
        today.day, claims.default_day[claim], rate
    )


@inlined
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
    fund(parties, lenders, row, owner, today.first_outside + Outside.INVESTORS, cost_usd)
    pay(parties, owner, courts, cost_usd)
    rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], today.reference_rate)
    claims, claim = loans.claims, loans.claim[loan]
    claims.recovered_usd[claim] -= cost_usd
    claims.recovered_value_usd[claim] -= cost_usd * present_value_factor(
        today.day, claims.default_day[claim], rate
    )
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
    """Legal delay, then in place, then removed.

    GPUs are offered in place if the borrower's cluster is large enough, or if nobody buys the class
    removed. Rigs are sold from where they stand. Sites are sold after a delay of their own. What is
    held for good stays where it is.
    """
    first, rows = np.empty(0, np.int32), np.empty(0, np.int32)
    for i in range(lots.count[0]):
        free = lots.state[i] == LotState.LEGAL and today.day >= lots.state_day[i] + terms.legal_days
        if free and hardware.family[lots.hardware[i]] == Family.GPU:
            first, rows = lots_by_borrower(len(loans.first) - 1, lots)
            break
    _advance(
        today,
        terms,
        first,
        rows,
        smallest_cluster,
        has_removed_buyers,
        has_in_place_buyers,
        parties,
        lenders,
        loans,
        hardware,
        lots,
        log,
    )


@compiled
def _advance(
    today: Today,
    terms: Terms,
    first: np.ndarray,
    rows: np.ndarray,
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
    """Move lots on; ``first`` and ``rows`` list them by borrower, if GPUs leave the court today."""
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        waited = today.day - lots.state_day[i]
        state = lots.state[i]
        if hardware.family[k] == Family.SITE:
            if state == LotState.LEGAL and waited >= terms.site_days:
                _offer(today, i, LotState.REMOVED, lots, log)
        elif is_held(today, terms, i, hardware, lots):
            if today.day == lots.seized_day[i] + terms.legal_days:
                note_hosted(today, i, lots.units[i], lots, log)
        elif state == LotState.LEGAL and waited >= terms.legal_days:
            stays = not has_removed_buyers[k] or hardware.family[k] == Family.ASIC
            if not stays and has_in_place_buyers[k]:
                start, end = first[lots.borrower[i]], first[lots.borrower[i] + 1]
                stays = standing_units(start, end, rows, k, lots) >= smallest_cluster
            if stays:
                _offer(today, i, LotState.IN_PLACE, lots, log)
            else:
                _remove(today, terms, i, parties, lenders, loans, lots, log)
        elif (
            state == LotState.IN_PLACE
            and hardware.family[k] == Family.GPU
            and waited >= terms.in_place_days
            and has_removed_buyers[k]
        ):
            _remove(today, terms, i, parties, lenders, loans, lots, log)
        elif state == LotState.MOVING and waited >= hardware.relocation_days[k]:
            _offer(today, i, LotState.REMOVED, lots, log)


@compiled
def standing_units(start: int, end: int, rows: np.ndarray, hardware: int, lots: Lots) -> float:
    """Units of a class that a borrower's lots hold where they stood: ``rows[start:end]``."""
    units = 0.0
    for place in range(start, end):
        i = rows[place]
        if lots.hardware[i] == hardware and lots.state[i] <= LotState.IN_PLACE:
            units += lots.units[i]
    return units


@compiled
def _remove(
    today: Today,
    terms: Terms,
    lot: int,
    parties: Parties,
    lenders: Lenders,
    loans: Loans,
    lots: Lots,
    log: Log,
) -> None:
    """De-install GPUs and ship them, at the owner's cost."""
    lots.state[lot] = LotState.MOVING
    lots.state_day[lot] = today.day
    courts = today.first_outside + Outside.COURTS
    cost = terms.removal_usd_per_gpu * lots.units[lot]
    charge_owner(today, lot, cost, courts, parties, lenders, loans, lots, log)


@compiled
def note_hosted(today: Today, lot: int, units: float, lots: Lots, log: Log) -> None:
    """A lender keeps machines of a lot and has them run."""
    log_event(
        log,
        today.day,
        Event.HOSTED,
        Cause.RETURNS,
        lots.owner[lot],
        lots.borrower[lot],
        lots.loan[lot],
        units * lots.mark_usd[lot],
        lots.event[lot],
    )


@compiled
def _offer(today: Today, lot: int, state: int, lots: Lots, log: Log) -> None:
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
