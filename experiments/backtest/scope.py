"""Whom the back-test reports on: every borrower and lender of the opening tables."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).resolve().parent / "data" / "scope.csv"


@dataclass(frozen=True)
class Scope:
    """Ids in the order of the tables, and what counts for what.

    Attributes:
        borrowers: id to name, without the members below.
        lenders: id to name.
        parents: ring-fenced part to the borrower it counts for.
        members: a row that stands for many to the small parties it was split into.
        imposed: parties whose failure comes from outside this market.
    """

    borrowers: dict[str, str]
    lenders: dict[str, str]
    parents: dict[str, str]
    members: dict[str, tuple[str, ...]]
    imposed: frozenset[str]


@cache
def scope() -> Scope:
    """The scope of the back-test of 2022."""
    with FILE.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
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
    )
