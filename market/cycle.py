"""The credit cycle: what lenders learn from their losses, and what borrowers order on their credit.

Losses below what was priced make credit easy: advance rates and limits drift up, spreads down
(:func:`agents.lender.lending_ease`). Cheap money raises the value of new machines over their price,
and orders with it (:mod:`market.investment`); new machines lower rents. Nothing says when it ends.
"""

from __future__ import annotations

from agents.lender import lending_ease, perceived_loss_rate
from market import investment
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
    s, today, k = run.state, run.today(), run.quotes.machine_class
    if run.scenario.investment.sensitivity <= 0.0 or k < 0:
        return
    investment.grow_room(today, run.terms, s.lenders)
    if run.day % WEEK_DAYS == 0:
        s.prices.q = machine_value_to_price(run) / run.quotes.value_to_price_open
        s.prices.ordered_usd += investment.place_orders(
            today,
            run.terms,
            k,
            s.prices.q,
            machine_price_usd(run),
            s.parties,
            s.borrowers,
            s.neoclouds,
            s.lenders,
            s.loans,
            s.hardware,
            s.holdings,
            s.orders,
            s.log,
        )
        s.prices.paid_out_usd += investment.pay_out(
            today, run.terms, s.parties, s.borrowers, s.loans, s.orders
        )
    delivered = investment.deliver_orders(
        today,
        run.terms,
        k,
        s.parties,
        s.borrowers,
        s.lenders,
        s.ledger,
        s.loans,
        s.hardware,
        s.holdings,
        s.orders,
        s.log,
    )
    investment.renew_class(k, run.day, delivered, s.holdings, s.hardware)


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
