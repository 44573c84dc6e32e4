"""One run from scenario to folder: simulate, show progress, write, and tell."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import typer

from ...market.scenario.errors import InputError
from ...market.scenario.scenario import Scenario
from ..figures.draw import drawing
from ..look.memory import check_memory
from ..results.results import Results
from .files import plain
from .folder import RunFolder
from .progress import progress

MOST_SEED = 2**63 - 1


def simulate(
    scenario: Scenario, seed: int, quiet: bool = False, *, to_the_end: bool = False
) -> tuple[Results, dict[str, float]]:
    """Run a scenario to its end; returns its results and timings in seconds.

    ``to_the_end``: go on from there until claims that are open then are settled.

    Raises:
        InputError: the seed, or a file that the scenario names, is not usable.
    """
    if not 0 <= seed <= MOST_SEED:
        raise InputError(
            f"--seed: {seed} is not allowed; it must be a whole number from 0 to 2^63 − 1."
        )
    check_memory(scenario)
    start = time.perf_counter()
    with progress(scenario.days, quiet) as show:
        from ...agents.compiling.cache import is_warm
        from ...market.simulation import Simulation

        if not is_warm():
            show(0, "Compiling, only this once")
        simulation = Simulation(scenario, seed=seed)
        opened = time.perf_counter()
        for day in range(scenario.days):
            show(day, "Simulating")
            simulation.step()
        if to_the_end:
            show(scenario.days, "Settling claims")
            simulation.resolve()
        done = time.perf_counter()
        results = Results.of(simulation, simulation.scenario, seed)
    return results, {"opening_s": opened - start, "days_s": done - opened}


def run_scenario(
    scenario: Scenario,
    seed: int,
    out: Path | None,
    named: Scenario,
    *,
    figures: bool,
    as_json: bool,
    to_the_end: bool = False,
) -> Path:
    """Run a scenario, write its folder, and print what happened; returns the folder.

    ``named`` is the scenario as its file has it: what the run changes is told beside its title.
    """
    from ..report.scenario_text import changes

    folder = RunFolder(out, scenario.name)
    with drawing(with_helper=figures) as drawn:
        results, timings = simulate(scenario, seed, to_the_end=to_the_end)
        results = replace(results, changes=changes(named, scenario))
        written = folder.write(results, timings, drawn if figures else None)
    if results.note:
        typer.echo(results.note, err=True)
    if as_json:
        typer.echo(json.dumps(plain(results.summary), indent=2, ensure_ascii=False))
    else:
        from ..report.terminal import show

        show(results, written)
    return written
