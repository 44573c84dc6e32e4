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
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation
    from ..causes.companions import Outcome

LARGEST_BORROWERS = 20


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


def table(found: list[Avoided]) -> list[str]:
    """Parties that fail in some seed, by what others lose because of it; means with intervals."""
    import numpy as np

    from ..look.intervals import Estimate, mean_interval

    def cell(one: Estimate, size: float = 1.0) -> str:
        low, high = one.low / size, one.high / size
        return f"{one.value / size:.2f} ({low:.2f} to {high:.2f})"

    def mean(name: str, column: str) -> Estimate:
        mine = [float(getattr(one, column)) for one in found if one.party == name]
        return mean_interval(np.array(mine))

    names = dict.fromkeys(one.party for one in found if one.fails)
    order = sorted(names, key=lambda name: -mean(name, "loss_usd").value)
    lines = [
        "| party | fails in | others' loss avoided, USD m | borrowers | lenders |",
        "|---|---|---|---|---|",
    ]
    for name in order:
        fails = sum(one.fails for one in found if one.party == name)
        runs = sum(one.party == name for one in found)
        lines.append(
            f"| {name} | {fails} of {runs} | {cell(mean(name, 'loss_usd'), 1e6)} | "
            f"{cell(mean(name, 'borrowers'))} | {cell(mean(name, 'lenders'))} |"
        )
    return lines


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
