"""Who owes whom, ready to draw: one node for each party, or for many small ones of a size.

A few hundred parties are drawn one by one. Beyond that the largest stay and the rest of each kind
are counted by size class, so that a market of a million parties is as quick to draw as one of a
hundred. Who is drawn as what depends on the opening books alone: nodes keep their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...agents.party import Kind, Status
from ...market.state.events import Cause
from ..look import words

if TYPE_CHECKING:
    from ...market.simulation import Simulation
    from ...market.state.market import Market

MOST_SINGLE = 150  # parties of a kind that are drawn one by one
LARGEST = 20  # that stay single when there are more
SIZE_STEPS_USD = (0.0, 1e6, 1e7, 1e8, 1e9)  # lower ends of the size classes of the rest
MARGIN_CAUSES = (Cause.BTC_PRICE, Cause.HARDWARE_MARK)


class Standing(IntEnum):
    """How a party stands today, from good to bad."""

    CALM = 0
    CALLED = 1  # margin call open; a lender: below its minimum capital
    CURE = 2  # covenant broken or payment missed, the cure clock runs
    DEFAULTED = 3
    FAILED = 4  # a lender: failed, or its lending arm closed


@dataclass(frozen=True)
class Network:
    """Nodes and what they owe each other, all arrays in the order of ``labels``.

    ``counts`` [node, Standing] says how many of a node's parties stand how; ``kinds`` are those of
    :class:`agents.party.Kind`; ``assets_usd`` and ``debt_open_usd`` are sums over a node's parties.
    Edges run from lender to borrower.
    """

    labels: list[str]
    ids: list[str]  # of the party, empty for a group
    kinds: NDArray[np.int64]
    counts: NDArray[np.int64]
    assets_usd: NDArray[np.float64]
    debt_open_usd: NDArray[np.float64]
    lender: NDArray[np.int64]  # [edge] node
    borrower: NDArray[np.int64]  # [edge] node
    owed_usd: NDArray[np.float64]  # [edge]
    owed_open_usd: NDArray[np.float64]  # [edge] at the opening
    troubled_usd: NDArray[np.float64]  # [edge, Standing] of that, by how the borrower stands

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Parties behind each node."""
        return self.counts.sum(axis=1)

    def standing(self, node: int) -> Standing:
        """The worst standing that at least half of a node's parties have reached."""
        worse = self.counts[node, ::-1].cumsum()[::-1]
        return Standing(int(np.flatnonzero(2 * worse >= worse[0])[-1]))

    def of_kind(self, *kinds: Kind) -> NDArray[np.int64]:
        """Standings of all parties of some kinds, counted [Standing]."""
        counted: NDArray[np.int64] = self.counts[np.isin(self.kinds, kinds)].sum(axis=0)
        return counted


def network_of(simulation: Simulation) -> Network:
    """The lending network as it stands today."""
    s = simulation.market
    loans, n = s.loans, s.borrower_count
    parties = n + len(s.lenders.kind)
    there = np.concatenate([~s.is_prospect, np.ones(parties - n, np.bool_)])
    rows = np.flatnonzero(there[loans.borrower])  # loans of firms that there are
    kinds = s.parties.kind[:parties].astype(np.int64)
    open_usd = simulation.principal_open_usd[rows]
    borrower, lender = loans.borrower[rows], n + loans.lender[rows].astype(np.int64)
    debt_open = np.bincount(borrower, open_usd, n)
    book_open = np.bincount(lender - n, open_usd, parties - n)
    weight = np.concatenate([debt_open, book_open])
    node, labels, ids = _nodes(s, np.where(there, kinds, -1), weight)
    count = len(labels)
    standing = np.concatenate([_borrowers_standing(s), _lenders_standing(s)])
    counted = (5 * node + standing)[there]
    counts = np.bincount(counted, minlength=5 * count).reshape(count, 5)
    assets = np.concatenate([borrower_assets_usd(s), s.lenders.capital_usd + s.lenders.funding_usd])
    edge, pairs = np.unique(node[lender] * count + node[borrower], return_inverse=True)
    by_standing = np.bincount(
        5 * pairs + standing[borrower], loans.principal_usd[rows], 5 * len(edge)
    ).reshape(len(edge), 5)
    first = np.full(count, -1, np.int64)
    first[node[there][::-1]] = np.flatnonzero(there)[::-1]
    return Network(
        labels=labels,
        ids=ids,
        kinds=kinds[first],
        counts=counts,
        assets_usd=np.bincount(node[there], assets[there], count),
        debt_open_usd=np.bincount(node[there], weight[there], count),
        lender=edge // count,
        borrower=edge % count,
        owed_usd=by_standing.sum(axis=1),
        owed_open_usd=np.bincount(pairs, open_usd, len(edge)),
        troubled_usd=by_standing,
    )


