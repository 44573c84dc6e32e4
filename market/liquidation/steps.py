"""Phase 10: seized machines, from custody to a new owner.

On a day of auctions bids are computed, each class is auctioned, and prices become evidence.
"""

from __future__ import annotations

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.arrays import put, put_matrix
from ...agents.compiling.kernels import compiled
from ...agents.lender import credit_supply_share
from ..debt.claims import value_claims
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.market import Market
from .auctions import auction_in_place, auction_removed, free_sites, sell_at_mark
from .bids import bids_today, hold_values_usd, strips_today
from .budget_auctions import at_clearing_price
from .custody import advance_lots, carry_lots
from .hosting import host_lots
from .in_kind import end_lots
from .last_resort import buy_what_is_left
from .order_book import is_quarterly, keep_ladder, keep_sale, lot_proceeds_usd


@compiled
def liquidate(market: Market) -> None:
    """Custody every day; once a week an auction per class."""
    keep_lots(market)
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
    put_matrix(market.strips, strips_today(market))
    put(market.hold_usd, hold_values_usd(market))
    offered = units_on_offer(market)
    for k in range(len(market.hardware.family)):
        if market.hardware.family[k] == Family.SITE:
            continue
        shown = market.today.keeps_book and (offered[k] > 0.0 or is_quarterly(market))
        if market.has_in_place_buyers[k]:
            sell_in_place(market, k, offered[k] > 0.0, shown)
        if market.has_removed_buyers[k]:
            sell_removed(market, k, shown)
    buy_what_is_left(market)
    host_lots(market)


@compiled
def save_budgets(market: Market) -> None:
    """A week's income of buyers; nobody saves up more than ``budget_days`` of it.

    The part on credit shrinks with what lenders give.
    """
    settings, buyers = market.terms.liquidation, market.buyers
    supply = 1.0
    if market.terms.channels.buyer_finance:
        supply = credit_supply_share(market.lenders) * market.prices.appetite
    for i in range(len(buyers.budget_usd)):
        inflow = buyers.budget_usd_day[i] * (1.0 - buyers.credit_share[i] * (1.0 - supply))
        saved = buyers.budget_usd[i]
        most = max(inflow * settings.budget_days, saved)
        buyers.budget_usd[i] = min(saved + settings.window_days * inflow, most)


@compiled
def sell_in_place(market: Market, k: int, offered: bool, shown: bool) -> None:
    """Auction clusters of a class where they stand."""
    bids, units = bids_today(market, k, True)
    if shown:
        keep_ladder(market, k, True, bids, units)
    before = lot_proceeds_usd(market, k) if offered else 0.0
    price, sold, event = auction_in_place(market, k, bids)
    if sold > 0.0:
        note_evidence(market, k, price, event, sold)
        keep_sale(market, k, True, (lot_proceeds_usd(market, k) - before) / sold, sold)


@compiled
def sell_removed(market: Market, k: int, shown: bool) -> None:
    """Auction removed machines of a class, or rigs from where they stand, beside ordinary trade."""
    settings, buyers = market.terms.liquidation, market.buyers
    limits, ladder = bids_today(market, k, False)
    bids, units = limits, ladder
    routine = market.routine_units_year[k] * settings.window_days / 365.0
    if settings.budget_clearing:
        bids, units, ladder = at_clearing_price(market, k, limits, routine)
    if shown:
        keep_ladder(market, k, False, limits, ladder)
    price, _, forced, event = auction_removed(market, k, bids, units, routine)
    if settings.budget_clearing:
        for i in range(len(buyers.budget_usd)):
            buyers.budget_usd[i] = max(buyers.budget_usd[i], 0.0)  # rounding
    if np.isfinite(price):
        note_evidence(market, k, price, event, forced)
        keep_sale(market, k, False, price, forced)


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
def note_evidence(market: Market, k: int, price: float, event: int, forced_units: float) -> None:
    """A clearing price is evidence for marks; machines sold by force run again for their buyer.

    A forced sale is remembered as the cause of later prices for as long as its evidence counts.
    """
    today = market.today
    market.clearing_usd[k] = price
    market.clearing_day[k] = today.day
    last = market.clearing_event[k]
    memory = market.terms.marks.evidence_half_life_days
    if event >= 0 or (last >= 0 and market.log.events[last]["day"] < today.day - memory):
        market.clearing_event[k] = event
    market.outside_online[k] += forced_units
