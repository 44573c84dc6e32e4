"""The second-hand market: bids, the weekly call auction of each class, clusters sold in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...agents.party import Status
from ...market.liquidation.auctions import DUST, LEAST_SHARE, LEAST_TRADE
from ...market.liquidation.budget_auctions import ROUNDING, UNSERVED
from ...market.state.hardware import Family
from ...market.state.ledger import Account
from ...market.state.lots import LotState
from . import cycle, hosting, listed_alone
from .bids import Bid, best_first, bids_for, hold_value_usd, set_strips
from .lot import ON_OFFER, Lot
from .rules import BISECTIONS, affordable_units

if TYPE_CHECKING:
    from .model import TwinMarket
    from .party import Buyer
    from .things import Entry, HardwareClass


@dataclass(slots=True, eq=False)
class Ask:
    """A lot at its owner's reserve; without a lot: what ordinary owners sell."""

    lot: Lot | None
    reserve_usd: float
    units: float
    served: float = 0.0
    given: float = 0.0


@dataclass(slots=True, eq=False)
class Trade:
    """What an auction of a class has brought about."""

    value_usd: float
    units: float
    forced_units: float  # of which from lots
    event: Entry | None  # the last sale of a lot


# ---------------------------------------------------------------- the weekly window


def hold_auctions(market: TwinMarket) -> None:
    """One sealed-bid call per class; buyers' money and slots are shared by all classes."""
    settings = market.settings.liquidation
    supply = 1.0
    if market.settings.channels.buyer_finance:
        supply = cycle.credit_supply_share(market) * market.prices.appetite
    for buyer in market.buyers:
        buyer.save(settings.window_days, settings.budget_days, supply)
    _free_sites(market)
    set_strips(market)
    for kind in market.hardware:
        kind.hold_usd = hold_value_usd(market, kind)
    listed_alone.sell_listed_alone(market)
    for kind in market.hardware:
        trades = []
        if kind.in_place_bidders:
            trades.append(_auction_in_place(market, kind))
        if kind.removed_bidders:
            trades.append(_auction_removed(market, kind))
        _take_evidence(market, kind, [trade for trade in trades if trade is not None])
    _buy_what_is_left(market)
    hosting.host_lots(market)  # what is not sold


def _free_sites(market: TwinMarket) -> None:
    """Power and racks of the failed find new operators ``site_days`` after the seizure."""
    settings = market.settings.liquidation
    for lot in market.lots:
        kind, since = lot.hardware, market.day - settings.site_days - lot.seized_day
        if not 0 <= since < settings.window_days or kind.family is Family.SITE:
            continue
        if lot.listed and lot.borrower.status is Status.ACTIVE:
            continue  # who sells machines keeps the hall
        if lot.state is LotState.LEGAL and lot.is_held():
            continue  # machines that are run there keep it too
        total = market.open_slots[kind.rack]
        if total > 0.0:
            freed = lot.seized_units * kind.slots_per_unit
            for buyer in market.buyers:
                buyer.slots[kind.rack] += freed * buyer.slots_open[kind.rack] / total


def _take_evidence(market: TwinMarket, kind: HardwareClass, trades: list[Trade]) -> None:
    """What a class traded at today is evidence for marks: the mean of all units that changed hands.

    Machines sold by force run again for their buyer. A forced sale is remembered as the cause of
    later prices for as long as its evidence counts.
    """
    if not trades:
        return
    kind.clearing_usd = sum(trade.value_usd for trade in trades) / sum(t.units for t in trades)
    kind.clearing_day = market.day
    memory = market.settings.marks.evidence_half_life_days
    last = kind.clearing_event
    event = next((trade.event for trade in reversed(trades) if trade.event is not None), None)
    if event is not None or (last is not None and last.day < market.day - memory):
        kind.clearing_event = event
    kind.outside_online += sum(trade.forced_units for trade in trades)


def _on_offer(market: TwinMarket, kind: HardwareClass, state: LotState) -> list[Lot]:
    """Lots that come to auction from a state: none where forced supply is held back."""
    if not market.settings.channels.forced_supply:
        return []
    return [lot for lot in kind.lots if lot.state is state]


