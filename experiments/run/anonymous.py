"""Codes instead of the names of a run's parties: whatever is written afterwards shows codes alone.

Names are written in one place of a market, which all frames, texts and figures ask. Firms of the
opening, lenders and tenants get ``Miner 07``, ``Neocloud 03``, ``Lender 12``, ``Tenant 04`` by
their order in the books, so that the same books give the same codes; loans and contracts are
numbered. Groups that stand for many, firms that enter and buyers have no name to hide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...agents.party import Kind, Outside
from ...market.simulation import party_named
from ...market.state.names import NumberedNames

if TYPE_CHECKING:
    from ...market.simulation import Simulation
    from ...market.state.market import Market

GROUP = "REST_"
"""How ids of parties begin that the books' aggregates are split into."""
OWN_BOOKS = "your own"


def hide_names(simulation: Simulation) -> tuple[str, ...]:
    """Replace names by codes in a run that has ended.

    Returns:
        The codes of those that do not fail in it (``--without``), in the order they were given.
    """
    market = simulation.market
    spared = [party_named(market, name) for name in simulation.without]
    if isinstance(market.names.parties, NumberedNames):  # a synthetic market: nobody's names
        return simulation.without
    ids, titles = list(market.names.parties), list(market.names.titles)
    counts: Counter[str] = Counter()
    for party in _named(market):
        kind = _kind(market, party)
        counts[kind] += 1
        ids[party] = titles[party] = f"{kind} {counts[kind]:02d}"
    market.names = replace(
        market.names,
        parties=ids,
        titles=titles,
        loans=_numbered("Loan", market.names.loans),
        contracts=_numbered("Contract", market.names.contracts),
    )
    return tuple(ids[party] for party in spared)


def _named(market: Market) -> list[int]:
    """Parties with a name of their own."""
    opening = market.borrower_count - market.today.prospects
    firms = [p for p in range(opening) if not market.names.parties[p].startswith(GROUP)]
    lenders = range(market.first_lender, market.first_buyer)
    tenants = range(market.first_outside + len(Outside), len(market.names.parties))
    return [*firms, *lenders, *tenants]


def _kind(market: Market, party: int) -> str:
    if party >= market.first_outside:
        return "Tenant"
    return Kind(int(market.parties.kind[party])).name.capitalize()


def _numbered(word: str, names: Sequence[str]) -> list[str]:
    count = len(names)
    digits = len(str(count))
    return [f"{word} {number:0{digits}d}" for number in range(1, count + 1)]
