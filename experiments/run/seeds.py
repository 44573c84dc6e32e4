"""A scenario over many seeds: what luck makes of it, and what a change makes on the same luck."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ...agents.compiling import process
from ...market.opening.own_books import own_books
from ...market.scenario.errors import InputError
from ...market.scenario.numbers import MOST_SEED
from ...market.scenario.scenario import Scenario
from ..look import words
from ..look.intervals import paired_difference
from ..look.memory import check_memory
from ..report.measures import in_usd
from ..report.measures import named as name_of
from .ensemble import RunConfiguration, run_ensemble
from .files import plain
from .folder import RunFolder
from .progress import progress

if TYPE_CHECKING:
    import pandas as pd

    from .run import Asked

MOST_RUNS = 10_000  # beyond which a sweep, which resumes, is the way
SPAN = re.compile(r"(\d{1,19})-(\d{1,19})")
SHARES = (
    "loss_usd.unresolved_share", "recovery.gpu", "recovery.asic", "ltv.reported",
    "ltv.second_hand", "ltv.realisable",
)  # fmt: skip
MEASURES = ("defaults.miner", "defaults.neocloud", "defaults.lender", "loss_usd.total", *SHARES)
NAMES = {"recovery.gpu": "recovery of GPUs", "recovery.asic": "recovery of rigs"}
PERCENTILES = (5, 50, 95)
USUAL, DIFFERENCE = "as it is", "difference"

type Told = dict[str, dict[str, dict[str, float]]]
"""By world, measure and statistic; the difference between two worlds is one more."""


def seeds_of(text: str) -> range:
    """Seeds ``A-B``, both included.

    Raises:
        InputError: not of that form, or too many.
    """
    found = SPAN.fullmatch(text.strip())
    first, last = map(int, found.groups()) if found else (1, 0)
    if last < first or last > MOST_SEED:
        raise InputError(f"--seeds: '{text[:40]}' is not of the form A-B, as in 1-20.")
    if last - first >= MOST_RUNS:
        raise InputError(
            f"--seeds: {last - first + 1:,} runs are too many for one call, which cannot resume; "
            f"at most {MOST_RUNS:,}, or `firesale sweep`."
        )
    return range(first, last + 1)


def run_seeds(
    scenario: Scenario, seeds: range, out: Path | None, named: Scenario, asked: Asked
) -> Path:
    """Run a scenario on every seed; table of runs, summary, and a few lines; returns the folder.

    Where something was changed, ``named`` is run too, on the same seeds.

    Raises:
        InputError: what cannot be had of many runs, a folder that is not free, a run that fails.
    """
    if asked.anonymous:
        raise InputError("--seeds: runs over seeds name no party; leave out --anonymous.")
    check_memory(scenario)
    folder = RunFolder(out, f"{scenario.name}-seeds")
    own = own_books(asked.books, scenario) if asked.books is not None else None
    usual = _of_same_size(named, scenario)
    worlds = {scenario.name: scenario}
    if scenario != usual or asked.without:
        worlds = {USUAL: usual, "changed": scenario}
    frames = []
    total = len(seeds) * len(worlds)
    with (
        progress(total, asked.as_json) as show,
        ProcessPoolExecutor(min(process.cores(), total), get_context("spawn")) as workers,
    ):
        for number, (name, one) in enumerate(worlds.items()):
            without = () if name == USUAL else asked.without
            runs = RunConfiguration(seeds, None, asked.to_the_end, own, without)
            tell = partial(_tell, show, number * len(seeds))
            frames.append(run_ensemble({name: one}, runs, workers, tell))
    import pandas as pd

    rows = pd.concat(frames, ignore_index=True)
    if failed := [str(error) for error in rows["error"] if error]:
        raise InputError(f"{len(failed)} of {len(rows)} runs failed, the first with: {failed[0]}")
    parts = {name: rows[rows["scenario"] == name] for name in worlds}
    told = {name: summary_of(part) for name, part in parts.items()}
    if USUAL in worlds:
        told[DIFFERENCE] = difference_of(*parts.values())

    def write(part: Path) -> None:
        rows.to_csv(part / "runs.csv", index=False)
        text = json.dumps(plain(told), indent=2, ensure_ascii=False)
        (part / "summary.json").write_text(text + "\n", encoding="utf-8")

    written = folder.fill(write)
    if asked.as_json:
        typer.echo(json.dumps(plain(told), indent=2, ensure_ascii=False))
    else:
        _say(scenario, seeds, told, written)
    return written


def _tell(show: Callable[[int, str], None], before: int, done: int) -> None:
    show(before + done, "Running")


def _of_same_size(named: Scenario, scenario: Scenario) -> Scenario:
    """A scenario with the days and the population of another."""
    size = ("days", "opening.", "synthetic.")
    keys = [key for key in scenario.differences(named) if key.startswith(size)]
    return named.changed({key: scenario.value_of(key) for key in keys}, "--seeds")


def summary_of(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Median, 5 and 95 % of runs by measure; what no run knows is left out."""
    import numpy as np

    found = {}
    for key in MEASURES:
        values = rows[key].dropna().to_numpy(float) if key in rows else np.zeros(0)
        if len(values):
            low, median, high = np.percentile(values, PERCENTILES)
            found[key] = {"median": median, "p5": low, "p95": high, "runs": len(values)}
    return found


def difference_of(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Mean change from the first to the second, seed by seed, with its 95 % interval."""
    import numpy as np

    found = {}
    for key in MEASURES:
        if key not in first or key not in second:
            continue
        before, after = (rows.set_index("seed")[key].astype(float) for rows in (first, second))
        after = after.reindex(before.index)
        both = before.notna() & after.notna()
        if both.any():
            one = paired_difference(
                np.asarray(before[both], np.float64), np.asarray(after[both], np.float64)
            )
            found[key] = {"mean": one.value, "low": one.low, "high": one.high, "runs": both.sum()}
    return found


def text(key: str, value: float) -> str:
    """A value of a measure with its unit."""
    if in_usd(key):
        return words.money(value)
    return words.percent(value) if key in SHARES else f"{value:,.0f}"


def change(key: str, value: float) -> str:
    """The same of a change; shares in points of a per cent, without saying so."""
    if not math.isfinite(value):
        return "open"
    if in_usd(key):
        return words.money(value, signed=True)
    return f"{100 * value if key in SHARES else value:+.1f}".replace("-", "−")


def lines_of(told: Told) -> Iterator[tuple[str, ...]]:
    """The table, its head first; measures that no run knows are left out."""
    yield (
        "",
        *(
            "mean change (95 %)" if name == DIFFERENCE else f"{name}: median (5 to 95 %)"
            for name in told
        ),
    )
    for key in MEASURES:
        cells = []
        for name, found in told.items():
            written, ends = (
                (change, ("mean", "low", "high"))
                if name == DIFFERENCE
                else (text, ("median", "p5", "p95"))
            )
            one = found.get(key, {})
            value, low, high = (written(key, one[end]) if one else "–" for end in ends)
            unit = " points" * (name == DIFFERENCE and key in SHARES)
            cells.append(f"{value} ({low} to {high}){unit}" if one else "–")
        if any(cell != "–" for cell in cells):
            yield words.capital(NAMES.get(key) or name_of(key)), *cells


def _say(scenario: Scenario, seeds: range, told: Told, folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..report.scenario_text import full_title

    head, *rows = lines_of(told)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    console.print(f"{full_title(scenario)}: seeds {seeds[0]} to {seeds[-1]}", style="bold")
    console.print(table)
    console.print(f"Each run: {folder}/runs.csv; these numbers: summary.json.")
