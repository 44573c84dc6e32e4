"""The order book of a class: bids and asks as ladders to look at, and what auctions cleared at."""

from __future__ import annotations

import numpy as np

from ...agents.columns import Ints, Longs, Reals
from ...agents.compiling.kernels import compiled, inlined
from ..state.hardware import Family
from ..state.journal import ASKS_IN_FULL, LEVELS
from ..state.lots import LotState, rows_in_state
from ..state.market import Market
from .auctions import lot_reserve_usd
from .bid_heap import in_order, rising

QUARTER_DAYS = 91


@compiled
def bid_levels(
    bids: Reals, units: Reals, segment: Ints, segments: int
) -> tuple[Longs, Reals, Reals]:
    """Bids by segment in at most ``LEVELS`` steps: segment, mean price [USD], units of each step.

    A segment's bidders are divided into steps of equal number, from the highest bids.
    """
    live = np.flatnonzero((bids > 0.0) & (units > 0.0))
    order = in_order(bids, live)
    bidders = np.zeros(segments, np.int64)
    for j in order:
        bidders[segment[j]] += 1
    first = np.zeros(segments + 1, np.int64)
    for g in range(segments):
        first[g + 1] = first[g] + min(LEVELS, bidders[g])
    of_segment = np.zeros(first[segments], np.int64)
    amount = np.zeros(first[segments])
    value = np.zeros(first[segments])
    seen = np.zeros(segments, np.int64)
    for j in order:
        g = segment[j]
        step = first[g] + _step(seen[g], bidders[g], first[g + 1] - first[g])
        seen[g] += 1
        of_segment[step] = g
        amount[step] += units[j]
        value[step] += bids[j] * units[j]
    return of_segment, value / amount, amount


@inlined
def _step(place: int, members: int, steps: int) -> int:
    """Which of ``steps`` groups of about equal size a member stands in."""
    size, larger = members // steps, members % steps
    if place < larger * (size + 1):
        return place // (size + 1)
    return larger + (place - larger * (size + 1)) // size


@compiled
def asks_of(market: Market, k: int, state: int) -> tuple[Longs, Reals, Reals]:
    """Offered lots: seller (party), reserve [USD] and units; many become levels, seller -1."""
    lots = market.lots
    offers = rows_in_state(k, state, lots)
    count = len(offers)
    reserve = np.empty(count)
    for a in range(count):
        reserve[a] = lot_reserve_usd(market, offers[a])
    if count <= ASKS_IN_FULL:
        return lots.owner[offers].astype(np.int64), reserve, lots.units[offers]
    amount = np.zeros(LEVELS)
    value = np.zeros(LEVELS)
    order = rising(reserve)
    for place in range(count):
        a = order[place]
        step = _step(place, count, LEVELS)
        amount[step] += lots.units[offers[a]]
        value[step] += reserve[a] * lots.units[offers[a]]
    return np.full(LEVELS, -1), value / amount, amount


@compiled
def is_quarterly(market: Market) -> bool:
    """Whether ladders are kept though nothing is for sale: at the first auctions of a quarter."""
    return market.today.day % QUARTER_DAYS < market.terms.liquidation.window_days


@compiled
def keep_ladder(market: Market, k: int, in_place: bool, bids: Reals, units: Reals) -> None:
    """Keep bids and asks of a class, to look at."""
    from_site = in_place or market.hardware.family[k] == Family.ASIC
    asks = asks_of(market, k, LotState.IN_PLACE if from_site else LotState.REMOVED)
    if len(asks[0]) > 0 or is_quarterly(market):
        segments = len(market.first_of_segment)
        steps = bid_levels(bids, units, market.buyers.segment, segments)
        _keep_steps(market, k, in_place, False, steps)
        _keep_steps(market, k, in_place, True, asks)


@compiled
def _keep_steps(
    market: Market,
    k: int,
    in_place: bool,
    is_ask: bool,
    steps: tuple[Longs, Reals, Reals],
) -> None:
    """Put steps of a ladder (who, price, units) behind those that are kept."""
    ladders = market.kept.ladders
    who, price_usd, units = steps
    row = ladders.count[0]
    for step in range(len(who)):
        ladders.day[row] = market.today.day
        ladders.hardware[row] = k
        ladders.in_place[row] = in_place
        ladders.is_ask[row] = is_ask
        ladders.who[row] = who[step]
        ladders.price_usd[row] = price_usd[step]
        ladders.units[row] = units[step]
        row += 1
    ladders.count[0] = row


@compiled
def keep_sale(
    market: Market, k: int, in_place: bool, price_usd: float, forced_units: float
) -> None:
    """Keep what an auction of a class cleared at [USD/unit], and units of lots sold in it."""
    if not market.today.keeps_book:
        return
    sales = market.kept.sales
    row = sales.count[0]
    sales.day[row] = market.today.day
    sales.hardware[row] = k
    sales.in_place[row] = in_place
    sales.price_usd[row] = price_usd
    sales.forced_units[row] = forced_units
    sales.count[0] = row + 1
