"""A buyer of last resort: a public purse that takes what the market leaves, at a stated price."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.party import Outside
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.market import Market
from .auctions import lot_reserve_usd, sell_units


@compiled
def buy_what_is_left(market: Market) -> None:
    """After the week's auctions, buy unsold lots at a share of schedule until the purse is empty.

    Lots whose owner asks for more wait on; no trade is made that the owner would refuse.
    """
    terms, prices, lots = market.terms, market.prices, market.lots
    left = terms.policy.buyer_of_last_resort_usd - prices.policy_bought_usd
    if left <= 0.0:
        return
    investors = market.today.first_outside + Outside.INVESTORS
    for i in range(lots.count[0]):
        if lots.state[i] != LotState.REMOVED and lots.state[i] != LotState.IN_PLACE:
            continue
        k = lots.hardware[i]
        family = market.hardware.family[k]
        wanted = (family == Family.GPU and terms.derived.last_resort_gpus) or (
            family == Family.ASIC and terms.derived.last_resort_rigs
        )
        price = terms.policy.buyer_price_share * market.schedule_usd[k]
        if not wanted or price < lot_reserve_usd(market, i):
            continue
        units = min(lots.units[i], left / price)
        left -= units * price
        prices.policy_bought_usd += units * price
        sell_units(market, i, units, price, 0.0, investors)
        if left <= 1.0:
            return
