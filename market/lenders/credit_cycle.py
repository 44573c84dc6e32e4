"""The credit cycle: what lenders learn from their losses, and what borrowers order on their credit.

Losses below what was priced make credit easy: advance rates and limits drift up, spreads down
(:func:`agents.lender.lending_ease`). Cheap money raises the value of new machines over their price,
and orders with it (:mod:`market.operators.investment`); new machines lower rents. Nothing says when
it ends.
"""

from __future__ import annotations

from ...agents.compiling.arrays import total
from ...agents.compiling.kernels import compiled
from ...agents.lender import lending_ease, perceived_loss_rate
from ..state.market import Market


@compiled
def learn(market: Market) -> None:
    """Lenders remember the day's losses: credit gets easier in calm, dearer after losses."""
    p, settings = market.prices, market.terms.lenders
    lost = total(market.lenders.loss_usd)
    book = max(total(market.lenders.book_usd), 1.0)
    today_usd = lost - p.lost_usd if market.terms.channels.loss_memory else 0.0
    p.perceived_loss_rate = perceived_loss_rate(
        p.perceived_loss_rate, today_usd / book, settings.loss_memory_years
    )
    p.lost_usd = lost
    p.ease = lending_ease(p.perceived_loss_rate, settings.priced_loss_rate)
