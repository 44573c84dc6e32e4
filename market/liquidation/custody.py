"""Custody: what happens to seized machines between the default and the sale.

Legal delay; then a large enough cluster is offered where it stands, anything else is de-installed,
shipped and offered removed. Every day in custody costs the owner.
"""

from __future__ import annotations

import numpy as np

from ...agents.columns import Ints
from ...agents.compiling.kernels import compiled, inlined
from ...agents.miner import online_share, power_cost_usd_day
from ...agents.neocloud import HOURS_PER_DAY, spot_margin_usd_day
from ...agents.party import Outside, Status
from ..debt.losses import charge_lender, note_recovery
from ..debt.sites import site_rent_usd_day
from ..state.events import Cause, Event
from ..state.hardware import Family
from ..state.history import log_event
from ..state.lots import Lots, LotState, lots_by_borrower
from ..state.market import Market
from ..state.money import fund, pay, repay
from ..state.units import TH_PER_PH

CARRY_USD_KWH = 0.12  # what a host charges for a machine that runs
IDLE_RIG_SHARE = 0.1  # idle cost of rigs in a shed, of that of GPUs in a data hall
GPU_KW = 2.0  # storage of rigs is charged by the space a GPU of so much power takes


@inlined
def is_held(market: Market, lot: int) -> bool:
    """Whether a seized lot is kept for good: it is never offered, a host runs all of it.

    Lenders keep theirs with ``lenders.hold_seized``, everybody does without forced supply.
    """
    today, terms, hardware, lots = market.today, market.terms, market.hardware, market.lots
    kept = terms.lenders.hold_seized and lots.loan[lot] >= 0
    if not terms.channels.forced_supply:
        kept = not is_owners(market, lot)
    return (
        kept
        and hardware.family[lots.hardware[lot]] != Family.SITE
        and today.day >= lots.seized_day[lot] + terms.liquidation.legal_days
    )


@inlined
def is_owners(market: Market, lot: int) -> bool:
    """Whether a lot is what an owner that stands has put on sale."""
    lots = market.lots
    return lots.listed[lot] and market.parties.status[lots.borrower[lot]] == Status.ACTIVE


@compiled
def carry_lots(market: Market) -> tuple[float, float]:
    """Cost and income of every unsold lot for a day; returns GPUs [H100s by rent] and TH/s kept on.

    Where machines stand, a receiver keeps part of the GPUs rented, at the failed operator's
    realisation less what hosting gives up, with part of what contracts pay beyond spot; and part of
    the rigs that pay their power mining. The rest costs idle site. Removed machines cost storage,
    unless a host runs them. Who keeps what it seized has all of it run that way, for a hosting fee.
    Tenants of halls that stay pay whoever has them.
    """
    today, prices, terms, miners = market.today, market.prices, market.terms, market.miners
    hardware, loans, lots = market.hardware, market.loans, market.lots
    courts = today.first_outside + Outside.COURTS
    customers = today.first_outside + Outside.CUSTOMERS
    exchange = today.first_outside + Outside.EXCHANGE
    supply = 0.0
    hashrate = 0.0
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        if lots.state[i] == LotState.SOLD:
            continue
        if hardware.family[k] == Family.SITE:
            if k == market.opening.hall_class:
                credit_owner(market, i, site_rent_usd_day(market, i), customers)
            continue
        gpu = hardware.family[k] == Family.GPU
        standing = lots.state[i] == LotState.LEGAL or lots.state[i] == LotState.IN_PLACE
        running = hardware.kw[k] * HOURS_PER_DAY * CARRY_USD_KWH
        held = is_held(market, i)
        kept = 1.0 if held else terms.liquidation.receiver_share
        if standing and gpu:
            margin = hosting_margin_usd_day(market, i)
            margin += terms.tenants.contract_kept_share * lots.premium_usd_unit_day[i]
            rented = kept if margin > 0.0 else 0.0
            supply += rented * lots.units[i] * hardware.quality[k]
            income = rented * lots.units[i] * margin
            if income > 0.0:
                credit_owner(market, i, income, customers)
            rate = (1.0 - rented) * terms.liquidation.idle_cost_share * running
        elif standing:
            price = miners.power_usd_mwh[lots.borrower[i]]
            lo, hi = hardware.lo_j_th[k], hardware.hi_j_th[k]
            share = online_share(prices.hashprice_usd_ph_day, price, lo, hi) * kept
            mined = share * lots.units[i] / TH_PER_PH * prices.hashprice_usd_ph_day
            income = mined - power_cost_usd_day(lots.units[i], share, price, lo, hi)
            if held:
                income *= 1.0 - terms.liquidation.hosting_discount
            if income > 0.0:
                hashrate += share * lots.units[i]
                credit_owner(market, i, income, exchange)
            rate = (1.0 - share) * terms.liquidation.idle_cost_share * running * IDLE_RIG_SHARE
        elif gpu:
            share = min(lots.hosted_units[i], lots.units[i]) / max(lots.units[i], 1e-9)
            margin = hosting_margin_usd_day(market, i)
            supply += share * lots.units[i] * hardware.quality[k]
            income = share * lots.units[i] * margin
            if income > 0.0:
                credit_owner(market, i, income, customers)
            rate = terms.liquidation.storage_usd_per_gpu_day * (1.0 - share)
            rate += share * max(0.0, -margin)  # the host is paid until the next auction
        else:
            rate = terms.liquidation.storage_usd_per_gpu_day * hardware.kw[k] / GPU_KW
        charge_owner(market, i, rate * lots.units[i], courts)
        loan = lots.loan[i]
        if held and loan >= 0 and loans.principal_usd[loan] <= 1e-6:  # the rest is the estate's
            loans.claims.open_lots[loans.claim[loan]] -= 1
            lots.loan[i] = -1
            lots.owner[i] = lots.borrower[i]
    return supply, hashrate


