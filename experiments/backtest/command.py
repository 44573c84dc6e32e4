"""What ``firesale backtest`` does and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from experiments.run_folder import RunFolder, plain
from market.errors import InputError

if TYPE_CHECKING:
    from experiments.backtest.figures import Picture
    from market.scenario import Scenario

SCENARIOS = {"2022": "backtest-2022"}
DEFAULT_RUNS = 24
MOST_RUNS = 100_000


def backtest(
    year: str,
    runs: int,
    out: Path | None,
    *,
    as_json: bool,
    counterfactuals: bool,
    workers: int | None,
    settings: list[str],
) -> None:
    """Run the ensemble, score it, and print or write the result.

    Raises:
        InputError: no such year, a number of runs that is none, a folder that is not free.
    """
    if year not in SCENARIOS:
        raise InputError(f"There is no back-test of '{year}'; allowed: {', '.join(SCENARIOS)}.")
    if not 1 <= runs <= MOST_RUNS:
        raise InputError(f"--runs {runs}: is not allowed; from 1 to {MOST_RUNS:,}.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: is not allowed; at least 1.")
    folder = RunFolder(out, SCENARIOS[year]) if out is not None or not as_json else None
    from market.scenario import Scenario

    base = Scenario.load(SCENARIOS[year]).with_settings(["opening.sample=true", *settings])
    picture, data = run_ensemble(base, runs, counterfactuals, workers, quiet=False)
    text = json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False)
    written = None
    if folder is not None:
        from experiments.backtest.page import write_page

        def fill(part: Path) -> None:
            (part / "backtest.json").write_text(text + "\n", encoding="utf-8")
            write_page(picture, part)
            if len(picture.compared) > 1:
                from experiments.backtest.counterfactuals import table

                table(picture.compared).to_csv(part / "counterfactuals.csv", index=False)
            manifest = json.dumps(_manifest(base, runs, counterfactuals), indent=2)
            (part / "manifest.json").write_text(manifest + "\n", encoding="utf-8")

        written = folder.fill(fill)
    if as_json:
        typer.echo(text)
    elif written is not None:
        from experiments.backtest.page import show

        show(picture, written)


def run_ensemble(
    base: Scenario, runs: int, counterfactuals: bool, workers: int | None, *, quiet: bool
) -> tuple[Picture, dict[str, Any]]:
    """Make the runs; returns what pictures are drawn from, and the published data."""
    from experiments.backtest import counterfactuals as other
    from experiments.backtest.ensemble import jobs_of, observe_all
    from experiments.backtest.evaluate import Known, score, score_arms, score_borrowers
    from experiments.backtest.figures import Picture
    from experiments.backtest.findings import as_json, borrower_rows, findings
    from experiments.backtest.rivals import balances
    from experiments.backtest.scope import scope
    from experiments.backtest.words import as_data
    from market.simulation import Simulation

    opened = Simulation(base.with_settings(["opening.sample=false"]))
    arms = other.scenarios(base, () if counterfactuals else (other.LATER_DRAWS,))
    observations = observe_all(jobs_of(arms, runs), workers, quiet=quiet)
    found, later = (
        findings(
            [o for o in observations if o.arm == arm],
            opened.run_state.crypto.start,
            base.days,
            scope(),
            opened.state.names.loans,
        )
        for arm in (other.AS_IT_WAS, other.LATER_DRAWS)
    )
    known, balance = Known.read(), balances(opened)
    scored = score(found, balance, known)
    all_drawn = arms[other.LATER_DRAWS].with_settings(["opening.sample=false"])
    drawn = balances(Simulation(all_drawn), with_draws=True)
    scored["with_later_draws"] = score_borrowers(later, drawn, known)
    scored["with_later_draws"]["borrowers"] = borrower_rows(later)
    compared = {}
    if counterfactuals:
        compared = other.compare(observations, scope(), found.months)
        scored["counterfactuals"] = as_data(compared)
        names = scored["borrowers"]["with_borderline"]["names"]
        scored["arms"] = score_arms(
            other.forecasts_by_arm(observations, names),
            [known.outcomes[name].defaulted for name in names],
        )
    return Picture(found, later, known, scored, compared), as_json(found, scored)


def _manifest(base: Scenario, runs: int, counterfactuals: bool) -> dict[str, Any]:
    """What is needed to repeat the back-test."""
    from experiments.backtest.counterfactuals import ARMS
    from experiments.run_folder import source_hash, version

    return {
        "command": "backtest",
        "scenario": base.model_dump(mode="json"),
        "seeds": [1, runs],
        "arms": {arm.title: list(arm.settings) for arm in ARMS} if counterfactuals else {},
        "versions": {name: version(name) for name in ("firesale", "numpy", "numba")},
        "source_sha256": source_hash(),
    }
