"""Tests of a user's own loans in a draw of second-hand prices: their headroom is that of the tape.

A draw moves what machines fetch on the first day. A lender's own valuation does not move with what
we believe of prices: its tests start from the headroom that it reports.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..books_2025.rows import Loan
from ..rows import Hardware
from .source import SOURCE

LTVS = ("initial_ltv", "margin_call_ltv", "liquidation_ltv")


def with_headroom(
    loans: Iterable[Loan], central: Iterable[Hardware], drawn: Iterable[Hardware]
) -> tuple[Loan, ...]:
    """Loans whose tests on machines, if they came with a tape, move against the draw of a price."""
    price = {row.id: row.used_price_usd for row in central}
    factor = {
        row.id: known / row.used_price_usd
        for row in drawn
        if row.used_price_usd and (known := price[row.id])
    }

    def moved(loan: Loan) -> Loan:
        times = factor.get(loan.collateral_class or "", 1.0)
        if loan.source != SOURCE or loan.margin_call_ltv is None or times == 1.0:
            return loan
        return loan.model_copy(update={name: times * getattr(loan, name) for name in LTVS})

    return tuple(moved(loan) for loan in loans)
