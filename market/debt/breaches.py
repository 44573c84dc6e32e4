"""A breach is opened, and its cure clock with it, in one place; a margin call is met in another."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.market import Market


@compiled
def open_breach(
    market: Market, loan: int, kind: int, cause: int, amount_usd: float, parent: int
) -> int:
    """Start a cure clock; returns the event."""
    today, parties, loans = market.today, market.parties, market.loans
    b = loans.borrower[loan]
    event = log_event(
        market, kind, cause, (b, today.first_lender + loans.lender[loan], loan), amount_usd, parent
    )
    loans.breach[loan] = cause
    loans.breach_day[loan] = today.day
    loans.breach_event[loan] = event
    parties.trail_event[b] = event
    return event


@compiled
def meet_call(market: Market, loan: int) -> None:
    """A margin call is met, by the borrower or by the price."""
    today, loans = market.today, market.loans
    log_event(
        market,
        Event.MARGIN_MET,
        loans.breach[loan],
        (loans.borrower[loan], today.first_lender + loans.lender[loan], loan),
        loans.principal_usd[loan],
        loans.breach_event[loan],
    )
    loans.breach[loan] = Cause.NONE
