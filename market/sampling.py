"""Sampling uncertain cells of the opening tables within their stated confidence.

Debt is left alone (books must add up per lender); what is sampled is what carries it: cash, fixed
cost, revenue, lenders' capital, buyers' budgets and slots, and second-hand prices. Each factor is
lognormal with mean one and the deviation its row's confidence stands for.
"""

from __future__ import annotations

import math
from dataclasses import replace

from market.randomness import Stream, normal
from market.rows import Row
from market.tables import CONFIDENCE_SD, OpeningTables

OPERATOR_CELLS = ("cash_usd_m", "fixed_cost_usd_m_yr")
BUYER_CELLS = (
    "budget_usd_m_yr",
    "slots_air_lt15",
    "slots_air_15_40",
    "slots_liq_40_80",
    "slots_liq_gt80",
    "spare_mw_asic",
)


def sample_tables(tables: OpeningTables, seed: int) -> OpeningTables:
    """A draw of the opening tables; the same seed gives the same draw."""
    miners = tuple(
        sampled_row(row, (*OPERATOR_CELLS, "revenue_other_usd_m_yr"), seed, 0, i)
        for i, row in enumerate(tables.miners)
    )
    neoclouds = tuple(
        sampled_row(row, OPERATOR_CELLS, seed, 1, i) for i, row in enumerate(tables.neoclouds)
    )
    buyers = tuple(sampled_row(row, BUYER_CELLS, seed, 2, i) for i, row in enumerate(tables.buyers))
    hardware = tuple(
        sampled_row(row, ("used_price_usd",), seed, 3, i) if row.used_price_usd else row
        for i, row in enumerate(tables.hardware)
    )
    lenders = []
    for i, row in enumerate(tables.lenders):
        capital = row.capital_usd_m * _factor(row, seed, 4, i, 0)
        funding = row.cash_usd_m + row.book_usd_m + row.other_loans_usd_m - capital
        if funding < 0:  # more capital than assets: the surplus is held in other loans
            other = row.other_loans_usd_m - funding
            row = row.model_copy(update={"other_loans_usd_m": other})
            funding = 0.0
        lenders.append(row.model_copy(update={"capital_usd_m": capital, "funding_usd_m": funding}))
    return replace(
        tables,
        miners=miners,
        neoclouds=neoclouds,
        buyers=buyers,
        hardware=hardware,
        lenders=tuple(lenders),
    )


def _factor(row: Row, seed: int, table: int, number: int, cell: int) -> float:
    deviation = CONFIDENCE_SD[row.confidence]
    draw: float = normal(seed, Stream.SAMPLING, 1000 * table + cell, number)
    return math.exp(deviation * draw - 0.5 * deviation**2)


def sampled_row[R: Row](row: R, cells: tuple[str, ...], seed: int, table: int, number: int) -> R:
    """A row with the named cells times a factor of its confidence each."""
    update = {}
    for cell, name in enumerate(cells):
        value = getattr(row, name) * _factor(row, seed, table, number, cell)
        update[name] = round(value) if isinstance(getattr(row, name), int) else value
    return row.model_copy(update=update)
