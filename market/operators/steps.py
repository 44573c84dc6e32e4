"""Phase 3, and the part of phase 11 in which machines come: miners and neoclouds at work."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ..state.market import Market
from ..state.units import BLOCKS_PER_DAY
from . import purchases
from .entry import let_in
from .investment import invest
from .leases import run_contracts
from .production import run_gpus, run_rigs, settle_overhead
from .rigs import buy_rigs
from .tenants import break_contracts
from .treasury import manage_treasuries


@compiled
def operate(market: Market) -> None:
    """Contracts, rigs, GPUs and overhead of a day (also used, undone, to open the books)."""
    today, prices = market.today, market.prices
    manage_treasuries(market)
    if today.day > 0:
        break_contracts(market)
    run_contracts(market)
    reward_btc = prices.subsidy_btc / (1.0 - market.crypto.fee_share[today.day])
    run_rigs(market, reward_btc * BLOCKS_PER_DAY)
    if today.day < len(market.outside_arrivals):
        prices.outside_gpus += market.outside_arrivals[today.day]
    prices.effective_gpus = prices.receiver_gpus + run_gpus(market) + prices.outside_gpus
    settle_overhead(market)


@compiled
def grow(market: Market) -> None:
    """Build what was committed, deliver what was signed, order beyond that; new firms enter."""
    purchases.build(market)
    purchases.deliver(market)
    invest(market)
    buy_rigs(market)
    let_in(market)
