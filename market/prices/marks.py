"""What a class of machines is worth: by lenders' marks, in their reports, second-hand.

A mark lies between a schedule and what last traded, and triggers margin calls. Reports carry GPUs
at the cost of the system, depreciated by the book. What a machine trades at is neither. The
schedule of sites and halls is an appraisal: what they would rent for, at the day's cost of money.
"""

from __future__ import annotations

import math

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.arrays import put
from ...agents.compiling.kernels import compiled, entrance
from ...agents.lender import book_value_usd, mark_usd
from ..state.hardware import Family, schedule_usd
from ..state.machines import days_since_launch
from ..state.market import Market
from ..state.sites import of_site_class, site_values


@compiled
def set_marks(market: Market) -> None:
    """A day's scheduled values and lenders' marks [class, USD/unit]: schedule and aged evidence."""
    hardware, schedule = market.hardware, market.schedule_usd
    appraised = site_values(market, market.terms.sites.required_return, True, True)
    for k in range(len(hardware.family)):
        if hardware.family[k] == Family.SITE:
            schedule[k] = max(hardware.scrap_usd[k], of_site_class(market, k, appraised))
            continue
        schedule[k] = schedule_usd(
            hardware.used_open_usd[k],
            hardware.annual_depreciation[k],
            hardware.scrap_usd[k],
            days_since_launch(market, k),
        )
    put(market.marks_usd, marks_usd(market, market.terms.derived.mark_evidence_weight))


@entrance
def marks_usd(market: Market, evidence_weight: float) -> Reals:
    """Marks [class, USD/unit] today that give the last clearing price such a weight when fresh."""
    marks = np.empty(len(market.schedule_usd))
    for k in range(len(marks)):
        age = float(market.today.day - market.clearing_day[k])
        half_life = market.terms.marks.evidence_half_life_days
        marks[k] = mark_usd(
            market.schedule_usd[k], _aged_price_usd(market, k), age, evidence_weight, half_life
        )
    return marks


@compiled
def _aged_price_usd(market: Market, k: int) -> float:
    """The last clearing price of a class, depreciated since [USD/unit]; NaN before the first.

    Down to scrap, as schedules are: that is what is paid for it in any state.
    """
    age = float(market.today.day - market.clearing_day[k])
    rate, price = market.hardware.annual_depreciation[k], market.clearing_usd[k]
    aged, least = price * math.exp(-rate * age / 365.0), min(price, market.hardware.scrap_usd[k])
    return least if aged < least else aged


@compiled
def second_hand_usd(market: Market, k: int) -> float:
    """What a single machine of a class fetches [USD/unit]: its last price; else the schedule."""
    price = _aged_price_usd(market, k)
    return price if np.isfinite(price) else market.schedule_usd[k]


@compiled
def reported_usd(market: Market, k: int) -> float:
    """What lenders report a class at [USD/unit]: GPUs at system cost, by the book; rigs at marks.

    The book depreciates from the opening on, or from a later launch: the loan-to-value ratios that
    were reported then stand on full system cost (``opening_ltv`` of the books).
    """
    if market.hardware.family[k] != Family.GPU:
        return market.marks_usd[k]
    years = days_since_launch(market, k) / 365.0
    return book_value_usd(market.hardware.new_usd[k], years, market.terms.marks.book_life_years)
