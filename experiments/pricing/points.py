"""Points that fill their space evenly instead of independent seeds, tried on the ordinary cell.

uv run python -m firesale.experiments.pricing.points

It adds what is missing of ``points.csv``, which the page of prices shows: losses of runs in sets,
each set scrambled anew, so that means of sets show the variance that points leave; beside runs of
the grid, which have seeds of their own. Each run of a set keeps its law, however evenly they lie.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer

from ...market.opening.beliefs import beliefs_in, cells_believed, code_of
from ...market.state.randomness import Stream, normals
from .estimators import Reals
from .panel import Panel
from .savings import COORDINATES, STREAMS, bridge
from .trials import CELLS, Trial, groups_of, loss_on

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario

TABLE = Path(__file__).resolve().parent / "points.csv"
SETS, RUNS = 12, 16  # of a set, as many as a block of the grid has of its ordinary cell
FIRST_SEED, SOBOL, LATIN = 9_600_001, 77, 78
ALONE, PATHS, BOTH = "alone", "paths", "both"
WAYS = {
    PATHS: "Sobol points with a bridge for bitcoin, demand and money",
    BOTH: "the same, and Latin hypercubes for beliefs and books",
}
START = "2025"
UNIT = ", USD m"
DOTS_OF_CELL = 3  # in books.TABLE.ROW.COLUMN; the name of a column has one less


class Row(NamedTuple):
    """Losses of a run [USD m], in the order of :func:`trials.groups_of`."""

    arm: str
    number: int  # of its set
    place: int  # in it
    losses: tuple[float, ...]


class Made(NamedTuple):
    """Runs by arm, set and place, and the names of what they lose on."""

    names: list[str]
    rows: list[Row]

    def losses(self, arm: str) -> Reals:
        """Of the runs of an arm, shape (runs, names) [USD m]."""
        return np.array([row.losses for row in self.rows if row.arm == arm])


def bridged(drawn: Reals, point: Reals) -> Reals:
    """Daily shocks with the four coordinates of ``point``, and all else as drawn.

    Standard normal and independent if both are, since coordinates are orthonormal.
    """
    along = bridge(len(drawn))
    return np.asarray(drawn + along @ (point - along.T @ drawn))


def shocks_of(seed: int, days: int, point: Reals) -> dict[Stream, Reals]:
    """Shocks of each stream; ``point``: their ends first, then what is half-way, then quarters."""
    return {
        stream: bridged(normals(seed, stream, days), point[place :: len(STREAMS)])
        for place, stream in enumerate(STREAMS)
    }


def sobol(number: int, runs: int = RUNS) -> Reals:
    """Standard normal points of a set, shape (runs, streams · 4)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = qmc.Sobol(COORDINATES * len(STREAMS), rng=np.random.default_rng([SOBOL, number]))
    return np.asarray(ndtri(points.random(runs)))


@dataclass(frozen=True)
class Latin(Mapping[str, float]):
    """Scores of uncertain cells of the books in one run of a set, standard normal.

    Of each name, and of each setting (:meth:`at`), the runs of a set lie one in each sixteenth.
    """

    number: int
    place: int

    def at(self, name: str) -> float:
        """Where in its distribution a number lies."""
        rng = np.random.default_rng([LATIN, self.number, code_of(name)])
        return float((rng.permutation(RUNS) + rng.random(RUNS))[self.place] / RUNS)

    def settings(self, scenario: Scenario, held: frozenset[str]) -> dict[str, float]:
        """Judgements among the settings of a scenario, but those held."""
        found = {}
        for row in beliefs_in(scenario):
            if not row.is_cell and row.parameter not in held:
                value = row.at(self.at(row.parameter))
                whole = isinstance(scenario.value_of(row.parameter), int)
                found[row.parameter] = round(value) if whole else value
        return found

    def __contains__(self, name: object) -> bool:
        """Of a whole column only beliefs are drawn."""
        return str(name).count(".") >= DOTS_OF_CELL or name in cells_believed(START)

    def __getitem__(self, name: str) -> float:
        """How many deviations it lies from its mean."""
        from scipy.special import ndtri

        return float(ndtri(self.at(name)))

    def __iter__(self) -> Iterator[str]:
        """Beliefs; cells are found by name."""
        return iter(cells_believed(START))

    def __len__(self) -> int:
        """Of beliefs."""
        return len(cells_believed(START))


