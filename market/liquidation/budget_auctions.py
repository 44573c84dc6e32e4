"""Auctions among buyers who spend money rather than want machines.

A sealed bid for so many machines leaves money idle once prices fall below it; where buyers bring
budgets, they buy more instead. With ``liquidation.budget_clearing`` a class clears at the price at
which what budgets and racks buy equals what is offered at or below it (Walras). Bids are then
passed on at that price, so that settlement is that of any other auction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import Buyers, affordable_units
from ...agents.compiling.kernels import compiled, inlined
from ..state.hardware import Family, Hardware
from ..state.lots import LotState
from ..state.market import Market
from .auctions import lot_reserve_usd

STEPS = 60
OVERHANG = 1e-9  # relative: a little demand stays unserved and so sets the price


class Cleared(NamedTuple):
    """An auction of budgets [buyer]: what settles, and the ladder that it cleared against.

    ``ladder_units`` are what a buyer takes at the clearing price, or at its own limit where that is
    lower; in the order of limits they reach what is offered just where the price clears.
    """

    bids_usd: NDArray[np.float64]
    units: NDArray[np.float64]
    ladder_units: NDArray[np.float64]


@inlined
def _taken(buyer: int, price: float, k: int, buyers: Buyers, hardware: Hardware) -> float:
    """Units of a class that a buyer can pay for, and place, at a price."""
    units: float = affordable_units(
        price,
        buyers.budget_usd[buyer],
        buyers.slots[buyer, hardware.rack[k]],
        hardware.slots_per_unit[k],
        buyers.needs_slots[buyer],
    )
    return units


@compiled
def units_at(
    price: float, k: int, bids: np.ndarray, buyers: Buyers, hardware: Hardware
) -> np.ndarray:
    """Units that buyers of a class take at a price: who bid at least that, money and racks."""
    units = np.zeros(len(bids))
    for i in range(len(bids)):
        if bids[i] >= price and bids[i] > 0.0:
            units[i] = _taken(i, price, k, buyers, hardware)
    return units


@compiled
def units_in_ladder(
    price: float, k: int, bids: np.ndarray, buyers: Buyers, hardware: Hardware
) -> np.ndarray:
    """Units of every bidder, each at the price or at its own limit if that is lower."""
    units = np.zeros(len(bids))
    for i in range(len(bids)):
        if bids[i] > 0.0:
            units[i] = _taken(
                i, min(price, bids[i]) if price > 0.0 else bids[i], k, buyers, hardware
            )
    return units


@compiled
def clearing_price(
    k: int,
    bids: np.ndarray,
    asks: np.ndarray,
    offered: np.ndarray,
    buyers: Buyers,
    hardware: Hardware,
) -> float:
    """The highest price at which demand covers what is asked for at most it; 0 without demand.

    Where an owner's reserve stops the price, it is that reserve: its lot is sold in part.
    """
    low, high = 0.0, bids.max() if len(bids) else 0.0
    if high <= 0.0:
        return 0.0
    for _ in range(STEPS):
        price = 0.5 * (low + high)
        supply = 0.0
        for i in range(len(asks)):
            if asks[i] <= price:
                supply += offered[i]
        if units_at(price, k, bids, buyers, hardware).sum() >= supply:
            low = price
        else:
            high = price
    for i in range(len(asks)):
        if low < asks[i] <= high:
            return asks[i]
    return low


def bids_at_clearing(market: Market, k: int, bids: NDArray[np.float64], routine: float) -> Cleared:
    """The price at which a class clears, as bids and units of every buyer."""
    scrap = float(market.hardware.scrap_usd[k])
    rig = market.hardware.family[k] == Family.ASIC
    state = LotState.IN_PLACE if rig else LotState.REMOVED
    used = slice(0, int(market.lots.count[0]))
    lots = np.flatnonzero((market.lots.hardware[used] == k) & (market.lots.state[used] == state))
    reserves = [lot_reserve_usd(market, i) for i in lots.tolist()]
    asks = np.array([scrap, *reserves])
    offered = np.array([routine, *market.lots.units[lots]])
    price = float(clearing_price(k, bids, asks, offered, market.buyers, market.hardware))
    units = units_at(price, k, bids, market.buyers, market.hardware) * (1.0 + OVERHANG)
    ladder = units_in_ladder(price, k, bids, market.buyers, market.hardware)
    return Cleared(np.where(units > 0.0, price, 0.0), units, ladder)
