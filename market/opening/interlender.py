"""Claims between lenders: lines to funds, prime brokers, securitised notes, crypto lenders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...agents.lender import LenderKind, Lenders
from ..state.interlender import Interlender
from .rows import InterlenderShare

LARGEST_LINES_SHARE = 0.5  # of a creditor's other loans


def open_interlender(
    lenders: Lenders, ids: Sequence[str], relations: Sequence[InterlenderShare], scale: float
) -> Interlender:
    """Claims by relation: each a share of the debtor's funding, times ``scale``.

    A sleeve's debts are its group's. Nobody owes more than its funding, and a creditor has lent at
    most half its other loans.
    """
    count = len(lenders.kind)
    owed, margined = np.zeros((count, count)), np.zeros((count, count), np.bool_)
    kinds = [LenderKind(int(kind)).name.lower() for kind in lenders.kind]
    place = {name: row for row, name in enumerate(ids)}
    for relation in relations:
        creditor = place[relation.creditor_id]
        for row in range(count):
            named = relation.debtor in (ids[row], kinds[row])
            if named and row != creditor and not lenders.sleeve[row]:
                owed[row, creditor] += scale * relation.share * lenders.funding_usd[row]
                margined[row, creditor] = relation.margined
    owed *= _at_most(owed.sum(axis=1), lenders.funding_usd)[:, np.newaxis]
    owed *= _at_most(owed.sum(axis=0), LARGEST_LINES_SHARE * lenders.other_loans_usd)
    return interlender_of(owed, margined)


def _at_most(total: NDArray[np.float64], most: NDArray[np.float64]) -> NDArray[np.float64]:
    """What sums must be multiplied with to be at most so much."""
    most = np.maximum(most, 0.0)
    return np.divide(most, total, out=np.ones(len(total)), where=total > most)


def interlender_of(
    owed: NDArray[np.float64], margined: NDArray[np.bool_] | None = None
) -> Interlender:
    """Claims from a matrix [debtor, creditor] in USD, and which of them are margined lines."""
    count = len(owed)
    rows, creditor = np.nonzero(owed)
    first = np.searchsorted(rows, np.arange(count + 1)).astype(np.int64)
    called = np.zeros(len(rows), np.bool_) if margined is None else margined[rows, creditor]
    return Interlender(first, creditor.astype(np.int64), owed[rows, creditor], called)
