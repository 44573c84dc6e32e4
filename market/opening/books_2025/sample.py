"""Books of 2025 drawn within what is believed of their cells and the confidence of their rows.

Debt and machines are left alone (books must add up per lender); what is drawn is what carries the
debt: cash, running cost, other income, contracts' rents and terms, lenders' capital and margins,
buyers' money, racks and views, and second-hand prices. Tests of a user's own loans keep the
headroom that their lender reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType

from ..books import Books
from ..rows import InterlenderShare, Lender
from ..sampling import BUYER_CELLS, Errors, balanced, within_range
from ..tape.headroom import with_headroom
from .rows import Lease, Miner, Neocloud

CELLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "miners": ("cash_usd_m", "fixed_cost_usd_m_yr", "revenue_other_usd_m_yr"),
        "neoclouds": ("cash_usd_m", "fixed_cost_usd_m_yr", "opex_ex_da_usd_m_yr"),
        "leases": ("usd_m_yr", "end"),
        "buyers": BUYER_CELLS,
        "hardware": ("used_price_usd",),
        "lenders": ("capital_usd_m",),
        "margins": ("other_margin",),
        "interlender": ("share",),
    }
)
"""Columns of each table that err within the confidence of their rows."""
SHORTEST_DAYS = 1


def sample_books(
    tables: Books, seed: int | None, scores: Mapping[str, float] = MappingProxyType({})
) -> Books:
    """A draw of the opening tables; the same seed gives the same draw.

    Args:
        tables: books of 2025.
        seed: of the draw; None: only cells named in ``scores`` err.
        scores: errors given by name of cell or column, as standard normal numbers.
    """
    errors = Errors(tables.start, seed, scores)
    miners = tuple(errors.row(row, "miners", CELLS["miners"]) for row in tables.miners)
    neoclouds = tuple(_neocloud(row, errors) for row in tables.neoclouds)
    landlords: dict[str, Miner | Neocloud] = {row.id: row for row in miners}
    landlords |= {row.id: row for row in neoclouds}
    lenders = tuple(_lender(row, errors) for row in tables.lenders)
    hardware = tuple(errors.row(row, "hardware", CELLS["hardware"]) for row in tables.hardware)
    return replace(
        tables,
        loans=with_headroom(tables.loans, tables.hardware, hardware),
        miners=miners,
        neoclouds=neoclouds,
        leases=_leases(tables, landlords, errors),
        buyers=tuple(errors.row(row, "buyers", CELLS["buyers"]) for row in tables.buyers),
        hardware=hardware,
        lenders=lenders,
        margins=tuple(errors.row(row, "margins", CELLS["margins"]) for row in tables.margins),
        quotes={
            row.key: errors.cell(row, "quotes", "value", sure=True)
            for row in tables.quote_rows
            if row.key in tables.quotes
        },
        interlender=tuple(_claim(row, errors) for row in tables.interlender),
    )


def _lender(row: Lender, errors: Errors) -> Lender:
    """A lender with its capital within what the unit that lends may have; its range is spent.

    The common error of the column comes on top.
    """
    low, high = row.capital_low_usd_m, row.capital_high_usd_m
    if low is None or high is None:
        return balanced(row, capital_usd_m=errors.cell(row, "lenders", "capital_usd_m"))
    common = errors.common_factor("books.lenders.capital_usd_m", row.confidence)
    score = errors.score(f"books.lenders.{row.row_name}.capital_usd_m")
    drawn = common * within_range(row.capital_usd_m, low, high, score)
    if drawn == row.capital_usd_m:
        return row
    return balanced(row, capital_usd_m=drawn, capital_low_usd_m=None, capital_high_usd_m=None)


def _claim(row: InterlenderShare, errors: Errors) -> InterlenderShare:
    """What lenders owe each other within its range, times the common error of the column."""
    common = errors.common_factor("books.interlender.share", row.confidence)
    score = errors.score(f"books.interlender.{row.row_name}.share")
    share = common * within_range(row.share, row.share_low, row.share_high, score)
    return row.model_copy(update={"share": min(1.0, share)})


def _neocloud(row: Neocloud, errors: Errors) -> Neocloud:
    """Fixed cost is a part of all running cost: no more than that, if it was not before."""
    drawn = errors.row(row, "neoclouds", CELLS["neoclouds"])
    if row.fixed_cost_usd_m_yr > row.opex_ex_da_usd_m_yr:
        return drawn
    fixed = min(drawn.fixed_cost_usd_m_yr, drawn.opex_ex_da_usd_m_yr)
    return drawn.model_copy(update={"fixed_cost_usd_m_yr": fixed})


def _leases(
    tables: Books, landlords: Mapping[str, Miner | Neocloud], errors: Errors
) -> tuple[Lease, ...]:
    """Contracts with errors of rent and term.

    What a landlord earns is better known than who pays how much of it: rents that run at the
    opening are no more together than its income is, unless they were more before.
    """
    drawn = [_lease(row, tables.opening_date, errors) for row in tables.leases]
    live = [row.start <= tables.opening_date for row in tables.leases]
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    for old, new, runs in zip(tables.leases, drawn, live, strict=True):
        if runs:
            owner = old.landlord_id
            before[owner] = before.get(owner, 0.0) + old.usd_m_yr
            after[owner] = after.get(owner, 0.0) + new.usd_m_yr
    most = {
        owner: max(before[owner], _income_usd_m_yr(landlords[owner]))
        for owner in before
        if owner in landlords
    }
    return tuple(
        row.model_copy(
            update={"usd_m_yr": row.usd_m_yr * most[row.landlord_id] / after[row.landlord_id]}
        )
        if runs and row.landlord_id in most and after[row.landlord_id] > most[row.landlord_id]
        else row
        for row, runs in zip(drawn, live, strict=True)
    )


def _lease(row: Lease, opening: date, errors: Errors) -> Lease:
    """A contract whose rent, and what is left of whose term, err."""
    factor = errors.both(row, "leases", "end")
    first = max(row.start, opening)
    left = max(SHORTEST_DAYS, round((row.end - first).days * factor))
    update = {"usd_m_yr": errors.cell(row, "leases", "usd_m_yr"), "end": first + timedelta(left)}
    return row.model_copy(update=update)


def _income_usd_m_yr(row: Miner | Neocloud) -> float:
    """Income beside mining."""
    if isinstance(row, Miner):
        return row.revenue_hpc_usd_m_yr + row.revenue_other_usd_m_yr
    return row.revenue_usd_m_yr
