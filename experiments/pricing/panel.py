"""All observations of a grid as arrays: a row for each run, a column for each loan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...market.scenario.errors import InputError
from .estimators import Estimate, Reals, ratio_interval

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .grid import Grid

SCALARS = ("balance_years_usd", "earned_usd", "claim_usd", "loss_usd", "hazard_usd")
CODES = ("default_day", "exit")
QUARTERLY = ("balance_musd", "claims_musd", "recovered_musd", "spread_musd")


class Panel(NamedTuple):
    """What happened to each loan (column) in each run (row)."""

    cell: NDArray[np.object_]  # [run] name of its scenario
    weight: Reals  # [run] of its cell, divided among the runs of that; sums to one
    loans: pd.DataFrame  # [loan] attributes
    scalars: dict[str, Reals]  # [run, loan], SCALARS and CODES
    quarters: dict[str, NDArray[np.float32]]  # [run, loan, quarter], QUARTERLY

    @property
    def strata(self) -> NDArray[np.int64]:
        """Number of the cell of each run."""
        return np.unique(self.cell.astype(str), return_inverse=True)[1].astype(np.int64)

    def weighed(self, values: Reals) -> Reals:
        """Numbers of runs as parts of a weighted mean, which is their sum."""
        return self.weight * values

    def ratio(self, above: Reals, below: Reals) -> Estimate:
        """A ratio of weighted means of numbers of runs, with its interval."""
        return ratio_interval(self.weighed(above), self.weighed(below), self.strata)

    def mean(self, values: Reals) -> Estimate:
        """The weighted mean of numbers of runs, with its interval."""
        return self.ratio(values, np.ones(len(values)))

    def chosen(self, query: str) -> NDArray[np.int64]:
        """Columns of the loans that a query over their attributes finds.

        Raises:
            InputError: a query that cannot be read.
        """
        try:
            return np.asarray(self.loans.query(query).index, np.int64)
        except Exception as error:
            known = ", ".join(self.loans.columns)
            raise InputError(
                f"'{query}' is no query over loans ({type(error).__name__}: {error}); columns: "
                f"{known}."
            ) from None


def panel_of(runs: pd.DataFrame, observed: pa.Table, loans: pd.DataFrame, grid: Grid) -> Panel:
    """Put observations in order; only loans of the books count.

    ``runs`` and ``observed`` as :func:`experiments.pricing.runs.read` gives them.

    Raises:
        InputError: a cell with a weight of which there is no run.
    """
    import pandas as pd

    book = loans[loans["vintage"] > 0].reset_index(drop=True)
    rows = pd.Index(runs["run_id"]).get_indexer(observed["run_id"].to_numpy())
    columns = pd.Index(book["loan"]).get_indexer(observed["loan"].to_pandas())
    kept = (rows >= 0) & (columns >= 0)
    rows, columns = rows[kept], columns[kept]
    shape = (len(runs), len(book))
    scalars = {}
    for name in (*SCALARS, *CODES):
        table = np.full(shape, -1.0 if name == "default_day" else 0.0)
        table[rows, columns] = observed[name].to_numpy()[kept]
        scalars[name] = table
    quarters = {name: _wide(observed[name], kept, (rows, columns), shape) for name in QUARTERLY}
    names = runs["cell"].to_numpy(object)
    there = {name: int((names == name).sum()) for name in grid.weights()}
    if lacking := [cell.name for cell in grid.cells if cell.weight > 0.0 and not there[cell.name]]:
        raise InputError(f"{grid.name}: no run of cell '{lacking[0]}' has ended well.")
    weight = np.array([grid.weights()[name] / there[name] for name in names])
    return Panel(names, weight, book, scalars, quarters)


def _wide(
    column: pa.ChunkedArray,
    kept: NDArray[np.bool_],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Lists of different length as one table that ends with zeros."""
    import pyarrow as pa

    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    offsets = lists.offsets.to_numpy()
    values = lists.values.to_numpy(zero_copy_only=False).astype(np.float32)
    lengths = np.diff(offsets)
    result = np.zeros((*shape, int(lengths.max(initial=1))), np.float32)
    which = np.repeat(np.arange(len(lengths)), lengths)
    within = np.arange(offsets[0], offsets[-1]) - np.repeat(offsets[:-1], lengths)
    values = values[offsets[0] : offsets[-1]]
    place = np.full(len(kept), -1)
    place[kept] = np.arange(int(kept.sum()))
    wanted = kept[which]
    spot = place[which[wanted]]
    result[places[0][spot], places[1][spot], within[wanted]] = values[wanted]
    return result
