"""The hardware classes of the opening books."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.buyer import Rack
from ..state.hardware import NEVER, Family, Hardware
from ..state.site_classes import HALL, SITE
from .books import Books

CURRENT_DAYS = 548  # classes launched in the last eighteen months are what one would buy new


def class_names(tables: Books) -> tuple[str, ...]:
    """Class ids in row order, then those of sites."""
    return (*(row.id for row in tables.hardware), HALL, SITE)


def h100_rent_usd_h(tables: Books) -> float:
    """Listed rent of an H100; 0 in tables without GPUs."""
    return next(
        (float(row.rent_usd_gpu_h or 0.0) for row in tables.hardware if row.id == "H100"), 0.0
    )


def rent_exponent(tables: Books) -> float:
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


def build_hardware(tables: Books, dated: bool = True) -> Hardware:
    """The table of classes from the opening tables; announced ones come if launches are ``dated``.

    A class that comes later does the work of ``work_h100``, or what its performance is paid for,
    and then trades second-hand at the share of its new price that the youngest classes keep.
    """
    rows = tables.hardware
    count = len(class_names(tables))
    eta = rent_exponent(tables)
    h100_rent = h100_rent_usd_h(tables)
    rates = {family: _depreciation(tables, family) for family in ("gpu", "asic")}
    kept = _kept_when_young(tables)

    def column(default: float = 0.0) -> NDArray[np.float64]:
        return np.full(count, default)

    hardware = Hardware(
        family=np.full(count, Family.SITE, np.int8),
        launch_day=np.zeros(count, np.int32),
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
            fitted = row.work_h100 or row.performance_bf16_h100**eta
            hardware.quality[k] = row.rent_usd_gpu_h / h100_rent if row.rent_usd_gpu_h else fitted
            if not row.available_at_start:
                days = (row.launch_date - tables.opening_date).days
                hardware.launch_day[k] = days if dated else NEVER
                hardware.used_open_usd[k] = row.new_price_usd * kept if dated else 0.0
        else:
            hardware.lo_j_th[k] = row.efficiency_lo_j_th
            hardware.hi_j_th[k] = row.efficiency_hi_j_th
            hardware.slots_per_unit[k] = row.kw_per_unit / 1000.0
    for k in range(len(rows), count):  # a unit is a MW
        hardware.rack[k] = Rack.SITE
        hardware.replacement_usd[k] = np.inf  # what a hall costs to build is in its value
    current = [
        row.available_at_start and (tables.opening_date - row.launch_date).days < CURRENT_DAYS
        for row in rows
    ]
    _set_replacement_cost(hardware, current)
    return hardware


def _kept_when_young(tables: Books) -> float:
    """Used price over new, mean of the youngest classes of GPUs that have both; 1 without any."""
    traded = [row for row in tables.hardware if row.family == "gpu" and row.used_price_usd]
    youngest = max((row.launch_date for row in traded), default=None)
    shares = [
        row.used_price_usd / row.new_price_usd
        for row in traded
        if row.launch_date == youngest and row.used_price_usd
    ]
    return float(np.mean(shares)) if shares else 1.0


def _set_replacement_cost(hardware: Hardware, current: list[bool]) -> None:
    """Cheapest current new hardware per unit of rent (GPU); the class's own new price (ASIC)."""
    gpus = [k for k, on in enumerate(current) if on and hardware.family[k] == Family.GPU]
    per_quality = min((hardware.new_usd[k] / hardware.quality[k] for k in gpus), default=np.nan)
    for k in range(len(current)):
        if hardware.family[k] == Family.GPU:
            hardware.replacement_usd[k] = per_quality * hardware.quality[k]
        else:
            hardware.replacement_usd[k] = hardware.new_usd[k]


def _depreciation(tables: Books, family: str) -> float:
    """Log rate a year: regression through the origin of log residual value on age."""
    rows = [row for row in tables.depreciation if row.family == family and row.age_years > 0.0]
    if not rows:
        return 0.0  # no such hardware in these tables, or nothing known of its age
    age = np.array([row.age_years for row in rows])
    residual = np.log([row.residual_share for row in rows])
    return float(-np.sum(age * residual) / np.sum(age * age))
