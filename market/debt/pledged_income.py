"""What pledged machines and sites earn: the cash flow that coverage and decisions on a loan count.

Machines bought for a contract that was signed at the opening earn its rent, for those who paid for
them and for nobody else. All other machines of a class share what the fleet earns: its contracts
of the opening, of which the books do not say who has them in pledge, and spot. What is
ordered later without a contract earns spot.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.neocloud import spot_margin_usd_day
from ..state.hardware import find_holding
from ..state.loans import ANY_GROWTH, Collateral
from ..state.market import Market


@inlined
def contract_cost_usd_unit_day(market: Market, c: int) -> float:
    """Running cost of a machine bought for a contract [USD a day]."""
    contracts, holdings = market.contracts, market.holdings
    own = contracts.unit_cost_usd_day[c]
    if np.isnan(own):  # as the fleet's
        row = find_holding(holdings, contracts.landlord[c], contracts.hardware[c])
        return holdings.cost_usd_unit_day[row]
    return own


@compiled
def machine_cost_usd_day(market: Market, loan: int) -> float:
    """Running cost of a pledged machine [USD a day]."""
    loans, holdings = market.loans, market.holdings
    c, row = loans.growth[loan], loans.holding[loan]
    if c >= 0:
        return contract_cost_usd_unit_day(market, c)
    return holdings.cost_usd_unit_day[row]


@inlined
def _contract_income_usd_unit_day(market: Market, loan: int) -> float:
    """What a pledged machine earns that was bought for a contract [USD a day].

    A line pays for machines of several contracts: their mean, by class.
    """
    loans, holdings, contracts = market.loans, market.holdings, market.contracts
    c, row = loans.growth[loan], loans.holding[loan]
    if c >= 0:
        rent = contracts.rent_usd_day[c] / max(contracts.delivered[c], 1e-9)
        return rent - contract_cost_usd_unit_day(market, c)
    income = holdings.contract_usd_day[row] - holdings.contract_cost_usd_day[row]
    return income / max(holdings.contract_units[row], 1e-9)


@inlined
def _spot_income_usd_unit_day(market: Market, loan: int) -> float:
    """What a pledged machine earns at spot [USD a day]: it is switched off where that is a loss."""
    quality = market.hardware.quality[market.loans.hardware[loan]]
    realisation = market.neoclouds.spot_realisation[market.loans.borrower[loan]]
    cost = market.holdings.cost_usd_unit_day[market.loans.holding[loan]]
    rent = market.prices.rent_h100_usd_h * quality
    return max(0.0, spot_margin_usd_day(rent, realisation, cost))


@compiled
def machines_income_usd_day(market: Market, loan: int) -> float:
    """What the machines or sites that secure a loan earn a day [USD]."""
    neoclouds, holdings, loans = market.neoclouds, market.holdings, market.loans
    units = loans.collateral_units[loan]
    if loans.holding[loan] >= 0:
        if loans.growth[loan] == ANY_GROWTH:
            return units * _spot_income_usd_unit_day(market, loan)
        bought = min(loans.contract_units[loan], units)
        income = (units - bought) * holdings.income_usd_unit_day[loans.holding[loan]]
        if bought > 0.0:
            income += bought * _contract_income_usd_unit_day(market, loan)
        return income
    if loans.collateral[loan] == Collateral.SITE:
        return units * neoclouds.hosting_usd_day[loans.borrower[loan]]
    return 0.0


@inlined
def perimeter_income_usd_day(market: Market, loan: int) -> float:
    """What is pledged to a loan brings a day [USD]: as told by the books, and changes since."""
    return market.loans.base_cash_flow_usd_day[loan] + machines_income_usd_day(market, loan)