def losses_at(
    scenario: Scenario,
    held: frozenset[str],
    where: tuple[str, int, int],
    groups: dict[str, set[str]],
) -> tuple[float, ...]:
    """Losses of a run by its arm, its set and its place there; settings ``held`` are not drawn."""
    from ...market.opening.beliefs import believe
    from ...market.opening.books_2025.sample import sample_books
    from ...market.opening.starting_points import starting_point
    from ...market.simulation import Simulation

    arm, number, place = where
    seed = FIRST_SEED + 100_000 * list(WAYS).index(arm) + 100 * number + place
    scores = Latin(number, place) if arm == BOTH else {}
    drawn = believe(scenario, seed, held).changed({"opening.sample": False}, "points")
    if isinstance(scores, Latin):
        drawn = drawn.changed(scores.settings(scenario, held), "points")
    books = sample_books(starting_point(drawn).read(), seed, scores)
    run = Simulation(drawn, seed, books, keeps_book=False)
    run.take_paths(seed, shocks_of(seed, drawn.days, sobol(number)[place]))
    return tuple(loss_on(run, groups))


def alone(panel: Panel, groups: dict[str, set[str]]) -> list[Row]:
    """The runs of a grid's ordinary cell."""
    loss = panel.scalars["loss_usd"][panel.cell == CELLS[0]] / 1e6
    masks = [panel.loans["loan"].isin(list(names)).to_numpy() for names in groups.values()]
    return [
        Row(ALONE, 0, place, tuple(float(one[mask].sum()) for mask in masks))
        for place, one in enumerate(loss)
    ]


def trials_of(made: Made) -> list[Trial]:
    """What points pay on each group of loans, over runs alone."""
    one = made.losses(ALONE)
    found = []
    for arm, way in WAYS.items():
        sets = made.losses(arm).reshape(-1, RUNS, len(made.names)).mean(axis=1)
        for what, single, means in zip(made.names, one.T, sets.T, strict=True):
            found.append(
                Trial(way, what, RUNS * len(means), float(single.mean()), float(means.mean()),
                      float(single.var(ddof=1)) / RUNS, float(means.var(ddof=1)),
                      *gain_interval(single, means))
            )  # fmt: skip
    return found


def gain_interval(alone: Reals, means: Reals) -> tuple[float, float]:
    """95 % interval of the variance of means of as many runs alone over that of means of sets.

    F's, with fewer degrees of freedom for runs alone whose losses have heavy tails.
    """
    from scipy.stats import f, kurtosis

    spread = 2.0 / (float(kurtosis(alone)) + 2.0)  # over that of a normal sample
    degrees = spread * (len(alone) - 1), len(means) - 1
    gain = float(alone.var(ddof=1)) / RUNS / float(means.var(ddof=1))
    return gain / float(f.ppf(0.975, *degrees)), gain / float(f.ppf(0.025, *degrees))


def off_by(trial: Trial, alone: int) -> float:
    """Standard errors between the means of points and of so many runs alone."""
    error = (trial.before * RUNS / alone + trial.after * RUNS / trial.runs) ** 0.5
    return abs(trial.mean_after_musd - trial.mean_before_musd) / error


def read(path: Path = TABLE) -> Made:
    """Runs that were made; none if there are none."""
    if not path.exists():
        return Made([], [])
    with path.open(encoding="utf-8", newline="") as file:
        (_, _, _, *head), *lines = csv.reader(file)
    names = [name.removesuffix(UNIT) for name in head]
    rows = [
        Row(arm, int(number), int(place), tuple(map(float, losses)))
        for arm, number, place, *losses in lines
    ]
    return Made(names, rows)


def write(made: Made, path: Path = TABLE) -> None:
    """One line for each run."""
    from ..run.writing import write_text

    lines = [",".join(["arm", "set", "place", *(f'"{name}{UNIT}"' for name in made.names)])]
    lines += [
        ",".join([row.arm, str(row.number), str(row.place), *(f"{x:.4f}" for x in row.losses)])
        for row in made.rows
    ]
    write_text(path, "\n".join(lines) + "\n")


def main(
    sets: Annotated[int, typer.Option(min=2, help="Of each way; 32 runs a set.")] = SETS,
    folder: Annotated[Path, typer.Option(help="Of the runs of the grid.")] = Path("out/price-grid"),
) -> None:
    """Make what is missing of so many sets, and write its table."""
    from ..sweeps.own import of
    from . import grid as grids
    from .attributes import attributes, largest_of
    from .panel import panel_of
    from .runs import read as runs_of

    grid = grids.load(grids.NAME)
    base = grid.plan().base
    cell = next(one for one in grid.cells if one.name == CELLS[0])
    scenario = base.changed(cell.settings, cell.name)
    loans = attributes(base, of(None))
    groups = groups_of(loans, largest_of(loans))
    rows = alone(panel_of(*runs_of(grid, folder), loans, grid), groups)
    made = {row[:3]: row for row in read().rows}
    for number in range(sets):
        for arm in WAYS:
            for place in range(RUNS):
                where = arm, number, place
                known = made.get(where)
                rows.append(
                    known or Row(*where, losses_at(scenario, grid.set_by_cells, where, groups))
                )
        write(Made(list(groups), rows))


if __name__ == "__main__":
    from ..run.border import script

    script(main)
