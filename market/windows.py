"""The weekly window: bids are computed, each class is auctioned, prices become evidence."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agents.buyer import strip_value_usd
from agents.compiled import compiled
from agents.lender import credit_supply_share
from market import budgets, compiled_sales, last_resort
from market.bids import (
    income_usd_day,
    remaining_life_years,
    segment_strips,
    unit_cost_usd_day,
)
from market.custody import CARRY_USD_KWH
from market.hardware import Family, Hardware
from market.lots import LotState
from market.run import Run

HOST_USD_KWH_ASIC = 0.055  # power and site of a hosted rig
HOLD_YEARS_GPU = 3.0
HOLD_YEARS_ASIC = 1.5


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
            bids, units, ladder = budgets.bids_at_clearing(run, k, limits, hold, routine)
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


def strips_today(run: Run) -> NDArray[np.float64]:
    """Strip values [segment, class] at today's rent and hashprice."""
    s, terms = run.state, run.scenario.liquidation
    dearer = float(run.macro.rate_change[run.day] + run.macro.spread_change[run.day])
    strips: NDArray[np.float64] = segment_strips(
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
        s.buyers._replace(required_return=s.buyers.required_return + dearer),
        s.hardware,
    )
    return strips


def lives_today(run: Run) -> NDArray[np.float64]:
    """Economic life left of each class [years]."""
    terms = run.scenario.liquidation
    lives: NDArray[np.float64] = remaining_life_years(
        terms.gpu_life_years, terms.asic_life_years, run.day, run.state.hardware
    )
    return lives


def bids_today(
    run: Run, k: int, in_place: bool, extra_days: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bids and units of every buyer for a class today."""
    s = run.state
    dealer = s.clearing_usd[k] if np.isfinite(s.clearing_usd[k]) else s.marks_usd[k]
    bids, units = compiled_sales.bids_for(
        run.shared,
        k,
        in_place,
        extra_days,
        dealer,
        replacement_usd(run, k),
        run.strips,
    )
    return bids, units


def replacement_usd(run: Run, k: int) -> float:
    """What new hardware of the same performance costs today [USD/unit]: it gets cheaper."""
    decline = run.scenario.liquidation.new_price_decline
    return float(run.state.hardware.replacement_usd[k]) * math.exp(-decline * run.day / 365.0)


def hold_values_today(run: Run) -> NDArray[np.float64]:
    """What a unit of each class is worth to a lender that has it hosted today [USD, class]."""
    s, terms = run.state, run.scenario.liquidation
    values: NDArray[np.float64] = hold_values_usd(
        s.prices.rent_h100_usd_h,
        s.prices.hashprice_usd_ph_day,
        terms.gpu_rent_drift,
        terms.gpu_rent_volatility,
        terms.hashprice_drift,
        terms.hashprice_volatility,
        terms.reversion_per_year,
        terms.seller_required_return,
        terms.hosting_discount,
        s.buyer_view,
        lives_today(run),
        s.hardware,
    )
    return values


@compiled
def hold_values_usd(
    rent_h100: float,
    hashprice: float,
    gpu_drift: float,
    gpu_volatility: float,
    asic_drift: float,
    asic_volatility: float,
    reversion: float,
    required_return: float,
    discount: float,
    view: np.ndarray,
    remaining_years: np.ndarray,
    hardware: Hardware,
) -> np.ndarray:
    """What a unit of each class is worth to a lender that keeps it and has it hosted [USD, class].

    Hosting costs it a ``discount`` of the income; it looks ahead for a few years only.
    """
    values = np.zeros(len(hardware.family))
    for k in range(len(values)):
        if hardware.family[k] == Family.SITE:
            continue
        gpu = hardware.family[k] == Family.GPU
        values[k] = strip_value_usd(
            income_usd_day(k, rent_h100, hashprice, hardware) * view[k] * (1.0 - discount),
            unit_cost_usd_day(k, CARRY_USD_KWH if gpu else HOST_USD_KWH_ASIC, hardware),
            gpu_drift if gpu else asic_drift,
            gpu_volatility if gpu else asic_volatility,
            reversion,
            required_return,
            min(HOLD_YEARS_GPU if gpu else HOLD_YEARS_ASIC, remaining_years[k]),
        )
    return values
