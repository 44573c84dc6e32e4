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

from agents.buyer import Rack
from agents.compiled import compiled
from market.tables import OpeningTables

SITE = "SITE"
CURRENT_DAYS = 548  # classes launched in the last eighteen months are what one would buy new


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


def class_names(tables: OpeningTables) -> tuple[str, ...]:
    """Class ids in row order, SITE last."""
    return (*(row.id for row in tables.hardware), SITE)


def h100_rent_usd_h(tables: OpeningTables) -> float:
    """Listed rent of an H100; 0 in tables without GPUs."""
    return next(
        (float(row.rent_usd_gpu_h or 0.0) for row in tables.hardware if row.id == "H100"), 0.0
    )


def rent_exponent(tables: OpeningTables) -> float:
    """Exponent eta of rent = performance^eta, least squares on the table of spot rents."""
    table = {
        row.id: (row.performance_bf16_h100, row.rent_usd_gpu_h)
        for row in tables.hardware
        if row.performance_bf16_h100 and row.rent_usd_gpu_h
    }
    if "H100" not in table:
        return 1.0
    x = np.log([performance for performance, _ in table.values()])
    y = np.log([rent / table["H100"][1] for _, rent in table.values()])
    return float(np.sum(x * y) / np.sum(x * x))


def build_hardware(tables: OpeningTables) -> Hardware:
    """The table of classes from the opening tables."""
    rows = tables.hardware
    count = len(rows) + 1
    eta = rent_exponent(tables)
    h100_rent = h100_rent_usd_h(tables)
    rates = {family: _depreciation(tables, family) for family in ("gpu", "asic")}

    def column(default: float = 0.0) -> NDArray[np.float64]:
        return np.full(count, default)

    hardware = Hardware(
        family=np.full(count, Family.SITE, np.int8),
        age_years=column(),
        kw=column(),
        quality=column(),
        lo_j_th=column(),
        hi_j_th=column(1.0),
        rack=np.full(count, Rack.AIR_LT15, np.int8),
        slots_per_unit=column(1.0),
        scrap_usd=column(),
        relocation_days=np.zeros(count, np.int32),
        new_usd=column(),
        replacement_usd=column(),
        used_open_usd=column(),
        annual_depreciation=column(),
        renewed_years=column(),
    )
    for k, row in enumerate(rows):
        hardware.family[k] = Family.GPU if row.family == "gpu" else Family.ASIC
        hardware.age_years[k] = (tables.opening_date - row.launch_date).days / 365.0
        hardware.kw[k] = row.kw_per_unit
        hardware.rack[k] = Rack[row.rack]
        hardware.scrap_usd[k] = row.scrap_usd
        hardware.relocation_days[k] = row.relocation_days
        hardware.new_usd[k] = row.new_price_usd
        hardware.used_open_usd[k] = row.used_price_usd or 0.0
        hardware.annual_depreciation[k] = rates[row.family]
        if row.family == "gpu":
            assert row.performance_bf16_h100 is not None
            fitted = row.performance_bf16_h100**eta
            hardware.quality[k] = row.rent_usd_gpu_h / h100_rent if row.rent_usd_gpu_h else fitted
        else:
            hardware.lo_j_th[k] = row.efficiency_lo_j_th
            hardware.hi_j_th[k] = row.efficiency_hi_j_th
            hardware.slots_per_unit[k] = row.kw_per_unit / 1000.0
    current = [
        row.available_at_start and (tables.opening_date - row.launch_date).days < CURRENT_DAYS
        for row in rows
    ]
    _set_replacement_cost(hardware, current)
    return hardware


def _set_replacement_cost(hardware: Hardware, current: list[bool]) -> None:
    """Cheapest current new hardware per unit of rent (GPU); the class's own new price (ASIC)."""
    gpus = [k for k, on in enumerate(current) if on and hardware.family[k] == Family.GPU]
    per_quality = min((hardware.new_usd[k] / hardware.quality[k] for k in gpus), default=np.nan)
    for k in range(len(current)):
        if hardware.family[k] == Family.GPU:
            hardware.replacement_usd[k] = per_quality * hardware.quality[k]
        else:
            hardware.replacement_usd[k] = hardware.new_usd[k]


def _depreciation(tables: OpeningTables, family: str) -> float:
    """Log rate a year: regression through the origin of log residual value on age."""
    rows = [row for row in tables.depreciation if row.family == family]
    if not rows:
        return 0.0  # no such hardware in these tables
    age = np.array([row.age_years for row in rows])
    residual = np.log([row.residual_share for row in rows])
    return float(-np.sum(age * residual) / np.sum(age * age))


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
