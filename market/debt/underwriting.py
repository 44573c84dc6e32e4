"""Credit: underwriting, the value of shares, roll-over and refinancing of what matures."""

from __future__ import annotations

import numpy as np

from ...agents.borrower import (
    QUARTER_DAYS,
    Limits,
    can_refinance,
    equity_room_usd,
    equity_value_usd,
)
from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Status
from ..state.contracts import ContractKind
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market
from .service import borrower_debt_usd, yearly_interest_usd
from .sites import leased_site_usd

WEEK_DAYS = 7
CONTRACT_MARGIN = 0.5  # of contract rent, after running cost, leases and overhead


@compiled
def contract_values_usd(market: Market, count: int) -> Reals:
    """Part of contracted net rents that underwriting counts [borrower, USD].

    Leases that have begun, of halls that are pledged, are in the value of these.
    """
    today, terms, contracts, loans = market.today, market.terms, market.contracts, market.loans
    values, free = np.zeros(count), np.ones(count)
    for loan in range(len(loans.status)):
        performs = loans.status[loan] == LoanStatus.PERFORMING
        if performs and loans.collateral[loan] == Collateral.SITE:
            b = loans.borrower[loan]
            free[b] = max(0.0, free[b] - loans.collateral_units[loan])
    for c in range(len(contracts.kind)):
        b = contracts.landlord[c]
        days = contracts.end_day[c] - max(today.day, contracts.start_day[c])
        if b < count and days > 0 and contracts.broken_day[c] < 0:
            live = contracts.rent_share[c]
            if contracts.kind[c] == ContractKind.COMPUTE:
                live *= contracts.delivered[c] / max(contracts.gpus[c], 1e-9)
            elif today.day >= contracts.start_day[c] + _slip_days(market, c):
                live *= free[b]
            values[b] += (
                terms.credit.income_collateral_share
                * CONTRACT_MARGIN
                * contracts.usd_day[c]
                * live
                * days
            )
    return values


@inlined
def _slip_days(market: Market, c: int) -> float:
    """Days by which a lease signed for later begins late: building work was not paid."""
    contracts = market.contracts
    late = market.borrowers.capex_unpaid_days[contracts.landlord[c]]
    return late if contracts.signed_later[c] else 0.0


@inlined
def other_assets_usd(market: Market, b: int) -> float:
    """Cash, coins and sites [USD]: what underwriting counts beside machines and contracts."""
    prices, parties, borrowers = market.prices, market.parties, market.borrowers
    loans = market.loans
    value = parties.cash_usd[b] + (parties.btc[b] + parties.btc_lent[b]) * prices.btc_usd
    value += parties.eth[b] * prices.eth_usd + borrowers.site_usd[b] + borrowers.deposits_usd[b]
    for loan in range(loans.first[b], loans.first[b + 1]):
        value += loans.collateral_btc[loan] * prices.btc_usd
        if loans.status[loan] == LoanStatus.PERFORMING:
            if loans.collateral[loan] == Collateral.SITE:
                value += leased_site_usd(market, loan)
    return value


@inlined
def machines_usd(market: Market, b: int, prices_usd: Reals) -> float:
    """A borrower's machines at given prices [class]; in USD."""
    holdings = market.holdings
    value = 0.0
    for row in range(holdings.first[b], holdings.first[b + 1]):
        value += holdings.units[row] * prices_usd[holdings.hardware[row]]
    return value


@compiled
def worst_sale(market: Market, b: int) -> int:
    """The forced sale that took most off the marks of a borrower's machines, -1 if none did."""
    holdings, clearing_event = market.holdings, market.clearing_event
    marks_usd, schedule_usd = market.marks_usd, market.schedule_usd
    worst = 0.0
    event = -1
    for row in range(holdings.first[b], holdings.first[b + 1]):
        k = holdings.hardware[row]
        lost = holdings.units[row] * (schedule_usd[k] - marks_usd[k])
        if lost > worst and clearing_event[k] >= 0:
            worst = lost
            event = clearing_event[k]
    return event


@compiled
def underwrite(market: Market) -> None:
    """Who could refinance this week, and what the shares of listed borrowers are worth.

    Every borrower in good standing is underwritten as a whole. One that fails at lenders' marks but
    would pass at scheduled values was touched by the sale that last set those marks.
    """
    today, prices, terms, parties = market.today, market.prices, market.terms, market.parties
    borrowers, marks_usd, schedule_usd = market.borrowers, market.marks_usd, market.schedule_usd
    count = len(borrowers.creditworthy)
    easy = 1.0 + terms.lenders.cycle_swing * prices.ease
    limits = Limits(
        easy * terms.credit.max_ltv,
        easy * terms.credit.max_leverage,
        terms.credit.min_interest_coverage,
    )
    rents = contract_values_usd(market, count)
    for b in range(count):
        borrowers.refusal_event[b] = -1
        if parties.status[b] != Status.ACTIVE:
            borrowers.creditworthy[b] = False
            borrowers.equity_room_usd[b] = 0.0
            continue
        debt = borrower_debt_usd(market, b)
        interest = yearly_interest_usd(market, b)
        liquidity = parties.cash_usd[b] + parties.btc[b] * prices.btc_usd
        other = other_assets_usd(market, b) + rents[b]
        assets = other + machines_usd(market, b, marks_usd)
        cash_flow = 365.0 * borrowers.trailing_cash_flow_usd[b]
        borrowers.interest_reserve_usd[b] = 0.25 * interest
        passes = can_refinance(debt, assets, cash_flow, liquidity, interest, limits)
        if not passes:
            scheduled = other + machines_usd(market, b, schedule_usd)
            if can_refinance(debt, scheduled, cash_flow, liquidity, interest, limits):
                borrowers.refusal_event[b] = worst_sale(market, b)
        borrowers.creditworthy[b] = passes and parties.payables_usd[b] <= 0.0
        if borrowers.market_cap_open_usd[b] <= 0.0:
            continue
        if today.day == 0:  # the quoted market cap tells what is paid beyond net assets
            borrowers.assets_open_usd[b] = assets
            borrowers.goodwill_open_usd[b] = borrowers.market_cap_open_usd[b] - (assets - debt)
        borrowers.equity_usd[b] = equity_value_usd(
            assets,
            debt,
            borrowers.goodwill_open_usd[b],
            borrowers.assets_open_usd[b],
            terms.credit.equity_floor_share * borrowers.market_cap_open_usd[b],
        )
        borrowers.equity_room_usd[b] = equity_room_usd(
            borrowers.equity_room_usd[b],
            borrowers.equity_usd[b],
            borrowers.market_cap_open_usd[b],
            terms.credit.equity_share_per_quarter,
            terms.credit.equity_window_share,
            float(QUARTER_DAYS if today.day == 0 else WEEK_DAYS),
        )
