"""Lenders' funding: supply of credit, runs, and sales of other assets to return to target leverage.

Bad news (losses, failures of similar lenders) makes redeemable money leave. It is paid from cash,
then by selling other loans; selling moves their price, which all lenders who mark to market feel.
"""

from __future__ import annotations

import numpy as np

from ...agents.compiling.kernels import compiled, inlined
from ...agents.funding import (
    fund_outflow_share,
    fund_supply,
    price_after_sales,
    stress_outflow_share,
)
from ...agents.lender import capital_ratio, credit_supply, deleveraging_usd, redemption_share
from ...agents.party import Outside, Status
from ..debt.losses import charge_capital
from ..prices.impact import impact_log
from ..state.events import Cause, Event
from ..state.history import log_event, same_episode
from ..state.market import Market
from ..state.money import pay
from .lines import repay_funding

QUARTER_DAYS = 91


@compiled
def set_supply(market: Market) -> None:
    """What share of its usual credit each lender gives today.

    Without ``channels.lender_distress`` funders that leave, lines that are called and pools that
    amortise are the lender's own matter.
    """
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    for row in range(len(lenders.kind)):
        if parties.made_whole[today.first_lender + row]:
            lenders.supply[row] = 1.0
            continue
        gone = parties.status[today.first_lender + row] != Status.ACTIVE
        if gone or lenders.closed_event[row] >= 0:
            taken_over = gone and not terms.channels.lender_distress
            lenders.supply[row] = 1.0 if taken_over else 0.0
            continue
        supply = 1.0
        event = lenders.worst_event[row]
        if terms.channels.lender_capital:
            opening = 1.0 / lenders.target_leverage[row]
            ratio = capital_ratio(lenders.capital_usd[row], lenders.funding_usd[row])
            minimum = min(lenders.min_capital_ratio[row], opening)  # none may ask for more
            supply = credit_supply(ratio, minimum, opening, terms.lenders.capital_buffer_share)
        distress = terms.channels.lender_distress
        if distress and lenders.redeemable[row]:
            flows = fund_supply(lenders.outflow_usd[row], gate_usd(market, row))
            if flows < supply:
                supply, event = flows, lenders.run_event[row]
        if distress and lenders.line_open_day[row] >= 0:
            supply, event = 0.0, np.int64(lenders.line_event[row])
        if distress and lenders.amortising_event[row] >= 0:
            supply, event = 0.0, np.int64(lenders.amortising_event[row])
        lenders.supply[row] = supply
        if supply < 1.0 and lenders.supply_event[row] < 0:
            lenders.supply_event[row] = event


@inlined
def gate_usd(market: Market, row: int) -> float:
    """What a fund lets out in a day [USD]: a share of net assets a quarter."""
    assets = max(0.0, market.lenders.capital_usd[row])
    return market.terms.lenders.gate_share_per_quarter * assets / QUARTER_DAYS


@inlined
def asked_back_usd(market: Market, row: int) -> float:
    """What funders of a lender, or investors of a fund, ask back today [USD].

    On bad news about it, and because money is tight: who left for one reason has left.
    """
    terms, lenders = market.terms.lenders, market.lenders
    news = lenders.news[row]
    tight = stress_outflow_share(market.prices.stress, market.terms.macro.funding_loading)
    if not lenders.redeemable[row]:
        share = redemption_share(news, terms.run_threshold, terms.run_speed)
        share += tight * (1.0 - share)
        private = lenders.funding_usd[row] - lenders.last_resort_usd[row]  # the state stays
        return max(0.0, share * lenders.runnable_share[row] * private)
    share = fund_outflow_share(
        news, terms.flow_threshold, terms.flow_sensitivity, terms.news_half_life_days
    )
    share += tight * (1.0 - share)
    return share * lenders.runnable_share[row] * max(0.0, lenders.capital_usd[row])


