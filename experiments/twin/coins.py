"""Coins pledged to a loan: freed by the borrower, given back, or sold by the lender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...market.debt.coin_lines import ROUNDING
from ...market.state.events import Cause, Event
from ...market.state.loans import Collateral, LoanStatus
from . import commitments
from .rules import unwound_share

if TYPE_CHECKING:
    from .borrower import Borrower
    from .things import Entry

from .loan import Loan


def unwind_coins(loan: Loan, need_usd: float) -> None:
    """Free up to ``need_usd`` from own coins: excess pledge first, then repay part of it."""
    if (
        loan.collateral is not Collateral.BTC
        or loan.status is not LoanStatus.PERFORMING
        or loan.collateral_btc <= 0.0
        or loan.breach is Cause.BTC_PRICE
    ):
        return
    assert loan.initial_ltv is not None
    price = loan.market.prices.btc_usd
    debt = loan.principal_usd
    value = loan.collateral_btc * price
    excess = min(need_usd, max(0.0, value - debt / loan.initial_ltv))
    if excess > 0.0:
        _give_back(loan, min(loan.collateral_btc, excess / price))
        loan.borrower.sell_treasury(excess)
        value -= excess
    share = unwound_share(need_usd - excess, value, debt)
    if share <= 0.0:
        return
    _give_back(loan, share * loan.collateral_btc)
    loan.borrower.sell_treasury(share * value)
    loan.prepay(loan.borrower, share * debt)


def _give_back(loan: Loan, coins: float) -> None:
    loan.collateral_btc -= coins
    loan.borrower.btc += coins


def release_coins(loan: Loan) -> None:
    """Coins left on a repaid loan go back to the borrower."""
    loan.borrower.btc += loan.collateral_btc
    loan.collateral_btc = 0.0


def sell_coins(loan: Loan, debt_usd: float, cause: Cause, parent: Entry | None) -> float:
    """Sell pledged coins worth (1 + bonus) x to repay debt x; returns x [USD]."""
    market, price = loan.market, loan.market.prices.btc_usd
    bonus = 1.0 + market.terms.credit.liquidation_bonus
    available = loan.collateral_btc * price
    repaid = min(debt_usd, min(available / bonus, loan.principal_usd))
    if repaid <= 0.0:
        return 0.0
    coins = min(loan.collateral_btc, repaid * bonus / price)
    loan.collateral_btc -= coins
    market.outside_btc += coins
    loan.prepay(market.exchange, repaid)
    market.forced_usd += coins * price
    event = market.note(
        Event.BTC_LIQUIDATION,
        cause,
        loan.borrower,
        loan.lender,
        loan,
        coins * price,
        parent,
    )
    market.forced_event = event
    loan.borrower.trail_event = event
    return repaid


# ---------------------------------------------------------------- lines that pay for growth


def line_usd(loan: Loan, free_btc: float) -> float:
    """What a line would lend for growth on what is pledged and so many coins more [USD]."""
    market = loan.market
    if (
        not market.settings.channels.treasury_funding
        or loan.collateral is not Collateral.BTC
        or loan.undrawn_usd <= 0.0
        or loan.status is not LoanStatus.PERFORMING
        or loan.lender.supply <= 0.0
        or (loan.principal_usd > 0.0 and market.day >= loan.maturity_day)
        or not commitments.is_open(loan)
    ):
        return 0.0
    assert loan.initial_ltv is not None
    covered = loan.initial_ltv * (loan.collateral_btc + free_btc) * market.prices.btc_usd
    lends = min(loan.undrawn_usd, covered - loan.principal_usd)
    return lends if lends > ROUNDING * covered else 0.0


def coins_to_pledge(loan: Loan, amount_usd: float) -> float:
    """Coins that a draw needs beside those pledged."""
    assert loan.initial_ltv is not None
    needed = (loan.principal_usd + amount_usd) / loan.initial_ltv / loan.market.prices.btc_usd
    return max(0.0, needed - loan.collateral_btc)


def room_usd(borrower: Borrower) -> float:
    """What free coins would let a borrower draw over all its lines [USD]."""
    free, room = borrower.btc, 0.0
    for loan in borrower.loans:
        amount = line_usd(loan, free)
        if amount > 0.0:
            free -= min(free, coins_to_pledge(loan, amount))
            room += amount
    return room


def fund_growth(borrower: Borrower, need_usd: float) -> float:
    """Its own part of what it builds or buys: loans on coins, then new shares."""
    left = need_usd
    for loan in borrower.loans:
        amount = min(left, line_usd(loan, borrower.btc))
        if amount <= ROUNDING * need_usd:
            continue
        coins = min(borrower.btc, coins_to_pledge(loan, amount))
        borrower.btc -= coins
        loan.collateral_btc += coins
        if loan.principal_usd <= 0.0:
            day = loan.market.day
            loan.next_payment_day = day + loan.interval_days
            loan.maturity_day = day + loan.term_days
        loan.undrawn_usd -= amount
        loan.draw_line(amount)
        left -= amount
    return need_usd - left + borrower.issue_shares(left)
