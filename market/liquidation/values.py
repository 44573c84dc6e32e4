"""What machines are worth today, to who bids for them and to who holds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import strip_value_usd
from ...agents.compiling.kernels import entrance
from ..state.hardware import Family
from ..state.machines import (
    income_outlook,
    life_left_years,
    listed_income_usd_day,
    unit_cost_usd_day,
)
from ..state.market import Market
from .bids import class_bids, segment_strips
from .custody import CARRY_USD_KWH

HOST_USD_KWH_ASIC = 0.055  # power and site of a hosted rig
HOLD_YEARS_GPU = 3.0
HOLD_YEARS_ASIC = 1.5


@entrance
def strips_today(market: Market) -> np.ndarray:
    """Strip values [segment, class] at today's rent, hashprice and cost of money."""
    prices = market.prices
    return segment_strips(market, market.buyers, prices.rate_change + prices.spread_change)


@entrance
def bids_today(market: Market, k: int, in_place: bool) -> tuple[np.ndarray, np.ndarray]:
    """Bids [USD/unit] and units of every buyer for a class today."""
    last = market.clearing_usd[k]
    dealer = last if np.isfinite(last) else market.marks_usd[k]
    return class_bids(market, market.buyers, k, in_place, dealer, market.strips)


@entrance
def hold_values_usd(market: Market) -> NDArray[np.float64]:
    """What a unit of each class is worth to a lender that keeps it and has it hosted [USD, class].

    Hosting costs it ``liquidation.hosting_discount`` of the income; it looks ahead for a few years
    only.
    """
    settings, hardware = market.terms.liquidation, market.hardware
    values = np.zeros(len(hardware.family))
    for k in range(len(values)):
        if hardware.family[k] == Family.SITE:
            continue
        gpu = hardware.family[k] == Family.GPU
        income = listed_income_usd_day(market, k) * market.buyer_view[k]
        values[k] = strip_value_usd(
            income * (1.0 - settings.hosting_discount),
            unit_cost_usd_day(market, k, CARRY_USD_KWH if gpu else HOST_USD_KWH_ASIC),
            income_outlook(market, k),
            settings.seller_required_return,
            min(HOLD_YEARS_GPU if gpu else HOLD_YEARS_ASIC, life_left_years(market, k)),
        )
    return values
