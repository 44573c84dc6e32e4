"""One assumption at a time: what each of a dozen does to the book's loss when it is pulled.

Both sides of an assumption are run on the same seeds, draws and shocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...market.opening.tape.source import SOURCE

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario


@dataclass(frozen=True)
class Swing:
    """An assumption and its two sides, as factors."""

    name: str
    low: float
    high: float
    setting: str = ""  # of a scenario; else it is of the book's own rows
    times: bool = True  # the sides multiply; else they add


SWINGS = (
    Swing("cash of the book's borrowers", 0.65, 1.35),
    Swing("fixed and running cost of the book's borrowers", 0.8, 1.2),
    Swing("contract rents of the book", 0.85, 1.15),
    Swing("money of second-hand buyers", 0.5, 2.0, "liquidation.budget_scale"),
    Swing("racks and power of second-hand buyers", 0.5, 2.0, "liquidation.slot_scale"),
    Swing("growth of demand for compute, a year", -0.10, 0.10, "compute.adoption_growth", False),
    Swing("volatility of bitcoin", 0.75, 1.25, "crypto.volatility"),
)
BY_NAME = {swing.name: swing for swing in SWINGS}


def usable(scenario: Scenario) -> list[Swing]:
    """The swings that a scenario has settings for."""
    found = []
    for swing in SWINGS:
        if not swing.setting:
            found.append(swing)
            continue
        try:
            for side in (-1, 1):
                changed_scenario(swing.name, side, scenario)
        except (ValueError, AttributeError, KeyError):
            continue
        found.append(swing)
    return found


def changed_scenario(name: str, side: int, scenario: Scenario) -> Scenario:
    """The scenario with one side of a swing."""
    swing = BY_NAME.get(name)
    if swing is None or not swing.setting:
        return scenario
    factor = swing.low if side < 0 else swing.high
    now = float(scenario.value_of(swing.setting))
    value = now * factor if swing.times else now + factor
    return scenario.changed({swing.setting: value}, "a swing")


def changed_books(name: str, side: int, books: Books) -> Books:
    """The books with one side of a swing: rows that came with the tape."""
    swing = BY_NAME.get(name)
    if swing is None or swing.setting:
        return books
    factor = swing.low if side < 0 else swing.high
    if name.startswith("contract rents"):
        leases = tuple(
            row.model_copy(update={"usd_m_yr": factor * row.usd_m_yr})
            if row.source == SOURCE
            else row
            for row in books.leases
        )
        own = {row.landlord_id for row in books.leases if row.source == SOURCE}
        rent = {
            owner: (factor - 1.0)
            * sum(row.usd_m_yr for row in books.leases if row.landlord_id == owner)
            for owner in own
        }
        neoclouds = tuple(
            row.model_copy(
                update={"revenue_usd_m_yr": max(0.0, row.revenue_usd_m_yr + rent[row.id])}
            )
            if row.id in rent
            else row
            for row in books.neoclouds
        )
        return replace(books, leases=leases, neoclouds=neoclouds)
    columns = (
        ("cash_usd_m",)
        if name.startswith("cash")
        else ("fixed_cost_usd_m_yr", "opex_ex_da_usd_m_yr", "opex_hpc_other_usd_m_yr")
    )
    return replace(
        books,
        miners=tuple(_times(row, columns, factor) for row in books.miners),
        neoclouds=tuple(_times(row, columns, factor) for row in books.neoclouds),
    )


def _times[R](row: R, columns: tuple[str, ...], factor: float) -> R:
    """A row of the tape with some columns multiplied; others as they are."""
    if row.source != SOURCE:  # type: ignore[attr-defined]
        return row
    update = {name: factor * getattr(row, name) for name in columns if hasattr(row, name)}
    copied: R = row.model_copy(update=update)  # type: ignore[attr-defined]
    return copied
