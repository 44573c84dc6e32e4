"""Auctions among buyers who spend money rather than want a number of machines.

A sealed bid for so many machines would leave money idle once prices fall below it; buyers bring
budgets, and buy more instead. A class clears at the price at which what budgets and racks buy
equals what is offered at or below it (Walras). Bids are then passed on at that price to be settled.
"""

from __future__ import annotations

import numpy as np

from ...agents.buyer import Buyers, affordable_units
from ...agents.columns import Longs, Reals
from ...agents.compiling.kernels import compiled, inlined
from ..state.hardware import Family, Hardware
from ..state.lots import LotState
from ..state.market import Market
from .auctions import DUST, lot_reserve_usd, rows_on_offer
from .bid_heap import in_order

BISECTIONS = 50
ROUNDING = 1e-9  # of what is offered: more than sums of many bids can be off
UNSERVED = 2.0 * DUST  # units the last buyer would still take: who is left unserved sets the price


@inlined
def units_taken(buyer: int, price: float, k: int, buyers: Buyers, hardware: Hardware) -> float:
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
def _demand(
    price: float, k: int, bids: Reals, bidders: Longs, buyers: Buyers, hardware: Hardware
) -> float:
    """Units of a class that all ``bidders`` (places in ``bids``, rising) take at a price."""
    units = 0.0
    for i in bidders:
        if bids[i] >= price:
            units += units_taken(i, price, k, buyers, hardware)
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
        taken = 0.0
        for n in range(len(money)):
            taken += max(min(money[n] / price, racks[n]), 0.0)
        if taken >= supply:
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
    levels = np.concatenate((bids[bidders], asks))
    below, above = 0.0, np.inf  # demand covers supply at the one level, not at the other
    while len(levels) > 0:
        price = levels[len(levels) // 2]
        if _demand(price, k, bids, bidders, buyers, hardware) >= _asked(price, asks, offered):
            below = price
            bidders = bidders[bids[bidders] >= price]  # others buy at no price that is left
            levels = levels[levels > price]
        else:
            above = price
            levels = levels[levels < price]
    if above == np.inf:
        return below
    supply = _asked(below, asks, offered)
    if supply <= 0.0:
        return above  # the lowest reserve, which demand does not cover in full
    if _demand(above, k, bids, bidders, buyers, hardware) >= supply:
        return above  # demand would cover more, but for the next reserve
    # Who bids stays the same from here on: their money and racks, side by side.
    buying = bidders[bids[bidders] >= above]
    money, racks = money_and_racks(k, buying, buyers, hardware)
    return price_between(below, above, supply, money, racks)


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
