"""Hold and host: patient lenders have seized GPUs run in other operators' racks until they sell.

A hosted machine earns spot rent less what hosting gives up, stays on offer at its holding value,
and takes a rack that a buyer no longer has. Hosting is agreed from one auction to the next.
"""

from __future__ import annotations

import numpy as np

from ...agents.buyer import Buyers
from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled
from ...agents.lender import hosts, patience_days
from ...agents.party import Outside
from ..state.hardware import Family
from ..state.lots import LotState
from ..state.market import Market
from .custody import charge_owner, hosting_margin_usd_day, note_hosted
from .racks import add_slots, free_slots


@compiled
def give_racks_back(hosted_slots: Reals, buyers: Buyers) -> None:
    """Racks rented to lenders until today are their operators' again (in place)."""
    for rack in range(len(hosted_slots)):
        if hosted_slots[rack] > 0.0:
            add_slots(buyers, rack, hosted_slots[rack])
        hosted_slots[rack] = 0.0


@compiled
def host_lots(market: Market) -> None:
    """Who waits for a better price looks for racks, lot by lot, until the next auction.

    ``hosted_slots`` [Rack] are those rented out so far. No more than ``host_share`` of free racks
    is let. Installation is paid for machines that were not hosted before.
    """
    today, terms, lenders, buyers = market.today, market.terms, market.lenders, market.buyers
    hardware, lots, hosted_slots = market.hardware, market.lots, market.hosted_slots
    courts = today.first_outside + Outside.COURTS
    give_racks_back(hosted_slots, buyers)
    open_racks = np.zeros(len(hosted_slots))
    for rack in range(len(hosted_slots)):
        open_racks[rack] = terms.liquidation.host_share * free_slots(buyers, rack)
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        before = min(lots.hosted_units[i], lots.units[i])
        lots.hosted_units[i] = 0.0
        if (
            lots.state[i] != LotState.REMOVED
            or lots.loan[i] < 0
            or hardware.family[k] != Family.GPU
        ):
            continue
        row = lots.owner[i] - today.first_lender
        patience = patience_days(lenders.runnable_share[row], lenders.funding_maturity_days[row])
        left = patience - (today.day - max(lots.offered_day[i], 0))
        margin = hosting_margin_usd_day(market, i)
        installation = 0.0 if before > 0.0 else terms.liquidation.removal_usd_per_gpu
        if lenders.supply[row] <= 0.0 or not hosts(
            margin, terms.liquidation.storage_usd_per_gpu_day, left, installation
        ):
            continue
        rack = hardware.rack[k]
        units = min(lots.units[i], open_racks[rack] / hardware.slots_per_unit[k])
        if units <= 0.0:
            continue
        lots.hosted_units[i] = units
        open_racks[rack] -= units * hardware.slots_per_unit[k]
        hosted_slots[rack] += units * hardware.slots_per_unit[k]
        cost = max(0.0, units - before) * terms.liquidation.removal_usd_per_gpu
        charge_owner(market, i, cost, courts)
        if before <= 0.0:
            note_hosted(market, i, units)
    for rack in range(len(hosted_slots)):
        if hosted_slots[rack] > 0.0:
            left = 1.0 - hosted_slots[rack] / free_slots(buyers, rack)
            for i in range(len(buyers.slots)):
                buyers.slots[i, rack] *= left