@inlined
def idle_usd_unit_day(market: Market, k: int) -> float:
    """What a machine that nobody runs costs a day [USD]: a GPU in storage, a TH/s in its shed."""
    terms = market.terms.liquidation
    if market.hardware.family[k] == Family.GPU:
        return terms.storage_usd_per_gpu_day
    running = market.hardware.kw[k] * HOURS_PER_DAY * CARRY_USD_KWH
    return terms.idle_cost_share * running * IDLE_RIG_SHARE


@inlined
def hosting_margin_usd_day(market: Market, lot: int) -> float:
    """What a GPU of a lot leaves a day [USD] when somebody else runs it at spot."""
    prices, terms, neoclouds = market.prices, market.terms, market.neoclouds
    hardware, lots = market.hardware, market.lots
    k = lots.hardware[lot]
    kept = (1.0 - terms.liquidation.hosting_discount) * neoclouds.spot_realisation[
        lots.borrower[lot]
    ]
    running = hardware.kw[k] * HOURS_PER_DAY * CARRY_USD_KWH
    return spot_margin_usd_day(prices.rent_h100_usd_h * hardware.quality[k], kept, running)


@inlined
def credit_owner(market: Market, lot: int, income_usd: float, customers: int) -> None:
    """Income of a lot in custody: to the estate, or towards the claim, as far as it goes."""
    today, _prices, parties, loans = market.today, market.prices, market.parties, market.loans
    lots = market.lots
    loan = lots.loan[lot]
    if loan < 0:
        owner = lots.owner[lot]
        ended = parties.status[owner] == Status.WOUND_UP
        payee = today.first_outside + Outside.INVESTORS if ended else owner
        pay(market, customers, payee, income_usd)
        return
    applied = min(income_usd, loans.principal_usd[loan])
    repay(market, loan, customers, applied)
    pay(market, customers, lots.borrower[lot], income_usd - applied)
    note_recovery(market, loan, applied)


@inlined
def charge_owner(market: Market, lot: int, cost_usd: float, courts: int) -> None:
    """A cost of enforcement: a lender's loss, or out of the estate's cash as far as it goes."""
    today, _prices, parties, _loans = market.today, market.prices, market.parties, market.loans
    lots = market.lots
    owner = lots.owner[lot]
    loan = lots.loan[lot]
    if loan < 0:
        pay(market, owner, courts, min(cost_usd, max(parties.cash_usd[owner], 0.0)))
        return
    row = owner - today.first_lender
    fund(market, row, cost_usd)
    pay(market, owner, courts, cost_usd)
    note_recovery(market, loan, -cost_usd)
    charge_lender(market, row, cost_usd, lots.event[lot])


