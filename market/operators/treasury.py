"""Miners' treasuries: who keeps the coins it mines, and who sells coins it holds.

A policy says what share of production is kept. A treasurer looks ahead ``miners.hold_buffer_days``
and compares sources of cash with uses, as rating agencies do: what falls short is taken out of
production first, and then sold from the stock of coins over ``miners.sale_days``.
"""

from __future__ import annotations

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.miner import coins_sold_usd, held_share
from ...agents.party import Kind, Outside, Status
from ..debt.service import yearly_service_usd
from ..debt.waterfall import drawable_usd, sell_treasury
from ..state.ledger import DUST_USD
from ..state.loans import Amortisation, Collateral, LoanStatus, loan_to_value
from ..state.market import Market
from ..state.units import TH_PER_PH

BUILDING_DAYS = 365  # work committed at the opening is spread over so long


@compiled
def manage_treasuries(market: Market) -> None:
    """Share of today's production that each miner keeps, and coins that it sells (in place)."""
    today, terms, prices = market.today, market.terms.miners, market.prices
    parties, miners = market.parties, market.miners
    exchange = today.first_outside + Outside.EXCHANGE
    if terms.hold_buffer_days <= 0:
        return
    orders_usd = _orders_usd(market)
    for b in range(len(miners.hold_policy)):
        btc_usd = parties.btc[b] * prices.btc_usd
        coins_usd = btc_usd + parties.eth[b] * prices.eth_usd
        idle = miners.hold_policy[b] <= 0.0 and coins_usd <= 0.0
        if idle or parties.kind[b] != Kind.MINER or parties.status[b] != Status.ACTIVE:
            continue
        missing_usd, call_usd = _margin_ahead_usd(market, b)
        tied_usd = min(missing_usd, btc_usd)  # free coins that answer the call
        uses = _uses_usd(market, b) + orders_usd[b]
        if missing_usd > 0.0:
            uses += (1.0 - tied_usd / missing_usd) * call_usd
        sources = _sources_usd(market, b)
        if miners.hold_policy[b] > 0.0:
            miners.hold_share[b] = held_share(miners.hold_policy[b], sources, uses)
        if today.day == 0 or terms.sale_days <= 0:
            continue
        sold = coins_sold_usd(coins_usd - tied_usd, sources, uses, terms.sale_days)
        if sold > DUST_USD:
            sell_treasury(market, b, sold, exchange)


@inlined
def _sources_usd(market: Market, b: int) -> float:
    """Cash, what lines give today, and new shares the market takes today [USD]."""
    loans = market.loans
    sources = max(0.0, market.parties.cash_usd[b]) + market.borrowers.equity_room_usd[b]
    for loan in range(loans.first[b], loans.first[b + 1]):
        sources += drawable_usd(market, loan)
    return sources


@compiled
def _uses_usd(market: Market, b: int) -> float:
    """What a miner pays over the days ahead [USD], beyond income that is no coin it means to keep.

    Running cost and income as yesterday, scheduled debt service, bullets that would not be rolled,
    and building work; open orders come on top.
    """
    miners, borrowers, neoclouds = market.miners, market.borrowers, market.neoclouds
    days, day = market.terms.miners.hold_buffer_days, market.today.day
    mined = miners.hashrate_online_th[b] / TH_PER_PH * market.prices.hashprice_usd_ph_day
    power = max(mined - miners.margin_usd_day[b], 0.0)
    overhead = borrowers.fixed_cost_usd_day[b] + borrowers.other_cost_usd_day[b]
    income = (1.0 - miners.hold_policy[b]) * mined + borrowers.other_revenue_usd_day[b]
    income += neoclouds.income_usd_day[b] + neoclouds.hosting_usd_day[b]
    burnt = power + overhead + neoclouds.lease_cost_usd_day[b] - income
    uses = days * max(0.0, burnt) + days / 365.0 * yearly_service_usd(market, b)
    uses += _bullets_usd(market, b)
    building = min(days, max(0, BUILDING_DAYS - day)) * borrowers.capex_usd_day[b]
    uses += max(0.0, building - borrowers.committed_equity_usd[b])
    return uses


@inlined
def _bullets_usd(market: Market, b: int) -> float:
    """Principal that matures in the days ahead and would not be rolled as things stand [USD]."""
    loans, prices = market.loans, market.prices
    last = market.today.day + market.terms.miners.hold_buffer_days
    due = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        if (
            loans.status[loan] != LoanStatus.PERFORMING
            or loans.amortisation[loan] != Amortisation.BULLET
            or loans.maturity_day[loan] > last
        ):
            continue
        rolls = market.borrowers.creditworthy[b]
        if loans.collateral[loan] == Collateral.BTC:
            value = loans.collateral_btc[loan] * prices.btc_usd
            margin_call = loans.sheets.margin_call_ltv[loans.sheet[loan]]
            rolls = loan_to_value(loans.principal_usd[loan], value) < margin_call
        if not rolls:
            due += loans.principal_usd[loan]
    return due


@inlined
def _margin_ahead_usd(market: Market, b: int) -> tuple[float, float]:
    """What lenders would ask for if they called today: coins, or cash instead [USD, USD]."""
    loans, prices = market.loans, market.prices
    coins = 0.0
    cash = 0.0
    if not market.terms.channels.crypto_margin:
        return coins, cash
    for loan in range(loans.first[b], loans.first[b + 1]):
        if (
            loans.collateral[loan] == Collateral.BTC
            and loans.status[loan] == LoanStatus.PERFORMING
            and loans.principal_usd[loan] > 0.0
        ):
            initial = loans.sheets.initial_ltv[loans.sheet[loan]]
            value = loans.collateral_btc[loan] * prices.btc_usd
            call = max(0.0, loans.principal_usd[loan] - initial * value)
            coins += call / initial
            cash += call
    return coins, cash


@compiled
def _orders_usd(market: Market) -> Reals:
    """Own money for machines to come [borrower, USD]: rigs with sites, GPUs less loans."""
    rigs, orders, dated = market.dated.orders, market.orders, market.dated
    last_day = market.today.day + market.terms.miners.hold_buffer_days
    owed = np.zeros(len(market.miners.hold_policy))
    for i in range(len(rigs.th)):
        b = rigs.borrower[i]
        if rigs.th[i] > 0.0 and rigs.due_day[i] <= last_day:
            kw = rigs.th[i] * market.hardware.kw[market.opening.new_rigs]
            own_sites = 1.0 - dated.hosted_share[b]
            owed[b] += rigs.payment_usd[i] + own_sites * kw * market.terms.facts.site_usd_per_kw
    for place in range(len(orders.units)):
        if orders.units[place] > 0.0 and orders.due_day[place] <= last_day:
            rest = (1.0 - market.terms.credit.order_deposit_share) * orders.unit_usd[place]
            due = max(0.0, rest * orders.units[place] - orders.debt_usd[place])
            owed[orders.borrower[place]] += due
    return owed
