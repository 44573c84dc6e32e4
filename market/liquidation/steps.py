"""Phase 10: seized machines, from custody to a new owner.

On a day of auctions bids are computed, each class is auctioned, and prices become evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.arrays import put
from ...agents.compiling.kernels import compiled
from ..debt.claims import value_claims
from ..state.lots import LotState
from ..state.market import Market
from .auctions import auction_in_place, auction_removed, free_sites, sell_at_mark
from .bids import bids_today, hold_values_usd, units_bid, value_machines
from .budget_auctions import at_clearing_price, units_in_ladder
from .budgets import save_budgets
from .custody import advance_lots, carry_lots
from .hosting import host_lots
from .in_kind import end_lots
from .last_resort import buy_what_is_left, store_what_was_bought
from .listed_alone import sell_listed_alone
from .order_book import is_quarterly, keep_ladder, keep_sale


class Trade(NamedTuple):
    """What an auction of a class has brought about."""

    price_usd: float  # a unit, the mean; NaN: no trade
    units: float
    forced_units: float  # of which from lots
    event: int  # the last sale of a lot, -1: none


@compiled
def liquidate(market: Market) -> None:
    """Custody every day; once a week an auction per class."""
    keep_lots(market)
    store_what_was_bought(market)
    if market.today.day % market.terms.liquidation.window_days == 0:
        hold_auctions(market)
    value_claims(market)


@compiled
def keep_lots(market: Market) -> None:
    """Custody, and sales without an auction; what receivers keep running."""
    supply, hashrate = carry_lots(market)
    advance_lots(market)
    sell_at_mark(market)
    end_lots(market)
    market.prices.receiver_gpus = supply
    market.prices.receiver_th = hashrate


@compiled
def hold_auctions(market: Market) -> None:
    """One sealed-bid call per class; buyers' money and slots are shared by all classes.

    What is not sold may be hosted until the next.
    """
    save_budgets(market)
    free_sites(market)
    value_machines(market)
    put(market.hold_usd, hold_values_usd(market))
    sell_listed_alone(market)
    offered = units_on_offer(market)
    for k in range(len(market.hardware.family)):
        shown = market.today.keeps_book and (offered[k] > 0.0 or is_quarterly(market))
        in_place = removed = Trade(np.nan, 0.0, 0.0, -1)
        if market.has_in_place_buyers[k]:
            in_place = sell_in_place(market, k, shown)
        if market.has_removed_buyers[k]:
            removed = sell_removed(market, k, shown)
        note_evidence(market, k, in_place, removed)
    buy_what_is_left(market)
    host_lots(market)


@compiled
def sell_in_place(market: Market, k: int, shown: bool) -> Trade:
    """Auction clusters of a class where they stand."""
    bids = bids_today(market, k, True)
    if shown:
        keep_ladder(market, k, True, bids, units_bid(market, k, bids))
    price, sold, event = auction_in_place(market, k, bids)
    if sold > 0.0:
        keep_sale(market, k, True, price, sold)
    return Trade(price, sold, sold, event)


@compiled
def sell_removed(market: Market, k: int, shown: bool) -> Trade:
    """Auction removed machines of a class, or rigs from where they stand, beside ordinary trade."""
    buyers = market.buyers
    limits = bids_today(market, k, False)
    routine = market.routine_units_year[k] * market.terms.liquidation.window_days / 365.0
    bids, units, price = at_clearing_price(market, k, limits, routine)
    if shown:
        ladder = units_in_ladder(price, k, limits, buyers, market.hardware)
        keep_ladder(market, k, False, limits, ladder)
    paid, sold, forced, event = auction_removed(market, k, bids, units, routine)
    for i in range(len(buyers.budget_usd)):
        buyers.budget_usd[i] = max(buyers.budget_usd[i], 0.0)  # rounding
    if np.isfinite(paid):
        keep_sale(market, k, False, paid, forced)
    return Trade(paid, sold, forced, event)


@compiled
def units_on_offer(market: Market) -> Reals:
    """Units in lots that are not sold, wherever they are [class]."""
    lots = market.lots
    units = np.zeros(len(market.hardware.family))
    for i in range(lots.count[0]):
        if lots.state[i] != LotState.SOLD:
            units[lots.hardware[i]] += lots.units[i]
    return units


@compiled
def note_evidence(market: Market, k: int, in_place: Trade, removed: Trade) -> None:
    """What a class traded at today is evidence for marks: the mean of all units that changed hands.

    Machines sold by force run again for their buyer. A forced sale is remembered as the cause of
    later prices for as long as its evidence counts.
    """
    today = market.today
    units = in_place.units + removed.units
    if units <= 0.0:
        return
    value = 0.0
    if in_place.units > 0.0:
        value += in_place.price_usd * in_place.units
    if removed.units > 0.0:
        value += removed.price_usd * removed.units
    market.clearing_usd[k] = value / units
    market.clearing_day[k] = today.day
    event, last = max(in_place.event, removed.event), market.clearing_event[k]
    memory = market.terms.marks.evidence_half_life_days
    if event >= 0 or (last >= 0 and market.log.events[last]["day"] < today.day - memory):
        market.clearing_event[k] = event
    market.outside_online[k] += in_place.forced_units + removed.forced_units
