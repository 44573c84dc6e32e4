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


class Account(IntEnum):
    """What policy has moved or held back so far [USD]; all but the last four are its own money."""

    BOUGHT = 0  # machines that found no bid
    STORED = 1  # paid to keep them idle
    LENT = 2  # to lenders whose funders left
    REPAID = 3  # by them, or by their estates
    INTEREST = 4  # received on it
    LOST = 5  # of it, with lenders that failed
    CAPITAL = 6  # that lenders opened with under a buffer, beyond what they had
    WITHHELD = 7  # advances on new machines that a haircut floor took away
    SHORTENED = 8  # credit given for a shorter term than agreed
    SUSPENDED = 9  # loans in breach on which nobody might act, on the day of most of them


class Ledger(NamedTuple):
    """The journal: cumulative flows in USD by :class:`Flow`, and outside stocks by class."""

    flows: Annotated[NDArray[np.float64], Column(rows=len(Flow))]
    outside_units: Reals  # [class] net units delivered by (-) or sold to (+) outside
    outside_btc: OneReal  # net BTC held by the exchange and the network's issuance
    policy_usd: Annotated[NDArray[np.float64], Column(rows=len(Account))]
    authority_units: Reals  # [class] machines that the buyer of last resort holds
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
