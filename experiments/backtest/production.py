"""What named miners mine and sell in the replay of 2022, by month, beside what is public.

uv run python -m firesale.experiments.backtest.production
uv run python -m firesale.experiments.backtest.production --set facts.energise_days=0

Rules at their central values, books as they are. Public figures are partly from memory, and only of
miners that publish monthly; nothing here is an input of the model.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer

from .calendar import month_of
from .labels import coins_mined, sales_over_production
from .observe import CoinWatch, listed_miners
from .scope import scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...market.scenario.scenario import Scenario

TH_PER_EH = 1e6


class Months(NamedTuple):
    """Listed miners by month [month: miner]."""

    names: list[str]
    hashrate_eh_s: dict[str, NDArray[np.float64]]  # at the end of the month
    mined_btc: dict[str, NDArray[np.float64]]
    sold_btc: dict[str, NDArray[np.float64]]


def months_of(scenario: Scenario, seed: int = 1) -> Months:
    """Run a scenario of the books of 2021 and add up what each listed miner mined and sold."""
    from ...market.simulation import Simulation

    simulation = Simulation(scenario, seed)
    listed = listed_miners(simulation)
    market, opening = simulation.market, simulation.market.crypto.start
    watch = CoinWatch(simulation, listed)
    hashrate: dict[str, NDArray[np.float64]] = {}
    mined: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(int(listed.sum())))
    sold: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(int(listed.sum())))
    while not simulation.finished:
        simulation.step()
        watch.day()
        month = month_of(market.day, opening)
        online = market.miners.hashrate_online_th[: market.borrower_count]
        hashrate[month] = online[listed] / TH_PER_EH
        mined[month] = mined[month] + watch.mined_today[listed]
        sold[month] = sold[month] + watch.sold_today[listed]
    names = [n for n, yes in zip(market.names.parties, listed, strict=False) if yes]
    return Months(names, hashrate, dict(mined), dict(sold))


def table(title: str, found: Months, values: dict[str, NDArray[np.float64]], form: str) -> None:
    """Print one figure: a row per miner, a column per month."""
    typer.echo(f"\n{title}\n{'':9}" + " ".join(f"{month[2:]:>6}" for month in values))
    for i, name in enumerate(found.names):
        cells = " ".join(format(float(row[i]), form) for row in values.values())
        typer.echo(f"{name:9}{cells}")
    sums = " ".join(format(float(row.sum()), form) for row in values.values())
    typer.echo(f"{'all':9}{sums}")


def main(
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
) -> None:
    """Print hashrate, coins mined and sold, and what is public beside them."""
    from ...market.scenario.errors import InputError
    from ...market.scenario.scenario import Scenario

    try:
        scenario = Scenario.load("backtest-2022").with_settings(setting or [])
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    found = months_of(scenario)
    table("Hashrate at the end of the month [EH/s]", found, found.hashrate_eh_s, "6.1f")
    table("Mined [BTC]", found, found.mined_btc, "6.0f")
    table("Sold, by whomever [BTC]", found, found.sold_btc, "6.0f")
    typer.echo("\nMined, model and public [BTC]")
    monthly = np.array([name not in scope().not_monthly for name in found.names])
    for (month, name), public in coins_mined().items():
        row = found.mined_btc[month]
        models = {name: row.sum() if name == "all" else row[found.names.index(name)]}
        if name == "all":  # the public sum is of those who report by month
            models["monthly"] = row[monthly].sum()
        for who, model in models.items():
            apart = float(model) / public - 1.0
            typer.echo(f"{month} {who:8} {float(model):7,.0f} {public:7,.0f}  {apart:+.0%}")
    typer.echo("\nSold over mined, model and public")
    for month, share in sales_over_production().items():
        ratio = found.sold_btc[month][monthly].sum() / found.mined_btc[month][monthly].sum()
        typer.echo(f"{month} {ratio:5.2f} {share:5.2f}")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
