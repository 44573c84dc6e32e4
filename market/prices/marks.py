"""Marks: what lenders carry a class at, between a schedule and what last traded."""

from __future__ import annotations

import math

import numpy as np

from ...agents.compiling.kernels import compiled
from ...agents.lender import mark_usd
from ..state.hardware import Hardware, schedule_usd


@compiled
def mark_classes(
    day: int,
    weight: float,
    half_life_days: float,
    new_price_decline: float,
    clearing_usd: np.ndarray,
    clearing_day: np.ndarray,
    hardware: Hardware,
    scheduled_usd: np.ndarray,
    marks_usd: np.ndarray,
) -> None:
    """Set a day's scheduled values and marks [class, USD/unit]; evidence counts for ``weight``."""
    for k in range(len(hardware.family)):
        scheduled_usd[k] = schedule_usd(
            hardware.used_open_usd[k],
            hardware.annual_depreciation[k],
            hardware.scrap_usd[k],
            day,
            hardware.renewed_years[k],
            new_price_decline,
        )
        age = float(day - clearing_day[k])
        aged = clearing_usd[k] * math.exp(-hardware.annual_depreciation[k] * age / 365.0)
        marks_usd[k] = mark_usd(scheduled_usd[k], aged, age, weight, half_life_days)