@compiled
def advance_lots(market: Market) -> None:
    """Legal delay, then in place, then removed.

    GPUs are offered in place if the borrower's cluster is large enough, or if nobody buys the class
    removed. Rigs are sold from where they stand. Sites are sold after a delay of their own. What is
    held for good stays where it is.
    """
    today, terms, hardware, loans = market.today, market.terms, market.hardware, market.loans
    lots = market.lots
    first, rows = np.empty(0, np.int32), np.empty(0, np.int32)
    for i in range(lots.count[0]):
        free = (
            lots.state[i] == LotState.LEGAL
            and today.day >= lots.state_day[i] + terms.liquidation.legal_days
        )
        if free and hardware.family[lots.hardware[i]] == Family.GPU:
            first, rows = lots_by_borrower(len(loans.first) - 1, lots)
            break
    _advance(market, first, rows)


@compiled
def _advance(market: Market, first: Ints, rows: Ints) -> None:
    """Move lots on; ``first`` and ``rows`` list them by borrower, if GPUs leave the court today."""
    today, terms, hardware, lots = market.today, market.terms, market.hardware, market.lots
    has_in_place_buyers = market.has_in_place_buyers
    has_removed_buyers = market.has_removed_buyers
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        waited = today.day - lots.state_day[i]
        state = lots.state[i]
        if hardware.family[k] == Family.SITE:
            offered = terms.channels.forced_supply
            if offered and state == LotState.LEGAL and waited >= terms.liquidation.site_days:
                _offer(market, i, LotState.REMOVED)
        elif is_held(market, i):
            if today.day == lots.seized_day[i] + terms.liquidation.legal_days:
                note_hosted(market, i, lots.units[i])
        elif state == LotState.LEGAL and waited >= terms.liquidation.legal_days:
            stays = not has_removed_buyers[k] or hardware.family[k] == Family.ASIC
            if not stays and has_in_place_buyers[k]:
                start, end = first[lots.borrower[i]], first[lots.borrower[i] + 1]
                stays = standing_units(start, end, rows, k, lots) >= market.opening.smallest_cluster
            if stays:
                _offer(market, i, LotState.IN_PLACE)
            else:
                _remove(market, i)
        elif (
            state == LotState.IN_PLACE
            and hardware.family[k] == Family.GPU
            and waited >= terms.liquidation.in_place_days
            and has_removed_buyers[k]
        ):
            _remove(market, i)
        elif state == LotState.MOVING and waited >= hardware.relocation_days[k]:
            _offer(market, i, LotState.REMOVED)


@compiled
def standing_units(start: int, end: int, rows: Ints, hardware: int, lots: Lots) -> float:
    """Units of a class that a borrower's lots hold where they stood: ``rows[start:end]``."""
    units = 0.0
    for place in range(start, end):
        i = rows[place]
        if lots.hardware[i] == hardware and lots.state[i] <= LotState.IN_PLACE:
            units += lots.units[i]
    return units


@compiled
def _remove(market: Market, lot: int) -> None:
    """De-install GPUs and ship them, at the owner's cost."""
    today, terms, lots = market.today, market.terms, market.lots
    lots.state[lot] = LotState.MOVING
    lots.state_day[lot] = today.day
    courts = today.first_outside + Outside.COURTS
    cost = terms.liquidation.removal_usd_per_gpu * lots.units[lot]
    charge_owner(market, lot, cost, courts)


@compiled
def note_hosted(market: Market, lot: int, units: float) -> None:
    """A lender keeps machines of a lot and has them run."""
    lots = market.lots
    log_event(
        market,
        Event.HOSTED,
        Cause.RETURNS,
        (lots.owner[lot], lots.borrower[lot], lots.loan[lot]),
        units * lots.mark_usd[lot],
        lots.event[lot],
    )


@compiled
def _offer(market: Market, lot: int, state: int) -> None:
    today, lots = market.today, market.lots
    lots.state[lot] = state
    lots.state_day[lot] = today.day
    if lots.offered_day[lot] < 0:
        lots.offered_day[lot] = today.day
        log_event(
            market,
            Event.OFFERED,
            Cause.NONE,
            (lots.borrower[lot], lots.owner[lot], lots.loan[lot]),
            lots.units[lot] * lots.mark_usd[lot],
            lots.event[lot],
        )
