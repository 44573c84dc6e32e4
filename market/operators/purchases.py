"""Purchases: building work and hardware signed at the opening, and the money that pays for them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.arrays import total
from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Outside, Status
from ..debt.coin_lines import coin_room_usd, fund_growth
from ..debt.commitments import is_open, note_stop
from ..debt.pledged_income import contract_cost_usd_unit_day
from ..debt.service import yearly_service_usd
from ..debt.waterfall import draw_loan
from ..state.advances import advance_today, advance_without_floor
from ..state.events import Cause, Event
from ..state.hardware import find_holding
from ..state.history import log_event
from ..state.ledger import DUST_USD, Account
from ..state.loans import (
    Amortisation,
    Collateral,
    Instrument,
    LoanStatus,
    annual_rate,
    payments_left,
    scheduled_principal_usd,
)
from ..state.market import Market
from ..state.money import enter, pay

BUFFER_DAYS = 90.0  # cash kept before growth is paid from own money: so many days of outlays
CANCEL_AFTER_DAYS = 90  # an order unfunded for so long is cancelled


@inlined
def spare_cash_usd(market: Market, b: int) -> float:
    """Own cash that may pay for growth [USD]: beyond a quarter's overhead and a year's gap.

    The gap is scheduled debt service less operating cash flow, where that is positive.
    """
    parties, borrowers = market.parties, market.borrowers
    overhead = BUFFER_DAYS * borrowers.fixed_cost_usd_day[b]
    if parties.cash_usd[b] <= overhead:
        return 0.0  # whatever the gap
    service = yearly_service_usd(market, b)
    gap = max(0.0, service - 365.0 * borrowers.trailing_cash_flow_usd[b])
    return max(0.0, parties.cash_usd[b] - (overhead + gap))


@inlined
def _fits(market: Market, loan: int, hardware: int) -> bool:
    """Whether a delayed-draw line has money left for a purchase, whatever its borrower's state.

    Hardware lines pay for machines of their class (``hardware`` >= 0); site and term facilities for
    building work (``hardware`` -1).
    """
    loans = market.loans
    if (
        loans.undrawn_usd[loan] <= 0.0
        or loans.status[loan] != LoanStatus.PERFORMING
        or market.today.day >= loans.maturity_day[loan]
    ):
        return False
    instrument = loans.instrument[loan]
    if hardware >= 0:
        return instrument == Instrument.GPU_LOAN and loans.hardware[loan] == hardware
    return instrument == Instrument.PROJECT_FINANCE or instrument == Instrument.OTHER


@inlined
def _opens(market: Market, loan: int) -> bool:
    """Whether its lender lets a line be drawn for growth."""
    return not market.loans.lock_up[loan] and is_open(market, loan)


@inlined
def has_line(market: Market, b: int) -> bool:
    """Whether any of a borrower's lines has money left, for whatever purpose."""
    loans = market.loans
    found = False
    for loan in range(loans.first[b], loans.first[b + 1]):
        found = found or loans.undrawn_usd[loan] > 0.0
    return found


@compiled
def note_stopped_lines(market: Market, b: int, hardware: int) -> None:
    """Lines that would pay for a purchase and are stopped enter the log."""
    for loan in range(market.loans.first[b], market.loans.first[b + 1]):
        if _fits(market, loan, hardware) and not _opens(market, loan):
            note_stop(market, loan)


@inlined
def draw_for_purchase(market: Market, b: int, need_usd: float, hardware: int) -> Reals:
    """Draw committed delayed-draw lines for a purchase; returns what each loan pays [USD].

    Machines bought become their collateral when delivered.
    """
    loans = market.loans
    paid = 0.0
    paid_by = np.zeros(loans.first[b + 1] - loans.first[b])
    for loan in range(loans.first[b], loans.first[b + 1]):
        if need_usd - paid <= 0.0 or not _fits(market, loan, hardware) or not _opens(market, loan):
            continue
        amount = min(need_usd - paid, loans.undrawn_usd[loan])
        loans.undrawn_usd[loan] -= amount
        draw_loan(market, loan, amount)
        if loans.collateral[loan] == Collateral.SITE:
            built = amount / loans.sheets.initial_ltv[loans.sheet[loan]]
            mw = min(built / market.terms.sites.hall_usd_mw, loans.site_mw[loan])
            loans.site_mw[loan] -= mw
            loans.hall_mw[loan] += mw
        paid += amount
        paid_by[loan - loans.first[b]] = amount
    return paid_by


