"""Phase 12: what a run remembers of the day."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ..state.market import Market
from .collateral_illusion import measure_illusion
from .daily_figures import write_day


@compiled
def record(market: Market, conservation_error: float) -> None:
    """Write the day's row of the series; every four weeks measure the collateral illusion."""
    measure_illusion(market)
    write_day(market, conservation_error)
