"""Lines on coins that pay for growth: machines and sites on order, bought with borrowed money.

What such a line lends depends on the price of coins twice: on the day of the order, and again when
the machines come. An order whose coins have lost too much finds no money and is given up.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled, inlined
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market
from .commitments import is_open
from .waterfall import draw_loan, issue_shares

ROUNDING = 1e-9  # of what coins cover, or is needed: less is nothing


@inlined
def coin_line_usd(market: Market, loan: int, free_btc: float) -> float:
    """What a line on coins would lend for growth if so many free coins were pledged to it [USD].

    Up to the initial LTV. Nothing while the loan is in breach or its lender lends nothing. A line
    that is not drawn is renewed year by year.
    """
    prices, loans = market.prices, market.loans
    if (
        not market.terms.channels.treasury_funding
        or loans.collateral[loan] != Collateral.BTC
        or loans.undrawn_usd[loan] <= 0.0
        or loans.status[loan] != LoanStatus.PERFORMING
        or market.lenders.supply[loans.lender[loan]] <= 0.0
        or (loans.principal_usd[loan] > 0.0 and market.today.day >= loans.maturity_day[loan])
        or not is_open(market, loan)
    ):
        return 0.0
    coins = loans.collateral_btc[loan] + free_btc
    initial = loans.sheets.initial_ltv[loans.sheet[loan]]
    covered = initial * coins * prices.btc_usd
    lends = min(loans.undrawn_usd[loan], covered - loans.principal_usd[loan])
    return lends if lends > ROUNDING * covered else 0.0


@inlined
def coins_to_pledge(market: Market, loan: int, amount_usd: float) -> float:
    """Free coins that a draw on a line needs beside those pledged to it [BTC]."""
    loans = market.loans
    initial = loans.sheets.initial_ltv[loans.sheet[loan]]
    needed = (loans.principal_usd[loan] + amount_usd) / initial / market.prices.btc_usd
    return max(0.0, needed - loans.collateral_btc[loan])


@compiled
def coin_room_usd(market: Market, b: int) -> float:
    """What a borrower's free coins would let it borrow for growth, over all its lines [USD]."""
    loans = market.loans
    free = market.parties.btc[b]
    room = 0.0
    for loan in range(loans.first[b], loans.first[b + 1]):
        amount = coin_line_usd(market, loan, free)
        if amount > 0.0:
            free -= min(free, coins_to_pledge(market, loan, amount))
            room += amount
    return room


@compiled
def fund_growth(market: Market, b: int, need_usd: float) -> float:
    """Raise a borrower's own part of what it builds or buys; returns what it got [USD].

    On its coins first, then new shares (debt before shares: Myers 1984, Journal of Finance 39). The
    coins are pledged, and called as those of any coin loan.
    """
    parties, loans = market.parties, market.loans
    left = need_usd
    for loan in range(loans.first[b], loans.first[b + 1]):
        amount = min(left, coin_line_usd(market, loan, parties.btc[b]))
        if amount <= ROUNDING * need_usd:
            continue
        coins = min(parties.btc[b], coins_to_pledge(market, loan, amount))
        parties.btc[b] -= coins
        loans.collateral_btc[loan] += coins
        if loans.principal_usd[loan] <= 0.0:  # its term begins
            loans.next_payment_day[loan] = market.today.day + loans.interval_days[loan]
            term_days = loans.sheets.term_days[loans.sheet[loan]]
            loans.maturity_day[loan] = market.today.day + term_days
        loans.undrawn_usd[loan] -= amount
        draw_loan(market, loan, amount)
        left -= amount
    return need_usd - left + issue_shares(market, b, left)
