"""Sites and halls: what a MW is worth, and the rents of tenants that stay."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.party import Status
from .rules import (
    annuity_factor,
    finished_usd_mw,
    hall_usd_mw,
    option_to_build_usd_mw,
    rig_site_usd_mw,
)

if TYPE_CHECKING:
    from .borrower import Borrower
    from .contract import Contract
    from .loan import Loan
    from .lot import Lot
    from .model import TwinMarket
    from .things import HardwareClass


def powered(market: TwinMarket) -> HardwareClass:
    """Sites without a hall."""
    return market.hardware[market.opening.site_class]


def halls(market: TwinMarket) -> HardwareClass:
    """Halls that stand on sites."""
    return market.hardware[market.opening.hall_class]


def value_usd_mw(
    market: TwinMarket, kind: HardwareClass, required_return: float, *, mines: bool, builds: bool
) -> float:
    """What a MW of a class is worth to who mines on it, builds halls, or whichever pays more."""
    p, settings, terms = market.prices, market.settings.sites, market.terms
    day, cost_share = market.day, settings.cost_share
    rate = required_return + float(market.macro.rate_change[day] + market.macro.spread_change[day])
    power = hall = 0.0
    if mines:
        dearer = annuity_factor(rate, settings.life_years)
        dearer /= annuity_factor(required_return, settings.life_years)
        cost_usd = 1e3 * terms.investment.rig_site_usd_per_kw
        power = rig_site_usd_mw(cost_usd, p.rig_hall_rent, cost_share, dearer)
    if builds and market.opening.hall_rent_usd_mw_year > 0.0:
        net = market.opening.hall_rent_usd_mw_year * (p.hall_rent - cost_share)
        empty = terms.tenants.relet_days / 365.0 / max(p.hall_demand, 1e-6)
        hall = hall_usd_mw(net, rate, settings.life_years, empty)
        option = option_to_build_usd_mw(
            hall, settings.hall_usd_mw, settings.hall_volatility, settings.build_years, rate
        )
        power = max(power, option)
    if kind is halls(market):
        return float(finished_usd_mw(hall, power, settings.hall_usd_mw))
    return float(power)


def note_lease(contract: Contract, landlord: Borrower, first_day: float) -> None:
    """What it brings whoever has the halls: its net rent today, and to the end of its term."""
    market, day = landlord.model, landlord.model.day
    in_books = contract.tenant.number < len(market.borrowers)
    stays = contract.tenant.status is Status.ACTIVE
    if in_books and not market.terms.channels.tenants_in_books:
        stays = True  # or who took over
    if contract.broken_day >= 0 or not stays:
        return
    rent = (1.0 - contract.cost_share) * contract.usd_day * contract.rent_share
    if day >= first_day:
        landlord.hall_rents_usd_day += rent
    rate = market.terms.sites.required_return
    rate += float(market.macro.rate_change[day] + market.macro.spread_change[day])
    left = contract.end_day - max(float(day), first_day)
    if left <= 0.0:
        return
    value = 365.0 * rent * annuity_factor(rate, left / 365.0)
    if day >= first_day:
        landlord.leases_usd += value
    else:
        landlord.signed_leases_usd += value * math.exp(-rate * (first_day - day) / 365.0)


def pledged_usd(loan: Loan) -> float:
    """Sites and halls that secure a loan, at lenders' marks [USD]."""
    power = loan.site_mw * powered(loan.market).mark_usd
    return power + loan.hall_mw * halls(loan.market).mark_usd


def worth_usd(loan: Loan) -> float:
    """What a pledged site is worth to who owns it [USD]: its leases, or another tenant's."""
    leased = loan.borrower.leases_usd + loan.borrower.signed_leases_usd
    return max(loan.collateral_units * leased, pledged_usd(loan))


def leases_beyond_usd(loan: Loan) -> float:
    """What leases that have begun add to what pledged halls are worth empty [USD]."""
    if loan.hall_mw <= 0.0:
        return 0.0
    empty = loan.hall_mw * halls(loan.market).mark_usd
    return max(0.0, loan.collateral_units * loan.borrower.leases_usd - empty)


def leased_site_usd(loan: Loan) -> float:
    """A pledged site at lenders' marks, with its leases where these are worth more [USD]."""
    return pledged_usd(loan) + leases_beyond_usd(loan)


def lease_premium_usd_mw(lot: Lot) -> float:
    """What a MW of seized halls fetches beyond an empty one: leases go with the halls [USD]."""
    loan = lot.loan
    if loan is None or lot.hardware is not halls(lot.market) or lot.seized_units <= 0.0:
        return 0.0
    leased = lot.borrower.leases_usd * loan.collateral_units / lot.seized_units
    return max(0.0, leased - lot.hardware.mark_usd)