@compiled
def build(market: Market) -> None:
    """A day of building work committed at the opening.

    Committed equity pays first, then lines, cash above a buffer, loans on coins, and new shares.
    Work that finds no money is not done, and leases that wait for it slip by a day.
    """
    today, parties, borrowers = market.today, market.parties, market.borrowers
    if today.day > 365:
        return
    supplier = today.first_outside + Outside.SUPPLIER
    investors = today.first_outside + Outside.INVESTORS
    for b in range(len(borrowers.capex_usd_day)):
        cost = borrowers.capex_usd_day[b]
        if cost <= 0.0 or parties.status[b] != Status.ACTIVE:
            continue
        from_equity = min(cost, borrowers.committed_equity_usd[b])
        borrowers.committed_equity_usd[b] -= from_equity
        pay(market, investors, b, from_equity)
        paid = from_equity
        if paid < cost and has_line(market, b):
            note_stopped_lines(market, b, -1)
            paid += total(draw_for_purchase(market, b, cost - paid, -1))
        if paid < cost:
            spare = spare_cash_usd(market, b) - paid
            paid = min(cost, paid + max(0.0, spare))
        if paid < cost:
            paid += fund_growth(market, b, cost - paid)
        pay(market, b, supplier, paid)
        borrowers.site_usd[b] += paid
        borrowers.capex_unpaid_days[b] += 1.0 - paid / cost


@compiled
def deliver(market: Market) -> None:
    """A day of deliveries on signed orders.

    They are paid by the deposit, the tenant's prepayment, committed lines, the facility, cash above
    a buffer, loans on coins, and new shares. Funded machines go live; an order that finds no money
    for three months is cancelled and its deposit is lost.
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    borrowers, hardware, holdings = market.borrowers, market.hardware, market.holdings
    loans, contracts, ledger = market.loans, market.contracts, market.ledger
    supplier = today.first_outside + Outside.SUPPLIER
    customers = today.first_outside + Outside.CUSTOMERS
    for c in range(len(contracts.ordered)):
        if contracts.ordered[c] <= 0.0 or today.day < contracts.start_day[c]:
            continue
        b = contracts.landlord[c]
        k = contracts.hardware[c]
        price = hardware.new_usd[k]
        if parties.status[b] != Status.ACTIVE:
            contracts.ordered[c] = 0.0
            continue
        if contracts.unfunded_days[c] >= CANCEL_AFTER_DAYS:
            lost = terms.credit.order_deposit_share * price * contracts.ordered[c]
            log_event(
                market,
                Event.ORDER_CANCELLED,
                Cause.FUNDING,
                (b, supplier, -1),
                lost,
                parties.trail_event[b],
            )
            borrowers.deposits_usd[b] -= lost
            contracts.ordered[c] = 0.0
            continue
        units = min(contracts.ordered[c], contracts.gpus[c] / terms.credit.delivery_days)
        cost = units * price
        need = (1.0 - terms.credit.order_deposit_share) * cost
        prepaid = 0.0
        stays = contracts.broken_day[c] < 0
        if contracts.take_or_pay[c] and stays:
            prepaid = min(need, terms.credit.tenant_prepayment_share * cost)
        advance = advance_today(market)
        limit = max(0.0, min(need - prepaid, advance * cost))
        note_stopped_lines(market, b, k)
        facility = find_facility(market, b, c, k)
        passes = _facility_passes(market, c, units, limit, prepaid, facility.row)
        room = (
            limit
            if passes and stays and prices.appetite * terms.credit.refinancing_appetite > 0.0
            else 0.0
        )
        lines = facility.lines_usd
        spare = spare_cash_usd(market, b)
        appetite = prices.appetite * terms.credit.refinancing_appetite
        appetite *= facility.supply
        borrowed = min(limit, lines + appetite * room)
        short = need - prepaid - borrowed - spare
        if short > borrowers.equity_room_usd[b] + coin_room_usd(market, b):
            contracts.unfunded_days[c] += 1
            continue
        if room > 0.0:
            free = min(need - prepaid, advance_without_floor(market) * cost)
            enter(market, Account.WITHHELD, appetite * (max(0.0, free) - limit))
        fund_growth(market, b, short)
        contracts.unfunded_days[c] = 0
        pay(market, customers, b, prepaid)
        from_lines = draw_for_purchase(market, b, min(limit, lines), k)
        rest = borrowed - total(from_lines)
        if rest > 0.0:
            if terms.derived.growth_years < terms.credit.growth_years:
                enter(market, Account.SHORTENED, rest)
            for loan in range(loans.first[b], loans.first[b + 1]):
                mine = _lends(market, c, loan)
                if mine > 0.0:
                    amount = mine / facility.credit * rest
                    draw_loan(market, loan, amount)
        pay(market, b, supplier, need)
        borrowers.deposits_usd[b] -= cost - need
        row_held = find_holding(holdings, b, k)
        holdings.units[row_held] += units
        ledger.outside_units[k] -= units
        _pledge_delivery(market, c, units, from_lines, rest, facility.credit)
        contracts.ordered[c] -= units
        contracts.delivered[c] += units
        if prepaid > 0.0:
            left = max(1, contracts.end_day[c] - today.day)
            contracts.repaid_usd_day[c] += prepaid / left


class Facility(NamedTuple):
    """Who could lend for a delivery: committed lines, and the facility of its contract."""

    lines_usd: float  # undrawn committed hardware lines for the class
    row: int  # first loan of the facility in good standing, -1: none
    credit: float  # that its lenders give together: what they share it by
    supply: float  # mean of it; 0 without a facility


@inlined
def find_facility(market: Market, b: int, c: int, k: int) -> Facility:
    """Look through a borrower's loans for who could lend for machines of a contract."""
    lenders, loans = market.lenders, market.loans
    lines = 0.0
    row = -1
    credit = 0.0
    parts = 0
    for loan in range(loans.first[b], loans.first[b + 1]):
        mine = loans.growth[loan] == c
        parts += mine
        fits = _fits(market, loan, k)
        if not (mine or fits) or not _opens(market, loan):
            continue
        if mine:
            credit += lenders.supply[loans.lender[loan]]
            if row < 0:
                row = loan
        if fits:
            lines += loans.undrawn_usd[loan]
    return Facility(lines, row, credit, credit / max(parts, 1))


