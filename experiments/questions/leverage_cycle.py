"""The leverage cycle: ten calm years, then a shock, against the same shock at once.

uv run python -m firesale.experiments.questions.leverage_cycle [--seeds N] [--years N] [--out DIR]

In calm, lenders forget losses: advance rates and limits drift up, spreads down, and borrowers order
machines on that credit. The shock (bitcoin loses 77 % over a year, and money tightens by as much as
in ``tightening``) then meets another book. A third arm has the same ten years with lenders who do
not learn, so that what the drift adds can be told from what ten years do anyway.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

AFTER_DAYS = 730  # that the shock is watched
CALM = (
    "crypto.volatility=0.25",
    "crypto.drift=0.17",  # what two halvings take from miners' reward, the price gives back
    "compute.adoption_growth=0.05",
)
FORGETFUL = "lenders that forget"
AT_ONCE = "shock at once"
UNMOVED = "lenders that do not learn"
NO_DRIFT = ("lenders.cycle_swing=0", "lenders.spread_swing=0")


def shock(day: int) -> list[str]:
    """Settings of the shock, starting on a day."""
    return [
        f"days={day + AFTER_DAYS}",
        'crypto.path="crash"',
        f"crypto.crash_start_day={day}",
        "crypto.crash_days=365",
        "macro.shock=2.0",
        f"macro.start_day={day}",
        "macro.ramp_days=180",
        "macro.plateau_days=365",
    ]


def arms(calm_years: int) -> dict[str, tuple[int, list[str]]]:
    """Name, day of the shock, settings."""
    late = 365 * calm_years
    return {
        AT_ONCE: (30, [*CALM, *shock(30)]),
        f"after {calm_years} calm years, {FORGETFUL}": (late, [*CALM, *shock(late)]),
        f"after {calm_years} calm years, {UNMOVED}": (late, [*CALM, *shock(late), *NO_DRIFT]),
    }


def run_arm(name: str, day: int, settings: list[str], seed: int) -> tuple[dict[str, Any], Any]:
    """One run: what stood on the day of the shock, and what the shock did; and its daily series."""
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    simulation = Simulation(Scenario.load("calm").with_settings(settings), seed).run()
    series = simulation.series().set_index("day")
    before, end = series.loc[day], series.iloc[-1]
    count = simulation.market.borrower_count
    failed = before.defaults_miner + before.defaults_neocloud
    fails = end.defaults_miner + end.defaults_neocloud - failed
    lost = end.loss_usd - before.loss_usd
    credit = simulation.scenario.credit
    swing = simulation.scenario.lenders.cycle_swing
    row = {
        "arm": name,
        "seed": seed,
        "ease": before.lending_ease if swing > 0 else 0.0,
        "advance_rate": min(
            credit.most_advance_rate,
            credit.growth_advance_rate * (1.0 + swing * before.lending_ease),
        ),
        "loans_usd_bn": before.loans_outstanding_usd / 1e9,
        "ordered_usd_bn": before.ordered_usd / 1e9,
        "reported_ltv": before.reported_ltv,
        "realisable_ltv": before.realisable_ltv,
        "standing": count - failed,
        "default_share": fails / (count - failed),
        "loss_usd_bn": lost / 1e9,
        "loss_share": lost / before.loans_outstanding_usd,
        "worst_realisable_ltv": series.realisable_ltv.loc[day:].max(),
    }
    return row, series


def figure(results: pd.DataFrame, paths: dict[str, Any], days: dict[str, int]) -> Figure:
    """Loans, ease of lending and the loss after the shock, one line per arm (first seed)."""
    from matplotlib.ticker import PercentFormatter

    from ..look.plots import BLACK, BLUE, RED, Layout, new_figure

    mean = results.groupby("arm", sort=False).mean(numeric_only=True)
    once, forgetful, unmoved = mean.index
    title = (
        f"The same shock costs lenders {mean.loss_share[forgetful]:.1%} of their loans after calm "
        f"years, {mean.loss_share[once]:.1%} at once"
    )
    fig, axes = new_figure(
        title,
        f"Without the drift of credit standards: {mean.loss_share[unmoved]:.1%}. Lines: seed 1; "
        f"numbers: mean of {results.seed.nunique()} seeds",
        Layout(columns=3, height_in=3.2),
    )
    colours = dict(zip(mean.index, (BLACK, RED, BLUE), strict=True))
    for arm, series in paths.items():
        years = (series.index - days[arm]) / 365.0
        axes[0].plot(years, series.loans_outstanding_usd / 1e9, color=colours[arm], label=arm)
        axes[1].plot(years, series.realisable_ltv, color=colours[arm])
        after = series.loc[days[arm] :]
        share = (after.loss_usd - after.loss_usd.iloc[0]) / after.loans_outstanding_usd.iloc[0]
        axes[2].plot((after.index - days[arm]) / 365.0, share, color=colours[arm])
    axes[0].set_ylabel("Loans outstanding ($bn)")
    axes[1].set_ylabel("Realisable loan to value")
    axes[2].set_ylabel("Lost since the shock, of loans then")
    for axis in axes:
        axis.set_xlabel("Years from the shock")
        axis.set_ylim(bottom=0)
    axes[1].yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[2].yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[0].legend(frameon=False, fontsize=7)
    return fig


def main(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 1.")] = 5,
    years: Annotated[int, typer.Option(min=1, max=30, help="Calm years before the shock.")] = 10,
    out: Annotated[Path, typer.Option(help="Folder for the table and the figure.")] = Path(
        "out/leverage-cycle"
    ),
) -> None:
    """Compare a shock at once with the same shock after calm years."""
    import pandas as pd

    from ..look.plots import save

    rows: list[dict[str, Any]] = []
    paths: dict[str, Any] = {}
    chosen = arms(years)
    for name, (day, settings) in chosen.items():
        for seed in range(1, seeds + 1):
            row, series = run_arm(name, day, settings, seed)
            rows.append(row)
            paths.setdefault(name, series)
    results = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    results.to_csv(out / "table.csv", index=False, float_format="%.6g")
    save(figure(results, paths, {arm: day for arm, (day, _) in chosen.items()}), out / "cycle.png")
    summary = results.groupby("arm", sort=False).agg(["mean", "sem"]).drop(columns="seed")
    typer.echo(summary.T.round(3).to_string())
    typer.echo(f"Written to {out}.")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
