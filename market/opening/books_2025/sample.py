"""Books of 2025 drawn within the confidence of their cells."""

from __future__ import annotations

from dataclasses import replace

from ..books import Books
from ..sampling import BUYER_CELLS, _factor, balanced, sampled_row

OPERATOR_CELLS = ("cash_usd_m", "fixed_cost_usd_m_yr")


def sample_books(tables: Books, seed: int) -> Books:
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
        lenders.append(balanced(row, capital_usd_m=capital))
    return replace(
        tables,
        miners=miners,
        neoclouds=neoclouds,
        buyers=buyers,
        hardware=hardware,
        lenders=tuple(lenders),
    )
