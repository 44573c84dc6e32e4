"""The Bitcoin network: difficulty, hashprice, and who mines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...agents.compiling.kernels import compiled, entrance
from ...agents.miner import online_share
from ..state.hardware import Family
from ..state.market import Market
from ..state.units import BLOCKS_PER_DAY

if TYPE_CHECKING:
    from ..state.market import Prices


PH_PER_EH = 1000.0
MAX_RETARGET = 4.0
NETWORK_POWER_USD_MWH = 50.0


@compiled
def hashprice_usd(
    btc_usd: float, subsidy_btc: float, fee_share: float, difficulty_eh_s: float
) -> float:
    """Expected revenue of 1 PH/s a day [USD] at the current difficulty.

    A network of exactly the difficulty's hashrate finds 144 blocks a day.
    """
    reward_btc = subsidy_btc / (1.0 - fee_share)
    return btc_usd * reward_btc * BLOCKS_PER_DAY / (difficulty_eh_s * PH_PER_EH)


def advance_difficulty(
    prices: Prices, hashrate_eh_s: float, blocks_per_retarget: float, halving_blocks: float
) -> None:
    """A day of blocks at actual hashrate; difficulty retargets, subsidy halves (in place)."""
    prices.network_hashrate_eh_s = hashrate_eh_s
    left_days = 1.0
    while left_days > 0.0:
        per_day = BLOCKS_PER_DAY * hashrate_eh_s / prices.difficulty_eh_s
        if per_day * left_days < prices.blocks_to_retarget or per_day <= 0.0:
            _mine(prices, per_day * left_days, halving_blocks)
            prices.blocks_to_retarget -= per_day * left_days
            prices.retarget_days += left_days
            return
        used = prices.blocks_to_retarget / per_day
        _mine(prices, prices.blocks_to_retarget, halving_blocks)
        planned_days = blocks_per_retarget / BLOCKS_PER_DAY
        ratio = planned_days / max(prices.retarget_days + used, 1e-9)
        prices.difficulty_eh_s *= min(MAX_RETARGET, max(1.0 / MAX_RETARGET, ratio))
        prices.blocks_to_retarget = blocks_per_retarget
        prices.retarget_days = 0.0
        left_days -= used


def _mine(prices: Prices, blocks: float, halving_blocks: float) -> None:
    before = math.floor(prices.block_height / halving_blocks)
    prices.block_height += blocks
    if math.floor(prices.block_height / halving_blocks) > before:
        prices.subsidy_btc /= 2.0


@entrance
def resold_th(market: Market) -> float:
    """Rigs sold by force that run for their new owners, at the network's power price [TH/s]."""
    hardware, outside_online = market.hardware, market.outside_online
    hashprice = market.prices.hashprice_usd_ph_day
    total = 0.0
    for k in range(len(hardware.family)):
        if hardware.family[k] == Family.ASIC:
            lo, hi = hardware.lo_j_th[k], hardware.hi_j_th[k]
            total += outside_online[k] * online_share(hashprice, NETWORK_POWER_USD_MWH, lo, hi)
    return total
