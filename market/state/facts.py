"""Facts known by date, which only books of 2021 have, and a scripted failure.

In other books these tables have no rows.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

from ...agents.columns import Codes, Ints, IntsOrNone, OneReal, Reals, columns_of, empty
from ...agents.compiling.kernels import compiled

DAYS_PER_YEAR = 365.0
MWH_PER_MW_DAY = 24.0
NEW_RIGS = "J25_38"  # the class on order, which tenants without a name run too


class ShockKind(IntEnum):
    """Events from outside, by what their amount is."""

    CAPACITY_LOSS = 0  # share of a miner's rigs that lose their power
    POWER_PRICE = 1  # factor on a miner's opening power price
    ETH_ENDS = 2  # share of a miner's business with ether that ends
    NON_DELIVERY = 3  # TH/s on order that never come
    ASSET_LOSS = 4  # USD, of a lender's other loans
    OUTFLOW = 5  # share of a lender's callable money that leaves in the weeks to come
    FAILURE = 6  # none: a lender's assets fall to a share of its debts
    NEW_EXPOSURE = 7  # USD that a lender lends to another
    KNOCK_OUT = 8  # none: a borrower fails, a lender loses its capital


class Shocks(NamedTuple):
    """Events from outside, by day."""

    day: Ints
    kind: Codes  # ShockKind
    party: Ints
    counterparty: IntsOrNone  # party
    amount: Reals
    outflow_usd_day: Reals  # pace of an outflow that has begun


class Draws(NamedTuple):
    """Loans drawn later, by day: what they bring and what is pledged for them."""

    day: Ints
    loan: Ints
    amount_usd: Reals
    rigs_th: Reals


class Injections(NamedTuple):
    """New shares sold on a day, agreed before."""

    day: Ints
    borrower: Ints
    amount_usd: Reals


class HostLinks(NamedTuple):
    """Rigs of a tenant that stand with a host."""

    host: Ints
    tenant: IntsOrNone  # -1: tenants without a name, by power
    share: Reals  # of the tenant's rigs
    mw: Reals  # of tenants without a name
    usd_mwh: Reals


class CoinsLent(NamedTuple):
    """Coins that a borrower has lent to a lender."""

    borrower: Ints
    lender: Ints  # party
    btc: Reals


class RigOrders(NamedTuple):
    """One row per tranche; amounts are of what is still open."""

    borrower: Ints
    due_day: Ints
    th: Reals
    deposit_usd: Reals
    payment_usd: Reals
    waiting_th: Reals  # delivered, without power yet
    powered_day: Reals  # mean day on which those run


class DatedFacts(NamedTuple):
    """Dated facts of a market, and the little state they need."""

    shocks: Shocks
    draws: Draws
    injections: Injections
    links: HostLinks
    coins_lent: CoinsLent
    orders: RigOrders
    delivered_th: OneReal  # of these orders, so far
    # by loan
    in_kind_rate: Reals  # interest a year that is added to principal
    rigs_due_th: Reals  # pledged when they are delivered
    # by borrower
    hosted_share: Reals  # of its rigs
    power_usd_mwh: Reals  # at the opening
    power_factor: Reals  # of shocks
    capacity: Reals  # share of rigs with power, hosts apart
    eth_revenue_usd_day: Reals  # at the opening price
    eth_cost_usd_day: Reals
    goodwill_usd: Reals  # at the opening


def no_facts() -> DatedFacts:
    """Those of books that know none."""
    tables = {name: kind for name, kind in columns_of(DatedFacts).items() if isinstance(kind, type)}
    return empty(DatedFacts, 0, **{name: empty(kind, 0) for name, kind in tables.items()})


@compiled
def power_drift(rate: float, day: int) -> float:
    """Factor on all power prices after ``day`` days of log drift ``rate`` a year."""
    return math.exp(rate * day / DAYS_PER_YEAR)


@compiled
def knocked_out(shocks: Shocks, day: int, party: int) -> bool:
    """Whether a borrower fails on a day because a scenario says so."""
    for i in range(len(shocks.day)):
        scripted = shocks.kind[i] == ShockKind.KNOCK_OUT and shocks.day[i] == day
        if scripted and shocks.party[i] == party:
            return True
    return False
