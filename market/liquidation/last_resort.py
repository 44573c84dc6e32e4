"""A buyer of last resort: a public purse that takes what the market leaves, at a stated price."""

from __future__ import annotations

import numpy as np

from ...agents.party import Outside
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.market import Market
from .auctions import lot_reserve_usd, sell_units


def buy_what_is_left(market: Market) -> None:
    """After the week's auctions, buy unsold lots at a share of schedule until the purse is empty.

    Lots whose owner asks for more wait on; no trade is made that the owner would refuse.
    """
    policy = market.scenario.policy
    left = policy.buyer_of_last_resort_usd - market.prices.policy_bought_usd
    if left <= 0.0:
        return
    wanted = [
        int(family)
        for family in (Family.GPU, Family.ASIC)
        if policy.buyer_families in ("both", family.name.lower())
    ]
    used = slice(0, int(market.lots.count[0]))
    offered = np.isin(market.lots.state[used], (LotState.REMOVED, LotState.IN_PLACE))
    offered &= np.isin(market.hardware.family[market.lots.hardware[used]], wanted)
    for i in np.flatnonzero(offered).tolist():
        k = int(market.lots.hardware[i])
        price = policy.buyer_price_share * float(market.schedule_usd[k])
        if price < lot_reserve_usd(market, i):
            continue
        units = min(float(market.lots.units[i]), left / price)
        left -= units * price
        market.prices.policy_bought_usd += units * price
        sell_units(market, i, units, price, 0.0, market.first_outside + Outside.INVESTORS)
        if left <= 1.0:
            return
