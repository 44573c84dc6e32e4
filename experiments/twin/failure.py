"""Lenders that fail: sleeves that close, creditors that are paid their share, losses passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...agents.party import Status
from ...market.clearing.vector import clearing_vector
from ...market.state.events import Cause, Event
from ...market.state.ledger import DUST_USD, Account
from . import lines

if TYPE_CHECKING:
    from .lender import Lender
    from .model import TwinMarket
    from .things import Entry


def fail_lenders(market: TwinMarket, round_: int) -> int:
    """Close sleeves and fail lenders that must; returns how many failed outright this round."""
    for lender in market.lenders:
        if lender.made_whole:
            _make_whole(lender)
    active = [
        lender
        for lender in market.lenders
        if lender.status is Status.ACTIVE and not lender.made_whole
    ]
    closes = market.settings.channels.lender_capital
    for lender in active:
        if closes and lender.sleeve and lender.closed_event is None:
            assets = lender.capital_usd + lender.funding_usd
            if lender.capital_usd / max(assets, 1e-9) < lender.least_ratio():
                _close_sleeve(lender, round_)
    _lend_of_last_resort(market)
    failing = [
        (lender, _is_illiquid(lender) and lender.capital_usd > 0.0)
        for lender in active
        if not lender.sleeve and (lender.capital_usd <= 0.0 or _is_illiquid(lender))
    ]
    for lender, illiquid in failing:
        _declare(lender, illiquid, round_)
    if failing:
        _clear(market, [lender for lender, _ in failing], round_)
    return len(failing)


def _make_whole(lender: Lender) -> None:
    """Outside pays in what it has lost."""
    lost = max(0.0, lender.capital_open_usd - lender.capital_usd)
    lender.model.investors.pay(lender, lost)
    lender.capital_usd += lost
    lender.news = lender.unpaid_run_usd = 0.0
    lender.line_open_day = -1


def _is_illiquid(lender: Lender) -> bool:
    """Money asked back, or called on its lines, was not paid; funds put up gates to the first."""
    run = lender.unpaid_run_usd > 1.0 and not lender.redeemable
    return run or lines.is_enforced(lender)


def _close_sleeve(lender: Lender, round_: int) -> None:
    lender.closed_event = lender.supply_event = lender.model.note(
        Event.SLEEVE_CLOSED,
        Cause.LOSSES,
        lender,
        None,
        None,
        lender.loss_usd,
        lender.worst_event,
        round_,
    )


def _lend_of_last_resort(market: TwinMarket) -> None:
    """A public lender replaces the funding that left and could not be paid, up to its purse."""
    for lender in market.lenders:
        owed = market.accounts[Account.LENT] - market.accounts[Account.REPAID]
        left = market.settings.policy.lender_of_last_resort_usd - owed
        lent = min(left, lender.unpaid_run_usd)
        if (
            lent > 0.0 and lender.status is Status.ACTIVE
        ):  # funders are paid by the authority, which is now the creditor
            market.authority.pay(market.investors, lent)
            market.accounts[Account.LENT] += lent
            lender.owe_authority(lent)


def _declare(lender: Lender, illiquid: bool, round_: int) -> None:
    """A failure enters the log; the lender's promises end, and funders of similar ones listen."""
    market = lender.model
    event = market.note(
        Event.LENDER_FAILED,
        Cause.FUNDING if illiquid else Cause.LOSSES,
        lender,
        None,
        None,
        lender.funding_usd,
        _why_illiquid(lender) if illiquid else lender.worst_event,
        round_,
    )
    lender.status = Status.DEFAULTED
    lender.default_day = market.day
    lender.default_event = lender.supply_event = event
    if not market.terms.channels.lender_distress:
        return
    for loan in lender.loans:
        loan.undrawn_usd = 0.0
    for other in market.lenders:
        if other.kind is lender.kind and other is not lender:
            other.news += market.settings.lenders.similar_failure_news
            if other.worst_event is None:
                other.worst_event = event


def _why_illiquid(lender: Lender) -> Entry | None:
    return lender.line_event if lines.is_enforced(lender) else lender.run_event


