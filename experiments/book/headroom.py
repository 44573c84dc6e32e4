"""Tests of a book's loans in a draw of second-hand prices: their headroom is that of the tape.

A draw moves what machines fetch on the first day. A lender's own valuation does not move with what
we believe of prices: its tests start from the headroom that it reports.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from ...market.opening.tape.loans import LTVS

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.opening.books_2025.rows import Loan


def with_headroom(drawn: Books, central: Books, loans: Collection[str]) -> Books:
    """Drawn books whose tests on machines move against the draw of their price."""
    own = set(loans)
    price = {row.id: row.used_price_usd for row in central.hardware}
    factor = {
        row.id: known / row.used_price_usd
        for row in drawn.hardware
        if row.used_price_usd and (known := price[row.id])
    }

    def moved(loan: Loan) -> Loan:
        times = factor.get(loan.collateral_class or "", 1.0)
        if loan.loan_id not in own or loan.margin_call_ltv is None or times == 1.0:
            return loan
        update = {name: times * getattr(loan, name) for name in LTVS}
        return loan.model_copy(update=update)

    return replace(drawn, loans=tuple(moved(loan) for loan in drawn.loans))
