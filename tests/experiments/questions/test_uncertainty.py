"""What scripts say of many runs: the largest borrower, and where the spread comes from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firesale.experiments.questions import ensemble, uncertainty
from firesale.experiments.questions.uncertainty import exchanged, explained, shares
from firesale.experiments.sweeps.sources import Seeds
from firesale.market.opening.books_2025.read import load_books_2025
from firesale.market.opening.books_2025.sample import sample_books
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation


def test_each_source_is_exchanged_in_turn() -> None:
    assert exchanged(0) == [
        Seeds(1, 1, 1), Seeds(2, 1, 1), Seeds(1, 2, 1), Seeds(1, 1, 2), Seeds(2, 2, 2)
    ]  # fmt: skip
    assert not set(exchanged(0)) & set(exchanged(1))


def test_shares_of_a_sum_are_those_of_its_parts() -> None:
    # Variances 1, 4 and 4 of nine, and no interaction: first and total are the same.
    draw = np.random.default_rng(1)
    one, other = draw.standard_normal((2, 20_000, 3)) * (1.0, 2.0, 2.0)
    rows = [one]
    for k in range(3):
        mixed = one.copy()
        mixed[:, k] = other[:, k]
        rows.append(mixed)
    outputs = np.stack([row.sum(axis=1) for row in (*rows, other)], axis=1)
    found = shares(outputs)
    assert found["S1"] == pytest.approx([1 / 9, 4 / 9, 4 / 9], abs=0.03)
    assert found["ST"] == pytest.approx([1 / 9, 4 / 9, 4 / 9], abs=0.03)


def test_an_event_explains_the_variance_between_its_runs_and_others() -> None:
    event = np.array([True, False, False, False])
    values = np.array([4.0, 0.0, 0.0, 0.0])
    assert explained(values, event) == pytest.approx(1.0)
    # Means 4 and 1, of all 1.75; between (0.25·2.25² + 0.75·0.75²) = 1.6875; in all 2.1875.
    assert explained(np.array([4.0, 0.0, 1.0, 2.0]), event) == pytest.approx(1.6875 / 2.1875)
    assert explained(values, np.zeros(4, bool)) == 0.0


def test_the_three_draws_together_are_a_run_with_beliefs() -> None:
    scenario = Scenario.load("calm").with_settings(["days=30"])
    whole = Simulation(scenario.changed({"opening.beliefs": True}, "test"), 5).run().summary()
    found = uncertainty.run(scenario, Seeds(5, 5, 5))
    assert found.loss == pytest.approx(whole["loss_usd"]["total"] / 1e6)
    books = sample_books(load_books_2025(), 6)
    own = Simulation(scenario, 5, books).run().summary()
    assert uncertainty.run(scenario, Seeds(5, 6, None)).loss == own["loss_usd"]["total"] / 1e6


def summary(total: float, fails: bool) -> dict[str, Any]:
    return {
        "largest_borrower": {
            "id": "CRWV",
            "fails": fails,
            "loss_without_usd": total,
            "defaults_without": 3,
        }
    }


def test_an_ensemble_tells_losses_without_the_largest_and_how_often_it_fails() -> None:
    lines = ensemble.without_largest([summary(1e6, True), *[summary(3e6, False)] * 9])
    assert "loans to CRWV left out: mean 3, 5/50/95 % 2 / 3 / 3; 3.0 other" in lines[0]
    assert "fails in 1 of 10 seeds (10.0%; 95% interval 0.3% to 44.5%)" in lines[1]
