"""What lenders earn a day beside interest paid in cash, and what claims that pay nothing cost.

Net interest on loans is kept when it is paid (:func:`market.state.money.pay_interest`).
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.party import Outside, Status
from ..state.loans import LoanStatus
from ..state.market import Market
from ..state.money import earn, fund, funding_cost, owners_share, pay


@compiled
def earn_margins(market: Market) -> None:
    """Other loans earn their margin; funding of defaulted claims is paid out of capital."""
    today, lenders, loans = market.today, market.lenders, market.loans
    investors = today.first_outside + Outside.INVESTORS
    for row in range(len(lenders.kind)):
        lender = today.first_lender + row
        if market.parties.status[lender] != Status.ACTIVE:
            continue
        year = max(0.0, lenders.other_loans_usd[row]) * lenders.other_margin[row]
        kept = (1.0 - owners_share(market, row)) * year / 365.0
        pay(market, investors, lender, kept)
        earn(market, row, kept)
    for loan in range(len(loans.status)):
        row = loans.lender[loan]
        lender = today.first_lender + row
        if (
            loans.status[loan] != LoanStatus.DEFAULTED
            or market.parties.status[lender] != Status.ACTIVE
        ):
            continue
        carried = loans.principal_usd[loan] - loans.claims.written_down_usd[loans.claim[loan]]
        cost = max(0.0, carried) * funding_cost(market, row) / 365.0
        fund(market, row, cost)
        pay(market, lender, investors, cost)
        earn(market, row, -cost)
