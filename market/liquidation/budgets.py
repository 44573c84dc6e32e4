"""What buyers have to spend: a week's income, saved up to a limit, less where credit is short."""

from __future__ import annotations

from ...agents.buyer import Buyers
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import credit_supply_share
from ..state.market import Market


@compiled
def save_budgets(market: Market) -> None:
    """A week's income of buyers; nobody saves up more than ``budget_days`` of it."""
    settings, buyers = market.terms.liquidation, market.buyers
    share = money_share(market)
    for i in range(len(buyers.budget_usd)):
        inflow = inflow_usd_day(buyers, i, share)
        saved = buyers.budget_usd[i]
        most = max(inflow * settings.budget_days, saved)
        buyers.budget_usd[i] = min(saved + settings.window_days * inflow, most)


@compiled
def money_share(market: Market) -> float:
    """Credit that buyers get, over what they usually get."""
    if not market.terms.channels.buyer_finance:
        return 1.0
    return credit_supply_share(market.lenders) * market.prices.appetite


@inlined
def inflow_usd_day(buyers: Buyers, i: int, share: float) -> float:
    """A buyer's income for machines [USD/day]; its part on credit shrinks with supply."""
    return buyers.budget_usd_day[i] * (1.0 - buyers.credit_share[i] * (1.0 - share))
