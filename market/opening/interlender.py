"""Claims between lenders: warehouse lines, prime brokers, crypto lenders among themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.lender import LenderKind, Lenders
from ..state.interlender import Interlender


def open_interlender(lenders: Lenders, warehouse_share: float, crypto_share: float) -> Interlender:
    """Warehouse and prime-broker lines from banks, and claims among crypto lenders.

    No such claim is known for 2025, so each is a share of the debtor's funding, spread over
    creditors in proportion to their other loans (of which they take up at most half).
    """
    count = len(lenders.kind)
    owed = np.zeros((count, count))
    room = 0.5 * np.maximum(lenders.other_loans_usd, 0.0)
    banks = np.where(lenders.kind == LenderKind.BANK, room, 0.0)
    crypto = np.where(lenders.kind == LenderKind.CRYPTO_LENDER, room, 0.0)
    for row in range(count):
        if lenders.sleeve[row]:
            continue
        lines = [(warehouse_share, banks)]
        if lenders.kind[row] == LenderKind.CRYPTO_LENDER:
            lines.append((crypto_share, crypto))
        for share, creditors in lines:
            weights = creditors.copy()
            weights[row] = 0.0
            if weights.sum() > 0.0:
                owed[row] += share * lenders.funding_usd[row] * weights / weights.sum()
    total = owed.sum(axis=0)
    scale = np.divide(room, total, out=np.ones(count), where=total > room)
    owed *= np.minimum(scale, 1.0)
    return interlender_of(owed)


def interlender_of(owed: NDArray[np.float64]) -> Interlender:
    """Claims from a matrix [debtor, creditor] in USD."""
    count = len(owed)
    rows, creditor = np.nonzero(owed)
    first = np.searchsorted(rows, np.arange(count + 1)).astype(np.int64)
    return Interlender(first, creditor.astype(np.int64), owed[rows, creditor])
