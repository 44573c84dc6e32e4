"""A forecast of which nothing is known yet: whom it reports on, what it publishes, its seal."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from backtest_runs import MONTHS, SCOPE, found, observation

from firesale.experiments import cli
from firesale.experiments.backtest import forecast, seal
from firesale.experiments.backtest.crises import CRISES, crisis_of
from firesale.experiments.backtest.evaluate import Known, unscored
from firesale.experiments.backtest.findings import as_json
from firesale.experiments.backtest.monthly import month_ends
from firesale.experiments.backtest.picture import Picture
from firesale.experiments.run.files import plain
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario

FLAT = [10.0] * len(MONTHS)
RUNS = [
    replace(
        observation(1, {"WEAK": (100, "dscr")}, {"BANK": 310}),
        lender_causes={"BANK": "losses"},
        lender_loss_usd={"BANK": 4.0},
        troubles={"margin_call": {"FIRM": 50, "SMALL_1": 60}},
        monthly={"hashprice_usd_ph_day": FLAT, "h100_used_usd": FLAT},
        spreads={"WEAK": [0.05, 0.06, *[float("nan")] * (len(MONTHS) - 2)]},
    ),
    replace(
        observation(2),
        monthly={"hashprice_usd_ph_day": [2.0 * x for x in FLAT], "h100_used_usd": FLAT},
        spreads={"WEAK": [0.05] * len(MONTHS)},
    ),
]


def published() -> dict[str, Any]:
    result = found(*RUNS)
    said = unscored(result, CRISES["2026"].peak)
    data: dict[str, Any] = json.loads(json.dumps(plain(as_json(result, said)), allow_nan=False))
    return data


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["backtest", *arguments])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


# --- what is published ---


def test_each_figure_of_a_month_has_its_band() -> None:
    first = published()["months"][0]
    assert first["month"] == MONTHS[0]
    assert first["hashprice_usd_ph_day"] == {"p10": 11.0, "median": 15.0, "p90": 19.0}
    assert first["h100_used_usd"] == {"p10": 10.0, "median": 10.0, "p90": 10.0}


def test_a_spread_is_of_the_runs_in_which_the_note_is_paid() -> None:
    rows = {row["month"]: row for row in published()["issuers"]}
    assert rows[MONTHS[1]]["id"] == "WEAK"
    assert rows[MONTHS[1]]["spread_bp"] == pytest.approx(550.0)
    assert rows[MONTHS[2]]["spread_bp"] == pytest.approx(500.0)  # of one run


def test_lenders_have_cause_and_loss_and_borrowers_what_came_before() -> None:
    data = published()
    bank = next(row for row in data["lenders"] if row["id"] == "BANK")
    assert bank["cause"] == "losses" and bank["loss_usd"]["median"] == 2.0
    rows = {row["id"]: row for row in data["borrowers"]}
    assert rows["FIRM"]["margin_call_probability"] == 0.5
    assert rows["SMALL"]["margin_call_probability"] == 0.25  # one of two parties in one of two runs
    assert rows["WEAK"]["covenant_breach_probability"] == 0.0


def test_a_forecast_asks_for_no_outcome() -> None:
    assert set(published()["score"]) == {"runs", "opening", "days", "sequence", "wave"}


def test_the_page_says_what_the_data_say() -> None:
    result = found(*RUNS)
    said = unscored(result, CRISES["2026"].peak)
    picture = Picture(CRISES["2026"], result, result, Known.nothing(), said, {})
    assert "Of 3 named borrowers 0.5 default on average" in forecast.headline(picture)
    tables = {table.title: table for table in forecast.tables(picture)}
    weak = next(row for row in tables["Who fails, when, and why"].rows if row[0] == "WEAK")
    assert weak[1] == "50%" and weak[3] == "2022-04-10"
    assert tables["Month by month"].rows[0][1] == "15.0 (11.0–19.0)"
    (issuer,) = tables["Spreads of issuers"].rows
    assert issuer[:2] == ("WEAK", "500 (500–500)")
    (bank, _) = tables["Lenders"].rows
    assert bank[0] == "BANK" and len(tables["Small borrowers"].rows) == 2


def test_a_month_ends_with_its_last_simulated_day() -> None:
    import datetime as dt

    import numpy as np

    assert month_ends(np.array([1.0, 2.0, 3.0, 4.0]), dt.date(2022, 1, 30)) == [2.0, 4.0]


# --- whom it reports on ---


def test_everybody_in_the_books_of_2025_is_in_scope_once() -> None:
    from firesale.market.simulation import Simulation

    scope = crisis_of("2026").scope()
    market = Simulation(Scenario.load("backtest-2026")).market
    small = {name for names in scope.members.values() for name in names}
    named = scope.borrowers.keys() - scope.members.keys()
    assert named | small == set(market.names.parties[: market.borrower_count])
    assert not named & small and set(scope.members) == {"REST_2025", "REST_NEO"}
    lenders = market.names.parties[market.borrower_count : market.first_buyer]
    assert list(scope.lenders) == list(lenders)


def test_the_books_and_the_labels_of_a_crisis_belong_together() -> None:
    assert SCOPE.imposed == {"FUND"}
    assert not CRISES["2026"].scored and CRISES["2022"].scored
    with pytest.raises(InputError, match="no back-test of '1929'; allowed: 2022, 2026"):
        crisis_of("1929")


# --- the seal ---


FORECAST = {"borrowers": [{"id": "WEAK", "default_probability": 0.5}]}


def sealed(path: Path, forecast: dict[str, Any], changed: int = 0) -> dict[str, Any]:
    whole = seal.sealed("backtest-2026", forecast, 2, seal.may_seal(path), changed)
    path.write_text(json.dumps(whole), encoding="utf-8")
    return whole


def test_a_seal_holds_what_was_sealed(tmp_path: Path) -> None:
    path = tmp_path / "sealed-2026.json"
    whole = sealed(path, FORECAST)
    assert seal.is_whole(seal.read_seal(path))
    assert "market/data/2026/market_weekly.csv" in whole["sources_sha256"]
    assert "market/data/2025/loans.csv" in whole["sources_sha256"]
    assert not seal.changed_since(whole)
    whole["forecast"]["borrowers"][0]["default_probability"] = 0.6
    path.write_text(json.dumps(whole), encoding="utf-8")
    assert not seal.is_whole(seal.read_seal(path))


def test_what_is_no_sealed_forecast_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sealed-2026.json"
    for content in (b"", b"\xff", b"[]", b"{}", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is no sealed forecast"):
            seal.read_seal(path)
    path.unlink()
    os.mkfifo(path)  # whoever reads it waits for ever
    with pytest.raises(InputError, match="is no sealed forecast"):
        seal.read_seal(path)


def test_what_a_seal_rests_on_may_change_and_that_is_said(tmp_path: Path) -> None:
    whole = sealed(tmp_path / "sealed-2026.json", FORECAST)
    whole["sources_sha256"]["market/data/2025/loans.csv"] = "0"
    assert seal.changed_since(whole) == ["market/data/2025/loans.csv"]


def test_a_seal_rests_on_the_books_that_its_scenario_opens() -> None:
    past, coming = (
        {name.split("/")[2] for name in seal.sources(scenario) if name.startswith("market/data/")}
        for scenario in ("backtest-2022", "backtest-2026")
    )
    assert past == {"2021", "history"} and coming == {"2025", "2026", "history"}


def test_a_seal_is_replaced_only_after_a_row_of_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sealed-2026.json"
    first = sealed(path, FORECAST)
    before = path.read_text(encoding="utf-8")
    assert call("2026", "--runs", "1", "--seal", str(path)) == 2
    error = capsys.readouterr().err
    assert "is not replaced; write first what changed and why as a new row of" in error
    assert error.count("\n") == 1 and path.read_text(encoding="utf-8") == before
    table = tmp_path / "changes-2026.csv"
    table.write_text("date,what,why,before,after\n2026-12-01,a,b,c,d\n", encoding="utf-8")
    second = sealed(path, FORECAST, len(seal.changes(path)))
    assert second["earlier"] == [{k: first[k] for k in ("sealed", "forecast_sha256")}]
    with pytest.raises(InputError, match="is not replaced"):
        seal.may_seal(path)  # the row is used up


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--counterfactuals"], "--counterfactuals: is not allowed for 2026"),
        (["--seal", "x.json", "--set", "marks.evidence_weight=1"], "as it is, without --set"),
        (["--seal", "x.json", "--fixed-rules"], "without --set and --fixed-rules"),
        (["--set", "compute.path=law"], 'so compute.path stays "history"'),
        (["--set", "days=30"], "so days stays 327"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("2026", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and sentence in err and err.count("\n") == 1


def test_a_file_that_is_no_seal_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("[1]")
    with pytest.raises(InputError, match="is no sealed forecast"):
        seal.may_seal(path)
