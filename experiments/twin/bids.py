"""What machines are worth to buyers and holders, and what buyers bid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...agents.buyer import MIN_LIFE_YEARS, Outlook, Paths
from ...agents.neocloud import HOURS_PER_DAY
from ...market.liquidation.bids import HOLD_YEARS_ASIC, HOLD_YEARS_GPU, HOST_USD_KWH_ASIC
from ...market.liquidation.custody import CARRY_USD_KWH
from ...market.state.hardware import Family
from ...market.state.units import TH_PER_PH
from . import frontier, sites
from .rules import affordable_units, bid_usd, income_paths, machine_value_usd

if TYPE_CHECKING:
    from .model import TwinMarket
    from .party import Buyer
    from .things import HardwareClass


@dataclass(slots=True, eq=False)
class Bid:
    """What a buyer offers for a class."""

    buyer: Buyer
    price_usd: float
    units: float
    won: float = 0.0


# ---------------------------------------------------------------- what machines are worth


def income_usd_day(market: TwinMarket, kind: HardwareClass) -> float:
    """Listed income of a unit a day: rent of a GPU, hashprice of a TH/s."""
    if kind.family is Family.GPU:
        return market.prices.rent_h100_usd_h * kind.quality * HOURS_PER_DAY
    return market.prices.hashprice_usd_ph_day / TH_PER_PH


def life_years(market: TwinMarket, kind: HardwareClass) -> float:
    """Economic life left of a class, seen from its age since launch."""
    settings = market.settings.liquidation
    life = settings.gpu_life_years if kind.family is Family.GPU else settings.asic_life_years
    age = max(0.0, kind.age_years + market.day / 365.0)
    return max(MIN_LIFE_YEARS, life * math.exp(-age / life))


def paths_ahead(market: TwinMarket, kind: HardwareClass, years: float) -> Paths:
    """What a class is expected to earn over so many years, month by month."""
    settings = market.settings.liquidation
    gpu = kind.family is Family.GPU
    outlook = Outlook(
        settings.gpu_rent_drift if gpu else settings.hashprice_drift,
        settings.gpu_rent_volatility if gpu else settings.hashprice_volatility,
        settings.reversion_per_year,
    )
    paths = income_paths(outlook, years)
    if gpu:  # earns less as announced classes come
        foreseen = market.work_price_ahead
        for month in range(len(paths.growth)):
            paths.growth[month] *= foreseen[min(month, len(foreseen) - 1)]
    return paths


def option_usd(
    market: TwinMarket,
    kind: HardwareClass,
    income_usd: float,
    cost_usd: float,
    required_return: float,
    most_years: float,
) -> float:
    """The option to run a unit for ``most_years`` and resell it then, as long as it lives [USD]."""
    life = life_years(market, kind)
    paths = paths_ahead(market, kind, life)
    whole = machine_value_usd(income_usd, cost_usd, paths, required_return, life, 0.0)
    if most_years >= life:
        return float(whole)
    run = machine_value_usd(income_usd, cost_usd, paths, required_return, most_years, 0.0)
    return float(run + market.settings.liquidation.resale_share * (whole - run))


def set_strips(market: TwinMarket) -> None:
    """What each segment that buys a class would pay for the option to run it."""
    day = market.day
    dearer = float(market.macro.rate_change[day] + market.macro.spread_change[day])
    for kind in market.hardware:
        kind.strips = {}
        if kind.family is Family.SITE:
            for buyer, _ in kind.removed_bidders:
                if buyer.segment not in kind.strips:
                    builds = sites.halls(market) in buyer.holdings
                    kind.strips[buyer.segment] = sites.value_usd_mw(
                        market, kind, buyer.required_return, mines=not builds, builds=builds
                    )
            continue
        income = income_usd_day(market, kind) * kind.buyer_view
        for buyer, _ in (*kind.removed_bidders, *kind.in_place_bidders):
            if buyer.segment not in kind.strips:
                kind.strips[buyer.segment] = option_usd(
                    market,
                    kind,
                    income,
                    kind.kw * HOURS_PER_DAY * buyer.running_cost_usd_kwh,
                    buyer.required_return + dearer,
                    buyer.horizon_years,
                )


def hold_value_usd(market: TwinMarket, kind: HardwareClass) -> float:
    """What a unit is worth to a lender that keeps it and has it hosted [USD]."""
    settings = market.settings.liquidation
    if kind.family is Family.SITE:
        return sites.value_usd_mw(
            market, kind, settings.seller_required_return, mines=True, builds=True
        )
    gpu = kind.family is Family.GPU
    income = income_usd_day(market, kind) * kind.buyer_view * (1.0 - settings.hosting_discount)
    host_usd_kwh = CARRY_USD_KWH if gpu else HOST_USD_KWH_ASIC
    return option_usd(
        market,
        kind,
        income,
        kind.kw * HOURS_PER_DAY * host_usd_kwh,
        settings.seller_required_return,
        HOLD_YEARS_GPU if gpu else HOLD_YEARS_ASIC,
    )


# ---------------------------------------------------------------- bids


def bids_for(market: TwinMarket, kind: HardwareClass, in_place: bool) -> list[Bid]:
    """Bids of today, in the order of buyers.

    In-place buyers pay no relocation. Dealers bid what they expect to resell for, less their
    return over a quarter. Nobody bids less than scrap.
    """
    new_usd = frontier.replacement_usd(market, kind, life_years(market, kind))
    resale_usd = kind.mark_usd if kind.clearing_usd is None else kind.clearing_usd
    moves = kind.family is Family.GPU and not in_place
    bids = []
    for buyer, view in kind.in_place_bidders if in_place else kind.removed_bidders:
        if buyer.needs_slots:
            value = kind.strips[buyer.segment]
        else:
            value = resale_usd / buyer.turn
        price = bid_usd(value, new_usd, buyer.relocation_usd if moves else 0.0, view)
        if price < kind.scrap_usd or price <= 0.0:
            continue
        units = affordable_units(
            price,
            buyer.budget_usd,
            buyer.slots[kind.rack],
            kind.slots_per_unit,
            buyer.needs_slots,
        )
        bids.append(Bid(buyer, price, units))
    return bids


def best_first(bids: list[Bid]) -> list[Bid]:
    """Bids from the highest; equal ones in the order of buyers."""
    return sorted(bids, key=lambda bid: -bid.price_usd)
