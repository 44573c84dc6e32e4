"""Prices of a day: money, coins, hashprice, rents, lenders' marks and their other loans."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...market.prices.network import BLOCKS_PER_DAY
from ...market.scenario.sections import IMPACT_LAWS
from ...market.state.hardware import Family
from ...market.state.units import TH_PER_EH
from . import frontier, sites
from .rules import (
    adjusted_share,
    advance_difficulty,
    growth_answer,
    hall_demand,
    hall_rent_index,
    hashprice_usd,
    impact_log,
    mark_usd,
    network_share,
    price_after_sales,
    rent_after_supply,
    schedule_usd,
)

if TYPE_CHECKING:
    from .model import TwinMarket
    from .things import HardwareClass


def set_prices(market: TwinMarket) -> None:
    """Money, BTC with the impact of forced sales, difficulty, hashprice, rents, marks.

    And what announced classes are expected to do to rents.
    """
    p, day, settings = market.prices, market.day, market.settings
    p.stress = float(market.macro.stress[day])
    p.appetite = float(market.macro.appetite[day])
    p.reference_rate = settings.credit.reference_rate + float(market.macro.rate_change[day])
    _price_coins(market)
    _price_hashrate(market)
    planned_rent = float(market.compute.planned_rent[day])
    p.rent_planned_usd_h = market.opening.rent_usd_h * planned_rent
    p.rent_h100_usd_h = p.rent_planned_usd_h
    if settings.compute.path == "history":
        now, before = market.compute.class_rent[day], market.compute.class_rent[day - 1]
        for k, kind in enumerate(market.hardware):
            if kind.family is Family.GPU:
                kind.quality *= float(now[k] / before[k])
    elif settings.channels.rent_feedback:
        p.rent_h100_usd_h = rent_after_supply(
            p.rent_planned_usd_h,
            float(market.planned_supply[day]),
            p.effective_gpus,
            settings.compute.elasticity,
        )
    _price_halls(market)
    if market.opening.machine_class >= 0:
        frontier.look_ahead(market)
    for kind in market.hardware:
        _set_mark(market, kind)


def _price_halls(market: TwinMarket) -> None:
    """Demand for halls of GPUs follows q, for those of miners hashprice; rents follow demand."""
    p, settings = market.prices, market.settings.sites
    hashprice = p.hashprice_usd_ph_day / market.opening.hashprice_usd_ph_day
    p.hall_demand = hall_demand(p.q, settings.most_demand)
    p.rig_hall_demand = hall_demand(hashprice, settings.most_demand)
    p.hall_rent = hall_rent_index(p.hall_demand, settings.rent_sensitivity)
    p.rig_hall_rent = hall_rent_index(p.rig_hall_demand, settings.rent_sensitivity)


def _price_coins(market: TwinMarket) -> None:
    p, crypto = market.prices, market.settings.crypto
    p.btc_impact_log *= 0.5 ** (1.0 / crypto.impact_half_life_days)
    if market.settings.channels.btc_impact:
        p.btc_impact_log += impact_log(
            market.forced_usd,
            crypto.depth_adv_usd,
            crypto.impact_coefficient,
            crypto.volatility / math.sqrt(365.0),
            IMPACT_LAWS.index(crypto.impact_law),
        )
    market.forced_usd = 0.0
    p.btc_exogenous_usd = float(market.crypto.btc_usd[market.day])
    p.btc_usd = p.btc_exogenous_usd * math.exp(p.btc_impact_log)
    p.eth_usd = float(market.crypto.eth_usd[market.day])


def _price_hashrate(market: TwinMarket) -> None:
    """Hashrate of today's machines moves the difficulty; hashprice follows."""
    p = market.prices
    planned = market.opening.network_eh_s * float(market.crypto.hashrate_growth[market.day])
    hashrate = planned
    online = float(np.sum([b.hashrate_online_th for b in market.borrowers]))
    online = online + p.receiver_th + _resold_th(market)
    if market.settings.crypto.network == "history":
        if market.settings.channels.hashprice:
            hashrate = max(planned, online / TH_PER_EH)
    elif market.settings.channels.hashprice:
        newest = market.hardware[market.opening.growth_class]
        p.growth_online = adjusted_share(p.growth_online, _share_online(market, newest))
        added = _grow_network(market)
        hashrate = online / TH_PER_EH + added * (p.growth_online if added > 0.0 else 1.0)
        hashrate = max(hashrate, 1e-3 * planned)
    advance_difficulty(market, hashrate)
    fees = float(market.crypto.fee_share[market.day])
    p.hashprice_usd_ph_day = hashprice_usd(p.btc_usd, p.subsidy_btc, fees, p.difficulty_eh_s)
    market.btc_per_day = p.subsidy_btc / (1.0 - fees) * BLOCKS_PER_DAY
    market.difficulty_th = p.difficulty_eh_s * TH_PER_EH


