"""Margined lines between lenders: warehouses, lines on a fund's assets, prime brokers.

Such a line is an advance on what its debtor owns: six or seven tenths of it in warehouses and with
prime brokers. Once a week that is counted again at the debtor's own marks; loans in breach, in
lock-up, in arrears or waived no longer count, as in any borrowing base. When the line is too large
for what is left, its lenders call: cash pays, then other loans are sold. Who cannot pay gives no
credit, and fails when the time to pay is over.
"""

from __future__ import annotations

from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.funding import line_call_usd, stressed_advance
from ...agents.party import Outside, Status
from ..debt.underwriting import WEEK_DAYS
from ..state.events import Cause, Event
from ..state.history import log_event, same_episode
from ..state.ledger import DUST_USD
from ..state.loans import LoanStatus
from ..state.market import Market
from ..state.money import pay


@inlined
def lines_usd(market: Market, row: int) -> float:
    """What a lender owes on margined lines [USD]."""
    claims = market.interlender
    owed = 0.0
    for entry in range(claims.first[row], claims.first[row + 1]):
        if claims.margined[entry]:
            owed += claims.amount_usd[entry]
    return owed


@compiled
def repay_funding(market: Market, row: int, amount_usd: float) -> None:
    """Repay funders in proportion to what they are owed: margined lines, and all others outside.

    Claims of other lenders without margin run to their end.
    """
    today, lenders = market.today, market.lenders
    lender = today.first_lender + row
    owed, funding = lines_usd(market, row), lenders.funding_usd[row]
    to_lines = 0.0
    if owed > 0.0 and funding > 0.0:
        to_lines = min(owed, amount_usd * min(1.0, owed / funding))
        repay_lines(market, row, to_lines)
    pay(market, lender, today.first_outside + Outside.INVESTORS, amount_usd - to_lines)
    lenders.funding_usd[row] -= amount_usd - to_lines


@compiled
def repay_lines(market: Market, row: int, amount_usd: float) -> None:
    """Repay margined lines in proportion to what each is owed."""
    today, lenders, claims = market.today, market.lenders, market.interlender
    owed = lines_usd(market, row)
    if owed <= 0.0 or amount_usd <= 0.0:
        return
    for entry in range(claims.first[row], claims.first[row + 1]):
        if not claims.margined[entry]:
            continue
        creditor = claims.creditor[entry]
        part = amount_usd * (claims.amount_usd[entry] / owed)
        pay(market, today.first_lender + row, today.first_lender + creditor, part)
        claims.amount_usd[entry] = max(0.0, claims.amount_usd[entry] - part)
        lenders.other_loans_usd[creditor] -= part
    lenders.funding_usd[row] -= amount_usd


@compiled
def open_advances(market: Market) -> None:
    """What lines to each lender advance at most: by contract, or what they did at the opening.

    Most funds have drawn far less than that: a call needs collateral that is gone.
    """
    lenders, contract = market.lenders, market.terms.lenders.line_advance_rate
    eligible = eligible_usd(market)
    for row in range(len(eligible)):
        owed = lines_usd(market, row)
        if owed > 0.0:
            drawn = min(1.0, owed / eligible[row]) if eligible[row] > 0.0 else 1.0
            lenders.line_advance[row] = max(contract, drawn)


@compiled
def eligible_usd(market: Market) -> Reals:
    """What secures lines, by lender [USD]: cash, other loans, sound loans here at their marks."""
    lenders, loans = market.lenders, market.loans
    eligible = lenders.other_loans_usd.copy()
    for row in range(len(eligible)):
        eligible[row] += max(0.0, market.parties.cash_usd[market.today.first_lender + row])
    for loan in range(len(loans.status)):
        if (
            loans.status[loan] == LoanStatus.PERFORMING
            and loans.breach[loan] == Cause.NONE
            and not loans.lock_up[loan]
            and loans.waivers[loan] == 0
            and loans.arrears_interest_usd[loan] + loans.arrears_principal_usd[loan] <= 0.0
        ):
            value = loans.principal_usd[loan] - loans.provision_usd[loan]
            eligible[loans.lender[loan]] += value
    return eligible


@compiled
def call_lines(market: Market) -> float:
    """Once a week: lines are called and paid down as far as they can; returns loans sold [USD]."""
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    if not terms.channels.warehouse_margin or today.day % WEEK_DAYS != 0:
        return 0.0
    eligible = eligible_usd(market)
    sold = 0.0
    for row in range(len(eligible)):
        lender = today.first_lender + row
        advance = lenders.line_advance[row]
        if advance <= 0.0 or parties.status[lender] != Status.ACTIVE:
            continue
        cushion = 0.0 if lenders.line_open_day[row] >= 0 else terms.lenders.line_cushion
        advance = stressed_advance(advance, market.prices.stress, terms.macro.advance_loading)
        call = line_call_usd(lines_usd(market, row), eligible[row], advance, cushion)
        if call <= DUST_USD:
            lenders.line_open_day[row] = -1
            continue
        cash = min(call, max(0.0, parties.cash_usd[lender]))
        sale = min(call - cash, max(0.0, lenders.other_loans_usd[row]))
        lenders.other_loans_usd[row] -= sale
        lenders.sold_loans_usd[row] += sale
        sold += sale
        pay(market, today.first_outside + Outside.INVESTORS, lender, sale)
        repay_lines(market, row, cash + sale)
        if call - cash - sale <= DUST_USD:
            lenders.line_open_day[row] = -1
        elif lenders.line_open_day[row] < 0:
            lenders.line_open_day[row] = today.day
        _note_call(market, row, call)
    return sold


@compiled
def _note_call(market: Market, row: int, call_usd: float) -> None:
    """Calls of one month are one event."""
    lenders, log = market.lenders, market.log
    last = lenders.line_event[row]
    if same_episode(market, last):
        log.events[last]["amount_usd"] += call_usd
        return
    lenders.line_event[row] = log_event(
        market,
        Event.LINE_CALLED,
        Cause.LOSSES,
        (market.today.first_lender + row, -1, -1),
        call_usd,
        lenders.worst_event[row],
    )


@inlined
def line_is_enforced(market: Market, row: int) -> bool:
    """Whether a lender has not met a call in the time it had."""
    since = market.lenders.line_open_day[row]
    return since >= 0 and market.today.day >= since + market.terms.lenders.line_cure_days
