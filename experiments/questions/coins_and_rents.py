"""Bitcoin falls by half while rents rise by a quarter: who sells coins, and who is hurt?

uv run python -m firesale.experiments.questions.coins_and_rents --seeds 12

Both happen over one year from the opening and stay so; the network does not grow. The world beside
it has the same seeds and neither. A third has the fall and no machine paid by loans on coins. Means
over seeds, and standard errors of differences of pairs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .switches import paired

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

BOTH = (
    "compute.rent_change_per_year=0.25",
    "crypto.crash_depth=0.5",
    "crypto.crash_start_day=0",
    "crypto.crash_days=365",
    "crypto.hashrate_growth=0",
    "compute.path=scripted",
    "compute.shock_start_day=0",
    "compute.shock_days=365",
)
MILLION = 1e6


def worlds(days: int) -> dict[str, Scenario]:
    """The three worlds; the same shocks beside what is scripted."""
    from ...market.scenario.scenario import Scenario, read_settings

    def with_(scenario: Scenario, *settings: str) -> Scenario:
        return scenario.changed(read_settings(settings), "coins_and_rents")

    both = with_(Scenario.load("crypto-crash"), f"days={days}", *BOTH)
    return {
        "neither": with_(both, "crypto.crash_depth=0.0", "compute.rent_change_per_year=0.0"),
        "both": both,
        "both, no orders on coins": with_(both, "channels.treasury_funding=false"),
    }


def outcome(simulation: Simulation) -> dict[str, float]:
    """What one finished run says about each question."""
    import numpy as np

    from ...agents.party import Kind

    market = simulation.market
    series, loans, log = simulation.series(), simulation.loans(), simulation.events()
    names = np.array(market.names.parties[: market.borrower_count])
    listed = set(names[market.borrowers.market_cap_open_usd > 0.0])
    held = series["btc_held_listed"]
    sold = log[(log["kind"] == "forced_sale") & log["party"].isin(listed)]["amount_usd"].sum()
    result = {
        "coins held at the opening": float(held.iloc[0]),
        "coins held at the end": float(held.iloc[-1]),
        "mined": float(series["btc_mined_listed"].sum()),
        "sold, by whomever": float(series["btc_sold_listed"].sum()),
        "sold by treasurers, $m": float(sold) / MILLION,
    }
    for instrument, word in (("btc_loan", "coin loans"), ("asic_loan", "rig loans")):
        mine = loans[loans["instrument"] == instrument]
        own = log[log["loan"].isin(set(mine["loan"]))]
        result[f"{word}: owed at the opening, $m"] = mine["principal_open_usd"].sum() / MILLION
        calls = own[own["kind"] == "margin_call"]
        result[f"{word}: called"] = float(len(calls["loan"].unique()))
        sales = own[own["kind"] == "btc_liquidation"]["amount_usd"].sum()
        result[f"{word}: coins sold by lenders, $m"] = float(sales) / MILLION
        result[f"{word}: in default"] = float((mine["default_day"] >= 0).sum())
        result[f"{word}: lenders' loss, $m"] = mine["loss_usd"].sum() / MILLION
    failed = market.parties.default_day[: market.borrower_count] >= 0
    miner = market.parties.kind[: market.borrower_count] == Kind.MINER
    contracted = set(_contracted(simulation))
    let = np.array([name in contracted for name in names])
    result["miners failed"] = float((failed & miner).sum())
    result["neoclouds on contracts failed"] = float((failed & ~miner & let).sum())
    result["other neoclouds failed"] = float((failed & ~miner & ~let).sum())
    funded = log[(log["kind"] == "draw") & log["loan"].isin(_coin_lines(loans))]
    result["drawn on coin lines, $m"] = funded["amount_usd"].sum() / MILLION
    result["orders given up"] = float((log["kind"] == "order_cancelled").sum())
    result["conservation"] = float(simulation.summary()["conservation_error"])
    return result


def _coin_lines(loans: Any) -> set[str]:
    return set(loans[loans["instrument"] == "btc_loan"]["loan"])


def _contracted(simulation: Simulation) -> list[str]:
    """Neoclouds of which contracts signed for longer than a year take most GPUs at the opening."""
    market = simulation.market
    contracts, holdings = market.contracts, market.holdings
    chosen = []
    for b in range(market.borrower_count):
        mine = (contracts.landlord == b) & (contracts.end_day > 365) & (contracts.start_day <= 0)
        gpus = float(contracts.gpus[mine].sum())
        rows = slice(int(holdings.first[b]), int(holdings.first[b + 1]))
        owned = float(holdings.units[rows].sum())
        if owned > 0.0 and gpus > 0.5 * owned:
            chosen.append(market.names.parties[b])
    return chosen


def main(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 1.")] = 12,
    days: Annotated[int, typer.Option(min=30, help="Days of each run.")] = 730,
) -> None:
    """Print each figure in the three worlds."""
    from ...market.simulation import Simulation

    found: dict[str, list[dict[str, float]]] = {}
    for world, scenario in worlds(days).items():
        found[world] = [outcome(Simulation(scenario, s).run()) for s in range(1, seeds + 1)]
    typer.echo(f"{days} days, {seeds} seeds; mean, and mean change with its standard error")
    typer.echo("| | neither | both | change | orders not on coins: change |")
    typer.echo("|---|---|---|---|---|")
    neither, both, without = found.values()
    for name in neither[0]:
        columns = [[run[name] for run in world] for world in (neither, both, without)]
        means = [sum(column) / seeds for column in columns]
        first, second = paired(columns[0], columns[1]), paired(columns[1], columns[2])
        if name == "conservation":
            typer.echo(f"worst conservation error {max(map(max, columns)):.1e}")
            continue
        typer.echo(
            f"| {name} | {means[0]:,.1f} | {means[1]:,.1f} | {_change(first)} | {_change(second)} |"
        )


def _change(pair: tuple[float, float]) -> str:
    mean, error = pair
    return f"{mean:+,.1f}" + ("" if math.isnan(error) else f" ({error:,.1f})")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
