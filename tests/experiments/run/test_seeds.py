"""`firesale run --seeds`: luck apart from change, on the same seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from firesale.experiments.cli import main
from firesale.experiments.run.seeds import (
    change,
    difference_of,
    lines_of,
    seeds_of,
    summary_of,
    text,
)
from firesale.market.scenario.errors import InputError

MADE = pd.DataFrame(
    {
        "seed": [1, 2, 3],
        "defaults.miner": [10.0, 20.0, 30.0],
        "loss_usd.total": [1e9, 2e9, 3e9],
        "recovery.gpu": [None, 0.5, None],
    }
)


def test_spread_and_change_by_hand() -> None:
    found = summary_of(MADE)
    assert found["defaults.miner"] == {"median": 20.0, "p5": 11.0, "p95": 29.0, "runs": 3}
    assert found["recovery.gpu"]["runs"] == 1 and "recovery.asic" not in found
    other = MADE.assign(**{"loss_usd.total": [1.5e9, 2.5e9, 3.5e9]})[::-1]  # matched by seed
    moved = difference_of(MADE, other)
    assert moved["loss_usd.total"]["mean"] == moved["loss_usd.total"]["low"] == 5e8
    assert moved["recovery.gpu"]["runs"] == 1 and moved["recovery.gpu"]["high"] == float("inf")
    told = {"as it is": found, "changed": summary_of(other), "difference": moved}
    lines = {line[0]: line[1:] for line in lines_of(told)}
    assert lines["Lenders' loss on loans"][2] == "+$500m (+$500m to +$500m)"
    assert lines["Recovery of GPUs"][2] == "+0.0 (open to open) points"
    assert (text("ltv.reported", 0.714), change("ltv.reported", -0.0215)) == ("71 %", "−2.1")


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])
    assert ended.value.code == 0


def test_a_change_is_run_beside_the_scenario_of_the_same_length(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "many"
    arguments = ["--seeds", "3-4", "--days", "20", "--set", "crypto.crash_depth=0.9"]
    run("crypto-crash", *arguments, "--out", str(out))
    said = capsys.readouterr().out
    assert "seeds 3 to 4" in said and "as it is: median" in said and "mean change" in said
    rows = pd.read_csv(out / "runs.csv")
    assert list(zip(rows["scenario"], rows["seed"], rows["days"], strict=True)) == [
        ("as it is", 3, 20), ("as it is", 4, 20), ("changed", 3, 20), ("changed", 4, 20),
    ]  # fmt: skip
    assert set(json.loads((out / "summary.json").read_text())) == {
        "as it is", "changed", "difference",
    }  # fmt: skip


def test_without_a_change_there_is_one_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("calm", "--seeds", "1-2", "--days", "5", "--json", "--out", str(tmp_path / "x"))
    assert set(json.loads(capsys.readouterr().out)) == {"calm"}


@pytest.mark.parametrize("given", ["5", "3-1", "a-b", "1-2-3", "-1-2", "0-99999999999999999999"])
def test_what_is_no_span_of_seeds_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="is not of the form A-B, as in 1-20"):
        seeds_of(given)


def test_too_many_runs_are_a_sweep() -> None:
    with pytest.raises(InputError, match="--seeds: 10,001 runs are too many for one call"):
        seeds_of("1-10001")
    assert len(seeds_of("1-10000")) == 10_000


def test_codes_for_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "calm", "--seeds", "1-2", "--anonymous"])
    assert ended.value.code == 2
    assert "--seeds: runs over seeds name no party; leave out --anonymous." in (
        capsys.readouterr().err
    )
