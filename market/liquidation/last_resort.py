"""A buyer of last resort: a public purse that takes what the market leaves, at a stated price.

The machines are the authority's. It keeps GPUs in storage and rigs where they stand, and sells
none: what they would bring stands in the summary of the run beside what they cost.
"""

from __future__ import annotations

from ...agents.compiling.kernels import compiled
from ...agents.party import Outside
from ..state.hardware import Family
from ..state.ledger import Account
from ..state.lots import LotState
from ..state.market import Market
from ..state.money import enter, pay
from .auctions import lot_reserve_usd, sell_units
from .custody import idle_usd_unit_day


@compiled
def buy_what_is_left(market: Market) -> None:
    """After the week's auctions, buy unsold lots at a share of schedule until the purse is empty.

    Lots whose owner asks for more wait on; no trade is made that the owner would refuse.
    """
    terms, lots, cash_usd = market.terms, market.lots, market.parties.cash_usd
    left = terms.policy.buyer_of_last_resort_usd - market.ledger.policy_usd[Account.BOUGHT]
    if left <= 0.0:
        return
    authority = market.today.first_outside + Outside.AUTHORITY
    for i in range(lots.count[0]):
        if lots.state[i] != LotState.REMOVED and lots.state[i] != LotState.IN_PLACE:
            continue
        k = lots.hardware[i]
        family = market.hardware.family[k]
        wanted = (family == Family.GPU and terms.derived.last_resort_gpus) or (
            family == Family.ASIC and terms.derived.last_resort_rigs
        )
        price = terms.policy.buyer_price_share * market.schedule_usd[k]
        if not wanted or price < lot_reserve_usd(market, i):
            continue
        before = cash_usd[authority]
        sell_units(market, i, min(lots.units[i], left / price), price, 0.0, authority)
        paid = before - cash_usd[authority]
        enter(market, Account.BOUGHT, paid)
        left -= paid
        if left <= 1.0:
            return


@compiled
def store_what_was_bought(market: Market) -> None:
    """A day's cost of the idle machines that the buyer of last resort holds."""
    today, units = market.today, market.ledger.authority_units
    cost = 0.0
    for k in range(len(units)):
        if units[k] > 0.0:
            cost += units[k] * idle_usd_unit_day(market, k)
    if cost > 0.0:
        authority, courts = Outside.AUTHORITY, Outside.COURTS
        pay(market, today.first_outside + authority, today.first_outside + courts, cost)
        enter(market, Account.STORED, cost)
