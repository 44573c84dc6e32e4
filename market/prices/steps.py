"""Phase 2: prices and rates of the day."""

from __future__ import annotations

import math

from ...agents.compiling.arrays import total
from ...agents.compiling.kernels import compiled
from ...agents.miner import adjusted_share, network_share
from ...agents.tenant import hall_demand, hall_rent_index
from ..state.frontier import foresee_entry
from ..state.hardware import Family
from ..state.market import Market
from ..state.units import TH_PER_EH
from .impact import btc_impact_of
from .marks import set_marks
from .network import advance_difficulty, grow_network, hashprice_usd, resold_th
from .rents import rent_after_supply


@compiled
def set_prices(market: Market) -> None:
    """Money, BTC, difficulty and hashprice, rents and what is expected of them, marks."""
    day, prices, terms = market.today.day, market.prices, market.terms
    prices.stress = market.macro.stress[day]
    prices.appetite = market.macro.appetite[day]
    prices.rate_change = market.macro.rate_change[day]
    prices.spread_change = market.macro.spread_change[day]
    prices.reference_rate = terms.credit.reference_rate + prices.rate_change
    _price_coins(market)
    advance_difficulty(market, _hashrate_eh_s(market))
    fees = market.crypto.fee_share[day]
    prices.hashprice_usd_ph_day = hashprice_usd(
        prices.btc_usd, prices.subsidy_btc, fees, prices.difficulty_eh_s
    )
    prices.rent_planned_usd_h = market.opening.rent_usd_h * market.compute.planned_rent[day]
    prices.rent_h100_usd_h = prices.rent_planned_usd_h
    if terms.derived.rents_imposed:
        _impose_class_rents(market)
    elif terms.channels.rent_feedback:
        prices.rent_h100_usd_h = rent_after_supply(
            prices.rent_planned_usd_h,
            market.planned_supply[day],
            prices.effective_gpus,
            terms.compute.elasticity,
        )
    _price_halls(market)
    if market.opening.roadmap_end_day > 0:
        foresee_entry(market)
    set_marks(market)


@compiled
def _impose_class_rents(market: Market) -> None:
    """Rents of classes over an H100's change as the history says."""
    day, hardware, path = market.today.day, market.hardware, market.compute.class_rent
    for k in range(len(hardware.family)):
        if hardware.family[k] == Family.GPU:
            hardware.quality[k] *= path[day, k] / path[day - 1, k]


@compiled
def _price_halls(market: Market) -> None:
    """Demand for halls and the rent of empty ones, over the opening.

    Halls of GPUs are wanted as new machines are (their q), halls of miners as hashprice pays.
    """
    prices, sites = market.prices, market.terms.sites
    prices.hall_demand = hall_demand(prices.q, sites.most_demand)
    prices.hall_rent = hall_rent_index(prices.hall_demand, sites.rent_sensitivity)
    hashprice = prices.hashprice_usd_ph_day / market.opening.hashprice_usd_ph_day
    prices.rig_hall_demand = hall_demand(hashprice, sites.most_demand)
    prices.rig_hall_rent = hall_rent_index(prices.rig_hall_demand, sites.rent_sensitivity)


@compiled
def _price_coins(market: Market) -> None:
    """BTC with the impact of yesterday's forced sales, which decays; ETH."""
    day, prices, forced_usd = market.today.day, market.prices, market.log.forced_usd
    prices.btc_impact_log *= market.terms.derived.btc_impact_kept
    prices.btc_impact_log += btc_impact_of(market, forced_usd[0])
    forced_usd[0] = 0.0
    prices.btc_exogenous_usd = market.crypto.btc_usd[day]
    prices.btc_usd = prices.btc_exogenous_usd * math.exp(prices.btc_impact_log)
    prices.eth_usd = market.crypto.eth_usd[day]


@compiled
def _hashrate_eh_s(market: Market) -> float:
    """Hashrate of the network: fleets, rigs sold by force, and planned growth as far as it pays."""
    prices, hardware, opening = market.prices, market.hardware, market.opening
    planned = opening.network_eh_s * market.crypto.hashrate_growth[market.today.day]
    if not market.terms.channels.hashprice:
        return planned
    online = total(market.miners.hashrate_online_th) + prices.receiver_th + resold_th(market)
    if market.terms.derived.network_replayed:  # the rest of it fills up what fleets leave
        return max(planned, online / TH_PER_EH)
    k = opening.growth_class
    target = network_share(prices.hashprice_usd_ph_day, hardware.lo_j_th[k], hardware.hi_j_th[k])
    prices.growth_online = adjusted_share(prices.growth_online, target)
    added = grow_network(market)
    growing = prices.growth_online if added > 0.0 else 1.0
    return max(online / TH_PER_EH + added * growing, 1e-3 * planned)
