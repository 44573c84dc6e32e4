"""Whom the back-test reports on: every borrower and lender of the opening tables."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class Scope:
    """Ids in the order of the tables, and what counts for what.

    Attributes:
        borrowers: id to name, without the members below.
        lenders: id to name.
        parents: ring-fenced part to the borrower it counts for.
        members: a row that stands for many to the small parties it was split into.
        imposed: parties whose failure comes from outside this market.
        not_monthly: listed miners that are not in public sums of coins, which rest on monthly
            reports: they report by quarter, or later.
    """

    borrowers: dict[str, str]
    lenders: dict[str, str]
    parents: dict[str, str]
    members: dict[str, tuple[str, ...]]
    imposed: frozenset[str]
    not_monthly: frozenset[str] = frozenset()


@cache
def scope() -> Scope:
    """The scope of the back-test of 2022."""
    table = _rows("scope")
    groups = dict.fromkeys(row["member_of"] for row in table if row["member_of"])
    return Scope(
        borrowers={
            row["id"]: row["name"]
            for row in table
            if row["kind"] == "borrower" and not row["member_of"]
        },
        lenders={row["id"]: row["name"] for row in table if row["kind"] == "lender"},
        parents={row["id"]: row["counts_for"] for row in table if row["kind"] == "part"},
        members={
            group: tuple(row["id"] for row in table if row["member_of"] == group)
            for group in groups
        },
        imposed=frozenset(row["id"] for row in table if row["imposed"] == "yes"),
        not_monthly=frozenset(row["id"] for row in _rows("not_monthly")),
    )


def _rows(name: str) -> list[dict[str, str]]:
    """The lines of a table of this room that holds no outcome."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def scope_of_books(scenario: str) -> Scope:
    """Everybody in the books of 2025 that a packaged scenario opens with.

    A row that stands for many was split into small parties, which are told apart by a number.
    """
    from ...market.opening.starting_points import starting_point
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    loaded = Scenario.load(scenario)
    books, market = starting_point(loaded).read(), Simulation(loaded).market
    operators = [*books.miners, *books.neoclouds]
    parties = market.names.parties[: market.borrower_count]
    return Scope(
        borrowers={row.id: row.name for row in operators},
        lenders={row.id: row.name for row in books.lenders},
        parents={},
        members={
            row.id: tuple(p for p in parties if re.fullmatch(rf"{re.escape(row.id)}_\d+", p))
            for row in operators
            if row.split_into > 1
        },
        imposed=frozenset(),
    )
