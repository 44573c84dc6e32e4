"""Rigs on order: paid for on delivery, repriced with the market, or given up with the deposit.

A tranche falls due on its date, with the racks and power for it unless a host has them. Who would
pay more for the rest than the rigs fetch second-hand walks away, unless the supplier gives in. Who
lacks the money takes what it can pay, waits a quarter for the rest, and then loses that part of its
deposit.
"""

from __future__ import annotations

import numpy as np

from ...agents.borrower import rest_to_pay_usd
from ...agents.miner import MWH_PER_KW_DAY
from ...agents.party import Outside, Status
from ..debt.service import yearly_service_usd
from ..debt.waterfall import issue_shares, sell_treasury
from ..operators.purchases import BUFFER_DAYS, CANCEL_AFTER_DAYS
from ..state.events import Cause, Event
from ..state.facts import NEW_RIGS
from ..state.hardware import find_holding
from ..state.history import log_event
from ..state.ledger import DUST_USD
from ..state.loans import LoanStatus
from ..state.market import Market
from ..state.money import pay
from ..state.units import TH_PER_PH

SMALLEST_TH = 1.0


def take_deliveries(market: Market) -> float:
    """A day of tranches that are due; returns rigs delivered [TH/s]."""
    facts = market.dated_facts
    assert facts is not None
    orders = facts.orders
    k = market.names.hardware.index(NEW_RIGS)
    known = np.isfinite(market.clearing_usd[k])
    price = float(market.clearing_usd[k] if known else market.hardware.used_open_usd[k])
    delivered = 0.0
    for i in np.flatnonzero((orders.th > SMALLEST_TH) & (orders.due_day <= market.day)).tolist():
        b = int(orders.borrower[i])
        if market.parties.status[b] != Status.ACTIVE:
            orders.th[i] = 0.0
            continue
        market_usd = price * float(orders.th[i])
        rest = rest_to_pay_usd(
            float(orders.payment_usd[i]), market_usd, market.scenario.facts.order_repriced_share
        )
        if rest > market_usd:
            _cancel(market, i, Cause.RETURNS)
            continue
        site = (1.0 - facts.hosted_share[b]) * market.scenario.facts.site_usd_per_kw
        site *= float(orders.th[i] * market.hardware.kw[k])
        cost = rest + site
        share = 1.0 if cost <= 0.0 else min(1.0, _money_usd(market, b, i, k) / cost)
        if share > 0.0:
            _pay(market, b, share * cost)
            market.borrowers.site_usd[b] += share * site
            delivered += _deliver(market, i, k, share)
        if orders.th[i] > SMALLEST_TH and market.day >= orders.due_day[i] + CANCEL_AFTER_DAYS:
            _cancel(market, i, Cause.FUNDING)
    return delivered


def _money_usd(market: Market, b: int, i: int, k: int) -> float:
    """Cash and free coins beyond a quarter's overhead and a year's gap, and new shares [USD].

    The gap is debt service less cash flow, that of the rigs on order included.
    """
    facts = market.dated_facts
    assert facts is not None
    service = float(yearly_service_usd(market, b))
    power = float(market.hardware.kw[k] * MWH_PER_KW_DAY * market.miners.power_usd_mwh[b])
    earns = max(0.0, market.prices.hashprice_usd_ph_day / TH_PER_PH - power) * float(
        facts.orders.th[i]
    )
    gap = max(0.0, service - 365.0 * (float(market.borrowers.trailing_cash_flow_usd[b]) + earns))
    buffer = BUFFER_DAYS * float(market.borrowers.fixed_cost_usd_day[b]) + gap
    liquid = (
        float(market.parties.cash_usd[b]) + float(market.parties.btc[b]) * market.prices.btc_usd
    )
    return max(0.0, liquid - buffer) + float(market.borrowers.equity_room_usd[b])


def _pay(market: Market, b: int, amount_usd: float) -> None:
    """From cash, then coins, then new shares: the order of every other need (Myers 1984)."""
    short = amount_usd - float(market.parties.cash_usd[b])
    if short > 0.0:
        exchange = market.first_outside + Outside.EXCHANGE
        sell_treasury(market, b, short, exchange)
        short = amount_usd - float(market.parties.cash_usd[b])
        if short > DUST_USD:
            issue_shares(market, b, short)
    pay(market, b, market.first_outside + Outside.SUPPLIER, amount_usd)


def _deliver(market: Market, i: int, k: int, share: float) -> float:
    """Rigs of a tranche arrive and go to whoever waits for them as collateral."""
    facts = market.dated_facts
    assert facts is not None
    orders = facts.orders
    b = int(orders.borrower[i])
    th = share * float(orders.th[i])
    market.borrowers.deposits_usd[b] -= share * orders.deposit_usd[i]
    for column in (orders.th, orders.deposit_usd, orders.payment_usd):
        column[i] *= 1.0 - share
    row = int(find_holding(market.holdings, b, k))
    running = (
        market.holdings.online[row] * market.holdings.units[row] + market.miners.energised[b] * th
    )
    market.holdings.units[row] += th
    market.holdings.online[row] = running / market.holdings.units[row]  # new rigs run at once
    market.ledger.outside_units[k] -= th
    pledge_new(market, b, row)
    return th


def pledge_new(market: Market, b: int, row: int) -> None:
    """Free rigs become collateral that loans of ``b`` are still due."""
    facts = market.dated_facts
    assert facts is not None
    for loan in range(int(market.loans.first[b]), int(market.loans.first[b + 1])):
        due = float(facts.rigs_due_th[loan])
        live = (
            market.loans.status[loan] == LoanStatus.PERFORMING
            and market.loans.principal_usd[loan] > 0.0
        )
        if due <= 0.0 or not live:
            continue
        th = min(due, max(0.0, float(market.holdings.units[row] - market.holdings.pledged[row])))
        market.holdings.pledged[row] += th
        market.loans.collateral_units[loan] += th
        market.loans.holding[loan] = row
        facts.rigs_due_th[loan] -= th


def _cancel(market: Market, i: int, cause: Cause) -> None:
    """An order is given up; its deposit is lost."""
    facts = market.dated_facts
    assert facts is not None
    orders = facts.orders
    b = int(orders.borrower[i])
    lost = float(orders.deposit_usd[i])
    log_event(
        market,
        Event.ORDER_CANCELLED,
        cause,
        (b, market.first_outside + Outside.SUPPLIER, -1),
        lost,
        int(market.parties.trail_event[b]),
    )
    market.borrowers.deposits_usd[b] -= lost
    orders.th[i] = 0.0
    if not np.any((orders.borrower == b) & (orders.th > 0.0)):
        mine = slice(int(market.loans.first[b]), int(market.loans.first[b + 1]))
        facts.rigs_due_th[mine] = 0.0  # nothing is to come any more
