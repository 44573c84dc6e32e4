"""Convertible notes: they become shares where shares are worth more, or are put to the issuer.

Holders convert at maturity. On the put date they may ask for par instead of waiting: they do where
the note is out of the money and its coupon below what the market pays. They give notice a month
before, in which the issuer may refinance as at any maturity (:mod:`market.debt.underwriting`): a
refinanced note is straight debt at the market's rate.
"""

from __future__ import annotations

import numpy as np

from ...agents.borrower import Borrowers, in_the_money, puts, share_price_usd
from ...agents.compiling.kernels import compiled
from ...agents.lender import Lenders
from ...agents.party import Outside, Parties, Status
from ..state.context import Terms, Today
from ..state.events import Cause, Event, Log, log_event
from ..state.ledger import Ledger, repay
from ..state.loans import Instrument, Loans, LoanStatus

NOTICE_DAYS = 30


@compiled
def market_rate(today: Today, terms: Terms) -> float:
    """What an unsecured note of this market costs today, a year."""
    return today.reference_rate + terms.convertible_spread + today.spread_change


@compiled
def worth_more_as_shares(b: int, loan: int, borrowers: Borrowers, loans: Loans) -> bool:
    """Whether a loan is a note that its holder would convert today."""
    if loans.instrument[loan] != Instrument.CONVERTIBLE:
        return False
    share_usd = share_price_usd(borrowers.equity_usd[b], borrowers.shares[b])
    return in_the_money(share_usd, loans.conversion_usd[loan])


@compiled
def exercise(
    today: Today,
    terms: Terms,
    parties: Parties,
    borrowers: Borrowers,
    lenders: Lenders,
    ledger: Ledger,
    loans: Loans,
    log: Log,
) -> None:
    """Conversions at maturity, and notice of puts; other holders are paid by debt service.

    Shares received are sold at once: investors pay the holder par, and what the shares are worth
    beyond that goes through to the holder's own investors.
    """
    investors = today.first_outside + Outside.INVESTORS
    for loan in range(len(loans.status)):
        if (
            loans.instrument[loan] != Instrument.CONVERTIBLE
            or loans.status[loan] != LoanStatus.PERFORMING
            or loans.principal_usd[loan] <= 0.0
            or loans.breach[loan] != Cause.NONE
        ):
            continue
        b = loans.borrower[loan]
        if parties.status[b] != Status.ACTIVE:
            continue
        row = loans.lender[loan]
        lender = today.first_lender + row
        share_usd = share_price_usd(borrowers.equity_usd[b], borrowers.shares[b])
        price = loans.conversion_usd[loan]
        if today.day == loans.put_day[loan] - NOTICE_DAYS:
            rate = market_rate(today, terms)
            if puts(share_usd, price, loans.rate_or_spread[loan], rate):
                loans.maturity_day[loan] = loans.put_day[loan]
                parties.trail_event[b] = log_event(
                    log,
                    today.day,
                    Event.PUT,
                    Cause.SHARE_PRICE,
                    b,
                    lender,
                    loan,
                    loans.principal_usd[loan],
                    parties.trail_event[b],
                )
        matures = today.day >= loans.maturity_day[loan]
        if not matures or not worth_more_as_shares(b, loan, borrowers, loans):
            continue
        amount = loans.principal_usd[loan]
        borrowers.shares[b] += amount / price
        repay(parties, lenders, ledger, loans.principal_usd, loan, investors, row, lender, amount)
        loans.principal_usd[loan] = 0.0
        loans.accrued_usd[loan] = 0.0  # who converts forgoes the last coupon
        loans.status[loan] = LoanStatus.CLOSED
        log_event(log, today.day, Event.CONVERTED, Cause.SHARE_PRICE, b, lender, loan, amount, -1)


@compiled
def refinance_straight(today: Today, terms: Terms, loan: int, loans: Loans) -> None:
    """Terms of a note that was rolled over: no conversion, no put, the market's rate."""
    loans.rate_or_spread[loan] = market_rate(today, terms)
    loans.conversion_usd[loan] = np.nan
    loans.put_day[loan] = -1
