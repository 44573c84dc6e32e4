"""Second-hand buyers: budgets, rack slots, and what a machine is worth to each of them.

A machine is worth the option to run it: the strip of E[max(income - running cost, 0)] over its
remaining life at the buyer's required return. Who looks less far resells it then, for a share of
what it still earns: an older machine is worth less to everybody. Income is lognormal around the
buyer's stated view (drift, volatility, mean reversion). The deterministic max(E[income] - cost, 0)
is far too steep near the break-even: on 2020-21 data it prices rigs of late 2022 at a tenth of the
market.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from .columns import FlagMatrix, Flags, Ints, Matrix, Reals
from .compiling.kernels import compiled

MONTHS_PER_YEAR = 12
MIN_LIFE_YEARS = 0.25
DEALER_VIEW_SHARE = 0.25  # dealers differ so much less in what they think, and only downwards


class Rack(IntEnum):
    """Where hardware can stand; slots are counted in GPUs, for ASICs in MW."""

    AIR_LT15 = 0
    AIR_15_40 = 1
    LIQ_40_80 = 2
    LIQ_GT80 = 3
    ASIC = 4
    SITE = 5  # whole sites, in MW


class Buyers(NamedTuple):
    """One row per buyer; its party id is ``first_buyer + row``. Two-dimensional where marked."""

    segment: Ints
    budget_usd: Reals  # available now
    budget_usd_day: Reals  # what is added each day
    slots: Matrix  # [buyer, Rack] free
    slots_open: Matrix  # [buyer, Rack] free at the opening
    needs_slots: Flags  # dealers do not: they resell
    accepts: FlagMatrix  # [buyer, class]
    private_view: Matrix  # [buyer, class] what it thinks it worth, over the strip
    in_place_only: Flags
    min_lot_gpus: Reals
    credit_share: Reals  # of its budget, lent by this market's lenders
    required_return: Reals
    horizon_years: Reals
    relocation_usd: Reals  # per GPU, with refit of the rack
    running_cost_usd_kwh: Reals


class Outlook(NamedTuple):
    """How the income of a machine is expected to move, a year."""

    drift: float  # of its log
    volatility: float  # of its log
    reversion: float  # to its mean


@compiled
def normal_cdf(x: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@compiled
def option_to_run_usd(expected_income: float, cost: float, deviation: float) -> float:
    """E[max(income - cost, 0)], lognormal income of that mean and log deviation (Black 1976)."""
    if expected_income <= 0.0:
        return 0.0
    if deviation <= 1e-12 or cost <= 0.0:
        return max(expected_income - cost, 0.0)
    d1 = math.log(expected_income / cost) / deviation + 0.5 * deviation
    return max(0.0, expected_income * normal_cdf(d1) - cost * normal_cdf(d1 - deviation))


@compiled
def remaining_life_years(life_years: float, age_years: float) -> float:
    """Economic life left of a machine, seen from its age since launch; at least a quarter.

    ``life_years`` at launch, less with age, never zero: what has survived so long is expected to go
    on.
    """
    return max(MIN_LIFE_YEARS, life_years * np.exp(-age_years / life_years))


class Paths(NamedTuple):
    """What a machine is expected to earn, month by month, as long as one looks ahead."""

    growth: Reals  # expected income over today's, in the middle of the month
    deviation: Reals  # of its log
    part: Reals  # of the month: the last may be cut short


@compiled
def income_paths(outlook: Outlook, years: float) -> Paths:
    """The months ahead, whole ones and the part of a last one.

    With mean reversion kappa the variance at t is sigma^2 (1 - exp(-2 kappa t)) / (2 kappa).
    """
    drift, volatility, reversion = outlook
    months = math.ceil(years * MONTHS_PER_YEAR - 1e-9)
    growth, deviation, part = np.empty(months), np.empty(months), np.empty(months)
    for month in range(months):
        t = (month + 0.5) / MONTHS_PER_YEAR
        if reversion > 1e-9:
            variance = volatility**2 * (1.0 - math.exp(-2.0 * reversion * t)) / (2.0 * reversion)
        else:
            variance = volatility**2 * t
        growth[month] = math.exp(drift * t)
        deviation[month] = math.sqrt(variance)
        part[month] = min(1.0, years * MONTHS_PER_YEAR - month)
    return Paths(growth, deviation, part)


@compiled
def machine_value_usd(
    income_usd_day: float,
    cost_usd_day: float,
    paths: Paths,
    required_return: float,
    horizon_years: float,
    resale_share: float,
) -> float:
    """What a machine is worth [USD/unit] to who runs it up to a horizon and then resells it.

    The discounted option to run each month of its remaining life (``paths``); after the horizon the
    next owner pays ``resale_share`` of that.
    """
    value = 0.0
    for month in range(len(paths.growth)):
        own = min(paths.part[month], max(0.0, horizon_years * MONTHS_PER_YEAR - month))
        share = own + (paths.part[month] - own) * resale_share
        if share <= 0.0:
            break
        income = income_usd_day * paths.growth[month]
        run = option_to_run_usd(income, cost_usd_day, paths.deviation[month])
        t = (month + 0.5) / MONTHS_PER_YEAR
        value += share * run * (365.0 / MONTHS_PER_YEAR) / (1.0 + required_return) ** t
    return value


@compiled
def strip_value_usd(
    income_usd_day: float,
    cost_usd_day: float,
    outlook: Outlook,
    required_return: float,
    horizon_years: float,
) -> float:
    """Value [USD/unit] of the option to run each month up to the horizon, discounted."""
    paths = income_paths(outlook, horizon_years)
    return machine_value_usd(
        income_usd_day, cost_usd_day, paths, required_return, horizon_years, 0.0
    )


@compiled
def private_view(draw: float, deviation: float, uses: bool) -> float:
    """What a buyer thinks a class is worth, over what others do: lognormal of that log deviation.

    Who does not use machines but resells them knows the price better, and bids below it.
    """
    if uses:
        return np.exp(deviation * draw)
    return np.exp(-DEALER_VIEW_SHARE * deviation * abs(draw))


@compiled
def bid_usd(
    strip_usd: float, new_price_cap_usd: float, relocation_usd: float, view: float
) -> float:
    """A buyer's sealed bid [USD/unit].

    The strip times its private view of it, capped by what new hardware of the same performance
    costs, less relocation and rack refit.
    """
    return max(0.0, min(strip_usd * view, new_price_cap_usd) - relocation_usd)


@compiled
def affordable_units(
    bid: float, budget_usd: float, slots: float, slots_per_unit: float, needs_slots: bool
) -> float:
    """Units a buyer can take at its bid: the tighter of money and rack slots."""
    if bid <= 0.0:
        return 0.0
    units = budget_usd / bid
    if needs_slots:
        units = min(units, slots / slots_per_unit)
    return max(units, 0.0)
