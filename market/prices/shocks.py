"""Phase 1: a scripted crash enters the event log on the day it starts."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.market import Market


@compiled
def shock(market: Market) -> None:
    """Log the scripted shock of bitcoin, rents or money, if one starts today."""
    today, scripted = market.today, market.terms.derived
    if (
        today.day == scripted.btc_shock_day
        or today.day == scripted.rent_shock_day
        or today.day == scripted.money_shock_day
    ):
        today.shock_event = log_event(
            market, Event.SHOCK, Cause.SCENARIO, (-1, -1, -1), 0.0, today.shock_event
        )
