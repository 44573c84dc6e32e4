"""What lenders advance on a new machine today, and what a haircut floor takes away from that."""

from __future__ import annotations

from ...agents.compiling.kernels import inlined
from ...agents.lender import advance_rate
from .market import Market


@inlined
def advance_today(market: Market) -> float:
    """Share of a new machine's cost that lenders advance, under the haircut floor."""
    terms = market.terms
    rate: float = advance_rate(
        terms.derived.growth_advance_rate,
        market.prices.ease,
        terms.lenders.cycle_swing,
        terms.derived.most_advance,
    )
    return rate


@inlined
def advance_without_floor(market: Market) -> float:
    """The share they would advance if no policy set a least haircut."""
    terms = market.terms
    rate: float = advance_rate(
        terms.credit.growth_advance_rate,
        market.prices.ease,
        terms.lenders.cycle_swing,
        terms.credit.most_advance_rate,
    )
    return rate
