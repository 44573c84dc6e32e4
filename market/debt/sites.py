"""What seized and pledged halls bring: rents of tenants that stay, and what leases are worth."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled, inlined
from ..state.market import Market
from ..state.sites import pledged_site_usd


@compiled
def site_rent_usd_day(market: Market, lot: int) -> float:
    """Rents that tenants of seized halls go on paying [USD a day], less what running them costs."""
    lots, loans = market.lots, market.loans
    loan = lots.loan[lot]
    if loan < 0 or lots.seized_units[lot] <= 0.0:
        return 0.0
    unsold = lots.units[lot] / lots.seized_units[lot]
    rents = market.neoclouds.hall_rents_usd_day[lots.borrower[lot]]
    return unsold * loans.collateral_units[loan] * rents


@compiled
def lease_premium_usd_mw(market: Market, lot: int) -> float:
    """What a MW of seized halls fetches beyond an empty one [USD]: leases go with the halls."""
    lots, loan, hall = market.lots, market.lots.loan[lot], market.opening.hall_class
    if loan < 0 or lots.hardware[lot] != hall or lots.seized_units[lot] <= 0.0:
        return 0.0
    leased = market.neoclouds.leases_usd[lots.borrower[lot]]
    leased *= market.loans.collateral_units[loan] / lots.seized_units[lot]
    return max(0.0, leased - market.marks_usd[hall])


@inlined
def leases_beyond_usd(market: Market, loan: int) -> float:
    """What leases that have begun add to what pledged halls are worth empty [USD]."""
    loans, hall_usd = market.loans, market.marks_usd[market.opening.hall_class]
    leased = loans.collateral_units[loan] * market.neoclouds.leases_usd[loans.borrower[loan]]
    if loans.hall_mw[loan] <= 0.0:
        return 0.0
    return max(0.0, leased - loans.hall_mw[loan] * hall_usd)


@inlined
def leased_site_usd(market: Market, loan: int) -> float:
    """A pledged site at lenders' marks, with its leases where these are worth more [USD]."""
    return pledged_site_usd(market, loan) + leases_beyond_usd(market, loan)
