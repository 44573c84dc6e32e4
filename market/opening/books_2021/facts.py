"""Dated facts: what the books of 2021 know by date.

Books of 2021 come with money agreed for later, rigs on order, coins lent out, rigs that stand with
hosts, income from mining ether, and (switchable) events from outside this market. What it does on a
day is in :mod:`market.dated.day`; books without such facts skip that. Nothing here names a party:
who is touched is in the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ....agents.columns import columns_of, empty
from ...scenario.sections import Facts
from ...state.facts import (
    DAYS_PER_YEAR,
    MWH_PER_MW_DAY,
    CoinsLent,
    DatedFacts,
    Draws,
    HostLinks,
    Injections,
    RigOrders,
    ShockKind,
    Shocks,
)
from ...state.market import Market
from ...state.units import TH_PER_EH
from ..drafts import MILLION
from .draft import borrowings, chosen_draws, chosen_shocks, day_of, rigs_pledged_th, shares_of_rest
from .read import Books2021
from .rows import OutsideShock

DELIVERY_DAYS = (-30, 0, 30)  # a quarter's rigs come month by month around its middle


def open_facts(books: Books2021, market: Market) -> DatedFacts:
    """Turn dated rows of the books into facts; sets deposits, powered shares (in place)."""
    scenario = market.scenario
    loans, borrowers, miners = market.loans, market.borrowers, market.miners
    party = {name: p for p, name in enumerate(market.names.parties)}
    loan_names = market.names.loans
    facts = scenario.facts
    loan_row = {name: row for row, name in enumerate(loan_names)}
    orders = open_orders(books, facts, party)
    np.add.at(borrowers.deposits_usd, orders.borrower, orders.deposit_usd)
    count = len(miners.power_usd_mwh)
    eth_revenue, eth_cost = np.zeros(count), np.zeros(count)
    links = []
    hosted = np.zeros(count)
    hosted_mw = np.zeros(count)
    by_id = {row.id: row for row in books.named}
    for row in books.named:
        b = party[row.id]
        miners.energised[b] = row.energised_share * facts.uptime
        hosted[b] = row.hosted_share
        eth_revenue[b] = row.eth_revenue_usd_m_yr * MILLION / DAYS_PER_YEAR
        eth_cost[b] = row.eth_power_mw * MWH_PER_MW_DAY * (row.power_usd_mwh or 0.0)
        if row.hosted_by in by_id:
            host = party[row.hosted_by or ""]
            price = row.power_usd_mwh or 0.0
            links.append((host, b, row.hosted_share, 0.0, price))
            kw_eh = {"share_gt60": 84.0, "share_38_60": 49.0, "share_25_38": 31.5}
            mean = sum(getattr(row, column) * j for column, j in kw_eh.items())
            hosted_mw[host] += row.hosted_share * row.hashrate_eh_s * mean
    for row in books.named:
        unnamed = row.hosts_mw - hosted_mw[party[row.id]]
        if row.hosts_mw > 0.0 and unnamed > 0.0:
            links.append((party[row.id], -1, 0.0, unnamed, row.hosting_usd_mwh or 0.0))
    in_kind = np.zeros(len(loan_names))
    due = np.zeros(len(loan_names))
    for borrower, terms, principal, _ in books.debts():
        name = terms.loan_id
        if terms.borrower_id != borrower:
            name = f"{name}-{borrower.rpartition('_')[2]}"
        row_ = loan_row[name]
        in_kind[row_] = terms.rate - terms.cash_rate
        wanted = rigs_pledged_th(terms, principal)
        due[row_] = max(0.0, wanted - loans.collateral_units[row_]) if wanted > 0.0 else 0.0
    draws = [
        (
            day_of(row.date, books),
            loan_row[row.draw_id],
            row.amount_usd_m * MILLION,
            row.collateral_eh_s * TH_PER_EH,
        )
        for row in borrowings(books, facts)
    ]
    injections = [
        (day_of(row.date, books), party[row.borrower_id], row.amount_usd_m * MILLION)
        for row in chosen_draws(books, facts)
        if row.kind == "equity"
    ]
    shocks = [_shock(row, books, party) for row in chosen_shocks(books, facts)]
    lent = [
        (party[row.creditor_id], party[row.debtor_id], row.btc)
        for row in books.claims
        if row.kind == "coins"
    ]
    return empty(
        DatedFacts,
        0,
        shocks=_table(Shocks, sorted(shocks, key=itemgetter(0))),
        draws=_table(Draws, sorted(draws)),
        injections=_table(Injections, injections),
        links=_table(HostLinks, links),
        coins_lent=_table(CoinsLent, lent),
        orders=orders,
        in_kind_rate=in_kind,
        rigs_due_th=due,
        hosted_share=hosted,
        power_usd_mwh=miners.power_usd_mwh.copy(),
        power_factor=np.ones(count),
        capacity=miners.energised.copy(),
        eth_revenue_usd_day=eth_revenue,
        eth_cost_usd_day=eth_cost,
        goodwill_usd=np.zeros(count),
    )


def _table[T: tuple[Any, ...]](kind: type[T], rows: Sequence[tuple[float, ...]]) -> T:
    """A table of such rows; columns that they do not give are where they start."""
    columns = zip(*rows, strict=True)
    return empty(kind, len(rows), **dict(zip(columns_of(kind), columns, strict=False)))


def _shock(row: OutsideShock, books: Books2021, party: dict[str, int]) -> tuple[float, ...]:
    unit = MILLION if row.kind in ("asset_loss", "new_exposure") else 1.0
    unit = TH_PER_EH if row.kind == "non_delivery" else unit
    other = party[row.counterparty_id] if row.counterparty_id else -1
    kind, struck = ShockKind[row.kind.upper()], party[row.party_id]
    return (day_of(row.date, books), kind, struck, other, unit * row.amount)


def open_orders(books: Books2021, facts: Facts, party: dict[str, int]) -> RigOrders:
    """Tranches of the books; those of the rest of the network are spread over its miners."""
    rows = [
        (
            party[miner],
            day_of(row.due, books) + days,
            share * row.hashrate_eh_s * TH_PER_EH,
            share * row.deposit_usd_m * MILLION,
            share * row.payment_usd_m * MILLION,
        )
        for row in books.rig_orders
        for miner, of_rest in shares_of_rest(books, row.miner_id)
        for days in DELIVERY_DAYS
        for share in (of_rest / len(DELIVERY_DAYS),)
        if facts.orders
    ]
    return _table(RigOrders, rows)
