"""Buyers at the opening: what they expect to earn, and what they have saved, read off the quotes.

Ordinary trade has gone on before the opening at the quoted prices. Buyers who think a machine worth
its price spend what comes in each week; those who do not have saved up. So the market opens in the
state it would stay in if nothing happened.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, entrance
from ..liquidation.bid_heap import in_order
from ..liquidation.bids import class_bids, implied_view, set_private_views, set_strips
from ..liquidation.budget_auctions import units_at
from ..state.frontier import foresee_entry, value_to_price
from ..state.market import Market
from .books import Books
from .buyers import open_buyers


def imply_views(market: Market, books: Books) -> None:
    """Set ``buyer_view`` so that a week of ordinary trade clears at each quote, and open budgets.

    Views are read off the market as it is, before the scenario scales budgets and racks, by buyers
    who know the roadmap of the books. Of a class that is still to come they think as of the one
    that is bought new today.
    """
    settings, scaled = market.scenario.liquidation, market.buyers
    buyers = open_buyers(books, market.names.hardware, market.hardware, settings.budget_days)
    saved = buyers.budget_usd.copy()
    week = buyers.budget_usd_day * settings.window_days
    trading = ~buyers.in_place_only
    buyers.budget_usd[trading] = week[trading]
    entrants = np.array([row.entrant for row in books.buyers], np.bool_)[buyers.segment]
    buyers.budget_usd[entrants] = 0.0  # they were not there when the quotes were made
    market.buyers = buyers
    look_ahead(market)
    trade_a_week(market)
    look_ahead(market)
    market.buyers = scaled
    scaled.private_view[:] = buyers.private_view
    spent = trading & ~entrants & (buyers.budget_usd < week)
    rest = np.maximum(buyers.budget_usd, 0.0)
    scaled.budget_usd[:] = settings.budget_scale * np.where(spent, rest, saved)


@entrance
def trade_a_week(market: Market) -> None:
    """Views that a week of ordinary trade at the quotes implies; what it costs is spent.

    Classes share buyers' money, so they are implied in the order they are auctioned.
    """
    set_private_views(market)
    hardware, settings = market.hardware, market.terms.liquidation
    for k in range(len(hardware.family)):
        price = hardware.used_open_usd[k] if hardware.launch_day[k] == 0 else 0.0
        removed = market.has_removed_buyers[k]
        if price <= 0.0 or not (removed or market.has_in_place_buyers[k]):
            continue
        wanted = market.routine_units_year[k] * settings.window_days / 365.0
        units = wanted if removed else settings.cluster_gpus
        market.buyer_view[k] = implied_view(market, k, price, units, not removed)
        if removed:
            _spend(market, k, price, wanted)
    for k in range(len(hardware.family)):
        if hardware.launch_day[k] > 0:
            market.buyer_view[k] = market.buyer_view[market.opening.machine_class]


def look_ahead(market: Market) -> None:
    """What q is measured against, and what announced classes will do to the price of work."""
    if market.opening.machine_class >= 0:
        market.prices.frontier = market.opening.machine_class
        market.opening.value_to_price = value_to_price_today(market)
        foresee(market)


@entrance
def value_to_price_today(market: Market) -> float:
    """Value over price of the machines that new orders are for."""
    return value_to_price(market, market.prices.frontier)


@entrance
def foresee(market: Market) -> None:
    """The expected path of the price of work (in place)."""
    foresee_entry(market)


@compiled
def _spend(market: Market, k: int, price_usd: float, wanted: float) -> None:
    """A week of ordinary trade of a class at its quote: the highest bidders pay (in place)."""
    strips = np.full((len(market.first_of_segment), len(market.hardware.family)), np.nan)
    set_strips(market, k, 0.0, strips)
    bids = class_bids(market, k, False, price_usd, strips)
    units = units_at(price_usd, k, bids, market.buyers, market.hardware)
    bid_for = 0.0
    for i in in_order(bids, np.flatnonzero(bids >= price_usd)):
        bid_for += units[i]
        taken = min(max(wanted - (bid_for - units[i]), 0.0), units[i])
        market.buyers.budget_usd[i] -= price_usd * taken
