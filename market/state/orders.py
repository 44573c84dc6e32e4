"""Machines on order."""

from __future__ import annotations

from typing import NamedTuple

from ...agents.columns import Ints, IntsOrNone, Reals

SMALLEST_ORDER_USD = 1e6


class Orders(NamedTuple):
    """One row per borrower and class that it may order: those on order, and who may pay for them.

    The class is that of the holding; a borrower has machines of one class on order at a time.
    """

    borrower: Ints  # ascending
    units: Reals
    unit_usd: Reals  # agreed price
    debt_usd: Reals  # that the lender has agreed to
    due_day: IntsOrNone
    unfunded_days: Ints
    facility: IntsOrNone  # loan, -1: none
    holding: IntsOrNone  # row of such machines
