"""Who follows when a large one fails? Runs of the same seeds with and without its failure.

uv run python -m firesale.experiments.questions.knock_outs --page PATH

On a day of the baseline the largest neocloud, bank, private-credit fund or crypto lender fails by
a script (`knock_out.party`): a borrower as by an accident, a lender by the loss of all its capital.
A *follower* fails by the last day with it and not without it; who fails without it and not with it
was *spared*: rents or hashprice rise when a rival's machines stand still. Through what: the
obligation on which followers failed, and how many of them hang below the first failure in the log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ..look.pages import PAGE, give, mean_interval, shown, table

if TYPE_CHECKING:
    from ...market.opening.books import Books
    from ...market.scenario.scenario import Scenario

DAY = 30
MOST_NAMED = 4
POOLS = ("pooled", "pooled (SMBC, BofA, Wells Fargo, ...)", "unnamed rest")  # nobody's name
LINKS = (
    "rent_feedback",
    "mark_to_market",
    "fire_sale",
    "buyer_finance",
    "lender_capital",
    "funding_run",
    "fund_marks",
    "warehouse_margin",
    "interlender",
    "counterparty",
    "material_change",
)


class Outcome(NamedTuple):
    """What is asked of a run."""

    borrowers: dict[str, str]  # who failed, and on what
    lenders: frozenset[str]  # failed or closed
    touched: frozenset[str]  # of the borrowers, below the scripted failure in the log
    loss_usd: float
    supply: float  # mean share of their usual credit that lenders gave


def largest(books: Books) -> dict[str, str]:
    """Ids of the largest of each kind, by what it owes or is owed in this market."""
    owed: defaultdict[str, float] = defaultdict(float)
    for loan in books.loans:
        owed[loan.borrower_id] += loan.drawn_usd_m
    neoclouds = {row.id for row in books.neoclouds}

    def lender(kind: str, by: str = "book_usd_m") -> str:
        own = [row for row in books.lenders if row.kind == kind and not row.name.endswith(POOLS)]
        return str(max(own, key=lambda row: getattr(row, by)).id)

    return {
        "the largest neocloud": max(neoclouds, key=lambda name: owed[name]),
        "the largest bank": lender("bank"),
        "the largest private-credit fund": lender("private_credit_locked"),
        "the largest crypto lender": lender("crypto_lender"),
        "the one with most capital": lender("crypto_lender", "capital_usd_m"),
    }


def outcome(scenario: Scenario, seed: int, party: str = "") -> Outcome:
    """One run, with the failure of a party or without."""
    from ...market.simulation import Simulation

    if party:
        scenario = scenario.with_settings([f"knock_out.party={party}", f"knock_out.day={DAY}"])
    simulation = Simulation(scenario, seed, keeps_book=False).run()
    summary, log = simulation.summary(), simulation.events()
    failures = log[log["kind"].isin(("default", "reorganised"))]
    causes = dict(zip(failures["party"], failures["cause"], strict=True))
    names = [*summary["defaulted"]["miner"], *summary["defaulted"]["neocloud"]]
    gone = [*summary["defaulted"]["lender"], *summary["sleeves_closed"]]
    return Outcome(
        {name: causes.get(name, "reorganised") for name in names if name != party},
        frozenset(gone) - {party},
        _touched(log, party) if party else frozenset(),
        summary["loss_usd"]["total"],
        float(simulation.series()["credit_supply"].mean()),
    )


def _touched(log: Any, party: str) -> frozenset[str]:
    """Who failed below the scripted shock in the log."""
    parent, kind, name = (log[column].to_numpy() for column in ("parent", "kind", "party"))
    below = [False] * len(log)
    for event in range(len(log)):
        first = kind[event] == "shock" and name[event] == party
        below[event] = first or (parent[event] >= 0 and below[parent[event]])
    return frozenset(name[e] for e in range(len(log)) if below[e] and kind[e] == "default")


def compare(without: list[Outcome], with_: list[Outcome]) -> dict[str, Any]:
    """Followers, the spared, losses and supply, over pairs of runs."""
    pairs = list(zip(without, with_, strict=True))
    followers = [set(b.borrowers) - set(a.borrowers) for a, b in pairs]
    spared = [set(a.borrowers) - set(b.borrowers) for a, b in pairs]
    return {
        "followers": mean_interval([float(len(names)) for names in followers]),
        "spared": mean_interval([float(len(names)) for names in spared]),
        "lenders": Counter(name for a, b in pairs for name in b.lenders - a.lenders),
        "names": Counter(name for names in followers for name in names),
        "causes": Counter(
            b.borrowers[name] for (_, b), names in zip(pairs, followers, strict=True)
            for name in names
        ),
        "touched": mean_interval(
            [float(len(n & b.touched)) for (_, b), n in zip(pairs, followers, strict=True)]
        ),
        "loss": mean_interval([(b.loss_usd - a.loss_usd) / 1e6 for a, b in pairs]),
        "supply": mean_interval([100.0 * (b.supply - a.supply) for a, b in pairs]),
    }  # fmt: skip


def _interval(found: tuple[float, float, float], form: str) -> str:
    return shown(*found, form=form)


def counted(counts: Counter[str], most: int = MOST_NAMED) -> str:
    """The commonest, with how often."""
    named = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most]
    return ", ".join(f"{name} {count}" for name, count in named) or "nobody"


def answer(scenario: Scenario, seeds: int, link_seeds: int) -> list[str]:
    """The answer in markdown."""
    from ...market.opening.starting_points import starting_point

    named = largest(starting_point(scenario).read())
    numbers = range(1, seeds + 1)
    base = [outcome(scenario, seed) for seed in numbers]
    rows, found = [], {}
    for title, party in named.items():
        found[party] = [outcome(scenario, seed, party) for seed in numbers]
        said = compare(base, found[party])
        rows.append(
            (
                f"{title}, {party}",
                _interval(said["followers"], ".1f"),
                _interval(said["touched"], ".1f"),
                _interval(said["spared"], ".1f"),
                counted(said["names"]),
                counted(said["causes"]),
                counted(said["lenders"]),
                _interval(said["loss"], "+,.0f"),
                _interval(said["supply"], "+.1f"),
            )
        )
    lines = [
        f"`{scenario.name}`, {scenario.days} days, failure on day {DAY}, {seeds} seeds, one book; "
        "intervals of 95 % by resampling seeds. Losses are those on its own loans too.",
        "",
        *table(
            (
                "who fails", "followers a run", "of these below it in the log", "spared a run",
                "followers, in so many seeds", "they fail on", "lenders that fail or close with it",
                "lenders' losses, $m", "supply of credit, points",
            ),
            rows,
        ),
    ]  # fmt: skip
    lines += _links(scenario, named, base[:link_seeds], found) if link_seeds else []
    return lines


def _links(
    scenario: Scenario,
    named: dict[str, str],
    base: list[Outcome],
    found: dict[str, list[Outcome]],
) -> list[str]:
    """Followers less the spared with one link of the chain off."""
    count, parties = len(base), list(named.values())

    def net(without: list[Outcome], with_: list[Outcome]) -> str:
        pairs = zip(without, with_[:count], strict=True)
        more = [float(len(b.borrowers) - len(a.borrowers)) for a, b in pairs]
        return shown(*mean_interval(more), "+.1f")

    rows = [("all on", *(net(base, found[party]) for party in parties))]
    for link in LINKS:
        if scenario.missing(f"channels.{link}"):
            continue
        off = scenario.with_settings([f"channels.{link}=false"])
        without = [outcome(off, seed) for seed in range(1, count + 1)]
        cells = []
        for party in parties:
            cells.append(net(without, [outcome(off, s, party) for s in range(1, count + 1)]))
        rows.append((f"without `{link}`", *cells))
    return [
        "",
        f"Followers less the spared, with one link off in both runs, {count} seeds:",
        "",
        *table(("", *(f"{party} fails" for party in parties)), rows),
    ]


def main(
    scenario: Annotated[str, typer.Argument(help="Name or .toml file.")] = "baseline",
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 1.")] = 20,
    link_seeds: Annotated[int, typer.Option(min=0, help="The same, with a link off.")] = 6,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value, for all")] = None,
    page: PAGE = None,
) -> None:
    """Knock out the largest of each kind, one at a time, and see who follows."""
    from ...market.scenario.errors import InputError
    from ...market.scenario.scenario import Scenario

    try:
        chosen = Scenario.load(scenario).with_settings(setting or [])
        lines = answer(chosen, seeds, link_seeds)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    give(lines, HEAD, page)


HEAD = [
    "# Who follows when a large one fails?",
    "",
    "`uv run python -m firesale.experiments.questions.knock_outs --page PATH` makes this page.",
    "",
]


if __name__ == "__main__":
    from ..run.border import script

    script(main)
