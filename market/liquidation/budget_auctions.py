"""Auctions among buyers who spend money rather than want a number of machines.

A sealed bid for so many machines would leave money idle once prices fall below it; buyers bring
budgets, and buy more instead. A class clears at the price at which what budgets and racks buy
equals what is offered at or below it (Walras). Bids are then passed on at that price to be settled.
"""

from __future__ import annotations

import numpy as np

from ...agents.buyer import Buyers
from ...agents.columns import Longs, Reals
from ...agents.compiling.kernels import compiled, inlined
from ..state.hardware import Family, Hardware
from ..state.lots import LotState
from ..state.market import Market
from .auctions import DUST, lot_reserve_usd, rows_on_offer
from .bid_heap import in_order
from .bids import units_taken

BISECTIONS = 50
ROUNDING = 1e-9  # of what is offered: more than sums of many bids can be off
UNSERVED = 2.0 * DUST  # units the last buyer would still take: who is left unserved sets the price


@compiled
def _taken(price: float, money: Reals, racks: Reals) -> float:
    """Units that ``money`` [USD] and ``racks`` [units], of a buyer each, take at a price."""
    units = 0.0
    for n in range(len(money)):
        units += max(min(money[n] / price, racks[n]), 0.0)
    return units


@compiled
def _demand(price: float, buying: int, limits: Reals, money: Reals, racks: Reals) -> float:
    """Units that the first ``buying`` take at a price, of those whose limits are not below it."""
    units = 0.0
    if price > 0.0:
        for n in range(buying):
            taken = max(min(money[n] / price, racks[n]), 0.0)
            units += taken if limits[n] >= price else 0.0
    return units


@compiled
def units_at(price: float, k: int, bids: Reals, buyers: Buyers, hardware: Hardware) -> Reals:
    """Units that buyers of a class take at a price: who bid at least that, money and racks."""
    units = np.zeros(len(bids))
    for i in range(len(bids)):
        if bids[i] >= price and bids[i] > 0.0:
            units[i] = units_taken(i, price, k, buyers, hardware)
    return units


@compiled
def units_in_ladder(price: float, k: int, bids: Reals, buyers: Buyers, hardware: Hardware) -> Reals:
    """Units of every bidder, each at the price or at its own limit if that is lower.

    In the order of limits they reach what is offered just where the price clears.
    """
    units = np.zeros(len(bids))
    for i in range(len(bids)):
        if bids[i] > 0.0:
            units[i] = units_taken(
                i, min(price, bids[i]) if price > 0.0 else bids[i], k, buyers, hardware
            )
    return units


@compiled
def money_and_racks(
    k: int, buying: Longs, buyers: Buyers, hardware: Hardware
) -> tuple[Reals, Reals]:
    """What some buyers have to spend [USD], and the units of a class they have racks for."""
    money, racks = np.empty(len(buying)), np.empty(len(buying))
    for n in range(len(buying)):
        i = buying[n]
        money[n] = buyers.budget_usd[i]
        racks[n] = np.inf
        if buyers.needs_slots[i]:
            racks[n] = buyers.slots[i, hardware.rack[k]] / hardware.slots_per_unit[k]
    return money, racks


@compiled
def price_between(below: float, above: float, supply: float, money: Reals, racks: Reals) -> float:
    """The highest price between two levels at which ``money`` and ``racks`` still take a supply."""
    lowest, highest = below, above
    for _ in range(BISECTIONS):
        price = 0.5 * (lowest + highest)
        if price <= lowest or price >= highest:
            break  # no number lies between
        if _taken(price, money, racks) >= supply:
            lowest = price
        else:
            highest = price
    return lowest


