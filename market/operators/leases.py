"""Contracts for compute and for sites: live ones pay rent, signed ones go live when built.

A compute contract that expires reprices to spot; one that starts after the opening needs its
hardware delivered and paid for. A hosting lease that starts later slips by the days its building
work was not paid; one that ends is renewed at its rent. A defaulted landlord serves nobody. What
happens when tenants stop paying is decided in :mod:`market.operators.tenants` (with that channel
off, a failed tenant's rent is taken over by its successor outside the model).
"""

from __future__ import annotations

import math

from ...agents.compiling.kernels import compiled
from ...agents.lender import annuity_factor
from ...agents.neocloud import HOURS_PER_DAY
from ...agents.party import Outside, Status
from ..debt.pledged_income import contract_cost_usd_unit_day
from ..state.contracts import ContractKind
from ..state.market import Market
from ..state.money import pay


@compiled
def relet_usd_day(market: Market, c: int) -> float:
    """Rent of a hall that its tenant has left [USD a day]; a day of looking for another.

    That takes ``tenants.relet_days`` at the demand of the opening and longer with less. The new
    rent follows the rent of empty halls on the day on which it is let.
    """
    contracts, prices, tenants = market.contracts, market.prices, market.terms.tenants
    if contracts.relet_usd_day[c] > 0.0:
        return contracts.relet_usd_day[c]
    rigs = contracts.for_rigs[c]
    if market.today.day > contracts.broken_day[c]:
        contracts.empty_days[c] += prices.rig_hall_demand if rigs else prices.hall_demand
    if contracts.empty_days[c] < tenants.relet_days:
        return 0.0
    index = prices.rig_hall_rent if rigs else prices.hall_rent
    contracts.relet_usd_day[c] = tenants.relet_share * index * contracts.usd_day[c]
    return contracts.relet_usd_day[c]


@compiled
def _without_tenant(
    market: Market, c: int, signed_usd_day: float, spot_usd_day: float, customers: int
) -> float:
    """Rent of a day once the tenant has left [USD], with what its guarantor adds.

    Machines earn spot at once; halls stand empty until they are let again.
    """
    contracts, day = market.contracts, market.today.day
    rent = min(spot_usd_day, signed_usd_day)
    if contracts.kind[c] == ContractKind.HOSTING:
        rent = relet_usd_day(market, c)
    guarantor = contracts.guarantor[c]
    if day >= contracts.end_day[c] or guarantor < 0:
        return rent
    if market.parties.status[guarantor] != Status.ACTIVE:
        return rent
    cap = contracts.guaranteed_with[c] if contracts.guaranteed_with[c] >= 0 else c
    added = min(max(0.0, signed_usd_day - rent), contracts.guarantee_left_usd[cap])
    contracts.guarantee_left_usd[cap] -= added
    pay(market, guarantor, customers, added)  # who pays the landlord
    return rent + added


@compiled
def _note_lease(market: Market, c: int, first_day: float) -> None:
    """What a lease brings whoever has the halls: its net rent today, and to the end of its term.

    Discounted as appraisers do, at the day's cost of money.
    """
    contracts, neoclouds, prices = market.contracts, market.neoclouds, market.prices
    b, day = contracts.landlord[c], market.today.day
    tenant = contracts.tenant[c]
    tenant_stays = market.parties.status[tenant] == Status.ACTIVE
    if tenant < market.today.first_lender and not market.terms.channels.tenants_in_books:
        tenant_stays = True  # or who took over
    if contracts.broken_day[c] >= 0 or not tenant_stays:
        return
    rent = (1.0 - contracts.cost_share[c]) * contracts.usd_day[c] * contracts.rent_share[c]
    if day >= first_day:
        neoclouds.hall_rents_usd_day[b] += rent
    rate = market.terms.sites.required_return + prices.rate_change + prices.spread_change
    left_days = contracts.end_day[c] - max(float(day), first_day)
    if left_days <= 0.0:
        return
    value = 365.0 * rent * annuity_factor(rate, left_days / 365.0)
    if day >= first_day:
        neoclouds.leases_usd[b] += value
    else:
        value *= math.exp(-rate * (first_day - day) / 365.0)
        neoclouds.signed_leases_usd[b] += value


