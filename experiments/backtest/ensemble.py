"""Many runs of a back-test over worker processes; the same observations whatever the workers."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.backtest.observe import Job, Observation, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from market.scenario import Scenario


def jobs_of(arms: dict[str, Scenario], runs: int) -> list[Job]:
    """Seeds 1 .. ``runs`` under every arm; all arms share the seeds, so that luck cancels."""
    return [
        Job(scenario.model_dump(exclude_unset=True), seed, arm)
        for seed in range(1, runs + 1)
        for arm, scenario in arms.items()
    ]


def observe_all(
    jobs: Sequence[Job], workers: int | None = None, *, quiet: bool = False
) -> list[Observation]:
    """Make all runs; the result is in the order of the jobs.

    The first run is made here where the model is not compiled yet: workers then find it compiled.

    Args:
        jobs: runs to make.
        workers: processes; all cores by default, 1 for none but this one.
        quiet: no progress on stderr.
    """
    from agents.compiled import is_warm, note_warm
    from experiments.run import COMPILING
    from experiments.sweeps.progress import Progress

    workers = min(workers or os.cpu_count() or 1, len(jobs))
    found: dict[int, Observation] = {}
    with Progress(len(jobs), 0, quiet) as progress:
        if not is_warm():
            if not quiet:
                print(COMPILING, file=sys.stderr, flush=True)
            found[0] = observe(jobs[0])
            note_warm()
            progress.advance(1, 0, 0.0)
        rest = [place for place in range(len(jobs)) if place not in found]
        if workers == 1 or len(rest) < 2:
            for place in rest:
                found[place] = observe(jobs[place])
                progress.advance(1, 0, 0.0)
        else:
            _hand_out(jobs, rest, workers, found, progress.advance)
    return [found[place] for place in range(len(jobs))]


def _hand_out(
    jobs: Sequence[Job],
    places: list[int],
    workers: int,
    found: dict[int, Observation],
    advance: Callable[[int, int, float], None],
) -> None:
    """Give the runs to local workers of Dask; a run whose worker dies is made again."""
    from distributed import as_completed

    from experiments.sweeps.clusters import open_cluster
    from experiments.sweeps.plan import Slurm

    with (
        tempfile.TemporaryDirectory(prefix="firesale-") as logs,
        open_cluster("local", workers, Slurm(), Path(logs)) as cluster,
    ):
        client = cluster.client
        futures = {
            client.submit(observe, jobs[place], pure=False, retries=1): place for place in places
        }
        for future, result in as_completed(list(futures), with_results=True):
            found[futures[future]] = result
            advance(1, 0, 0.0)
