"""The credit cycle: what lenders learn from their losses, and what that makes of their terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import lines, rules, securitisation
from .notes import mark_notes
from .provisions import provide

if TYPE_CHECKING:
    from .model import TwinMarket


def learn(market: TwinMarket) -> None:
    """Lenders remember the day's losses: credit gets easier in calm, dearer after losses."""
    prices, settings = market.prices, market.settings.lenders
    lost = book = 0.0
    for lender in market.lenders:
        lost += lender.loss_usd
        book += lender.book_usd
    today_usd = lost - prices.lost_usd if market.terms.channels.loss_memory else 0.0
    prices.perceived_loss_rate = rules.perceived_loss_rate(
        prices.perceived_loss_rate,
        today_usd / max(book, 1.0),
        settings.loss_memory_years,
    )
    prices.lost_usd = lost
    prices.ease = rules.lending_ease(prices.perceived_loss_rate, settings.priced_loss_rate)


def earn_and_provide(market: TwinMarket) -> float:
    """Margins are earned, claims cost funding, loans are valued, triggers tested, lines called.

    Returns other loans sold for those calls [USD].
    """
    for lender in market.lenders:
        lender.set_margins()
    for lender in market.lenders:
        lender.earn_margin()
    for loan in market.loans:
        loan.pay_its_funding()
    if market.terms.channels.fund_marks:
        mark_notes(market)
    provide(market)
    securitisation.watch_pools(market)
    return lines.call_lines(market)


def advance_rate(market: TwinMarket) -> float:
    """Share of a new machine's cost that lenders advance today."""
    terms = market.terms
    rate: float = rules.advance_rate(
        terms.derived.growth_advance_rate,
        market.prices.ease,
        terms.lenders.cycle_swing,
        terms.derived.most_advance,
    )
    return rate


def advance_without_floor(market: TwinMarket) -> float:
    """The same if no policy set a least haircut."""
    terms = market.terms
    rate: float = rules.advance_rate(
        terms.credit.growth_advance_rate,
        market.prices.ease,
        terms.lenders.cycle_swing,
        terms.credit.most_advance_rate,
    )
    return rate


def growth_rate(market: TwinMarket) -> float:
    """What a new facility costs today, a year."""
    rate: float = market.prices.reference_rate + growth_spread(market)
    return rate


def growth_spread(market: TwinMarket) -> float:
    """Spread of a new facility: less where lenders have not lost for long."""
    terms = market.terms
    dearer = float(market.macro.spread_change[market.day])
    return max(
        0.0, terms.credit.growth_spread + dearer - terms.lenders.spread_swing * market.prices.ease
    )


def credit_supply_share(market: TwinMarket) -> float:
    """Credit that lenders give, over what they gave at the opening, by their assets."""
    size = np.array([one.target_leverage * one.capital_open_usd for one in market.lenders])
    supply = np.array([one.supply for one in market.lenders])
    return float((supply * size).sum() / size.sum())
