"""Committed lines that their lender stops: revolvers, delayed draws, facilities for growth.

Whoever has promised to lend may refuse once the borrower has changed for the worse
(:mod:`agents.commitment`). The first refusal of a draw that would have been made is an event; the
next draw ends it. With ``channels.material_change`` off only a breach of the line itself stops it.
"""

from __future__ import annotations

from ...agents.commitment import stops_drawing
from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Status
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.loans import LoanStatus
from ..state.market import Market


@inlined
def _coverage_is_short(market: Market, loan: int) -> bool:
    """Whether the last test of a loan's coverage was below its covenant, waived or not."""
    loans, perimeter = market.loans, market.loans.perimeter[loan]
    if perimeter < 0 or market.today.day < loans.dscr_test_day[loan]:
        return False
    least: float = loans.sheets.min_dscr[loans.sheet[loan]]
    short: bool = market.perimeters.dscr[perimeter] < least  # never where either is not known
    return short


@inlined
def _default_in_group(market: Market, b: int) -> int:
    """Cause of a default of a borrower or of the firm that owns it, NONE if there is none.

    A missed payment, a broken covenant, a vehicle of its own that has failed; a margin call that
    may still be met is none.
    """
    parties, loans = market.parties, market.loans
    owner = parties.parent[b]
    if owner >= 0 and parties.status[owner] != Status.ACTIVE:
        return Cause.PARENT_FAILED.value
    for loan in range(loans.first[b], loans.first[b + 1]):
        if loans.status[loan] == LoanStatus.DEFAULTED:
            return Cause.CROSS_DEFAULT.value
        if loans.status[loan] == LoanStatus.PERFORMING:
            breach = loans.breach[loan]
            if breach != Cause.NONE and breach != Cause.BTC_PRICE:
                return int(breach) + 0
    return Cause.NONE.value


@compiled
def stop_cause(market: Market, loan: int) -> int:
    """Why nothing may be drawn today on a line whose own terms are met; NONE if it may."""
    if not market.terms.channels.material_change:
        return Cause.NONE.value
    loans = market.loans
    b, supply = loans.borrower[loan], market.lenders.supply[loans.lender[loan]]
    cause = _default_in_group(market, b)
    weakened = False
    for other in range(loans.first[b], loans.first[b + 1]):
        if loans.status[other] == LoanStatus.PERFORMING:
            weakened = weakened or _coverage_is_short(market, other)
    if not stops_drawing(cause != Cause.NONE, weakened, supply):
        return Cause.NONE.value
    if cause == Cause.NONE:
        cause = Cause.CREDIT_SUPPLY.value if supply <= 0.0 else Cause.DSCR.value
    return cause


@inlined
def is_open(market: Market, loan: int) -> bool:
    """Whether a line may be drawn, as far as its borrower's and its lender's state goes."""
    performs = market.loans.status[loan] == LoanStatus.PERFORMING
    sound = performs and market.loans.breach[loan] == Cause.NONE
    return sound and stop_cause(market, loan) == Cause.NONE


@compiled
def note_stop(market: Market, loan: int) -> None:
    """A draw that would be made is refused: enters the log once until the line is drawn again."""
    loans, parties, lenders = market.loans, market.parties, market.lenders
    if loans.stop_event[loan] >= 0:
        return
    cause = stop_cause(market, loan)
    if cause == Cause.NONE:
        return
    b, row = loans.borrower[loan], loans.lender[loan]
    parent = parties.trail_event[b]
    if cause == Cause.CREDIT_SUPPLY:
        parent = lenders.supply_event[row]
    elif cause == Cause.PARENT_FAILED:
        parent = parties.default_event[parties.parent[b]]
    who = (b, market.today.first_lender + row, loan)
    event = log_event(market, Event.LINE_STOPPED, cause, who, loans.undrawn_usd[loan], parent)
    loans.stop_event[loan] = event
    parties.trail_event[b] = event
