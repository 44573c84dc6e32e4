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
from ..liquidation.values import lives_today
from ..state.run import Run
from .books import OpeningTables
from .buyers import open_buyers


def imply_views(run: Run, tables: OpeningTables) -> None:
    """Set ``buyer_view`` so that a week of ordinary trade clears at each quote, and open budgets.

    Views are read off the market as it is, before the scenario scales budgets and racks. Classes
    share buyers' money, so they are implied in the order they are auctioned.
    """
    s, terms, quotes = run.state, run.scenario.liquidation, run.quotes
    buyers = open_buyers(tables, s.names.hardware, s.hardware, terms.budget_days)
    set_private_views(run.seed, terms.buyer_view_deviation, buyers)
    s.buyers.private_view[:] = buyers.private_view
    saved = buyers.budget_usd.copy()
    week = buyers.budget_usd_day * terms.window_days
    trading = ~buyers.in_place_only
    buyers.budget_usd[trading] = week[trading]
    for k in range(len(s.hardware.family)):
        price = float(s.hardware.used_open_usd[k])
        removed = bool(quotes.has_removed_buyers[k])
        if price <= 0 or not (removed or quotes.has_in_place_buyers[k]):
            continue
        wanted = float(quotes.routine_units_year[k]) * terms.window_days / 365.0
        s.buyer_view[k] = implied_view(
            k,
            price,
            wanted if removed else terms.cluster_gpus,
            not removed,
            s.prices.rent_h100_usd_h,
            s.prices.hashprice_usd_ph_day,
            terms.gpu_rent_drift,
            terms.gpu_rent_volatility,
            terms.hashprice_drift,
            terms.hashprice_volatility,
            terms.reversion_per_year,
            s.hardware.replacement_usd[k],
            lives_today(run),
            quotes.first_of_segment,
            buyers,
            s.hardware,
            terms.budget_clearing and removed,
        )
        if removed:
            _spend(run, k, price, wanted, buyers)
    spent = trading & (buyers.budget_usd < week)
    rest = np.maximum(buyers.budget_usd, 0.0)
    s.buyers.budget_usd[:] = terms.budget_scale * np.where(spent, rest, saved)


def _spend(run: Run, k: int, price_usd: float, wanted: float, buyers: Buyers) -> None:
    """A week of ordinary trade of a class at its quote: the highest bidders pay (in place)."""
    s, terms = run.state, run.scenario.liquidation
    strips = segment_strips(
        s.prices.rent_h100_usd_h,
        s.prices.hashprice_usd_ph_day,
        terms.gpu_rent_drift,
        terms.gpu_rent_volatility,
        terms.hashprice_drift,
        terms.hashprice_volatility,
        terms.reversion_per_year,
        s.buyer_view,
        lives_today(run),
        run.quotes.first_of_segment,
        buyers,
        s.hardware,
    )
    bids: NDArray[np.float64]
    bids, units = class_bids(
        k,
        False,
        0.0,
        price_usd,
        s.hardware.replacement_usd[k],
        strips,
        buyers,
        s.hardware,
    )
    if terms.budget_clearing:
        units = units_at(price_usd, k, bids, buyers, s.hardware)
    order = np.argsort(-bids, kind="stable")
    order = order[bids[order] >= price_usd]
    before = np.cumsum(units[order]) - units[order]
    taken = np.clip(wanted - before, 0.0, units[order])
    buyers.budget_usd[order] -= price_usd * taken
