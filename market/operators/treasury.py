"""Miners' treasuries: who keeps the coins it mines.

A policy says what share of production is kept. With ``miners.hold_buffer_days`` that holds as far
as cash covers the outlays of so many days: power, overhead, debt service and rigs that fall due.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.miner import held_share
from ..debt.service import yearly_service_usd
from ..state.market import Market
from ..state.units import TH_PER_PH


@compiled
def set_hold_shares(market: Market) -> None:
    """Share of today's production that each miner keeps (in place)."""
    miners, cash_usd = market.miners, market.parties.cash_usd
    if market.terms.miners.hold_buffer_days <= 0:
        return
    for b in range(len(miners.hold_policy)):
        if miners.hold_policy[b] > 0.0:
            outlays = _outlays_usd(market, b)
            miners.hold_share[b] = held_share(miners.hold_policy[b], cash_usd[b], outlays)


@compiled
def _outlays_usd(market: Market, b: int) -> float:
    """What a miner will have to pay over the days that its buffer is for [USD].

    Running cost as yesterday, scheduled debt service, and open orders of rigs due by then.
    """
    miners, borrowers, orders = market.miners, market.borrowers, market.dated.orders
    days = market.terms.miners.hold_buffer_days
    mined = miners.hashrate_online_th[b] / TH_PER_PH * market.prices.hashprice_usd_ph_day
    power = max(mined - miners.margin_usd_day[b], 0.0)
    overhead = borrowers.fixed_cost_usd_day[b] + borrowers.other_cost_usd_day[b]
    outlays = days * (power + overhead + market.neoclouds.lease_cost_usd_day[b])
    outlays += days / 365.0 * yearly_service_usd(market, b)
    for i in range(len(orders.th)):
        soon = orders.due_day[i] <= market.today.day + days
        if orders.borrower[i] == b and orders.th[i] > 0.0 and soon:
            outlays += orders.payment_usd[i]
    return outlays
