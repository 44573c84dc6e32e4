"""Contracts for compute and for sites: live ones pay rent, signed ones go live when built.

A compute contract that expires reprices to spot; one that starts after the opening needs its
hardware delivered and paid for. A hosting lease that starts later slips by the days its building
work was not paid; one that ends is renewed at its rent. A defaulted landlord serves nobody. What
happens when tenants stop paying is decided in :mod:`market.operators.tenants` (with that channel
off, a failed tenant's rent is taken over by its successor outside the model).
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.neocloud import HOURS_PER_DAY
from ...agents.party import Outside, Status
from ..debt.pledged_income import contract_cost_usd_unit_day
from ..state.contracts import ContractKind
from ..state.market import Market
from ..state.money import pay


@compiled
def _without_tenant(
    market: Market, c: int, signed_usd_day: float, spot_usd_day: float, customers: int
) -> float:
    """Rent of a day once the tenant has left [USD], with what its guarantor adds.

    Machines earn spot at once; halls stand empty until they are let again, for less.
    """
    terms, contracts, day = market.terms, market.contracts, market.today.day
    rent = min(spot_usd_day, signed_usd_day)
    if contracts.kind[c] == ContractKind.HOSTING:
        let = day >= contracts.broken_day[c] + terms.tenants.relet_days
        rent = terms.tenants.relet_share * signed_usd_day if let else 0.0
    if day >= contracts.end_day[c] or contracts.guarantor[c] < 0:
        return rent
    cap = contracts.guaranteed_with[c] if contracts.guaranteed_with[c] >= 0 else c
    added = min(max(0.0, signed_usd_day - rent), contracts.guarantee_left_usd[cap])
    contracts.guarantee_left_usd[cap] -= added
    pay(market, contracts.guarantor[c], customers, added)  # who pays the landlord
    return rent + added


@compiled
def run_contracts(market: Market) -> None:
    """Sum what each borrower rents out and rents; site rent between borrowers is paid here."""
    parties, borrowers, neoclouds = market.parties, market.borrowers, market.neoclouds
    hardware, holdings, contracts = market.hardware, market.holdings, market.contracts
    day, first_outside = market.today.day, market.today.first_outside
    n = len(borrowers.site_usd)
    neoclouds.contracted_gpus[:] = 0.0
    neoclouds.contract_usd_day[:] = 0.0
    neoclouds.hosting_usd_day[:] = 0.0
    neoclouds.lease_cost_usd_day[:] = 0.0
    holdings.contract_units[:] = 0.0
    holdings.contract_usd_day[:] = 0.0
    holdings.contract_cost_usd_day[:] = 0.0
    utility = first_outside + Outside.UTILITY
    customers = first_outside + Outside.CUSTOMERS
    for c in range(len(contracts.kind)):
        landlord = contracts.landlord[c]
        contracts.rent_usd_day[c] = 0.0
        if landlord >= n or parties.status[landlord] != Status.ACTIVE:
            if landlord < n or contracts.paid_in_tenant_cost[c]:
                continue
        slip = 0.0
        if landlord < n and contracts.signed_later[c]:
            slip = borrowers.capex_unpaid_days[landlord]
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
            cost = contracts.cost_share[c] * rent
            neoclouds.hosting_usd_day[landlord] += rent - cost
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
            pay(market, payer, landlord, rent)
        elif tenant < n and parties.status[tenant] == Status.ACTIVE:
            neoclouds.lease_cost_usd_day[tenant] += rent
            pay(market, tenant, landlord, rent)
