"""What forced sales do to the price of bitcoin."""

from __future__ import annotations

import math

from ...agents.compiling.kernels import compiled
from ..state.market import Market


@compiled
def impact_log(
    sold_usd: float, depth_usd: float, coefficient: float, daily_volatility: float, law: int
) -> float:
    """Change of the log price by a forced sale, negative.

    ``law`` 0: square root, coefficient * volatility * sqrt(sold / depth) (Almgren et al. 2005);
    1: linear, log(1 - coefficient * sold / depth), floored at 99 % down;
    2: exponential, p' = p exp(-coefficient * sold / depth): splitting an order changes nothing.
    """
    if sold_usd <= 0.0:
        return 0.0
    share = sold_usd / depth_usd
    if law == 0:
        return -coefficient * daily_volatility * math.sqrt(share)
    if law == 1:
        return math.log(max(0.01, 1.0 - coefficient * share))
    return -coefficient * share


@compiled
def btc_impact_of(market: Market, sold_usd: float) -> float:
    """Change of the log BTC price if so much were sold in a day."""
    terms, crypto = market.terms, market.terms.crypto
    if not terms.channels.btc_impact:
        return 0.0
    return impact_log(
        sold_usd,
        crypto.depth_adv_usd,
        crypto.impact_coefficient,
        crypto.volatility / math.sqrt(365.0),
        terms.derived.btc_impact_law,
    )
