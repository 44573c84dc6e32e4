"""Securitisations: triggers on their pool, trapped cash, notes that take all of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.lender import LenderKind
from ...agents.party import Status
from ...market.debt.underwriting import WEEK_DAYS
from ...market.state.events import Cause, Event
from ...market.state.loans import Collateral, LoanStatus
from . import lines
from .rules import amortises_early, loan_to_value, traps_cash

if TYPE_CHECKING:
    from .lender import Lender
    from .model import TwinMarket


def watch_pools(market: TwinMarket) -> None:
    """Once a week the triggers of each vehicle that stands are tested."""
    if not market.terms.channels.securitisation or market.day % WEEK_DAYS != 0:
        return
    for lender in market.lenders:
        if lender.kind is LenderKind.SECURITISATION and lender.status is Status.ACTIVE:
            _watch(lender)


def _watch(vehicle: Lender) -> None:
    market, terms = vehicle.model, vehicle.model.terms.lenders
    dscr, (secured, machines) = _coverage(vehicle), _collateral(vehicle)
    rise = 0.0
    if vehicle.pool_ltv > 0.0 and secured > 0.0:
        rise = loan_to_value(secured, machines) / vehicle.pool_ltv - 1.0
    defaulted = sum(loan.claim_usd for loan in vehicle.loans) / max(vehicle.pool_usd, 1.0)
    vehicle.traps_cash = traps_cash(dscr, terms.trap_dscr)
    hit = amortises_early(
        dscr,
        terms.amortisation_dscr,
        rise,
        terms.amortisation_ltv_rise,
        defaulted,
        terms.amortisation_default_share,
    )
    if hit and vehicle.amortising_event is None:
        vehicle.amortising_event = market.note(
            Event.AMORTISES_EARLY, Cause.LOSSES, vehicle, None, None, secured, vehicle.worst_event
        )
    if vehicle.amortising_event is not None:
        vehicle.traps_cash = True
        lines.repay_funding(vehicle, min(max(0.0, vehicle.cash_usd), max(0.0, vehicle.funding_usd)))


def _coverage(vehicle: Lender) -> float:
    """Mean coverage of its loans at their last tests, by principal; NaN before the first."""
    covered = weight = 0.0
    for loan in vehicle.loans:
        tested = loan.perimeter is not None and loan.status is LoanStatus.PERFORMING
        if tested and loan.perimeter is not None and loan.perimeter.dscr is not None:
            if vehicle.model.day >= loan.dscr_test_day:
                covered += loan.principal_usd * loan.perimeter.dscr
                weight += loan.principal_usd
    return covered / weight if weight > 0.0 else math.nan


def _collateral(vehicle: Lender) -> tuple[float, float]:
    """Principal that machines secure, and these at marks."""
    secured = machines = 0.0
    for loan in vehicle.loans:
        if loan.status is LoanStatus.PERFORMING and loan.collateral is Collateral.HARDWARE:
            if loan.principal_usd > 0.0 and loan.hardware is not None:
                secured += loan.principal_usd
                machines += loan.collateral_units * loan.hardware.mark_usd
    return secured, machines
