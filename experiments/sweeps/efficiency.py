"""How well workers are used, against one process that does the same runs.

One process does one half before the workers and the other after them, so that a machine that gets
slower or faster by the minute counts on both sides.

uv run python -m firesale.experiments.sweeps.efficiency --runs 10000 --workers 2
uv run python -m firesale.experiments.sweeps.efficiency --runs 100 --tasks 500

Prints seconds per run, parallel efficiency, memory of the driver over the sweep, bytes per run and,
with ``--tasks``, what an empty task costs.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario
    from .execute import Outcome
    from .plan import Plan
    from .runner import Result

EVERY_S = 0.5
RUNS_A_PART = 300


@dataclass
class Memory:
    """Resident memory of this process, sampled while something runs [MB]."""

    samples: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Memory:
        import psutil

        process = psutil.Process()

        def sample() -> None:
            while not self._stop.wait(EVERY_S):
                self.samples.append(process.memory_info().rss / 1e6)

        threading.Thread(target=sample, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def at(self, share: float) -> float:
        """Memory after that share of the time."""
        return self.samples[int(share * (len(self.samples) - 1))] if self.samples else float("nan")


def nothing(scenario: Scenario, seed: int, scores: dict[str, float]) -> Outcome:
    """An empty run, to time what surrounds it."""
    from .execute import Outcome

    return Outcome({"linked": {"largest": 0}}, dict)


def main(
    runs: Annotated[int, typer.Option(min=2, help="How many.")] = 10_000,
    workers: Annotated[int, typer.Option(min=1, help="Local processes.")] = 2,
    days: Annotated[int, typer.Option(min=1, help="Of each run.")] = 90,
    scenario: Annotated[str, typer.Option(help="Name or .toml file.")] = "baseline",
    tasks: Annotated[int, typer.Option(min=0, help="Empty tasks to time; 0 for none.")] = 0,
) -> None:
    """Run the same runs in this process and on workers, and compare."""
    from . import store
    from .plan import Plan
    from .runner import Driver

    plan = Plan.from_dict(
        {"scenario": scenario, "settings": {"days": days}, "replicates": runs}, "plan", Path()
    )
    folder = Path(tempfile.mkdtemp(prefix="firesale-efficiency-"))
    try:
        _alone_s(plan, folder / "warm", 0, 1)
        alone_s = _alone_s(plan, folder / "first", 0, runs // 2)
        with Memory() as memory:
            together = Driver(plan, folder / "local").run("local", workers)
        alone_s += _alone_s(plan, folder / "second", runs // 2, runs)
        typer.echo(f"{plan.base.name}, {days} days, {runs:,} runs")
        typer.echo(f"  one process      {alone_s:8.1f} s, {alone_s / runs:.4f} s a run")
        efficiency = alone_s / (workers * together.seconds)
        typer.echo(
            f"  {workers} workers        {together.seconds:8.1f} s, efficiency {efficiency:.3f} "
            f"(busy {together.busy_s / (workers * together.seconds):.3f} of the time)"
        )
        quarters = ", ".join(f"{memory.at(share):.0f}" for share in (0.25, 0.5, 0.75, 1.0))
        typer.echo(f"  driver's memory  {quarters} MB after each quarter of the time")
        store.merge_parts(folder / "local", most=0)
        size = sum(path.stat().st_size for path in (folder / "local" / store.PARTS).iterdir())
        typer.echo(f"  stored           {size / runs:.0f} bytes a run, merged")
        if tasks:
            _say_tasks(plan.model_copy(update={"replicates": tasks}), folder / "tasks", workers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _alone_s(plan: Plan, folder: Path, start: int, stop: int) -> float:
    """Seconds in which this process makes and stores the runs ``start`` .. ``stop`` of a plan."""
    import numpy as np

    from . import store
    from .design import run_points
    from .execute import Work, run_batch

    design = store.open_folder(plan, folder)
    work = Work.of(plan, folder, store.source_hash())
    begin = time.perf_counter()
    for first in range(start, stop, RUNS_A_PART):
        ids = np.arange(first, min(first + RUNS_A_PART, stop), dtype=np.int64)
        run_batch(work, run_points(plan, design, ids))
    return time.perf_counter() - begin


def _say_tasks(plan: Plan, folder: Path, workers: int) -> None:
    """Time of tasks of one empty run each, and of one task with all of them."""
    from .runner import Driver

    def timed(name: str, batch: int) -> Result:
        driver = Driver(plan, folder / name, simulate=nothing, batch_runs=batch, quiet=True)
        return driver.run("local", workers)

    many = timed("single", 1)
    start = time.perf_counter()
    one = timed("whole", many.runs)
    begin = time.perf_counter() - start
    each = (many.seconds - one.seconds) / many.runs
    typer.echo(f"  a task           {1e3 * each:.1f} ms more for a batch, its part included")
    typer.echo(f"  to begin and end {begin:.1f} s")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
