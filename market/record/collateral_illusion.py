"""The collateral illusion: what pledged collateral is worth on paper, and what it would bring.

Realisable: a lender walks today's bids with its whole position, alone; after legal and removal
cost; what finds no bid counts as scrap. Buyers' saved budgets are worth up to
``liquidation.budget_days`` (90) of spending. Of the whole market: all pledged units of a class walk
its book at once.
"""

from __future__ import annotations

import math

import numpy as np

from ...agents.columns import Longs, Matrix, Reals
from ...agents.compiling.arrays import put_matrix, total
from ...agents.compiling.kernels import compiled, inlined
from ..liquidation.bids import strips_today
from ..liquidation.order_book import class_ladder, realisable_usd
from ..prices.impact import btc_impact_of
from ..state.journal import ILLUSION_DAYS
from ..state.loans import Collateral, LoanStatus
from ..state.market import Market

BTC = ALL = -1  # in the table of the illusion, for a class and for a lender


@compiled
def measure_illusion(market: Market) -> None:
    """LTV of all pledged collateral, on paper and realisable; kept until it is measured again."""
    day, series = market.today.day, market.kept.series
    if day % ILLUSION_DAYS != 0:
        series.paper_ltv[day] = series.paper_ltv[day - 1]
        series.realisable_ltv[day] = series.realisable_ltv[day - 1]
        return
    at_auctions = market.strips.copy()  # lenders decide on the book of the last auctions
    put_matrix(market.strips, strips_today(market))
    balance, paper, real = _coins(market)
    loans, owing, held = _pledged(market)
    for k in range(len(loans)):
        if loans[k] > 0:
            more = _machines(market, k, owing[k], held[k])
            balance, paper, real = balance + more[0], paper + more[1], real + more[2]
    put_matrix(market.strips, at_auctions)
    known = balance > 0.0
    series.paper_ltv[day] = balance / max(paper, 1e-9) if known else np.nan
    series.realisable_ltv[day] = balance / max(real, 1e-9) if known else np.nan


@compiled
def _coins(market: Market) -> tuple[float, float, float]:
    """Bitcoin pledged to each lender: balance, paper and realisable value of all [USD]."""
    loans, lenders = market.loans, len(market.lenders.kind)
    owing, coins = np.zeros(lenders), np.zeros(lenders)
    for loan in range(len(loans.status)):
        if _is_owed(market, loan) and loans.collateral_btc[loan] > 0:
            owing[loans.lender[loan]] += loans.principal_usd[loan]
            coins[loans.lender[loan]] += loans.collateral_btc[loan]
    sums = np.zeros(3)
    for row in range(lenders):
        if coins[row] > 0.0:
            paper = coins[row] * market.prices.btc_usd
            real = paper * math.exp(btc_impact_of(market, paper))
            _keep(market, row, BTC, (owing[row], paper, real, 0.0))
            sums[0] += owing[row]
            sums[1] += paper
            sums[2] += real
    return sums[0], sums[1], sums[2]


@compiled
def _pledged(market: Market) -> tuple[Longs, Matrix, Matrix]:
    """Loans on machines [class]; what is owed [USD] and units pledged [class, lender]."""
    loans, classes = market.loans, len(market.hardware.family)
    count = np.zeros(classes, np.int64)
    owing = np.zeros((classes, len(market.lenders.kind)))
    held = np.zeros((classes, len(market.lenders.kind)))
    for loan in range(len(loans.status)):
        if _is_owed(market, loan) and loans.collateral[loan] == Collateral.HARDWARE:
            k, row = loans.hardware[loan], loans.lender[loan]
            count[k] += 1
            owing[k, row] += loans.principal_usd[loan]
            held[k, row] += loans.collateral_units[loan]
    return count, owing, held


@compiled
def _machines(market: Market, k: int, owing: Reals, held: Reals) -> tuple[float, float, float]:
    """A class pledged to each lender; balance, paper and realisable value of all [USD]."""
    mark = market.marks_usd[k]
    removed = market.has_removed_buyers[k]
    smaller = class_ladder(market, k, not removed)
    ladder = smaller
    if removed and market.has_in_place_buyers[k]:  # they bid for whole clusters
        ladder = class_ladder(market, k, True)
    units, debt = total(held), total(owing)
    together = realisable_usd(market, ladder, k, np.full(1, units))[0]
    bids = ladder.usd[-1] if len(ladder.usd) > 0 else 0.0
    _keep(market, ALL, k, (debt, units * mark, together, bids))
    alone = realisable_usd(market, smaller, k, held)
    as_cluster = realisable_usd(market, ladder, k, held)
    for row in range(len(held)):
        if held[row] > 0.0:
            large = held[row] >= market.opening.smallest_cluster
            real = as_cluster[row] if large else alone[row]
            _keep(market, row, k, (owing[row], held[row] * mark, real, 0.0))
    return debt, units * mark, together


@inlined
def _is_owed(market: Market, loan: int) -> bool:
    loans = market.loans
    return loans.status[loan] == LoanStatus.PERFORMING and loans.principal_usd[loan] > 0


@compiled
def _keep(
    market: Market, lender: int, hardware: int, usd: tuple[float, float, float, float]
) -> None:
    """Keep balance, paper and realisable value, and the bids of a whole class [USD]."""
    kept = market.kept.illusion
    row = kept.count[0]
    kept.day[row] = market.today.day
    kept.lender[row] = lender
    kept.hardware[row] = hardware
    kept.balance_usd[row], kept.paper_usd[row], kept.realisable_usd[row], kept.bids_usd[row] = usd
    kept.count[0] = row + 1
