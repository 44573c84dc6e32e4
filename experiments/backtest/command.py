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
from ..run.writing import write_text
from .crises import CRISES, Crisis, crisis_of
from .seal import changes, may_seal, sealed

if TYPE_CHECKING:
    from ...market.scenario.scenario import Scenario
    from .findings import Findings
    from .picture import Picture

REPLAYED = (
    "days",
    "opening.start",
    "crypto.path",
    "crypto.history",
    "crypto.history_rescale",
    "crypto.history_from_opening",
    "crypto.network",
    "macro.path",
    "compute.path",
)
"""Settings that say which past is replayed: outcomes are known for that one only."""
DEFAULT_RUNS = 32
MOST_RUNS = 100_000


@dataclass(frozen=True)
class Plan:
    """What is run: a crisis, its scenario, what the user changes, seeds, and how much of it."""

    crisis: Crisis
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
    seal: Path | None = None,
) -> None:
    """Run the ensemble, score it where outcomes are known, and print, write or seal the result.

    Raises:
        InputError: no such year, a number of runs that is none, another past than that of the
            outcomes, a folder that is not free, a seal that may not be replaced.
    """
    crisis = crisis_of(year)
    if not 1 <= runs <= MOST_RUNS:
        raise InputError(f"--runs {runs}: is not allowed; from 1 to {MOST_RUNS:,}.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: is not allowed; at least 1.")
    insist_on("cluster", "firesale backtest")
    from ...market.scenario.scenario import Scenario

    base = Scenario.load(crisis.scenario).with_settings(["opening.sample=true"])
    _refuse_another_past(base, settings, year)
    if counterfactuals and not crisis.scored:
        raise InputError(
            f"--counterfactuals: is not allowed for {year}; they change the replay of "
            f"{', '.join(c.year for c in CRISES.values() if c.scored)}."
        )
    before = None
    if seal is not None:
        if settings or fixed_rules:
            raise InputError(
                "--seal: a sealed forecast is that of the scenario as it is, without --set and "
                "--fixed-rules."
            )
        before = may_seal(seal)
    folder = RunFolder(out, crisis.scenario) if out is not None or not as_json else None
    plan = Plan(crisis, base, tuple(settings), runs, counterfactuals, fixed_rules)
    picture, data = run_ensemble(plan, workers)
    published = plain(data)
    text = json.dumps(published, indent=2, ensure_ascii=False, allow_nan=False)
    if seal is not None:
        whole = sealed(crisis.scenario, published, runs, before, len(changes(seal)))
        write_text(seal, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
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
    from .evaluate import Known, score, score_arms, score_borrowers, unscored
    from .findings import as_json, borrower_rows, findings
    from .picture import Picture
    from .rivals import balances
    from .words import as_data

    crisis, base = plan.crisis, plan.base.with_settings([*plan.settings])
    scope = crisis.scope()
    arms = other.arms() if plan.counterfactuals else other.arms(other.LATER_DRAWS)
    if not crisis.scored:
        arms = {other.AS_IT_WAS: ()}
    mine = {arm: (*plan.settings, *settings) for arm, settings in arms.items()}
    jobs = jobs_of(plan.base, mine, plan.runs, fixed_rules=plan.fixed_rules, crisis=crisis.year)
    books = base.with_settings(["opening.sample=false"])
    opened = Simulation(books)
    observations = observe_all(jobs, workers)

    def found_in(arm: str) -> Findings:
        chosen = [o for o in observations if o.arm == arm]
        market = opened.market
        return findings(chosen, market.crypto.start, base.days, scope, market.names.loans)

    found = found_in(other.AS_IT_WAS)
    if not crisis.scored:
        said = unscored(found, crisis.peak)
        return Picture(crisis, found, found, Known.nothing(), said, {}), as_json(found, said)
    later = found_in(other.LATER_DRAWS)
    known, balance = Known.read(), balances(opened)
    scored = score(found, balance, known)
    all_drawn = Simulation(books.with_settings([*arms[other.LATER_DRAWS]]))
    drawn = balances(all_drawn, with_draws=True)
    scored["with_later_draws"] = score_borrowers(later, drawn, known)
    scored["with_later_draws"]["borrowers"] = borrower_rows(later)
    compared = {}
    if plan.counterfactuals:
        compared = other.compare(observations, scope, found.months)
        scored["counterfactuals"] = as_data(compared)
        names = scored["borrowers"]["with_borderline"]["names"]
        scored["arms"] = score_arms(
            other.forecasts_by_arm(observations, names),
            [known.outcomes[name].defaulted for name in names],
        )
    return Picture(crisis, found, later, known, scored, compared), as_json(found, scored)


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
