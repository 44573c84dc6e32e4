"""What lenders owe each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Interlender(NamedTuple):
    """Who owes whom among lenders, by debtor: ``first[row] .. first[row + 1]``.

    Amounts are part of the debtor's funding and of the creditor's other loans.
    """

    first: NDArray[np.int64]  # [lender + 1]
    creditor: NDArray[np.int64]  # row
    amount_usd: NDArray[np.float64]