@compiled
def run_contracts(market: Market) -> None:
    """Sum what each borrower rents out and rents; site rent between borrowers is paid here.

    Tenants of halls that were seized go on paying, to whoever has them.
    """
    parties, borrowers, neoclouds = market.parties, market.borrowers, market.neoclouds
    hardware, holdings, contracts = market.hardware, market.holdings, market.contracts
    day, first_outside = market.today.day, market.today.first_outside
    n = len(borrowers.site_usd)
    neoclouds.contracted_gpus[:] = 0.0
    neoclouds.contract_usd_day[:] = 0.0
    neoclouds.hosting_usd_day[:] = 0.0
    neoclouds.hall_rents_usd_day[:] = 0.0
    neoclouds.leases_usd[:] = 0.0
    neoclouds.signed_leases_usd[:] = 0.0
    neoclouds.lease_cost_usd_day[:] = 0.0
    holdings.contract_units[:] = 0.0
    holdings.contract_usd_day[:] = 0.0
    holdings.contract_cost_usd_day[:] = 0.0
    utility = first_outside + Outside.UTILITY
    customers = first_outside + Outside.CUSTOMERS
    for c in range(len(contracts.kind)):
        landlord = contracts.landlord[c]
        contracts.rent_usd_day[c] = 0.0
        halls = contracts.kind[c] == ContractKind.HOSTING
        if landlord >= n and contracts.paid_in_tenant_cost[c]:
            continue
        kept = 1.0  # of the halls
        if landlord < n:
            standing = parties.status[landlord] == Status.ACTIVE
            kept = borrowers.halls_kept[landlord] if standing else 0.0
            if not standing and not halls:
                continue
        slip = 0.0
        if landlord < n and contracts.signed_later[c]:
            slip = borrowers.capex_unpaid_days[landlord]
        if landlord < n and halls:
            _note_lease(market, c, contracts.start_day[c] + slip)
        if day < contracts.start_day[c] + slip:
            continue
        if contracts.kind[c] == ContractKind.COMPUTE:
            rent = contracts.usd_day[c] * contracts.delivered[c] / max(contracts.gpus[c], 1e-9)
            rent = rent * contracts.rent_share[c] - contracts.repaid_usd_day[c]
            spot = (
                market.prices.rent_h100_usd_h
                * hardware.quality[contracts.hardware[c]]
                * HOURS_PER_DAY
            )
            spot *= contracts.delivered[c] * contracts.spot_ratio[c]
            if contracts.broken_day[c] >= 0:
                rent = _without_tenant(market, c, rent, spot, customers)
            elif day >= contracts.end_day[c]:
                rent = spot
                contracts.rolled[c] = True
            contracts.rent_usd_day[c] = rent
            row = contracts.holding[c]
            if row >= 0:
                cost = contract_cost_usd_unit_day(market, c)
                holdings.contract_units[row] += contracts.delivered[c]
                holdings.contract_usd_day[row] += rent
                holdings.contract_cost_usd_day[row] += contracts.delivered[c] * cost
            elif landlord < n:
                neoclouds.contracted_gpus[landlord] += contracts.delivered[c]
                neoclouds.contract_usd_day[landlord] += rent
            continue
        rent = contracts.usd_day[c] * contracts.rent_share[c]
        tenant = contracts.tenant[c]
        if contracts.broken_day[c] >= 0:
            rent = _without_tenant(market, c, rent, 0.0, customers)
        if landlord < n:
            cost = contracts.cost_share[c] * kept * rent
            neoclouds.hosting_usd_day[landlord] += kept * rent - cost
            pay(market, landlord, utility, cost)
            if contracts.broken_day[c] >= 0:
                payer = customers  # a new tenant, and the guarantor through them
            elif contracts.paid_in_tenant_cost[c] or tenant >= n:
                payer = utility if contracts.paid_in_tenant_cost[c] else tenant
            elif parties.status[tenant] == Status.ACTIVE:
                payer = tenant
                neoclouds.lease_cost_usd_day[tenant] += rent
            else:
                payer = customers
            pay(market, payer, landlord, kept * rent)
            pay(market, payer, customers, (1.0 - kept) * rent)  # to whoever has the halls now
        elif tenant < n and parties.status[tenant] == Status.ACTIVE:
            neoclouds.lease_cost_usd_day[tenant] += rent
            pay(market, tenant, landlord, rent)
