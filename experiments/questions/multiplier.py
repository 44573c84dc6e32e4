"""How much of a crash is contagion: first-round and further rounds, by family, over seeds.

    firesale experiment multiplier crypto-crash --seeds 40 --no-beliefs
    firesale experiment multiplier joint-crash tightening --seeds 40

Each seed is run as it is, with each family of interactions held still, and with all of them still
(:mod:`firesale.experiments.causes`). Counts are means a seed; a multiplier is the mean total over
the mean of what is first-round, and the reproduction number the mean of what those who fail hand on
over the mean of their number, each with a 95 % interval by bootstrap over seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ..look import words
from .ensemble import BELIEFS, with_beliefs

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ..causes.labels import Split

WHAT = ("borrowers", "lenders", "loss [USD m]")
SCALE = (1.0, 1.0, 1e6)


class Seed(NamedTuple):
    """What one seed comes to: failures of borrowers, of lenders, and dollars lost."""

    seed: int
    splits: tuple[Split, Split, Split]
    handed_on: float  # failures of others, in shares, by those who failed

    @property
    def failures(self) -> float:
        """Of borrowers and lenders."""
        return self.splits[0].total + self.splits[1].total


def one_seed(scenario: Scenario, seed: int, books: Books | None = None) -> Seed:
    """A run, its companions, and what is first-round of it."""
    from ...market.simulation import Simulation
    from ..causes.causes import find_causes, handed_on

    simulation = Simulation(scenario, seed, books, keeps_book=False).run()
    found = find_causes(simulation, books, one_by_one=True)
    return Seed(seed, (found.borrowers, found.lenders, found.losses), handed_on(found))


def came_through(key: str, split: Split) -> float:
    """What of it came through a family."""
    return split.through[key]


def table(seeds: list[Seed]) -> list[str]:
    """Means a seed by how it came about, and the multipliers, as lines of a table."""
    import numpy as np

    from ..causes.families import NAMES, TOGETHER
    from ..causes.labels import KEYS
    from ..look.intervals import mean_interval, ratio_of_means

    def cells(read: Callable[[Split], float]) -> str:
        shown = []
        for place, size in enumerate(SCALE):
            values = np.array([read(one.splits[place]) for one in seeds]) / size
            mean = mean_interval(values)
            shown.append(f"{mean.value:.2f} ({mean.low:.2f} to {mean.high:.2f})")
        return " | ".join(shown)

    lines = [f"| a seed | {' | '.join(WHAT)} |", "|---|---|---|---|"]
    lines.append(f"| total | {cells(lambda split: split.total)} |")
    lines.append(f"| first-round | {cells(lambda split: split.first)} |")
    lines.append(f"| of which later without some family | {cells(lambda split: split.later)} |")
    for key in KEYS:
        name = "several together" if key == TOGETHER else NAMES[key]
        lines.append(f"| through {name} | {cells(partial(came_through, key))} |")
    lines.append(f"| only where all is still | {cells(lambda split: split.spared)} |")

    def ratio(above: list[float], below: list[float]) -> str:
        found = ratio_of_means(np.array(above), np.array(below))
        return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"

    ratios = [
        ratio(
            [one.splits[place].total for one in seeds], [one.splits[place].first for one in seeds]
        )
        for place in range(len(WHAT))
    ]
    lines.append(f"| multiplier | {' | '.join(ratios)} |")
    number = ratio([one.handed_on for one in seeds], [one.failures for one in seeds])
    lines.append(f"| reproduction number | {number} | | |")
    return lines


def as_csv(name: str, seeds: list[Seed]) -> list[str]:
    """A line for each seed and what is counted."""
    from ..causes.labels import KEYS

    lines = []
    for one in seeds:
        for what, split in zip(("borrowers", "lenders", "loss_usd"), one.splits, strict=True):
            numbers = (split.total, split.first, split.later, split.spared)
            through = (split.through[key] for key in KEYS)
            cells = ",".join(f"{number:.6g}" for number in (*numbers, *through))
            lines.append(f"{name},{one.seed},{what},{cells},{one.handed_on:.6g}")
    return lines


def main(
    scenarios: Annotated[list[str], typer.Argument(help="Names or .toml files.")],
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 1.")] = 10,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value, for all")] = None,
    beliefs: BELIEFS = True,
    leverage: Annotated[
        float, typer.Option(help="Multiplies all debt on the same assets; books of 2025.")
    ] = 1.0,
    out: Annotated[Path | None, typer.Option(help="A .csv for a line by seed.")] = None,
) -> None:
    """First-round and further rounds of scenarios, and the multiplier, over seeds."""
    from ...market.scenario.scenario import Scenario
    from ..causes.labels import KEYS
    from ..sweeps.books import LEVERAGE, perturbed_tables

    written = [f"scenario,seed,what,total,first,later,spared,{','.join(KEYS)},handed_on"]
    for name in scenarios:
        chosen = with_beliefs(Scenario.load(name).with_settings(setting or []), beliefs)
        books = perturbed_tables({LEVERAGE: leverage}) if leverage != 1.0 else None
        found = [one_seed(chosen, seed, books) for seed in range(1, seeds + 1)]
        drawn = "drawn within beliefs" if beliefs else "as they stand"
        typer.echo(
            f"{chosen.name}: {words.times(seeds, 'seed')}, {words.times(chosen.days, 'day')}; "
            f"books and judgements {drawn}; mean (95 % interval)"
        )
        for line in table(found):
            typer.echo(line)
        written += as_csv(chosen.name, found)
    if out is not None:
        out.write_text("\n".join(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
