"""Miners: rigs, power, and the decision to run each rig or switch it off.

Units: hashrate in TH/s (a unit of an ASIC class), efficiency in J/TH, hashprice in USD per PH/s and
day, power price in USD/MWh. A rig of e J/TH draws e watts per TH/s, so a PH/s draws e kilowatts.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .columns import Column, Reals
from .compiling.kernels import compiled

MWH_PER_KW_DAY = 0.024
SWITCHING_DAYS = 14.0
NETWORK_POWER_USD_MWH = 50.0  # of miners who are not modelled, on average
# A fifth of them pays each of these, over the average: evenly, 30 to 70 (listed: 30 to 72).
NETWORK_POWER_STEPS = (0.68, 0.84, 1.0, 1.16, 1.32)


class Miners(NamedTuple):
    """One row per borrower (a neocloud's row is zero), indexed by party id."""

    power_usd_mwh: Reals
    energised: Annotated[
        NDArray[np.float64], Column(start=1.0)
    ]  # share of its rigs that have power
    hold_policy: Reals  # share of production kept as treasury in good times
    hold_share: Reals  # and kept today
    hashrate_online_th: Reals  # result of the last day
    margin_usd_day: Reals  # mining revenue less power of the last day


@compiled
def break_even_efficiency(hashprice_usd_ph_day: float, power_usd_mwh: float) -> float:
    """Efficiency [J/TH] at which a rig's revenue equals its power bill."""
    return hashprice_usd_ph_day / (MWH_PER_KW_DAY * max(power_usd_mwh, 1e-9))


@compiled
def online_share(
    hashprice_usd_ph_day: float, power_usd_mwh: float, lo_j_th: float, hi_j_th: float
) -> float:
    """Share [0..1] of a class worth running; rigs are spread evenly between ``lo`` and ``hi`` J/TH.

    The most efficient run first, so hashrate answers smoothly to hashprice.
    """
    break_even = break_even_efficiency(hashprice_usd_ph_day, power_usd_mwh)
    return min(1.0, max(0.0, (break_even - lo_j_th) / (hi_j_th - lo_j_th)))


@compiled
def network_share(hashprice_usd_ph_day: float, lo_j_th: float, hi_j_th: float) -> float:
    """Share [0..1] of a class that miners who are not modelled run; their power prices differ.

    At one price of power all of them would stop within a narrow band of hashprice, and no retarget
    would bring them back together.
    """
    share = 0.0
    for step in NETWORK_POWER_STEPS:
        price = step * NETWORK_POWER_USD_MWH
        share += online_share(hashprice_usd_ph_day, price, lo_j_th, hi_j_th)
    return share / len(NETWORK_POWER_STEPS)


@compiled
def adjusted_share(previous: float, target: float) -> float:
    """Share running today: rigs are switched over about two weeks, the time between difficulties.

    Power contracts, staff and the wait for the next difficulty keep miners from switching at once.
    """
    return previous + (target - previous) / SWITCHING_DAYS


@compiled
def growth_answer(q: float, sensitivity: float) -> float:
    """Growth of the network over what was planned, from q of new rigs (1: as at the opening).

    Linear, and nothing below q = 1 - 1 / sensitivity (Hayashi 1982, Econometrica 50; Prat and
    Walter 2021, Journal of Political Economy 129, on hashrate: miners enter up to what rigs earn).
    """
    return max(0.0, 1.0 + sensitivity * (q - 1.0))


@compiled
def powered_share(units_th: float, waiting_th: float) -> float:
    """Share of its rigs of a class that have a place with power; the others wait in boxes."""
    return 1.0 - min(1.0, waiting_th / units_th) if units_th > 0.0 else 1.0


@compiled
def held_share(policy: float, sources_usd: float, uses_usd: float) -> float:
    """Share of production kept: the policy's, less as sources of cash no longer cover the uses.

    Sources over uses is the measure of liquidity of rating agencies (S&P Global, Liquidity
    Descriptors For Global Corporate Issuers, 2014); that firms hold liquid means against a need for
    which they might find no outside money: Opler, Pinkowitz, Stulz and Williamson 1999 (Journal of
    Financial Economics 52).
    """
    return policy * min(1.0, max(0.0, sources_usd / max(uses_usd, 1e-9)))


@compiled
def coins_sold_usd(coins_usd: float, sources_usd: float, uses_usd: float, days: int) -> float:
    """Coins a treasurer sells today [USD]: what sources lack of the uses ahead, over ``days``.

    Inside money goes before new shares at a low price (Myers 1984, Journal of Finance 39); while
    the market takes shares they count among the sources and coins are kept.
    """
    missing = max(0.0, uses_usd - sources_usd)
    return max(0.0, min(coins_usd, missing / days))


@compiled
def power_cost_usd_day(
    units_th: float, share: float, power_usd_mwh: float, lo_j_th: float, hi_j_th: float
) -> float:
    """Power bill [USD/day] of the most efficient ``share`` of ``units_th`` TH/s."""
    mean_j_th = lo_j_th + 0.5 * share * (hi_j_th - lo_j_th)
    return units_th * share * mean_j_th / 1000.0 * MWH_PER_KW_DAY * power_usd_mwh
