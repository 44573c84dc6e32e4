"""The Bitcoin network: difficulty, hashprice, and who mines."""

from __future__ import annotations

import math

from ...agents.compiling.kernels import compiled
from ...agents.miner import growth_answer, network_share
from ..state.hardware import Family
from ..state.market import Market
from ..state.units import BLOCKS_PER_DAY

PH_PER_EH = 1000.0
MAX_RETARGET = 4.0


@compiled
def hashprice_usd(
    btc_usd: float, subsidy_btc: float, fee_share: float, difficulty_eh_s: float
) -> float:
    """Expected revenue of 1 PH/s a day [USD] at the current difficulty.

    A network of exactly the difficulty's hashrate finds 144 blocks a day.
    """
    reward_btc = subsidy_btc / (1.0 - fee_share)
    return btc_usd * reward_btc * BLOCKS_PER_DAY / (difficulty_eh_s * PH_PER_EH)


@compiled
def advance_difficulty(market: Market, hashrate_eh_s: float) -> None:
    """A day of blocks at actual hashrate; difficulty retargets, subsidy halves (in place)."""
    prices, opening = market.prices, market.opening
    prices.network_hashrate_eh_s = hashrate_eh_s
    left_days = 1.0
    while left_days > 0.0:
        per_day = BLOCKS_PER_DAY * hashrate_eh_s / prices.difficulty_eh_s
        blocks, days = per_day * left_days, left_days
        retargets = blocks >= prices.blocks_to_retarget and per_day > 0.0
        if retargets:
            blocks = prices.blocks_to_retarget
            days = blocks / per_day
        halvings = math.floor(prices.block_height / opening.halving_blocks)
        prices.block_height += blocks
        if math.floor(prices.block_height / opening.halving_blocks) > halvings:
            prices.subsidy_btc /= 2.0
        prices.blocks_to_retarget -= blocks
        prices.retarget_days += days
        if retargets:
            planned_days = opening.retarget_blocks / BLOCKS_PER_DAY
            ratio = planned_days / max(prices.retarget_days, 1e-9)
            prices.difficulty_eh_s *= min(MAX_RETARGET, max(1.0 / MAX_RETARGET, ratio))
            prices.blocks_to_retarget = opening.retarget_blocks
            prices.retarget_days = 0.0
        left_days -= days


@compiled
def grow_network(market: Market) -> float:
    """Hashrate added since the opening by who is not modelled [EH/s], after today's growth.

    Growth is as planned, times the answer to q of new rigs; what modelled miners buy is part of it.
    Planned shrinking goes as planned.
    """
    day, prices, planned = market.today.day, market.prices, market.crypto.hashrate_growth
    grown = market.opening.network_eh_s * (planned[day] - planned[day - 1])
    if grown > 0.0:
        grown *= growth_answer(prices.rig_q, market.terms.crypto.hashrate_answer)
        mine = min(grown, prices.bought_eh_s)
        prices.bought_eh_s -= mine
        grown -= mine
    prices.grown_eh_s += grown
    return prices.grown_eh_s


@compiled
def resold_th(market: Market) -> float:
    """Rigs sold by force that run for their new owners, at the network's prices of power [TH/s]."""
    hardware, outside_online = market.hardware, market.outside_online
    hashprice = market.prices.hashprice_usd_ph_day
    total = 0.0
    for k in range(len(hardware.family)):
        if hardware.family[k] == Family.ASIC:
            lo, hi = hardware.lo_j_th[k], hardware.hi_j_th[k]
            total += outside_online[k] * network_share(hashprice, lo, hi)
    return total