def _grow_network(market: TwinMarket) -> float:
    """Hashrate added since the opening by who is not modelled [EH/s]."""
    p, path, day = market.prices, market.crypto.hashrate_growth, market.day
    grown = market.opening.network_eh_s * float(path[day] - path[day - 1])
    if grown > 0.0:
        grown *= growth_answer(p.rig_q, market.settings.crypto.hashrate_answer)
        mine = min(grown, p.bought_eh_s)
        p.bought_eh_s -= mine
        grown -= mine
    p.grown_eh_s += grown
    return p.grown_eh_s


def _share_online(market: TwinMarket, rig: HardwareClass) -> float:
    """Share of a class that the rest of the network runs."""
    share: float = network_share(market.prices.hashprice_usd_ph_day, rig.lo_j_th, rig.hi_j_th)
    return share


def _resold_th(market: TwinMarket) -> float:
    """Rigs sold by force that run for their new owners [TH/s]."""
    total = 0.0
    for kind in market.hardware:
        if kind.family is Family.ASIC:
            total += kind.outside_online * _share_online(market, kind)
    return total


def _set_mark(market: TwinMarket, kind: HardwareClass) -> None:
    """A lender's mark: schedule and aged evidence."""
    marks, rule = market.settings.marks, market.settings.policy.mark_rule
    weight = marks.evidence_weight if market.settings.channels.mark_to_market else 0.0
    if rule != "scenario":
        weight = 1.0 if rule == "market" else 0.0
    decay = kind.annual_depreciation
    if kind.family is Family.SITE:
        required = market.settings.sites.required_return
        appraised = sites.value_usd_mw(market, kind, required, mines=True, builds=True)
        kind.schedule_usd = max(kind.scrap_usd, appraised)
    else:
        kind.schedule_usd = schedule_usd(
            kind.used_open_usd,
            decay,
            kind.scrap_usd,
            max(0, market.day - kind.launch_day),
        )
    kind.mark_usd = kind.schedule_usd
    if kind.clearing_usd is not None:
        age = float(market.day - kind.clearing_day)
        aged = kind.clearing_usd * math.exp(-decay * age / 365.0)
        aged = max(aged, min(kind.clearing_usd, kind.scrap_usd))
        half_life = marks.evidence_half_life_days
        kind.mark_usd = mark_usd(kind.schedule_usd, aged, age, weight, half_life)


def price_other_loans(market: TwinMarket, sold_usd: float) -> None:
    """Price of lenders' other loans after sales and a day's way back to par."""
    terms, price = market.terms, market.prices.loan_price
    impact = impact_log(
        sold_usd if terms.channels.lender_distress else 0.0,
        market.opening.other_loans_usd,
        terms.lenders.loan_impact,
        1.0,
        terms.derived.loan_impact_law,
    )
    keep = 0.5 ** (1.0 / terms.lenders.loan_price_half_life_days)
    after = math.exp(math.log(price) * keep + impact)
    recovered = math.exp(math.log(price) * keep)
    if terms.lenders.loan_price_floor > 0.0:
        after = price_after_sales(recovered, impact, terms.lenders.loan_price_floor)
    for lender in market.lenders:
        lender.bear_own_impact(1.0 - after / recovered if impact < 0.0 else 0.0)
    widened = 0.0
    if terms.channels.fund_marks:
        spread = float(market.macro.spread_change[market.day])
        widened = spread - market.prices.spread_marked
        market.prices.spread_marked = spread
    if after != price or widened != 0.0:
        market.prices.loan_price = after
        for lender in market.lenders:
            lender.mark_other_loans(after / price, widened)