def _nodes(
    s: Market, kinds: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """The node of each party, and the nodes' labels and ids: single parties, then size classes."""
    node = np.full(len(kinds), -1, np.int64)
    labels: list[str] = []
    ids: list[str] = []
    for kind in (Kind.MINER, Kind.LENDER, Kind.NEOCLOUD):
        mine = np.flatnonzero(kinds == kind)
        mine = mine[np.argsort(-weight[mine], kind="stable")]
        single = mine if len(mine) <= MOST_SINGLE else mine[:LARGEST]
        for party in single:
            node[party] = len(labels)
            labels.append(words.party(s.names.titles[party]))
            ids.append(s.names.parties[party])
        rest = mine[len(single) :]
        step = np.searchsorted(SIZE_STEPS_USD, weight[rest], side="right") - 1
        for size in np.unique(step)[::-1]:
            members = rest[step == size]
            node[members] = len(labels)
            what = words.times(len(members), kind.name.lower())
            labels.append(f"{what} {_range(int(size), kind == Kind.LENDER)}")
            ids.append("")
    return node, labels, ids


def _range(size: int, lends: bool) -> str:
    """A size class in words."""
    verb = "lending" if lends else "owing"
    low = SIZE_STEPS_USD[size]
    if size + 1 == len(SIZE_STEPS_USD):
        return f"{verb} {words.money(low)} or more"
    high = words.money(SIZE_STEPS_USD[size + 1])
    return f"{verb} {words.money(low)} to {high}" if low > 0 else f"{verb} less than {high}"


def _borrowers_standing(s: Market) -> NDArray[np.int64]:
    """Each borrower's :class:`Standing`."""
    from ...market.state.loans import LoanStatus  # with numba, which who draws has no use for

    loans, n = s.loans, s.borrower_count
    live = loans.status == LoanStatus.PERFORMING
    result = np.zeros(n, np.int64)
    called = np.isin(loans.breach, MARGIN_CAUSES)
    result[loans.borrower[live & called]] = Standing.CALLED
    result[loans.borrower[live & (loans.breach != Cause.NONE) & ~called]] = Standing.CURE
    result[s.parties.status[:n] != Status.ACTIVE] = Standing.DEFAULTED
    return result


def _lenders_standing(s: Market) -> NDArray[np.int64]:
    """Each lender's :class:`Standing`."""
    lenders = s.lenders
    assets = lenders.capital_usd + lenders.funding_usd
    result = np.zeros(len(assets), np.int64)
    below = lenders.capital_usd < lenders.min_capital_ratio * assets
    result[below & (lenders.impaired_event >= 0)] = Standing.CALLED
    gone = s.parties.status[s.first_lender : s.first_buyer] != Status.ACTIVE
    result[gone | (lenders.closed_event >= 0)] = Standing.FAILED
    return result


def borrower_assets_usd(s: Market) -> NDArray[np.float64]:
    """What each borrower owns [USD]: cash, coins, machines at lenders' marks, sites at cost."""
    return np.asarray(sum(borrower_assets(s).values()), np.float64)


def borrower_assets(s: Market) -> dict[str, NDArray[np.float64]]:
    """The same by item, each an array over borrowers."""
    from ...market.state.loans import LoanStatus

    n, loans, p = s.borrower_count, s.loans, s.parties
    first = s.holdings.first
    owner = np.repeat(np.arange(len(first) - 1), np.diff(first))
    machines = s.holdings.units * s.marks_usd[s.holdings.hardware]
    live = loans.status == LoanStatus.PERFORMING
    pledged = np.bincount(loans.borrower, loans.collateral_btc, n)
    opening, marks_usd = s.opening, s.marks_usd
    pledged_sites = loans.site_mw * marks_usd[opening.site_class]
    pledged_sites = pledged_sites + loans.hall_mw * marks_usd[opening.hall_class]
    sites = np.bincount(loans.borrower, np.where(live, pledged_sites, 0.0), n)
    return {
        "Cash": p.cash_usd[:n],
        "Free coins": (p.btc[:n] + p.btc_lent[:n]) * s.prices.btc_usd
        + p.eth[:n] * s.prices.eth_usd,
        "Pledged coins": pledged * s.prices.btc_usd,
        "Machines at marks": np.bincount(owner, machines, len(first) - 1)[:n],
        "Sites and deposits": sites + s.borrowers.site_usd + s.borrowers.deposits_usd,
    }
