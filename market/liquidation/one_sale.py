"""One sale of many machines at once: each buyer's money and racks are spent once, over all classes.

What a lender, or all of them together, would get if they had to sell today: the classes in the
order of an auction day, clusters in place first, the rest removed, no reserve above scrap. Nothing
is sold: buyers have afterwards what they had before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...agents.columns import Flags, Matrix, Reals
from ...agents.compiling.arrays import put, put_matrix
from ...agents.compiling.kernels import compiled
from ..state.hardware import Family
from ..state.market import Market
from .auctions import take_cluster
from .bids import bids_today
from .budget_auctions import clearing_price, serve, units_at
from .budgets import inflow_usd_day, money_share

PATIENT_DAYS = 90.0


class Limits(NamedTuple):
    """What every buyer bids for a class today, whatever it has spent; computed when first asked."""

    usd: Matrix  # a unit [class to be removed, then class in place; buyer]
    known: Flags


@compiled
def no_limits(market: Market) -> Limits:
    """Limits of today, none of them asked for yet."""
    rows = 2 * len(market.hardware.family)
    return Limits(np.empty((rows, len(market.buyers.segment))), np.zeros(rows, np.bool_))


@compiled
def _limits_of(market: Market, limits: Limits, k: int, in_place: bool) -> Reals:
    """Every buyer's limit for a class [USD a unit]."""
    row = k + len(market.hardware.family) if in_place else k
    if not limits.known[row]:
        bids, _ = bids_today(market, k, in_place)
        for i in range(len(bids)):
            limits.usd[row, i] = bids[i]
        limits.known[row] = True
    return limits.usd[row]


@compiled
def sold_usd(market: Market, limits: Limits, units: Reals, removed: Reals, days: float) -> Reals:
    """Net proceeds [class, USD] of selling ``units`` [holding] of the borrowers' machines.

    So are those that stand in no holding: ``removed`` [class] machines, and MW of sites. Legal and
    removal cost come off; what nobody bids for is scrap. Buyers have what they have saved and
    ``days`` of income more.
    """
    buyers = market.buyers
    saved, racks = buyers.budget_usd.copy(), buyers.slots.copy()
    share = money_share(market)
    for i in range(len(saved)):
        buyers.budget_usd[i] += days * inflow_usd_day(buyers, i, share)
    net_usd = np.zeros(len(market.hardware.family))
    for k in range(len(net_usd)):
        net_usd[k] = _class_usd(market, limits, k, units, removed[k])
    put(buyers.budget_usd, saved)
    put_matrix(buyers.slots, racks)
    return net_usd


@compiled
def _class_usd(market: Market, limits: Limits, k: int, units: Reals, removed: float) -> float:
    """Net proceeds of one class [USD]; its buyers have spent it."""
    holdings = market.holdings
    net_usd, left = 0.0, removed
    for row in range(holdings.first[len(market.loans.first) - 1]):
        if holdings.hardware[row] != k or units[row] <= 0.0:
            continue
        standing = units[row]
        if market.has_in_place_buyers[k] and (
            standing >= market.opening.smallest_cluster or not market.has_removed_buyers[k]
        ):
            bids = _limits_of(market, limits, k, True)
            brought, standing = _in_place_usd(market, k, bids, standing)
            net_usd += brought
        left += standing
    if left > 0.0 and market.has_removed_buyers[k]:
        brought, sold = _removed_usd(market, limits, k, left)
        net_usd += brought
        left -= sold
    return net_usd + left * market.hardware.scrap_usd[k]


@compiled
def _in_place_usd(market: Market, k: int, bids: Reals, standing: float) -> tuple[float, float]:
    """Sell what stands in one place by the cluster: proceeds after legal cost [USD], units left."""
    terms = market.terms.liquidation
    least = market.hardware.scrap_usd[k] / max(1.0 - terms.legal_cost_share, 1e-9)
    brought = 0.0
    while standing > 0.0:
        size = min(standing, terms.cluster_gpus)
        price, winner = take_cluster(market, k, bids, size, least)
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
    bids = _limits_of(market, limits, k, False)
    least, offered = np.full(1, (hardware.scrap_usd[k] + removal) / kept_share), np.full(1, units)
    price = clearing_price(k, bids, least, offered, buyers, hardware)
    taken = units_at(price, k, bids, buyers, hardware)
    serve(taken, bids, units)
    for i in range(len(taken)):
        buyers.budget_usd[i] -= taken[i] * price
        if buyers.needs_slots[i]:
            buyers.slots[i, hardware.rack[k]] -= taken[i] * hardware.slots_per_unit[k]
    sold = taken.sum()
    return sold * (price * kept_share - removal), sold
