"""Ways to reduce the variance of prices, tried on a small ensemble: what each pays, and the shares
of path, books and judgements in the variance.

uv run python -m firesale.experiments.pricing.trials

It writes ``trials.csv``, which the page of prices shows. The same draws are run in a few cells of
the grid, and in the ordinary one again with one of their three sources taken from other draws
(total shares by exchange, Jansen 1999). The share of the path bounds what splitting runs on their
way can pay.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer

from ..sweeps.sources import SOURCES, Seeds
from .estimators import Reals

if TYPE_CHECKING:
    import pandas as pd

    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from .grid import Grid

TABLE = Path(__file__).resolve().parent / "trials.csv"
CELLS = ("ordinary", "halve", "fall", "deep-halve")
DRAWS = 24
FIRST_SEED = 9_000_001  # none that a grid has
SHARE = "share of variance: "
HALF = 0.5
WAYS = {
    "same": "the same seeds in all cells, for a mean",
    "weight": "seeds of their own, runs by weight",
    "pair": "the same seeds in two cells, for joint crash less ordinary",
    "split": "runs split in two half-way, if all luck comes after: at most",
}


class Trial(NamedTuple):
    """One way on one quantity, or the share of one source in its variance."""

    way: str
    what: str
    runs: int
    mean_before_musd: float
    mean_after_musd: float
    before: float  # variance of the mean of as many runs [m²] times time, or the share of variance
    after: float
    low: float  # of the gain, or of the share
    high: float

    @property
    def gain(self) -> float:
        """Variance times time before, over the same after: above one it pays."""
        return self.before / self.after if self.after > 0.0 else float("nan")


def losses_of(
    scenario: Scenario, held: frozenset[str], seeds: Seeds, groups: dict[str, set[str]]
) -> list[float]:
    """Discounted losses on groups of loans in one run with its three draws [USD m].

    Settings that are ``held`` are not drawn.
    """
    from ...market.opening.beliefs import believe
    from ...market.opening.starting_points import starting_point
    from ...market.simulation import Simulation

    seed = seeds.settings or 0
    drawn = believe(scenario, seed, held)
    start = starting_point(drawn)
    books = start.sample(start.read(), seeds.books or 0)
    plain = drawn.changed({"opening.sample": False}, "trials")
    return loss_on(Simulation(plain, seeds.path, books, keeps_book=False), groups)


def loss_on(simulation: Simulation, groups: dict[str, set[str]]) -> list[float]:
    """Discounted losses on groups of loans, from the start until all claims are settled [USD m]."""
    from .observe import observe

    frame = observe(simulation)
    return [
        float(frame.loc[frame["loan"].isin(list(names)), "loss_usd"].sum()) / 1e6
        for names in groups.values()
    ]


def groups_of(loans: pd.DataFrame, largest: str) -> dict[str, set[str]]:
    """Loans of the books by what is asked of them."""
    book = loans[loans["vintage"] > 0]
    named = book["firm"] == book["borrower"]
    return {
        "all loans": set(book["loan"]),
        f"loans to {largest}": set(book["loan"][book["borrower"] == largest]),
        "loans to named miners": set(book["loan"][named & (book["kind"] == "miner")]),
    }


def ensemble(
    grid: Grid, draws: int, groups: dict[str, set[str]]
) -> tuple[dict[str, Reals], dict[str, Reals]]:
    """Losses of the same draws in each cell, and of exchanged ones in the first.

    Both by name, shape (draws, groups) [USD m].
    """
    base = grid.plan().base
    held = grid.set_by_cells
    made = {
        cell.name: base.changed(cell.settings, cell.name)
        for cell in grid.cells
        if cell.name in CELLS
    }
    seeds = [Seeds(*[FIRST_SEED + 2 * n] * 3) for n in range(draws)]
    others = [Seeds(*[FIRST_SEED + 2 * n + 1] * 3) for n in range(draws)]
    cells = {
        name: np.array([losses_of(made[name], held, one, groups) for one in seeds])
        for name in CELLS
    }
    first = made[CELLS[0]]
    exchanged = {
        source: np.array(
            [
                losses_of(first, held, one._replace(**{source: getattr(other, source)}), groups)
                for one, other in zip(seeds, others, strict=True)
            ]
        )
        for source in SOURCES
    }
    return cells, exchanged


def trials_of(
    grid: Grid, names: list[str], cells: dict[str, Reals], exchanged: dict[str, Reals]
) -> list[Trial]:
    """What an ensemble says."""
    given = np.array([grid.weights()[cell] for cell in CELLS])
    weight = given / given.sum()
    found = []
    for column, what in enumerate(names):
        by_cell = np.array([cells[cell][:, column] for cell in CELLS])
        other = np.array([exchanged[source][:, column] for source in SOURCES])
        found += _of(what, weight, by_cell, other)
    return found


def _of(what: str, weight: Reals, cells: Reals, exchanged: Reals) -> list[Trial]:
    """Of one quantity; ``cells`` of shape (cell, draw), ``exchanged`` (source, draw)."""
    draws = cells.shape[1]
    mean = float(weight @ cells.mean(axis=1))
    crash = float((cells[-1] - cells[0]).mean())
    pairs = {
        "same": (_apart, _together),
        "weight": (_apart, _by_weight),
        "pair": (_two_apart, _two_together),
        "split": (_first, _split),
    }
    at = {"pair": crash, "split": float(cells[0].mean())}
    times = np.random.default_rng(1).integers(0, draws, (1000, draws))
    found = []
    for way, (before, after) in pairs.items():
        gains = [
            before(weight, cells[:, drawn], exchanged[:, drawn])
            / max(after(weight, cells[:, drawn], exchanged[:, drawn]), 1e-12)
            for drawn in times
        ]
        low, high = np.percentile(gains, [2.5, 97.5])
        value = at.get(way, mean)
        was, now = before(weight, cells, exchanged), after(weight, cells, exchanged)
        found.append(
            Trial(WAYS[way], what, cells.size, value, value, was, now, float(low), float(high))
        )
    for place, source in enumerate(SOURCES):
        drawn_shares = [share(cells[0, d], exchanged[place, d]) for d in times]
        low, high = np.percentile(drawn_shares, [2.5, 97.5])
        value = share(cells[0], exchanged[place])
        found.append(
            Trial(SHARE + source, what, 2 * draws, at["split"], at["split"], value, value,
                  float(low), float(high))
        )  # fmt: skip
    return found


def share(one: Reals, other: Reals) -> float:
    """Total share of a source that differs between two samples in the variance of both."""
    total = float(np.var(np.concatenate((one, other)), ddof=1))
    return min(1.0, float(np.mean((one - other) ** 2)) / 2.0 / total) if total > 0.0 else 0.0


def _apart(weight: Reals, cells: Reals, _: Reals) -> float:
    """Variance of the weighted mean with seeds of their own, as many in each cell."""
    return float(weight**2 @ cells.var(axis=1, ddof=1)) / cells.shape[1]


def _together(weight: Reals, cells: Reals, _: Reals) -> float:
    """The same, all cells under the same seeds."""
    return float((weight @ cells).var(ddof=1)) / cells.shape[1]


def _by_weight(weight: Reals, cells: Reals, _: Reals) -> float:
    """As many runs in all, in each cell as it weighs."""
    return float(weight @ cells.var(axis=1, ddof=1)) / cells.size


def _two_apart(_: Reals, cells: Reals, __: Reals) -> float:
    return float(cells[-1].var(ddof=1) + cells[0].var(ddof=1)) / cells.shape[1]


def _two_together(_: Reals, cells: Reals, __: Reals) -> float:
    return float((cells[-1] - cells[0]).var(ddof=1)) / cells.shape[1]


def _first(_: Reals, cells: Reals, __: Reals) -> float:
    return float(cells[0].var(ddof=1)) / cells.shape[1]


def _split(weight: Reals, cells: Reals, exchanged: Reals) -> float:
    """Times time: two ends of one beginning halve the path's luck, and cost half a run more."""
    path = share(cells[0], exchanged[SOURCES.index("path")])
    return (1.0 + HALF) * (1.0 - HALF * path) * _first(weight, cells, exchanged)


def write(trials: list[Trial], path: Path = TABLE) -> None:
    """One row for each."""
    from ..run.writing import write_text

    lines = [",".join(Trial._fields)]
    lines += [
        ",".join(f'"{x}"' if isinstance(x, str) else f"{x:.6g}" for x in row) for row in trials
    ]
    write_text(path, "\n".join(lines) + "\n")


def read(path: Path = TABLE) -> list[Trial]:
    """The last trials; none if there were none."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Trial._make([row["way"], row["what"], int(row["runs"]),
                         *(float(row[name]) for name in Trial._fields[3:])])
            for row in csv.DictReader(file)
        ]  # fmt: skip


def main(
    draws: Annotated[int, typer.Option(min=8, help="Of each kind; seven runs a draw.")] = DRAWS,
) -> None:
    """Make the ensemble and write its table."""
    from ..sweeps.own import of
    from . import grid as grids
    from .attributes import attributes, largest_of

    grid = grids.load(grids.NAME)
    loans = attributes(grid.plan().base, of(None))
    groups = groups_of(loans, largest_of(loans))
    write(trials_of(grid, list(groups), *ensemble(grid, draws, groups)))


if __name__ == "__main__":
    from ..run.border import script

    script(main)
