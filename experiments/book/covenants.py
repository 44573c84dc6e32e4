"""The kinds of covenants that loans have, and books without one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...market.opening.books import Books
    from ...market.opening.books_2025.rows import Loan

COINS, MACHINES, COVERAGE = "LTV on coins", "LTV on machines", "DSCR"
KINDS = (COINS, MACHINES, COVERAGE)


def has(row: Loan, kind: str) -> bool:
    """Whether a loan has that kind of covenant."""
    if kind == COVERAGE:
        return row.min_dscr is not None
    coins = row.collateral_class == "BTC"
    return row.margin_call_ltv is not None and coins == (kind == COINS)


def kinds_of(books: Books, loans: Collection[str]) -> list[str]:
    """The kinds of covenants that loans of a book have."""
    own = set(loans)
    rows = [row for row in books.loans if row.loan_id in own]
    return [kind for kind in KINDS if any(has(row, kind) for row in rows)]


def without(kind: str, books: Books, loans: Collection[str]) -> Books:
    """The books without one kind of covenant of some loans; without a kind, as they are."""
    if not kind:
        return books
    own = set(loans)
    names = ("min_dscr", "dscr_test_start")
    if kind != COVERAGE:
        names = ("margin_call_ltv", "liquidation_ltv")

    def bare(row: Loan) -> Loan:
        if row.loan_id not in own or not has(row, kind):
            return row
        return row.model_copy(update=dict.fromkeys(names))

    return replace(books, loans=tuple(bare(row) for row in books.loans))
