"""Hardware classes and who holds them.

A unit is a machine for GPU classes and a TH/s for ASIC classes. The pseudo-class SITE stands for
buildings and leases pledged to project lenders; it is not auctioned.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...agents.compiling.kernels import compiled
from ...agents.neocloud import HOURS_PER_DAY

TH_PER_PH = 1000.0

SITE = "SITE"


class Family(IntEnum):
    """What a class is for."""

    GPU = 0
    ASIC = 1
    SITE = 2


class Hardware(NamedTuple):
    """One row per class."""

    family: NDArray[np.int8]
    age_years: NDArray[np.float64]  # since launch, at the opening; negative before launch
    kw: NDArray[np.float64]  # drawn by a unit
    quality: NDArray[np.float64]  # rent over the H100's, GPUs
    lo_j_th: NDArray[np.float64]  # most and least efficient rig of the class, ASICs
    hi_j_th: NDArray[np.float64]
    rack: NDArray[np.int8]
    slots_per_unit: NDArray[np.float64]  # 1 rack slot per GPU; MW per TH/s
    scrap_usd: NDArray[np.float64]
    relocation_days: NDArray[np.int32]
    new_usd: NDArray[np.float64]  # all-in cost of new hardware of this class
    replacement_usd: NDArray[np.float64]  # cheapest new hardware of the same performance
    used_open_usd: NDArray[np.float64]  # second-hand price at the opening
    annual_depreciation: NDArray[np.float64]  # log, of the schedule
    renewed_years: NDArray[np.float64]  # by which new machines have made the class younger


class Holdings(NamedTuple):
    """Machines by owner and class, rows grouped by owner: ``first[p] .. first[p + 1]``."""

    first: NDArray[np.int64]  # [party + 1]
    hardware: NDArray[np.int32]
    units: NDArray[np.float64]
    pledged: NDArray[np.float64]
    cost_usd_unit_day: NDArray[np.float64]  # power and site of a GPU; ASIC power is by the MWh
    online: NDArray[np.float64]  # share of rigs running, of the last day
    contract_units: NDArray[np.float64]  # machines bought for contracts signed at the opening
    contract_usd_day: NDArray[np.float64]  # and what those contracts pay
    income_usd_unit_day: NDArray[np.float64]  # result of the last day
    premium_usd_unit_day: NDArray[np.float64]  # of which contracts pay beyond spot


def holding_rows(holdings: Holdings, parties: int) -> dict[tuple[int, int], int]:
    """Rows of what the first ``parties`` hold, by party and class."""
    owner = np.repeat(np.arange(parties), np.diff(holdings.first[: parties + 1]))
    held = zip(owner.tolist(), holdings.hardware[: len(owner)].tolist(), strict=True)
    return {machines: row for row, machines in enumerate(held)}


@compiled
def find_holding(holdings: Holdings, party: int, hardware: int) -> int:
    """Row of a party's holding of a class, or -1."""
    for row in range(holdings.first[party], holdings.first[party + 1]):
        if holdings.hardware[row] == hardware:
            return row
    return -1


def newest_rigs(hardware: Hardware) -> int:
    """The class of the most efficient rigs, -1 if there are none."""
    rigs = np.flatnonzero(hardware.family == Family.ASIC)
    return int(rigs[np.argmin(hardware.lo_j_th[rigs])]) if len(rigs) else -1


@compiled
def schedule_usd(
    used_open_usd: float,
    annual_depreciation: float,
    scrap_usd: float,
    day: int,
    renewed_years: float = 0.0,
    new_price_decline: float = 0.0,
) -> float:
    """Scheduled value [USD/unit] on a day: exponential depreciation from the opening price.

    Where new machines have made a class younger, that part of the time costs it only what new ones
    get cheaper.
    """
    lost = annual_depreciation * (day / 365.0 - renewed_years) + new_price_decline * renewed_years
    return max(scrap_usd, used_open_usd * math.exp(-lost))


@compiled
def income_usd_day(k: int, rent_h100: float, hashprice: float, hardware: Hardware) -> float:
    """Listed income of a unit a day: rent of a GPU, hashprice of a TH/s."""
    if hardware.family[k] == Family.GPU:
        return rent_h100 * hardware.quality[k] * HOURS_PER_DAY
    return hashprice / TH_PER_PH


@compiled
def unit_cost_usd_day(k: int, usd_kwh: float, hardware: Hardware) -> float:
    """Running cost of a unit a day at a power-and-site price."""
    return hardware.kw[k] * HOURS_PER_DAY * usd_kwh
