"""What a megawatt is worth today: powered sites, and halls that stand on them."""

from __future__ import annotations

from typing import NamedTuple

from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import annuity_factor
from ...agents.site import (
    finished_usd_mw,
    hall_usd_mw,
    option_to_build_usd_mw,
    rig_site_usd_mw,
)
from .market import Market


class SiteValues(NamedTuple):
    """Worth of a MW [USD]."""

    power: float  # with sheds for rigs or none
    hall: float  # finished


@compiled
def site_values(market: Market, required_return: float, mines: bool, builds: bool) -> SiteValues:
    """What a MW is worth to who mines on it, builds halls, or whichever pays more.

    ``required_return`` is of the opening; money that has become dearer since is added.
    """
    prices, sites, opening = market.prices, market.terms.sites, market.opening
    rate = required_return + prices.rate_change + prices.spread_change
    power = hall = 0.0
    if mines:
        dearer = annuity_factor(rate, sites.life_years) / annuity_factor(
            required_return, sites.life_years
        )
        rent, cost_usd = prices.rig_hall_rent, 1e3 * market.terms.investment.rig_site_usd_per_kw
        power = rig_site_usd_mw(cost_usd, rent, sites.cost_share, dearer)
    if builds and opening.hall_rent_usd_mw_year > 0.0:
        net = opening.hall_rent_usd_mw_year * (prices.hall_rent - sites.cost_share)
        empty_years = market.terms.tenants.relet_days / 365.0 / max(prices.hall_demand, 1e-6)
        hall = hall_usd_mw(net, rate, sites.life_years, empty_years)
        option = option_to_build_usd_mw(
            hall, sites.hall_usd_mw, sites.hall_volatility, sites.build_years, rate
        )
        power = max(power, option)
    return SiteValues(power, finished_usd_mw(hall, power, sites.hall_usd_mw))


@inlined
def of_site_class(market: Market, k: int, values: SiteValues) -> float:
    """The value of a class of sites."""
    return values.hall if k == market.opening.hall_class else values.power


@inlined
def pledged_site_usd(market: Market, loan: int) -> float:
    """Sites and halls that secure a loan, at lenders' marks [USD]."""
    loans, opening, marks_usd = market.loans, market.opening, market.marks_usd
    power = loans.site_mw[loan] * marks_usd[opening.site_class]
    return power + loans.hall_mw[loan] * marks_usd[opening.hall_class]
