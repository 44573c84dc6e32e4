"""Money: a common factor behind the reference rate, the credit spread, appetite, BTC and rents.

``stress`` is that factor: zero in normal times, positive when money is tight. It reverts to zero
from random shocks and may be scripted. Nothing else ties BTC to rents: what they have in common in
a tightening comes from here.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..scenario.errors import InputError
from ..scenario.sections import Macro
from ..state.paths import MacroPaths
from ..state.randomness import Stream
from .noise import DRAWN, Shocks, reverting_noise, shocks

DATA = Path(__file__).resolve().parent.parent / "data"
RATES_FILE = DATA / "history" / "rates_monthly.csv"
LATER_RATES_FILE = DATA / "2026" / "rates_monthly.csv"
MONTH_DAYS = 31


def macro_paths(
    settings: Macro, days: int, seed: int, opening: date | None = None, given: Shocks = DRAWN
) -> MacroPaths:
    """The factor, noise around a scripted ramp, and what loads on it; or money as it was.

    Raises:
        InputError: the history of rates does not reach over the run.
    """
    if settings.path == "history":
        return _replay(settings, days, opening or date(1970, 1, 1))
    day = np.arange(days + 1, dtype=float)
    up = np.clip((day - settings.start_day) / settings.ramp_days, 0.0, 1.0)
    ended = settings.start_day + settings.ramp_days + settings.plateau_days
    down = np.clip((day - ended) / settings.ramp_days, 0.0, 1.0)
    draws = shocks(seed, Stream.MACRO, days, given)
    stress = settings.shock * (up - down) + reverting_noise(
        draws, settings.reversion_per_year, settings.volatility
    )
    return MacroPaths(
        stress=stress,
        rate_change=settings.rate_loading * stress,
        spread_change=settings.spread_loading * stress,
        appetite=np.clip(1.0 - settings.appetite_loading * stress, 0.0, 1.0),
        btc_log=-settings.btc_loading * stress,
        demand_log=-settings.demand_loading * stress,
    )


def _replay(settings: Macro, days: int, opening: date) -> MacroPaths:
    """Changes of SOFR and of the high-yield spread since the opening, month by month.

    Stress is what would widen the spread so much; refinancing appetite follows it as ever. BTC and
    the demand for compute have histories or laws of their own.
    """
    reference, spread = read_rates(opening, days)
    spread_change = spread - spread[0]
    stress = spread_change / settings.spread_loading if settings.spread_loading else 0.0 * spread
    return MacroPaths(
        stress=stress,
        rate_change=reference - reference[0],
        spread_change=spread_change,
        appetite=np.clip(1.0 - settings.appetite_loading * stress, 0.0, 1.0),
        btc_log=np.zeros(days + 1),
        demand_log=np.zeros(days + 1),
    )


def read_rates(opening: date, days: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """SOFR and the high-yield spread (decimals a year) by day from the packaged monthly tables.

    A month's figure stands at its middle; between months, and over gaps, on a straight line.

    Raises:
        InputError: days before the table's first or after its last month.
    """
    lines = []
    for path in (RATES_FILE, LATER_RATES_FILE):
        with path.open(newline="", encoding="utf-8") as file:
            lines += list(csv.DictReader(file))
    paths = []
    for name in ("sofr_pct", "high_yield_spread_pct"):
        known = [
            (date.fromisoformat(f"{row['month']}-15"), float(row[name]))
            for row in lines
            if row[name]
        ]
        at = [(when - opening).days for when, _ in known]
        if at[0] > 0 or at[-1] < days - MONTH_DAYS:
            raise InputError(
                f"macro.path = 'history': {RATES_FILE.name} knows {name} from {known[0][0]} to "
                f"{known[-1][0]}; {days} days from {opening} are not within that."
            )
        paths.append(np.interp(np.arange(days + 1), at, [value / 100.0 for _, value in known]))
    return paths[0], paths[1]