def _clear(market: TwinMarket, failed: list[Lender], round_: int) -> None:
    """Sell what the failed own, pay their creditors the clearing vector, pass on the loss.

    Lenders that stand pay in full here: whether they can is decided in the next round, on their own
    books. Sale and bankruptcy take their cost from the failed before anything is shared.
    """
    settings, lenders = market.settings.lenders, market.lenders
    place = {lender: i for i, lender in enumerate(lenders)}
    due = _keep_claims_within_books(market)
    owed = np.zeros((len(lenders), len(lenders)))
    outside, external, cost = [], [], []
    for i, lender in enumerate(lenders):
        for claim in lender.debts:
            owed[i, place[claim.creditor]] += claim.amount_usd
        outside.append(max(lender.funding_usd - sum(c.amount_usd for c in lender.debts), 0.0))
        net_book = lender.book_usd - lender.written_down_usd - lender.provision_usd
        assets = lender.cash_usd + lender.other_loans_usd - due[lender] + net_book
        cost.append((1.0 - settings.realised_share) * max(assets, 0.0))
        if lender.status is Status.ACTIVE:
            assets = owed[i].sum() + outside[i] + 1.0
        else:
            assets -= cost[i]
        external.append(assets)
    realised = settings.interlender_realised_share
    cleared = clearing_vector(owed, external, external_liabilities=outside, beta=realised)
    obligations = owed.sum(axis=1) + outside
    share = [float(p / o) if o > 0.0 else 1.0 for p, o in zip(cleared.payments, obligations)]
    received = np.array(share) @ owed
    for i in np.flatnonzero(cleared.defaulted).tolist():
        cost[i] += (1.0 - realised) * float(received[i])
    for lender in failed:
        _pay_lenders(lender, share[place[lender]], round_)
    for lender in failed:
        i = place[lender]
        _wind_up(lender, share[i], outside[i], cost[i])


def _keep_claims_within_books(market: TwinMarket) -> dict[Lender, float]:
    """Claims beyond a lender's other loans were sold with these; returns what each is due."""
    due = dict.fromkeys(market.lenders, 0.0)
    claims = [claim for lender in market.lenders for claim in lender.debts]
    for claim in claims:
        due[claim.creditor] += claim.amount_usd
    kept = {}
    for lender, amount in due.items():
        held = max(lender.other_loans_usd, 0.0)
        kept[lender] = held / amount if amount > held else 1.0
        due[lender] = amount * kept[lender]
    for claim in claims:
        claim.amount_usd *= kept[claim.creditor]
    return due


def _pay_lenders(lender: Lender, share: float, round_: int) -> None:
    """Pay other lenders their share of what a failed one owes them."""
    for claim in lender.debts:
        amount = claim.amount_usd
        if amount > 0.0:
            lender.pay(claim.creditor, share * amount)
            _lose_claim(claim.creditor, lender, amount, (1.0 - share) * amount, round_)
        claim.amount_usd = 0.0


def _lose_claim(
    creditor: Lender, failed: Lender, amount_usd: float, lost_usd: float, round_: int
) -> None:
    """A claim on a failed lender is gone; with the channel off somebody else makes it good."""
    market = creditor.model
    creditor.other_loans_usd -= amount_usd
    if not market.settings.channels.interlender:
        market.investors.pay(creditor, lost_usd)
        return
    creditor.interlender_loss_usd += lost_usd
    if lost_usd <= DUST_USD:
        creditor.charge_capital(lost_usd, creditor.worst_event)
        return
    event = market.note(
        Event.INTERLENDER_LOSS,
        Cause.LOSSES,
        creditor,
        failed,
        None,
        lost_usd,
        failed.default_event,
        round_,
    )
    creditor.remember_loss(lost_usd, event)
    creditor.charge_capital(lost_usd, event)


def _wind_up(lender: Lender, share: float, outside_usd: float, cost_usd: float) -> None:
    """Investors buy its loans, creditors outside are paid their share, the rest is its owners'.

    It goes on as the investors' servicer of those loans, without capital or appetite.
    """
    market, investors = lender.model, lender.model.investors
    book = lender.book_usd - lender.written_down_usd - lender.provision_usd
    investors.pay(lender, lender.other_loans_usd + book)
    lender.pay(market.courts, cost_usd)
    public = min(lender.last_resort_usd, outside_usd)
    private = outside_usd - public
    lender.pay(market.authority, share * public)
    market.accounts[Account.REPAID] += share * public
    market.accounts[Account.LOST] += lender.last_resort_usd - share * public
    lender.last_resort_usd = 0.0
    lender.pay(investors, share * private)
    market.prices.depositor_loss_usd += (1.0 - share) * private
    lender.pay(investors, lender.cash_usd)
    for other in market.lenders:  # its claims on others pass to investors with its other loans
        for claim in other.debts:
            if claim.creditor is lender:
                claim.amount_usd = 0.0
    lender.other_loans_usd = 0.0
    lender.capital_usd = 0.0
    lender.funding_usd = book