@compiled
def redeem(market: Market) -> float:
    """Redeemable money leaves lenders of whom funders hear bad news; returns loans sold [USD].

    A fund's investors take out net assets, no more than its gate a quarter. It pays from cash, then
    sells what trades. What neither covers stays unpaid in ``unpaid_run_usd``: a lender that can
    fail and is no fund is then illiquid.
    """
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    log = market.log
    investors = today.first_outside + Outside.INVESTORS
    keep = 0.5 ** (1.0 / terms.lenders.news_half_life_days)
    sold = 0.0
    for row in range(len(lenders.kind)):
        lenders.news[row] *= keep
        lenders.unpaid_run_usd[row] = 0.0
        lenders.outflow_usd[row] = 0.0
        lender = today.first_lender + row
        if (
            not terms.channels.funding_run
            or parties.status[lender] != Status.ACTIVE
            or lenders.sleeve[row]
            or lenders.runnable_share[row] <= 0.0
        ):
            continue
        asked = asked_back_usd(market, row)
        if asked <= 0.0:
            continue
        lenders.outflow_usd[row] = asked
        if lenders.redeemable[row]:
            asked = min(asked, gate_usd(market, row))
        cash = max(parties.cash_usd[lender], 0.0)
        from_cash = min(asked, cash)
        from_loans = min(asked - from_cash, max(lenders.other_loans_usd[row], 0.0))
        lenders.other_loans_usd[row] -= from_loans
        lenders.sold_loans_usd[row] += from_loans
        sold += from_loans
        pay(market, investors, lender, from_loans)
        paid = from_cash + from_loans
        pay(market, lender, investors, paid)
        lenders.unpaid_run_usd[row] = asked - paid
        if lenders.redeemable[row]:
            lenders.capital_usd[row] -= paid  # shares redeemed: no loss
            lenders.redeemed_usd[row] += paid
        else:
            lenders.funding_usd[row] -= paid
        lenders.run_usd[row] += paid
        last = lenders.run_event[row]
        if same_episode(market, last):
            log.events[last]["amount_usd"] += paid
        else:
            loading = terms.macro.funding_loading * market.prices.stress
            scripted = lenders.worst_event[row] < 0 and loading > 0.0
            lenders.run_event[row] = log_event(
                market,
                Event.FUNDING_RUN,
                Cause.SCENARIO if scripted else Cause.LOSSES,
                (lender, investors, -1),
                paid,
                today.shock_event if scripted else lenders.worst_event[row],
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
        lenders.sold_loans_usd[row] += sold
        pay(market, investors, lender, sold)
        repay_funding(market, row, sold)
        total += sold
    return total


@compiled
def mark_other_loans(market: Market, sold_usd: float) -> None:
    """Price of other loans after sales and a day's way back to par; marks those who mark.

    ``sold_usd`` of all that lenders had at the opening is sold, with the impact laws that BTC has.
    Those of funds follow credit spreads besides, by their duration. Without
    ``channels.lender_distress`` what one sells moves no price. Sellers have been paid the price
    before it fell; what they bear of that fall they owe.
    """
    today, terms, parties, lenders = market.today, market.terms, market.parties, market.lenders
    impact = impact_log(
        sold_usd if terms.channels.lender_distress else 0.0,
        market.opening.other_loans_usd,
        terms.lenders.loan_impact,
        1.0,
        terms.derived.loan_impact_law,
    )
    price = market.prices.loan_price
    keep = 0.5 ** (1.0 / terms.lenders.loan_price_half_life_days)
    after = np.exp(np.log(price) * keep + impact)
    if terms.lenders.loan_price_floor > 0.0:
        recovered = np.exp(np.log(price) * keep)
        after = price_after_sales(recovered, impact, terms.lenders.loan_price_floor)
    if terms.lenders.seller_impact_share > 0.0 and impact < 0.0:
        _bear_own_impact(market, 1.0 - after / np.exp(np.log(price) * keep))
    lenders.sold_loans_usd[:] = 0.0
    widened = 0.0
    if terms.channels.fund_marks:
        widened = market.prices.spread_change - market.prices.spread_marked
        market.prices.spread_marked = market.prices.spread_change
    if after == price and widened == 0.0:
        return
    for row in range(len(lenders.kind)):
        lender = today.first_lender + row
        if lenders.marked[row] and parties.status[lender] == Status.ACTIVE:
            spread = np.exp(-lenders.spread_duration_years[row] * widened)
            loss = (1.0 - after / price * spread) * lenders.other_loans_usd[row]
            lenders.other_loans_usd[row] -= loss
            lenders.market_loss_usd[row] += loss
            charge_capital(market, row, loss, lenders.worst_event[row])
    market.prices.loan_price = after


@compiled
def _bear_own_impact(market: Market, fall: float) -> None:
    """Who sold gets less than the price before: a lender repays less, a fund sells more for it."""
    lenders = market.lenders
    for row in range(len(lenders.kind)):
        short = market.terms.lenders.seller_impact_share * fall * lenders.sold_loans_usd[row]
        if short <= 0.0:
            continue
        if lenders.redeemable[row]:
            short = min(short, max(0.0, lenders.other_loans_usd[row]))
            lenders.other_loans_usd[row] -= short
        else:
            lenders.funding_usd[row] += short
        lenders.market_loss_usd[row] += short
        charge_capital(market, row, short, lenders.worst_event[row])
