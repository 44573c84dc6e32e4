"""The liquidation market: sales of seized lots, and a call auction per class.

Sealed bids, uniform price. Removed machines are divisible and go to whoever has racks, power and
money; clusters standing in place go whole, to in-place buyers only. No bid at or above the reserve
means no trade: the lot waits and the mark goes stale. Sites sell as removed machines do, by the
MW: who has money for a part of one buys together with others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...agents.columns import Longs, Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import reserve_price_usd, seller_patience_days
from ...agents.party import Outside, Status
from ..debt.losses import note_recovery
from ..debt.sites import lease_premium_usd_mw
from ..state.events import Cause, Event
from ..state.hardware import Family, find_holding
from ..state.history import log_event
from ..state.lots import LotState, rows_in_state
from ..state.market import Market
from ..state.money import pay, repay
from .bid_heap import make_heap, rising, take_highest
from .custody import is_held
from .racks import add_slots

DUST = 1e-6  # of a machine: rounding
LEAST_TRADE = 1e-3  # of a machine: less is no trade, nor is
LEAST_SHARE = 1e-4  # less of what is offered: pennies that rounding has left in spent budgets
ESTATE_PATIENCE_DAYS = 180.0
OWNER_PATIENCE_DAYS = 28.0  # of an owner in distress: its cure period


@inlined
def lot_reserve_usd(market: Market, lot: int) -> float:
    """The owner's reserve [USD/unit]: patience is set by a lender's funding."""
    today, lenders, lots = market.today, market.lenders, market.lots
    if lots.listed[lot]:
        patience = OWNER_PATIENCE_DAYS
    elif lots.loan[lot] < 0:
        patience = ESTATE_PATIENCE_DAYS
    else:
        row = lots.owner[lot] - today.first_lender
        patience = seller_patience_days(
            lenders.runnable_share[row],
            lenders.funding_maturity_days[row],
            lenders.least_patience_days[row],
            lenders.supply[row],
        )
    waited = float(today.day - max(lots.offered_day[lot], 0))
    if lots.hosted_units[lot] > 0.0:  # what earns can wait
        waited *= max(0.0, 1.0 - lots.hosted_units[lot] / max(lots.units[lot], 1e-9))
    k = lots.hardware[lot]
    return reserve_price_usd(market.hold_usd[k], market.hardware.scrap_usd[k], waited, patience)


@compiled
def rows_on_offer(market: Market, k: int, state: int) -> Longs:
    """Lots of a class that come to auction from a state: none where forced supply is held back."""
    if not market.terms.channels.forced_supply:
        return np.empty(0, np.int64)
    return rows_in_state(k, state, market.lots)


@compiled
def sell_units(
    market: Market, lot: int, units: float, price_usd: float, removal_usd: float, buyer_party: int
) -> int:
    """Settle a sale: machines to the buyer, proceeds to the claim, surplus to the estate.

    Legal cost and ``removal_usd`` a unit come off the proceeds. Sales of a lot in one auction are
    one event, what the authority buys is one of its own. A buyer's money comes from outside,
    limited by the budget checked before; what leases of a hall are worth beyond an empty one,
    investors add.
    """
    today, _prices, terms, parties = market.today, market.prices, market.terms, market.parties
    holdings, loans, lots, ledger = market.holdings, market.loans, market.lots, market.ledger
    log = market.log
    investors = today.first_outside + Outside.INVESTORS
    courts = today.first_outside + Outside.COURTS
    to_authority = buyer_party == today.first_outside + Outside.AUTHORITY
    k = lots.hardware[lot]
    price_usd += lease_premium_usd_mw(market, lot)
    lots.units[lot] -= units
    if lots.units[lot] < DUST:  # it goes with the last sale
        units += lots.units[lot]
        lots.units[lot] = 0.0
        lots.state[lot] = LotState.SOLD
    row_held = find_holding(holdings, buyer_party, k) if buyer_party < today.first_outside else -1
    if row_held >= 0:
        holdings.units[row_held] += units
    elif to_authority:
        ledger.authority_units[k] += units
    else:
        ledger.outside_units[k] += units
    proceeds = units * price_usd
    lots.proceeds_usd[lot] += proceeds
    lots.unit_days[lot] += units * (today.day - lots.seized_day[lot])
    if buyer_party < today.first_outside:
        pay(market, investors, buyer_party, proceeds)
    loan = lots.loan[lot]
    owner = lots.owner[lot]
    fee = min(proceeds, terms.liquidation.legal_cost_share * proceeds + removal_usd * units)
    net = proceeds - fee
    pay(market, buyer_party, courts, fee)
    event = lots.last_event[lot]
    last = log.events[event]
    if last["kind"] == Event.HARDWARE_SALE and last["day"] == today.day and not to_authority:
        last["amount_usd"] += proceeds
    else:
        event = log_event(
            market,
            Event.HARDWARE_SALE,
            Cause.COLLATERAL_SALE,
            (lots.borrower[lot], buyer_party, loan),
            proceeds,
            lots.event[lot],
        )
    lots.last_event[lot] = event
    if loan < 0:
        ended = parties.status[owner] == Status.WOUND_UP
        pay(market, buyer_party, investors if ended else owner, net)
        return event
    applied = min(net, loans.principal_usd[loan])
    repay(market, loan, buyer_party, applied)
    pay(market, buyer_party, lots.borrower[lot], net - applied)
    note_recovery(market, loan, applied)
    claims, claim = loans.claims, loans.claim[loan]
    if lots.state[lot] == LotState.SOLD:
        claims.open_lots[claim] -= 1
    elif loans.principal_usd[loan] <= 1e-6:  # repaid: the rest belongs to the estate
        lots.loan[lot] = -1
        lots.owner[lot] = lots.borrower[lot]
        claims.open_lots[claim] -= 1
    return event


@compiled
def sell_at_mark(market: Market) -> None:
    """With fire sales off, every lot that is offered goes at its mark."""
    today, lots = market.today, market.lots
    if market.terms.channels.fire_sale:
        return
    for i in range(lots.count[0]):
        if lots.state[i] != LotState.REMOVED and lots.state[i] != LotState.IN_PLACE:
            continue
        price = market.marks_usd[lots.hardware[i]]
        sell_units(market, i, lots.units[i], price, 0.0, today.first_outside + Outside.INVESTORS)


@compiled
def free_sites(market: Market) -> None:
    """Power and racks of the failed find new operators ``site_days`` after the seizure.

    They become slots of buyers, in proportion to the slots these had at the opening.
    """
    today, terms, parties, buyers = market.today, market.terms, market.parties, market.buyers
    hardware, lots = market.hardware, market.lots
    freed = np.zeros(buyers.slots.shape[1])
    for i in range(lots.count[0]):
        k = lots.hardware[i]
        since = today.day - terms.liquidation.site_days - lots.seized_day[i]
        if lots.listed[i] and parties.status[lots.borrower[i]] == Status.ACTIVE:
            continue  # who sells machines keeps the hall
        if lots.state[i] == LotState.LEGAL and is_held(market, i):
            continue  # machines that are run there keep it too
        if since < 0 or since >= terms.liquidation.window_days or hardware.family[k] == Family.SITE:
            continue
        freed[hardware.rack[k]] += lots.seized_units[i] * hardware.slots_per_unit[k]
    for rack in range(len(freed)):
        if freed[rack] > 0.0:
            add_slots(buyers, rack, freed[rack])


@compiled
def auction_removed(
    market: Market,
    k: int,
    bids: NDArray[np.float64],
    bid_units: NDArray[np.float64],
    routine_units: float,
) -> tuple[float, float, float, int]:
    """Clear one class: price [USD/unit] (NaN: no trade), units, forced units, last forced sale.

    Bids from the highest, asks from the lowest reserve; ordinary owners sell ``routine_units`` at
    any price above scrap. The uniform price is the highest bid left unserved, or the last reserve
    served.
    """
    today, terms, buyers, hardware = market.today, market.terms, market.buyers, market.hardware
    lots = market.lots
    scrap = hardware.scrap_usd[k]
    offered = LotState.IN_PLACE if hardware.family[k] == Family.ASIC else LotState.REMOVED
    removal = terms.liquidation.removal_usd_per_th if hardware.family[k] == Family.ASIC else 0.0
    offers = rows_on_offer(market, k, offered)
    routine = len(offers)
    asks = np.empty(routine + 1)
    left = np.empty(routine + 1)
    for a in range(routine):
        asks[a] = lot_reserve_usd(market, offers[a])
        left[a] = lots.units[offers[a]]
    asks[routine] = scrap
    left[routine] = routine_units
    ask_order = rising(asks)
    bidders = np.flatnonzero(bids > 0.0)
    make_heap(bids, bidders)
    count = len(bidders)
    won = np.zeros(count)
    served = np.zeros(routine + 1)
    a = 0
    b = 0  # so many bidders have got what they want
    j = take_highest(bids, bidders, b) if count > 0 else -1
    last_ask = 0.0
    while a < len(ask_order) and b < count:
        i = ask_order[a]
        if bids[j] < asks[i]:
            break
        traded = min(left[i] - served[i], bid_units[j] - won[b])
        if traded > DUST:
            served[i] += traded
            won[b] += traded
            last_ask = asks[i]
        if left[i] - served[i] <= DUST:
            a += 1
        if bid_units[j] - won[b] <= DUST:
            b += 1
            if b < count:
                j = take_highest(bids, bidders, b)
    total = served.sum()
    if total <= max(LEAST_TRADE, LEAST_SHARE * left.sum()):
        return np.nan, 0.0, 0.0, -1
    winners = min(b + 1, count)
    while b < count and bid_units[j] - won[b] <= DUST:
        b += 1  # a bid without money or racks sets no price
        if b < count:
            j = take_highest(bids, bidders, b)
    next_bid = bids[j] if b < count else 0.0
    price = max(last_ask, next_bid, 0.0)
    # Deliver: buyers in order of their bids, each from the cheapest asks first.
    a = 0
    given = np.zeros(len(left))
    event = -1
    for b in range(winners):
        j = bidders[count - 1 - b]
        need = won[b]
        if need <= 0.0:
            continue
        buyers.budget_usd[j] -= need * price
        forced_part = 0.0
        while need > DUST and a < len(ask_order):
            i = ask_order[a]
            units = min(need, served[i] - given[i])
            if units > DUST:
                given[i] += units
                need -= units
                if i == routine:
                    _sell_routine(market, k, units, price, today.first_buyer + j)
                else:
                    forced_part += units
                    taken_out = removal
                    if lots.listed[offers[i]] and hardware.family[k] == Family.GPU:
                        # seized ones were taken out at their seizure
                        taken_out = terms.liquidation.removal_usd_per_gpu
                    event = sell_units(
                        market, offers[i], units, price, taken_out, today.first_buyer + j
                    )
            if served[i] - given[i] <= DUST:
                a += 1
        if buyers.needs_slots[j]:  # ordinary purchases replace what the buyer retires
            rack = hardware.rack[k]
            buyers.slots[j, rack] -= forced_part * hardware.slots_per_unit[k]
    forced = total - served[routine]
    return price, total, forced, event


@compiled
def _sell_routine(market: Market, k: int, units: float, price_usd: float, buyer_party: int) -> None:
    """An ordinary trade between an outside owner and a buyer."""
    today, holdings, ledger = market.today, market.holdings, market.ledger
    row = find_holding(holdings, buyer_party, k)
    holdings.units[row] += units
    ledger.outside_units[k] -= units
    pay(
        market,
        today.first_outside + Outside.INVESTORS,
        today.first_outside + Outside.OWNERS,
        units * price_usd,
    )


@compiled
def take_cluster(
    market: Market, k: int, bids: Reals, bidders: Longs, size: float, reserve_usd: float
) -> tuple[float, int]:
    """Who takes a cluster of so many units, -1: nobody, and its price [USD/unit]; it has paid.

    The highest bidder that has racks for all of it and takes so few, at the second offer or the
    reserve. Nobody offers more than its money buys.
    """
    buyers, hardware = market.buyers, market.hardware
    rack, used = hardware.rack[k], hardware.slots_per_unit[k]
    best, second, winner = 0.0, 0.0, -1
    for j in bidders:
        if buyers.min_lot_gpus[j] > size or buyers.slots[j, rack] < size * used:
            continue
        offer = min(bids[j], buyers.budget_usd[j] / size)
        if offer > best:
            best, second, winner = offer, best, j
        elif offer > second:
            second = offer
    if winner < 0 or best < reserve_usd:
        return np.nan, -1
    price = max(second, reserve_usd)
    buyers.budget_usd[winner] -= size * price
    buyers.slots[winner, rack] -= size * used
    return price, winner


@compiled
def auction_in_place(market: Market, k: int, bids: NDArray[np.float64]) -> tuple[float, float, int]:
    """Sell whole clusters of one class where they stand: mean price, units, last sale.

    A borrower's lots make clusters of at most ``liquidation.cluster_gpus``. The highest bidder with
    the slots and the money takes one, at the second bid or the reserve, whichever is higher.
    """
    today, terms, hardware = market.today, market.terms, market.hardware
    lots = market.lots
    value_usd = 0.0
    sold_units = 0.0
    event = -1
    scrap = hardware.scrap_usd[k]
    offers = rows_on_offer(market, k, LotState.IN_PLACE)
    together = rising(lots.borrower[offers].astype(np.float64))  # a borrower's, as they stand
    bidders = np.flatnonzero(bids > 0.0)
    place = np.empty(len(offers), np.int64)
    for at in range(len(offers)):
        place[together[at]] = at
    for a in range(len(offers)):
        if lots.state[offers[a]] != LotState.IN_PLACE:
            continue  # sold with an earlier one
        owner = lots.borrower[offers[a]]
        end = place[a] + 1
        while end < len(offers) and lots.borrower[offers[together[end]]] == owner:
            end += 1
        own = offers[together[place[a] : end]]
        while True:
            standing = 0.0
            reserve = scrap
            for i in own:
                if lots.state[i] == LotState.IN_PLACE:
                    standing += lots.units[i]
                    reserve = max(reserve, lot_reserve_usd(market, i))
            size = min(standing, terms.liquidation.cluster_gpus)
            if size <= 0.0:
                break
            price, winner = take_cluster(market, k, bids, bidders, size, reserve)
            if winner < 0:
                break
            left = size
            for i in own:
                if left > 0.0 and lots.state[i] == LotState.IN_PLACE:
                    units = min(left, lots.units[i])
                    left -= units
                    event = sell_units(market, i, units, price, 0.0, today.first_buyer + winner)
            sold_units += size
            value_usd += size * price
    return value_usd / sold_units if sold_units > 0.0 else np.nan, sold_units, event
