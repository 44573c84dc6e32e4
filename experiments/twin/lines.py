"""Margined lines between lenders: what secures them, calls, and who does not meet one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.debt.underwriting import WEEK_DAYS
from ...market.state.events import Cause, Event
from ...market.state.ledger import DUST_USD
from ...market.state.loans import LoanStatus
from .rules import line_call_usd, stressed_advance

if TYPE_CHECKING:
    from .lender import Lender
    from .loan import Loan
    from .model import TwinMarket


def owed_usd(lender: Lender) -> float:
    """What it owes on margined lines."""
    return sum(debt.amount_usd for debt in lender.debts if debt.margined)


def repay(lender: Lender, amount_usd: float) -> None:
    """Repay margined lines in proportion to what each is owed."""
    owed = owed_usd(lender)
    if owed <= 0.0 or amount_usd <= 0.0:
        return
    for debt in lender.debts:
        if debt.margined:
            part = amount_usd * (debt.amount_usd / owed)
            lender.pay(debt.creditor, part)
            debt.amount_usd = max(0.0, debt.amount_usd - part)
            debt.creditor.other_loans_usd -= part
    lender.funding_usd -= amount_usd


def repay_funding(lender: Lender, amount_usd: float) -> None:
    """Repay funders: margined lines their part, the rest goes outside."""
    owed, funding, to_lines = owed_usd(lender), lender.funding_usd, 0.0
    if owed > 0.0 and funding > 0.0:
        to_lines = min(owed, amount_usd * min(1.0, owed / funding))
        repay(lender, to_lines)
    lender.pay(lender.model.investors, amount_usd - to_lines)
    lender.funding_usd -= amount_usd - to_lines


def call_lines(market: TwinMarket) -> float:
    """Once a week lines are called and paid down; returns other loans sold [USD]."""
    if not market.terms.channels.warehouse_margin or market.day % WEEK_DAYS != 0:
        return 0.0
    eligible = {lender: _eligible_usd(lender) for lender in market.lenders}
    return sum(_call(lender, eligible[lender]) for lender in market.lenders)


def _eligible_usd(lender: Lender) -> float:
    """Cash, other loans, and sound loans of this market at their marks."""
    value = max(0.0, lender.cash_usd) + lender.other_loans_usd
    for loan in lender.loans:
        if loan.status is LoanStatus.PERFORMING and _is_sound(loan):
            value += loan.principal_usd - loan.provision_usd
    return value


def _is_sound(loan: Loan) -> bool:
    arrears = loan.arrears_interest_usd + loan.arrears_principal_usd
    weak = loan.lock_up or loan.waivers > 0 or arrears > 0.0
    return loan.breach is Cause.NONE and not weak


def _call(lender: Lender, eligible_usd: float) -> float:
    market, advance = lender.model, lender.line_advance
    if advance <= 0.0 or lender.status is not Status.ACTIVE:
        return 0.0
    cushion = 0.0 if lender.line_open_day >= 0 else market.terms.lenders.line_cushion
    advance = stressed_advance(advance, market.prices.stress, market.terms.macro.advance_loading)
    call = line_call_usd(owed_usd(lender), eligible_usd, advance, cushion)
    if call <= DUST_USD:
        lender.line_open_day = -1
        return 0.0
    cash = min(call, max(0.0, lender.cash_usd))
    sale = min(call - cash, max(0.0, lender.other_loans_usd))
    lender.other_loans_usd -= sale
    lender.sold_loans_usd += sale
    market.investors.pay(lender, sale)
    repay(lender, cash + sale)
    if call - cash - sale <= DUST_USD:
        lender.line_open_day = -1
    elif lender.line_open_day < 0:
        lender.line_open_day = market.day
    event = lender.line_event
    if event is not None and market.same_episode(event):
        event.amount_usd += call
    else:
        lender.line_event = market.note(
            Event.LINE_CALLED, Cause.LOSSES, lender, None, None, call, lender.worst_event
        )
    return sale


def is_enforced(lender: Lender) -> bool:
    """Whether a call has been open for longer than it may."""
    since = lender.line_open_day
    return since >= 0 and lender.model.day >= since + lender.model.terms.lenders.line_cure_days
