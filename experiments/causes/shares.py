"""Shares: among whom the causes of a failure are divided that would not have happened by itself.

By the families without which it does not happen, in equal parts. Through sales: among those whose
units stood behind the prices it reacted to, units times weight of evidence (half as much for each
half-life that a sale is old). Through lenders: those who refused a borrower, by what they refused;
whose claims a lender lost, by what it lost. Through tenants and groups: tenants that left, by rent,
and the owner that filed. One step back and no further. What nobody can be named for is
:data:`NOBODY`'s, so that shares of a failure add up to one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...market.state.events import Cause, Event
from .families import TOGETHER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...market.state.market import Market
    from .labels import Label

NOBODY = -1
Shares = dict[int, float]  # by party


class Sales(NamedTuple):
    """Forced sales so far: what each brought to market."""

    day: NDArray[np.int64]
    seller: NDArray[np.int64]
    hardware: NDArray[np.int64]  # class; -1: coins
    units: NDArray[np.float64]


def sellers(
    sales: Sales, wanted: Mapping[int, float], day: int, half_life_days: float, but: int
) -> Shares:
    """Who stood behind prices of a day: units times age, class by class.

    ``wanted`` are classes with what each weighs; classes of which nothing was sold are left out.
    Nobody's own sales count, ``but`` is whose failure it is.
    """
    found: Shares = defaultdict(float)
    for k, weight in wanted.items():
        mine = (sales.hardware == k) & (sales.day <= day) & (sales.seller != but)
        evidence = sales.units[mine] * 0.5 ** ((day - sales.day[mine]) / half_life_days)
        total = float(evidence.sum())
        if total <= 0.0 or weight <= 0.0:
            continue
        for seller, units in zip(sales.seller[mine].tolist(), evidence.tolist(), strict=True):
            found[seller] += weight * units / total
    return scaled(found)


def scaled(amounts: Mapping[int, float]) -> Shares:
    """Amounts by party as shares of their sum; what is not positive has none."""
    total = sum(amount for amount in amounts.values() if amount > 0.0)
    return {party: amount / total for party, amount in amounts.items() if amount > 0.0}


def shares_of(one: Label, by_family: Mapping[str, Shares]) -> Shares:
    """The shares of a failure; ``by_family`` are those that each family would give it.

    Where several sufficed together, every family that names somebody has an equal part.
    """
    through = list(one.through)
    if through == [TOGETHER]:
        through = [key for key, found in by_family.items() if found] or [TOGETHER]
    result: Shares = defaultdict(float)
    for key in through:
        for party, share in (by_family.get(key) or {NOBODY: 1.0}).items():
            result[party] += share / len(through)
    return dict(result)


def find_shares(market: Market, by_party: Mapping[int, Label]) -> dict[int, Shares]:
    """The shares of everybody whose failure is not first-round, from a run's log."""
    further = {party: one for party, one in by_party.items() if not one.first_round}
    if not further:
        return {}
    sales, coins = machine_sales(market), coin_sales(market)
    evidence = market.terms.marks.evidence_half_life_days
    impact = market.terms.crypto.impact_half_life_days
    found = {}
    for party, one in further.items():
        day = reacted_on(market, party)
        by_family = {
            "hardware": sellers(sales, classes_of(market, party), day, evidence, party),
            "coins": sellers(coins, {-1: 1.0}, day, impact, party),
            "lenders": through_lenders(market, party, day),
            "groups": owner_of(market, party),
            "tenants": tenants_of(market, party, day),
        }
        found[party] = shares_of(one, by_family)
    return found


# ------------------------------------------------------------------ read off the market


def reacted_on(market: Market, party: int) -> int:
    """The day of what a failure reacted to: its own breach, or itself."""
    log = market.events
    event = int(market.parties.default_event[party])
    if event < 0:
        return int(market.day)
    above = int(log["parent"][event])
    own = above >= 0 and log["party"][above] == party
    return int(log["day"][above if own else event])


def classes_of(market: Market, party: int) -> dict[int, float]:
    """Classes of machines that were taken from a borrower, or by a lender, with their marks."""
    lots, count = market.lots, int(market.lots.count[0])
    whose = lots.owner if party >= market.first_lender else lots.borrower
    mine = np.flatnonzero(whose[:count] == party)
    value: dict[int, float] = defaultdict(float)
    for i in mine.tolist():
        value[int(lots.hardware[i])] += float(lots.seized_units[i] * lots.mark_usd[i])
    return dict(value)


def machine_sales(market: Market) -> Sales:
    """Sales of lots, seized or listed: seller, class, and units at the price of the day."""
    log, lots = market.events, market.lots
    count = int(lots.count[0])
    lot_of = dict(zip(lots.event[:count].tolist(), range(count), strict=True))
    rows = np.flatnonzero(log["kind"] == Event.HARDWARE_SALE)
    rows = np.array([row for row in rows.tolist() if int(log["parent"][row]) in lot_of], np.int64)
    lot = np.array([lot_of[int(parent)] for parent in log["parent"][rows]], np.int64)
    day = log["day"][rows].astype(np.int64)
    hardware = lots.hardware[lot].astype(np.int64)
    price = market.kept.series.clearing_usd[day, hardware]
    sold = np.isfinite(price) & (price > 0.0)  # what no buyer took set no price
    units = np.divide(log["amount_usd"][rows], price, out=np.zeros(len(rows)), where=sold)
    return Sales(day, log["party"][rows].astype(np.int64), hardware, units)


def coin_sales(market: Market) -> Sales:
    """Forced sales of bitcoin [USD]."""
    log = market.events
    rows = np.flatnonzero(
        (log["kind"] == Event.FORCED_SALE) | (log["kind"] == Event.BTC_LIQUIDATION)
    )
    nothing = np.full(len(rows), -1, np.int64)
    day, seller = log["day"][rows].astype(np.int64), log["party"][rows].astype(np.int64)
    return Sales(day, seller, nothing, log["amount_usd"][rows].astype(np.float64))


def through_lenders(market: Market, party: int, day: int) -> Shares:
    """Who refused a borrower credit for want of capital; whose claims and lines a lender lost."""
    log = market.events
    mine = (log["party"] == party) & (log["day"] <= day)
    if party < market.first_lender:
        kinds = (log["kind"] == Event.NOT_REFINANCED) | (log["kind"] == Event.LINE_STOPPED)
        return _by_counterparty(log, mine & kinds & (log["cause"] == Cause.CREDIT_SUPPLY))
    lost = (log["kind"] == Event.WRITE_DOWN) | (log["kind"] == Event.INTERLENDER_LOSS)
    return _by_counterparty(log, mine & lost)


def tenants_of(market: Market, party: int, day: int) -> Shares:
    """Tenants in the books that left a landlord, by a year's rent."""
    log = market.events
    left = (log["kind"] == Event.TENANT_LEFT) & (log["party"] == party) & (log["day"] <= day)
    return _by_counterparty(log, left & (log["counterparty"] < market.first_lender))


def owner_of(market: Market, party: int) -> Shares:
    """The owner whose filing took a borrower along."""
    owner = int(market.parties.parent[party])
    return {owner: 1.0} if owner >= 0 else {}


def _by_counterparty(log: NDArray[np.void], rows: NDArray[np.bool_]) -> Shares:
    amounts: dict[int, float] = defaultdict(float)
    for other, amount in zip(
        log["counterparty"][rows].tolist(), log["amount_usd"][rows].tolist(), strict=True
    ):
        if other >= 0:
            amounts[other] += amount
    return scaled(amounts)
