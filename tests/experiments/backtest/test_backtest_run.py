"""The back-test as a command: refusals, what it prints, what it writes, the same bits anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from firesale.experiments import cli
from firesale.experiments.backtest.crises import CRISES
from firesale.experiments.backtest.ensemble import jobs_of, observe_all
from firesale.experiments.backtest.observe import LISTED, listed_miners
from firesale.experiments.backtest.scope import scope
from firesale.market.scenario.scenario import SCENARIO_FOLDER, Scenario
from firesale.market.simulation import Simulation

DAYS = 33


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["backtest", *arguments])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["2021"], "There is no back-test of '2021'; allowed: 2022, 2026."),
        (["2022", "--runs", "0"], "--runs 0: is not allowed; from 1 to 100,000."),
        (["2022", "--workers", "0"], "--workers 0: is not allowed; at least 1."),
        (["2022", "--set", "nonsense"], "is not of the form key=value"),
        (["2022", "--set", "days=30"], "--set days=30: is not allowed; the back-test of 2022 is"),
        (["2022", "--set", "days=30"], "scored on the past that it replays, so days stays 546."),
        (
            ["2022", "--set", "crypto.path=random", "--set", "crypto.network=modelled"],
            '--set crypto.path="random": is not allowed',
        ),
        (["2022", "--set", "crypto.path=random"], "the network's hashrate is replayed with prices"),
        (["2022", "--set", "crypto.network=modelled"], 'so crypto.network stays "history".'),
        (["2022", "--set", "macro.path=factor"], 'so macro.path stays "history".'),
        (["2022", "--set", "opening.start=2025"], 'so opening.start stays "2021".'),
        (["2022", "--set", "crypto.history=mine.csv"], 'so crypto.history stays "packaged".'),
        (["2022", "--runs", "many"], "Invalid value for '--runs'"),
        ([], "YEAR"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err and err.count("\n") == 1


def test_a_folder_that_is_not_empty_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert call("2022", "--out", str(tmp_path)) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_everybody_in_scope_stands_in_the_books() -> None:
    state = Simulation(Scenario.load("backtest-2022")).market
    parties = set(state.names.parties)
    assert scope().borrowers.keys() - scope().members.keys() <= parties
    assert scope().lenders.keys() <= parties
    assert {name for names in scope().members.values() for name in names} <= parties


def test_public_sums_of_coins_are_of_those_who_report_by_month() -> None:
    simulation = Simulation(Scenario.load("backtest-2022"))
    parties = np.array(simulation.market.names.parties[: simulation.market.borrower_count])
    every = set(parties[listed_miners(simulation)])
    monthly = set(parties[listed_miners(simulation, scope().not_monthly)])
    assert every - monthly == scope().not_monthly
    assert {"CORZ", "MARA", "RIOT", "BITF"} <= monthly < every


@pytest.mark.slow
def test_observations_are_the_same_whatever_the_workers() -> None:
    base = Scenario.load("backtest-2022").with_settings(["opening.sample=true", f"days={DAYS}"])
    jobs = jobs_of(base, {"one": (), "two": ('facts.shocks="none"',)}, 2)
    here = observe_all(jobs, 1, quiet=True)
    there = observe_all(jobs, 2, quiet=True)
    assert repr(here) == repr(there)
    assert [(o.seed, o.arm) for o in here] == [(1, "one"), (1, "two"), (2, "one"), (2, "two")]
    assert here[0].mined_btc[LISTED][1] > 0.0
    assert here[0].price_usd != here[2].price_usd  # each seed is another book


@pytest.mark.slow
def test_the_command_from_books_to_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, short = tmp_path / "backtest", tmp_path / f"{CRISES['2022'].scenario}.toml"
    whole = (SCENARIO_FOLDER / short.name).read_text(encoding="utf-8")
    assert "days = 546" in whole
    short.write_text(whole.replace("days = 546", f"days = {DAYS}"), encoding="utf-8")
    monkeypatch.setattr("firesale.market.scenario.scenario.SCENARIO_FOLDER", tmp_path)
    options = ["--runs", "2", "--workers", "1", "--counterfactuals"]
    assert call("2022", *options, "--json", "--out", str(folder)) == 0
    out, _ = capsys.readouterr()
    data = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} in the output"))
    assert json.loads((folder / "backtest.json").read_text(encoding="utf-8")) == data
    assert [row["month"] for row in data["btc_sold"]] == ["2021-12", "2022-01", "2022-02"]
    assert {row["id"] for row in data["borrowers"]} >= {"CORZ", "IREN-SPV1", "REST_001"}
    assert all(0.0 <= row["default_probability"] <= 1.0 for row in data["borrowers"])
    page = (folder / "report.html").read_text(encoding="utf-8")
    for path in (folder / "figures").iterdir():
        assert f'src="figures/{path.name}"' in page
    assert {path.stem for path in (folder / "figures").iterdir()} == {
        "timeline",
        "wave",
        "calibration",
        "rig-price",
        "btc-sold",
        "counterfactuals",
    }
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["seeds"] == [1, 2]
