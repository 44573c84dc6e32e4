"""The credit cycle: what lenders learn from their losses, and what borrowers order on their credit.

Losses below what was priced make credit easy: advance rates and limits drift up, spreads down
(:func:`agents.lender.lending_ease`). Cheap money raises the value of new machines over their price,
and orders with it (:mod:`market.investment`); new machines lower rents. Nothing says when it ends.
"""

from __future__ import annotations

from agents.lender import lending_ease, perceived_loss_rate
from market import compiled_phases, investment
from market.investment import WEEK_DAYS
from market.run import Run


def learn(run: Run) -> None:
    """Lenders remember the day's losses: credit gets easier in calm, dearer after losses."""
    s, p, settings = run.state, run.state.prices, run.scenario.lenders
    lost = float(s.lenders.loss_usd.sum())
    book = max(float(s.lenders.book_usd.sum()), 1.0)
    p.perceived_loss_rate = perceived_loss_rate(
        p.perceived_loss_rate, (lost - p.lost_usd) / book, settings.loss_memory_years
    )
    p.lost_usd = lost
    p.ease = lending_ease(p.perceived_loss_rate, settings.priced_loss_rate)


def invest(run: Run) -> None:
    """Order new machines where they pay and money is found; take delivery of what is due."""
    s, k = run.state, run.quotes.machine_class
    if run.scenario.investment.sensitivity <= 0.0 or k < 0:
        return
    if run.day % WEEK_DAYS == 0:
        s.prices.q = machine_value_to_price(run) / run.quotes.value_to_price_open
    ordered, paid_out = compiled_phases.invest(run.shared, k, s.prices.q, machine_price_usd(run))
    s.prices.ordered_usd += ordered
    s.prices.paid_out_usd += paid_out


def machine_price_usd(run: Run) -> float:
    """Price of a new machine today [USD]."""
    new = float(run.state.hardware.new_usd[run.quotes.machine_class])
    return investment.price_today_usd(new, run.scenario.liquidation.new_price_decline, run.day)


def machine_value_to_price(run: Run) -> float:
    """What a new machine is expected to earn, over its price; the market's view of rents."""
    settings, k = run.scenario.liquidation, run.quotes.machine_class
    return float(
        investment.value_to_price(
            run.today(),
            run.terms,
            k,
            float(run.state.buyer_view[k]),
            machine_price_usd(run),
            settings.gpu_rent_drift,
            settings.gpu_rent_volatility,
            settings.reversion_per_year,
            run.state.hardware,
        )
    )
