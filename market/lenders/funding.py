"""Lenders' funding: supply of credit, runs, and sales of other assets to return to target leverage.

Bad news (losses, failures of similar lenders) makes redeemable money leave. It is paid from cash,
then by selling other loans; selling moves their price, which all lenders who mark to market feel.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled
from ...agents.lender import capital_ratio, credit_supply, deleveraging_usd, redemption_share
from ...agents.party import Outside, Status
from ..debt.losses import charge_capital
from ..prices.impact import impact_log
from ..state.events import Cause, Event
from ..state.history import log_event, same_episode
from ..state.market import Market
from ..state.money import pay

QUARTER_DAYS = 91


@compiled
def set_supply(market: Market) -> None:
    """What share of its usual credit each lender gives today."""
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    for row in range(len(lenders.kind)):
        gone = parties.status[today.first_lender + row] != Status.ACTIVE
        if gone or lenders.closed_event[row] >= 0:
            lenders.supply[row] = 0.0
            continue
        lenders.supply[row] = 1.0
        if not terms.channels.lender_capital:
            continue
        opening = 1.0 / lenders.target_leverage[row]
        ratio = capital_ratio(lenders.capital_usd[row], lenders.funding_usd[row])
        minimum = min(lenders.min_capital_ratio[row], opening)  # none may ask for more than that
        lenders.supply[row] = credit_supply(
            ratio, minimum, opening, terms.lenders.capital_buffer_share
        )
        if lenders.supply[row] < 1.0 and lenders.supply_event[row] < 0:
            lenders.supply_event[row] = lenders.worst_event[row]


@compiled
def redeem(market: Market) -> float:
    """Redeemable money leaves lenders of whom funders hear bad news; returns loans sold [USD].

    A fund's investors may take out no more than its gate a quarter. What neither cash nor a sale
    covers stays unpaid in ``unpaid_run_usd``: a lender that can fail is then illiquid.
    """
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    log = market.log
    investors = today.first_outside + Outside.INVESTORS
    keep = 0.5 ** (1.0 / terms.lenders.news_half_life_days)
    sold = 0.0
    for row in range(len(lenders.kind)):
        lenders.news[row] *= keep
        lenders.unpaid_run_usd[row] = 0.0
        lender = today.first_lender + row
        if (
            not terms.channels.funding_run
            or parties.status[lender] != Status.ACTIVE
            or lenders.sleeve[row]
            or lenders.runnable_share[row] <= 0.0
        ):
            continue
        share = redemption_share(
            lenders.news[row], terms.lenders.run_threshold, terms.lenders.run_speed
        )
        if share <= 0.0:
            continue
        private = lenders.funding_usd[row] - lenders.last_resort_usd[row]  # the state stays
        base = private
        if lenders.redeemable[row]:
            base += max(lenders.capital_usd[row], 0.0)
        asked = share * lenders.runnable_share[row] * base
        if lenders.redeemable[row]:
            asked = min(asked, terms.lenders.gate_share_per_quarter * base / QUARTER_DAYS)
        asked = max(asked, 0.0)
        cash = max(parties.cash_usd[lender], 0.0)
        from_cash = min(asked, cash)
        from_loans = min(asked - from_cash, max(lenders.other_loans_usd[row], 0.0))
        lenders.other_loans_usd[row] -= from_loans
        sold += from_loans
        pay(market, investors, lender, from_loans)
        paid = from_cash + from_loans
        pay(market, lender, investors, paid)
        lenders.unpaid_run_usd[row] = asked - paid
        from_funding = min(paid, max(private, 0.0))
        lenders.funding_usd[row] -= from_funding
        lenders.capital_usd[row] -= paid - from_funding  # shares redeemed: no loss
        lenders.redeemed_usd[row] += paid - from_funding
        lenders.run_usd[row] += paid
        last = lenders.run_event[row]
        if same_episode(market, last):
            log.events[last]["amount_usd"] += paid
        else:
            lenders.run_event[row] = log_event(
                market,
                Event.FUNDING_RUN,
                Cause.LOSSES,
                (lender, investors, -1),
                paid,
                lenders.worst_event[row],
            )
    return sold


@compiled
def target_leverage(market: Market) -> float:
    """Lenders above their target leverage sell other loans and repay funding; returns sales [USD].

    Only lenders that mark to market have a leverage that follows prices. Loans are called in on
    notice, so the excess goes in ``deleveraging_days``, each day that part of what is left of it.
    """
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    investors = today.first_outside + Outside.INVESTORS
    total = 0.0
    for row in range(len(lenders.kind)):
        lender = today.first_lender + row
        if (
            not terms.channels.lender_capital
            or parties.status[lender] != Status.ACTIVE
            or not lenders.marked[row]
            or lenders.funding_usd[row] <= 0.0
        ):
            continue
        private = max(0.0, lenders.funding_usd[row] - lenders.last_resort_usd[row])
        capital = lenders.capital_usd[row]
        wanted = deleveraging_usd(
            capital + lenders.funding_usd[row],
            capital,
            lenders.target_leverage[row],
            terms.lenders.leverage_band,
        )
        wanted /= terms.lenders.deleveraging_days
        sold = max(0.0, min(wanted, min(lenders.other_loans_usd[row], private)))
        lenders.other_loans_usd[row] -= sold
        lenders.funding_usd[row] -= sold
        pay(market, investors, lender, sold)
        pay(market, lender, investors, sold)
        total += sold
    return total


@compiled
def mark_other_loans(market: Market, sold_usd: float) -> None:
    """Price of other loans after sales and a day's way back to par; marks those who mark.

    ``sold_usd`` of all that lenders had at the opening is sold, with the impact laws that BTC has.
    """
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    impact = impact_log(
        sold_usd,
        market.opening.other_loans_usd,
        terms.lenders.loan_impact,
        1.0,
        terms.derived.loan_impact_law,
    )
    price = market.prices.loan_price
    keep = 0.5 ** (1.0 / terms.lenders.loan_price_half_life_days)
    after = np.exp(np.log(price) * keep + impact)
    change = after / price - 1.0
    if change == 0.0:
        return
    for row in range(len(lenders.kind)):
        lender = today.first_lender + row
        if lenders.marked[row] and parties.status[lender] == Status.ACTIVE:
            loss = -change * lenders.other_loans_usd[row]
            lenders.other_loans_usd[row] -= loss
            lenders.market_loss_usd[row] += loss
            charge_capital(market, row, loss, lenders.worst_event[row])
    market.prices.loan_price = after
