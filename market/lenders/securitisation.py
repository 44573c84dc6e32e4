"""Securitisations: cash is trapped and notes amortise early when their pool gets worse.

As indentures have it: below a first level of coverage excess spread is kept instead of being
released to the sponsor; below a second one, or when loan to value at marks has risen or loans of
the pool have defaulted, the vehicle lends no more and all its cash repays its notes, for good. Its
loans then sweep what their collateral earns beyond debt service (:mod:`market.debt.covenants`).
"""

from __future__ import annotations

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.funding import amortises_early, traps_cash
from ...agents.lender import LenderKind
from ...agents.party import Status
from ..debt.underwriting import WEEK_DAYS
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.loans import Collateral, LoanStatus, loan_to_value
from ..state.market import Market
from .lines import repay_funding


@inlined
def is_vehicle(market: Market, row: int) -> bool:
    """Whether a lender is a securitisation that stands."""
    standing = market.parties.status[market.today.first_lender + row] == Status.ACTIVE
    return standing and market.lenders.kind[row] == LenderKind.SECURITISATION


@compiled
def open_pools(market: Market) -> None:
    """Pools as they are at the opening."""
    lenders = market.lenders
    owed, secured, machines = _pools(market)
    for row in range(len(owed)):
        lenders.pool_usd[row] = owed[row]
        lenders.pool_ltv[row] = np.nan
        if machines[row] > 0.0:
            lenders.pool_ltv[row] = loan_to_value(secured[row], machines[row])


@compiled
def _pools(market: Market) -> tuple[Reals, Reals, Reals]:
    """By vehicle: performing principal, that which machines secure, and these at marks [USD]."""
    loans, count = market.loans, len(market.lenders.kind)
    owed, secured, machines = np.zeros(count), np.zeros(count), np.zeros(count)
    for loan in range(len(loans.status)):
        row = loans.lender[loan]
        if loans.status[loan] != LoanStatus.PERFORMING or not is_vehicle(market, row):
            continue
        owed[row] += loans.principal_usd[loan]
        if loans.collateral[loan] == Collateral.HARDWARE and loans.principal_usd[loan] > 0.0:
            secured[row] += loans.principal_usd[loan]
            machines[row] += loans.collateral_units[loan] * market.marks_usd[loans.hardware[loan]]
    return owed, secured, machines


@compiled
def _coverage(market: Market) -> tuple[Reals, Reals]:
    """By vehicle: mean coverage at the last tests (NaN before), and claims that have defaulted."""
    loans, count = market.loans, len(market.lenders.kind)
    covered, weight, defaulted = np.zeros(count), np.zeros(count), np.zeros(count)
    for loan in range(len(loans.status)):
        row = loans.lender[loan]
        if not is_vehicle(market, row):
            continue
        if loans.claim[loan] >= 0:
            defaulted[row] += loans.claims.claim_usd[loans.claim[loan]]
        perimeter = loans.perimeter[loan]
        if perimeter < 0 or loans.status[loan] != LoanStatus.PERFORMING:
            continue
        dscr = market.perimeters.dscr[perimeter]
        if not np.isnan(dscr) and market.today.day >= loans.dscr_test_day[loan]:
            covered[row] += loans.principal_usd[loan] * dscr
            weight[row] += loans.principal_usd[loan]
    for row in range(count):
        covered[row] = covered[row] / weight[row] if weight[row] > 0.0 else np.nan
    return covered, defaulted


@compiled
def watch_pools(market: Market) -> None:
    """Once a week triggers are tested; a vehicle that amortises early pays its notes."""
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    if not terms.channels.securitisation or today.day % WEEK_DAYS != 0:
        return
    _, secured, machines = _pools(market)
    dscr, defaulted = _coverage(market)
    for row in range(len(dscr)):
        if not is_vehicle(market, row):
            continue
        rise = 0.0
        if lenders.pool_ltv[row] > 0.0 and secured[row] > 0.0:
            rise = loan_to_value(secured[row], machines[row]) / lenders.pool_ltv[row] - 1.0
        lenders.traps_cash[row] = traps_cash(dscr[row], terms.lenders.trap_dscr)
        if lenders.amortising_event[row] < 0 and amortises_early(
            dscr[row],
            terms.lenders.amortisation_dscr,
            rise,
            terms.lenders.amortisation_ltv_rise,
            defaulted[row] / max(lenders.pool_usd[row], 1.0),
            terms.lenders.amortisation_default_share,
        ):
            lenders.amortising_event[row] = log_event(
                market,
                Event.AMORTISES_EARLY,
                Cause.LOSSES,
                (today.first_lender + row, -1, -1),
                secured[row],
                lenders.worst_event[row],
            )
        if lenders.amortising_event[row] >= 0:
            lenders.traps_cash[row] = True
            cash = max(0.0, parties.cash_usd[today.first_lender + row])
            repay_funding(market, row, min(cash, max(0.0, lenders.funding_usd[row])))
