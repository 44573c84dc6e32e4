"""Five years with and without entry: do population, debt and defaults stay in balance?

    python -m firesale.experiments.questions.five_years baseline --seeds 8

For each year, mean over seeds: firms in business, debt over trailing income, defaults a year over
firms in business at its beginning, and what enters. A trend is the slope of a line through the
years, with an interval over seeds (mean and 1.96 standard errors).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...agents.party import Kind, Status
from ...market.scenario.scenario import Scenario
from ...market.simulation import Simulation

DAYS = 365
YEARS = 5
KINDS = {"miner": Kind.MINER, "neocloud": Kind.NEOCLOUD}


def one_run(scenario: Scenario, seed: int) -> pd.DataFrame:
    """Figures at the end of each year, the opening first; a row by year and kind."""
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables, and their trends."""
    parser = argparse.ArgumentParser(description="five years with and without entry")
    parser.add_argument("scenario")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args(arguments)
    plain = Scenario.load(options.scenario).with_settings([f"days={DAYS * YEARS}", *options.set])
    for entry in (False, True):
        scenario = plain.with_settings([f"entry.on={str(entry).lower()}"])
        runs = pd.concat([one_run(scenario, seed + 1) for seed in range(options.seeds)])
        print(
            f"\n{options.scenario}, {options.seeds} seeds, {'with' if entry else 'without'} entry"
        )
        print(by_year(runs.copy()).round(3).to_string())
        for kind in KINDS:
            for column in ("standing", "debt_over_income", "defaults"):
                slope, error = slope_of(runs, column, kind)
                print(f"{kind}, {column}: {slope:+.3f} a year (± {error:.3f})")


if __name__ == "__main__":
    main()
