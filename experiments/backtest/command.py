"""What ``firesale backtest`` does and prints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...market.scenario.errors import InputError
from ...market.scenario.extras import insist_on
from ..run.files import plain
from ..run.folder import RunFolder

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario
    from .picture import Picture

SCENARIOS = {"2022": "backtest-2022"}
REPLAYED = (
    "days",
    "opening.start",
    "crypto.path",
    "crypto.history",
    "crypto.history_rescale",
    "crypto.history_from_opening",
    "crypto.network",
    "macro.path",
)
"""Settings that say which past is replayed: outcomes are known for that one only."""
DEFAULT_RUNS = 32
MOST_RUNS = 100_000


@dataclass(frozen=True)
class Plan:
    """What is run: a scenario, what the user changes, seeds, and how much of it."""

    base: Scenario
    settings: tuple[str, ...]
    runs: int
    counterfactuals: bool
    fixed_rules: bool


def backtest(
    year: str,
    runs: int,
    out: Path | None,
    *,
    as_json: bool,
    counterfactuals: bool,
    workers: int | None,
    fixed_rules: bool,
    settings: list[str],
) -> None:
    """Run the ensemble, score it, and print or write the result.

    Raises:
        InputError: no such year, a number of runs that is none, another past than that of the
            outcomes, a folder that is not free.
    """
    if year not in SCENARIOS:
        raise InputError(f"There is no back-test of '{year}'; allowed: {', '.join(SCENARIOS)}.")
    if not 1 <= runs <= MOST_RUNS:
        raise InputError(f"--runs {runs}: is not allowed; from 1 to {MOST_RUNS:,}.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: is not allowed; at least 1.")
    insist_on("cluster", "firesale backtest")
    from ...market.scenario.scenario import Scenario

    base = Scenario.load(SCENARIOS[year]).with_settings(["opening.sample=true"])
    _refuse_another_past(base, settings, year)
    folder = RunFolder(out, SCENARIOS[year]) if out is not None or not as_json else None
    plan = Plan(base, tuple(settings), runs, counterfactuals, fixed_rules)
    picture, data = run_ensemble(plan, workers)
    text = json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False)
    written = None
    if folder is not None:
        from .page import write_page

        def fill(part: Path) -> None:
            (part / "backtest.json").write_text(text + "\n", encoding="utf-8")
            write_page(picture, part)
            if picture.compared:
                from .counterfactuals import table

                table(picture.compared).to_csv(part / "counterfactuals.csv", index=False)
            manifest = json.dumps(_manifest(plan), indent=2)
            (part / "manifest.json").write_text(manifest + "\n", encoding="utf-8")

        written = folder.fill(fill)
    if as_json:
        typer.echo(text)
    elif written is not None:
        from .page import show

        show(picture, written)


def _refuse_another_past(base: Scenario, settings: list[str], year: str) -> None:
    """Known outcomes say nothing about days and prices that were never replayed."""
    changed = base.with_settings(settings)
    for key in REPLAYED:
        *sections, leaf = key.split(".")
        was, now = (
            getattr(getattr(scenario, sections[0]) if sections else scenario, leaf)
            for scenario in (base, changed)
        )
        if was != now:
            raise InputError(
                f"--set {key}={json.dumps(now)}: is not allowed; the back-test of {year} is scored "
                f"on the past that it replays, so {key} stays {json.dumps(was)}."
            )


def run_ensemble(plan: Plan, workers: int | None) -> tuple[Picture, dict[str, Any]]:
    """Make the runs; returns what pictures are drawn from, and the published data."""
    from ...market.simulation import Simulation
    from . import counterfactuals as other
    from .ensemble import jobs_of, observe_all
    from .evaluate import Known, score, score_arms, score_borrowers
    from .findings import as_json, borrower_rows, findings
    from .picture import Picture
    from .rivals import balances
    from .scope import scope
    from .words import as_data

    base = plan.base.with_settings([*plan.settings])
    arms = other.arms() if plan.counterfactuals else other.arms(other.LATER_DRAWS)
    mine = {arm: (*plan.settings, *settings) for arm, settings in arms.items()}
    jobs = jobs_of(plan.base, mine, plan.runs, fixed_rules=plan.fixed_rules)
    books = base.with_settings(["opening.sample=false"])
    opened = Simulation(books)
    observations = observe_all(jobs, workers)
    found, later = (
        findings(
            [o for o in observations if o.arm == arm],
            opened.market.crypto.start,
            base.days,
            scope(),
            opened.market.names.loans,
        )
        for arm in (other.AS_IT_WAS, other.LATER_DRAWS)
    )
    known, balance = Known.read(), balances(opened)
    scored = score(found, balance, known)
    all_drawn = Simulation(books.with_settings([*arms[other.LATER_DRAWS]]))
    drawn = balances(all_drawn, with_draws=True)
    scored["with_later_draws"] = score_borrowers(later, drawn, known)
    scored["with_later_draws"]["borrowers"] = borrower_rows(later)
    compared = {}
    if plan.counterfactuals:
        compared = other.compare(observations, scope(), found.months)
        scored["counterfactuals"] = as_data(compared)
        names = scored["borrowers"]["with_borderline"]["names"]
        scored["arms"] = score_arms(
            other.forecasts_by_arm(observations, names),
            [known.outcomes[name].defaulted for name in names],
        )
    return Picture(found, later, known, scored, compared), as_json(found, scored)


def _manifest(plan: Plan) -> dict[str, Any]:
    """What is needed to repeat the back-test."""
    from ...market.opening.beliefs import beliefs_in
    from ..run.files import source_hash, version
    from .counterfactuals import ARMS

    return {
        "command": "backtest",
        "scenario": plan.base.with_settings([*plan.settings]).model_dump(mode="json"),
        "seeds": [1, plan.runs],
        "drawn_rules": {
            row.parameter: {"low": row.low, "high": row.high, "distribution": row.distribution}
            for row in beliefs_in(plan.base)
            if not plan.fixed_rules
        },
        "settings": list(plan.settings),
        "arms": {arm.title: list(arm.settings) for arm in ARMS} if plan.counterfactuals else {},
        "versions": {name: version(name) for name in ("firesale", "numpy", "numba")},
        "source_sha256": source_hash(),
    }
