"""Lenders that fail: who, what their creditors get, and what borrowers lose with them.

A sleeve of a larger firm that falls below its minimum is closed: no new credit, its inventory is
sold, its debts are paid by the parent. A firm closes it to save capital, so this is part of
``channels.lender_capital``. Others fail outright when capital is gone or when money asked back
cannot be paid (funds put up their gates instead). No channel stops that: who owes more than it
owns is wound up, by a shock from outside too, and what follows has channels of its own. Their
assets are sold and claims on them clear by :func:`market.clearing.vector.clear_csr`; creditors'
losses can bring down the next lender.
"""

from __future__ import annotations

import numpy as np

from ...agents.columns import Reals
from ...agents.compiling.arrays import total
from ...agents.compiling.kernels import compiled, inlined
from ...agents.party import Outside, Status
from ..clearing.vector import Realised, clear_csr
from ..debt.losses import charge_capital
from ..state.events import Cause, Event
from ..state.history import in_round, log_event
from ..state.ledger import DUST_USD, Account
from ..state.market import Market
from ..state.money import enter, pay
from .last_resort import lend_of_last_resort
from .lines import line_is_enforced


@compiled
def fail_lenders(market: Market, round_: int) -> int:
    """Close sleeves and fail lenders that must; returns how many failed outright this round."""
    rows = len(market.lenders.kind)
    for row in range(rows):
        if market.parties.made_whole[market.today.first_lender + row]:
            _make_whole(market, row)
        if _must_close(market, row):
            _close(market, row, round_)
    lend_of_last_resort(market)
    since = market.log.count[0]
    failed = 0
    for row in range(rows):
        if _must_fail(market, row):
            _declare(market, row, round_)
            failed += 1
    if failed > 0:
        _clear(market, since, round_)
    return failed


@inlined
def _must_close(market: Market, row: int) -> bool:
    """Whether a lender is an open sleeve whose capital ratio is below what its firm asks for."""
    lenders = market.lenders
    minimum = min(lenders.min_capital_ratio[row], 1.0 / lenders.target_leverage[row])
    assets = lenders.capital_usd[row] + lenders.funding_usd[row]
    return (
        market.terms.channels.lender_capital
        and market.parties.status[market.today.first_lender + row] == Status.ACTIVE
        and not market.parties.made_whole[market.today.first_lender + row]
        and lenders.sleeve[row]
        and lenders.closed_event[row] < 0
        and lenders.capital_usd[row] / max(assets, 1e-9) < minimum
    )


@compiled
def _make_whole(market: Market, row: int) -> None:
    """Keep a lender from failing: outside pays in what it has lost, and no funder hears of it."""
    lenders, lender = market.lenders, market.today.first_lender + row
    lost = lenders.capital_open_usd[row] - lenders.capital_usd[row]
    if lost > 0.0:
        pay(market, market.today.first_outside + Outside.INVESTORS, lender, lost)
        lenders.capital_usd[row] += lost
    lenders.news[row] = 0.0
    lenders.unpaid_run_usd[row] = 0.0
    lenders.line_open_day[row] = -1


@compiled
def _close(market: Market, row: int, round_: int) -> None:
    """Close a sleeve."""
    lenders = market.lenders
    who = (market.today.first_lender + row, -1, -1)
    event = log_event(
        market,
        Event.SLEEVE_CLOSED,
        Cause.LOSSES,
        who,
        lenders.loss_usd[row],
        lenders.worst_event[row],
    )
    in_round(market, event, round_)
    lenders.closed_event[row] = event
    lenders.supply_event[row] = event


@inlined
def _must_fail(market: Market, row: int) -> bool:
    """Whether a lender, no sleeve, has no capital, or cannot pay funders or a call on its lines."""
    lenders = market.lenders
    illiquid = lenders.unpaid_run_usd[row] > 1.0 and not lenders.redeemable[row]
    return (
        market.parties.status[market.today.first_lender + row] == Status.ACTIVE
        and not market.parties.made_whole[market.today.first_lender + row]
        and not lenders.sleeve[row]
        and (lenders.capital_usd[row] <= 0.0 or illiquid or line_is_enforced(market, row))
    )


