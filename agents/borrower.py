"""What miners and neoclouds have in common as borrowers: overhead, building work, coverage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.compiled import compiled

QUARTER_DAYS = 91


class Borrowers(NamedTuple):
    """One row per borrower, indexed by party id."""

    fixed_cost_usd_day: NDArray[np.float64]
    other_revenue_usd_day: NDArray[np.float64]
    other_cost_usd_day: NDArray[np.float64]
    capex_usd_day: NDArray[np.float64]  # committed building work at the opening, over a year
    capex_unpaid_days: NDArray[np.float64]  # days of that work that found no money: leases slip
    committed_equity_usd: NDArray[np.float64]  # pays committed work only
    site_usd: NDArray[np.float64]  # paid for sites since the opening, at cost
    deposits_usd: NDArray[np.float64]  # paid on hardware orders before the opening
    creditworthy: NDArray[np.bool_]  # passed underwriting this week
    interest_reserve_usd: NDArray[np.float64]  # a quarter's interest, kept by who can roll
    cash_flow_usd_day: NDArray[np.float64]  # operating, of the last day
    trailing_cash_flow_usd: NDArray[np.float64]  # exponentially weighted, per day, over a quarter


def empty_borrowers(count: int) -> Borrowers:
    """A table of ``count`` rows of zeros."""
    columns = {name: np.zeros(count) for name in Borrowers._fields if name != "creditworthy"}
    return Borrowers(creditworthy=np.zeros(count, np.bool_), **columns)


@compiled
def debt_service_coverage(cash_flow_usd: float, service_usd: float) -> float:
    """DSCR: cash flow of the perimeter over its scheduled interest and principal, same period."""
    if service_usd <= 0.0:
        return np.inf
    return cash_flow_usd / service_usd


@compiled
def equity_cure_usd(principal_usd: float, dscr: float, min_dscr: float) -> float:
    """Prepayment [USD] that lifts a DSCR to its minimum: service shrinks with principal."""
    if dscr >= min_dscr:
        return 0.0
    return principal_usd * (1.0 - max(dscr, 0.0) / min_dscr)


@compiled
def cash_sweep_usd(surplus_usd: float, cash_usd: float, principal_usd: float) -> float:
    """In lock-up the perimeter's surplus over debt service prepays principal [USD]."""
    return max(0.0, min(surplus_usd, min(cash_usd, principal_usd)))


@compiled
def can_refinance(
    debt_usd: float,
    asset_value_usd: float,
    cash_flow_usd_year: float,
    liquidity_usd: float,
    interest_usd_year: float,
    max_ltv: float,
    max_leverage: float,
    min_interest_coverage: float,
) -> bool:
    """Underwriting of a borrower that wants to roll principal.

    Either loan to value or leverage (debt over a year's operating cash flow) must do, and interest
    must be covered.

    Coverage is of interest, not of scheduled principal (that is what is being refinanced: on a
    full DSCR the largest operator fails on the opening day, at 0.6). Liquidity counts, because
    operators in their ramp have little cash flow and much cash.
    """
    coverage = debt_service_coverage(cash_flow_usd_year + liquidity_usd, interest_usd_year)
    secured = debt_usd <= max_ltv * asset_value_usd
    earning = debt_usd <= max_leverage * cash_flow_usd_year
    return (secured or earning) and coverage >= min_interest_coverage
