"""Phase 10: seized machines, from custody to a new owner.

On a day of auctions bids are computed, each class is auctioned, and prices become evidence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import entrance
from ...agents.lender import credit_supply_share
from ..debt.claims import value_claims
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.market import Market
from . import budget_auctions, last_resort
from .auctions import auction_in_place, auction_removed, free_sites, sell_at_mark
from .bids import bids_today, hold_values_usd, strips_today
from .custody import advance_lots, carry_lots
from .hosting import host_lots
from .order_book import is_quarterly, keep_ladder, keep_sale


def liquidate(market: Market) -> None:
    """Custody every day; once a week an auction per class."""
    keep_lots(market)
    if market.day % market.scenario.liquidation.window_days == 0:
        hold_auctions(market)
    value_claims(market)


@entrance
def keep_lots(market: Market) -> None:
    """Custody, and sales without an auction; what receivers keep running."""
    supply, hashrate = carry_lots(market)
    advance_lots(market)
    sell_at_mark(market)
    market.prices.receiver_gpus = supply
    market.prices.receiver_th = hashrate


def hold_auctions(market: Market) -> None:
    """One sealed-bid call per class; buyers' money and slots are shared by all classes.

    What is not sold may be hosted until the next.
    """
    settings = market.scenario.liquidation
    inflow = market.buyers.budget_usd_day * credit_factor(market)
    market.buyers.budget_usd[:] = np.minimum(
        market.buyers.budget_usd + settings.window_days * inflow,
        np.maximum(inflow * settings.budget_days, market.buyers.budget_usd),
    )
    free_sites(market)
    market.strips = strips_today(market)
    market.hold_usd = hold_values_usd(market)
    offered = units_on_offer(market)
    for k in range(len(market.hardware.family)):
        if market.hardware.family[k] == Family.SITE:
            continue
        if market.has_in_place_buyers[k]:
            bids, units = bids_today(market, k, True)
            if _is_shown(market, offered[k]):
                keep_ladder(market, k, True, bids, units)
            before = _proceeds_usd(market, k) if offered[k] > 0.0 else 0.0
            price, sold, event = auction_in_place(market, k, bids)
            if sold > 0.0:
                _evidence(market, k, price, event, sold)
                mean_usd = (_proceeds_usd(market, k) - before) / sold
                keep_sale(market, k, True, mean_usd, sold)
        if not market.has_removed_buyers[k]:
            continue
        limits, ladder = bids, units = bids_today(market, k, False)
        routine = market.routine_units_year[k] * settings.window_days / 365.0
        if settings.budget_clearing:
            bids, units, ladder = budget_auctions.bids_at_clearing(market, k, limits, routine)
        if _is_shown(market, offered[k]):
            keep_ladder(market, k, False, limits, ladder)
        price, _, forced, event = auction_removed(market, k, bids, units, routine)
        if settings.budget_clearing:
            np.maximum(market.buyers.budget_usd, 0.0, out=market.buyers.budget_usd)  # rounding
        if np.isfinite(price):
            _evidence(market, k, price, event, forced)
            keep_sale(market, k, False, price, forced)
    last_resort.buy_what_is_left(market)
    host_lots(market)


def _is_shown(market: Market, on_offer: float) -> bool:
    """Whether a ladder is kept: when something of the class is for sale, and once a quarter."""
    return market.keeps_book and (on_offer > 0.0 or is_quarterly(market))


def units_on_offer(market: Market) -> NDArray[np.float64]:
    """Units in lots that may be sold today, wherever they stand [class]."""
    lots = market.lots
    used = slice(0, int(lots.count[0]))
    live = np.where(lots.state[used] != LotState.SOLD, lots.units[used], 0.0)
    return np.bincount(lots.hardware[used], live, len(market.hardware.family))


def _proceeds_usd(market: Market, k: int) -> float:
    """What lots of a class have brought so far [USD]."""
    lots = market.lots
    used = slice(0, int(lots.count[0]))
    return float(lots.proceeds_usd[used][lots.hardware[used] == k].sum())


def credit_factor(market: Market) -> NDArray[np.float64]:
    """What is left of buyers' income [buyer]: the part on credit shrinks with lenders' supply."""
    if not market.scenario.channels.buyer_finance:
        return np.ones(len(market.buyers.segment))
    supply = credit_supply_share(market.lenders) * market.prices.appetite
    return 1.0 - market.buyers.credit_share * (1.0 - supply)


def _evidence(market: Market, k: int, price: float, event: int, forced_units: float) -> None:
    """A clearing price is evidence for marks; machines sold by force run again for their buyer.

    A forced sale is remembered as the cause of later prices for as long as its evidence counts.
    """
    market.clearing_usd[k] = price
    market.clearing_day[k] = market.day
    last = int(market.clearing_event[k])
    memory = market.scenario.marks.evidence_half_life_days
    if event >= 0 or (last >= 0 and market.events["day"][last] < market.day - memory):
        market.clearing_event[k] = event
    market.outside_online[k] += forced_units
