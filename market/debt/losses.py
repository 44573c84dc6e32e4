"""Losses: from a claim to its lender, and to the lender's capital."""

from __future__ import annotations

from ...agents.compiling.kernels import inlined
from ...agents.lender import Lenders, capital_ratio
from ..state.context import Today
from ..state.events import Cause, Event, Log, log_event


@inlined
def charge_lender(
    today: Today, row: int, loss_usd: float, parent: int, lenders: Lenders, log: Log
) -> None:
    """Take a loss (or a gain) on this market's loans to capital."""
    lenders.loss_usd[row] += loss_usd
    charge_capital(today, row, loss_usd, parent, lenders, log)


@inlined
def charge_capital(
    today: Today, row: int, loss_usd: float, parent: int, lenders: Lenders, log: Log
) -> None:
    """Take a loss (or a gain) to capital; funders hear of it.

    Notes the first time capital is below its minimum.
    """
    lenders.capital_usd[row] -= loss_usd
    lenders.news[row] = max(0.0, lenders.news[row] + loss_usd / lenders.capital_open_usd[row])
    ratio = capital_ratio(lenders.capital_usd[row], lenders.funding_usd[row])
    if ratio < lenders.min_capital_ratio[row] and lenders.impaired_event[row] < 0:
        lenders.impaired_event[row] = log_event(
            log,
            today.day,
            Event.LENDER_IMPAIRED,
            Cause.LOSSES,
            today.first_lender + row,
            -1,
            -1,
            lenders.loss_usd[row],
            parent,
        )
