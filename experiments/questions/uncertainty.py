"""Where the spread of losses comes from: luck, the opening books, or our own judgements.

uv run python -m firesale.experiments.questions.uncertainty joint-crash --draws 128

A run has three independent draws: its *path* (prices, demand, accidents, buyers' views), its
*books* (uncertain cells), and its *settings* (judgements). First-order and total shares of the
variance by exchanging one of them between two samples (Saltelli et al. 2010), with bootstrap
intervals; the same for losses without those on loans to the largest borrower, whose failure may
be most of it.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ..look import words
from ..sweeps.sources import SOURCES, Seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...market.scenario.scenario import Scenario

CONFIDENCE = 0.95
RESAMPLES = 1000


class Outcome(NamedTuple):
    """What is asked of a run: loss with and without the largest borrower [USD m]; if it fails."""

    loss: float
    without: float
    fails: bool


def run(scenario: Scenario, seeds: Seeds) -> Outcome:
    """One run with its three draws."""
    from ...market.opening.beliefs import believe
    from ...market.opening.starting_points import starting_point
    from ...market.simulation import Simulation

    if seeds.settings is not None:
        scenario = believe(scenario.changed({"opening.beliefs": True}, "draws"), seeds.settings)
    scenario = scenario.changed({"opening.sample": False}, "draws")
    books = starting_point(scenario).read()
    if seeds.books is not None:
        books = starting_point(scenario).sample(books, seeds.books)
    simulation = Simulation(scenario, seeds.path, books, keeps_book=False)
    summary = simulation.run().summary()
    largest = summary["largest_borrower"]
    return Outcome(
        summary["loss_usd"]["total"] / 1e6,
        largest["loss_without_usd"] / 1e6,
        largest["fails"],
    )


def exchanged(draw: int) -> list[Seeds]:
    """Runs of a draw: all of one sample, each source in turn of the other, all of the other."""
    one, other = Seeds(*[2 * draw + 1] * 3), Seeds(*[2 * draw + 2] * 3)
    return [
        one,
        *(one._replace(**{name: getattr(other, name)}) for name in SOURCES),
        other,
    ]


def shares(outputs: NDArray[Any]) -> dict[str, Any]:
    """Sobol' indices of the three sources; ``outputs`` has a row for each draw, shape (n, 5)."""
    import numpy as np
    from SALib.analyze import sobol

    problem = {"num_vars": 3, "names": list(SOURCES), "bounds": [[0.0, 1.0]] * 3}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a variance that is zero in some resample
        result: dict[str, Any] = sobol.analyze(
            problem,
            outputs.ravel(),
            calc_second_order=False,
            num_resamples=RESAMPLES,
            conf_level=CONFIDENCE,
            seed=1,
        )
    return result


def explained(values: NDArray[Any], event: NDArray[Any]) -> float:
    """Share of the variance between runs with and without an event."""
    if not 0 < event.sum() < len(event):
        return 0.0
    between = sum(
        group.mean() * (values[group].mean() - values.mean()) ** 2 for group in (event, ~event)
    )
    return float(between / values.var())


def describe(scenario: Scenario, draws: int) -> list[str]:
    """The answer in lines of text."""
    import numpy as np

    central = np.array([run(scenario, Seeds(n + 1, None, None)) for n in range(draws)], float)
    runs = np.array([[run(scenario, s) for s in exchanged(n)] for n in range(draws)], float)
    pooled = runs[:, [0, -1]].reshape(-1, 3)  # both samples, each draw once
    fails = pooled[:, 2] > 0
    lines = [
        f"{scenario.name}: {words.times(draws, 'draw')}, "
        f"{words.times(runs.shape[0] * runs.shape[1] + draws, 'run')}; losses [USD m]"
    ]
    for column, name in enumerate(("all loans", "without the largest borrower")):
        only, all_ = central[:, column], pooled[:, column]
        lines.append(
            f"  {name}: seeds alone mean {only.mean():,.0f}, sd {only.std(ddof=1):,.0f}; seeds, "
            f"books and settings mean {all_.mean():,.0f}, sd {all_.std(ddof=1):,.0f}, 5/50/95 % "
            + " / ".join(f"{x:,.0f}" for x in np.percentile(all_, [5, 50, 95]))
        )
        found = shares(runs[:, :, column])
        for k, source in enumerate(SOURCES):
            lines.append(
                f"    {source:<9} first {found['S1'][k]:.2f} ± {found['S1_conf'][k]:.2f}, "
                f"total {found['ST'][k]:.2f} ± {found['ST_conf'][k]:.2f}"
            )
    lines.append(
        f"  the largest borrower fails in {fails.mean():.1%} of draws ({central[:, 2].mean():.1%} "
        f"with seeds alone); losses on loans to it make "
        f"{1.0 - pooled[:, 1].var() / pooled[:, 0].var():.0%} of the variance, whether it fails "
        f"explains {explained(pooled[:, 0], fails):.0%}"
    )
    return lines


def main(
    scenario: Annotated[str, typer.Argument(help="Name or .toml file.")] = "joint-crash",
    draws: Annotated[int, typer.Option(min=8, help="Pairs of samples; six runs each.")] = 128,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
) -> None:
    """Say how much of the spread of losses is luck, books and judgements."""
    from ...market.scenario.scenario import Scenario

    for line in describe(Scenario.load(scenario).with_settings(setting or []), draws):
        typer.echo(line)


if __name__ == "__main__":
    from ..run.border import script

    script(main)
