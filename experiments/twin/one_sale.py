"""One sale of all that a borrower has: each buyer's money and racks are spent once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...market.liquidation.auctions import DUST
from ...market.liquidation.one_sale import PATIENT_DAYS
from ...market.state.hardware import Family
from ...market.state.loans import LoanStatus
from . import cycle, sites
from .bids import Bid, best_first, bids_for
from .rules import BISECTIONS, affordable_units

if TYPE_CHECKING:
    from .borrower import Borrower
    from .model import TwinMarket
    from .party import Buyer
    from .things import HardwareClass


@dataclass(slots=True)
class Purse:
    """What a buyer has left in this sale."""

    usd: float
    slots: list[float]


def proceeds_usd_unit(borrower: Borrower) -> dict[HardwareClass, float]:
    """Net proceeds a unit [USD], class by class, with what buyers earn in the time a sale takes."""
    market = borrower.model
    purses = _purses(market, PATIENT_DAYS)
    brought = {}
    for kind in market.hardware:
        holding = borrower.holdings.get(kind)
        units = holding.units if holding is not None else 0.0
        if kind.family is Family.SITE:
            units = _pledged_mw(borrower, kind)
        if units > 0.0:
            brought[kind] = _sell(market, kind, units, purses) / units
    return brought


def alone_usd_unit(
    market: TwinMarket, units: dict[HardwareClass, float]
) -> dict[HardwareClass, float]:
    """Net proceeds a unit [USD] of machines taken out that alone come to market today."""
    purses = _purses(market, 0.0)
    brought = {}
    for kind in market.hardware:
        if kind in units:
            brought[kind] = _sell_removed(market, kind, units[kind], purses) / units[kind]
    return brought


def _purses(market: TwinMarket, days: float) -> dict[Buyer, Purse]:
    """What buyers have saved, with so many days of income more."""
    share = 1.0
    if market.settings.channels.buyer_finance:
        share = cycle.credit_supply_share(market) * market.prices.appetite
    purses = {}
    for buyer in market.buyers:
        income = buyer.budget_usd_day * (1.0 - buyer.credit_share * (1.0 - share))
        purses[buyer] = Purse(buyer.budget_usd + days * income, list(buyer.slots))
    return purses


def _pledged_mw(borrower: Borrower, kind: HardwareClass) -> float:
    """MW of its sites, or of their halls, that are in pledge."""
    loans = [loan for loan in borrower.loans if loan.status is LoanStatus.PERFORMING]
    if kind is sites.halls(borrower.model):
        return sum(loan.hall_mw for loan in loans)
    return sum(loan.site_mw for loan in loans)


def _sell(
    market: TwinMarket, kind: HardwareClass, units: float, purses: dict[Buyer, Purse]
) -> float:
    """Clusters where they stand, then machines taken out; the rest is scrap. Returns USD."""
    terms = market.terms.liquidation
    kept, usd, left = 1.0 - terms.legal_cost_share, 0.0, units
    if kind.in_place_bidders and (units >= market.smallest_cluster or not kind.removed_bidders):
        bids = bids_for(market, kind, in_place=True)
        while left > 0.0:
            size = min(left, terms.cluster_gpus)
            price = _take_cluster(kind, size, kind.scrap_usd / max(kept, 1e-9), bids, purses)
            if price is None:
                break
            usd += kept * size * price
            left -= size
    return usd + _sell_removed(market, kind, left, purses)


def _sell_removed(
    market: TwinMarket, kind: HardwareClass, units: float, purses: dict[Buyer, Purse]
) -> float:
    """Machines that are taken out; the rest is scrap. Returns USD."""
    terms = market.terms.liquidation
    kept, usd, left = 1.0 - terms.legal_cost_share, 0.0, units
    if left > 0.0 and kind.removed_bidders:
        removal = {
            Family.GPU: terms.removal_usd_per_gpu,
            Family.ASIC: terms.removal_usd_per_th,
        }.get(kind.family, 0.0)
        least = (kind.scrap_usd + removal) / max(kept, 1e-9)
        bids = bids_for(market, kind, in_place=False)
        price, sold = _clear(kind, left, least, bids, purses)
        usd += sold * (kept * price - removal)
        left -= sold
    return usd + left * kind.scrap_usd


def _take_cluster(
    kind: HardwareClass,
    size: float,
    least_usd: float,
    bids: list[Bid],
    purses: dict[Buyer, Purse],
) -> float | None:
    """The highest bidder with the racks pays the second offer, or the least that is asked."""
    slots = size * kind.slots_per_unit
    offers = sorted(
        (
            (min(bid.price_usd, purses[bid.buyer].usd / size), -bid.buyer.number, bid.buyer)
            for bid in bids
            if bid.buyer.min_lot_gpus <= size and purses[bid.buyer].slots[kind.rack] >= slots
        ),
        key=lambda offer: offer[:2],
        reverse=True,
    )
    if not offers or offers[0][0] <= 0.0 or offers[0][0] < least_usd:
        return None
    price = max(offers[1][0] if len(offers) > 1 else 0.0, least_usd)
    winner = purses[offers[0][2]]
    winner.usd -= size * price
    winner.slots[kind.rack] -= slots
    return price


def _clear(
    kind: HardwareClass,
    units: float,
    least_usd: float,
    bids: list[Bid],
    purses: dict[Buyer, Purse],
) -> tuple[float, float]:
    """One price for all, none below the least: the highest that sells everything, else the least.

    Returns it, and units sold; buyers have paid.
    """

    def taken(bid: Bid, price: float) -> float:
        if bid.price_usd < price:
            return 0.0
        purse = purses[bid.buyer]
        many: float = affordable_units(
            price, purse.usd, purse.slots[kind.rack], kind.slots_per_unit, bid.buyer.needs_slots
        )
        return many

    price, high = least_usd, max((bid.price_usd for bid in bids), default=0.0)
    if sum(taken(bid, price) for bid in bids) >= units:
        for _ in range(BISECTIONS):
            middle = 0.5 * (price + high)
            if sum(taken(bid, middle) for bid in bids) >= units:
                price = middle
            else:
                high = middle
    left = units
    for bid in best_first(bids):
        many = min(taken(bid, price), left)
        if many > DUST:
            left -= many
            purse = purses[bid.buyer]
            purse.usd -= many * price
            if bid.buyer.needs_slots:
                purse.slots[kind.rack] -= many * kind.slots_per_unit
    return price, units - left
