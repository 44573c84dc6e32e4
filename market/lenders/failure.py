"""Lenders that fail: who, what their creditors get, and what borrowers lose with them.

A sleeve of a larger firm that falls below its minimum is closed: no new credit, its inventory is
sold, its debts are paid by the parent. Others fail outright when capital is gone or when money
asked back cannot be paid (funds put up their gates instead). Their assets are sold and claims on
them clear by :func:`market.clearing.vector.clear_csr`; creditors' losses can bring down the next
lender.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import entrance
from ...agents.party import Outside, Status
from ..clearing.vector import clear_csr
from ..debt.losses import charge_capital
from ..state.events import Cause, Event
from ..state.history import in_round, log_event
from ..state.market import Market
from ..state.money import pay


def fail_lenders(market: Market, round_: int) -> int:
    """Close sleeves and fail lenders that must; returns how many failed outright this round."""
    lenders, first = market.lenders, market.first_lender
    for row in closing(market).tolist():
        event = log_event(
            market,
            Event.SLEEVE_CLOSED,
            Cause.LOSSES,
            (first + row, -1, -1),
            float(lenders.loss_usd[row]),
            int(lenders.worst_event[row]),
        )
        in_round(market, event, round_)
        lenders.closed_event[row] = lenders.supply_event[row] = event
    _lend_of_last_resort(market)
    rows = failing(market)
    for row in rows.tolist():
        _declare(market, row, bool(lenders.capital_usd[row] > 0.0), round_)
    if len(rows):
        gone = np.isin(np.arange(len(lenders.kind)), rows)
        market.loans.undrawn_usd[gone[market.loans.lender]] = 0.0  # their promises end
        _clear(market, rows, round_)
    return len(rows)


@entrance
def closing(market: Market) -> np.ndarray:
    """Sleeves whose capital ratio is below its minimum and that are still open: rows."""
    today = market.today
    lenders, status, first = market.lenders, market.parties.status, today.first_lender
    rows = np.empty(len(lenders.kind), np.int64)
    found = 0
    for row in range(len(lenders.kind)):
        minimum = min(lenders.min_capital_ratio[row], 1.0 / lenders.target_leverage[row])
        assets = lenders.capital_usd[row] + lenders.funding_usd[row]
        if (
            status[first + row] == Status.ACTIVE
            and lenders.sleeve[row]
            and lenders.closed_event[row] < 0
            and lenders.capital_usd[row] / max(assets, 1e-9) < minimum
        ):
            rows[found] = row
            found += 1
    return rows[:found]


@entrance
def failing(market: Market) -> np.ndarray:
    """Lenders, no sleeves, without capital or that cannot pay what is asked back today: rows."""
    today = market.today
    lenders, status, first = market.lenders, market.parties.status, today.first_lender
    rows = np.empty(len(lenders.kind), np.int64)
    found = 0
    for row in range(len(lenders.kind)):
        if status[first + row] != Status.ACTIVE or lenders.sleeve[row]:
            continue
        illiquid = lenders.unpaid_run_usd[row] > 1.0 and not lenders.redeemable[row]
        if lenders.capital_usd[row] <= 0.0 or illiquid:
            rows[found] = row
            found += 1
    return rows[:found]


def _lend_of_last_resort(market: Market) -> None:
    """A public lender replaces the funding that left and could not be paid, up to its purse."""
    lenders = market.lenders
    if market.scenario.policy.lender_of_last_resort_usd <= market.prices.policy_lent_usd:
        return
    for row in np.flatnonzero(lenders.unpaid_run_usd > 0.0).tolist():
        left = market.scenario.policy.lender_of_last_resort_usd - market.prices.policy_lent_usd
        lent = min(left, float(lenders.unpaid_run_usd[row]))
        if lent > 0.0:  # funders are paid by the authority, which is now the creditor
            market.prices.policy_lent_usd += lent
            lenders.unpaid_run_usd[row] -= lent


def _declare(market: Market, row: int, illiquid: bool, round_: int) -> None:
    """A failure enters the log; funders of similar lenders listen."""
    lenders = market.lenders
    party = market.first_lender + row
    parent = int(lenders.run_event[row] if illiquid else lenders.worst_event[row])
    event = log_event(
        market,
        Event.LENDER_FAILED,
        Cause.FUNDING if illiquid else Cause.LOSSES,
        (party, -1, -1),
        float(lenders.funding_usd[row]),
        parent,
    )
    in_round(market, event, round_)
    market.parties.status[party] = Status.DEFAULTED
    market.parties.default_day[party] = market.day
    market.parties.default_event[party] = event
    lenders.supply_event[row] = event
    similar = (lenders.kind == lenders.kind[row]) & (np.arange(len(lenders.kind)) != row)
    lenders.news[similar] += market.scenario.lenders.similar_failure_news
    quiet = similar & (lenders.worst_event < 0)
    lenders.worst_event[quiet] = event


def _clear(market: Market, failed: NDArray[np.int64], round_: int) -> None:
    """Sell what the failed own, pay their creditors the clearing vector, pass on the loss.

    Lenders that stand pay in full here: whether they can is decided in the next round, on their own
    books. Sale and bankruptcy take their cost from the failed before anything is shared.
    """
    lenders, claims = market.lenders, market.interlender
    settings = market.scenario.lenders
    count, first = len(lenders.kind), market.first_lender
    due = np.bincount(claims.creditor, weights=claims.amount_usd, minlength=count)
    held = np.maximum(lenders.other_loans_usd, 0.0)  # claims beyond that were sold with other loans
    kept = np.divide(held, due, out=np.ones(count), where=due > held)
    claims.amount_usd[:] *= kept[claims.creditor]
    due = due * kept
    owed = np.zeros(count)
    for row in range(count):
        owed[row] = claims.amount_usd[claims.first[row] : claims.first[row + 1]].sum()
    cash = market.parties.cash_usd[first : first + count]
    net_book = lenders.book_usd - lenders.written_down_usd
    external = cash + lenders.other_loans_usd - due + net_book
    outside = np.maximum(lenders.funding_usd - owed, 0.0)
    obligations = owed + outside
    cost = (1.0 - settings.realised_share) * np.maximum(external, 0.0)
    standing = market.parties.status[first : first + count] == Status.ACTIVE
    assets = np.where(standing, obligations + 1.0, external - cost)
    payments, insolvent, _ = clear_csr(
        claims.first,
        claims.creditor,
        claims.amount_usd,
        assets,
        outside,
        1.0,
        settings.interlender_realised_share,
    )
    share = np.divide(payments, obligations, out=np.ones(count), where=obligations > 0.0)
    debtor = np.repeat(np.arange(count), np.diff(claims.first))
    paid = share[debtor] * claims.amount_usd
    received = np.bincount(claims.creditor, weights=paid, minlength=count)
    cost += np.where(insolvent, (1.0 - settings.interlender_realised_share) * received, 0.0)
    for row in failed.tolist():
        _pay_lenders(market, row, float(share[row]), round_)
    for row in failed.tolist():
        _wind_up(market, row, float(share[row]), float(outside[row]), float(cost[row]))


def _pay_lenders(market: Market, row: int, share: float, round_: int) -> None:
    """Pay other lenders their share of what a failed one owes them."""
    claims = market.interlender
    for entry in range(int(claims.first[row]), int(claims.first[row + 1])):
        creditor, amount = int(claims.creditor[entry]), float(claims.amount_usd[entry])
        if amount > 0.0:
            pay(market, market.first_lender + row, market.first_lender + creditor, share * amount)
            _creditor_loses(market, row, creditor, amount, (1.0 - share) * amount, round_)
        claims.amount_usd[entry] = 0.0


def _wind_up(market: Market, row: int, share: float, outside_usd: float, cost_usd: float) -> None:
    """Settle one failed lender: investors buy its loans, creditors outside are paid their share.

    What is left goes to its owners. The row goes on as the investors' servicer of those loans,
    without capital or appetite.
    """
    lenders, claims = market.lenders, market.interlender
    party = market.first_lender + row
    investors, courts = (
        market.first_outside + Outside.INVESTORS,
        market.first_outside + Outside.COURTS,
    )
    book = float(lenders.book_usd[row] - lenders.written_down_usd[row])
    pay(market, investors, party, float(lenders.other_loans_usd[row]) + book)
    pay(market, party, courts, cost_usd)
    pay(market, party, investors, share * outside_usd)
    market.depositor_loss_usd += (1.0 - share) * outside_usd
    pay(market, party, investors, float(market.parties.cash_usd[party]))  # its owners
    # Its claims on other lenders pass to investors with the rest of its loans.
    claims.amount_usd[claims.creditor == row] = 0.0
    lenders.other_loans_usd[row] = 0.0
    lenders.capital_usd[row] = 0.0
    lenders.funding_usd[row] = book


def _creditor_loses(
    market: Market, row: int, creditor: int, amount_usd: float, lost_usd: float, round_: int
) -> None:
    """A claim on a failed lender is gone; with the channel off somebody else makes it good."""
    lenders = market.lenders
    lender = market.first_lender + creditor
    lenders.other_loans_usd[creditor] -= amount_usd
    if not market.scenario.channels.interlender:
        pay(market, market.first_outside + Outside.INVESTORS, lender, lost_usd)
        return
    lenders.interlender_loss_usd[creditor] += lost_usd
    event = log_event(
        market,
        Event.INTERLENDER_LOSS,
        Cause.LOSSES,
        (lender, market.first_lender + row, -1),
        lost_usd,
        int(market.parties.default_event[market.first_lender + row]),
    )
    in_round(market, event, round_)
    if lost_usd > lenders.worst_usd[creditor]:
        lenders.worst_usd[creditor] = lost_usd
        lenders.worst_event[creditor] = event
    charge_capital(market, creditor, lost_usd, event)
