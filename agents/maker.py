"""Makers of machines: how fast a new class spreads, and what it leaves of the worth of older ones.

A machine is bought for the work it does. Where a new one does work for less than users pay (Tobin's
q above one), machines are added until the price of work has fallen to its cost.
"""

from __future__ import annotations

import math

from .compiling.kernels import compiled
from .lender import annuity_factor


@compiled
def made_share(days: float, ramp_days: int) -> float:
    """Share [0..1] of the machines wanted that is made, so many days after the launch."""
    return min(1.0, max(0.0, days / ramp_days))


@compiled
def q_after_entry(q: float, rate: float, years: float) -> float:
    """Tobin's q of a class after so many years in which others enter.

    Supply grows by sensitivity x (q - 1) a year, and the price of work falls by 1 / elasticity of
    that, so dq/dt = -rate q (q - 1) with rate = sensitivity / elasticity: a logistic way to one.
    Nobody leaves where q is below one.
    """
    if q <= 1.0:
        return q
    return 1.0 / (1.0 - (1.0 - 1.0 / q) * math.exp(-rate * years))


@compiled
def same_work_usd(
    new_usd: float,
    extra_usd_day: float,
    years: float,
    new_years: float,
    rate: float,
    decline: float,
) -> float:
    """What work costs on new machines that an old one would do for its remaining ``years`` [USD].

    Most that anybody pays for the old one. New machines for its work cost ``new_usd``; of that
    counts what the income of these years repays, if income falls by ``decline`` a year over their
    life of ``new_years``. They save the old one's extra running cost a day, at ``rate``. Rates are
    logs.
    """
    falling = rate + decline
    used = annuity_factor(falling, min(years, new_years)) / annuity_factor(falling, new_years)
    saved = 365.0 * extra_usd_day * annuity_factor(rate, years)
    return max(0.0, new_usd * used - saved)
