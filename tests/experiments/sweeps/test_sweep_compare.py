"""Two sweeps side by side: pairs where seeds are the same, and what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sweep_runs import cheap, plan

from firesale.experiments.look.intervals import Estimate
from firesale.experiments.sweeps.queries import Runs
from firesale.experiments.sweeps.runner import Driver
from firesale.experiments.sweeps.side_by_side import apart, compare, lines
from firesale.market.scenario.errors import InputError


def made(folder: Path, drift: float = 0.1, **data: object) -> Path:
    """A sweep of stand-in runs whose loss grows with the drift."""
    p = plan(**({"settings": {"crypto": {"drift": drift}}, "replicates": 8} | data))
    Driver(p, folder, simulate=cheap, quiet=True).run("serial")
    return folder


def test_same_seeds_are_pairs_and_their_difference_is_exact(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a", 0.1), made(tmp_path / "b", 0.3)
    found = {line.metric: line for line in lines(Runs.open(one), Runs.open(two))}
    loss = found["loss_usd.total"]
    assert loss.pairs == 8
    assert loss.difference.value == pytest.approx(0.2e6)  # of each pair: no spread at all
    assert loss.difference.width == pytest.approx(0.0, abs=1.0)
    assert loss.first.width > 0.2e6  # either mean alone could not tell
    told = compare(one, two)
    assert "Plans differ in: crypto.drift" in told and "8 of 8 runs" in told


def test_other_seeds_are_no_pairs(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a", seed=1), made(tmp_path / "b", seed=2)
    loss = {x.metric: x for x in lines(Runs.open(one), Runs.open(two))}["loss_usd.total"]
    assert loss.pairs == 0
    half = np.hypot(loss.first.width / 2, loss.second.width / 2)
    assert loss.difference.high - loss.difference.value == pytest.approx(half)


def test_independent_means_differ_by_three_four_five() -> None:
    found = apart(Estimate(10.0, 7.0, 13.0), Estimate(20.0, 16.0, 24.0))
    assert (found.value, found.low, found.high) == (10.0, 5.0, 15.0)


def test_arms_are_told_one_by_one_and_all_numbers_on_request(tmp_path: Path) -> None:
    arms = {"none": {}, "more": {"crypto": {"volatility": 0.9}}}
    one, two = made(tmp_path / "a", arms=arms), made(tmp_path / "b", 0.2, arms=arms)
    found = lines(Runs.open(one), Runs.open(two))
    assert {line.arm for line in found} == {"none", "more"}
    more = lines(Runs.open(one), Runs.open(two), everything=True)
    assert {line.metric for line in found} < {line.metric for line in more}
    assert "margin_called" in {line.metric for line in more}


def test_a_sweep_and_itself_differ_in_nothing(tmp_path: Path) -> None:
    one = made(tmp_path / "a")
    assert "Plans differ in: nothing" in compare(one, one)
    assert all(line.difference.value == 0.0 for line in lines(Runs.open(one), Runs.open(one)))


def refused(first: Path, second: Path) -> str:
    with pytest.raises(InputError) as refusal:
        compare(first, second)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_a_sweep_and_a_run_are_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "summary.json").write_text(json.dumps({"loss": 1}), encoding="utf-8")
    assert "is no sweep" in refused(made(tmp_path / "a"), run)
    assert "is no sweep" in refused(run, tmp_path / "a")


def test_sweeps_without_a_common_arm_are_refused(tmp_path: Path) -> None:
    one = made(tmp_path / "a", arms={"x": {}, "y": {}})
    assert "has no arm of" in refused(one, made(tmp_path / "b", arms={"z": {}}))


def test_sweeps_without_a_common_number_are_refused(tmp_path: Path) -> None:
    one = made(tmp_path / "a", outputs=["loss_usd.total"])
    two = made(tmp_path / "b", outputs=["linked.largest"])
    assert "has no number that" in refused(one, two)
