"""The frontier: what new machines cost and are worth, which class one buys, who else will buy it.

Law: a GPU earns the work it does at the price of work (:mod:`market.prices.rents`). A class that
does work for less has a Tobin's q above one at today's price; orders and the rest of the market
answer, and the price of work falls until q is one again. No launch moves a rent by itself.

Assumptions: q is measured against the opening day's, at the same general outlook on both days, so
that it compares rents with prices and not roadmaps with each other. Makers hold the price of a
class; new machines get cheaper by launches, and after the last announced one at the pace of
``liquidation.new_price_decline``, for those that nobody has announced yet. Of a class that many
want, makers make as much as is wanted after ``launches.ramp_days``.
"""

from __future__ import annotations

import math

import numpy as np

from ...agents.buyer import strip_value_usd
from ...agents.compiling.kernels import compiled
from ...agents.maker import made_share, q_after_entry, same_work_usd
from ...agents.neocloud import HOURS_PER_DAY
from .advances import advance_today
from .hardware import NEVER, Family
from .machines import cheaper, income_outlook, life_left_years, unit_cost_usd_day
from .market import Market

TYPICAL_USD_KWH = 0.12  # power and site, of the machine whose q the market looks at
MONTH_YEARS = 1.0 / 12.0
MONTH_DAYS = 365.0 / 12.0


@compiled
def machine_price_usd(market: Market, k: int) -> float:
    """Price of a new machine of a class today [USD]."""
    return market.hardware.new_usd[k] * cheaper(market, k)


@compiled
def growth_spread(market: Market) -> float:
    """Spread of a new facility: less where lenders have not lost for long."""
    prices, terms = market.prices, market.terms
    spread = (
        terms.credit.growth_spread + prices.spread_change - terms.lenders.spread_swing * prices.ease
    )
    return max(0.0, spread)


@compiled
def value_to_price(market: Market, k: int) -> float:
    """What a new machine is expected to earn over its life, over its price.

    At the market's view of rents, discounted at the weighted cost of money: lenders' advance at
    their rate, the rest at the owners' required return.
    """
    prices, terms, hardware = market.prices, market.terms, market.hardware
    advance = advance_today(market) * min(1.0, prices.appetite)
    debt_rate = prices.reference_rate + growth_spread(market)
    money = advance * debt_rate + (1.0 - advance) * terms.investment.owners_required_return
    view = market.buyer_view[market.opening.machine_class]
    value = strip_value_usd(
        view * prices.rent_h100_usd_h * hardware.quality[k] * HOURS_PER_DAY,
        hardware.kw[k] * HOURS_PER_DAY * TYPICAL_USD_KWH,
        income_outlook(market, k),
        money,
        terms.liquidation.gpu_life_years,
    )
    return value / machine_price_usd(market, k)


@compiled
def to_come(market: Market, k: int) -> bool:
    """Whether a class comes, or came, after the opening."""
    return 0 < market.hardware.launch_day[k] < NEVER


@compiled
def made_today(market: Market, k: int) -> float:
    """Share of the machines wanted of a class that can be ordered today; none before its launch."""
    if not to_come(market, k):
        return 1.0
    days = float(market.today.day - market.hardware.launch_day[k])
    return made_share(days, market.terms.launches.ramp_days)


@compiled
def set_frontier(market: Market) -> None:
    """The class that orders of the day are for, and its q.

    That of the best value over price, as far as it is made: of it most of q beyond one can be had.
    Where no class pays, the one that comes nearest.
    """
    prices, opening = market.prices, market.opening
    prices.frontier = opening.machine_class
    prices.q = value_to_price(market, prices.frontier) / opening.value_to_price
    for k in range(len(market.hardware.family)):
        if not to_come(market, k) or market.today.day < market.hardware.launch_day[k]:
            continue
        q = value_to_price(market, k) / opening.value_to_price
        best = made_today(market, prices.frontier) * max(prices.q - 1.0, 0.0)
        gain = made_today(market, k) * (q - 1.0)
        if gain > best or (best <= 0.0 and q > prices.q):
            prices.frontier = k
            prices.q = q


@compiled
def foresee_entry(market: Market) -> None:
    """What announced classes will do to the price of work: expected by month, over today's.

    Everybody knows what is announced and that others enter (:func:`agents.maker.q_after_entry`):
    the class of which most of q beyond one can be had that month sets the pace.
    """
    terms, opening, path = market.terms, market.opening, market.work_price_ahead
    classes = len(market.hardware.family)
    rate = terms.investment.sensitivity / terms.compute.elasticity
    q_today = np.zeros(classes)
    for k in range(classes):
        if terms.channels.rent_feedback and rate > 0.0 and to_come(market, k):
            q_today[k] = value_to_price(market, k) / opening.value_to_price
    price = 1.0
    for month in range(len(path)):
        middle = market.today.day + (month + 0.5) * MONTH_DAYS - terms.investment.order_days
        pull, q, made = 0.0, 1.0, 0.0
        for k in range(classes):
            if q_today[k] <= 0.0:
                continue
            share = made_share(middle - market.hardware.launch_day[k], terms.launches.ramp_days)
            if share * (q_today[k] * price - 1.0) > pull:
                q, made = q_today[k] * price, share
                pull = made * (q - 1.0)
        path[month] = price * q_after_entry(q, rate * made, 0.5 * MONTH_YEARS) / q
        price *= q_after_entry(q, rate * made, MONTH_YEARS) / q


@compiled
def replacement_usd(market: Market, k: int) -> float:
    """What new hardware costs today for the work of a class [USD/unit].

    At the opening's cheapest class, as it gets cheaper, for a machine of the same performance; once
    a later class is there, on that for the rest of this one's life.
    """
    hardware, settings = market.hardware, market.terms.liquidation
    most = hardware.replacement_usd[k] * cheaper(market, k)
    if hardware.family[k] != Family.GPU:
        return most
    years = life_left_years(market, k)
    rate = math.log1p(settings.seller_required_return)
    for j in range(len(hardware.family)):
        if not to_come(market, j) or market.today.day < hardware.launch_day[j]:
            continue
        share = hardware.quality[k] / hardware.quality[j]
        extra = unit_cost_usd_day(market, k, TYPICAL_USD_KWH)
        extra -= share * unit_cost_usd_day(market, j, TYPICAL_USD_KWH)
        cost = same_work_usd(
            share * machine_price_usd(market, j),
            extra,
            years,
            settings.gpu_life_years,
            rate,
            -settings.gpu_rent_drift,
        )
        most = min(most, cost)
    return most


@compiled
def outside_orders(market: Market) -> None:
    """Machines of a new class that the rest of the market orders in a week, as q makes it want.

    As large as ``launches.outside_share`` says, it has the money; its machines come as others' do.
    What firms order that have entered is part of it, and not counted twice.
    """
    prices, terms, day = market.prices, market.terms, market.today.day
    if not to_come(market, prices.frontier) or prices.q <= 1.0:
        return
    wanted = terms.investment.sensitivity * (prices.q - 1.0) * made_today(market, prices.frontier)
    due = day + terms.investment.order_days
    if due < len(market.outside_arrivals):
        fleets = terms.launches.outside_share * market.planned_supply[day]
        ordered = wanted * fleets * 7.0 / 365.0
        entrants = min(ordered, prices.entered_h100)
        prices.entered_h100 -= entrants
        market.outside_arrivals[due] += ordered - entrants
