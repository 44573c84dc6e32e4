"""One run from scenario to folder: simulate, show progress, write, and tell."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from experiments.results import Results
from experiments.run_folder import RunFolder, plain
from market.errors import InputError
from market.scenario import Scenario

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
    with _progress(scenario.days, quiet) as progress:
        from agents.compiled import is_warm
        from market.simulation import Simulation

        text = "Simulating" if is_warm() else "Compiling, only this once"
        simulation = Simulation(scenario, seed=seed)
        opened = time.perf_counter()
        for day in range(scenario.days):
            progress(day, text if day == 0 else "Simulating")
            simulation.step()
        done = time.perf_counter()
        results = Results.of(simulation, scenario, seed)
    return results, {"opening_s": opened - start, "days_s": done - opened}


def run_scenario(
    scenario: Scenario, seed: int, out: Path | None, *, figures: bool, as_json: bool
) -> Path:
    """Run a scenario, write its folder, and print what happened; returns the folder."""
    folder = RunFolder(out, scenario.name)
    results, timings = simulate(scenario, seed)
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
def _progress(days: int, quiet: bool) -> Iterator[Callable[[int, str], None]]:
    """A bar on stderr, only on a terminal, and only once patience is over."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda day, text: None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task("Opening the books", total=days)
    timer = threading.Timer(PATIENCE_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda day, text: bar.update(task, completed=day, description=text)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
