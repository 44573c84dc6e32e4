"""Many runs of a back-test over worker processes; the same observations whatever the workers."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ...market.opening.beliefs import believe
from .observe import Job, Observation, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...market.scenario.scenario import Scenario


def jobs_of(
    base: Scenario,
    arms: Mapping[str, Sequence[str]],
    runs: int,
    *,
    fixed_rules: bool = False,
    crisis: str = "2022",
) -> list[Job]:
    """Seeds 1 .. ``runs`` under every arm; all arms share books, rules and luck of a seed.

    Rules that nobody publishes are drawn within what is believed of them, once for a seed.

    Args:
        base: what all runs have in common.
        arms: settings of each arm, applied last.
        runs: how many seeds.
        fixed_rules: leave unpublished rules as the base has them.
        crisis: the year by which it is known.
    """
    asks = base.changed({"opening.beliefs": not fixed_rules}, "back-test")
    jobs = []
    for seed in range(1, runs + 1):
        own = believe(asks, seed)
        for arm, settings in arms.items():
            scenario = own.with_settings([*settings])
            jobs.append(Job(scenario.model_dump(exclude_unset=True), seed, arm, crisis))
    return jobs


def observe_all(
    jobs: Sequence[Job], workers: int | None = None, *, quiet: bool = False
) -> list[Observation]:
    """Make all runs; the result is in the order of the jobs.

    Args:
        jobs: runs to make.
        workers: processes; all cores by default, 1 for none but this one.
        quiet: no progress on stderr.
    """
    from ..sweeps.progress import Progress

    workers = min(workers or os.cpu_count() or 1, len(jobs))
    found: dict[int, Observation] = {}
    with Progress(len(jobs), 0, quiet) as progress:
        if workers == 1:
            for place, job in enumerate(jobs):
                found[place] = observe(job)
                progress.advance(1, 0, 0.0)
        else:
            _hand_out(jobs, workers, found, progress.advance)
    return [found[place] for place in range(len(jobs))]


def _hand_out(
    jobs: Sequence[Job],
    workers: int,
    found: dict[int, Observation],
    advance: Callable[[int, int, float], None],
) -> None:
    """Give the runs to local workers of Dask; a run whose worker dies is made again."""
    from distributed import as_completed

    from ..sweeps.clusters import open_cluster
    from ..sweeps.slurm import Slurm

    with (
        tempfile.TemporaryDirectory(prefix="firesale-") as logs,
        open_cluster("local", workers, Slurm(), Path(logs)) as cluster,
    ):
        client = cluster.client
        futures = {
            client.submit(observe, job, pure=False, retries=1): place
            for place, job in enumerate(jobs)
        }
        for future, result in as_completed(list(futures), with_results=True):
            found[futures[future]] = result
            advance(1, 0, 0.0)
