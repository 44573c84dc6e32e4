"""Committed lines that their lender stops once a borrower has changed for the worse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.state.events import Cause, Event
from ...market.state.loans import Collateral, Instrument, LoanStatus
from .rules import stops_drawing

if TYPE_CHECKING:
    from .borrower import Borrower
    from .loan import Loan


def drawable_usd(loan: Loan) -> float:
    """What a borrower short of cash may draw [USD]."""
    room = room_usd(loan)
    return room if room > 0.0 and is_open(loan) else 0.0


def room_usd(loan: Loan) -> float:
    """What is left of a revolver, or of a line on coins that these cover [USD]."""
    over = loan.status is not LoanStatus.PERFORMING or loan.market.day >= loan.maturity_day
    if loan.undrawn_usd <= 0.0 or over:
        return 0.0
    if loan.instrument is Instrument.REVOLVER:
        return loan.undrawn_usd
    if loan.collateral is Collateral.BTC:
        assert loan.initial_ltv is not None
        covered = loan.initial_ltv * loan.collateral_btc * loan.market.prices.btc_usd
        return max(0.0, min(loan.undrawn_usd, covered - loan.principal_usd))
    return 0.0


def is_open(loan: Loan) -> bool:
    """Whether a line may be drawn, as far as its borrower's and its lender's state goes."""
    sound = loan.status is LoanStatus.PERFORMING and loan.breach is Cause.NONE
    return sound and stop_cause(loan) is Cause.NONE


def opens_for_growth(loan: Loan) -> bool:
    """Whether it may be drawn for machines and buildings: nothing locked up either."""
    return is_open(loan) and not loan.lock_up


def stop_cause(loan: Loan) -> Cause:
    """Why nothing may be drawn today on a line whose own terms are met."""
    if not loan.market.terms.channels.material_change:
        return Cause.NONE
    cause, supply = _default_in_group(loan.borrower), loan.lender.supply
    weakened = any(_coverage_is_short(one) for one in loan.borrower.loans)
    if not stops_drawing(cause is not Cause.NONE, weakened, supply):
        return Cause.NONE
    if cause is not Cause.NONE:
        return cause
    return Cause.CREDIT_SUPPLY if supply <= 0.0 else Cause.DSCR


def note_stop(loan: Loan) -> None:
    """A draw is refused: an entry until the line is drawn again."""
    cause = stop_cause(loan)
    if loan.stop_event is not None or cause is Cause.NONE:
        return
    borrower = loan.borrower
    parent = borrower.trail_event
    if cause is Cause.CREDIT_SUPPLY:
        parent = loan.lender.supply_event
    elif cause is Cause.PARENT_FAILED:
        assert borrower.parent is not None
        parent = borrower.parent.default_event
    loan.stop_event = borrower.trail_event = loan.market.note(
        Event.LINE_STOPPED, cause, borrower, loan.lender, loan, loan.undrawn_usd, parent
    )


def _default_in_group(borrower: Borrower) -> Cause:
    """A missed payment, a broken covenant, a vehicle or an owner that failed; no margin call."""
    if borrower.parent is not None and borrower.parent.status is not Status.ACTIVE:
        return Cause.PARENT_FAILED
    for loan in borrower.loans:
        if loan.status is LoanStatus.DEFAULTED:
            return Cause.CROSS_DEFAULT
        if loan.status is LoanStatus.PERFORMING:
            if loan.breach not in (Cause.NONE, Cause.BTC_PRICE):
                return loan.breach
    return Cause.NONE


def _coverage_is_short(loan: Loan) -> bool:
    perimeter = loan.perimeter
    if loan.status is not LoanStatus.PERFORMING or perimeter is None or loan.min_dscr is None:
        return False
    if loan.market.day < loan.dscr_test_day or perimeter.dscr is None:
        return False
    return bool(perimeter.dscr < loan.min_dscr)
