"""A book under the grid of weighted scenarios: the same seeds in each, means by weight.

The grid and its weights are those that loans are priced with (``experiments.pricing.grid``). A
seed's scenarios are summed by weight first; intervals are over seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..look import words
from ..pricing import estimators as pure
from ..pricing import grid as grids
from ..sweeps.factors import flatten
from . import estimates as est
from .runs import Job, Outcome
from .table import Col, Table, range_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..pricing.grid import Grid
    from ..sweeps.intervals import Estimate
    from .loans import LoanView

FEWEST_SEEDS, SHARE_OF_RUNS = 2, 8  # of each scenario: an eighth of the memo's runs


class Weighted(NamedTuple):
    """Runs of a grid: of each of its cells, in order, the same seeds."""

    grid: Grid
    runs: tuple[tuple[Outcome, ...], ...]

    @property
    def weights(self) -> est.Reals:
        """Of the cells."""
        return np.array([cell.weight for cell in self.grid.cells])

    def table_of(self, name: str) -> est.Reals:
        """A column of what was seen, shape (cell, seed, loan)."""
        cells = [[getattr(one.seen, name) for one in cell] for cell in self.runs]
        return np.asarray(cells, float)

    def by_seed(self, values: est.Reals, cells: Sequence[int] | None = None) -> est.Reals:
        """Weighted means over cells, shape (seed, …); of some cells only, by their own weights."""
        chosen = list(range(len(self.runs)) if cells is None else cells)
        weight = self.weights[chosen]
        return np.asarray(np.tensordot(weight / weight.sum(), values[chosen], axes=1))


def seeds_of(runs: int) -> int:
    """How many seeds each scenario of a grid gets in a memo of so many runs."""
    return max(FEWEST_SEEDS, runs // SHARE_OF_RUNS)


def grid_of(days: int) -> Grid:
    """The packaged grid, as long as a book lives."""
    return grids.load(grids.NAME, days)


def jobs_of(grid: Grid, seeds: int) -> list[Job]:
    """Runs of a grid, cell by cell; what any cell sets is not drawn in the others."""
    plan = grid.plan()
    arms = {name: flatten(settings) for name, settings in plan.arms.items()}
    held = frozenset(key for arm in arms.values() for key in arm)
    return [
        Job(plan.base.changed(arms[cell.name], cell.name), seed, held=held)
        for cell in grid.cells
        for seed in range(1, seeds + 1)
    ]


def weighted(grid: Grid, outcomes: Sequence[Outcome]) -> Weighted:
    """Runs as :func:`jobs_of` lists them."""
    seeds = len(outcomes) // len(grid.cells)
    cells = range(len(grid.cells))
    return Weighted(grid, tuple(tuple(outcomes[k * seeds : (k + 1) * seeds]) for k in cells))


class Total(NamedTuple):
    """What the whole book loses over the grid, and what it should charge."""

    loss: Estimate
    spread: Estimate
    shortfall: float  # mean of the worst hundredth by weight
    fair: pure.Estimate | None  # probability of a joint crash at which the contract just pays


def total_of(found: Weighted, contract: float) -> Total:
    """The book over the grid, at a contract spread in decimals."""
    loss = found.table_of("loss_usd").sum(axis=2)
    years = found.table_of("balance_years_usd").sum(axis=2)
    lost, lent = found.by_seed(loss), found.by_seed(years)
    weights = np.broadcast_to(found.weights[:, None], loss.shape)
    joint = [k for k, cell in enumerate(found.grid.cells) if cell.name in found.grid.joint]
    rest = [k for k in range(len(found.runs)) if k not in joint]
    fair = None
    if joint and rest:
        otherwise, crash = (
            (found.by_seed(loss, cells), found.by_seed(years, cells)) for cells in (rest, joint)
        )
        fair = pure.fair_interval(contract, otherwise, crash)
    shortfall = pure.expected_shortfall(loss.ravel(), weights.ravel())
    return Total(est.expected(lost), est.break_even(lost, lent), shortfall, fair)


def cells_table(found: Weighted, views: Sequence[LoanView], total: Total) -> Table:
    """The book under each scenario of the grid, and by their weights."""
    balance = sum(view.balance_usd for view in views) or 1.0
    loss = found.table_of("loss_usd").sum(axis=2)
    years = found.table_of("balance_years_usd").sum(axis=2)
    fails = (found.table_of("default_day") >= 0).sum(axis=2).astype(float)
    rows: list[tuple[Any, ...]] = [
        (cell.name, cell.weight, float(loss[k].mean()), float(loss[k].mean()) / balance,
         float(fails[k].mean()), est.BP * pure.break_even(loss[k], years[k]), cell.reason)
        for k, cell in enumerate(found.grid.cells)
    ]  # fmt: skip
    value, spread = total.loss, total.spread
    rows.append(
        ("by weight", 1.0, value.value, value.value / balance,
         float(found.by_seed(fails).mean()), est.BP * spread.value,
         f"loss {range_of(max(0.0, value.low), value.high, 'money')}, break-even "
         f"{range_of(est.BP * spread.low, est.BP * spread.high, 'bp')} bp")
    )  # fmt: skip
    columns = (
        Col("scenario"), Col("weight", "share"), Col("expected loss", "money"),
        Col("of balance", "share"), Col("loans that default", "number"),
        Col("break-even", "bp"), Col("why that weight; 95 %"),
    )  # fmt: skip
    seeds = len(found.runs[0])
    text = (
        f"{words.times(len(found.runs), 'scenario')}, {words.times(seeds, 'seed')} of each, the "
        "same in all. Weights are judgements (firesale price grid prices the whole market with "
        "them); the last row holds if you share them. Break-even by weight is mean loss over mean "
        "balance-years, not a mean of the rows."
    )
    if total.fair is not None:
        low, high = total.fair.low, total.fair.high
        given = sum(cell.weight for cell in found.grid.cells if cell.name in found.grid.joint)
        text += (
            " The contract pays for the losses as long as a joint crash is no likelier than "
            f"{words.percent(total.fair.value)} ({range_of(low, high, 'share')}); the grid gives "
            f"it {words.percent(given)}."
        )
    return Table("grid", "Under weighted scenarios", text, columns, tuple(rows))


def loans_table(found: Weighted, views: Sequence[LoanView]) -> Table:
    """Each loan by the weights of the grid."""
    rows = []
    for view, one in zip(views, by_loan(found), strict=True):
        loss, spread = one.loss, one.spread
        rows.append(
            (view.id, view.borrower, view.balance_usd, one.pd, loss.value,
             range_of(max(0.0, loss.low), loss.high, "money"), est.BP * view.contract,
             est.BP * spread.value, range_of(est.BP * spread.low, est.BP * spread.high, "bp"),
             est.BP * (view.contract - spread.value))
        )  # fmt: skip
    columns = (
        Col("loan"), Col("borrower"), Col("balance", "money"), Col("PD life", "share"),
        Col("expected loss", "money"), Col("expected loss, 95 %"), Col("contract", "bp"),
        Col("break-even", "bp"), Col("break-even, 95 %"), Col("left over", "bp"),
    )  # fmt: skip
    text = "The same by loan: means over the scenarios of the grid by weight."
    return Table("grid-loans", "Loans under weighted scenarios", text, columns, tuple(rows))


class Loan(NamedTuple):
    """A loan over the grid."""

    pd: float
    loss: Estimate
    spread: Estimate


def by_loan(found: Weighted) -> list[Loan]:
    """All loans over the grid, in the order of the book."""
    lost = found.by_seed(found.table_of("loss_usd"))
    lent = found.by_seed(found.table_of("balance_years_usd"))
    fails = found.by_seed((found.table_of("default_day") >= 0).astype(float)).mean(axis=0)
    return [
        Loan(float(fails[n]), est.expected(lost[:, n]), est.break_even(lost[:, n], lent[:, n]))
        for n in range(lost.shape[1])
    ]


def as_json(found: Weighted, views: Sequence[LoanView], total: Total) -> dict[str, Any]:
    """The grid as ``memo.json`` has it."""
    loans = [
        {
            "id": view.id,
            "pd": one.pd,
            "expected_loss_usd": one.loss.value,
            "break_even_bp": est.BP * one.spread.value,
        }
        for view, one in zip(views, by_loan(found), strict=True)
    ]
    return {
        "expected_loss_usd": total.loss.value,
        "low_usd": total.loss.low,
        "high_usd": total.loss.high,
        "es99_usd": total.shortfall,
        "break_even_bp": est.BP * total.spread.value,
        "break_even_low_bp": est.BP * total.spread.low,
        "break_even_high_bp": est.BP * total.spread.high,
        "fair_joint_crash_probability": None if total.fair is None else total.fair.value,
        "loans": loans,
    }
