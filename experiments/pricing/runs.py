"""Runs of a grid: made by the sweep's machinery, read back loan by loan.

A grid is run in blocks of a few seeds, each a sweep in a folder of its own: what has ended can be
priced, and more seeds add to it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...market.scenario.errors import InputError
from ..run.writing import write_text
from ..sweeps import store
from ..sweeps.runner import Driver
from .observe import COLUMNS, simulate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .grid import Grid

BLOCK, CLOCK = "seeds-", "clock.json"


class Workers(NamedTuple):
    """Who makes the runs, as for sweeps."""

    cluster: str = "local"
    processes: int | None = None
    quiet: bool = False


def make(grid: Grid, seeds: int, folder: Path, workers: Workers, beliefs: bool = True) -> int:
    """Run what is missing of so many seeds, in whole blocks; how many runs failed.

    Raises:
        InputError: the folder, the cluster or its workers cannot be used.
    """
    from ...market.compile_ahead import compile_ahead

    compile_ahead()  # once here, so that workers find it
    failed = 0
    for block in range(math.ceil(seeds / grid.block_seeds)):
        driver = Driver(
            grid.plan(block, beliefs),
            folder / f"{BLOCK}{block:03d}",
            simulate=simulate,
            quiet=workers.quiet,
        )
        result = driver.run(workers.cluster, workers.processes)
        failed += result.failed
        runs, busy_s = spent(folder)
        text = json.dumps([runs + result.done_now, busy_s + result.busy_s])
        write_text(folder / CLOCK, text)
    return failed


def spent(folder: Path) -> tuple[int, float]:
    """Runs made in a folder, and seconds that cores worked on them, over all calls."""
    clock = folder / CLOCK
    runs, busy_s = json.loads(clock.read_text(encoding="utf-8")) if clock.exists() else (0, 0.0)
    return int(runs), float(busy_s)


def read(folder: Path) -> tuple[pd.DataFrame, pa.Table]:
    """Runs (``run_id, arm, replicate, seed``) and observations (``run_id`` and loans).

    Numbers of runs and replicates go on from block to block. Only replicates that have ended in
    every cell are there: weights need all of them.

    Raises:
        InputError: no seed has ended.
    """
    import pandas as pd
    import pyarrow as pa

    runs, loans = [], []
    for block, path in enumerate(sorted(folder.glob(f"{BLOCK}*"))):
        found = _read_block(path)
        if found is not None:
            made, seen = found
            shift = 1_000_000 * block
            made["run_id"] += shift
            made["replicate"] += shift
            ids = pa.array(seen["run_id"].to_numpy() + shift)
            runs.append(made)
            loans.append(seen.set_column(0, "run_id", ids))
    if not runs:
        raise InputError(f"{folder}: no seed has ended well in all cells.")
    return pd.concat(runs, ignore_index=True), pa.concat_tables(loans)


def _read_block(folder: Path) -> tuple[pd.DataFrame, pa.Table] | None:
    """The whole seeds of one sweep, None if there are none."""
    if not store.has_parts(folder):
        return None
    with store.connect(folder) as connection:
        wanted = "SELECT run_id, arm, replicate, seed FROM runs WHERE status = 'ok'"
        runs = connection.execute(f"{wanted} ORDER BY run_id").df()
        cells = store.read_manifest(folder)["runs"] // _replicates(folder)
        whole = runs.groupby("replicate")["arm"].transform("size") == cells
        runs = runs[whole].reset_index(drop=True)
        if runs.empty:
            return None
        names = ", ".join(COLUMNS)
        ids = ", ".join(map(str, runs["run_id"]))
        loans = connection.sql(
            f"SELECT run_id, {names} FROM paths WHERE run_id IN ({ids}) ORDER BY run_id, day"
        ).to_arrow_table()
    return runs, loans


def _replicates(folder: Path) -> int:
    replicates: int = store.read_manifest(folder)["plan"]["replicates"]
    return replicates
