"""What lenders earn a day beside interest paid in cash, and what claims that pay nothing cost.

Net interest on loans is kept when it is paid (:func:`market.state.money.pay_interest`).
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.lender import funded_share, paid_out_share
from ...agents.party import Outside, Status
from ..state.loans import LoanStatus
from ..state.market import Market
from ..state.money import earn, fund, pay


@compiled
def set_margins(market: Market) -> None:
    """What funding costs and owners get until tomorrow, whatever is paid first."""
    lenders = market.lenders
    for row in range(len(lenders.kind)):
        rate = max(0.0, market.prices.reference_rate + lenders.funding_spread[row])
        capital = lenders.capital_usd[row]
        lenders.funding_rate[row] = rate * funded_share(capital, lenders.funding_usd[row])
        lenders.owners_share[row] = paid_out_share(
            lenders.payout_share[row], capital, lenders.capital_open_usd[row]
        )
        if lenders.traps_cash[row]:
            lenders.owners_share[row] = 0.0


@compiled
def earn_margins(market: Market) -> None:
    """Other loans earn their margin; funding of defaulted claims is paid out of capital."""
    set_margins(market)
    today, lenders, loans = market.today, market.lenders, market.loans
    investors = today.first_outside + Outside.INVESTORS
    for row in range(len(lenders.kind)):
        lender = today.first_lender + row
        if market.parties.status[lender] != Status.ACTIVE:
            continue
        year = max(0.0, lenders.other_loans_usd[row]) * lenders.other_margin[row]
        kept = (1.0 - lenders.owners_share[row]) * year / 365.0
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
        cost = max(0.0, carried) * lenders.funding_rate[row] / 365.0
        fund(market, row, cost)
        pay(market, lender, investors, cost)
        earn(market, row, -cost)
