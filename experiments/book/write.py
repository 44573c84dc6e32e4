"""From a tape to its memo: the runs, and the two files."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from ...agents.compiling import process
from ...market.opening.tape.join import JoinedBook, open_tape
from ...market.scenario.errors import InputError
from ...market.scenario.extras import insist_on
from ...market.scenario.scenario import Scenario
from ..run.folder import RunFolder
from ..run.progress import progress
from .covenants import kinds_of
from .memo import Asked, Made, Memo, Swings, compose
from .page import page
from .runs import Job, horizon_days, run_all
from .swings import usable
from .switched import Switched
from .switched import seeds_of as switched_seeds
from .weighted import grid_of, jobs_of, weighted
from .workbook import write_workbook

SWING_RUNS, SHARE_OF_RUNS = 8, 4  # for each side of a swing: a quarter of the runs, at most 8


def write_memo(asked: Asked, out: Path | None, *, quiet: bool = False) -> tuple[Memo, Path]:
    """Run a tape and write its memo; returns it and its folder.

    Raises:
        InputError: a mistake of the tape, an unknown scenario, or a folder that cannot be used.
    """
    insist_on("excel", "firesale book run")
    process.collect_rarely()
    if not 1 <= len(asked.scenarios) <= 2:
        raise InputError("--scenario: give one, or two: the second is the stress.")
    if not 1 <= asked.count <= 100_000:
        raise InputError(f"--runs: {asked.count} is not allowed; it must be from 1 to 100000.")
    folder = RunFolder(out, f"book-{asked.tape.stem}")
    start = time.perf_counter()
    joined = open_tape(asked.tape, asked.add_to, asked.merge)
    if joined.tape.brings_market:
        raise InputError(
            f"{asked.tape.name}: is a whole market, not a book; "
            "run it with firesale run SCENARIO --books."
        )
    days = horizon_days(joined.books, joined.loans, asked.most_days)
    scenarios = [_scenario(name, days) for name in asked.scenarios]
    memo = compose(asked, joined, days, _run(asked, joined, scenarios, quiet))

    def write(part: Path) -> None:
        (part / "memo.html").write_text(page(memo), encoding="utf-8")
        write_workbook(memo, part / "memo.xlsx")
        told = json.dumps(memo.as_json, indent=2, ensure_ascii=False, allow_nan=False)
        (part / "memo.json").write_text(told + "\n", encoding="utf-8")

    written = folder.fill(write)
    if not quiet:
        seconds = time.perf_counter() - start
        typer.echo(f"{seconds:.0f} s from tape to memo", err=True)
    return memo, written


def _scenario(name: str, days: int) -> Scenario:
    """A scenario of a memo: as long as the book lives, its judgements drawn."""
    scenario = Scenario.load(name)
    if scenario.opening.start != "2025":
        raise InputError(f"--scenario {name}: opens other books; a tape needs those of 2025.")
    values: dict[str, Any] = {"days": days, "opening.beliefs": True}
    return scenario.changed(values, "the memo")


def _run(asked: Asked, joined: JoinedBook, scenarios: Sequence[Scenario], quiet: bool) -> Made:
    """All runs of a memo.

    The scenario, its stress, the grid, each assumption pulled both ways, each covenant left out.
    """
    base, count = scenarios[0], asked.count
    seeds = range(1, count + 1)
    jobs = {"base": [Job(base, seed) for seed in seeds], "stress": [], "grid": []}
    if len(scenarios) > 1:
        jobs["stress"] = [Job(scenarios[1], seed) for seed in seeds[: max(1, count // 2)]]
    grid = grid_of(base.days) if asked.grid else None
    if grid is not None:
        jobs["grid"] = jobs_of(grid, count)
    pulled = [] if asked.quick else usable(base)
    kinds = [] if asked.quick else kinds_of(joined.books, joined.loans)
    few = seeds[: min(SWING_RUNS, max(2, count // SHARE_OF_RUNS))]
    for swing in pulled:
        for side in (-1, 1):
            jobs[f"{swing.name} {side}"] = [Job(base, seed, swing.name, side) for seed in few]
    pairs = min(count, switched_seeds(count))
    for kind in kinds:
        jobs[kind] = [Job(base, seed, off=kind) for seed in seeds[:pairs]]
    lenders = tuple(dict.fromkeys(joined.lender_of.values()))
    every = [job for some in jobs.values() for job in some]
    with progress(len(every), quiet) as show:
        found = iter(
            run_all(
                every,
                joined.books,
                joined.loans,
                lenders,
                lambda done: show(done, "Running the book"),
            )
        )
    made = {name: [next(found) for _ in some] for name, some in jobs.items()}
    swings: Swings = [(s, made[f"{s.name} -1"], made[f"{s.name} 1"]) for s in pulled]
    return Made(
        made["base"],
        made["stress"],
        swings,
        weighted(grid, made["grid"], count) if grid is not None else None,
        tuple(Switched(kind, tuple(made["base"][:pairs]), tuple(made[kind])) for kind in kinds),
    )
