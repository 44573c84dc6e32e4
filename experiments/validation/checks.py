"""What is checked on the spot: published results, and identities that hold in every run."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...market.simulation import Simulation
    from .rows import Row

DAYS = 60
MOST_ERROR = 1e-9  # relative, of the books
STARTS = {"2025": "joint-crash", "2021": "backtest-2022", "synthetic": "crypto-crash"}
PUBLISHED, IDENTITIES = "published results", "identities"


class Check(NamedTuple):
    """One line of the report card.

    Attributes:
        kind: published results, identities, back-tests, seals, mutants, coverage.
        name: what is checked.
        outcome: in a few words, with numbers.
        date: when it was found so, ISO; empty if never.
        passed: None: nobody knows, because what it needs is not here.
    """

    kind: str
    name: str
    outcome: str
    date: str
    passed: bool | None


def today() -> str:
    """The date of what is checked now."""
    return dt.date.today().isoformat()


def within(row: Row) -> bool:
    """Whether each of our numbers is as near as it may be."""
    return all(
        abs(ours - expected) <= tolerance
        for ours, expected, tolerance in zip(row.ours, row.expected, row.tolerance, strict=True)
    )


def published(rows: list[Row]) -> list[Check]:
    """A line for each published result."""
    lines = []
    for row in rows:
        ours, theirs = (", ".join(f"{x:.6g}" for x in part) for part in (row.ours, row.expected))
        outcome = f"{ours}; published {theirs} ({row.source})"
        lines.append(Check(PUBLISHED, row.result, outcome, today(), within(row)))
    return lines


def simulation(start: str, *settings: str) -> Simulation:
    """A short run of a crash from one of the starting points, unseen by anybody."""
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    scenario = Scenario.load(STARTS[start])
    wanted = [f"days={DAYS}", *settings]
    if start == "synthetic":
        wanted.insert(0, "opening.start=synthetic")
    return Simulation(scenario.with_settings(wanted), 1, keeps_book=False)


def _books(run: Simulation) -> tuple[str, bool]:
    error = float(run.market.kept.series.conservation_error[: run.day + 1].max())
    return f"worst unexplained change of a stock {error:.1g}, allowed {MOST_ERROR:g}", (
        error <= MOST_ERROR
    )


def _balance_sheets(run: Simulation) -> tuple[str, bool]:
    """Of lenders that stand: cash + book + other loans = funding + capital."""
    from ...agents.party import Status

    market, lenders = run.market, run.market.lenders
    rows = slice(market.today.first_lender, market.today.first_lender + len(lenders.kind))
    assets = market.parties.cash_usd[rows] + lenders.book_usd + lenders.other_loans_usd
    assets = assets - lenders.written_down_usd - lenders.provision_usd
    gap = np.abs(assets - lenders.funding_usd - lenders.capital_usd)
    stand = market.parties.status[rows] == Status.ACTIVE
    worst = float((gap / np.maximum(np.abs(assets), 1.0))[stand].max())
    return f"worst gap of a lender's balance sheet {worst:.1g} of its assets", worst <= 1e-6


def _repeats(start: str) -> tuple[str, bool]:
    first, second = (simulation(start).run() for _ in range(2))
    same = first.summary() == second.summary() and bool(
        np.array_equal(first.events().to_numpy(str), second.events().to_numpy(str))
    )
    return f"two runs of one seed are {'the same' if same else 'different'}", same


def _same_shocks(start: str) -> tuple[str, bool]:
    off = simulation(start, "channels.btc_impact=false", "channels.fire_sale=false")
    same = np.array_equal(simulation(start).market.crypto.btc_usd, off.market.crypto.btc_usd)
    return f"shocks are {'the same' if same else 'different'} with channels off", same


def identities() -> list[Check]:
    """What holds in every run, on a short crash from each starting point."""
    lines = []

    def add(name: str, found: tuple[str, bool]) -> None:
        lines.append(Check(IDENTITIES, name, found[0], today(), found[1]))

    for start in STARTS:
        run = simulation(start).run()
        add(f"money, coins, machines and claims of {start}, {DAYS} days", _books(run))
        add(f"balance sheets of lenders of {start}", _balance_sheets(run))
    more: dict[str, Callable[[str], tuple[str, bool]]] = {
        "one seed, one result": _repeats,
        "common random numbers": _same_shocks,
    }
    for name, check in more.items():
        add(name, check("2025"))
    return lines
