"""The figures of a day: sums over the tables, all in one call."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import compiled, entrance
from ...agents.party import Kind, Status
from ..state.events import Event
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.market import Market
from ..state.sums import total


class Figures(NamedTuple):
    """Who failed, what lenders lost and lent, what borrowers have; coins; seized machines.

    Coins are those of all miners and of the listed ones among them. Sold is what was mined and is
    not held, lent or pledged any more, whoever sold it. Machines are GPUs, and TH/s of rigs, seized
    and sold so far, and for sale today.
    """

    gpus_online: float
    defaults_miner: int
    defaults_neocloud: int
    margin_calls: int  # of the day
    loss_usd: float
    lender_capital_usd: float
    credit_supply: float
    withdrawn_usd: float
    failures_lender: int
    loans_outstanding_usd: float
    borrower_cash_usd: float
    btc_mined: float
    btc_sold: float
    btc_mined_listed: float
    btc_sold_listed: float
    btc_held_listed: float
    gpus_seized: float
    gpus_sold: float
    gpus_for_sale: float
    asic_th_seized: float
    asic_th_sold: float
    asic_th_for_sale: float


@compiled
def _credit(market: Market, events_read: int) -> tuple[float, ...]:
    """Sums over parties, loans and lenders; calls are those in the log from ``events_read`` on."""
    today = market.today
    n = today.first_lender
    miners = neoclouds = 0
    for b in range(n):
        if market.parties.status[b] != Status.ACTIVE:
            miners += market.parties.kind[b] == Kind.MINER
            neoclouds += market.parties.kind[b] == Kind.NEOCLOUD
    calls = 0
    for event in range(events_read, market.log.count[0]):
        if market.log.events[event]["kind"] == Event.MARGIN_CALL:
            calls += 1
    lenders_failed = 0
    for lender in range(n, today.first_buyer):
        if market.parties.status[lender] != Status.ACTIVE:
            lenders_failed += 1
    size = market.lenders.target_leverage * market.lenders.capital_open_usd
    return (
        total(market.neoclouds.gpus_online),
        miners,
        neoclouds,
        calls,
        total(market.lenders.loss_usd),
        total(market.lenders.capital_usd),
        total(market.lenders.supply * size) / total(size),
        total(market.lenders.run_usd),
        lenders_failed,
        total(market.loans.principal_usd),
        total(market.parties.cash_usd[:n]),
    )


@compiled
def _coins(
    market: Market, mined_btc_per_th: float, difficulty_th: float, held: NDArray[np.float64]
) -> tuple[float, ...]:
    """What each miner mined, and what its holdings changed by; ``held`` [borrower] is brought up.

    ``held`` is NaN on the first day, when nobody has sold anything.
    """
    n = len(held)
    mined, sold = np.empty(n), np.empty(n)
    mined_listed, sold_listed, held_listed = np.empty(n), np.empty(n), np.empty(n)
    listed = 0
    for b in range(n):
        now = market.parties.btc[b] + market.parties.btc_lent[b]
        for loan in range(market.loans.first[b], market.loans.first[b + 1]):
            now += market.loans.collateral_btc[loan]
        before = now if np.isnan(held[b]) else held[b]
        held[b] = now
        mined[b] = market.miners.hashrate_online_th[b] * mined_btc_per_th / difficulty_th
        sold[b] = mined[b] - (now - before)
        if market.borrowers.market_cap_open_usd[b] > 0.0:
            mined_listed[listed] = mined[b]
            sold_listed[listed] = sold[b]
            held_listed[listed] = now
            listed += 1
    return (
        total(mined),
        total(sold),
        total(mined_listed[:listed]),
        total(sold_listed[:listed]),
        total(held_listed[:listed]),
    )


@compiled
def _seized(market: Market, family: int) -> tuple[float, ...]:
    """Seized machines of a family; those that owners have listed themselves do not count."""
    lots, hardware = market.lots, market.hardware
    rows = np.empty(lots.count[0], np.int64)
    offered = np.empty(lots.count[0], np.int64)
    found = for_sale = 0
    for i in range(lots.count[0]):
        if lots.listed[i] or hardware.family[lots.hardware[i]] != family:
            continue
        rows[found] = i
        found += 1
        if lots.state[i] == LotState.IN_PLACE or lots.state[i] == LotState.REMOVED:
            offered[for_sale] = i
            for_sale += 1
    seized = total(lots.seized_units[rows[:found]])
    unsold = total(lots.units[rows[:found]])
    return seized, seized - unsold, total(lots.units[offered[:for_sale]])


@entrance
def _all(
    market: Market,
    events_read: int,
    mined_btc_per_th: float,
    difficulty_th: float,
    held: NDArray[np.float64],
) -> tuple[Any, ...]:
    return (
        _credit(market, events_read)
        + _coins(market, mined_btc_per_th, difficulty_th, held)
        + _seized(market, Family.GPU)
        + _seized(market, Family.ASIC)
    )


def measure_day(
    market: Market,
    events_read: int,
    mined_btc_per_th: float,
    difficulty_th: float,
    held: NDArray[np.float64],
) -> Figures:
    """All figures of the day; ``held`` [borrower] are miners' coins of yesterday, then of today."""
    return Figures(*_all(market, events_read, mined_btc_per_th, difficulty_th, held))
