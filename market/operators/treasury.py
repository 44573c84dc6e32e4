"""Miners' treasuries: who keeps the coins it mines.

A policy says what share of production is kept. With ``miners.hold_buffer_days`` that holds as far
as cash covers the outlays of so many days: power, overhead, debt service and rigs that fall due.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.miner import held_share
from ..debt.service import yearly_service_usd
from ..state.run import Run
from ..state.units import TH_PER_PH


def set_hold_shares(run: Run) -> None:
    """Share of today's production that each miner keeps (in place)."""
    days = run.scenario.miners.hold_buffer_days
    if days <= 0:
        return
    s = run.state
    n = s.borrower_count
    s.miners.hold_share[:] = held_share(
        s.miners.hold_policy, s.parties.cash_usd[:n], outlays_usd(run, days)
    )


def outlays_usd(run: Run, days: int) -> NDArray[np.float64]:
    """What miners that hold coins will have to pay over ``days`` [borrower, USD].

    Running cost as yesterday, scheduled debt service, and open orders of rigs due by then.
    """
    s = run.state
    mined = s.miners.hashrate_online_th / TH_PER_PH * s.prices.hashprice_usd_ph_day
    power = np.maximum(mined - s.miners.margin_usd_day, 0.0)
    overhead = s.borrowers.fixed_cost_usd_day + s.borrowers.other_cost_usd_day
    total = days * (power + overhead + s.neoclouds.lease_cost_usd_day)
    for b in np.flatnonzero(s.miners.hold_policy > 0.0).tolist():
        total[b] += days / 365.0 * yearly_service_usd(run.today(), b, s.loans)
    if s.diary is not None:
        orders = s.diary.orders
        soon = (orders.th > 0.0) & (orders.due_day <= run.day + days)
        np.add.at(total, orders.borrower[soon], orders.payment_usd[soon])
    return total
