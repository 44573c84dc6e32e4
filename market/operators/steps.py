"""Phase 3, and the part of phase 11 in which machines come: miners and neoclouds at work."""

from __future__ import annotations

from ...agents.compiling.kernels import entrance
from ..state.market import Market
from ..state.units import BLOCKS_PER_DAY
from . import purchases, treasury
from .investment import invest
from .leases import run_contracts
from .production import run_gpus, run_rigs, settle_overhead
from .tenants import break_contracts


def operate(market: Market) -> None:
    """Contracts, rigs, GPUs and overhead of a day (also used, undone, to open the books)."""
    p = market.prices
    treasury.set_hold_shares(market)
    reward = p.subsidy_btc / (1.0 - float(market.crypto.fee_share[market.day]))
    p.effective_gpus = p.receiver_gpus + run_machines(market, reward * BLOCKS_PER_DAY)


@entrance
def run_machines(market: Market, btc_per_day: float) -> float:
    """Tenants, contracts, rigs, GPUs, overhead; returns effective GPUs online."""
    if market.today.day > 0:
        break_contracts(market)
    run_contracts(market)
    run_rigs(market, btc_per_day)
    online: float = run_gpus(market)
    settle_overhead(market)
    return online


@entrance
def grow(market: Market) -> None:
    """Build what was committed, deliver what was signed, order beyond that."""
    purchases.build(market)
    purchases.deliver(market)
    invest(market)