def _auction_in_place(market: TwinMarket, kind: HardwareClass) -> Trade | None:
    """Sell whole clusters where they stand, the lots of one borrower together."""
    offered = _on_offer(market, kind, LotState.IN_PLACE)
    if not offered:
        return None
    bids = bids_for(market, kind, in_place=True)
    value, sold, event = 0.0, 0.0, None
    for i, first in enumerate(offered):
        if first.state is not LotState.IN_PLACE:
            continue  # sold with an earlier lot
        own = [lot for lot in offered[i:] if lot.borrower is first.borrower]
        while own := [lot for lot in own if lot.state is LotState.IN_PLACE]:
            sale = _sell_cluster(market, kind, own, bids)
            if sale is None:
                break
            price, size, event = sale
            sold += size
            value += size * price
    return Trade(value, sold, sold, event) if sold > 0.0 else None


def _sell_cluster(
    market: TwinMarket, kind: HardwareClass, lots: list[Lot], bids: list[Bid]
) -> tuple[float, float, Entry | None] | None:
    """The highest bidder with the slots and the money takes one, at the second bid or the reserve.

    Returns price, units and the last sale; None if nobody bids the reserve.
    """
    standing, reserve = 0.0, kind.scrap_usd
    for lot in lots:
        standing += lot.units
        reserve = max(reserve, lot.reserve_usd(kind.hold_usd))
    size = min(standing, market.terms.liquidation.cluster_gpus)
    if size <= 0.0:
        return None
    slots = size * kind.slots_per_unit
    winner, best, second = None, 0.0, 0.0
    for bid in bids:
        buyer = bid.buyer
        if buyer.min_lot_gpus > size or buyer.slots[kind.rack] < slots:
            continue
        offer = min(bid.price_usd, buyer.budget_usd / size)
        if offer > best:
            winner, best, second = buyer, offer, best
        elif offer > second:
            second = offer
    if winner is None or best < reserve:
        return None
    price = max(second, reserve)
    winner.budget_usd -= size * price
    winner.slots[kind.rack] -= slots
    left, event = size, None
    for lot in lots:
        if left > 0.0:
            units = min(left, lot.units)
            left -= units
            event = lot.sell(units, price, 0.0, winner)
    return price, size, event


def _auction_removed(market: TwinMarket, kind: HardwareClass) -> Trade | None:
    """Clear a class: bids from the highest, asks from the lowest reserve, one price for all."""
    rigs = kind.family is Family.ASIC
    offered = LotState.IN_PLACE if rigs else LotState.REMOVED
    forced = [
        Ask(lot, lot.reserve_usd(kind.hold_usd), lot.units)
        for lot in _on_offer(market, kind, offered)
    ]
    window_days = market.settings.liquidation.window_days
    ordinary = Ask(None, kind.scrap_usd, kind.routine_units_year * window_days / 365.0)
    asks = sorted([*forced, ordinary], key=lambda ask: ask.reserve_usd)
    bids = best_first(_at_clearing(kind, asks, bids_for(market, kind, in_place=False)))
    price = _match(asks, bids)
    if price is None:
        return None
    total = 0.0
    for ask in (*forced, ordinary):
        total += ask.served
    event = _deliver(market, kind, asks, bids, price)
    for buyer in market.buyers:
        buyer.budget_usd = max(buyer.budget_usd, 0.0)  # rounding
    return Trade(price * total, total, total - ordinary.served, event)


def _at_clearing(kind: HardwareClass, asks: list[Ask], bids: list[Bid]) -> list[Bid]:
    """All bid the highest price at which money and racks still buy what is asked for at most it."""

    def taken(bid: Bid, price: float) -> float:
        buyer = bid.buyer
        free = buyer.slots[kind.rack]
        units: float = affordable_units(
            price, buyer.budget_usd, free, kind.slots_per_unit, buyer.needs_slots
        )
        return units if bid.price_usd >= price else 0.0

    low, high = 0.0, max((bid.price_usd for bid in bids), default=0.0)
    if high <= 0.0:
        return []
    for _ in range(BISECTIONS):
        price = 0.5 * (low + high)
        supply = sum(ask.units for ask in asks if ask.reserve_usd <= price)
        if sum(taken(bid, price) for bid in bids) >= supply:
            low = price
        else:
            high = price
    low = next((ask.reserve_usd for ask in asks if low < ask.reserve_usd <= high), low)
    left = sum(ask.units for ask in asks if ask.reserve_usd <= low)
    served: list[Bid] = []
    for bid in best_first(bids):
        units = min(taken(bid, low), left)
        if units > DUST:
            left -= units
            served.append(Bid(bid.buyer, low, units))
    if not served:
        return []
    if all(ask.reserve_usd != low for ask in asks):
        served[-1].units += left + UNSERVED + ROUNDING * sum(bid.units for bid in served)
    return [*sorted(served[:-1], key=lambda bid: bid.buyer.number), served[-1]]


