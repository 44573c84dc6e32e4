"""Rigs on order: paid for on delivery, repriced with the market, or given up with the deposit.

A tranche falls due on its date, with the racks and power for it unless a host has them. Who would
pay more for the rest than the rigs fetch second-hand walks away, unless the supplier gives in. Who
lacks the money takes what it can pay, waits a quarter for the rest, and then loses that part of its
deposit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...agents.miner import MWH_PER_KW_DAY
from ...agents.party import Outside, Status
from ..debt.service import yearly_service_usd
from ..debt.waterfall import issue_shares, sell_treasury
from ..operators.purchases import BUFFER_DAYS, CANCEL_AFTER_DAYS
from ..state.events import Cause, Event, log_event
from ..state.facts import NEW_RIGS
from ..state.hardware import find_holding
from ..state.ledger import DUST_USD, pay
from ..state.loans import LoanStatus
from ..state.units import TH_PER_PH

if TYPE_CHECKING:
    from ..state.run import Run

SMALLEST_TH = 1.0


def rest_to_pay_usd(payment_usd: float, market_usd: float, repriced_share: float) -> float:
    """What is left to pay on a tranche whose rigs fetch ``market_usd`` second-hand today.

    The deposit is sunk, so a buyer walks away from a larger payment than that; the supplier, who
    would have the rigs to sell, gives in by ``repriced_share`` of the difference.
    """
    agreed = repriced_share * min(payment_usd, market_usd)
    return agreed + (1.0 - repriced_share) * payment_usd


def take_deliveries(run: Run) -> float:
    """A day of tranches that are due; returns rigs delivered [TH/s]."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    orders = diary.orders
    k = s.names.hardware.index(NEW_RIGS)
    known = np.isfinite(s.clearing_usd[k])
    price = float(s.clearing_usd[k] if known else s.hardware.used_open_usd[k])
    delivered = 0.0
    for i in np.flatnonzero((orders.th > SMALLEST_TH) & (orders.due_day <= run.day)).tolist():
        b = int(orders.borrower[i])
        if s.parties.status[b] != Status.ACTIVE:
            orders.th[i] = 0.0
            continue
        market_usd = price * float(orders.th[i])
        rest = rest_to_pay_usd(
            float(orders.payment_usd[i]), market_usd, run.scenario.facts.order_repriced_share
        )
        if rest > market_usd:
            _cancel(run, i, Cause.RETURNS)
            continue
        site = (1.0 - diary.hosted_share[b]) * run.scenario.facts.site_usd_per_kw
        site *= float(orders.th[i] * s.hardware.kw[k])
        cost = rest + site
        share = 1.0 if cost <= 0.0 else min(1.0, _money_usd(run, b, i, k) / cost)
        if share > 0.0:
            _pay(run, b, share * cost)
            s.borrowers.site_usd[b] += share * site
            delivered += _deliver(run, i, k, share)
        if orders.th[i] > SMALLEST_TH and run.day >= orders.due_day[i] + CANCEL_AFTER_DAYS:
            _cancel(run, i, Cause.FUNDING)
    return delivered


def _money_usd(run: Run, b: int, i: int, k: int) -> float:
    """Cash and free coins beyond a quarter's overhead and a year's gap, and new shares [USD].

    The gap is debt service less cash flow, that of the rigs on order included.
    """
    s, diary = run.state, run.state.diary
    assert diary is not None
    service = float(yearly_service_usd(run.today(), b, s.loans))
    power = float(s.hardware.kw[k] * MWH_PER_KW_DAY * s.miners.power_usd_mwh[b])
    earns = max(0.0, s.prices.hashprice_usd_ph_day / TH_PER_PH - power) * float(diary.orders.th[i])
    gap = max(0.0, service - 365.0 * (float(s.borrowers.trailing_cash_flow_usd[b]) + earns))
    buffer = BUFFER_DAYS * float(s.borrowers.fixed_cost_usd_day[b]) + gap
    liquid = float(s.parties.cash_usd[b]) + float(s.parties.btc[b]) * s.prices.btc_usd
    return max(0.0, liquid - buffer) + float(s.borrowers.equity_room_usd[b])


def _pay(run: Run, b: int, amount_usd: float) -> None:
    """From cash, then coins, then new shares: the order of every other need (Myers 1984)."""
    s, today = run.state, run.today()
    short = amount_usd - float(s.parties.cash_usd[b])
    if short > 0.0:
        exchange = s.first_outside + Outside.EXCHANGE
        sell_treasury(today, b, short, exchange, s.parties, s.ledger, s.log)
        short = amount_usd - float(s.parties.cash_usd[b])
        if short > DUST_USD:
            issue_shares(today, b, short, s.parties, s.borrowers, s.log)
    pay(s.parties, b, s.first_outside + Outside.SUPPLIER, amount_usd)


def _deliver(run: Run, i: int, k: int, share: float) -> float:
    """Rigs of a tranche arrive and go to whoever waits for them as collateral."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    orders = diary.orders
    b = int(orders.borrower[i])
    th = share * float(orders.th[i])
    s.borrowers.deposits_usd[b] -= share * orders.deposit_usd[i]
    for column in (orders.th, orders.deposit_usd, orders.payment_usd):
        column[i] *= 1.0 - share
    row = int(find_holding(s.holdings, b, k))
    running = s.holdings.online[row] * s.holdings.units[row] + s.miners.energised[b] * th
    s.holdings.units[row] += th
    s.holdings.online[row] = running / s.holdings.units[row]  # new rigs run at once
    s.ledger.outside_units[k] -= th
    pledge_new(run, b, row)
    return th


def pledge_new(run: Run, b: int, row: int) -> None:
    """Free rigs become collateral that loans of ``b`` are still due."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    for loan in range(int(s.loans.first[b]), int(s.loans.first[b + 1])):
        due = float(diary.rigs_due_th[loan])
        live = s.loans.status[loan] == LoanStatus.PERFORMING and s.loans.principal_usd[loan] > 0.0
        if due <= 0.0 or not live:
            continue
        th = min(due, max(0.0, float(s.holdings.units[row] - s.holdings.pledged[row])))
        s.holdings.pledged[row] += th
        s.loans.collateral_units[loan] += th
        s.loans.holding[loan] = row
        diary.rigs_due_th[loan] -= th


def _cancel(run: Run, i: int, cause: Cause) -> None:
    """An order is given up; its deposit is lost."""
    s, diary = run.state, run.state.diary
    assert diary is not None
    orders = diary.orders
    b = int(orders.borrower[i])
    lost = float(orders.deposit_usd[i])
    log_event(
        s.log,
        run.day,
        Event.ORDER_CANCELLED,
        cause,
        b,
        s.first_outside + Outside.SUPPLIER,
        -1,
        lost,
        int(s.parties.trail_event[b]),
    )
    s.borrowers.deposits_usd[b] -= lost
    orders.th[i] = 0.0
    if not np.any((orders.borrower == b) & (orders.th > 0.0)):
        mine = slice(int(s.loans.first[b]), int(s.loans.first[b + 1]))
        diary.rigs_due_th[mine] = 0.0  # nothing is to come any more
