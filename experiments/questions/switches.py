r"""What each channel, policy lever and mechanism changes: run pairs that differ in one switch.

uv run python -m firesale.experiments.questions.switches joint-crash --seeds 10
uv run python -m firesale.experiments.questions.switches tightening --seeds 10 \
    --only channels.counterparty=false
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...market.scenario.sections import Channels
from ..look import words
from .ensemble import BELIEFS, run_seeds, with_beliefs

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario

SWITCHES = (
    *(f"channels.{name}=false" for name in Channels.model_fields),
    "policy.buyer_of_last_resort_usd=5e9",
    "policy.lender_of_last_resort_usd=5e9",
    "policy.haircut_floor=0.5",
    "policy.tenor_cap_years=3",
    "policy.standstill_days=365",
    "policy.capital_buffer=0.05",
    'policy.mark_rule="schedule"',
    'policy.mark_rule="market"',
    "investment.sensitivity=0",
    "investment.payout_share=0",
    "lenders.cycle_swing=0",
    "liquidation.host_share=0",
    "tenants.contract_kept_share=0",
    "credit.max_waivers=0",
    "credit.surrender_ratio=0",
)
"""Everything that can be switched, one setting each."""


def outcomes(summary: dict[str, Any]) -> dict[str, float]:
    """The numbers a switch may move."""
    defaults = summary["defaults"]
    return {
        "miners": defaults["miner"],
        "neoclouds": defaults["neocloud"],
        "lenders": defaults["lender"] + len(summary["sleeves_closed"]),
        "loss $m": summary["loss_usd"]["total"] / 1e6,
        "unresolved %": 100.0 * (summary["loss_usd"]["unresolved_share"] or 0.0),
        "linked": summary["linked"]["largest"],
        "GPU seized k": summary["liquidation"]["seized_units"] / 1e3,
        "realisable LTV %": 100.0 * summary["ltv"]["realisable"],
        "withdrawn $m": summary["lenders"]["withdrawn_usd"] / 1e6,
        "between lenders $m": summary["lenders"]["interlender_loss_usd"] / 1e6,
    }


def paired(base: list[float], changed: list[float]) -> tuple[float, float]:
    """Mean difference of pairs and its standard error (NaN for one pair)."""
    differences = [b - a for a, b in zip(base, changed, strict=True)]
    count = len(differences)
    mean = sum(differences) / count
    if count < 2:
        return mean, math.nan
    variance = sum((d - mean) ** 2 for d in differences) / (count - 1)
    return mean, math.sqrt(variance / count)


def acts(scenario: Scenario, switch: str) -> bool:
    """Whether a switch can change anything in a scenario."""
    return not scenario.missing(switch.partition("=")[0])


def main(
    scenario: Annotated[str, typer.Argument(help="Name or .toml file.")] = "joint-crash",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 1.")] = 10,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value, for both")] = None,
    only: Annotated[list[str] | None, typer.Option(help="switches, instead of all")] = None,
    beliefs: BELIEFS = True,
) -> None:
    """Switch one thing at a time under common random numbers; mean change and its error."""
    from ...market.scenario.errors import InputError
    from ...market.scenario.scenario import Scenario

    try:
        chosen = with_beliefs(Scenario.load(scenario).with_settings(setting or []), beliefs)
        able = only or [switch for switch in SWITCHES if acts(chosen, switch)]
        changed = {switch: chosen.with_settings([switch]) for switch in able}
        base = [outcomes(summary) for summary in run_seeds(chosen, seeds)]
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    names = list(base[0])
    typer.echo(f"{chosen.name}: {words.times(seeds, 'seed')}; mean change (standard error)")
    if left_out := [switch for switch in SWITCHES if not only and switch not in changed]:
        typer.echo(f"Without what can change nothing here: {', '.join(left_out)}")
    typer.echo("| switch | " + " | ".join(names) + " |")
    typer.echo("|" + "---|" * (len(names) + 1))
    means = [sum(run[name] for run in base) / seeds for name in names]
    typer.echo("| as it is | " + " | ".join(f"{mean:.4g}" for mean in means) + " |")
    for switch, settings in changed.items():
        runs = [outcomes(summary) for summary in run_seeds(settings, seeds)]
        cells = []
        for name in names:
            mean, deviation = paired([run[name] for run in base], [run[name] for run in runs])
            cells.append(f"{mean:+.3g} ({deviation:.2g})")
        typer.echo(f"| {switch} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    from ..run.border import script

    script(main)
