"""What each channel does to defaults, losses and the supply of credit; for idle ones, why.

uv run python -m firesale.experiments.questions.channels --seeds 30 --page PATH

Pairs of runs of one seed that differ in one channel (`channels.NAME=false`): the change when it is
off, with an interval of 95 % by resampling seeds. A channel that changes nothing in all seeds is
named with the number of these books or this run that makes it so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..look.pages import PAGE, mean_interval, shown, table, write_page

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

SCENARIOS = ("joint-crash", "tightening", "credit-crunch")
BILLION, MILLION = 1e9, 1e6
FIGURES = {
    "borrowers that fail": "+.1f",
    "lenders that fail or close": "+.2f",
    "loss, $m": "+,.0f",
    "supply of credit, points": "+.2f",
    "lent, $bn": "+.2f",
}


def channels() -> tuple[str, ...]:
    """All of them, as in the scenario."""
    from ...market.scenario.sections import Channels

    return tuple(Channels.model_fields)


def outcome(simulation: Simulation) -> dict[str, float]:
    """Defaults, losses and supply of credit of a finished run.

    Lent is what was drawn and rolled over.
    """
    summary, log = simulation.summary(), simulation.market.events
    from ...market.state.events import Event

    given = (log["kind"] == Event.DRAW) | (log["kind"] == Event.ROLLED_OVER)
    gone = [*summary["defaulted"]["lender"], *summary["sleeves_closed"]]
    series = simulation.market.kept.series
    return {
        "borrowers that fail": float(
            summary["defaults"]["miner"] + summary["defaults"]["neocloud"]
        ),
        "lenders that fail or close": float(len(gone)),
        "loss, $m": summary["loss_usd"]["total"] / MILLION,
        "supply of credit, points": 100.0 * float(series.credit_supply.mean()),
        "lent, $bn": float(log["amount_usd"][given].sum()) / BILLION,
    }


def run(scenario: Scenario, seed: int) -> Simulation:
    """One run to its end."""
    from ...market.simulation import Simulation

    return Simulation(scenario, seed, keeps_book=False).run()


# ---------------------------------------------------------------- why nothing happens


def _count(simulation: Simulation, *kinds: str) -> int:
    return int(simulation.events()["kind"].isin(kinds).sum())


def _btc_impact(simulation: Simulation) -> str:
    summary = simulation.summary()
    sold, worst = summary["btc_forced_sale_usd"], summary["btc_impact_worst"]
    adv = simulation.scenario.crypto.depth_adv_usd
    return (
        f"forced sales of ${sold / BILLION:.1f}bn in the whole run against ${adv / BILLION:.0f}bn "
        f"traded a day move bitcoin by {worst:.1%} at most"
    )


def _interlender(simulation: Simulation) -> str:
    market, summary = simulation.market, simulation.summary()
    owed = float(market.interlender.amount_usd.sum()) / BILLION
    lost = summary["lenders"]["interlender_loss_usd"] / MILLION
    gone = ", ".join(summary["defaulted"]["lender"]) or "nobody"
    return (
        f"lenders owe each other ${owed:.1f}bn at the end; of debtors {gone} failed and lenders "
        f"lost ${lost:,.0f}m on them (a bank's desk that closes pays its debts)"
    )


def _warehouse(simulation: Simulation) -> str:
    market = simulation.market
    claims = market.interlender
    lines = float(claims.amount_usd[claims.margined].sum()) / BILLION
    advance = simulation.scenario.lenders.line_advance_rate
    calls = _count(simulation, "line_called")
    return (
        f"{calls} calls: ${lines:.1f}bn of margined lines, drawn far below the {advance:.0%} of "
        "assets that they advance, as funds own much that is outside this market"
    )


def _securitisation(simulation: Simulation) -> str:
    market = simulation.market
    pool = float(market.lenders.pool_usd.sum()) / MILLION
    whole = float(simulation.principal_open_usd.sum()) / BILLION
    hit = _count(simulation, "amortises_early")
    return f"{hit} vehicles amortise early; their pool is ${pool:,.0f}m of ${whole:.1f}bn of debt"


def _funding_run(simulation: Simulation) -> str:
    left = simulation.summary()["lenders"]["withdrawn_usd"] / BILLION
    whole = float((simulation.market.lenders.runnable_share).mean())
    return (
        f"${left:.1f}bn leave, paid out of cash and loans outside this market (mean callable share "
        f"{whole:.0%})"
    )


def _treasury(simulation: Simulation) -> str:
    from ...market.state.loans import Collateral

    loans = simulation.market.loans
    lines = float(loans.undrawn_usd[loans.collateral == Collateral.BTC].sum()) / MILLION
    return f"lines on coins with ${lines:,.0f}m undrawn pay for a part of orders"


def _material(simulation: Simulation) -> str:
    log = simulation.events()
    stopped = log[log["kind"] == "line_stopped"]
    undrawn = stopped["amount_usd"].sum() / MILLION
    return (
        f"{len(stopped)} lines stopped, ${undrawn:,.0f}m: weak borrowers have few, growth draws "
        "early, and who holds the large ones is sound"
    )


def _buyer_finance(simulation: Simulation) -> str:
    buyers = simulation.market.buyers
    daily = float(buyers.budget_usd_day.sum())
    lent = float((buyers.budget_usd_day * buyers.credit_share).sum()) / max(daily, 1.0)
    units = simulation.summary()["liquidation"]["sold_units"]
    return (
        f"lenders give {lent:.0%} of what buyers of machines and sites spend, and {units:,.0f} "
        "seized GPUs are sold"
    )


def _crypto_margin(simulation: Simulation) -> str:
    calls = _count(simulation, "margin_call")
    return f"{calls} margin calls, most of them met"


def _tenants(simulation: Simulation) -> str:
    contracts, borrowers = simulation.market.contracts, simulation.market.today.first_lender
    inside = contracts.tenant < borrowers
    left = int((inside & (contracts.broken_day >= 0)).sum())
    return (
        f"{int(inside.sum())} of {len(inside)} contracts have a borrower of the books as tenant, "
        f"and {left} of these are broken"
    )


def _loss_memory(simulation: Simulation) -> str:
    ease = float(simulation.market.kept.series.lending_ease.min())
    if ease >= 0.0:
        return "losses never outgrow what spreads pay for, so that terms never get harder"
    return f"losses make terms harder by {-ease:.0%} of the widest swing at most"


WHY: dict[str, Callable[[Simulation], str]] = {
    "btc_impact": _btc_impact,
    "buyer_finance": _buyer_finance,
    "interlender": _interlender,
    "warehouse_margin": _warehouse,
    "securitisation": _securitisation,
    "funding_run": _funding_run,
    "treasury_funding": _treasury,
    "lender_distress": _funding_run,
    "loss_memory": _loss_memory,
    "material_change": _material,
    "tenants_in_books": _tenants,
    "crypto_margin": _crypto_margin,
}


# ---------------------------------------------------------------- the page


def scenario_lines(scenario: Scenario, seeds: int) -> list[str]:
    """The table of a scenario, and why some of its channels are idle."""
    numbers = range(1, seeds + 1)
    first = run(scenario, 1)
    base = [outcome(first), *(outcome(run(scenario, seed)) for seed in numbers[1:])]
    means = {name: mean_interval([one[name] for one in base]) for name in FIGURES}
    forms = {name: form.removeprefix("+") for name, form in FIGURES.items()}
    rows = [("as it is", *(shown(*means[name], forms[name]) for name in FIGURES))]
    idle: list[str] = []
    for channel in channels():
        key = f"channels.{channel}"
        if scenario.missing(key):
            idle.append(f"- `{channel}` has nothing to act on in this scenario.")
            continue
        off = scenario.with_settings([f"{key}=false"])
        found = [outcome(run(off, seed)) for seed in numbers]
        changes = {
            name: mean_interval([b[name] - a[name] for a, b in zip(base, found, strict=True)])
            for name in FIGURES
        }
        rows.append((f"`{channel}` off", *(shown(*changes[n], FIGURES[n]) for n in FIGURES)))
        if _within_noise(changes):
            why = WHY.get(channel)
            reason = why(first) if why else "its intervals contain zero"
            idle.append(f"- `{channel}`: {reason}.")
    lines = [
        f"## `{scenario.name}`",
        "",
        f"{scenario.days} days, {seeds} seeds, one book.",
        "",
        *table(("", *FIGURES), rows),
        "",
        "Channels whose intervals contain zero for failures, losses and supply alike, and the "
        "contract or number that makes it so (seed 1):",
        "",
        *(idle or ["- none."]),
        "",
    ]
    return lines


def _within_noise(changes: dict[str, tuple[float, float, float]]) -> bool:
    asked = ("borrowers that fail", "loss, $m", "supply of credit, points")
    return all(changes[name][1] <= 0.0 <= changes[name][2] for name in asked)


def main(
    scenarios: Annotated[list[str] | None, typer.Argument(help="Names or .toml files.")] = None,
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds, from 1.")] = 30,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value, for all")] = None,
    page: PAGE = None,
) -> None:
    """Switch one channel off at a time, over pairs of seeds."""
    from ...market.scenario.errors import InputError
    from ...market.scenario.scenario import Scenario

    lines: list[str] = []
    try:
        for name in scenarios or SCENARIOS:
            chosen = Scenario.load(name).with_settings(setting or [])
            for line in (found := scenario_lines(chosen, seeds)):
                typer.echo(line)
            lines += found
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if page:
        write_page(page, [*HEAD, *lines])


HEAD: list[Any] = [
    "# What each channel does",
    "",
    "`uv run python -m firesale.experiments.questions.channels --page PATH` makes this page. Each",
    "row is the change when a channel is off: a plus at failures: the channel prevents some.",
    "",
]


if __name__ == "__main__":
    from ..run.border import script

    script(main)
