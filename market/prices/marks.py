"""Marks: what lenders carry a class at, between a schedule and what last traded."""

from __future__ import annotations

import math

from ...agents.compiling.kernels import compiled
from ...agents.lender import mark_usd
from ..state.hardware import schedule_usd
from ..state.market import Market


@compiled
def set_marks(market: Market) -> None:
    """A day's scheduled values and lenders' marks [class, USD/unit]: schedule and aged evidence."""
    hardware, schedule, marks_usd = market.hardware, market.schedule_usd, market.marks_usd
    clearing_usd, clearing_day = market.clearing_usd, market.clearing_day
    day, terms = market.today.day, market.terms
    for k in range(len(hardware.family)):
        schedule[k] = schedule_usd(
            hardware.used_open_usd[k],
            hardware.annual_depreciation[k],
            hardware.scrap_usd[k],
            day,
        )
        age = float(day - clearing_day[k])
        aged = clearing_usd[k] * math.exp(-hardware.annual_depreciation[k] * age / 365.0)
        half_life = terms.marks.evidence_half_life_days
        weight = terms.derived.mark_evidence_weight
        marks_usd[k] = mark_usd(schedule[k], aged, age, weight, half_life)
