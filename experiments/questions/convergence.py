"""Do miners' two incomes, coins and rents, move together when money gets tight?

uv run python -m firesale.experiments.questions.convergence --seeds 20

Correlation over time of monthly log changes of hashprice (what a rig earns) and of the H100 rent
(what a GPU earns), before and during the scripted tightening, with a 95 % interval over seeds.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

MONTH = 30


def correlation(first: Any, second: Any) -> float:
    """Correlation of monthly log changes of two daily series."""
    import numpy as np

    changes = [np.log(series[MONTH:] / series[:-MONTH]) for series in (first, second)]
    return float(np.corrcoef(*changes)[0, 1])


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of the mean over seeds, on Fisher's scale."""
    scores = [math.atanh(max(-0.999, min(0.999, value))) for value in values]
    count = len(scores)
    mean = sum(scores) / count
    spread = math.sqrt(sum((s - mean) ** 2 for s in scores) / max(count - 1, 1) / count)
    return math.tanh(mean), math.tanh(mean - 1.96 * spread), math.tanh(mean + 1.96 * spread)


def main(
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 1.")] = 20,
    days: Annotated[int, typer.Option(min=120, help="Days of each run.")] = 300,
) -> None:
    """Compare a tightening with the same seeds without it, and without loadings."""
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    cases = {
        "no tightening": ["macro.shock=0", "macro.volatility=0"],
        "tightening, nothing loads on it": ["macro.btc_loading=0", "macro.demand_loading=0"],
        "tightening": [],
    }
    base = Scenario.load("tightening").with_settings([f"days={days}"])
    typer.echo(f"hashprice and H100 rent, monthly changes, {days} days, {seeds} seeds")
    for name, settings in cases.items():
        scenario = base.with_settings(settings)
        values = []
        for seed in range(1, seeds + 1):
            series = Simulation(scenario, seed).run().series()
            hashprice = series["hashprice_usd_ph_day"].to_numpy()
            rent = series["rent_h100_usd_h"].to_numpy()
            values.append(correlation(hashprice, rent))
        mean, low, high = interval(values)
        typer.echo(f"  {name:<34} correlation {mean:+.2f} ({low:+.2f} to {high:+.2f})")


if __name__ == "__main__":
    typer.run(main)
