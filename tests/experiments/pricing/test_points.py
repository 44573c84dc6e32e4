"""Points that fill their space evenly: a run keeps its law, and what they pay is told right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firesale.experiments.pricing import points
from firesale.experiments.pricing.points import BOTH, PATHS, RUNS, Latin, Made, Row
from firesale.experiments.pricing.savings import STREAMS, bridge, path_controls
from firesale.market.opening.beliefs import beliefs_in
from firesale.market.scenario.scenario import Scenario
from firesale.market.state.randomness import normals

NAMES = ["all loans", "loans to A", "loans to B"]


def sixteenths(places: np.ndarray) -> list[int]:
    return sorted(np.floor(np.asarray(places) * RUNS).astype(int))


@pytest.mark.parametrize("days", [7, 60, 203])
def test_a_bridge_turns_shocks_and_stretches_none(days: int) -> None:
    along = bridge(days)
    assert along.T @ along == pytest.approx(np.eye(4), abs=1e-12)
    # Coordinates as given, all else as drawn: together they keep a standard normal law.
    rest = np.eye(days) - along @ along.T
    assert rest @ rest.T + along @ along.T == pytest.approx(np.eye(days), abs=1e-12)


def test_a_bridge_by_hand() -> None:
    # Steps +1, +1, -1, 0 of four days: it ends at 1, at day 2 it is 2, at day 1 it is 1.
    first = bridge(4).T @ np.array([1.0, 1.0, -1.0, 0.0])
    end, middle, quarter, three_quarters = 1.0 / 2.0, 3.0 / 2.0, 0.0, -1.0 / np.sqrt(2.0)
    assert first == pytest.approx([end, middle, quarter, three_quarters])


def test_shocks_reach_their_point_and_stay_as_drawn_beside_it() -> None:
    drawn, point = normals(3, STREAMS[0], 400), np.array([1.0, -2.0, 0.5, 0.0])
    found, along = points.bridged(drawn, point), bridge(400)
    assert along.T @ found == pytest.approx(point)
    assert found - along @ point == pytest.approx(drawn - along @ (along.T @ drawn))
    assert points.bridged(drawn, along.T @ drawn) == pytest.approx(drawn)
    assert found.sum() == pytest.approx(point[0] * 20.0)  # the root of the days


def test_shocks_of_points_are_standard_normal() -> None:
    days, sets = 40, 40
    found = np.array(
        [
            points.shocks_of(100 * number + place, days, point)[STREAMS[1]]
            for number in range(sets)
            for place, point in enumerate(points.sobol(number))
        ]
    )
    count = len(found)
    assert np.abs(found.mean(axis=0)).max() < 4.5 / np.sqrt(count)
    assert np.cov(found.T) == pytest.approx(np.eye(days), abs=5.5 / np.sqrt(count))
    assert np.mean(found**4) == pytest.approx(3.0, abs=0.2)


def test_points_of_a_set_are_even_and_its_own() -> None:
    from scipy.special import ndtr

    one, other = points.sobol(0), points.sobol(1)
    assert one.shape == (RUNS, 4 * len(STREAMS))
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, points.sobol(0))
    for column in ndtr(one).T:
        assert sixteenths(column) == list(range(RUNS))
    found = points.shocks_of(5, 80, one[2])
    for place, stream in enumerate(STREAMS):
        assert bridge(80).T @ found[stream] == pytest.approx(one[2, place::3])


def test_the_same_coordinates_are_controls() -> None:
    seeds = [4, 9]
    for seed, row in zip(seeds, path_controls(seeds, 400), strict=True):
        kept = points.shocks_of(seed, 400, row.reshape(len(STREAMS), 4).T.ravel())
        for stream in STREAMS:
            assert kept[stream] == pytest.approx(normals(seed, stream, 400))


def test_draws_of_a_set_lie_one_in_each_part() -> None:
    names = ["books.miners.MARA.cash_usd_m", "marks.evidence_weight"]
    places = [[Latin(3, place).at(name) for place in range(RUNS)] for name in names]
    for of_name in places:
        assert sixteenths(of_name) == list(range(RUNS))
    assert np.argsort(places[0]).tolist() != np.argsort(places[1]).tolist()
    scores = [Latin(number, 5)[names[0]] for number in range(400)]
    assert np.mean(scores) == pytest.approx(0.0, abs=0.2)
    assert np.std(scores) == pytest.approx(1.0, abs=0.15)


def test_draws_keep_to_what_would_be_drawn() -> None:
    latin = Latin(0, 0)
    assert "books.miners.MARA.cash_usd_m" in latin  # a cell errs within its confidence
    assert "books.hardware.used_price_usd" in latin  # a column that a belief is about
    assert "books.miners.cash_usd_m" not in latin  # a column without one has no common error
    assert all(name in latin for name in latin) and len(list(latin)) == len(latin)
    scenario = Scenario.load("baseline").changed({"opening.beliefs": True}, "test")
    held = frozenset({"compute.elasticity"})
    drawn = latin.settings(scenario, held)
    beliefs = {row.parameter: row for row in beliefs_in(scenario) if not row.is_cell}
    assert drawn.keys() == beliefs.keys() - held
    for name, value in drawn.items():
        assert beliefs[name].low <= value <= beliefs[name].high
        assert isinstance(value, type(scenario.value_of(name)))


@pytest.mark.parametrize("arm", [PATHS, BOTH])
def test_a_run_is_told_by_its_place_alone(arm: str) -> None:
    scenario = Scenario.load("baseline").changed({"opening.beliefs": True, "days": 20}, "test")
    groups = {"none": {"no such loan"}, "one": {"CRWV-DDTL2-02"}}
    one, again = (points.losses_at(scenario, frozenset(), (arm, 1, 2), groups) for _ in range(2))
    assert one == again and one[0] == 0.0


def made(noise: float, sets: int) -> Made:
    """Losses of normal runs; those in sets share all but ``noise`` of their luck evenly."""
    generator = np.random.default_rng(6)
    rows = [Row("alone", 0, k, (x, x, x)) for k, x in enumerate(generator.normal(5.0, 1.0, 160))]
    for arm in (PATHS, BOTH):
        for number in range(sets):
            even = generator.permutation((np.arange(RUNS) + 0.5) / RUNS - 0.5) * np.sqrt(12.0)
            luck = generator.normal(0.0, 1.0, RUNS)
            loss = 5.0 + np.sqrt(1.0 - noise) * even + np.sqrt(noise) * luck
            rows += [Row(arm, number, k, (x, x, x)) for k, x in enumerate(loss)]
    return Made(NAMES, rows)


@pytest.mark.parametrize("noise", [1.0, 0.25])
def test_what_points_pay_is_the_share_of_luck_they_take_out(noise: float) -> None:
    found = points.trials_of(made(noise, 200))
    assert [one.what for one in found] == 2 * NAMES
    for one in found:
        assert one.gain == pytest.approx(1.0 / noise, rel=0.35)
        assert one.low < 1.0 / noise < one.high
        assert one.runs == 200 * RUNS and points.off_by(one, 160) < 3.0


def test_the_interval_holds_what_it_says() -> None:
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        means = generator.normal(size=(12, RUNS)).mean(axis=1)
        low, high = points.gain_interval(generator.normal(size=160), means)
        held += low < 1.0 < high
    assert 0.92 < held / 400 < 0.98


def test_how_far_means_are_apart_by_hand() -> None:
    # Runs alone vary by 16 and there are 16: error 1; sets by 3, of which there are 3: error 1.
    one = points.Trial("way", "all", 3 * RUNS, 10.0, 12.0, 16.0 / RUNS, 3.0, 0.0, 1.0)
    assert points.off_by(one, 16) == pytest.approx(2.0 / np.sqrt(2.0))


def test_runs_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [Row("alone", 0, 0, (1.5, 0.0, 2.25)), Row(PATHS, 3, 15, (0.0, 1.0, 4.0))]
    points.write(Made(NAMES, rows), tmp_path / "points.csv")
    assert points.read(tmp_path / "points.csv") == Made(NAMES, rows)
    assert points.read(tmp_path / "none.csv") == Made([], [])
