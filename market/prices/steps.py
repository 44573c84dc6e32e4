"""Phase 2: prices and rates of the day."""

from __future__ import annotations

import math

from ...agents.miner import adjusted_share, online_share
from ..state.market import Market
from ..state.units import TH_PER_EH
from .impact import btc_impact_of
from .marks import mark_classes
from .network import NETWORK_POWER_USD_MWH, advance_difficulty, hashprice_usd, resold_th
from .rents import rent_after_supply


def set_prices(market: Market) -> None:
    """BTC with the impact of yesterday's forced sales, difficulty, hashprice, rents, marks."""
    p, day = market.prices, market.day
    p.stress = float(market.macro.stress[day])
    p.appetite = float(market.macro.appetite[day])
    p.rate_change = float(market.macro.rate_change[day])
    p.spread_change = float(market.macro.spread_change[day])
    p.reference_rate = market.scenario.credit.reference_rate + p.rate_change
    crypto, channels = market.scenario.crypto, market.scenario.channels
    decay = 0.5 ** (1.0 / crypto.impact_half_life_days)
    p.btc_impact_log *= decay
    p.btc_impact_log += btc_impact_of(market, float(market.log.forced_usd[0]))
    market.log.forced_usd[0] = 0.0
    p.btc_exogenous_usd = float(market.crypto.btc_usd[day])
    p.btc_usd = p.btc_exogenous_usd * math.exp(p.btc_impact_log)
    p.eth_usd = float(market.crypto.eth_usd[day])
    planned = market.opening.network_eh_s * float(market.crypto.hashrate_growth[day])
    hashrate = planned
    online = float(market.miners.hashrate_online_th.sum()) + p.receiver_th
    online += resold_th(market)
    if crypto.network == "history":  # the rest of the network fills up what fleets leave
        if channels.hashprice:
            hashrate = max(planned, online / TH_PER_EH)
    elif channels.hashprice:
        added = planned - market.opening.network_eh_s
        k = market.opening.growth_class
        target = online_share(
            p.hashprice_usd_ph_day,
            NETWORK_POWER_USD_MWH,
            market.hardware.lo_j_th[k],
            market.hardware.hi_j_th[k],
        )
        p.growth_online = adjusted_share(p.growth_online, target)
        online_eh_s = online / TH_PER_EH
        hashrate = online_eh_s + added * (p.growth_online if added > 0.0 else 1.0)
        hashrate = max(hashrate, 1e-3 * planned)
    advance_difficulty(p, hashrate, market.opening.retarget_blocks, market.opening.halving_blocks)
    p.hashprice_usd_ph_day = hashprice_usd(
        p.btc_usd, p.subsidy_btc, float(market.crypto.fee_share[day]), p.difficulty_eh_s
    )
    p.rent_planned_usd_h = market.opening.rent_usd_h * float(market.compute.planned_rent[day])
    p.rent_h100_usd_h = p.rent_planned_usd_h
    if channels.rent_feedback:
        p.rent_h100_usd_h = rent_after_supply(
            p.rent_planned_usd_h,
            float(market.planned_supply[day]),
            p.effective_gpus,
            market.scenario.compute.elasticity,
        )
    set_marks(market)


def set_marks(market: Market) -> None:
    """Lenders' marks of the day, [class]: schedule and aged evidence."""
    rule = market.scenario.policy.mark_rule
    weight = (
        market.scenario.marks.evidence_weight if market.scenario.channels.mark_to_market else 0.0
    )
    if rule != "scenario":
        weight = 1.0 if rule == "market" else 0.0
    mark_classes(market, weight)
