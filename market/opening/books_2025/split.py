"""Splitting an aggregate of the books of 2025 into parties, with its loans and its contracts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...state.loans import Collateral
from ...state.units import TH_PER_PH
from ..books import Books
from ..drafts import BorrowerDraft, ContractDraft, Drafts, LoanDraft, like
from ..splitting import (
    heavy_tailed_shares,
    loan_shares,
    noisy_shares,
    power_prices,
    proportional_fit,
)

MOST_DEBT_SHARE = 1.5  # debt of a split party over its share of income: lenders look at that
HOURS_PER_YEAR = 8760.0


def share_of_loan(loan: LoanDraft, share: float, hardware: str | None, parts: int) -> LoanDraft:
    """A share of a loan, secured by a class; ``parts``: how many classes it is divided between."""
    return like(
        loan,
        id=loan.id if parts == 1 else f"{loan.id}-{hardware}",
        hardware=hardware if hardware else loan.hardware,
        principal_usd=loan.principal_usd * share,
        undrawn_usd=loan.undrawn_usd * share,
        principal_per_payment_usd=loan.principal_per_payment_usd * share,
        collateral_units=loan.collateral_units * share,
        site_mw=loan.site_mw * share,
        hall_mw=loan.hall_mw * share,
        pledged_cash_flow_usd_yr=loan.pledged_cash_flow_usd_yr * share,
    )


def split(
    whole: BorrowerDraft,
    loans: list[LoanDraft],
    contracts: list[ContractDraft],
    count: int,
    tables: Books,
    drafts: Drafts,
) -> None:
    """Split an aggregate borrower, its loans and its contracts; sums are exact.

    Nobody owes more than so many times its share of income: loans went to who could carry them.
    Half of the liquidity goes by what is owed: lenders ask for months of debt service in cash.
    """
    size = heavy_tailed_shares(count)
    debt = noisy_shares(size, 1)
    power = power_prices(whole.power_usd_mwh, size)
    names = list(whole.fleet)
    fleet = _split_fleet(whole.fleet, set(_rig_kw(tables)), size)
    income = _income_shares(whole, fleet, power, size, tables)
    ids = [f"{whole.id}_{i + 1:02d}" for i in range(count)]
    free = fleet.copy()
    limits = sum(loan.principal_usd + loan.undrawn_usd for loan in loans)
    room = MOST_DEBT_SHARE * income * limits
    for number, loan in enumerate(loans):
        limit = loan.principal_usd + loan.undrawn_usd
        caps = np.maximum(room, 0.0) / limit if limit > 0 else np.full(count, np.inf)
        if loan.collateral == Collateral.HARDWARE and loan.collateral_units > 0:
            unpledged = np.maximum(free[:, names.index(loan.hardware or "")], 0.0)
            caps = np.minimum(caps, unpledged / loan.collateral_units)
        shares = loan_shares(number, debt, caps)
        room -= shares * limit
        if loan.collateral == Collateral.HARDWARE:
            free[:, names.index(loan.hardware or "")] -= shares * loan.collateral_units
        for i in np.flatnonzero(shares > 0).tolist():
            part = share_of_loan(loan, float(shares[i]), loan.hardware, 1)
            part.id, part.borrower, part.perimeter = f"{loan.id}-{i + 1:02d}", ids[i], ids[i]
            drafts.loans.append(part)
    owed = MOST_DEBT_SHARE * income - room / max(limits, 1e-9)  # shares of all that is lent
    cash = noisy_shares(0.5 * (size + owed) if limits > 0.0 else size, 0)
    for i in range(count):
        drafts.borrowers.append(
            like(
                whole,
                id=ids[i],
                name=f"{whole.name}, party {i + 1} of {count}",
                cash_usd=whole.cash_usd * cash[i],
                fixed_cost_usd_yr=whole.fixed_cost_usd_yr * size[i],
                capex_usd_yr=whole.capex_usd_yr * size[i],
                committed_equity_usd=whole.committed_equity_usd * size[i],
                market_cap_usd=whole.market_cap_usd * size[i],
                power_usd_mwh=power[i],
                fleet={name: fleet[i, k] for k, name in enumerate(names)},
                revenue_usd_yr=whole.revenue_usd_yr * size[i],
                variable_cost_usd_yr=whole.variable_cost_usd_yr * size[i],
                btc=whole.btc * cash[i],
                btc_lent=whole.btc_lent * cash[i],
                eth=whole.eth * cash[i],
            )
        )
    for contract in contracts:
        for i in range(count):
            drafts.contracts.append(
                like(
                    contract,
                    id=f"{contract.id}-{i + 1:02d}",
                    landlord=ids[i],
                    gpus=contract.gpus * size[i],
                    usd_yr=contract.usd_yr * size[i],
                    guarantee_usd=contract.guarantee_usd * size[i],
                )
            )


def _rig_kw(tables: Books) -> dict[str, float]:
    """Power of a TH/s of each class of rigs [kW]."""
    return {row.id: row.kw_per_unit for row in tables.hardware if row.family == "asic"}


def _income_shares(
    whole: BorrowerDraft,
    fleet: NDArray[np.float64],
    power_usd_mwh: NDArray[np.float64],
    size: NDArray[np.float64],
    tables: Books,
) -> NDArray[np.float64]:
    """Shares of the aggregate's income by party: size, or what its rigs earn at the opening.

    Of rigs: hashprice less power where that is positive.
    """
    kw = _rig_kw(tables)
    rigs = [k for k, name in enumerate(whole.fleet) if name in kw]
    if not rigs:
        return size
    revenue_usd = float(tables.quotes["hashprice_usd_ph_day"]) * 365.0 / TH_PER_PH
    income = np.zeros(len(size))
    for k in rigs:
        energy_usd = kw[list(whole.fleet)[k]] * HOURS_PER_YEAR / 1000.0 * power_usd_mwh
        income += fleet[:, k] * np.maximum(revenue_usd - energy_usd, 0.0)
    return income / income.sum() if income.sum() > 0.0 else size


def _split_fleet(
    fleet: dict[str, float], rigs: set[str], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Units by party and class; GPUs and rigs are fitted apart (their units differ)."""
    names = list(fleet)
    result = np.zeros((len(size), len(names)))
    asic = [k for k, name in enumerate(names) if name in rigs]
    gpu = [k for k, name in enumerate(names) if name not in rigs]
    for stream, columns in ((0, asic), (50, gpu)):
        if columns:
            totals = np.array([fleet[names[k]] for k in columns])
            result[:, columns] = proportional_fit(size * totals.sum(), totals, stream)
    return result
