"""Rigs on order: paid for on delivery, repriced with the market, or given up with the deposit.

A tranche falls due on its date, with the racks and power for it unless a host has them. Who would
pay more for the rest than the rigs fetch second-hand walks away, unless the supplier gives in. Who
lacks the money takes what it can pay, waits a quarter for the rest, and then loses that part of its
deposit. Rigs delivered wait for a place with power before they run.
"""

from __future__ import annotations

import math

from ...agents.borrower import rest_to_pay_usd
from ...agents.compiling.kernels import compiled
from ...agents.miner import MWH_PER_KW_DAY
from ...agents.party import Outside, Status
from ..debt.service import yearly_service_usd
from ..debt.waterfall import issue_shares, sell_treasury
from ..operators.purchases import BUFFER_DAYS, CANCEL_AFTER_DAYS
from ..state.events import Cause, Event
from ..state.hardware import find_holding
from ..state.history import log_event
from ..state.ledger import DUST_USD
from ..state.loans import LoanStatus
from ..state.market import Market
from ..state.money import pay
from ..state.units import TH_PER_PH

SMALLEST_TH = 1.0


@compiled
def take_deliveries(market: Market) -> float:
    """A day of tranches that are due; returns rigs delivered [TH/s]."""
    today, terms, orders = market.today, market.terms.facts, market.dated.orders
    kw, hosted_share = market.hardware.kw, market.dated.hosted_share
    delivered = 0.0
    for i in range(len(orders.th)):
        b = orders.borrower[i]
        if orders.th[i] <= SMALLEST_TH or today.day < orders.due_day[i]:
            continue
        if market.parties.status[b] != Status.ACTIVE:
            orders.th[i] = 0.0
            continue
        market_usd = rig_price_usd(market) * orders.th[i]
        rest = rest_to_pay_usd(orders.payment_usd[i], market_usd, terms.order_repriced_share)
        if rest > market_usd:
            _cancel(market, i, Cause.RETURNS)
            continue
        site = (1.0 - hosted_share[b]) * terms.site_usd_per_kw
        site *= orders.th[i] * kw[market.opening.new_rigs]
        cost = rest + site
        share = 1.0 if cost <= 0.0 else min(1.0, _money_usd(market, i) / cost)
        if share > 0.0:
            _pay(market, b, share * cost)
            market.borrowers.site_usd[b] += share * site
            delivered += _deliver(market, i, share)
        if orders.th[i] > SMALLEST_TH and today.day >= orders.due_day[i] + CANCEL_AFTER_DAYS:
            _cancel(market, i, Cause.FUNDING)
    for i in range(len(orders.th)):
        if orders.waiting_th[i] > 0.0 and today.day >= orders.powered_day[i]:
            _power_up(market, i)
    return delivered


@compiled
def rig_price_usd(market: Market) -> float:
    """What rigs of the class on order fetch second-hand [USD/unit]: what the last auction says."""
    k = market.opening.new_rigs
    known = math.isfinite(market.clearing_usd[k])
    return market.clearing_usd[k] if known else market.hardware.used_open_usd[k]


@compiled
def _money_usd(market: Market, i: int) -> float:
    """Cash and free coins beyond a quarter's overhead and a year's gap, and new shares [USD].

    The gap is debt service less cash flow, that of the rigs on order included once they run.
    """
    parties, borrowers, orders = market.parties, market.borrowers, market.dated.orders
    prices, b = market.prices, market.dated.orders.borrower[i]
    kw = market.hardware.kw[market.opening.new_rigs]
    power = kw * MWH_PER_KW_DAY * market.miners.power_usd_mwh[b]
    earns = max(0.0, prices.hashprice_usd_ph_day / TH_PER_PH - power) * orders.th[i]
    runs_days = max(0.0, 365.0 - market.terms.facts.energise_days)
    flow = 365.0 * borrowers.trailing_cash_flow_usd[b] + runs_days * earns
    gap = max(0.0, yearly_service_usd(market, b) - flow)
    buffer = BUFFER_DAYS * borrowers.fixed_cost_usd_day[b] + gap
    liquid = parties.cash_usd[b] + parties.btc[b] * prices.btc_usd
    return max(0.0, liquid - buffer) + borrowers.equity_room_usd[b]


