"""What owners list, sold as if nobody else sold anything: ``channels.forced_supply`` off.

The price is that of one sale of all that this owner has on offer, with what buyers have saved. They
have afterwards what they had before, no other owner gets less for it, and marks do not follow. So
an owner in distress gets what its machines fetch without a fire sale, and no subsidy.
"""

from __future__ import annotations

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Outside
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.market import Market
from .auctions import lot_reserve_usd, sell_units
from .custody import is_owners
from .one_sale import Offer, no_limits, sold_usd


@compiled
def sell_listed_alone(market: Market) -> None:
    """Sell what standing owners offer this week, owner by owner, if their reserves are met."""
    lots = market.lots
    if market.terms.channels.forced_supply:
        return
    rows = np.empty(lots.count[0], np.int64)
    count = 0
    for i in range(lots.count[0]):
        if _on_sale(market, i):
            rows[count] = i
            count += 1
    if count == 0:
        return
    limits, no_rows, no_units = no_limits(market), np.zeros(0, np.int64), np.zeros(0)
    done = np.zeros(count, np.bool_)
    for place in range(count):
        if done[place]:
            continue  # with an earlier one
        units = np.zeros(len(market.hardware.family))
        for other in range(place, count):
            if lots.borrower[rows[other]] == lots.borrower[rows[place]]:
                units[lots.hardware[rows[other]]] += lots.units[rows[other]]
        net_usd = sold_usd(market, limits, Offer(no_rows, no_units, units), 0.0)
        for other in range(place, count):
            if lots.borrower[rows[other]] == lots.borrower[rows[place]]:
                done[other] = True
                _sell(market, rows[other], net_usd, units)


@inlined
def _on_sale(market: Market, lot: int) -> bool:
    """Whether a standing owner offers it this week: rigs where they stand, GPUs taken out."""
    lots = market.lots
    state = lots.state[lot]
    offered = state == LotState.REMOVED or state == LotState.IN_PLACE
    return offered and is_owners(market, lot)


@compiled
def _sell(market: Market, lot: int, net_usd: Reals, units: Reals) -> None:
    """Sell a lot at the price that leaves its share of the net proceeds, or wait for more."""
    hardware, lots, terms = market.hardware, market.lots, market.terms.liquidation
    k = lots.hardware[lot]
    rig = hardware.family[k] == Family.ASIC
    removal = terms.removal_usd_per_th if rig else terms.removal_usd_per_gpu
    price = (net_usd[k] / units[k] + removal) / max(1.0 - terms.legal_cost_share, 1e-9)
    if price < lot_reserve_usd(market, lot):
        return
    market.outside_online[k] += lots.units[lot]
    investors = market.today.first_outside + Outside.INVESTORS
    sell_units(market, lot, lots.units[lot], price, removal, investors)
