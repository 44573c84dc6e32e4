"""Hardware classes and who holds them.

A unit is a machine for GPU classes, a TH/s for ASIC classes and a MW for sites: SITE where power is
connected and no hall stands, HALL where one is finished or paid for. Sites of the opening are
outside the fleets until a project lender seizes them.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ...agents.columns import Codes, Ints, Longs, Reals, RealsOrEndless
from ...agents.compiling.kernels import compiled

NEVER = 2**30  # the day on which what does not happen happens


class Family(IntEnum):
    """What a class is for."""

    GPU = 0
    ASIC = 1
    SITE = 2


class Hardware(NamedTuple):
    """One row per class."""

    family: Codes
    launch_day: Ints  # of a class that comes after the opening; 0: it is there; NEVER
    age_years: Reals  # since launch, at the opening; negative before launch
    kw: Reals  # drawn by a unit
    quality: Reals  # work of a GPU, and so its rent, over the H100's
    lo_j_th: Reals  # most and least efficient rig of the class, ASICs
    hi_j_th: Reals
    rack: Codes
    slots_per_unit: Reals  # 1 rack slot per GPU; MW per TH/s
    scrap_usd: Reals
    relocation_days: Ints
    new_usd: Reals  # all-in cost of new hardware of this class
    replacement_usd: RealsOrEndless  # cheapest new hardware of the same performance
    used_open_usd: Reals  # second-hand price at the opening; of a later class, when it comes
    annual_depreciation: Reals  # log, of the schedule


class Holdings(NamedTuple):
    """Machines by owner and class, rows grouped by owner: ``first[p] .. first[p + 1]``."""

    first: Longs  # [party + 1]
    hardware: Ints
    units: Reals
    pledged: Reals
    cost_usd_unit_day: Reals  # power and site of a pooled GPU; ASIC power is by the MWh
    online: Reals  # share of rigs running, of the last day
    waiting_units: Reals  # rigs delivered that have no power yet
    spot_units: Reals  # GPUs ordered after the opening, without a contract
    contract_units: Reals  # machines bought for contracts signed at the opening
    contract_usd_day: Reals  # and what those contracts pay
    contract_cost_usd_day: Reals  # and what running these machines costs
    income_usd_unit_day: Reals  # result of the last day of a rig, or of a pooled GPU
    premium_usd_unit_day: Reals  # of which contracts pay beyond spot


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
    used_open_usd: float, annual_depreciation: float, scrap_usd: float, day: int
) -> float:
    """Scheduled value [USD/unit] ``day`` days after the opening, or after the launch: exponential.

    A class ages from its launch: later machines of it make nobody else's younger.
    """
    return max(scrap_usd, used_open_usd * math.exp(-annual_depreciation * day / 365.0))
