"""Phase 9: losses reach capital, funders leave, lenders fail round by round."""

from __future__ import annotations

from ...agents.compiling.kernels import entrance
from ..debt.claims import value_claims
from ..debt.estates import pay_out_estates, settle_claims
from ..state.market import Market
from .credit_cycle import learn
from .failure import fail_lenders
from .funding import mark_other_loans, redeem, set_supply, target_leverage


def lenders(market: Market) -> None:
    """Losses reach capital, funders leave, assets are sold; lenders fail, round by round."""
    strain(market)
    rounds = 0
    while fail_lenders(market, rounds):
        rounds += 1
    set_supply(market)
    learn(market)


@entrance
def strain(market: Market) -> None:
    """Before anybody fails: losses, estates, runs, asset sales and the price of loans."""
    value_claims(market)
    settle_claims(market)
    pay_out_estates(market)
    sold = redeem(market)
    sold += target_leverage(market)
    mark_other_loans(market, sold)
