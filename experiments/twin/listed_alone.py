"""Without forced supply owners sell what they list as if nobody else sold anything."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .lot import ON_OFFER
from .one_sale import alone_usd_unit

if TYPE_CHECKING:
    from .borrower import Borrower
    from .lot import Lot
    from .model import TwinMarket
    from .things import HardwareClass


def sell_listed_alone(market: TwinMarket) -> None:
    """Owner by owner, at the price of one sale of all it offers, if that meets its reserve."""
    if market.settings.channels.forced_supply:
        return
    offered: dict[Borrower, list[Lot]] = defaultdict(list)
    for lot in market.unsold_lots():
        if lot.state in ON_OFFER and lot.is_owners():
            offered[lot.borrower].append(lot)
    kept = 1.0 - market.terms.liquidation.legal_cost_share
    for lots in offered.values():
        units: dict[HardwareClass, float] = defaultdict(float)
        for lot in lots:
            units[lot.hardware] += lot.units
        brings = alone_usd_unit(market, units)
        for lot in lots:
            removal = lot.removal_usd()
            price = (brings[lot.hardware] + removal) / max(kept, 1e-9)
            if price >= lot.reserve_usd(lot.hardware.hold_usd):
                lot.hardware.outside_online += lot.units
                lot.sell(lot.units, price, removal, market.investors)
