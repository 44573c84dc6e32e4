"""Many runs in one call: rows do not depend on who makes them, and failures are rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

import firesale
from firesale.experiments.run.ensemble import RunConfiguration, run_ensemble
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation

SCENARIOS = {"quiet": "calm", "loud": Scenario.load("crypto-crash")}


def test_rows_are_those_of_single_runs_whoever_makes_them() -> None:
    configuration = RunConfiguration(seeds=range(1, 3), days=20)
    rows = run_ensemble(SCENARIOS, configuration)
    assert list(zip(rows["scenario"], rows["seed"], strict=True)) == [
        ("quiet", 1), ("quiet", 2), ("loud", 1), ("loud", 2),
    ]  # fmt: skip
    assert (rows["error"] == "").all()
    alone = Simulation(Scenario.load("calm").changed({"days": 20}, "test"), 2).run().summary()
    assert rows["margin_called"][1] == alone["margin_called"]
    assert rows["loss_usd.total"][1] == alone["loss_usd"]["total"]
    with ThreadPoolExecutor(2) as executor:
        pd.testing.assert_frame_equal(rows, run_ensemble(SCENARIOS, configuration, executor))


def test_losses_are_settled_if_asked() -> None:
    settled = run_ensemble("calm", RunConfiguration(seeds=[1], days=5, resolve=True))
    assert "loss_usd.resolved_total" in settled and list(settled["scenario"]) == ["calm"]


def test_a_run_that_fails_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Simulation.run

    def broken(self: Simulation) -> Simulation:
        if self.seed == 2:
            raise RuntimeError("no more")
        return run(self)

    monkeypatch.setattr(Simulation, "run", broken)
    rows = run_ensemble("calm", RunConfiguration(seeds=(1, 2, 3), days=3))
    assert rows["error"].tolist() == ["", "RuntimeError: no more", ""]
    assert rows["loss_usd.total"].notna().tolist() == [True, False, True]


@pytest.mark.parametrize("seeds", [(), (-1,), (2**63,)])
def test_seeds_that_are_none_are_refused(seeds: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="seeds must be whole numbers from 0 to"):
        RunConfiguration(seeds=seeds)


def test_what_is_no_scenario_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match="There is no scenario 'clam'"):
        run_ensemble("clam", RunConfiguration(seeds=[1]))
    with pytest.raises(InputError, match="days = 0 is not allowed"):
        run_ensemble("calm", RunConfiguration(seeds=[1], days=0))


def test_the_front_door_has_both() -> None:
    assert firesale.run_ensemble is run_ensemble
    assert firesale.RunConfiguration is RunConfiguration
