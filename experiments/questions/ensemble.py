"""The same scenario under many seeds: default rates, names that fail, losses.

uv run python -m firesale.experiments.questions.ensemble calm --seeds 100
uv run python -m firesale.experiments.questions.ensemble baseline --no-beliefs

Each seed draws its own judgements and its own books within what is believed of them; with
``--no-beliefs`` all seeds share one book and one set of settings, and only luck differs.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..look import words

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario

FREQUENT_SHARE = 0.25
CONFIDENCE = 0.95
BELIEFS = Annotated[
    bool,
    typer.Option(
        "--beliefs/--no-beliefs", help="Each seed draws judgements and books within beliefs."
    ),
]


def with_beliefs(scenario: Scenario, beliefs: bool) -> Scenario:
    """The scenario, drawing within beliefs if wanted."""
    return scenario.changed({"opening.beliefs": True}, "--beliefs") if beliefs else scenario


def run_seeds(scenario: Scenario, seeds: int, first: int = 1) -> list[dict[str, Any]]:
    """Summaries of ``seeds`` runs with seeds first, first + 1, ..."""
    from ...market.simulation import Simulation

    return [Simulation(scenario, seed).run().summary() for seed in range(first, first + seeds)]


def describe(summaries: list[dict[str, Any]], days: int) -> list[str]:
    """The ensemble in lines of text: rates a year, quantiles over seeds, frequent names."""
    import numpy as np

    years = days / 365.0
    seeds = len(summaries)
    lines = []
    for kind in ("miner", "neocloud"):
        count = np.array([summary["defaults"][kind] for summary in summaries], float)
        rates = count / summaries[0]["population"][kind] / years
        error = rates.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else float("nan")
        lines.append(
            f"{kind + 's':<10} default rate {rates.mean():7.2%} a year (s.e. {error:.2%}); "
            f"defaults a run {count.mean():.1f}, at most {count.max():.0f}"
        )
    borrowers = sum(summaries[0]["population"][kind] for kind in ("miner", "neocloud"))
    total = np.array([sum(s["defaults"].values()) for s in summaries], float)
    lines.append(f"all        default rate {total.mean() / borrowers / years:7.2%} a year")
    loss = np.array([summary["loss_usd"]["total"] for summary in summaries]) / 1e6
    low, mid, high = np.percentile(loss, [5, 50, 95])
    lines.append(
        f"loss [USD m]  mean {loss.mean():,.0f}, 5/50/95 % {low:,.0f} / {mid:,.0f} / {high:,.0f}"
    )
    lines += without_largest(summaries)
    left = [s["loss_usd"]["unresolved_share"] for s in summaries]
    known_share = [share for share in left if share is not None]
    if known_share:
        lines.append(f"claims unresolved: mean {np.mean(known_share):.0%}")
    worst = [max([0.0, *s["lender_loss_share_of_capital"].values()]) for s in summaries]
    impaired = Counter(name for s in summaries for name in s["impaired_lenders"])
    lines.append(
        f"worst lender's loss, share of capital: mean {np.mean(worst):.1%}, "
        f"95 % {np.percentile(worst, 95):.1%}; below minimum capital in seeds: "
        + (", ".join(f"{name} {count}" for name, count in impaired.most_common()) or "none")
    )
    ended = Counter(name for s in summaries for name in s["defaulted"]["lender"])
    closed = Counter(name for s in summaries for name in s["sleeves_closed"])
    lines.append(
        "lenders failed in seeds: "
        + (", ".join(f"{name} {count}" for name, count in ended.most_common()) or "none")
        + "; closed: "
        + (", ".join(f"{name} {count}" for name, count in closed.most_common()) or "none")
    )
    trees = Counter(summary["linked"]["largest"] for summary in summaries)
    number = np.mean([summary["linked"]["per_failure"] for summary in summaries])
    lines.append(
        "largest tree of linked failures (failures: seeds): "
        + ", ".join(f"{size}: {trees[size]}" for size in sorted(trees))
        + f"; touched per failure, mean {number:.3f}"
    )
    for key in ("reported", "second_hand", "realisable", "realisable_90_days"):
        values = [summary["ltv"][key] for summary in summaries]
        lines.append(f"{key.replace('_', ' ')} LTV, worst day: mean {np.mean(values):.0%}")
    for name in summaries[0]["recovery"]:
        known = [s["recovery"][name] for s in summaries if s["recovery"][name] is not None]
        if known:
            lines.append(f"recovery {name:<10} mean {np.mean(known):.0%} in {len(known)} seeds")
    causes: Counter[str] = Counter()
    for summary in summaries:
        causes.update(summary["defaults_by_cause"])
    lines.append(
        "causes: " + ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
    )
    names = Counter(
        name for s in summaries for kind in ("miner", "neocloud") for name in s["defaulted"][kind]
    )
    frequent = [(name, n / seeds) for name, n in names.most_common() if n > FREQUENT_SHARE * seeds]
    lines.append(
        f"in more than {FREQUENT_SHARE:.0%} of seeds: "
        + (", ".join(f"{name} {share:.0%}" for name, share in frequent) or "nobody")
    )
    lines.append(f"worst conservation error {max(s['conservation_error'] for s in summaries):.1e}")
    return lines


def without_largest(summaries: list[dict[str, Any]]) -> list[str]:
    """Losses on loans to all but the largest borrower, and how often that one fails."""
    import numpy as np

    from ..look.intervals import exact_interval

    mine = [summary["largest_borrower"] for summary in summaries]
    loss = np.array([run["loss_without_usd"] for run in mine]) / 1e6
    low, mid, high = np.percentile(loss, [5, 50, 95])
    fails, runs = sum(run["fails"] for run in mine), len(mine)
    least, most = exact_interval(np.array([fails]), np.array([runs]), CONFIDENCE)
    defaults = np.mean([run["defaults_without"] for run in mine])
    return [
        f"  losses on loans to {mine[0]['id']} left out: mean {loss.mean():,.0f}, 5/50/95 % "
        f"{low:,.0f} / {mid:,.0f} / {high:,.0f}; {defaults:.1f} other defaults a run",
        f"  {mine[0]['id']}, the largest borrower, fails in {fails} of {runs} seeds "
        f"({fails / runs:.1%}; {CONFIDENCE:.0%} interval {least[0]:.1%} to {most[0]:.1%})",
    ]


def main(
    scenario: Annotated[str, typer.Argument(help="Name or .toml file.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 1.")] = 20,
    setting: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
    beliefs: BELIEFS = True,
) -> None:
    """Run a scenario under many seeds and describe the ensemble."""
    from ...market.scenario.errors import InputError
    from ...market.scenario.scenario import Scenario

    try:
        chosen = with_beliefs(Scenario.load(scenario).with_settings(setting or []), beliefs)
        summaries = run_seeds(chosen, seeds)
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    drawn = "drawn within beliefs" if chosen.opening.beliefs else "as they stand"
    typer.echo(
        f"{chosen.name}: {words.times(seeds, 'seed')}, {words.times(chosen.days, 'day')}; books "
        f"and judgements {drawn}"
    )
    for line in describe(summaries, chosen.days):
        typer.echo("  " + line)


if __name__ == "__main__":
    from ..run.border import script

    script(main)
