"""Notes that funds hold: what a dollar of each is worth today, below par at most."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.state.events import Cause
from ...market.state.loans import Instrument, LoanStatus
from .rules import (
    bond_value,
    conversion_value,
    default_chance,
    default_spread,
    market_default_chance,
    note_mark,
)

if TYPE_CHECKING:
    from .loan import Loan
    from .model import TwinMarket


def is_marked(loan: Loan) -> bool:
    """Whether a fund holds it, it trades, and funds mark."""
    traded = loan.instrument in (Instrument.HIGH_YIELD, Instrument.CONVERTIBLE)
    return traded and loan.lender.redeemable and loan.market.terms.channels.fund_marks


def mark_notes(market: TwinMarket) -> None:
    """Marks of the day; what they change is a loss, or a gain, of their holders' capital."""
    before = {lender: lender.provision_usd for lender in market.lenders}
    for note in market.loans:
        if is_marked(note) and note.status is not LoanStatus.DEFAULTED:
            if note.lender.status is Status.ACTIVE:
                _mark(note)
    for lender in market.lenders:
        change = lender.provision_usd - before[lender]
        if change != 0.0:
            lender.charge_capital(change, lender.worst_event)


def _mark(note: Loan) -> None:
    below = 0.0
    if note.status is LoanStatus.PERFORMING and note.principal_usd > 0.0:
        prices = note.market.prices
        mark = note_mark(_value(note), note.note_value, prices.loan_price)
        below = (1.0 - mark) * note.principal_usd
    note.lender.provision_usd += below - note.provision_usd
    note.provision_usd = below


def _value(note: Loan) -> float:
    """A dollar of it at today's spread, with what is not hedged of the right to convert."""
    market, borrower = note.market, note.borrower
    reference, years = market.prices.reference_rate, _years_left(note)
    volatility = market.terms.lenders.issuer_volatility
    spread = note.note_spread + _explained_spread(note, years)
    spread += float(market.macro.spread_change[market.day])
    bond = bond_value(note.rate(), max(0.0, reference + spread), years)
    price = math.nan if note.conversion_usd is None else note.conversion_usd
    option = conversion_value(borrower.share_usd(), price, volatility, reference, years)
    value: float = bond + (1.0 - note.lender.hedged_share) * option
    return value


def _years_left(note: Loan) -> float:
    """Until maturity, or a put before."""
    day, end = note.market.day, note.maturity_day
    if day < note.put_day < end:
        end = note.put_day
    return max(0.0, (end - day) / 365.0)


def _explained_spread(note: Loan, years: float) -> float:
    """What the issuer's distance to default asks for, or its payment record if that is worse."""
    market, borrower = note.market, note.borrower
    raised = note.breach is not Cause.NONE or note.lock_up or note.waivers > 0
    missed = note.arrears_interest_usd + note.arrears_principal_usd > 0.0
    chance = default_chance(raised, missed, years)
    if borrower.market_cap_open_usd > 0.0:
        debt = borrower.debt_usd()
        firm = borrower.equity_usd + debt
        volatility = market.terms.lenders.issuer_volatility
        rate = market.prices.reference_rate
        chance = max(chance, market_default_chance(firm, debt, volatility, rate, years))
    spread: float = default_spread(chance, years)
    return spread