@compiled
def _declare(market: Market, row: int, round_: int) -> None:
    """A failure enters the log; funders of similar lenders listen."""
    parties, lenders = market.parties, market.lenders
    party = market.today.first_lender + row
    illiquid = lenders.capital_usd[row] > 0.0
    event = log_event(
        market,
        Event.LENDER_FAILED,
        Cause.FUNDING if illiquid else Cause.LOSSES,
        (party, -1, -1),
        lenders.funding_usd[row],
        _why_illiquid(market, row) if illiquid else lenders.worst_event[row],
    )
    in_round(market, event, round_)
    parties.status[party] = Status.DEFAULTED
    parties.default_day[party] = market.today.day
    parties.default_event[party] = event
    lenders.supply_event[row] = event
    for other in range(len(lenders.kind)):
        if other == row or lenders.kind[other] != lenders.kind[row]:
            continue
        if not market.terms.channels.lender_distress:
            continue
        lenders.news[other] += market.terms.lenders.similar_failure_news
        if lenders.worst_event[other] < 0:
            lenders.worst_event[other] = event


@inlined
def _why_illiquid(market: Market, row: int) -> int:
    """The call or the run that a lender could not pay."""
    if line_is_enforced(market, row):
        return int(market.lenders.line_event[row])
    return int(market.lenders.run_event[row])


@compiled
def _clear(market: Market, since: int, round_: int) -> None:
    """Sell what lenders own that failed since an event, pay their creditors, pass on the loss.

    Creditors get the clearing vector. Lenders that stand pay in full here: whether they can is
    decided in the next round, on their own books. Sale and bankruptcy take their cost from the
    failed before anything is shared.
    """
    lenders, claims, loans = market.lenders, market.interlender, market.loans
    first, count = market.today.first_lender, len(lenders.kind)
    default_event = market.parties.default_event[first : first + count]
    for loan in range(len(loans.lender)):
        ends = market.terms.channels.lender_distress
        if ends and default_event[loans.lender[loan]] >= since:
            loans.undrawn_usd[loan] = 0.0  # their promises end
    due = _claims_kept(market)
    realised_share = market.terms.lenders.interlender_realised_share
    outside, assets, cost = np.empty(count), np.empty(count), np.empty(count)
    obligations = np.empty(count)
    for row in range(count):
        party = first + row
        owed = total(claims.amount_usd[claims.first[row] : claims.first[row + 1]])
        outside[row] = max(lenders.funding_usd[row] - owed, 0.0)
        obligations[row] = owed + outside[row]
        net_book = net_book_usd(market, row)
        external = market.parties.cash_usd[party] + lenders.other_loans_usd[row] - due[row]
        external += net_book
        cost[row] = (1.0 - market.terms.lenders.realised_share) * max(external, 0.0)
        stands = market.parties.status[party] == Status.ACTIVE
        assets[row] = obligations[row] + 1.0 if stands else external - cost[row]
    realised = Realised(1.0, realised_share)
    payments, insolvent, _ = clear_csr(
        claims.first, claims.creditor, claims.amount_usd, assets, outside, realised
    )
    share, received = np.ones(count), np.zeros(count)
    for row in range(count):
        if obligations[row] > 0.0:
            share[row] = payments[row] / obligations[row]
        for entry in range(claims.first[row], claims.first[row + 1]):
            received[claims.creditor[entry]] += share[row] * claims.amount_usd[entry]
    for row in range(count):
        if default_event[row] >= since:
            _pay_lenders(market, row, share[row], round_)
    for row in range(count):
        if default_event[row] >= since:
            if insolvent[row]:
                cost[row] += (1.0 - realised_share) * received[row]
            _wind_up(market, row, share[row], outside[row], cost[row])


@inlined
def net_book_usd(market: Market, row: int) -> float:
    """Loans of this market, net of write-downs and provisions [USD]."""
    lenders = market.lenders
    return lenders.book_usd[row] - lenders.written_down_usd[row] - lenders.provision_usd[row]


