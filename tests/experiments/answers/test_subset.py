"""Subset simulation and Shapley values on problems whose answers are known."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from firesale.experiments.answers.finding import SCENARIO
from firesale.experiments.answers.subset import (
    Level,
    Settings,
    breaches,
    probability_above,
    subsets,
)
from firesale.experiments.questions.attribution import shapley
from firesale.experiments.questions.credit_cycle import cycle
from firesale.experiments.questions.reverse_stress import _design_point, drivers_of, settings_of
from firesale.market.scenario.scenario import Scenario


def _linear(points: np.ndarray, step: int) -> np.ndarray:
    """The sum of coordinates in deviations: standard normal; and the same less a half."""
    total = points.sum(axis=1) / np.sqrt(points.shape[1])
    return np.column_stack([total, total - 0.5])


def test_a_rare_event_of_known_probability_is_found() -> None:
    threshold = 3.0
    truth = norm.sf(threshold)  # 0.00135
    found = [
        probability_above(subsets(_linear, 4, threshold, Settings(400), seed), threshold)
        for seed in range(12)
    ]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - truth) < 3.0 * error
    assert error < 0.15 * truth, "far less than plain draws: 4,800 of them see it six times"


def test_another_output_is_read_off_the_same_levels() -> None:
    found = [
        probability_above(subsets(_linear, 4, 3.0, Settings(400), seed), 1.5, 1)
        for seed in range(8)
    ]
    assert np.mean(found) == pytest.approx(norm.sf(2.0), rel=0.2)


def test_breaches_lie_above_and_toward_it() -> None:
    points, outputs = breaches(subsets(_linear, 4, 3.0, Settings(400), 1), 3.0)
    assert (outputs[:, 0] > 3.0).all()
    # the design point of a plane at 3 is 1.5 in each of four coordinates
    assert points.mean(axis=0) == pytest.approx(np.full(4, 1.6), abs=0.4)


def test_it_stops_where_nothing_lies_higher() -> None:
    def flat(points: np.ndarray, step: int) -> np.ndarray:
        return np.zeros((len(points), 2))

    levels = subsets(flat, 2, 1.0, Settings(20), 1)
    assert len(levels) <= 2
    assert probability_above(levels, 1.0) == 0.0
    assert isinstance(levels[0], Level)


def test_shapley_by_hand() -> None:
    # the glove game: a has a left one, b and c each a right one; a pair is worth 1
    players = ("a", "b", "c")
    worth = {
        frozenset(group): float("a" in group and len(group) > 1)
        for size in range(4)
        for group in itertools.combinations(players, size)
    }
    assert shapley(worth, players) == pytest.approx({"a": 2 / 3, "b": 1 / 6, "c": 1 / 6})


def test_dates_of_peaks_by_hand() -> None:
    day = np.array([0.0, 365.0, 730.0, 1095.0])
    found = cycle(day, np.array([1.0, 2.0, 1.9, 1.5]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert found["credit_peak"] == 1.0
    assert found["lag"] == 2.0
    assert found["open"] == 1.0, "work is highest on the last day: a lower bound"
    assert (found["breaks"], found["grows_meanwhile"]) == (1.0, 1.0)
    calm = cycle(day, np.array([1.0, 2.0, 1.9, 1.7]), np.array([4.0, 3.0, 2.0, 1.0]))
    assert (calm["lag"], calm["breaks"], calm["grows_meanwhile"]) == (-1.0, 0.0, 0.0)


def test_drivers_have_the_stated_joint_distribution() -> None:
    drivers = drivers_of(np.random.default_rng(1).standard_normal((40_000, 5)))
    assert drivers.mean(axis=0) == pytest.approx([0.0, -0.15, 0.0, 0.0, 60.0], abs=2.0)
    assert drivers.std(axis=0) == pytest.approx([0.62, 0.35, 1.0, 0.2, 120.0], rel=0.02)
    assert np.corrcoef(drivers.T)[0, 2] == pytest.approx(-0.4, abs=0.02)


def test_a_rise_of_bitcoin_and_ease_are_no_shock() -> None:
    good = settings_of(np.array([0.7, 0.1, -2.0, 0.0, -50.0]))
    assert good["crypto.crash_depth"] == 0.0
    assert good["macro.shock"] == 0.0
    bad = settings_of(np.array([np.log(0.23), np.log(0.5), 2.0, 0.0, 0.0]))
    assert bad["crypto.crash_depth"] == pytest.approx(0.77)
    assert bad["compute.rent_change_per_year"] == pytest.approx(-0.5)


@pytest.mark.parametrize("stress", [1.0, -3.0])
def test_the_likeliest_shock_is_a_scenario_that_can_be_run(tmp_path: Path, stress: float) -> None:
    points = np.array([[-1.5, -1.0, stress, 0.0, 0.0]])
    facts, _ = _design_point([(points, np.array([[6.0, 5.0, 12.0]]))], {})
    file = tmp_path / "shock.toml"
    file.write_text(facts[SCENARIO], encoding="utf-8")
    loaded = Scenario.load(file)
    assert (loaded.macro.shock > 0.0) == (stress > 0.0)
    assert 0.5 < loaded.crypto.crash_depth < 0.9


def test_levels_end_where_there_are_enough_of_them() -> None:
    levels = subsets(_linear, 4, 50.0, Settings(40, levels=3), 1)
    assert len(levels) == 4
    assert probability_above(levels, 50.0) == 0.0
