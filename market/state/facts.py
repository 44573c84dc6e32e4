"""Facts known by date: draws, equity, shocks, hosting, outflows, rigs on order."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

DAYS_PER_YEAR = 365.0
MWH_PER_MW_DAY = 24.0


@dataclass(frozen=True)
class DatedDraw:
    """A loan drawn on a day: what it brings and what is pledged for it."""

    day: int
    loan: int
    amount_usd: float
    rigs_th: float


@dataclass(frozen=True)
class DatedEquity:
    """New shares sold on a day, agreed before."""

    day: int
    borrower: int
    amount_usd: float


@dataclass(frozen=True)
class DatedShock:
    """An event from outside on a day; ``party`` and ``counterparty`` are parties of the market."""

    day: int
    kind: str
    party: int
    amount: float
    counterparty: int


@dataclass(frozen=True)
class HostLink:
    """Rigs of a tenant that stand with a host; -1: tenants without a name, by power."""

    host: int
    tenant: int
    share: float  # of the tenant's rigs
    mw: float  # of tenants without a name
    usd_mwh: float


@dataclass
class Outflow:
    """Callable money that leaves a lender at a steady pace."""

    lender: int
    usd_day: float
    last_day: int


@dataclass
class DatedFacts:
    """Dated facts of a market, and the little state they need; arrays are by borrower or loan."""

    draws: tuple[DatedDraw, ...]
    equity: tuple[DatedEquity, ...]
    shocks: tuple[DatedShock, ...]
    links: tuple[HostLink, ...]
    coins_lent: list[tuple[int, int, float]]  # (borrower, lender's party, BTC)
    in_kind_rate: NDArray[np.float64]  # [loan] interest a year that is added to principal
    rigs_due_th: NDArray[np.float64]  # [loan] pledged when they are delivered
    orders: RigOrders
    hosted_share: NDArray[np.float64]  # [borrower] of its rigs
    power_usd_mwh: NDArray[np.float64]  # [borrower] at the opening
    power_factor: NDArray[np.float64]  # [borrower] of events
    capacity: NDArray[np.float64]  # [borrower] share of rigs with power, hosts apart
    eth_revenue_usd_day: NDArray[np.float64]  # [borrower] at the opening price
    eth_cost_usd_day: NDArray[np.float64]
    eth_open_usd: float
    goodwill_usd: NDArray[np.float64]  # [borrower] at the opening, once shares have been valued
    outflows: list[Outflow] = field(default_factory=list)
    delivered_th: float = 0.0


@dataclass
class RigOrders:
    """One row per tranche; amounts are of what is still open."""

    borrower: NDArray[np.int64]
    due_day: NDArray[np.int64]
    th: NDArray[np.float64]
    deposit_usd: NDArray[np.float64]
    payment_usd: NDArray[np.float64]


NEW_RIGS = "J25_38"


def power_drift(rate: float, day: int) -> float:
    """Factor on all power prices after ``day`` days of log drift ``rate`` a year."""
    return math.exp(rate * day / DAYS_PER_YEAR)
