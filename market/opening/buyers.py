"""Opening books of the second-hand buyers: budgets, racks and what each segment accepts."""

from __future__ import annotations

import numpy as np

from ...agents.buyer import Buyers, Rack
from ..state.hardware import NEVER, Hardware
from ..state.randomness import Stream, party_normals
from ..state.site_classes import HALL, SITE
from . import rows as t
from .books import Books
from .drafts import MILLION

DAYS = 365.0


def accepted_classes(
    segment: t.Buyer, rows: tuple[t.Hardware, ...], hardware: Hardware
) -> list[str]:
    """Classes a segment bids for, once there are any; under export control for none."""
    if segment.export_controlled_excluded:
        return []
    come = [row for row, day in zip(rows, hardware.launch_day, strict=False) if day < NEVER]
    result = []
    for token in segment.classes_accepted:
        if token in (SITE, HALL):
            result.append(token)
        elif token == "ASIC":
            result += [row.id for row in come if row.family == "asic"]
        else:
            result += [row.id for row in come if row.fleet_group == token]
    return result


def open_buyers(
    tables: Books,
    names: tuple[str, ...],
    hardware: Hardware,
    budget_days: float,
    budget_scale: float = 1.0,
    slot_scale: float = 1.0,
) -> Buyers:
    """Members of each segment share its budget and slots, with lognormal differences in size."""
    count = sum(row.count for row in tables.buyers)
    buyers = Buyers(
        segment=np.zeros(count, np.int32),
        budget_usd=np.zeros(count),
        budget_usd_day=np.zeros(count),
        slots=np.zeros((count, len(Rack))),
        slots_open=np.zeros((count, len(Rack))),
        needs_slots=np.zeros(count, np.bool_),
        accepts=np.zeros((count, len(names)), np.bool_),
        private_view=np.ones((count, len(names))),
        in_place_only=np.zeros(count, np.bool_),
        min_lot_gpus=np.zeros(count),
        credit_share=np.zeros(count),
        required_return=np.zeros(count),
        horizon_years=np.zeros(count),
        relocation_usd=np.zeros(count),
        running_cost_usd_kwh=np.zeros(count),
    )
    start = 0
    for number, row in enumerate(tables.buyers):
        members = slice(start, start + row.count)
        size = np.exp(0.5 * party_normals(0, int(Stream.BUYER_SIZE), number, row.count))
        size /= size.sum()
        slots: list[float] = [
            row.slots_air_lt15,
            row.slots_air_15_40,
            row.slots_liq_40_80,
            row.slots_liq_gt80,
        ]
        slots += [row.spare_mw_asic, row.site_mw]
        buyers.segment[members] = number
        buyers.budget_usd_day[members] = row.budget_usd_m_yr * MILLION / DAYS * budget_scale * size
        buyers.budget_usd[members] = buyers.budget_usd_day[members] * budget_days
        buyers.slots[members] = np.outer(size, np.array(slots, float)) * slot_scale
        buyers.needs_slots[members] = sum(slots) > 0
        for name in accepted_classes(row, tables.hardware, hardware):
            buyers.accepts[members, names.index(name)] = True
        buyers.in_place_only[members] = row.in_place_only
        buyers.min_lot_gpus[members] = row.min_lot_gpus
        buyers.credit_share[members] = row.credit_share
        buyers.required_return[members] = row.required_return
        buyers.horizon_years[members] = row.horizon_years
        buyers.relocation_usd[members] = row.relocation_usd_per_gpu
        buyers.running_cost_usd_kwh[members] = row.running_cost_usd_kwh
        start += row.count
    buyers.slots_open[:] = buyers.slots
    return buyers
