"""Tests of loans: margin calls on coins and rigs, quarterly coverage, lock-up and sweep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.borrower import QUARTER_DAYS
from ...agents.party import Status
from ...market.state.events import Cause, Event
from ...market.state.ledger import DUST_USD
from ...market.state.loans import LoanStatus
from . import coins
from .rules import (
    cash_sweep_usd,
    debt_service_coverage,
    equity_cure_usd,
    liquidation_debt_usd,
    loan_to_value,
)

if TYPE_CHECKING:
    from .loan import Loan
    from .things import Perimeter


def watch_coins(loan: Loan) -> None:
    """Margin call on a BTC loan: top up with coins, then cash; in the end coins are sold.

    Liquidation brings LTV back to its initial level, or sells everything; a debt left without
    collateral is due at once.
    """
    market, borrower = loan.market, loan.borrower
    if loan.status is not LoanStatus.PERFORMING:
        return
    if loan.principal_usd <= 0.0:
        if loan.collateral_btc > 0.0:
            coins.release_coins(loan)
        return
    if (
        not market.terms.channels.crypto_margin
        or borrower.status is not Status.ACTIVE
        or loan.collateral_btc <= 0.0
    ):
        return
    assert loan.margin_call_ltv is not None
    assert loan.liquidation_ltv is not None
    value = loan.collateral_btc * market.prices.btc_usd
    ltv = loan_to_value(loan.principal_usd, value)
    called = loan.breach is Cause.BTC_PRICE
    if ltv <= loan.margin_call_ltv:
        if called:
            loan.close_breach(Event.MARGIN_MET, loan.principal_usd)
        return
    if not called and loan.breach is Cause.NONE:
        _call_for_coins(loan, value)
        called = True
    if called:  # else another breach is open: lenders only watch the price
        value = _top_up(loan)
        ltv = loan_to_value(loan.principal_usd, value)
        if ltv <= loan.margin_call_ltv:
            loan.close_breach(Event.MARGIN_MET, loan.principal_usd)
            return
    if ltv <= loan.liquidation_ltv and not (called and loan.cure_is_over()):
        return
    debt = liquidation_debt_usd(
        loan.principal_usd, value, loan.initial_ltv, market.terms.credit.liquidation_bonus
    )
    coins.sell_coins(loan, debt, Cause.BTC_PRICE, loan.breach_event)
    if called:
        loan.breach = Cause.NONE
    if loan.collateral_btc * market.prices.btc_usd < 1.0 and loan.principal_usd > 0.0:
        loan.arrears_principal_usd = loan.principal_usd
        loan.due_cause = Cause.DEFICIENCY


def _call_for_coins(loan: Loan, value_usd: float) -> None:
    """Blamed on the shock if the exogenous price alone would have caused it, else on the sale."""
    market = loan.market
    assert loan.initial_ltv is not None
    assert loan.margin_call_ltv is not None
    untouched = value_usd * math.exp(-market.prices.btc_impact_log)
    own = loan_to_value(loan.principal_usd, untouched) > loan.margin_call_ltv
    parent = market.shock_event if own or market.forced_event is None else market.forced_event
    call = loan.principal_usd - loan.initial_ltv * value_usd
    loan.open_breach(Event.MARGIN_CALL, Cause.BTC_PRICE, call, parent)


def _top_up(loan: Loan) -> float:
    """Pledge free coins, then repay if cash covers the rest; returns the collateral's value."""
    borrower, price, target = loan.borrower, loan.market.prices.btc_usd, loan.initial_ltv
    assert target is not None
    debt = loan.principal_usd
    missing = max(0.0, debt / target / price - loan.collateral_btc)
    coins = min(missing, borrower.btc)
    borrower.btc -= coins
    loan.collateral_btc += coins
    value = loan.collateral_btc * price
    call = max(0.0, debt - target * value)
    if 0.0 < call <= borrower.cash_usd:
        loan.prepay(borrower, call)
    return value


