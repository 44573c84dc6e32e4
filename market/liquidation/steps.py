"""Phase 10: seized machines, from custody to a new owner."""

from __future__ import annotations

from ...agents.compiling.kernels import entrance
from ..debt.claims import value_claims
from ..state.market import Market
from .auction_day import hold_auctions
from .auctions import sell_at_mark
from .custody import advance_lots, carry_lots


def liquidate(market: Market) -> None:
    """Custody every day; once a week an auction per class."""
    keep_lots(market)
    if market.day % market.scenario.liquidation.window_days == 0:
        hold_auctions(market)
    value_claims(market)


@entrance
def keep_lots(market: Market) -> None:
    """Custody, and sales without an auction; what receivers keep running."""
    supply, hashrate = carry_lots(market)
    advance_lots(market)
    sell_at_mark(market)
    market.prices.receiver_gpus = supply
    market.prices.receiver_th = hashrate
