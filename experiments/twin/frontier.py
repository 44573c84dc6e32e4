"""New machines: their price and worth, the class one buys, and what is expected of new classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.buyer import Outlook
from ...agents.neocloud import HOURS_PER_DAY
from ...market.state.frontier import TYPICAL_USD_KWH
from ...market.state.hardware import NEVER, Family
from . import cycle
from .rules import annuity_factor, strip_value_usd

if TYPE_CHECKING:
    from .model import TwinMarket
    from .things import HardwareClass


def cheaper(market: TwinMarket, kind: HardwareClass) -> float:
    """What new machines cost over the opening, beside what launches do."""
    days = market.day
    if kind.family is Family.GPU:
        days = max(0, days - market.opening.roadmap_end_day)
    return math.exp(-market.settings.liquidation.new_price_decline * days / 365.0)


def price_usd(market: TwinMarket, machine: HardwareClass) -> float:
    """Price of a new machine today [USD]."""
    return machine.new_usd * cheaper(market, machine)


def rent_usd_day(market: TwinMarket, machine: HardwareClass) -> float:
    """Listed rent of a machine a day [USD]: its work at the price of work."""
    return market.prices.rent_h100_usd_h * machine.quality * HOURS_PER_DAY


def q_of(market: TwinMarket, machine: HardwareClass) -> float:
    """What a new machine earns over its life at the cost of the money for it, over its price.

    Over the same of today's machine at the opening.
    """
    terms, settings = market.terms, market.settings.liquidation
    borrowed = cycle.advance_rate(market) * min(1.0, market.prices.appetite)
    money = borrowed * cycle.growth_rate(market)
    money += (1.0 - borrowed) * terms.investment.owners_required_return
    view = market.hardware[market.opening.machine_class].buyer_view
    value: float = strip_value_usd(
        view * rent_usd_day(market, machine),
        machine.kw * HOURS_PER_DAY * TYPICAL_USD_KWH,
        Outlook(settings.gpu_rent_drift, settings.gpu_rent_volatility, settings.reversion_per_year),
        money,
        terms.liquidation.gpu_life_years,
    )
    return value / price_usd(market, machine) / market.opening.value_to_price


# ---------------------------------------------------------------- launches


def later_classes(market: TwinMarket) -> list[HardwareClass]:
    """Classes that come after the opening."""
    return [kind for kind in market.hardware if 0 < kind.launch_day < NEVER]


def launched(market: TwinMarket) -> list[HardwareClass]:
    """Those of them that are there."""
    return [kind for kind in later_classes(market) if market.day >= kind.launch_day]


def made(market: TwinMarket, kind: HardwareClass, day: float) -> float:
    """Share of what is wanted of a class that is made on a day."""
    if kind.launch_day == 0:
        return 1.0
    return float(min(1.0, max(0.0, (day - kind.launch_day) / market.terms.launches.ramp_days)))


def choose(market: TwinMarket) -> HardwareClass:
    """The class that orders of the day are for: of it most of q beyond one can be had."""
    chosen = market.hardware[market.opening.machine_class]
    q = q_of(market, chosen)
    for kind in launched(market):
        other = q_of(market, kind)
        now = made(market, chosen, market.day) * max(q - 1.0, 0.0)
        then = made(market, kind, market.day) * (other - 1.0)
        if then > now or (now == 0.0 and other > q):
            chosen, q = kind, other
    market.prices.q, market.prices.frontier = q, chosen.number
    return chosen


def order_outside(market: TwinMarket, kind: HardwareClass) -> None:
    """The rest of the market buys new classes too, and has the money."""
    terms = market.terms
    if kind.launch_day == 0 or market.prices.q <= 1.0:
        return
    due = market.day + terms.investment.order_days
    if due >= len(market.planned_supply):
        return
    growth = terms.investment.sensitivity * (market.prices.q - 1.0) * made(market, kind, market.day)
    fleets = terms.launches.outside_share * float(market.planned_supply[market.day])
    come = growth * fleets * 7.0 / 365.0
    counted = min(come, market.prices.entered_h100)  # entrants are part of that growth
    market.prices.entered_h100 -= counted
    come -= counted
    market.outside_arrivals[due] = market.outside_arrivals.get(due, 0.0) + come


def outside_gpus(market: TwinMarket) -> float:
    """New classes that the rest of the market runs today, H100s by work."""
    market.prices.outside_gpus += market.outside_arrivals.get(market.day, 0.0)
    return float(market.prices.outside_gpus)


def _after(q: float, speed: float) -> float:
    """The way of q to one: 1 - 1/q halves and halves."""
    return 1.0 / (1.0 - (1.0 - 1.0 / q) * math.exp(-speed))


def look_ahead(market: TwinMarket) -> None:
    """The expected price of work, month by month, over today's: others enter with what comes."""
    terms, path = market.terms, market.work_price_ahead
    speed = terms.investment.sensitivity / terms.compute.elasticity / 12.0
    coming = []
    if terms.channels.rent_feedback and speed > 0.0:
        coming = [(kind, q_of(market, kind)) for kind in later_classes(market)]
    price = 1.0
    for month in range(len(path)):
        ordered = market.day + (month + 0.5) * 365.0 / 12.0 - terms.investment.order_days
        best, share = 1.0, 0.0
        for kind, q in coming:
            can_be_had = made(market, kind, ordered)
            if can_be_had * (q * price - 1.0) > share * (best - 1.0):
                best, share = q * price, can_be_had
        path[month] = price
        if best > 1.0:
            path[month] = price * _after(best, 0.5 * speed * share) / best
            price = price * _after(best, speed * share) / best


def replacement_usd(market: TwinMarket, kind: HardwareClass, years: float) -> float:
    """What the work of a class costs on new machines [USD/unit], for its ``years`` to come."""
    most = kind.replacement_usd * cheaper(market, kind)
    settings = market.settings.liquidation
    rate = math.log(1.0 + settings.seller_required_return)
    fall = rate - settings.gpu_rent_drift
    life = settings.gpu_life_years
    for new in launched(market) if kind.quality > 0.0 else []:
        number = kind.quality / new.quality
        part = annuity_factor(fall, min(years, life)) / annuity_factor(fall, life)
        kwh_day = (kind.kw - number * new.kw) * HOURS_PER_DAY
        power = 365.0 * kwh_day * TYPICAL_USD_KWH * annuity_factor(rate, years)
        most = min(most, max(0.0, number * price_usd(market, new) * part - power))
    return most
