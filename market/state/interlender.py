"""What lenders owe each other."""

from __future__ import annotations

from typing import NamedTuple

from ...agents.columns import Flags, Longs, Reals


class Interlender(NamedTuple):
    """Who owes whom among lenders, by debtor: ``first[row] .. first[row + 1]``.

    Amounts are part of the debtor's funding and of the creditor's other loans.
    """

    first: Longs  # [lender + 1]
    creditor: Longs  # row
    amount_usd: Reals
    margined: Flags  # a line on collateral that is called when that loses value
