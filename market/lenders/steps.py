"""Phase 9: losses reach capital, funders leave, lenders fail round by round."""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ..debt.claims import value_claims
from ..debt.estates import pay_out_estates, settle_claims
from ..state.market import Market
from .credit_cycle import learn
from .earnings import earn_margins
from .failure import fail_lenders
from .funding import mark_other_loans, redeem, set_supply, target_leverage
from .last_resort import serve_last_resort
from .lines import call_lines
from .notes import mark_notes
from .provisions import provide
from .securitisation import watch_pools


@compiled
def lenders(market: Market) -> None:
    """Losses reach capital, funders leave, assets are sold; lenders fail, round by round."""
    value_claims(market)
    settle_claims(market)
    pay_out_estates(market)
    earn_margins(market)
    mark_notes(market)
    provide(market)
    watch_pools(market)
    sold = call_lines(market)
    sold += redeem(market)
    serve_last_resort(market)
    sold += target_leverage(market)
    mark_other_loans(market, sold)
    rounds = 0
    while fail_lenders(market, rounds) > 0:
        rounds += 1
    set_supply(market)
    learn(market)
