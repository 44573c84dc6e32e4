"""Paths of prices and rates over a run, by day; day 0 is the opening day."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np

from ...agents.columns import Matrix, Reals


class ComputePaths(NamedTuple):
    """Exogenous rents."""

    planned_rent: Reals  # of an H100 at planned supply, over its opening level
    # [day, class] rent over an H100's, 1 at the opening; empty where that does not change
    class_rent: Matrix = np.empty((0, 0))


class CryptoPaths(NamedTuple):
    """Exogenous prices of coins and the planned network."""

    btc_usd: Reals
    eth_usd: Reals
    hashrate_growth: Reals  # network over its opening level, planned
    fee_share: Reals
    start: date = date.min  # the opening day
    note: str = ""


class MacroPaths(NamedTuple):
    """What money is like; all are zero (appetite: one) in normal times."""

    stress: Reals
    rate_change: Reals  # of the reference rate
    spread_change: Reals  # of credit, at roll-over
    appetite: Reals  # to refinance, over normal
    btc_log: Reals  # change of the log price
    demand_log: Reals  # change of log demand for compute