@inlined
def _lends(market: Market, c: int, loan: int) -> float:
    """Credit its lender gives on a part of a contract's facility, 0 to 1: none in bad standing."""
    if market.loans.growth[loan] != c or not _opens(market, loan):
        return 0.0
    return market.lenders.supply[market.loans.lender[loan]]


@inlined
def _facility_passes(
    market: Market, c: int, units: float, debt_usd: float, prepaid_usd: float, loan: int
) -> bool:
    """Whether a contract's own rent covers the service of the machines it needs."""
    today, prices, terms = market.today, market.prices, market.terms
    loans, contracts = market.loans, market.contracts
    if loan < 0 or units <= 0.0 or contracts.gpus[c] <= 0.0:
        return False
    left_days = max(1, contracts.end_day[c] - today.day)
    rent = contracts.usd_day[c] * units / contracts.gpus[c] - prepaid_usd / left_days
    cost = contract_cost_usd_unit_day(market, c)
    rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], prices.reference_rate)
    interval = loans.interval_days[loan]
    left = payments_left(loans.next_payment_day[loan], loans.maturity_day[loan], interval)
    principal = scheduled_principal_usd(debt_usd, Amortisation.LINEAR, 0.0, rate, interval, left)
    service = principal / interval + debt_usd * rate / 365.0
    return rent - cost * units >= terms.credit.growth_min_dscr * service


@inlined
def _pledge_delivery(
    market: Market,
    c: int,
    units: float,
    from_lines: Reals,
    from_facility: float,
    credit: float,
) -> None:
    """Delivered machines secure the loans that paid for them, in proportion to what each paid.

    ``from_lines`` [USD] is by loan of the landlord.
    """
    holdings, loans, contracts = market.holdings, market.loans, market.contracts
    b, k = contracts.landlord[c], contracts.hardware[c]
    row_held = find_holding(holdings, b, k)
    paid = total(from_lines) + from_facility
    if paid <= DUST_USD:
        return
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] != LoanStatus.PERFORMING or loans.hardware[loan] != k:
            continue
        mine = _lends(market, c, loan)
        lent = from_lines[loan - loans.first[b]]
        if mine > 0.0:
            lent += from_facility * mine / credit
        pledged = units * lent / paid
        if pledged > 0.0:
            loans.collateral_units[loan] += pledged
            loans.contract_units[loan] += pledged
            loans.holding[loan] = row_held
            holdings.pledged[row_held] += pledged
