"""The collateral illusion: what pledged collateral is worth on paper, and what it would bring.

Realisable: a lender walks today's bids with its whole position, alone; after legal and removal
cost; what finds no bid counts as scrap. Buyers' saved budgets are worth up to
``liquidation.budget_days`` (90) of spending. Of the whole market: all pledged units of a class walk
its book at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..liquidation.order_book import class_ladder, realisable_usd
from ..prices.impact import btc_impact_of
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market


@dataclass
class Illusion:
    """What one day's measurement found."""

    by_lender: list[tuple[int, str, str, float, float, float]] = field(default_factory=list)
    by_class: list[tuple[int, str, float, float, float, float]] = field(default_factory=list)
    paper_ltv: float = float("nan")  # of all pledged collateral together
    realisable_ltv: float = float("nan")


def measure_illusion(market: Market) -> Illusion:
    """Paper and realisable value of pledged BTC and hardware by lender and class [USD]."""
    loans, lenders = market.loans, len(market.lenders.kind)
    found = Illusion()
    balance_sum = paper_sum = real_sum = 0.0
    owed = (loans.status == LoanStatus.PERFORMING) & (loans.principal_usd > 0)
    coins = owed & (loans.collateral_btc > 0)
    balance = np.bincount(loans.lender[coins], loans.principal_usd[coins], lenders)
    btc = np.bincount(loans.lender[coins], loans.collateral_btc[coins], lenders)
    for row in np.flatnonzero(btc > 0).tolist():
        paper = float(btc[row]) * market.prices.btc_usd
        real = paper * float(np.exp(btc_impact_of(market, paper)))
        found.by_lender.append((market.day, _lender(market, row), "BTC", balance[row], paper, real))
        balance_sum += float(balance[row])
        paper_sum += paper
        real_sum += real
    pledged = np.flatnonzero(owed & (loans.collateral == Collateral.HARDWARE))
    cell = loans.hardware[pledged].astype(np.int64) * lenders + loans.lender[pledged]
    cells = (len(market.hardware.family), lenders)
    owing = np.bincount(cell, loans.principal_usd[pledged], cells[0] * cells[1]).reshape(cells)
    held = np.bincount(cell, loans.collateral_units[pledged], cells[0] * cells[1]).reshape(cells)
    for k in np.unique(loans.hardware[pledged]).tolist():
        name, mark = market.names.hardware[k], float(market.marks_usd[k])
        removed = bool(market.has_removed_buyers[k])
        smaller = ladder = class_ladder(market, k, not removed)
        if removed and market.has_in_place_buyers[k]:  # they bid for whole clusters
            ladder = class_ladder(market, k, True)
        total = float(held[k].sum())
        paper, debt = total * mark, float(owing[k].sum())
        together = float(realisable_usd(market, ladder, k, np.array([total]))[0])
        bids = float(ladder.usd[-1]) if len(ladder.usd) > 0 else 0.0
        found.by_class.append((market.day, name, debt, paper, together, bids))
        balance_sum += debt
        paper_sum += paper
        real_sum += together
        rows = np.flatnonzero(held[k] > 0)
        units, debts = held[k, rows], owing[k, rows].tolist()
        large = units >= market.opening.smallest_cluster
        each = realisable_usd(market, smaller, k, units)
        each[large] = realisable_usd(market, ladder, k, units[large])
        papers = (units * mark).tolist()
        for row, debt, paper, alone in zip(
            rows.tolist(), debts, papers, each.tolist(), strict=True
        ):
            found.by_lender.append((market.day, _lender(market, row), name, debt, paper, alone))
    if balance_sum > 0:
        found.paper_ltv = balance_sum / max(paper_sum, 1e-9)
        found.realisable_ltv = balance_sum / max(real_sum, 1e-9)
    return found


def _lender(market: Market, row: int) -> str:
    return market.names.parties[market.first_lender + row]
