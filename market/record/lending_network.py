"""The lending network: who owes whom how much, as a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...agents.lender import LenderKind
from ...agents.party import Kind, Status
from ..state.loans import LoanStatus
from ..state.market import Market

if TYPE_CHECKING:
    import networkx as nx


def lending_network(market: Market) -> nx.DiGraph:
    """Lenders and borrowers with an edge lender -> borrower for what is owed today.

    Nodes carry ``kind`` (miner, neocloud, lender), ``name`` and ``status``: calm, called (a breach
    is open), defaulted, reorganised, or for lenders impaired, closed or failed. Edges carry
    ``principal_usd`` and ``loans``.
    """
    import networkx as nx

    graph = nx.DiGraph()
    names, titles, loans = market.names.parties, market.names.titles, market.loans
    breached = {
        int(loans.borrower[loan])
        for loan in np.flatnonzero((loans.breach > 0) & (loans.status == LoanStatus.PERFORMING))
    }
    for b in np.flatnonzero(~market.is_prospect).tolist():
        status = "called" if b in breached else "calm"
        if market.parties.status[b] != Status.ACTIVE:
            status = "defaulted"
        elif market.parties.reorganised_day[b] >= 0:
            status = "reorganised"
        kind = Kind(int(market.parties.kind[b])).name.lower()
        graph.add_node(names[b], kind=kind, name=titles[b], status=status)
    for row in range(len(market.lenders.kind)):
        party = market.first_lender + row
        status = "impaired" if market.lenders.impaired_event[row] >= 0 else "calm"
        if market.parties.status[party] != Status.ACTIVE:
            status = "failed"
        elif market.lenders.closed_event[row] >= 0:
            status = "closed"
        graph.add_node(
            names[party],
            kind="lender",
            name=titles[party],
            status=status,
            lender_kind=LenderKind(int(market.lenders.kind[row])).name.lower(),
        )
    for loan in np.flatnonzero(loans.principal_usd > 0):
        lender = names[market.first_lender + loans.lender[loan]]
        borrower = names[loans.borrower[loan]]
        edge = graph.get_edge_data(lender, borrower, {"principal_usd": 0.0, "loans": 0})
        graph.add_edge(
            lender,
            borrower,
            principal_usd=edge["principal_usd"] + float(loans.principal_usd[loan]),
            loans=edge["loans"] + 1,
        )
    return graph
