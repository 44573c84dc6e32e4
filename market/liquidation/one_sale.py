"""One sale of many machines at once: each buyer's money and racks are spent once, over all classes.

What a lender, or all of them together, would get if they had to sell today: the classes in the
order of an auction day, clusters in place first, the rest removed, no reserve above scrap. Nothing
is sold: buyers have afterwards what they had before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...agents.columns import LongMatrix, Longs, Matrix, Reals
from ...agents.compiling.arrays import put, put_matrix
from ...agents.compiling.kernels import compiled
from ..state.hardware import Family
from ..state.market import Market
from .auctions import DUST, take_cluster
from .bid_heap import in_order
from .bids import bids_today, units_taken
from .budget_auctions import money_and_racks, price_between
from .budgets import inflow_usd_day, money_share

PATIENT_DAYS = 90.0


class Offer(NamedTuple):
    """What is sold at once: machines of borrowers, and what stands in no holding of theirs."""

    rows: Longs  # of holdings, rising
    units: Reals  # of each of them
    removed: Reals  # machines, and MW of sites [class]


class Limits(NamedTuple):
    """What every buyer bids for each class today, whatever it has spent: computed when asked for.

    Rows are classes to be removed, then classes in place.
    """

    usd: Matrix  # a unit [row, buyer]
    buyers: LongMatrix  # who bids [row, place]
    many: Longs  # how many do [row]; -1: not asked for yet


@compiled
def no_limits(market: Market) -> Limits:
    """Limits of today, none of them asked for yet."""
    rows, buyers = 2 * len(market.hardware.family), len(market.buyers.segment)
    return Limits(np.empty((rows, buyers)), np.empty((rows, buyers), np.int64), np.full(rows, -1))


@compiled
def _bidders(market: Market, limits: Limits, k: int, in_place: bool) -> tuple[Reals, Longs]:
    """Limits of all buyers for a class [USD a unit], and who bids: highest first if removed."""
    row = k + len(market.hardware.family) if in_place else k
    if limits.many[row] < 0:
        bids = bids_today(market, k, in_place)
        who = np.flatnonzero(bids > 0.0)
        if not in_place:
            who = in_order(bids, who)
        for i in range(len(bids)):
            limits.usd[row, i] = bids[i]
        for n in range(len(who)):
            limits.buyers[row, n] = who[n]
        limits.many[row] = len(who)
    return limits.usd[row], limits.buyers[row, : limits.many[row]]


@compiled
def sold_usd(market: Market, limits: Limits, offer: Offer, days: float) -> Reals:
    """Net proceeds [class, USD] of selling all of an offer.

    Legal and removal cost come off; what nobody bids for is scrap. Buyers have what they have saved
    and ``days`` of income more.
    """
    buyers = market.buyers
    saved, racks = buyers.budget_usd.copy(), buyers.slots.copy()
    share = money_share(market)
    for i in range(len(saved)):
        buyers.budget_usd[i] += days * inflow_usd_day(buyers, i, share)
    offered = offered_units(market, offer)  # most sales are of a few classes
    net_usd = np.zeros(len(offered))
    for k in range(len(offered)):
        if offered[k] > 0.0:
            net_usd[k] = _class_usd(market, limits, k, offer)
    put(buyers.budget_usd, saved)
    put_matrix(buyers.slots, racks)
    return net_usd


@compiled
def offered_units(market: Market, offer: Offer) -> Reals:
    """Units of each class in an offer."""
    units = offer.removed.copy()
    for n in range(len(offer.rows)):
        units[market.holdings.hardware[offer.rows[n]]] += offer.units[n]
    return units


@compiled
def _class_usd(market: Market, limits: Limits, k: int, offer: Offer) -> float:
    """Net proceeds of one class [USD]; its buyers have spent it."""
    net_usd, left = 0.0, offer.removed[k]
    for n in range(len(offer.rows)):
        standing = offer.units[n]
        if market.holdings.hardware[offer.rows[n]] != k or standing <= 0.0:
            continue
        if market.has_in_place_buyers[k] and (
            standing >= market.opening.smallest_cluster or not market.has_removed_buyers[k]
        ):
            bids, who = _bidders(market, limits, k, True)
            brought, standing = _in_place_usd(market, k, bids, who, standing)
            net_usd += brought
        left += standing
    if left > 0.0 and market.has_removed_buyers[k]:
        brought, sold = _removed_usd(market, limits, k, left)
        net_usd += brought
        left -= sold
    return net_usd + left * market.hardware.scrap_usd[k]


@compiled
def _in_place_usd(
    market: Market, k: int, bids: Reals, who: Longs, standing: float
) -> tuple[float, float]:
    """Sell what stands in one place by the cluster: proceeds after legal cost [USD], units left."""
    terms = market.terms.liquidation
    least = market.hardware.scrap_usd[k] / max(1.0 - terms.legal_cost_share, 1e-9)
    brought = 0.0
    while standing > 0.0:
        size = min(standing, terms.cluster_gpus)
        price, winner = take_cluster(market, k, bids, who, size, least)
        if winner < 0:
            break
        brought += size * price
        standing -= size
    return brought * (1.0 - terms.legal_cost_share), standing


@compiled
def _removed_usd(market: Market, limits: Limits, k: int, units: float) -> tuple[float, float]:
    """Sell removed machines at one price: net proceeds [USD] and units; none below scrap."""
    buyers, hardware, terms = market.buyers, market.hardware, market.terms.liquidation
    removal = 0.0
    if hardware.family[k] != Family.SITE:
        gpu = hardware.family[k] == Family.GPU
        removal = terms.removal_usd_per_gpu if gpu else terms.removal_usd_per_th
    kept_share = max(1.0 - terms.legal_cost_share, 1e-9)
    bids, who = _bidders(market, limits, k, False)
    least = (hardware.scrap_usd[k] + removal) / kept_share
    price = _price(market, k, bids, who, units, least)
    left = units
    for i in who:  # highest limit first
        if left <= DUST or bids[i] < price:
            break
        taken = min(units_taken(i, price, k, buyers, hardware), left)
        left -= taken
        buyers.budget_usd[i] -= taken * price
        if buyers.needs_slots[i]:
            buyers.slots[i, hardware.rack[k]] -= taken * hardware.slots_per_unit[k]
    return (units - left) * (price * kept_share - removal), units - left


@compiled
def _price(market: Market, k: int, bids: Reals, who: Longs, units: float, least: float) -> float:
    """The highest price at which what money and racks buy covers ``units``, or the reserve.

    As :func:`market.liquidation.budget_auctions.clearing_price` for one seller. ``who`` bids,
    highest first: few of thousands are looked at.
    """
    buyers, hardware = market.buyers, market.hardware
    able = 0
    while able < len(who) and bids[who[able]] >= least:
        able += 1
    if able == 0:
        return least
    few, many = 0, 1  # the first few do not cover it at the last one's limit
    while many < able and _demand(market, k, bids[who[many - 1]], who[:many]) < units:
        few, many = many, min(2 * many, able)
    if _demand(market, k, bids[who[many - 1]], who[:many]) < units:
        if _demand(market, k, least, who[:able]) < units:
            return least  # sold in part
        few, below = able, least
    else:
        while many - few > 1:
            middle = (few + many) // 2
            if _demand(market, k, bids[who[middle - 1]], who[:middle]) < units:
                few = middle
            else:
                many = middle
        below = bids[who[many - 1]]
        if few == 0:
            return below
    money, racks = money_and_racks(k, who[:few], buyers, hardware)
    return price_between(below, bids[who[few - 1]], units, money, racks)


@compiled
def _demand(market: Market, k: int, price: float, who: Longs) -> float:
    """Units of a class that these buyers take at a price."""
    units = 0.0
    for i in who:
        units += units_taken(i, price, k, market.buyers, market.hardware)
    return units
