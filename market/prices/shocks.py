"""Phase 1: a scripted crash enters the causal log on the day it starts."""

from __future__ import annotations

from ..state.events import Cause, Event
from ..state.history import log_event
from ..state.market import Market


def shock(market: Market) -> None:
    """Log the scripted shock of bitcoin, rents or money, if one starts today."""
    crypto, compute, macro = market.scenario.crypto, market.scenario.compute, market.scenario.macro
    starts = (
        (crypto.path == "crash", crypto.crash_start_day),
        (
            compute.path == "scripted" and compute.rent_change_per_year != 0.0,
            compute.shock_start_day,
        ),
        (macro.shock != 0.0, macro.start_day),
    )
    if any(scripted and market.day == day + 1 for scripted, day in starts):
        market.today.shock_event = log_event(
            market, Event.SHOCK, Cause.SCENARIO, (-1, -1, -1), 0.0, market.today.shock_event
        )
