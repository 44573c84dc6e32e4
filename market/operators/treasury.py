"""Miners' treasuries: who keeps the coins it mines.

A policy says what share of production is kept. With ``miners.hold_buffer_days`` that holds as far
as cash covers the outlays of so many days: power, overhead, debt service and rigs that fall due.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.miner import held_share
from ..debt.service import yearly_service_usd
from ..state.market import Market
from ..state.units import TH_PER_PH


def set_hold_shares(market: Market) -> None:
    """Share of today's production that each miner keeps (in place)."""
    days = market.scenario.miners.hold_buffer_days
    if days <= 0:
        return
    n = market.borrower_count
    market.miners.hold_share[:] = held_share(
        market.miners.hold_policy, market.parties.cash_usd[:n], outlays_usd(market, days)
    )


def outlays_usd(market: Market, days: int) -> NDArray[np.float64]:
    """What miners that hold coins will have to pay over ``days`` [borrower, USD].

    Running cost as yesterday, scheduled debt service, and open orders of rigs due by then.
    """
    mined = market.miners.hashrate_online_th / TH_PER_PH * market.prices.hashprice_usd_ph_day
    power = np.maximum(mined - market.miners.margin_usd_day, 0.0)
    overhead = market.borrowers.fixed_cost_usd_day + market.borrowers.other_cost_usd_day
    total = days * (power + overhead + market.neoclouds.lease_cost_usd_day)
    for b in np.flatnonzero(market.miners.hold_policy > 0.0).tolist():
        total[b] += days / 365.0 * yearly_service_usd(market, b)
    if market.dated_facts is not None:
        orders = market.dated_facts.orders
        soon = (orders.th > 0.0) & (orders.due_day <= market.day + days)
        np.add.at(total, orders.borrower[soon], orders.payment_usd[soon])
    return total
