"""What a class of machines is today: its age, the life it has left, what a unit earns and costs."""

from __future__ import annotations

import math

from ...agents.buyer import Outlook, Paths, income_paths, remaining_life_years
from ...agents.compiling.kernels import compiled, inlined
from ...agents.neocloud import HOURS_PER_DAY
from .hardware import Family
from .market import Market
from .units import TH_PER_PH


@inlined
def age_years(market: Market, k: int) -> float:
    """Age of a class since its launch; before that, zero."""
    return max(0.0, market.hardware.age_years[k] + market.today.day / 365.0)


@compiled
def life_left_years(market: Market, k: int) -> float:
    """Economic life left of a class."""
    settings = market.terms.liquidation
    gpu = market.hardware.family[k] == Family.GPU
    life = settings.gpu_life_years if gpu else settings.asic_life_years
    return remaining_life_years(life, age_years(market, k))


@compiled
def listed_income_usd_day(market: Market, k: int) -> float:
    """Listed income of a unit a day: rent of a GPU, hashprice of a TH/s."""
    prices, hardware = market.prices, market.hardware
    if hardware.family[k] == Family.GPU:
        return prices.rent_h100_usd_h * hardware.quality[k] * HOURS_PER_DAY
    return prices.hashprice_usd_ph_day / TH_PER_PH


@compiled
def unit_cost_usd_day(market: Market, k: int, usd_kwh: float) -> float:
    """Running cost of a unit a day at a power-and-site price."""
    return market.hardware.kw[k] * HOURS_PER_DAY * usd_kwh


@inlined
def cheaper(market: Market, k: int) -> float:
    """What new hardware of a class's performance costs today, over the opening.

    It gets cheaper from the opening on; GPUs, where launches are dated, after the last announced.
    """
    decline = market.terms.liquidation.new_price_decline
    days = market.today.day
    if market.hardware.family[k] == Family.GPU:
        days = max(0, days - market.opening.roadmap_end_day)
    return math.exp(-decline * days / 365.0)


@compiled
def days_since_launch(market: Market, k: int) -> int:
    """Days since the opening, or since the launch of a class that came later."""
    return max(0, market.today.day - market.hardware.launch_day[k])


@compiled
def income_outlook(market: Market, k: int) -> Outlook:
    """How the market expects the income of a class to move."""
    settings = market.terms.liquidation
    reversion = settings.reversion_per_year
    if market.hardware.family[k] == Family.GPU:
        return Outlook(settings.gpu_rent_drift, settings.gpu_rent_volatility, reversion)
    return Outlook(settings.hashprice_drift, settings.hashprice_volatility, reversion)


@compiled
def paths_ahead(market: Market, k: int, years: float) -> Paths:
    """What a class is expected to earn over so many years.

    A GPU earns less as announced classes come (:func:`market.state.frontier.foresee_entry`).
    """
    paths = income_paths(income_outlook(market, k), years)
    if market.hardware.family[k] == Family.GPU:
        ahead = market.work_price_ahead
        for month in range(len(paths.growth) if len(ahead) > 0 else 0):
            paths.growth[month] *= ahead[min(month, len(ahead) - 1)]
    return paths


@inlined
def life_paths(market: Market, k: int) -> Paths:
    """What a class is expected to earn over the life it has left."""
    return paths_ahead(market, k, life_left_years(market, k))
