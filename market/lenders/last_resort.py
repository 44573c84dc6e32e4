"""A lender of last resort: public credit for lenders whose funders leave.

It pays the funders that a lender cannot pay and is its creditor in their place, so that its money
is not asked back with theirs. It earns what that funding costs and is repaid out of cash that comes
in; of a lender that fails it gets what other creditors get.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.party import Outside, Status
from ..state.ledger import Account
from ..state.market import Market
from ..state.money import enter, pay


@compiled
def lend_of_last_resort(market: Market) -> None:
    """Pay what was asked back of lenders and could not be paid; no more is owed than the purse."""
    today, lenders, accounts = market.today, market.lenders, market.ledger.policy_usd
    investors = today.first_outside + Outside.INVESTORS
    for row in range(len(lenders.kind)):
        owed = accounts[Account.LENT] - accounts[Account.REPAID]
        left = market.terms.policy.lender_of_last_resort_usd - owed
        lent = min(left, lenders.unpaid_run_usd[row])
        if lent <= 0.0 or market.parties.status[today.first_lender + row] != Status.ACTIVE:
            continue
        pay(market, today.first_outside + Outside.AUTHORITY, investors, lent)
        enter(market, Account.LENT, lent)
        shares = max(0.0, lent - (lenders.funding_usd[row] - lenders.last_resort_usd[row]))
        if lenders.redeemable[row]:
            shares = lent  # investors of a fund leave with its shares, not with what it borrowed
        lenders.funding_usd[row] += shares
        lenders.capital_usd[row] -= shares
        lenders.redeemed_usd[row] += shares
        lenders.last_resort_usd[row] += lent
        lenders.run_usd[row] += lent
        lenders.unpaid_run_usd[row] -= lent


@compiled
def serve_last_resort(market: Market) -> None:
    """A day's interest on public credit, and what lenders repay of it out of cash.

    Interest comes out of what borrowers pay for funding, which others would have got.
    """
    today, lenders, cash_usd = market.today, market.lenders, market.parties.cash_usd
    authority = today.first_outside + Outside.AUTHORITY
    investors = today.first_outside + Outside.INVESTORS
    for row in range(len(lenders.kind)):
        lender, owed = today.first_lender + row, lenders.last_resort_usd[row]
        if owed <= 0.0 or market.parties.status[lender] != Status.ACTIVE:
            continue
        rate = max(0.0, market.prices.reference_rate + lenders.funding_spread[row])
        interest = owed * rate / 365.0
        pay(market, investors, authority, interest)
        enter(market, Account.INTEREST, interest)
        repaid = min(owed, max(cash_usd[lender], 0.0))
        pay(market, lender, authority, repaid)
        enter(market, Account.REPAID, repaid)
        lenders.last_resort_usd[row] -= repaid
        lenders.funding_usd[row] -= repaid
