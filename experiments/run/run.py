"""One run from scenario to folder: simulate, show progress, write, and tell."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from ...market.opening.books import Books
from ...market.opening.own_books import debt_of, own_books
from ...market.scenario.errors import InputError
from ...market.scenario.numbers import MOST_SEED
from ...market.scenario.scenario import Scenario
from ..figures.draw import drawing
from ..look.memory import check_memory
from ..results.results import Results
from .anonymous import OWN_BOOKS, hide_names
from .files import plain
from .folder import RunFolder
from .progress import progress


@dataclass(frozen=True)
class Asked:
    """What a run is asked for beside its scenario and seed."""

    figures: bool = True
    as_json: bool = False
    to_the_end: bool = False  # go on from the last day until open claims are settled
    companions: bool = False  # if the market is small, say what came of itself
    without: tuple[str, ...] = ()  # parties that do not fail
    books: Path | None = None  # a folder of tables or a loan tape, not the packaged books
    anonymous: bool = False  # codes instead of names in all that is written


def simulate(
    scenario: Scenario,
    seed: int,
    quiet: bool = False,
    asked: Asked = Asked(),
    books: Books | None = None,
) -> tuple[Results, dict[str, float]]:
    """Run a scenario to its end; returns its results and timings in seconds.

    ``books``: those that ``asked`` names, read.

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
        simulation = Simulation(scenario, seed, books, without=asked.without)
        opened = time.perf_counter()
        for day in range(scenario.days):
            show(day, "Simulating")
            simulation.step()
        if asked.to_the_end:
            show(scenario.days, "Settling claims")
            simulation.resolve()
        done = time.perf_counter()
        spared = hide_names(simulation) if asked.anonymous else asked.without
        timings = {"opening_s": opened - start, "days_s": done - opened}
        results = Results.of(simulation, simulation.scenario, seed)
        results = replace(results, without=spared)
        if asked.companions:
            from ..causes.causes import find_causes, is_small

            if is_small(simulation):
                show(scenario.days, "Running companions")
                begun = time.perf_counter()
                results = results.with_causes(find_causes(simulation, books))
                timings["companions_s"] = time.perf_counter() - begun
    return results, timings


def run_scenario(
    scenario: Scenario, seed: int, out: Path | None, named: Scenario, asked: Asked
) -> Path:
    """Run a scenario, write its folder, and print what happened; returns the folder.

    ``named`` is the scenario as its file has it: what the run changes is told beside its title.
    """
    from ..report.scenario_text import changes

    folder = RunFolder(out, scenario.name)
    own = own_books(asked.books, scenario) if asked.books is not None else None
    with drawing(with_helper=asked.figures) as drawn:
        results, timings = simulate(scenario, seed, asked=asked, books=own)
        told = (*changes(named, scenario), *(f"{name} does not fail" for name in results.without))
        if own is not None and asked.books is not None:
            told = (f"books = {OWN_BOOKS if asked.anonymous else asked.books.name}", *told)
            results = replace(results, own_debt=debt_of(own))
        results = replace(results, changes=told)
        written = folder.write(results, timings, drawn if asked.figures else None)
    if results.note:
        typer.echo(results.note, err=True)
    if asked.as_json:
        typer.echo(json.dumps(plain(results.summary), indent=2, ensure_ascii=False))
    else:
        from ..report.terminal import show

        show(results, written)
    return written