@compiled
def _pay(market: Market, b: int, amount_usd: float) -> None:
    """From cash, then coins, then new shares: the order of every other need (Myers 1984)."""
    cash_usd, first_outside = market.parties.cash_usd, market.today.first_outside
    if amount_usd > cash_usd[b]:
        sell_treasury(market, b, amount_usd - cash_usd[b], first_outside + Outside.EXCHANGE)
        short = amount_usd - cash_usd[b]
        if short > DUST_USD:
            issue_shares(market, b, short)
    pay(market, b, first_outside + Outside.SUPPLIER, amount_usd)


@compiled
def _deliver(market: Market, i: int, share: float) -> float:
    """Rigs of a tranche arrive and go to whoever waits for them as collateral."""
    holdings, orders, k = market.holdings, market.dated.orders, market.opening.new_rigs
    b, th = orders.borrower[i], share * orders.th[i]
    shrink(market, i, share)
    row = find_holding(holdings, b, k)
    running = holdings.online[row] * holdings.units[row]
    holdings.units[row] += th
    holdings.online[row] = running / holdings.units[row]
    holdings.waiting_units[row] += th
    day = float(market.today.day + market.terms.facts.energise_days)
    waiting = orders.waiting_th[i]
    orders.powered_day[i] = (waiting * orders.powered_day[i] + th * day) / (waiting + th)
    orders.waiting_th[i] += th
    market.ledger.outside_units[k] -= th
    pledge_new(market, b, row)
    return th


@compiled
def _power_up(market: Market, i: int) -> None:
    """Rigs of a tranche get power and run at once, as far as they are still their buyer's."""
    holdings, orders, k = market.holdings, market.dated.orders, market.opening.new_rigs
    b = orders.borrower[i]
    row = find_holding(holdings, b, k)
    waited = orders.waiting_th[i]
    th = min(waited, holdings.units[row])
    orders.waiting_th[i] = 0.0
    holdings.waiting_units[row] = max(0.0, holdings.waiting_units[row] - waited)
    if th > 0.0:
        holdings.online[row] += market.miners.energised[b] * th / holdings.units[row]


@compiled
def shrink(market: Market, i: int, share: float) -> None:
    """So much of a tranche is no longer open, nor is the deposit on it."""
    orders = market.dated.orders
    market.borrowers.deposits_usd[orders.borrower[i]] -= share * orders.deposit_usd[i]
    orders.th[i] *= 1.0 - share
    orders.deposit_usd[i] *= 1.0 - share
    orders.payment_usd[i] *= 1.0 - share


@compiled
def pledge_new(market: Market, b: int, row: int) -> None:
    """Free rigs become collateral that loans of ``b`` are still due."""
    loans, holdings, rigs_due_th = market.loans, market.holdings, market.dated.rigs_due_th
    for loan in range(loans.first[b], loans.first[b + 1]):
        live = loans.status[loan] == LoanStatus.PERFORMING and loans.principal_usd[loan] > 0.0
        if rigs_due_th[loan] <= 0.0 or not live:
            continue
        th = min(rigs_due_th[loan], max(0.0, holdings.units[row] - holdings.pledged[row]))
        holdings.pledged[row] += th
        loans.collateral_units[loan] += th
        loans.holding[loan] = row
        rigs_due_th[loan] -= th


@compiled
def _cancel(market: Market, i: int, cause: int) -> None:
    """An order is given up; its deposit is lost."""
    orders, parties, loans = market.dated.orders, market.parties, market.loans
    b, lost = orders.borrower[i], orders.deposit_usd[i]
    supplier = market.today.first_outside + Outside.SUPPLIER
    log_event(market, Event.ORDER_CANCELLED, cause, (b, supplier, -1), lost, parties.trail_event[b])
    market.borrowers.deposits_usd[b] -= lost
    orders.th[i] = 0.0
    for other in range(len(orders.th)):
        if orders.borrower[other] == b and orders.th[other] > 0.0:
            return
    for loan in range(loans.first[b], loans.first[b + 1]):
        market.dated.rigs_due_th[loan] = 0.0  # nothing is to come any more
