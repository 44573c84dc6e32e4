"""What ``firesale sweep`` and ``firesale analyse`` do and print."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from ...market.scenario.errors import InputError
from ...market.scenario.extras import insist_on
from ..look import words
from . import clusters
from .design import count_runs
from .plan import Plan
from .progress import clock

INTERRUPTED = 130
RUNS_FAILED = 1


def sweep(
    plan: Plan,
    cluster: str,
    workers: int | None,
    out: Path | None,
    *,
    dry_run: bool,
    retry_failures: bool,
    salvage: bool = False,
) -> None:
    """Run what is missing of a plan, or say what it would cost; prints one or two lines."""
    clusters.check_name(cluster, workers)
    if dry_run:
        _say_cost(plan, cluster, workers)
        return
    insist_on("cluster", "firesale sweep")
    from .runner import Driver, default_folder

    folder = out if out is not None else default_folder(plan)
    driver = Driver(plan, folder, retry_failures=retry_failures, salvage=salvage)
    try:
        result = driver.run(cluster, workers)
    except KeyboardInterrupt:
        typer.echo(
            f"Interrupted; finished runs are kept in {folder}, the same command goes on.", err=True
        )
        sys.exit(INTERRUPTED)
    rate = f", {result.done_now / result.seconds:.1f} a second" if result.done_now else ""
    typer.echo(
        f"{plan.name}: {words.times(result.runs, 'run')} in {folder}; {result.done_now:,} of them "
        "now, in "
        f"{clock(result.seconds)}{rate}; {result.failed:,} failed"
        + (f" (see {folder / 'failures.jsonl'})." if result.failed else ".")
    )
    typer.echo(f"Next: firesale analyse {folder}")
    if result.failed:
        sys.exit(RUNS_FAILED)


def _say_cost(plan: Plan, cluster: str, workers: int | None) -> None:
    from .runner import estimate

    runs = count_runs(plan)
    if cluster == "slurm":
        count, where = workers or plan.slurm.maximum_jobs, "SLURM jobs like this core"
    else:
        count = 1 if cluster == "serial" else workers or os.cpu_count() or 1
        where = "process here" if count == 1 else "workers like this core"
    cost = estimate(plan, count)
    arms = len(plan.arm_names)
    points = runs // (arms * plan.replicates)
    typer.echo(
        f"{plan.name}: {words.times(runs, 'run')} = {words.times(points, 'point')} × "
        f"{words.times(arms, 'arm')} × {words.times(plan.replicates, 'replicate')}."
    )
    typer.echo(
        f"{cost['run_s']:.2g} s a run: {cost['hours']:.2g} hours ({clock(3600 * cost['hours'])}) "
        f"with {count:,} {where}; "
        f"{cost['gigabytes']:.2g} gigabytes."
    )


def analyse(folder: Path, event: str | None, loss: str | None, *, salvage: bool = False) -> None:
    """Analyse a sweep's folder; prints the findings and where the files are."""
    insist_on("cluster", "firesale analyse")
    from .analysis import analyse_folder

    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder.")
    for line in analyse_folder(folder, event, loss, salvage):
        typer.echo(line)
