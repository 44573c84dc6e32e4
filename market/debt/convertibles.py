"""Convertible notes: they become shares where shares are worth more, or are put to the issuer.

Holders convert at maturity. On the put date they may ask for par instead of waiting: they do where
the note is out of the money and its coupon below what the market pays. They give notice a month
before, in which the issuer may refinance as at any maturity (:mod:`market.debt.underwriting`): a
refinanced note is straight debt at the market's rate.
"""

from __future__ import annotations

import numpy as np

from ...agents.borrower import in_the_money, puts, share_price_usd
from ...agents.compiling.kernels import compiled
from ...agents.party import Outside, Status
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.loans import Instrument, LoanStatus
from ..state.market import Market
from ..state.money import repay

NOTICE_DAYS = 30


@compiled
def market_rate(market: Market) -> float:
    """What an unsecured note of this market costs today, a year."""
    prices, terms = market.prices, market.terms
    return prices.reference_rate + terms.credit.convertible_spread + prices.spread_change


@compiled
def worth_more_as_shares(market: Market, b: int, loan: int) -> bool:
    """Whether a loan is a note that its holder would convert today."""
    borrowers, loans = market.borrowers, market.loans
    if loans.instrument[loan] != Instrument.CONVERTIBLE:
        return False
    share_usd = share_price_usd(borrowers.equity_usd[b], borrowers.shares[b])
    return in_the_money(share_usd, loans.conversion_usd[loan])


@compiled
def exercise(market: Market) -> None:
    """Conversions at maturity, and notice of puts; other holders are paid by debt service.

    Shares received are sold at once: investors pay the holder par, and what the shares are worth
    beyond that goes through to the holder's own investors.
    """
    today, parties, borrowers = market.today, market.parties, market.borrowers
    loans = market.loans
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
            rate = market_rate(market)
            if puts(share_usd, price, loans.rate_or_spread[loan], rate):
                loans.maturity_day[loan] = loans.put_day[loan]
                parties.trail_event[b] = log_event(
                    market,
                    Event.PUT,
                    Cause.SHARE_PRICE,
                    (b, lender, loan),
                    loans.principal_usd[loan],
                    parties.trail_event[b],
                )
        matures = today.day >= loans.maturity_day[loan]
        if not matures or not worth_more_as_shares(market, b, loan):
            continue
        amount = loans.principal_usd[loan]
        borrowers.shares[b] += amount / price
        repay(market, loan, investors, amount)
        loans.principal_usd[loan] = 0.0
        loans.accrued_usd[loan] = 0.0  # who converts forgoes the last coupon
        loans.status[loan] = LoanStatus.CLOSED
        log_event(market, Event.CONVERTED, Cause.SHARE_PRICE, (b, lender, loan), amount, -1)


@compiled
def refinance_straight(market: Market, loan: int) -> None:
    """Terms of a note that was rolled over: no conversion, no put, the market's rate."""
    loans = market.loans
    loans.rate_or_spread[loan] = market_rate(market)
    loans.conversion_usd[loan] = np.nan
    loans.put_day[loan] = -1
    loans.note_value[loan] = 1.0  # at par again
