"""The order book of a class: bids in order, what selling down them brings, ladders to look at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import compiled, entrance, inlined
from ..state.hardware import Family
from ..state.lots import LotState, rows_in_state
from ..state.market import Market
from .auctions import lot_reserve_usd
from .bid_heap import in_order
from .bids import bids_today

LEVELS = 12  # of a segment's bids, or of many asks, in what is kept to look at
QUARTER_DAYS = 91
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


@entrance
def asks_of(market: Market, k: int, state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    order = in_order(-reserve, np.arange(count))
    for place in range(count):
        a = order[place]
        step = _step(place, count, LEVELS)
        amount[step] += lots.units[offers[a]]
        value[step] += reserve[a] * lots.units[offers[a]]
    return np.full(LEVELS, -1), value / amount, amount


def is_quarterly(market: Market) -> bool:
    """Whether ladders are kept though nothing is for sale: at the first auctions of a quarter."""
    return market.day % QUARTER_DAYS < market.scenario.liquidation.window_days


def keep_ladder(
    market: Market,
    k: int,
    in_place: bool,
    bids: NDArray[np.float64],
    units: NDArray[np.float64],
) -> None:
    """Keep bids and asks of a class, to look at."""
    from_site = in_place or market.hardware.family[k] == Family.ASIC
    state = LotState.IN_PLACE if from_site else LotState.REMOVED
    asks = asks_of(market, k, int(state))  # numba is slow to look at an enum
    if len(asks[0]) > 0 or is_quarterly(market):
        steps = bid_levels(bids, units, market.buyers.segment, len(market.names.segments))
        market.ladders.append((market.day, k, in_place, steps, asks))


def keep_sale(
    market: Market, k: int, in_place: bool, price_usd: float, forced_units: float
) -> None:
    """Keep what an auction of a class cleared at [USD/unit], and units of lots sold in it."""
    if market.keeps_book:
        name = market.names.hardware[k]
        market.sales.append((market.day, name, in_place, price_usd, forced_units))


def class_ladder(market: Market, k: int, clusters: bool) -> Ladder:
    """Today's bids for a class, those for whole clusters too if wanted."""
    there = [
        place
        for place, buyers in (
            (False, bool(market.has_removed_buyers[k])),
            (True, clusters and bool(market.has_in_place_buyers[k])),
        )
        if buyers
    ]
    if not there:
        return NOBODY
    books = [bids_today(market, k, place) for place in there]
    ladder: Ladder = ladder_of(
        np.concatenate([book[0] for book in books]), np.concatenate([book[1] for book in books])
    )
    return ladder


def realisable_usd(
    market: Market, ladder: Ladder, k: int, positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Net proceeds [USD] of selling each position of a class, alone, down a ladder."""
    terms = market.terms
    gpu = market.hardware.family[k] == Family.GPU
    net: NDArray[np.float64] = net_proceeds_usd(
        ladder,
        positions,
        terms.liquidation.legal_cost_share,
        terms.liquidation.removal_usd_per_gpu if gpu else terms.liquidation.removal_usd_per_th,
        float(market.hardware.scrap_usd[k]),
    )
    return net
