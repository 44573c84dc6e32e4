"""New rigs: miners buy their part of the network's growth from own money."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.borrower import QUARTER_DAYS
from ...agents.buyer import Outlook
from ...agents.miner import MWH_PER_KW_DAY, NETWORK_POWER_USD_MWH
from ...market.operators.investment import OWN_MONEY_SHARE, WEEK_DAYS, WEEKS_PER_QUARTER
from ...market.state.events import Cause, Event
from ...market.state.hardware import Family
from ...market.state.orders import SMALLEST_ORDER_USD
from ...market.state.units import TH_PER_EH, TH_PER_PH
from . import coins
from .borrower import Borrower, Miner
from .growth import spare_cash_usd
from .rules import growth_answer, strip_value_usd

if TYPE_CHECKING:
    from .model import TwinMarket
    from .things import HardwareClass


def buy_rigs(market: TwinMarket) -> None:
    """Miners whose week it is buy new rigs, if they pay at their price of power."""
    k = market.opening.growth_class
    if k < 0 or market.settings.crypto.network == "history" or market.day % WEEK_DAYS != 0:
        return
    newest = market.hardware[k]
    q = worth_usd(market, newest, NETWORK_POWER_USD_MWH) / price_usd(market, newest)
    if market.opening.rig_value_to_price > 0.0:
        market.prices.rig_q = q / market.opening.rig_value_to_price
    share = _wanted_share(market)
    if not market.settings.investment.rigs or market.past_horizon or share <= 0.0:
        return
    site = market.settings.investment.rig_site_usd_per_kw * newest.kw
    unit = price_usd(market, newest) + site
    week = market.day // WEEK_DAYS
    for miner in market.borrowers:
        if (
            isinstance(miner, Miner)
            and newest in miner.holdings
            and (week + miner.number) % WEEKS_PER_QUARTER == 0
            and miner.in_good_standing()
            and worth_usd(market, newest, miner.power_usd_mwh) >= unit
        ):
            _buy(miner, newest, share, (unit, site))


def price_usd(market: TwinMarket, newest: HardwareClass) -> float:
    """Price of a TH/s of new rigs today [USD]."""
    decline = market.settings.liquidation.new_price_decline
    return newest.replacement_usd * math.exp(-decline * market.day / 365.0)


def worth_usd(market: TwinMarket, newest: HardwareClass, power_usd_mwh: float) -> float:
    """What a TH/s of new rigs earns over its life at a price of power [USD]."""
    settings = market.settings.liquidation
    value: float = strip_value_usd(
        newest.buyer_view * market.prices.hashprice_usd_ph_day / TH_PER_PH,
        newest.kw * MWH_PER_KW_DAY * power_usd_mwh,
        Outlook(
            settings.hashprice_drift, settings.hashprice_volatility, settings.reversion_per_year
        ),
        market.settings.investment.owners_required_return,
        settings.asic_life_years,
    )
    return value


def _wanted_share(market: TwinMarket) -> float:
    """Share of its hashrate that a miner wants to add a quarter."""
    growth, day = market.crypto.hashrate_growth, market.day
    if day >= len(growth):
        return 0.0
    planned = float((growth[day] / growth[day - 1]) ** QUARTER_DAYS) - 1.0
    answer: float = growth_answer(market.prices.rig_q, market.settings.crypto.hashrate_answer)
    return max(0.0, planned) * answer


def _buy(miner: Miner, newest: HardwareClass, share: float, cost_usd: tuple[float, float]) -> None:
    unit = cost_usd[0]
    owned = 0.0
    for kind, holding in miner.holdings.items():
        if kind.family is Family.ASIC:
            owned += holding.units
    spare = spare_cash_usd(miner)
    outside = miner.equity_room_usd + coins.room_usd(miner)
    units = min(share * owned, OWN_MONEY_SHARE * (spare + outside) / unit)
    cost = units * unit
    if cost < SMALLEST_ORDER_USD:
        return
    coins.fund_growth(miner, cost - spare)
    take(miner, newest, units, cost_usd)


def take(
    miner: Borrower, newest: HardwareClass, units: float, cost_usd: tuple[float, float]
) -> None:
    """Pay for rigs, unit and of it site [USD], and run them."""
    market, (unit, site) = miner.model, cost_usd
    cost = units * unit
    miner.pay(market.supplier, cost)
    miner.site_usd += units * site
    miner.holdings[newest].units += units
    newest.outside_units -= units
    market.prices.bought_eh_s += units / TH_PER_EH
    market.prices.rigs_bought_usd += cost
    market.note(Event.ORDERED, Cause.RETURNS, miner, market.supplier, None, cost, None)
