"""The order book of a class: bids in order, what selling down them brings, ladders to look at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.compiled import compiled, inlined
from agents.lender import Lenders
from market.context import Today
from market.liquidation import lot_reserve_usd
from market.lots import Lots

LEVELS = 12  # of a segment's bids, or of many asks, in what is kept to look at
ASKS_IN_FULL = 200  # more offers than that are kept as levels


class Ladder(NamedTuple):
    """Bids from the highest; sums run from the top."""

    price_usd: NDArray[np.float64]
    units: NDArray[np.float64]  # bid for at this price or more
    usd: NDArray[np.float64]  # that these would bring


NOBODY = Ladder(np.zeros(0), np.zeros(0), np.zeros(0))


def ladder_of(bids: NDArray[np.float64], units: NDArray[np.float64]) -> Ladder:
    """Put bids [USD/unit] and units of buyers in order; equal bids stay in theirs."""
    live = np.flatnonzero((bids > 0.0) & (units > 0.0))
    order = live[np.argsort(-bids[live], kind="stable")]
    price = bids[order]
    wanted = units[order]
    return Ladder(price, np.cumsum(wanted), np.cumsum(wanted * price))


@compiled
def sell_down(ladder: Ladder, position: float) -> tuple[float, float]:
    """Sell a whole position down the book: proceeds [USD] and units sold, each at its bid."""
    level = np.searchsorted(ladder.units, position)
    if level >= len(ladder.units):
        if len(ladder.units) == 0:
            return 0.0, 0.0
        return ladder.usd[-1], ladder.units[-1]
    before = ladder.units[level - 1] if level > 0 else 0.0
    proceeds = ladder.usd[level - 1] if level > 0 else 0.0
    return proceeds + (position - before) * ladder.price_usd[level], position


@compiled
def net_proceeds_usd(
    ladder: Ladder,
    positions: np.ndarray,
    legal_cost_share: float,
    removal_usd: float,
    scrap_usd: float,
) -> np.ndarray:
    """What each position, alone, brings [USD] after legal and removal cost; its rest is scrap."""
    result = np.empty(len(positions))
    for i in range(len(positions)):
        gross, sold = sell_down(ladder, positions[i])
        net = gross * (1.0 - legal_cost_share) - removal_usd * sold
        result[i] = max(net, 0.0) + (positions[i] - sold) * scrap_usd
    return result


@compiled
def bid_levels(
    bids: np.ndarray, units: np.ndarray, segment: np.ndarray, segments: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bids by segment in at most ``LEVELS`` steps: segment, mean price [USD], units of each step.

    A segment's bidders are divided into steps of equal number, from the highest bids.
    """
    live = np.flatnonzero((bids > 0.0) & (units > 0.0))
    order = live[np.argsort(-bids[live], kind="mergesort")]
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
def asks_of(
    today: Today,
    offers: np.ndarray,
    hold_usd: float,
    scrap_usd: float,
    lenders: Lenders,
    lots: Lots,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offered lots: seller (party), reserve [USD] and units; many become levels, seller -1."""
    count = len(offers)
    reserve = np.empty(count)
    for a in range(count):
        reserve[a] = lot_reserve_usd(today, offers[a], hold_usd, scrap_usd, lenders, lots)
    if count <= ASKS_IN_FULL:
        return lots.owner[offers].astype(np.int64), reserve, lots.units[offers]
    amount = np.zeros(LEVELS)
    value = np.zeros(LEVELS)
    order = np.argsort(reserve, kind="mergesort")
    for place in range(count):
        a = order[place]
        step = _step(place, count, LEVELS)
        amount[step] += lots.units[offers[a]]
        value[step] += reserve[a] * lots.units[offers[a]]
    return np.full(LEVELS, -1), value / amount, amount
