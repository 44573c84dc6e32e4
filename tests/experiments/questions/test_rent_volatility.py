"""The volatility of rents from points that lie months apart."""

import math

import pytest

from firesale.experiments.questions.rent_volatility import (
    AFTER_THE_SHORTAGE,
    points_of,
    squared_changes,
    volatility,
)
from firesale.market.scenario.scenario import Scenario, scenario_names

OPENING = 2025.75  # the last month before which a point may lie


def test_two_changes_by_hand() -> None:
    # Up by a tenth in half a year, down to where it was in a whole one: no drift, two changes of
    # log 1.1, one free: log(1.1)^2 x (1 / 0.5 + 1 / 1).
    points = [(0.0, 2.0), (0.5, 2.2), (1.5, 2.0)]
    squares = squared_changes(points)
    assert squares == pytest.approx([math.log(1.1) ** 2 / 0.5, math.log(1.1) ** 2])
    found = volatility([points])
    assert found.value == pytest.approx(math.log(1.1) * math.sqrt(3.0))
    assert found.changes == 1
    # 90 % of chi-squared with one degree lie between 0.00393 and 3.841.
    assert found.low == pytest.approx(found.value / math.sqrt(3.841), rel=1e-3)
    assert found.high == pytest.approx(found.value / math.sqrt(0.00393), rel=1e-3)


def test_a_steady_fall_has_no_volatility() -> None:
    points = [(t / 4.0, math.exp(-0.3 * t / 4.0)) for t in range(9)]
    assert volatility([points]).value == pytest.approx(0.0, abs=1e-12)


def test_scenarios_move_rents_as_much_as_was_known_at_the_opening() -> None:
    known = [points_of(name, AFTER_THE_SHORTAGE) for name in ("H100", "A100")]
    assert max(year for points in known for year, _ in points) < OPENING
    estimate = volatility(known)
    for name in scenario_names():
        compute = Scenario.load(name).compute
        if compute.path == "history":
            continue  # rents are imposed, without noise
        rents = compute.volatility / compute.elasticity
        if name in ("calm", "five-years"):
            assert rents == 0.0
        else:
            assert estimate.low < rents < estimate.high, name
