"""Five years in which firms enter: do population, debt and failures stay in balance?

uv run python -m firesale.experiments.questions.five_years --page PATH

For each year, means over seeds: firms in business, debt over trailing income, defaults in the year
over firms in business at its beginning. A trend is the slope of a line through the years from the
second on (in the first only loans of the opening can fail, and few have had the time), with an
interval over seeds of 1.96 standard errors. Worlds differ in what is named and in nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
import typer

from ...agents.party import Kind, Status
from ..look.pages import PAGE, give, table

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario

DAYS = 365
YEARS = 5
KINDS = {"miner": Kind.MINER, "neocloud": Kind.NEOCLOUD}
FLAT_NETWORK = "crypto.hashrate_growth=0.0"
CALM_BITCOIN = ("crypto.volatility=0.25", "crypto.jumps_per_year=0.0", "crypto.drift=0.03")
NO_LAUNCHES = "launches.dated=false"
STEADY_RENTS = "compute.volatility=0.0"


def demand(growth: float) -> str:
    """The setting by which demand beyond signed supply grows so fast at first, log a year."""
    return f"compute.adoption_growth={growth}"


WORLDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "`five-years`: calm, no new classes": ("five-years", ()),
    "the same with new classes": ("five-years", ("launches.dated=true",)),
    "`baseline`": ("baseline", ()),
    "no new classes": ("baseline", (NO_LAUNCHES,)),
    "no new classes, steady rents": ("baseline", (NO_LAUNCHES, STEADY_RENTS)),
    "no new classes, demand +15 % a year": ("baseline", (NO_LAUNCHES, demand(0.15))),
    "demand +20 % a year": ("baseline", (demand(0.2),)),
    "demand +35 % a year": ("baseline", (demand(0.35),)),
    "the network does not plan to grow": ("baseline", (FLAT_NETWORK,)),
    "bitcoin as calm as in `calm`": ("baseline", CALM_BITCOIN),
    "the last two": ("baseline", (FLAT_NETWORK, *CALM_BITCOIN)),
    "the last two, demand +35 % a year": (
        "baseline",
        (FLAT_NETWORK, *CALM_BITCOIN, demand(0.35)),
    ),
}


def one_run(scenario: Scenario, seed: int) -> pd.DataFrame:
    """Figures at the end of each year, the opening first; a row by year and kind."""
    from ...market.simulation import Simulation

    simulation = Simulation(scenario, seed, keeps_book=False)
    market, rows = simulation.market, []
    kind = market.parties.kind[: market.borrower_count]
    for year in range(scenario.days // DAYS + 1):
        while simulation.day < year * DAYS:
            simulation.step()
        active = market.parties.status[: market.borrower_count] == Status.ACTIVE
        debt = np.bincount(market.loans.borrower, market.loans.principal_usd, market.borrower_count)
        income = DAYS * market.borrowers.trailing_cash_flow_usd
        for name, of in KINDS.items():
            mine = active & (kind == of)
            rows.append(
                {
                    "seed": seed,
                    "year": year,
                    "kind": name,
                    "standing": int(mine.sum()),
                    "entered": int(
                        (market.parties.entered_day[: len(kind)] >= 0)[kind == of].sum()
                    ),
                    "failed": int(market.has_defaulted[kind == of].sum()),
                    "debt_usd": float(debt[mine].sum()),
                    "income_usd": float(income[mine].sum()),
                    "q": market.prices.rig_q if name == "miner" else market.prices.q,
                    "hashprice": market.prices.hashprice_usd_ph_day,
                    "network_eh_s": market.prices.network_hashrate_eh_s,
                    "rent": market.prices.rent_h100_usd_h,
                    "supply": market.prices.effective_gpus,
                }
            )
    return pd.DataFrame(rows)


def by_year(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds by kind and year; defaults and entries of the year before."""
    runs = runs.sort_values(["seed", "kind", "year"])
    groups = runs.groupby(["seed", "kind"])
    before = groups["standing"].shift()
    runs["defaults"] = groups["failed"].diff() / before
    runs["new"] = groups["entered"].diff()
    sums = runs.groupby(["kind", "year"])[["debt_usd", "income_usd"]].mean()
    means = runs.groupby(["kind", "year"])[
        ["standing", "new", "defaults", "q", "hashprice", "network_eh_s", "rent", "supply"]
    ].mean()
    means.insert(3, "debt_over_income", sums["debt_usd"] / sums["income_usd"])
    means.insert(3, "debt_bn", sums["debt_usd"] / 1e9)
    return means


