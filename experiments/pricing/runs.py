"""Runs of a grid: made by the sweep's machinery, read back loan by loan.

A grid is run in blocks, each a sweep in a folder of its own: what has ended can be priced, and more
runs add to it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...market.scenario.errors import InputError
from ..run.writing import write_text
from ..sweeps import store
from ..sweeps.folders import accept_several
from ..sweeps.runner import Driver
from .observe import COLUMNS, simulate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .grid import Grid

BLOCK, CLOCK = "block-", "clock.json"


class Workers(NamedTuple):
    """Who makes the runs, as for sweeps."""

    cluster: str = "local"
    processes: int | None = None
    quiet: bool = False


def make(grid: Grid, runs: int, folder: Path, workers: Workers, beliefs: bool = True) -> int:
    """Make what is missing of so many runs, in whole blocks; how many failed.

    Raises:
        InputError: the folder, the cluster or its workers cannot be used.
    """
    from ...market.compile_ahead import compile_ahead

    accept_several(folder)
    compile_ahead()  # once here, so that workers find it
    failed = 0
    for block in range(math.ceil(runs / len(grid.block))):
        driver = Driver(
            grid.plan(block, beliefs),
            folder / f"{BLOCK}{block:03d}",
            simulate=simulate,
            quiet=workers.quiet,
        )
        result = driver.run(workers.cluster, workers.processes)
        failed += result.failed
        made, busy_s = spent(folder)
        text = json.dumps([made + result.done_now, busy_s + result.busy_s])
        write_text(folder / CLOCK, text)
    return failed


def spent(folder: Path) -> tuple[int, float]:
    """Runs made in a folder, and seconds that cores worked on them, over all calls."""
    clock = folder / CLOCK
    runs, busy_s = json.loads(clock.read_text(encoding="utf-8")) if clock.exists() else (0, 0.0)
    return int(runs), float(busy_s)


def read(grid: Grid, folder: Path) -> tuple[pd.DataFrame, pa.Table]:
    """Runs (``run_id, cell, seed``) and observations (``run_id`` and loans).

    Numbers of runs go on from block to block.

    Raises:
        InputError: no run has ended.
    """
    import pandas as pd
    import pyarrow as pa

    runs, loans = [], []
    for block, path in enumerate(sorted(folder.glob(f"{BLOCK}*"))):
        if not store.has_parts(path):
            continue
        made, seen = _read_block(grid, path)
        shift = 1_000_000 * block
        made["run_id"] += shift
        ids = pa.array(seen["run_id"].to_numpy() + shift)
        runs.append(made)
        loans.append(seen.set_column(0, "run_id", ids))
    if not sum(map(len, runs)):
        raise InputError(f"{folder}: no run has ended well.")
    return pd.concat(runs, ignore_index=True), pa.concat_tables(loans)


def _read_block(grid: Grid, folder: Path) -> tuple[pd.DataFrame, pa.Table]:
    """The runs of one sweep that ended well."""
    with store.connect(folder) as connection:
        runs = connection.execute(
            "SELECT run_id, design_id, seed FROM runs WHERE status = 'ok' ORDER BY run_id"
        ).df()
        names = ", ".join(COLUMNS)
        ids = ", ".join(map(str, runs["run_id"])) or "NULL"
        loans = connection.sql(
            f"SELECT run_id, {names} FROM paths WHERE run_id IN ({ids}) ORDER BY run_id, day"
        ).to_arrow_table()
    runs["cell"] = [grid.cell_of(number).name for number in runs["design_id"]]
    return runs[["run_id", "cell", "seed"]], loans