@compiled
def clearing_price(
    k: int,
    bids: Reals,
    asks: Reals,
    offered: Reals,
    buyers: Buyers,
    hardware: Hardware,
) -> float:
    """The highest price at which demand covers what is asked for at most it; 0 without demand.

    Where an owner's reserve stops the price, it is that reserve: its lot is sold in part. Between
    two limits or reserves who bids and what is offered stay the same, so the pair around the price
    is looked for first: by halving those left, as Hoare's FIND (1961) does, without a sort.
    """
    bidders = np.flatnonzero(bids > 0.0)
    if len(bidders) == 0:
        return 0.0
    limits = bids[bidders]  # beside them, buyer by buyer, what they have to spend
    money, racks = money_and_racks(k, bidders, buyers, hardware)
    levels = np.concatenate((limits, asks))
    left, buying = len(levels), len(limits)  # so many, at the front
    below, above = 0.0, np.inf  # demand covers supply at the one level, not at the other
    while left > 0:
        price = levels[left // 2]
        if _demand(price, buying, limits, money, racks) >= _asked(price, asks, offered):
            below = price
            buying = _with_limits_from(price, buying, limits, money, racks)
            left = _levels_left(levels, left, price, np.inf)
        else:
            above = price
            left = _levels_left(levels, left, -np.inf, price)
    if above == np.inf:
        return below
    supply = _asked(below, asks, offered)
    if supply <= 0.0:
        return above  # the lowest reserve, which demand does not cover in full
    if _demand(above, buying, limits, money, racks) >= supply:
        return above  # demand would cover more, but for the next reserve
    buying = _with_limits_from(above, buying, limits, money, racks)  # the same from here on
    return price_between(below, above, supply, money[:buying], racks[:buying])


@inlined
def _levels_left(levels: Reals, left: int, low: float, high: float) -> int:
    """Move levels between two others to the front, in order; how many there are."""
    kept = 0
    for n in range(left):
        level = levels[n]
        levels[kept] = level
        kept += low < level < high
    return kept


@inlined
def _with_limits_from(price: float, buying: int, limits: Reals, money: Reals, racks: Reals) -> int:
    """Move buyers whose limit is not below a price to the front: others buy at no price above."""
    kept = 0
    for n in range(buying):
        limit, usd, room = limits[n], money[n], racks[n]
        limits[kept], money[kept], racks[kept] = limit, usd, room
        kept += limit >= price
    return kept


@compiled
def serve(units: Reals, limits: Reals, offered: float) -> tuple[int, float]:
    """Cut what buyers would take to what is offered, highest limits first (in place).

    Returns the last buyer that gets something, -1 if nobody does, and what is left.
    """
    left, last = offered, -1
    for i in in_order(limits, np.flatnonzero(units > 0.0)):
        units[i] = min(units[i], left)
        if units[i] <= DUST:
            units[i] = 0.0
            continue
        left -= units[i]
        last = int(i)
    return last, left


@inlined
def _asked(price: float, asks: Reals, offered: Reals) -> float:
    """Units that owners sell at a price."""
    supply = 0.0
    for n in range(len(asks)):
        if asks[n] <= price:
            supply += offered[n]
    return supply


@compiled
def at_clearing_price(
    market: Market, k: int, limits: Reals, routine_units: float
) -> tuple[Reals, Reals, float]:
    """Bids [USD/unit] and units of every buyer that settle a class, and the price it clears at."""
    lots, buyers, hardware = market.lots, market.buyers, market.hardware
    rig = hardware.family[k] == Family.ASIC
    offers = rows_on_offer(market, k, LotState.IN_PLACE if rig else LotState.REMOVED)
    asks, offered = np.empty(len(offers) + 1), np.empty(len(offers) + 1)
    asks[0], offered[0] = hardware.scrap_usd[k], routine_units
    for a in range(len(offers)):
        asks[a + 1] = lot_reserve_usd(market, offers[a])
        offered[a + 1] = lots.units[offers[a]]
    price = clearing_price(k, limits, asks, offered, buyers, hardware)
    units = units_at(price, k, limits, buyers, hardware)
    asked = _asked(price, asks, offered)
    last, left = serve(units, limits, asked)
    bids = np.zeros(len(limits))
    for i in range(len(limits)):
        if units[i] > 0.0:  # a hair above the price, so that the last buyer is served last
            bids[i] = price if i == last else np.nextafter(price, np.inf)
    if last >= 0 and not (asks == price).any():  # else the reserve is the price
        units[last] += left + UNSERVED + ROUNDING * asked
    return bids, units, price
