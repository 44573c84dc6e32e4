"""Sampling uncertain cells of the opening tables within their stated confidence.

Debt is left alone (books must add up per lender); what is sampled is what carries it: cash, fixed
cost, revenue, lenders' capital, buyers' budgets and slots, and second-hand prices. Each factor is
lognormal with mean one and the deviation its row's confidence stands for.
"""

from __future__ import annotations

import math

from ..state.randomness import Stream, normal
from .books import CONFIDENCE_SD
from .csv_files import Row
from .rows import Lender

BUYER_CELLS = (
    "budget_usd_m_yr",
    "slots_air_lt15",
    "slots_air_15_40",
    "slots_liq_40_80",
    "slots_liq_gt80",
    "spare_mw_asic",
)


def error_factor(confidence: str, score: float) -> float:
    """What a figure of that confidence is multiplied with, ``score`` deviations from its mean."""
    deviation = CONFIDENCE_SD[confidence]
    return math.exp(deviation * score - 0.5 * deviation**2)


def scaled(value: float, factor: float) -> float:
    """A figure times a factor; counts stay whole."""
    return round(value * factor) if isinstance(value, int) else value * factor


def balanced(lender: Lender, **update: float) -> Lender:
    """A lender with some cells changed; funding takes it up, or other loans where that runs out."""
    changed = lender.model_copy(update=update)
    assets = changed.cash_usd_m + changed.book_usd_m + changed.other_loans_usd_m
    funding = assets - changed.capital_usd_m
    other = changed.other_loans_usd_m - min(funding, 0.0)
    return changed.model_copy(
        update={"funding_usd_m": max(funding, 0.0), "other_loans_usd_m": other}
    )


def _factor(row: Row, seed: int, table: int, number: int, cell: int) -> float:
    draw = normal(seed, Stream.SAMPLING, 1000 * table + cell, number)
    return error_factor(row.confidence, draw)


def sampled_row[R: Row](row: R, cells: tuple[str, ...], seed: int, table: int, number: int) -> R:
    """A row with the named cells times a factor of its confidence each."""
    update = {}
    for cell, name in enumerate(cells):
        update[name] = scaled(getattr(row, name), _factor(row, seed, table, number, cell))
    return row.model_copy(update=update)
