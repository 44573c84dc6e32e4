"""Convertible notes: shares at maturity where these are worth more, else par; some may be put."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.debt.convertibles import NOTICE_DAYS
from ...market.state.events import Cause, Event
from ...market.state.loans import Instrument, LoanStatus
from .rules import in_the_money, puts

if TYPE_CHECKING:
    from .loan import Loan
    from .model import TwinMarket


def market_rate(market: TwinMarket) -> float:
    """What an unsecured note costs today, a year."""
    dearer = float(market.macro.spread_change[market.day])
    rate: float = market.prices.reference_rate + market.terms.credit.convertible_spread + dearer
    return rate


def worth_more_as_shares(loan: Loan) -> bool:
    """Whether a loan is a note that its holder would convert today."""
    price = loan.conversion_usd
    if loan.instrument is not Instrument.CONVERTIBLE or price is None:
        return False
    worth: bool = in_the_money(loan.borrower.share_usd(), price)
    return worth


def exercise(note: Loan) -> None:
    """What holders of a note decide today: notice of a put, conversion at maturity."""
    day, borrower = note.market.day, note.borrower
    if (
        note.status is not LoanStatus.PERFORMING
        or note.principal_usd <= 0.0
        or note.breach is not Cause.NONE
        or borrower.status is not Status.ACTIVE
    ):
        return
    if day == note.put_day - NOTICE_DAYS:
        price = math.nan if note.conversion_usd is None else note.conversion_usd
        rate = market_rate(note.market)
        if puts(borrower.share_usd(), price, note.rate_or_spread, rate):
            _put(note)
    if day >= note.maturity_day and worth_more_as_shares(note):
        _convert(note)


def _put(note: Loan) -> None:
    """Holders will want par on the put date: that is when the note matures."""
    note.maturity_day = note.put_day
    note.borrower.trail_event = note.market.note(
        Event.PUT,
        Cause.SHARE_PRICE,
        note.borrower,
        note.lender,
        note,
        note.principal_usd,
        note.borrower.trail_event,
    )


def _convert(note: Loan) -> None:
    """New shares end the debt; investors buy them from the holder, who forgoes the last coupon."""
    market, amount = note.market, note.principal_usd
    assert note.conversion_usd is not None
    note.borrower.shares += amount / note.conversion_usd
    note.repay(market.investors, amount)
    note.principal_usd = note.accrued_usd = 0.0
    note.status = LoanStatus.CLOSED
    market.note(Event.CONVERTED, Cause.SHARE_PRICE, note.borrower, note.lender, note, amount, None)


def refinance_straight(note: Loan) -> None:
    """Terms of a note that was rolled over: no conversion, no put, the market's rate."""
    note.rate_or_spread = market_rate(note.market)
    note.conversion_usd = None
    note.put_day = -1
    note.note_value = 1.0
