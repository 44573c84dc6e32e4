"""The weekly window: bids are computed, each class is auctioned, prices become evidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.lender import credit_supply_share
from .. import compiled_sales
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.run import Run
from . import budget_auctions, last_resort
from .values import bids_today, hold_values_today, strips_today


def hold_auctions(run: Run) -> None:
    """One sealed-bid call per class; buyers' money and slots are shared by all classes.

    What is not sold may be hosted until the next.
    """
    s, terms = run.state, run.scenario.liquidation
    inflow = s.buyers.budget_usd_day * credit_factor(run)
    s.buyers.budget_usd[:] = np.minimum(
        s.buyers.budget_usd + terms.window_days * inflow,
        np.maximum(inflow * terms.budget_days, s.buyers.budget_usd),
    )
    compiled_sales.free_sites(run.shared, terms.window_days)
    run.strips = strips_today(run)
    run.hold_usd = hold_values_today(run)
    offered = units_on_offer(run)
    for k in range(len(s.hardware.family)):
        if s.hardware.family[k] == Family.SITE:
            continue
        hold = float(run.hold_usd[k])
        if run.quotes.has_in_place_buyers[k]:
            bids, units = bids_today(run, k, True, 0.0)
            run.recorder.book(run, k, True, bids, units, hold, offered[k])
            before = _proceeds_usd(run, k) if offered[k] > 0.0 else 0.0
            price, sold, event = compiled_sales.auction_in_place(run.shared, k, bids, hold)
            if sold > 0.0:
                _evidence(run, k, price, event, sold)
                run.recorder.sale(run, k, True, (_proceeds_usd(run, k) - before) / sold, sold)
        if not run.quotes.has_removed_buyers[k]:
            continue
        limits, ladder = bids, units = bids_today(run, k, False, 0.0)
        routine = run.quotes.routine_units_year[k] * terms.window_days / 365.0
        if terms.budget_clearing:
            bids, units, ladder = budget_auctions.bids_at_clearing(run, k, limits, hold, routine)
        run.recorder.book(run, k, False, limits, ladder, hold, offered[k])
        price, _, forced, event = compiled_sales.auction_removed(
            run.shared, k, bids, units, routine, hold
        )
        if terms.budget_clearing:
            np.maximum(s.buyers.budget_usd, 0.0, out=s.buyers.budget_usd)  # rounding
        if np.isfinite(price):
            _evidence(run, k, price, event, forced)
            run.recorder.sale(run, k, False, price, forced)
    last_resort.buy_what_is_left(run)
    compiled_sales.host_lots(run.shared, s.hosted_slots)


def units_on_offer(run: Run) -> NDArray[np.float64]:
    """Units in lots that may be sold today, wherever they stand [class]."""
    lots = run.state.lots
    used = slice(0, int(lots.count[0]))
    live = np.where(lots.state[used] != LotState.SOLD, lots.units[used], 0.0)
    return np.bincount(lots.hardware[used], live, len(run.state.hardware.family))


def _proceeds_usd(run: Run, k: int) -> float:
    """What lots of a class have brought so far [USD]."""
    lots = run.state.lots
    used = slice(0, int(lots.count[0]))
    return float(lots.proceeds_usd[used][lots.hardware[used] == k].sum())


def credit_factor(run: Run) -> NDArray[np.float64]:
    """What is left of buyers' income [buyer]: the part on credit shrinks with lenders' supply."""
    s = run.state
    if not run.scenario.channels.buyer_finance:
        return np.ones(len(s.buyers.segment))
    supply = credit_supply_share(s.lenders) * s.prices.appetite
    return 1.0 - s.buyers.credit_share * (1.0 - supply)


def _evidence(run: Run, k: int, price: float, event: int, forced_units: float) -> None:
    """A clearing price is evidence for marks; machines sold by force run again for their buyer.

    A forced sale is remembered as the cause of later prices for as long as its evidence counts.
    """
    s = run.state
    s.clearing_usd[k] = price
    s.clearing_day[k] = run.day
    last = int(s.clearing_event[k])
    memory = run.scenario.marks.evidence_half_life_days
    if event >= 0 or (last >= 0 and s.events["day"][last] < run.day - memory):
        s.clearing_event[k] = event
    s.outside_online[k] += forced_units
