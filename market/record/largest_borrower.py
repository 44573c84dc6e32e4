"""The largest borrower: who owes most at the opening, and what a run loses with and without it.

One name can decide the answer, so losses and defaults are given twice. *Without* it means that
losses on loans to it and its group are left out of the sum; what its failure did to others stays
in. That is no run in which it stands.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..state.loans import of_claims
from ..state.market import Market


class Resolved(NamedTuple):
    """How claims that were open at the horizon ended."""

    total_usd: float  # lost by all lenders on loans defaulted by the horizon
    day: int  # on which the last of them was settled
    further_usd: NDArray[np.float64]  # [loan] lost beyond the loss at the horizon
    net_cost_usd: float  # of policy until then


def groups(market: Market) -> NDArray[np.int64]:
    """The head of each borrower's group, shape (borrowers,): owners whose insolvency is its own."""
    count = market.borrower_count
    parent = market.parties.parent[:count].astype(np.int64)
    head = np.arange(count)
    while True:
        owner = parent[head]
        above = (owner >= 0) & (owner < count)
        if not above.any():
            return head
        head = np.where(above, owner, head)


def largest_borrower(market: Market) -> int:
    """Who owes most today, drawn, with its group; the member that owes most itself."""
    loans, count = market.loans, market.borrower_count
    debt = np.bincount(loans.borrower, loans.principal_usd, count)
    head = groups(market)
    of_group = np.bincount(head, debt, count)
    mine = head == int(np.argmax(of_group))
    return int(np.argmax(np.where(mine, debt, -1.0)))


def with_and_without(market: Market, resolved: Resolved | None) -> dict[str, Any]:
    """Losses and defaults with and without the largest borrower; losses in USD."""
    largest = market.opening.largest_borrower
    head, loans = groups(market), market.loans
    group = head == head[largest]
    on_it = group[loans.borrower]
    lost = float(of_claims("written_down_usd", loans)[on_it].sum())
    total = float(market.lenders.loss_usd.sum())
    failed = market.has_defaulted
    result: dict[str, Any] = {
        "id": market.names.parties[largest],
        "fails": bool(failed[group].any()),
        "loss_usd": lost,
        "loss_without_usd": total - lost,
        "defaults_without": int(failed[~group].sum()),
    }
    if resolved is not None:
        finally_ = lost + float(resolved.further_usd[on_it].sum())
        result["resolved_loss_usd"] = finally_
        result["resolved_loss_without_usd"] = resolved.total_usd - finally_
    return result
