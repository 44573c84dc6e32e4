"""Strategic surrender: a borrower of a non-recourse loan hands over machines not worth their debt.

Once a week it compares the debt with the larger of two values: the option to run the machines at
its own cost, and what they earn today for as long as the loan runs (contracts).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.buyer import strip_value_usd
from agents.compiled import compiled
from agents.lender import annuity_factor
from agents.miner import MWH_PER_KW_DAY, Miners
from agents.party import Status
from market import windows
from market.bids import income_usd_day
from market.events import Cause, Event, log_event
from market.hardware import Family, Hardware, Holdings
from market.loans import Collateral, Loans, LoanStatus
from market.run import Run

LONGEST_YEARS = 5.0  # nobody looks further


def surrender_keys(run: Run) -> None:
    """Open a breach, which nobody waits to be cured, for each loan not worth keeping."""
    s, loans = run.state, run.state.loans
    candidates = np.flatnonzero(
        (loans.status == LoanStatus.PERFORMING)
        & ~loans.recourse
        & (loans.collateral == Collateral.HARDWARE)
        & (loans.principal_usd > 0.0)
        & (loans.breach == Cause.NONE)
        & (s.parties.status[loans.borrower] == Status.ACTIVE)
    )
    if s.diary is not None:  # nobody gives up a loan whose rigs are still to come
        candidates = candidates[s.diary.rigs_due_th[candidates] <= 0.0]
    if len(candidates) == 0:
        return
    keeps = keeping_usd(run, candidates)
    worthless = keeps < run.scenario.credit.surrender_ratio * loans.principal_usd[candidates]
    for loan, keep in zip(candidates[worthless].tolist(), keeps[worthless].tolist(), strict=True):
        k = int(loans.hardware[loan])
        parent = int(s.clearing_event[k]) if s.clearing_event[k] >= 0 else s.shock_event
        event = log_event(
            s.log,
            run.day,
            Event.SURRENDERED,
            Cause.SURRENDER,
            int(loans.borrower[loan]),
            s.first_lender + int(loans.lender[loan]),
            loan,
            float(loans.principal_usd[loan]) - keep,
            parent,
        )
        loans.breach[loan] = Cause.SURRENDER
        loans.breach_event[loan] = event
        loans.breach_day[loan] = run.day - loans.cure_days[loan]
        loans.waivers[loan] = run.scenario.credit.max_waivers  # nobody is asked to wait


def keeping_usd(run: Run, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
    """What pledged machines are worth to the borrowers that run them [loan, USD]."""
    s, terms = run.state, run.scenario.liquidation
    values: NDArray[np.float64] = _keeping_usd(
        candidates,
        run.day,
        s.prices.rent_h100_usd_h,
        s.prices.hashprice_usd_ph_day,
        terms.gpu_rent_drift,
        terms.gpu_rent_volatility,
        terms.hashprice_drift,
        terms.hashprice_volatility,
        terms.reversion_per_year,
        terms.seller_required_return,
        s.buyer_view,
        windows.lives_today(run),
        s.loans,
        s.holdings,
        s.miners,
        s.hardware,
    )
    return values


@compiled
def _keeping_usd(
    candidates: np.ndarray,
    day: int,
    rent_h100: float,
    hashprice: float,
    gpu_drift: float,
    gpu_volatility: float,
    asic_drift: float,
    asic_volatility: float,
    reversion: float,
    required_return: float,
    view: np.ndarray,
    remaining_years: np.ndarray,
    loans: Loans,
    holdings: Holdings,
    miners: Miners,
    hardware: Hardware,
) -> np.ndarray:
    values = np.empty(len(candidates))
    for place in range(len(candidates)):
        loan = candidates[place]
        k = loans.hardware[loan]
        row = loans.holding[loan]
        gpu = hardware.family[k] == Family.GPU
        cost = holdings.cost_usd_unit_day[row]
        if not gpu:
            cost = hardware.kw[k] * MWH_PER_KW_DAY * miners.power_usd_mwh[loans.borrower[loan]]
        strip = strip_value_usd(
            income_usd_day(k, rent_h100, hashprice, hardware) * view[k],
            cost,
            gpu_drift if gpu else asic_drift,
            gpu_volatility if gpu else asic_volatility,
            reversion,
            required_return,
            min(LONGEST_YEARS, remaining_years[k]),
        )
        units = loans.collateral_units[loan]
        years = max(0.25, (loans.maturity_day[loan] - day) / 365.0)
        earned = 365.0 * (
            loans.base_cash_flow_usd_day[loan] + units * holdings.income_usd_unit_day[row]
        )
        earned *= annuity_factor(required_return, min(years, LONGEST_YEARS))
        values[place] = max(units * strip, earned)
    return values