def watch_machines(loan: Loan) -> None:
    """LTV of a hardware loan that has a trigger (rigs): call, pay down, or run out of time."""
    market, borrower, kind = loan.market, loan.borrower, loan.hardware
    if (
        loan.status is not LoanStatus.PERFORMING
        or loan.principal_usd <= 0.0
        or loan.default_event is not None  # a plan's notes: nobody is called on them
        or borrower.status is not Status.ACTIVE
    ):
        return
    assert kind is not None
    assert loan.initial_ltv is not None
    assert loan.margin_call_ltv is not None
    value = loan.collateral_units * kind.mark_usd
    called = loan.breach is Cause.HARDWARE_MARK
    if loan_to_value(loan.principal_usd, value) <= loan.margin_call_ltv:
        if called:
            loan.close_breach(Event.MARGIN_MET, loan.principal_usd)
        return
    call = loan.principal_usd - loan.initial_ltv * value
    if not called:
        if loan.breach is not Cause.NONE:
            return
        scheduled = loan.collateral_units * kind.schedule_usd
        own = loan_to_value(loan.principal_usd, scheduled) > loan.margin_call_ltv
        parent = market.shock_event if own or kind.clearing_event is None else kind.clearing_event
        loan.open_breach(Event.MARGIN_CALL, Cause.HARDWARE_MARK, call, parent)
    if borrower.cash_usd >= call:
        loan.prepay(borrower, call)
        loan.close_breach(Event.MARGIN_MET, loan.principal_usd)


def measure_coverage(perimeter: Perimeter) -> None:
    """Count a day; at the end of the quarter turn flows into a DSCR and a surplus."""
    perimeter.days += 1
    if perimeter.days < QUARTER_DAYS:
        return
    flow, service = perimeter.cash_flow_usd, perimeter.service_usd
    perimeter.dscr = debt_service_coverage(flow, service)
    perimeter.surplus_usd = max(0.0, flow - service)
    perimeter.cash_flow_usd = perimeter.service_usd = 0.0
    perimeter.days = 0


def shares_of(perimeter: Perimeter) -> dict[Loan, float]:
    """How the lenders of a perimeter share its surplus: by what they are owed."""
    total = 0.0
    for loan in perimeter.loans:
        if loan.status is LoanStatus.PERFORMING:
            total += loan.principal_usd
    return {loan: loan.principal_usd / max(total, 1e-9) for loan in perimeter.loans}


def watch_coverage(loan: Loan, shares: dict[Loan, float]) -> None:
    """Lock-up and sweep below the lock-up level, breach below the minimum, cure by prepaying.

    ``shares`` are those of loans whose perimeter was measured today.
    """
    market, borrower, perimeter = loan.market, loan.borrower, loan.perimeter
    assert perimeter is not None
    dscr, minimum = perimeter.dscr, loan.min_dscr
    if (
        dscr is None
        or loan.status is not LoanStatus.PERFORMING
        or loan.principal_usd <= 0.0
        or market.day < loan.dscr_test_day
        or borrower.status is not Status.ACTIVE
    ):
        return
    assert minimum is not None
    if perimeter.days == 0:
        locked = dscr < minimum + market.terms.credit.lockup_margin
        locked = locked or loan.lender.amortising_event is not None
        if locked and not loan.lock_up:
            market.note(
                Event.LOCK_UP,
                Cause.DSCR,
                borrower,
                loan.lender,
                loan,
                loan.principal_usd,
                borrower.blame(),
            )
        loan.lock_up = locked
        if locked and dscr > 0.0:
            _sweep(loan, shares[loan] * perimeter.surplus_usd)
        if dscr >= minimum:
            if loan.breach is Cause.DSCR:
                loan.close_breach(Event.CURED, 0.0)
            return
        if loan.breach is Cause.NONE:
            need = equity_cure_usd(loan.principal_usd, dscr, minimum)
            loan.open_breach(Event.COVENANT_BREACH, Cause.DSCR, need, borrower.blame())
    if loan.breach is Cause.DSCR:
        need = equity_cure_usd(loan.principal_usd, dscr, minimum)
        if borrower.cash_usd >= need:
            loan.prepay(borrower, need)
            loan.close_breach(Event.CURED, need)


def _sweep(loan: Loan, surplus_usd: float) -> None:
    """The surplus over debt service prepays principal."""
    owed = loan.principal_usd - loan.arrears_principal_usd
    sweep = cash_sweep_usd(surplus_usd, loan.borrower.cash_usd, owed)
    if sweep <= DUST_USD:
        return
    loan.prepay(loan.borrower, sweep)
    loan.market.note(
        Event.CASH_SWEEP,
        Cause.DSCR,
        loan.borrower,
        loan.lender,
        loan,
        sweep,
        loan.borrower.trail_event,
    )