def _match(asks: list[Ask], bids: list[Bid]) -> float | None:
    """Serve bids from asks; the price is the highest bid left unserved, or the last reserve."""
    a = b = 0
    last_ask = 0.0
    traded = 0.0
    while a < len(asks) and b < len(bids):
        ask, bid = asks[a], bids[b]
        if bid.price_usd < ask.reserve_usd:
            break
        units = min(ask.units - ask.served, bid.units - bid.won)
        if units > DUST:
            ask.served += units
            bid.won += units
            last_ask = ask.reserve_usd
            traded += units
        if ask.units - ask.served <= DUST:
            a += 1
        if bid.units - bid.won <= DUST:
            b += 1
    if traded <= max(LEAST_TRADE, LEAST_SHARE * sum(ask.units for ask in asks)):
        return None
    while b < len(bids) and bids[b].units - bids[b].won <= DUST:
        b += 1  # a bid without money or racks sets no price
    next_bid = bids[b].price_usd if b < len(bids) else 0.0
    return max(last_ask, next_bid)


def _deliver(
    market: TwinMarket,
    kind: HardwareClass,
    asks: list[Ask],
    bids: list[Bid],
    price_usd: float,
) -> Entry | None:
    """Buyers in order of their bids, each from the cheapest asks first; returns the last sale."""
    a, event = 0, None
    for bid in bids:
        need, buyer = bid.won, bid.buyer
        if need <= 0.0:
            continue
        buyer.budget_usd -= need * price_usd
        forced = 0.0
        while need > DUST and a < len(asks):
            ask = asks[a]
            units = min(need, ask.served - ask.given)
            if units > DUST:
                ask.given += units
                need -= units
                if ask.lot is None:
                    _sell_ordinary(market, kind, units, price_usd, buyer)
                else:
                    forced += units
                    event = ask.lot.sell(units, price_usd, ask.lot.removal_usd(), buyer)
            if ask.served - ask.given <= DUST:
                a += 1
        if buyer.needs_slots:  # ordinary purchases replace what the buyer retires
            buyer.slots[kind.rack] -= forced * kind.slots_per_unit
    return event


def _sell_ordinary(
    market: TwinMarket, kind: HardwareClass, units: float, price_usd: float, buyer: Buyer
) -> None:
    """An ordinary trade between an outside owner and a buyer."""
    buyer.holdings[kind].units += units
    kind.outside_units -= units
    market.investors.pay(market.owners, units * price_usd)


# ---------------------------------------------------------------- sales outside auctions


def sell_at_mark(market: TwinMarket) -> None:
    """With fire sales off, every lot that is offered at its mark."""
    if market.settings.channels.fire_sale:
        return
    for lot in market.unsold_lots():
        if lot.state in ON_OFFER:
            lot.sell(lot.units, lot.hardware.mark_usd, 0.0, market.investors)


def end_lots(market: TwinMarket) -> None:
    """What nobody bought in time."""
    for lot in market.unsold_lots():
        lot.end()


def _buy_what_is_left(market: TwinMarket) -> None:
    """A buyer of last resort takes unsold lots at a share of schedule until its purse is empty."""
    policy = market.settings.policy
    left = policy.buyer_of_last_resort_usd - market.accounts[Account.BOUGHT]
    if left <= 0.0:
        return
    for lot in market.unsold_lots():
        kind = lot.hardware
        if lot.state not in ON_OFFER or kind.family is Family.SITE:
            continue
        if policy.buyer_families not in ("both", kind.family.name.lower()):
            continue
        price = policy.buyer_price_share * kind.schedule_usd
        if price < lot.reserve_usd(kind.hold_usd):
            continue
        before = market.authority.cash_usd
        lot.sell(min(lot.units, left / price), price, 0.0, market.authority)
        paid = before - market.authority.cash_usd
        market.accounts[Account.BOUGHT] += paid
        left -= paid
        if left <= 1.0:
            return


def store_what_was_bought(market: TwinMarket) -> None:
    """A day's cost of the authority's idle machines."""
    cost = sum(kind.authority_units * kind.idle_usd_day(market) for kind in market.hardware)
    market.authority.pay(market.courts, cost)
    market.accounts[Account.STORED] += cost
