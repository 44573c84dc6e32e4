"""What pledged machines and halls earn, loan by loan."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ...market.state.loans import ANY_GROWTH, Collateral
from .rules import spot_margin_usd_day

if TYPE_CHECKING:
    from .contract import Contract
    from .loan import Loan
    from .things import Holding


def pledged_income_usd_day(loan: Loan) -> float:
    """What the pledged machines or halls of a loan earn a day [USD]."""
    income, holding = loan.base_cash_flow_usd_day, loan.holding
    if holding is None:
        if loan.collateral is Collateral.SITE:
            income += loan.collateral_units * loan.borrower.hosting_usd_day
        return income
    if loan.growth is not None and loan.growth.number == ANY_GROWTH:
        return income + loan.collateral_units * _spot_income_usd_unit_day(loan, holding)
    bought = min(loan.contract_units, loan.collateral_units)
    income += (loan.collateral_units - bought) * holding.income_usd_unit_day
    if bought > 0.0:
        income += bought * _contract_income_usd_unit_day(loan, holding)
    return income


def _spot_income_usd_unit_day(loan: Loan, holding: Holding) -> float:
    """What a pledged machine earns that has no contract."""
    owner, rent = loan.borrower, loan.market.prices.rent_h100_usd_h * holding.hardware.quality
    realisation, cost = owner.spot_realisation, holding.cost_usd_unit_day
    return max(0.0, spot_margin_usd_day(rent, realisation, cost))


def _contract_income_usd_unit_day(loan: Loan, holding: Holding) -> float:
    """What a pledged machine earns that was bought for a contract, or for several."""
    if loan.growth is not None:
        contract = cast("Contract", loan.growth)  # machines of an order are not bought for one
        rent = contract.rent_usd_day / max(contract.delivered, 1e-9)
        return rent - contract.cost_usd_unit_day()
    income = holding.contract_usd_day - holding.contract_cost_usd_day
    return income / max(holding.contract_units, 1e-9)
