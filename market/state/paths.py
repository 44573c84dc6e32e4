"""Paths of prices and rates over a run, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ComputePaths:
    """Exogenous rent of an H100 at planned supply, over its opening level, by day."""

    planned_rent: NDArray[np.float64]


@dataclass(frozen=True)
class CryptoPaths:
    """Exogenous daily paths, index 0 is the opening day."""

    btc_usd: NDArray[np.float64]
    eth_usd: NDArray[np.float64]
    hashrate_growth: NDArray[np.float64]  # network over its opening level, planned
    fee_share: NDArray[np.float64]
    start: date
    note: str = ""


@dataclass(frozen=True)
class MacroPaths:
    """Paths by day, index 0 is the opening day; all are zero (appetite: one) in normal times."""

    stress: NDArray[np.float64]
    rate_change: NDArray[np.float64]  # of the reference rate
    spread_change: NDArray[np.float64]  # of credit, at roll-over
    appetite: NDArray[np.float64]  # to refinance, over normal
    btc_log: NDArray[np.float64]  # change of the log price
    demand_log: NDArray[np.float64]  # change of log demand for compute
