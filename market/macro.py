"""Money: a common factor behind the reference rate, the credit spread, appetite, BTC and rents.

``stress`` is that factor: zero in normal times, positive when money is tight. It reverts to zero
from random shocks and may be scripted. Nothing else ties BTC to rents: what they have in common in
a tightening comes from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from market.randomness import Stream, normals
from market.settings import Macro


@dataclass(frozen=True)
class MacroPaths:
    """Paths by day, index 0 is the opening day; all are zero (appetite: one) in normal times."""

    stress: NDArray[np.float64]
    rate_change: NDArray[np.float64]  # of the reference rate
    spread_change: NDArray[np.float64]  # of credit, at roll-over
    appetite: NDArray[np.float64]  # to refinance, over normal
    btc_log: NDArray[np.float64]  # change of the log price
    demand_log: NDArray[np.float64]  # change of log demand for compute


def macro_paths(settings: Macro, days: int, seed: int) -> MacroPaths:
    """The factor, noise around a scripted ramp, and what loads on it."""
    day = np.arange(days + 1, dtype=float)
    up = np.clip((day - settings.start_day) / settings.ramp_days, 0.0, 1.0)
    ended = settings.start_day + settings.ramp_days + settings.plateau_days
    down = np.clip((day - ended) / settings.ramp_days, 0.0, 1.0)
    stress = settings.shock * (up - down) + _reverting_noise(settings, days, seed)
    return MacroPaths(
        stress=stress,
        rate_change=settings.rate_loading * stress,
        spread_change=settings.spread_loading * stress,
        appetite=np.clip(1.0 - settings.appetite_loading * stress, 0.0, 1.0),
        btc_log=-settings.btc_loading * stress,
        demand_log=-settings.demand_loading * stress,
    )


def _reverting_noise(settings: Macro, days: int, seed: int) -> NDArray[np.float64]:
    """Ornstein-Uhlenbeck from zero."""
    draws = normals(seed, Stream.MACRO, days)
    keep = math.exp(-settings.reversion_per_year / 365.0)
    step = settings.volatility / math.sqrt(365.0)
    noise = np.zeros(days + 1)
    for day in range(days):
        noise[day + 1] = keep * noise[day] + step * draws[day]
    return noise
