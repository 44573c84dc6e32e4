"""What machines are worth to who bids and who holds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import strip_value_usd
from ...agents.compiling.kernels import compiled
from .. import compiled_sales
from ..state.hardware import Family, Hardware, income_usd_day, unit_cost_usd_day
from ..state.run import Run
from .bids import remaining_life_years, segment_strips
from .custody import CARRY_USD_KWH

HOST_USD_KWH_ASIC = 0.055  # power and site of a hosted rig
HOLD_YEARS_GPU = 3.0
HOLD_YEARS_ASIC = 1.5


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
