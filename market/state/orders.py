"""Machines on order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SMALLEST_ORDER_USD = 1e6


class Orders(NamedTuple):
    """One row per borrower that may order machines: those on order, and who may pay for them."""

    borrower: NDArray[np.int32]  # ascending
    units: NDArray[np.float64]
    unit_usd: NDArray[np.float64]  # agreed price
    debt_usd: NDArray[np.float64]  # that the lender has agreed to
    due_day: NDArray[np.int32]
    unfunded_days: NDArray[np.int32]
    facility: NDArray[np.int32]  # loan, -1: none
    holding: NDArray[np.int32]  # row of such machines


def empty_orders(borrower: NDArray[np.int32]) -> Orders:
    """A table of borrowers without orders, facilities or room for machines yet."""
    count = len(borrower)
    return Orders(
        borrower=borrower,
        units=np.zeros(count),
        unit_usd=np.zeros(count),
        debt_usd=np.zeros(count),
        due_day=np.full(count, -1, np.int32),
        unfunded_days=np.zeros(count, np.int32),
        facility=np.full(count, -1, np.int32),
        holding=np.full(count, -1, np.int32),
    )
