"""Who transmits most: what others would not have lost had one party not failed.

    firesale experiment systemic joint-crash --seeds 10 --no-beliefs

Every lender and the largest borrowers that fail in a run are kept from failing, one at a time, with
the same seed: what they lack comes from outside, and nothing of theirs is for sale. The difference
is the exact answer for that name, for whatever reason. Who does not fail transmits nothing here.
What is lost on loans to the party itself counts for nobody.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ..look import words
from .ensemble import BELIEFS, with_beliefs

if TYPE_CHECKING:
    import pandas as pd

    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from ..causes.companions import Outcome
    from ..look.intervals import Estimate
    from ..sweeps.execute import Outcome as SweepOutcome

LARGEST_BORROWERS = 20
SEPARATOR = ":"  # of names of columns


class Avoided(NamedTuple):
    """What others are spared where one party does not fail."""

    party: str
    seed: int
    fails: bool
    borrowers: int = 0  # others that fail less; negative: more of them fail
    lenders: int = 0
    loss_usd: float = 0.0  # on loans to others


def candidates(simulation: Simulation) -> list[int]:
    """Every lender, and who owes most of the borrowers at the opening."""
    import numpy as np

    market = simulation.market
    debt = np.bincount(market.loans.borrower, simulation.principal_open_usd, market.borrower_count)
    largest = np.argsort(-debt, kind="stable")[:LARGEST_BORROWERS].tolist()
    return [*range(market.first_lender, market.first_buyer), *largest]


def avoided(party: int, run: Outcome, without: Outcome) -> tuple[int, int, float]:
    """Failures of other borrowers and lenders, and losses on loans to others, run less without."""
    import numpy as np

    fewer = run.failed.astype(int) - without.failed.astype(int)
    fewer[party] = 0
    others = run.of_borrower != party
    saved = float((run.loss_usd - without.loss_usd)[others].sum())
    return (
        int(fewer[: run.borrowers].sum()),
        int(fewer[run.borrowers :].sum()),
        float(np.round(saved)),
    )


def one_seed(scenario: Scenario, seed: int) -> list[Avoided]:
    """Each candidate of a run: what others would have been spared."""
    from ...market.simulation import Simulation
    from ..causes.companions import outcome_of, run_again

    simulation = Simulation(scenario, seed, keeps_book=False)
    named = candidates(simulation)
    market, run = simulation.market, outcome_of(simulation.run().market)
    found = []
    for party in named:
        name = str(market.names.parties[party])
        row = party - market.first_lender
        closed = row >= 0 and bool(market.lenders.closed_event[row] >= 0)
        if not run.failed[party] and not closed:
            found.append(Avoided(name, seed, fails=False))
            continue
        without = run_again(seed, (name,))(simulation.scenario)
        found.append(Avoided(name, seed, True, *avoided(party, run, without)))
    return found


class Transmits(NamedTuple):
    """What one party transmits, mean a seed."""

    party: str
    fails: int  # in so many
    seeds: int
    loss_usd: Estimate
    borrowers: Estimate
    lenders: Estimate


def ranked(found: list[Avoided]) -> list[Transmits]:
    """Parties that fail in some seed, by what others lose because of it."""
    import numpy as np

    from ..look.intervals import mean_interval

    by_party: dict[str, list[Avoided]] = {}
    for one in found:
        by_party.setdefault(one.party, []).append(one)

    def mean(mine: list[Avoided], column: str) -> Estimate:
        return mean_interval(np.array([float(getattr(one, column)) for one in mine]))

    rows = [
        Transmits(
            party, sum(one.fails for one in mine), len(mine),
            mean(mine, "loss_usd"), mean(mine, "borrowers"), mean(mine, "lenders"),
        )
        for party, mine in by_party.items()
        if any(one.fails for one in mine)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row.loss_usd.value)


def table(found: list[Avoided]) -> list[str]:
    """What each party transmits, as Markdown; means with intervals."""

    def cell(one: Estimate, size: float = 1.0) -> str:
        low, high = one.low / size, one.high / size
        return f"{one.value / size:.2f} ({low:.2f} to {high:.2f})"

    lines = [
        "| party | fails in | others' loss avoided, USD m | borrowers | lenders |",
        "|---|---|---|---|---|",
    ]
    return lines + [
        f"| {row.party} | {row.fails} of {row.seeds} | {cell(row.loss_usd, 1e6)} | "
        f"{cell(row.borrowers)} | {cell(row.lenders)} |"
        for row in ranked(found)
    ]


def transmits(
    scenario: Scenario, seed: int, scores: dict[str, float], *, books: Books | None = None
) -> SweepOutcome:
    """A draw of a sweep: what others are spared of each candidate, for :func:`avoided_in`."""
    from ..sweeps.execute import Outcome as SweepOutcome

    told: dict[str, float] = {}
    for one in one_seed(scenario, seed):
        told |= {
            f"{name}{SEPARATOR}{one.party}": float(getattr(one, name))
            for name in Avoided._fields[2:]
        }
    return SweepOutcome(told, dict)


def avoided_in(frame: pd.DataFrame) -> list[Avoided]:
    """What each candidate of each draw transmits, from the rows of such a sweep."""
    import numpy as np

    found = []
    columns = map(str, frame.columns)
    parties = [c.partition(SEPARATOR)[2] for c in columns if c.startswith(f"fails{SEPARATOR}")]
    for row in frame.to_dict("records"):
        for party in parties:
            fails, *values = (
                float(row[f"{name}{SEPARATOR}{party}"]) for name in Avoided._fields[2:]
            )
            if np.isnan(fails):  # another draw's candidate
                continue
            borrowers, lenders, loss_usd = values
            found.append(
                Avoided(
                    party, int(row["seed"]), fails > 0.0, int(borrowers), int(lenders), loss_usd
                )
            )
    return found


def main(
    scenario: Annotated[str, typer.Argument(help="Name or .toml file.")] = "joint-crash",
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 1.")] = 10,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
    beliefs: BELIEFS = True,
    out: Annotated[Path | None, typer.Option(help="A .csv for a line by seed and party.")] = None,
) -> None:
    """Who transmits most: each lender and the twenty largest borrowers kept from failing."""
    from ...market.scenario.scenario import Scenario

    chosen = with_beliefs(Scenario.load(scenario).with_settings(setting or []), beliefs)
    found = [one for seed in range(1, seeds + 1) for one in one_seed(chosen, seed)]
    typer.echo(
        f"{chosen.name}: {words.times(seeds, 'seed')}; what others are spared where one party does "
        "not fail, mean a seed (95 % interval)"
    )
    for line in table(found):
        typer.echo(line)
    if out is not None:
        lines = ["party,seed,fails,borrowers,lenders,loss_usd"]
        lines += [",".join(map(str, one)) for one in found]
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