def runs_of(scenario: Scenario, seeds: int) -> pd.DataFrame:
    """All seeds from 1, one below the other."""
    return pd.concat([one_run(scenario, seed) for seed in range(1, seeds + 1)])


def slope_of(runs: pd.DataFrame, column: str, kind: str) -> tuple[float, float]:
    """Change a year of a column, and 1.96 standard errors over seeds."""
    runs = runs.sort_values(["seed", "year"]).copy()
    if column == "debt_over_income":
        runs[column] = (runs["debt_usd"] / runs["income_usd"]).where(runs["income_usd"] > 0.0)
    if column == "defaults":
        groups = runs.groupby(["seed", "kind"])
        runs[column] = groups["failed"].diff() / groups["standing"].shift().clip(lower=1)
    mine = runs[(runs["kind"] == kind) & runs[column].notna()]
    slopes = [np.polyfit(part["year"], part[column], 1)[0] for _, part in mine.groupby("seed")]
    error = np.std(slopes, ddof=1) / np.sqrt(len(slopes)) if len(slopes) > 1 else np.nan
    return float(np.mean(slopes)), float(1.96 * error)


def row(title: str, runs: pd.DataFrame, kind: str) -> tuple[str, ...]:
    """One world of the page: firms at both ends, defaults by year, and their trend."""
    means = by_year(runs.copy()).loc[kind]
    slope, error = slope_of(runs[runs["year"] > 0], "defaults", kind)
    years = " · ".join(f"{100.0 * share:.1f}" for share in means["defaults"].iloc[1:])
    ends = means["debt_over_income"]
    return (
        title,
        f"{means['standing'].iloc[0]:.0f} to {means['standing'].iloc[-1]:.0f}",
        years,
        f"{100.0 * slope:+.1f} ({100.0 * (slope - error):+.1f} to {100.0 * (slope + error):+.1f})",
        f"{ends.iloc[0]:.1f} to {ends.iloc[-1]:.1f}",
        f"{means['hashprice' if kind == 'miner' else 'rent'].iloc[-1]:.2f}",
    )


def page_lines(worlds: dict[str, tuple[str, tuple[str, ...]]], seeds: int) -> list[str]:
    """Both tables: miners and neoclouds in every world."""
    from ...market.scenario.scenario import Scenario

    found = {}
    for title, (name, settings) in worlds.items():
        scenario = Scenario.load(name).with_settings(
            [f"days={DAYS * YEARS}", "entry.on=true", *settings]
        )
        found[title] = runs_of(scenario, seeds)
    lines = [f"{seeds} seeds of one book, five years, new firms enter (`entry.on`)."]
    for kind, price in (("miner", "hashprice, $/PH/day"), ("neocloud", "rent of an H100, $/h")):
        header = (
            kind + "s",
            "in business, opening to end",
            "default in years 1 to 5, % of them",
            "trend from year 2, points a year",
            "debt over income, opening to end",
            price + ", end",
        )
        rows = [row(title, runs, kind) for title, runs in found.items()]
        lines += ["", f"## {kind.capitalize()}s", "", *table(header, rows)]
    return lines


def main(
    scenario: Annotated[
        str | None, typer.Argument(help="A scenario to look at, year by year; else the page.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 1.")] = 8,
    page: PAGE = None,
) -> None:
    """Print five years of one scenario with and without entry, or of all worlds of the page."""
    from ...market.scenario.scenario import Scenario

    if scenario is None:
        lines = page_lines(WORLDS, seeds)
        give(lines, HEAD, page)
        return
    for entry in ("false", "true"):
        one = Scenario.load(scenario).with_settings([f"days={DAYS * YEARS}", f"entry.on={entry}"])
        runs = runs_of(one, seeds)
        typer.echo(f"\n{scenario}, {seeds} seeds, entry.on={entry}")
        typer.echo(by_year(runs.copy()).round(3).to_string())
        for kind in KINDS:
            for column in ("standing", "debt_over_income", "defaults"):
                slope, error = slope_of(runs, column, kind)
                typer.echo(f"{kind}, {column}: {slope:+.3f} a year (± {error:.3f})")


HEAD = [
    "# Are five years in balance?",
    "",
    "`uv run python -m firesale.experiments.questions.five_years --page PATH` makes this page.",
    "",
]


if __name__ == "__main__":
    from ..run.border import script

    script(main)
