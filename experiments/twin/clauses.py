"""What fails a borrower as a whole: debts unpaid, clauses, time that is up; and what keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...market.state.events import Cause
from ...market.state.ledger import DUST_USD
from ...market.state.loans import LoanStatus

if TYPE_CHECKING:
    from .borrower import Borrower
    from .loan import Loan


def takes_the_firm(loan: Loan) -> bool:
    """Whether it fails its borrower as a whole: unpaid, or by other loans' clauses."""
    unpaid = loan.breach not in (Cause.DSCR, Cause.HARDWARE_MARK, Cause.BTC_PRICE)
    return loan.recourse and (unpaid or loan.market.terms.channels.cross_default)


def claim_ran_out(loan: Loan) -> bool:
    """Whether its lender enforced alone and has waited for the rest as long as a court does."""
    market = loan.market
    if market.terms.channels.cross_default or loan.status is not LoanStatus.DEFAULTED:
        return False
    late: bool = market.day >= loan.default_day + market.terms.credit.bankruptcy_days
    return loan.recourse and loan.principal_usd > DUST_USD and not loan.open_lots and late


def make_whole(borrower: Borrower) -> None:
    """Outside pays what it owes and cannot, and waives the rest."""
    for loan in borrower.loans:
        performs = loan.status is LoanStatus.PERFORMING and loan.breach is not Cause.NONE
        if performs and loan.cure_is_over():
            loan.breach = Cause.NONE
    short = borrower.missing_usd() - max(borrower.cash_usd, 0.0)
    borrower.model.investors.pay(borrower, max(0.0, short))
