"""Double entry: every transfer names payer, payee and amount, and every stock is checked daily.

Transfers are the only functions that move cash, coins, machines or claims. Each also writes a
journal: the flow by asset and by direction, counted independently of the stocks. At the end of the
day stocks are summed afresh, those of buyers when they buy (on days of auctions) and on the last
day; what they changed by must equal what the journal says.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.columns import Column, OneReal, Reals

DUST_USD = 1e-6  # rounding: nobody is owed so little


class Flow(IntEnum):
    """Entries of the journal: claims are created and extinguished, all else only moves."""

    CLAIM_DRAWN = 0
    CLAIM_REPAID = 1
    CLAIM_WRITTEN_OFF = 2
    PAYABLE_RAISED = 3
    PAYABLE_SETTLED = 4


class Ledger(NamedTuple):
    """The journal: cumulative flows in USD by :class:`Flow`, and outside stocks by class."""

    flows: Annotated[NDArray[np.float64], Column(rows=len(Flow))]
    outside_units: Reals  # [class] net units delivered by (-) or sold to (+) outside
    outside_btc: OneReal  # net BTC held by the exchange and the network's issuance
    # what buyers have, when it was last counted
    buyers: Annotated[NDArray[np.float64], Column(rows=3)]  # cash, gross cash [USD] and BTC
    buyer_units: Reals  # [class]


class Stocks(NamedTuple):
    """Total stocks of a day, each summed over all its holders, outside parties included."""

    cash_usd: float
    cash_gross_usd: float
    btc: float
    btc_gross: float
    units: NDArray[np.float64]  # [class]
    units_gross: NDArray[np.float64]
    claims_usd: float
    books_usd: float
    lender_gap_usd: float  # worst |cash + book + other loans - funding - capital|
    lender_assets_usd: float
    payables_usd: float
