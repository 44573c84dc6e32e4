"""Hold and host: patient lenders have seized GPUs run in buyers' racks until the next window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...agents.buyer import Rack
from ...market.state.hardware import Family
from ...market.state.lots import LotState
from .rules import hosts

if TYPE_CHECKING:
    from .loan import Loan
    from .lot import Lot
    from .model import TwinMarket


def host_lots(market: TwinMarket) -> None:
    """Racks let until today come back; who waits for a better price looks for new ones."""
    _give_racks_back(market)
    to_let = {
        rack: market.terms.liquidation.host_share * _free_slots(market, rack) for rack in Rack
    }
    for lot in market.lots:
        before = min(lot.hosted_units, lot.units)
        lot.hosted_units = 0.0
        if (
            lot.loan is None
            or lot.state is not LotState.REMOVED
            or lot.hardware.family is not Family.GPU
            or not _wants_a_host(lot, lot.loan, installed=before > 0.0)
        ):
            continue
        kind = lot.hardware
        units = min(lot.units, to_let[kind.rack] / kind.slots_per_unit)
        if units > 0.0:
            to_let[kind.rack] -= units * kind.slots_per_unit
            _move_in(lot, units, before)
    _take_racks(market)


def _free_slots(market: TwinMarket, rack: Rack) -> float:
    return sum(buyer.slots[rack] for buyer in market.buyers)


def _give_racks_back(market: TwinMarket) -> None:
    """To all buyers, by what they had at the opening."""
    for rack in Rack:
        if market.hosted_slots[rack] > 0.0 and market.open_slots[rack] > 0.0:
            for buyer in market.buyers:
                share = buyer.slots_open[rack] / market.open_slots[rack]
                buyer.slots[rack] += market.hosted_slots[rack] * share
        market.hosted_slots[rack] = 0.0


def _take_racks(market: TwinMarket) -> None:
    """From all buyers, by what they have free."""
    for rack in Rack:
        hosted = market.hosted_slots[rack]
        if hosted > 0.0:
            left = 1.0 - hosted / _free_slots(market, rack)
            for buyer in market.buyers:
                buyer.slots[rack] *= left


def _wants_a_host(lot: Lot, loan: Loan, installed: bool) -> bool:
    """Whether its lender can wait, and what it saves and earns until then pays installation."""
    terms, lender = lot.market.terms, loan.lender
    if lender.supply <= 0.0:
        return False
    wanted: bool = hosts(
        lot.hosting_margin_usd_day(),
        terms.liquidation.storage_usd_per_gpu_day,
        lender.patience_days() - lot.waited_days(),
        0.0 if installed else terms.liquidation.removal_usd_per_gpu,
    )
    return wanted


def _move_in(lot: Lot, units: float, before: float) -> None:
    """A host runs so many units; those it did not run before are installed."""
    market, kind = lot.market, lot.hardware
    lot.hosted_units = units
    market.hosted_slots[kind.rack] += units * kind.slots_per_unit
    lot.charge(max(0.0, units - before) * market.terms.liquidation.removal_usd_per_gpu)
    if before <= 0.0:
        lot.note_hosted(units)
