"""Strategic surrender: what pledged machines are worth to the borrower that runs them.

A borrower of a non-recourse loan compares that with the debt, and hands over the keys when it is
less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import strip_value_usd
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import annuity_factor
from ...agents.miner import Miners
from ...agents.neocloud import Neoclouds
from ...agents.party import Status
from ..state.context import Today
from ..state.events import Cause, Event, log_event
from ..state.hardware import Family, Hardware, Holdings, income_usd_day
from ..state.loans import Collateral, Loans, LoanStatus
from ..state.sharing import Shared, contents

LONGEST_YEARS = 5.0  # nobody looks further
KWH_PER_KW_DAY_USD_MWH = 0.024  # dollars a day for a kW at one dollar per MWh


class Outlook(NamedTuple):
    """How incomes of machines are expected to move, and what money costs; by year."""

    gpu_drift: float
    gpu_volatility: float
    asic_drift: float
    asic_volatility: float
    reversion: float
    required_return: float


@inlined
def perimeter_income_usd_day(
    loan: int, loans: Loans, holdings: Holdings, neoclouds: Neoclouds
) -> float:
    """What the machines or sites of a loan earn a day [USD]."""
    income = loans.base_cash_flow_usd_day[loan]
    if loans.holding[loan] >= 0:
        row = loans.holding[loan]
        income += loans.collateral_units[loan] * holdings.income_usd_unit_day[row]
    elif loans.collateral[loan] == Collateral.SITE:
        hosting = neoclouds.hosting_usd_day[loans.borrower[loan]]
        income += loans.collateral_units[loan] * hosting
    return income


@inlined
def contracted_usd(
    today: Today,
    loan: int,
    required_return: float,
    loans: Loans,
    holdings: Holdings,
    neoclouds: Neoclouds,
) -> float:
    """What pledged machines earn as long as the loan runs, if all stays as it is today [USD]."""
    years = max(0.25, (loans.maturity_day[loan] - today.day) / 365.0)
    earned = 365.0 * perimeter_income_usd_day(loan, loans, holdings, neoclouds)
    return earned * annuity_factor(required_return, min(years, LONGEST_YEARS))


@compiled
def keeping_usd(
    today: Today,
    loan: int,
    outlook: Outlook,
    view: np.ndarray,
    lives_years: np.ndarray,
    loans: Loans,
    hardware: Hardware,
    holdings: Holdings,
    miners: Miners,
    neoclouds: Neoclouds,
) -> float:
    """What pledged machines are worth to the borrower that runs them [USD].

    The larger of the option to run them at its own cost, and what they earn today for as long as
    the loan runs (contracts). ``view`` and ``lives_years`` are by class.
    """
    k = loans.hardware[loan]
    gpu = hardware.family[k] == Family.GPU
    if gpu:
        cost = holdings.cost_usd_unit_day[loans.holding[loan]]
    else:
        price = miners.power_usd_mwh[loans.borrower[loan]]
        cost = hardware.kw[k] * KWH_PER_KW_DAY_USD_MWH * price
    income = income_usd_day(k, today.rent_h100_usd_h, today.hashprice_usd_ph_day, hardware)
    strip = strip_value_usd(
        income * view[k],
        cost,
        outlook.gpu_drift if gpu else outlook.asic_drift,
        outlook.gpu_volatility if gpu else outlook.asic_volatility,
        outlook.reversion,
        outlook.required_return,
        min(LONGEST_YEARS, lives_years[k]),
    )
    earned = contracted_usd(today, loan, outlook.required_return, loans, holdings, neoclouds)
    return max(loans.collateral_units[loan] * strip, earned)


@compiled
def hand_over(
    shared: Shared,
    ratio: float,
    max_waivers: int,
    outlook: Outlook,
    view: NDArray[np.float64],
    lives_years: NDArray[np.float64],
    to_come: NDArray[np.float64],
) -> None:
    """Machines worth less to their borrower than ``ratio`` of a non-recourse debt go to the lender.

    Nobody gives up a loan whose rigs are still to come: ``to_come`` [loan], empty where none are.
    """
    t, _, today = contents(shared)
    loans = t.loans
    for loan in range(len(loans.status)):
        if (
            loans.status[loan] != LoanStatus.PERFORMING
            or loans.recourse[loan]
            or loans.collateral[loan] != Collateral.HARDWARE
            or loans.principal_usd[loan] <= 0.0
            or loans.breach[loan] != Cause.NONE
            or t.parties.status[loans.borrower[loan]] != Status.ACTIVE
        ):
            continue
        enough = ratio * loans.principal_usd[loan]
        earned = contracted_usd(
            today, loan, outlook.required_return, loans, t.holdings, t.neoclouds
        )
        if earned >= enough:
            continue  # whatever the option to run is worth
        worth = keeping_usd(
            today,
            loan,
            outlook,
            view,
            lives_years,
            loans,
            t.hardware,
            t.holdings,
            t.miners,
            t.neoclouds,
        )
        if worth >= enough or (len(to_come) > 0 and to_come[loan] > 0.0):
            continue
        k = loans.hardware[loan]
        event = log_event(
            t.log,
            today.day,
            Event.SURRENDERED,
            Cause.SURRENDER,
            loans.borrower[loan],
            today.first_lender + loans.lender[loan],
            loan,
            loans.principal_usd[loan] - worth,
            t.clearing_event[k] if t.clearing_event[k] >= 0 else today.shock_event,
        )
        loans.breach[loan] = Cause.SURRENDER
        loans.breach_event[loan] = event
        loans.breach_day[loan] = today.day - loans.sheets.cure_days[loans.sheet[loan]]
        loans.waivers[loan] = max_waivers  # nobody is asked to wait
