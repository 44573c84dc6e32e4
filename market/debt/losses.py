"""Losses: from a claim to its lender, and to the lender's capital."""

from __future__ import annotations

from ...agents.compiling.kernels import inlined
from ...agents.lender import capital_ratio
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.loans import annual_rate, present_value_factor
from ..state.market import Market


@inlined
def charge_lender(market: Market, row: int, loss_usd: float, parent: int) -> None:
    """Take a loss (or a gain) on this market's loans to capital."""
    lenders = market.lenders
    lenders.loss_usd[row] += loss_usd
    charge_capital(market, row, loss_usd, parent)


@inlined
def charge_capital(market: Market, row: int, loss_usd: float, parent: int) -> None:
    """Take a loss (or a gain) to capital; funders hear of it.

    Notes the first time capital is below its minimum.
    """
    today, lenders = market.today, market.lenders
    lenders.capital_usd[row] -= loss_usd
    lenders.news[row] = max(0.0, lenders.news[row] + loss_usd / lenders.capital_open_usd[row])
    ratio = capital_ratio(lenders.capital_usd[row], lenders.funding_usd[row])
    if ratio < lenders.min_capital_ratio[row] and lenders.impaired_event[row] < 0:
        lenders.impaired_event[row] = log_event(
            market,
            Event.LENDER_IMPAIRED,
            Cause.LOSSES,
            (today.first_lender + row, -1, -1),
            lenders.loss_usd[row],
            parent,
        )


@inlined
def note_recovery(market: Market, loan: int, amount_usd: float) -> None:
    """Count money towards what a defaulted claim has brought, and its value on the day of default.

    Negative for a cost of enforcement.
    """
    loans = market.loans
    claims, claim = loans.claims, loans.claim[loan]
    rate = annual_rate(
        loans.rate_or_spread[loan], loans.floating[loan], market.prices.reference_rate
    )
    factor = present_value_factor(market.today.day, claims.default_day[claim], rate)
    claims.recovered_usd[claim] += amount_usd
    claims.recovered_value_usd[claim] += amount_usd * factor
