"""One run from scenario to folder: simulate, show progress, write, and tell."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from experiments.results import Results
from experiments.run_folder import RunFolder, plain
from market.errors import InputError
from market.scenario import Scenario

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE_S = 2.0
MOST_SEED = 2**63 - 1


def simulate(
    scenario: Scenario, seed: int, quiet: bool = False
) -> tuple[Results, dict[str, float]]:
    """Run a scenario to its end; returns its results and timings in seconds.

    Raises:
        InputError: the seed, or a file that the scenario names, is not usable.
    """
    if not 0 <= seed <= MOST_SEED:
        raise InputError(
            f"--seed: {seed} is not allowed; it must be a whole number from 0 to 2^63 − 1."
        )
    start = time.perf_counter()
    with progress(scenario.days, quiet) as show:
        from agents.compiled import is_warm
        from market.simulation import Simulation

        if not is_warm():
            show(0, "Compiling, only this once")
        simulation = Simulation(scenario, seed=seed)
        opened = time.perf_counter()
        for day in range(scenario.days):
            show(day, "Simulating")
            simulation.step()
        done = time.perf_counter()
        results = Results.of(simulation, scenario, seed)
    return results, {"opening_s": opened - start, "days_s": done - opened}


def run_scenario(
    scenario: Scenario,
    seed: int,
    out: Path | None,
    named: Scenario,
    *,
    figures: bool,
    as_json: bool,
) -> Path:
    """Run a scenario, write its folder, and print what happened; returns the folder.

    ``named`` is the scenario as its file has it: what the run changes is told beside its title.
    """
    from experiments.scenario_text import changes

    folder = RunFolder(out, scenario.name)
    results, timings = simulate(scenario, seed)
    results = replace(results, changes=changes(named, scenario))
    written = folder.write(results, timings, figures)
    if results.note:
        typer.echo(results.note, err=True)
    if as_json:
        typer.echo(json.dumps(plain(results.summary), indent=2, ensure_ascii=False))
    else:
        from experiments.terminal import show

        show(results, written)
    return written


@contextmanager
def progress(total: int, quiet: bool) -> Iterator[Callable[[int, str], None]]:
    """A bar on stderr, only on a terminal, and only once patience is over."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, text: None
        return
    now: dict[str, Any] = {"completed": 0, "description": "Opening the books"}
    bars: list[Progress] = []

    def start() -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.add_task(now["description"], total=total, completed=now["completed"])
        bar.start()
        bars.append(bar)

    def update(done: int, text: str) -> None:
        now.update(completed=done, description=text)
        for bar in bars:
            bar.update(bar.task_ids[0], **now)

    timer = threading.Timer(PATIENCE_S, start)
    timer.daemon = True
    timer.start()
    try:
        yield update
    finally:
        timer.cancel()
        timer.join()
        for bar in bars:
            bar.stop()
