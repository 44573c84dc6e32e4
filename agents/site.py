"""Sites: what a megawatt of power, and of finished halls, is worth to who bids for it.

Halls by the income approach of appraisers: net rent over the life that is left, from when a tenant
is found. Power without a hall by the residual method, as an option: whoever builds gets the hall
and pays its cost, and need not build (Titman 1985, American Economic Review 75). Miners pay what
another such site would cost to build, less where their own rents have fallen.
"""

from __future__ import annotations

import math

from .buyer import option_to_run_usd
from .compiling.kernels import compiled
from .lender import annuity_factor


@compiled
def hall_usd_mw(
    net_usd_year: float, required_return: float, life_years: float, empty_years: float
) -> float:
    """Net rent of a MW over the life of its hall, discounted; nothing while it is empty [USD].

    Nobody gains by waiting for a tenant, even where less than nothing is asked of money.
    """
    rented = annuity_factor(required_return, life_years)
    return max(0.0, net_usd_year) * rented * math.exp(-max(0.0, required_return) * empty_years)


@compiled
def option_to_build_usd_mw(
    hall_usd: float, cost_usd: float, volatility: float, build_years: float, required_return: float
) -> float:
    """Power for a MW on which a hall may be built [USD]: the option to pay its cost and have it."""
    deviation = volatility * math.sqrt(build_years)
    built = option_to_run_usd(hall_usd, cost_usd, deviation)
    return built * math.exp(-required_return * build_years)


@compiled
def finished_usd_mw(hall_usd: float, power_usd: float, cost_usd: float) -> float:
    """What a finished MW fetches [USD]: no less than its power, no more than power and building."""
    return min(max(hall_usd, power_usd), power_usd + cost_usd)


@compiled
def rig_site_usd_mw(
    cost_usd: float, rent_index: float, cost_share: float, annuity_over_opening: float
) -> float:
    """What miners pay for a MW with sheds [USD].

    At the opening what such a site costs; later as its net rent: gross rent over the opening less
    ``cost_share`` of that of the opening, at the cost of money of the day.
    """
    net = max(0.0, rent_index - cost_share) / max(1.0 - cost_share, 1e-9)
    return cost_usd * net * annuity_over_opening
