"""After the horizon: the same days, without new orders, until open claims are settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...market.state.loans import LoanStatus

if TYPE_CHECKING:
    from ...market.prices.paths import PricePaths
    from .loan import Loan
    from .model import TwinMarket


def resolve(market: TwinMarket, paths: PricePaths) -> list[Loan]:
    """Go on until the claims that are open today are settled; returns their loans."""
    market.macro, market.crypto, market.compute = paths
    market.past_horizon = True
    claims = [loan for loan in market.loans if loan.status is LoanStatus.DEFAULTED]
    while any(loan.status is LoanStatus.DEFAULTED for loan in claims):
        market.live_a_day()
    return claims
