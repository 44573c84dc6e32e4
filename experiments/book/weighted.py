"""A book under the grid of weighted scenarios: runs of each by its weight, with their own draws.

The grid and its weights are those that loans are priced with (``experiments.pricing.grid``), and so
are means and intervals, over runs of each scenario.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..look import words
from ..pricing import estimators as pure
from ..pricing import grid as grids
from . import estimates as est
from .runs import Job, Outcome
from .table import Col, Table, range_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..pricing.grid import Cell, Grid
    from .loans import LoanView

FEWEST_RUNS, SHARE_OF_RUNS = 24, 2  # of the grid: half of the memo's runs


class Weighted(NamedTuple):
    """Runs of a grid, and the cell of each."""

    grid: Grid
    runs: tuple[Outcome, ...]
    cells: tuple[Cell, ...]

    @property
    def strata(self) -> NDArray[np.int64]:
        """Number of the cell of each run."""
        order = {cell.name: number for number, cell in enumerate(self.grid.cells)}
        return np.array([order[cell.name] for cell in self.cells], np.int64)

    @property
    def weights(self) -> est.Reals:
        """Of the runs: that of the cell, divided among its runs; they sum to one."""
        many = np.bincount(self.strata)
        return np.array([cell.weight for cell in self.cells]) / many[self.strata]

    def table_of(self, name: str) -> est.Reals:
        """A column of what was seen, shape (run, loan)."""
        return np.asarray([getattr(one.seen, name) for one in self.runs], float)

    def mean(self, values: est.Reals) -> pure.Estimate:
        """The weighted mean of numbers of runs, with its interval."""
        return pure.ratio_interval(self.weights * values, self.weights, self.strata)

    def ratio(self, above: est.Reals, below: est.Reals) -> pure.Estimate:
        """A ratio of weighted means of numbers of runs, with its interval."""
        return pure.ratio_interval(self.weights * above, self.weights * below, self.strata)


def cells_of(grid: Grid, runs: int) -> tuple[Cell, ...]:
    """The cell of each run of a memo of so many: those that weigh nothing are left out."""
    wanted = max(FEWEST_RUNS, runs // SHARE_OF_RUNS)
    return tuple(cell for cell in grid.shared(wanted) if cell.weight > 0.0)


def grid_of(days: int) -> Grid:
    """The packaged grid, as long as a book lives."""
    return grids.load(grids.NAME, days)


def jobs_of(grid: Grid, runs: int) -> list[Job]:
    """Runs of a grid, cell by cell, each with a seed of its own; what a cell sets is not drawn."""
    base, held = grid.plan().base, grid.set_by_cells
    return [
        Job(base.changed(cell.settings, cell.name), seed, held=held)
        for seed, cell in enumerate(cells_of(grid, runs), 1)
    ]


def weighted(grid: Grid, outcomes: Sequence[Outcome], runs: int) -> Weighted:
    """Runs as :func:`jobs_of` lists them for a memo of so many."""
    return Weighted(grid, tuple(outcomes), cells_of(grid, runs))


class Total(NamedTuple):
    """What the whole book loses over the grid, and what it should charge."""

    loss: pure.Estimate
    spread: pure.Estimate
    shortfall: float  # mean of the worst hundredth by weight
    fair: pure.Estimate | None  # probability of a joint crash at which the contract just pays


def total_of(found: Weighted, contract: float) -> Total:
    """The book over the grid, at a contract spread in decimals."""
    loss = found.table_of("loss_usd").sum(axis=1)
    years = found.table_of("balance_years_usd").sum(axis=1)
    joint = np.array([cell.name in found.grid.joint for cell in found.cells])
    fair = None
    if joint.any() and not joint.all():
        without, within = (
            np.where(mask, found.weights, 0.0) / found.weights[mask].sum()
            for mask in (~joint, joint)
        )
        otherwise, crash = ((part * loss, part * years) for part in (without, within))
        fair = pure.fair_interval(contract, otherwise, crash, found.strata)
    shortfall = pure.expected_shortfall(loss, found.weights)
    return Total(found.mean(loss), found.ratio(loss, years), shortfall, fair)


def cells_table(found: Weighted, views: Sequence[LoanView], total: Total) -> Table:
    """The book under each scenario of the grid, and by their weights."""
    balance = sum(view.balance_usd for view in views) or 1.0
    loss = found.table_of("loss_usd").sum(axis=1)
    years = found.table_of("balance_years_usd").sum(axis=1)
    fails = (found.table_of("default_day") >= 0).sum(axis=1).astype(float)
    rows: list[tuple[Any, ...]] = []
    for number in np.unique(found.strata):
        cell, its = found.grid.cells[number], found.strata == number
        mean = float(loss[its].mean())
        rows.append(
            (cell.name, cell.weight, int(its.sum()), mean, mean / balance,
             float(fails[its].mean()), est.BP * pure.break_even(loss[its], years[its]),
             cell.reason)
        )  # fmt: skip
    value, spread = total.loss, total.spread
    rows.append(
        ("by weight", 1.0, len(found.runs), value.value, value.value / balance,
         float(found.weights @ fails), est.BP * spread.value,
         f"loss {range_of(max(0.0, value.low), value.high, 'money')}, break-even "
         f"{range_of(est.BP * spread.low, est.BP * spread.high, 'bp')} bp")
    )  # fmt: skip
    columns = (
        Col("scenario"), Col("weight", "share"), Col("runs", "number"),
        Col("expected loss", "money"),
        Col("of balance", "share"), Col("loans that default", "number"),
        Col("break-even", "bp"), Col("why that weight; 95 %"),
    )  # fmt: skip
    text = (
        f"{words.times(len(rows) - 1, 'scenario')}, {words.times(len(found.runs), 'run')}, in each "
        "about as many as it weighs, all with draws of their own. Weights are judgements (firesale "
        "price grid prices the whole market with them); the last row holds if you share them. "
        "Break-even by weight is mean loss over mean balance-years, not a mean of the rows."
    )
    if total.fair is not None:
        low, high = total.fair.low, total.fair.high
        given = sum(cell.weight for cell in found.grid.cells if cell.name in found.grid.joint)
        limit = (
            f"{words.percent(total.fair.value)} ({range_of(low, high, 'share')})"
            if low < high
            else words.percent(total.fair.value)
        )
        text += {
            0.0: " Even without a joint crash the contract does not pay for the losses",
            1.0: " Even in a joint crash the contract pays for the losses",
        }.get(
            total.fair.value,
            f" The contract pays for the losses if a joint crash is no likelier than {limit}",
        )
        if total.fair.value in (0.0, 1.0) and low < high:
            text += f" (likelihoods that runs cannot rule out: {range_of(low, high, 'share')})"
        text += f"; the grid gives it {words.percent(given)}."
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
    loss: pure.Estimate
    spread: pure.Estimate


def by_loan(found: Weighted) -> list[Loan]:
    """All loans over the grid, in the order of the book."""
    loss, years = found.table_of("loss_usd"), found.table_of("balance_years_usd")
    fails = found.weights @ (found.table_of("default_day") >= 0)
    return [
        Loan(float(fails[n]), found.mean(loss[:, n]), found.ratio(loss[:, n], years[:, n]))
        for n in range(loss.shape[1])
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
