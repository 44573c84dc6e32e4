"""New rigs: who buys them, and how fast the network grows.

The network grows as a scenario plans while new rigs earn on their price what they earned at the
opening (:func:`market.prices.network.grow_network`). Miners buy their part of that growth as far as
own money and loans on their coins go, each once a quarter; whoever is not modelled buys the rest.
Who does not buy mines less and less of a growing network.
"""

from __future__ import annotations

from ...agents.borrower import QUARTER_DAYS
from ...agents.buyer import strip_value_usd
from ...agents.compiling.kernels import compiled, inlined
from ...agents.miner import MWH_PER_KW_DAY, NETWORK_POWER_USD_MWH, growth_answer
from ...agents.party import Kind, Outside
from ..debt.coin_lines import coin_room_usd, fund_growth
from ..state.events import Cause, Event
from ..state.frontier import replacement_usd
from ..state.hardware import Family, find_holding
from ..state.history import log_event
from ..state.machines import income_outlook
from ..state.market import Market
from ..state.money import pay
from ..state.orders import SMALLEST_ORDER_USD
from ..state.units import TH_PER_EH, TH_PER_PH
from .investment import OWN_MONEY_SHARE, WEEK_DAYS, WEEKS_PER_QUARTER, in_good_standing
from .purchases import spare_cash_usd


@compiled
def new_rig_usd(market: Market, power_usd_mwh: float) -> float:
    """What a TH/s of new rigs earns over its life at a power price [USD], at owners' return."""
    k = market.opening.growth_class
    income = market.buyer_view[k] * market.prices.hashprice_usd_ph_day / TH_PER_PH
    return strip_value_usd(
        income,
        market.hardware.kw[k] * MWH_PER_KW_DAY * power_usd_mwh,
        income_outlook(market, k),
        market.terms.investment.owners_required_return,
        market.terms.liquidation.asic_life_years,
    )


@compiled
def rig_value_to_price(market: Market) -> float:
    """What new rigs earn at the network's price of power, over what they cost."""
    worth = new_rig_usd(market, NETWORK_POWER_USD_MWH)
    return worth / replacement_usd(market, market.opening.growth_class)


@inlined
def _rigs_th(market: Market, b: int) -> float:
    """Hashrate of all rigs a miner owns, running or not [TH/s]."""
    total = 0.0
    for row in range(market.holdings.first[b], market.holdings.first[b + 1]):
        if market.hardware.family[market.holdings.hardware[row]] == Family.ASIC:
            total += market.holdings.units[row]
    return total


@compiled
def wanted_share(market: Market) -> float:
    """Share of its hashrate that a miner wants to add a quarter: as the network grows today."""
    day, growth = market.today.day, market.crypto.hashrate_growth
    if day <= 0 or day >= len(growth):
        return 0.0
    planned = (growth[day] / growth[day - 1]) ** QUARTER_DAYS - 1.0
    answer = growth_answer(market.prices.rig_q, market.terms.crypto.hashrate_answer)
    return max(0.0, planned) * answer


@compiled
def buy_rigs(market: Market) -> None:
    """Miners whose week it is buy new rigs, if these pay at their price of power (in place)."""
    today, parties, borrowers = market.today, market.parties, market.borrowers
    k = market.opening.growth_class
    if k < 0 or market.terms.derived.network_replayed or today.day % WEEK_DAYS != 0:
        return
    if market.opening.rig_value_to_price > 0.0:  # else they were worthless, and q stays 1
        market.prices.rig_q = rig_value_to_price(market) / market.opening.rig_value_to_price
    share = wanted_share(market)
    if not market.terms.investment.rigs or today.past_horizon or share <= 0.0:
        return
    supplier = today.first_outside + Outside.SUPPLIER
    site_usd = market.terms.investment.rig_site_usd_per_kw * market.hardware.kw[k]
    unit_usd = replacement_usd(market, k) + site_usd
    week = today.day // WEEK_DAYS
    for b in range(len(borrowers.creditworthy)):
        row = find_holding(market.holdings, b, k)
        if (
            parties.kind[b] != Kind.MINER
            or row < 0
            or (week + b) % WEEKS_PER_QUARTER != 0
            or not in_good_standing(market, b)
            or new_rig_usd(market, market.miners.power_usd_mwh[b]) < unit_usd
        ):
            continue
        spare = spare_cash_usd(market, b)
        outside = borrowers.equity_room_usd[b] + coin_room_usd(market, b)
        money = OWN_MONEY_SHARE * (spare + outside)
        units = min(share * _rigs_th(market, b), money / unit_usd)
        cost = units * unit_usd
        if cost < SMALLEST_ORDER_USD:
            continue
        fund_growth(market, b, cost - spare)
        pay(market, b, supplier, cost)
        borrowers.site_usd[b] += units * site_usd
        market.holdings.units[row] += units
        market.ledger.outside_units[k] -= units
        market.prices.bought_eh_s += units / TH_PER_EH
        market.prices.rigs_bought_usd += cost
        log_event(market, Event.ORDERED, Cause.RETURNS, (b, supplier, -1), cost, -1)
