"""Buyers at the opening: what they expect to earn, and what they have saved, read off the quotes.

Ordinary trade has gone on before the opening at the quoted prices. Buyers who think a machine worth
its price spend what comes in each week; those who do not have saved up. So the market opens in the
state it would stay in if nothing happened.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import Buyers
from ..liquidation.bids import class_bids, implied_view, segment_strips, set_private_views
from ..liquidation.budget_auctions import units_at
from ..state.market import Market
from .books import Books
from .buyers import open_buyers


def imply_views(market: Market, books: Books) -> None:
    """Set ``buyer_view`` so that a week of ordinary trade clears at each quote, and open budgets.

    Views are read off the market as it is, before the scenario scales budgets and racks. Classes
    share buyers' money, so they are implied in the order they are auctioned.
    """
    settings = market.scenario.liquidation
    buyers = open_buyers(books, market.names.hardware, market.hardware, settings.budget_days)
    set_private_views(market.seed, settings.buyer_view_deviation, buyers)
    market.buyers.private_view[:] = buyers.private_view
    saved = buyers.budget_usd.copy()
    week = buyers.budget_usd_day * settings.window_days
    trading = ~buyers.in_place_only
    buyers.budget_usd[trading] = week[trading]
    for k in range(len(market.hardware.family)):
        price = float(market.hardware.used_open_usd[k])
        removed = bool(market.has_removed_buyers[k])
        if price <= 0 or not (removed or market.has_in_place_buyers[k]):
            continue
        wanted = float(market.routine_units_year[k]) * settings.window_days / 365.0
        units = wanted if removed else settings.cluster_gpus
        market.buyer_view[k] = implied_view(market, buyers, k, price, units, not removed)
        if removed:
            _spend(market, k, price, wanted, buyers)
    spent = trading & (buyers.budget_usd < week)
    rest = np.maximum(buyers.budget_usd, 0.0)
    market.buyers.budget_usd[:] = settings.budget_scale * np.where(spent, rest, saved)


def _spend(market: Market, k: int, price_usd: float, wanted: float, buyers: Buyers) -> None:
    """A week of ordinary trade of a class at its quote: the highest bidders pay (in place)."""
    settings = market.scenario.liquidation
    strips = segment_strips(market, buyers, 0.0)
    bids: NDArray[np.float64]
    bids, units = class_bids(market, buyers, k, False, price_usd, strips)
    if settings.budget_clearing:
        units = units_at(price_usd, k, bids, buyers, market.hardware)
    order = np.argsort(-bids, kind="stable")
    order = order[bids[order] >= price_usd]
    before = np.cumsum(units[order]) - units[order]
    taken = np.clip(wanted - before, 0.0, units[order])
    buyers.budget_usd[order] -= price_usd * taken
