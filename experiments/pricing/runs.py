"""Runs of a grid: made by the sweep's machinery, read back loan by loan."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ...market.scenario.errors import InputError
from ..sweeps import store
from ..sweeps.runner import Driver, Result
from .observe import COLUMNS, simulate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..sweeps.plan import Plan


def make(
    plan: Plan, folder: Path, cluster: str, workers: int | None, quiet: bool = False
) -> tuple[Result, float]:
    """Run what is missing; how it went, and seconds of work that this call took.

    Raises:
        InputError: the folder, the cluster or its workers cannot be used.
    """
    from ...market.compile_ahead import compile_ahead

    compile_ahead()  # once here, so that workers find it
    start = time.perf_counter()
    result = Driver(plan, folder, simulate=simulate, quiet=quiet).run(cluster, workers)
    return result, time.perf_counter() - start


def read(folder: Path) -> tuple[pd.DataFrame, pa.Table]:
    """Runs (``run_id, arm, replicate, seed`` and metrics) and observations (``run_id`` and loans).

    Only replicates that have ended in every cell are there: weights need all of them.

    Raises:
        InputError: no run has ended.
    """
    with store.connect(folder) as connection:
        if not store.has_parts(folder):
            raise InputError(f"{folder}: no run has ended.")
        runs = connection.execute("SELECT * FROM runs WHERE status = 'ok' ORDER BY run_id").df()
        if runs.empty:
            raise InputError(f"{folder}: no run has ended well; see {store.FAILURES} there.")
        cells = runs["arm"].nunique()
        whole = runs.groupby("replicate")["arm"].transform("nunique") == cells
        runs = runs[whole].reset_index(drop=True)
        if runs.empty:
            raise InputError(f"{folder}: no seed has ended in all {cells} cells yet.")
        names = ", ".join(f"paths.{name}" for name in COLUMNS)
        wanted = ", ".join(map(str, runs["run_id"]))
        loans = connection.sql(
            f"SELECT run_id, {names} FROM paths WHERE run_id IN ({wanted}) ORDER BY run_id, day"
        ).to_arrow_table()
    return runs, loans