@compiled
def _claims_kept(market: Market) -> Reals:
    """Claims on lenders that are still their creditors', by creditor [USD]; the others are gone.

    Who sold other loans has sold claims beyond what is left of these.
    """
    lenders, claims = market.lenders, market.interlender
    due, kept = np.zeros(len(lenders.kind)), np.ones(len(lenders.kind))
    for entry in range(len(claims.creditor)):
        due[claims.creditor[entry]] += claims.amount_usd[entry]
    for row in range(len(due)):
        held = max(lenders.other_loans_usd[row], 0.0)
        if due[row] > held:
            kept[row] = held / due[row]
    for entry in range(len(claims.creditor)):
        claims.amount_usd[entry] *= kept[claims.creditor[entry]]
    return due * kept


@compiled
def _pay_lenders(market: Market, row: int, share: float, round_: int) -> None:
    """Pay other lenders their share of what a failed one owes them."""
    claims, first = market.interlender, market.today.first_lender
    for entry in range(claims.first[row], claims.first[row + 1]):
        creditor, amount = claims.creditor[entry], claims.amount_usd[entry]
        if amount > 0.0:
            pay(market, first + row, first + creditor, share * amount)
            _creditor_loses(market, row, creditor, amount, (1.0 - share) * amount, round_)
        claims.amount_usd[entry] = 0.0


@compiled
def _wind_up(market: Market, row: int, share: float, outside_usd: float, cost_usd: float) -> None:
    """Settle one failed lender: investors buy its loans, creditors outside are paid their share.

    What is left goes to its owners. The row goes on as the investors' servicer of those loans,
    without capital or appetite.
    """
    today, lenders, claims = market.today, market.lenders, market.interlender
    party = today.first_lender + row
    investors = today.first_outside + Outside.INVESTORS
    book = net_book_usd(market, row)
    pay(market, investors, party, lenders.other_loans_usd[row] + book)
    pay(market, party, today.first_outside + Outside.COURTS, cost_usd)
    public = min(lenders.last_resort_usd[row], outside_usd)
    pay(market, party, today.first_outside + Outside.AUTHORITY, share * public)
    enter(market, Account.REPAID, share * public)
    enter(market, Account.LOST, lenders.last_resort_usd[row] - share * public)
    lenders.last_resort_usd[row] = 0.0
    pay(market, party, investors, share * (outside_usd - public))
    market.prices.depositor_loss_usd += (1.0 - share) * (outside_usd - public)
    pay(market, party, investors, market.parties.cash_usd[party])  # its owners
    for entry in range(len(claims.creditor)):
        if claims.creditor[entry] == row:  # passes to investors with the rest of its loans
            claims.amount_usd[entry] = 0.0
    lenders.other_loans_usd[row] = 0.0
    lenders.capital_usd[row] = 0.0
    lenders.funding_usd[row] = book


@compiled
def _creditor_loses(
    market: Market, row: int, creditor: int, amount_usd: float, lost_usd: float, round_: int
) -> None:
    """A claim on a failed lender is gone; with the channel off somebody else makes it good."""
    today, lenders = market.today, market.lenders
    failed, lender = today.first_lender + row, today.first_lender + creditor
    lenders.other_loans_usd[creditor] -= amount_usd
    if not market.terms.channels.interlender:
        pay(market, today.first_outside + Outside.INVESTORS, lender, lost_usd)
        return
    lenders.interlender_loss_usd[creditor] += lost_usd
    if lost_usd <= DUST_USD:  # paid in full but for rounding: no news
        charge_capital(market, creditor, lost_usd, lenders.worst_event[creditor])
        return
    event = log_event(
        market,
        Event.INTERLENDER_LOSS,
        Cause.LOSSES,
        (lender, failed, -1),
        lost_usd,
        market.parties.default_event[failed],
    )
    in_round(market, event, round_)
    if lost_usd > lenders.worst_usd[creditor]:
        lenders.worst_usd[creditor] = lost_usd
        lenders.worst_event[creditor] = event
    charge_capital(market, creditor, lost_usd, event)
