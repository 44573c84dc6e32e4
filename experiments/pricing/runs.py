"""Runs of a grid: made by the sweep's machinery, read back loan by loan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...market.scenario.errors import InputError
from ..sweeps import store
from ..sweeps.runner import Driver
from .observe import COLUMNS, simulate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from ..sweeps.plan import Plan

CLOCK = "clock.json"


class Cost(NamedTuple):
    """What the runs of a grid took."""

    runs: int
    failed: int
    run_s: float  # of one core, a run; NaN if this call made none

    @property
    def minutes(self) -> float:
        """Of one core, for all runs."""
        return self.runs * self.run_s / 60.0


def make(plan: Plan, folder: Path, cluster: str, workers: int | None, quiet: bool = False) -> Cost:
    """Run what is missing; what it took. How long a run took is kept in the folder.

    Raises:
        InputError: the folder, the cluster or its workers cannot be used.
    """
    from ...market.compile_ahead import compile_ahead

    compile_ahead()  # once here, so that workers find it
    result = Driver(plan, folder, simulate=simulate, quiet=quiet).run(cluster, workers)
    clock = folder / CLOCK
    before = json.loads(clock.read_text(encoding="utf-8")) if clock.exists() else [0, 0.0]
    count, seconds = before[0] + result.done_now, before[1] + result.busy_s
    clock.write_text(json.dumps([count, seconds]), encoding="utf-8")
    return Cost(result.runs, result.failed, seconds / count if count else float("nan"))


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
