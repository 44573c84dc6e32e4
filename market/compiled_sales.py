"""Compiled phases of sales: keeping lots, who bids and asks, and the auctions of a window.

As in :mod:`market.compiled_phases`, kernels in their order on the tables of a market.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..agents.compiling.kernels import compiled
from .liquidation import auctions, bids, custody, hosting
from .liquidation.order_book import asks_of
from .state.lots import rows_in_state
from .state.sharing import Shared, contents


@compiled
def keep_lots(
    shared: Shared,
    smallest_cluster: float,
    has_removed_buyers: NDArray[np.bool_],
    has_in_place_buyers: NDArray[np.bool_],
    fire_sale: bool,
) -> tuple[float, float]:
    """Phase 10, every day: custody, sales without an auction; returns GPUs and TH/s kept on."""
    t, terms, today = contents(shared)
    kept = custody.carry_lots(
        today,
        terms,
        t.parties,
        t.lenders,
        t.ledger,
        t.loans,
        t.hardware,
        t.miners,
        t.neoclouds,
        t.lots,
        t.log,
    )
    custody.advance_lots(
        today,
        terms,
        smallest_cluster,
        has_removed_buyers,
        has_in_place_buyers,
        t.parties,
        t.lenders,
        t.loans,
        t.hardware,
        t.lots,
        t.log,
    )
    auctions.sell_at_mark(
        today,
        terms,
        t.marks_usd,
        fire_sale,
        has_removed_buyers,
        t.parties,
        t.lenders,
        t.ledger,
        t.loans,
        t.holdings,
        t.hardware,
        t.lots,
        t.log,
    )
    return kept


@compiled
def bids_for(
    shared: Shared,
    k: int,
    in_place: bool,
    extra_days: float,
    dealer_price_usd: float,
    replacement_usd: float,
    strips: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Every buyer's bid [USD/unit] and units for a class."""
    t, _, _ = contents(shared)
    return bids.class_bids(
        k,
        in_place,
        extra_days,
        dealer_price_usd,
        replacement_usd,
        strips,
        t.buyers,
        t.hardware,
    )


@compiled
def asks_for(
    shared: Shared, k: int, state: int, hold_usd: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offered lots of a class: seller (party), reserve [USD/unit] and units."""
    t, _, today = contents(shared)
    offers = rows_in_state(k, state, t.lots)
    return asks_of(today, offers, hold_usd, t.hardware.scrap_usd[k], t.lenders, t.lots)


@compiled
def auction_in_place(
    shared: Shared, k: int, bids_usd: NDArray[np.float64], hold_usd: float
) -> tuple[float, float, int]:
    """Sell whole clusters of a class where they stand: last price, units, last sale."""
    t, terms, today = contents(shared)
    return auctions.auction_in_place(
        today,
        terms,
        k,
        bids_usd,
        hold_usd,
        t.parties,
        t.lenders,
        t.ledger,
        t.loans,
        t.holdings,
        t.hardware,
        t.buyers,
        t.lots,
        t.log,
    )


@compiled
def auction_removed(
    shared: Shared,
    k: int,
    bids_usd: NDArray[np.float64],
    units: NDArray[np.float64],
    routine_units: float,
    hold_usd: float,
) -> tuple[float, float, float, int]:
    """Clear a class: price [USD/unit] (NaN: no trade), units, forced units, last forced sale."""
    t, terms, today = contents(shared)
    return auctions.auction_removed(
        today,
        terms,
        k,
        bids_usd,
        units,
        routine_units,
        hold_usd,
        t.parties,
        t.lenders,
        t.ledger,
        t.loans,
        t.holdings,
        t.hardware,
        t.buyers,
        t.lots,
        t.log,
    )


@compiled
def free_sites(shared: Shared, window_days: int) -> None:
    """Power and racks of the failed find new operators."""
    t, terms, today = contents(shared)
    auctions.free_sites(today, terms, window_days, t.parties, t.hardware, t.buyers, t.lots)


@compiled
def host_lots(shared: Shared, hosted_slots: NDArray[np.float64]) -> None:
    """Who waits for a better price looks for racks until the next auction."""
    t, terms, today = contents(shared)
    hosting.host_lots(
        today,
        terms,
        hosted_slots,
        t.parties,
        t.lenders,
        t.loans,
        t.neoclouds,
        t.hardware,
        t.buyers,
        t.lots,
        t.log,
    )
