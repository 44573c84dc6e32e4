"""What reduces variance, what decides a price, and trials: on made-up runs of known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firesale.experiments.pricing import trials
from firesale.experiments.pricing.deciding import Deciding, Drawn
from firesale.experiments.pricing.panel import Panel
from firesale.experiments.pricing.savings import mean_over, path_controls, savings, share_of

DAYS = 400


def panel_of(loss: np.ndarray, cells: list[str], weights: dict[str, float]) -> Panel:
    """Two loans, of which the second loses nothing; ``loss`` of the first by run."""
    runs = len(loss)
    names = np.array(cells, object)
    weight = np.array([weights[name] / cells.count(name) for name in cells])
    nothing = np.zeros(runs)
    columns = {
        "loss_usd": np.stack([loss, nothing], axis=1),
        "hazard_usd": np.zeros((runs, 2)),
        "balance_years_usd": np.full((runs, 2), 100.0),
        "default_day": np.stack([np.where(loss > 9.0, 5.0, -1.0), nothing - 1.0], axis=1),
    }
    book = pd.DataFrame({"borrower": ["A", "B"], "firm": ["A", "B"], "kind": "miner"})
    return Panel(names, weight, book, columns, {})


def test_cells_that_differ_pay_for_being_weighted() -> None:
    generator = np.random.default_rng(1)
    cells = ["calm"] * 30 + ["crash"] * 10
    loss = np.where(np.arange(40) < 30, 1.0, 21.0) + generator.normal(size=40)
    panel = panel_of(loss, cells, {"calm": 0.75, "crash": 0.25})
    weighed = savings(panel, "A", list(range(40)), DAYS)[0]
    assert weighed.mean_after == pytest.approx(weighed.mean_before)
    # Between cells: 3/4 · 1/4 · 20² = 75, beside 1 within.
    assert weighed.gain == pytest.approx(76.0, rel=0.5)


def test_a_path_that_losses_follow_is_taken_out_and_the_mean_left() -> None:
    seeds = list(range(1, 401))
    controls = path_controls(seeds, DAYS)
    assert controls.shape == (400, 12)
    assert np.abs(controls.mean(axis=0)).max() < 0.2
    assert np.cov(controls.T) == pytest.approx(np.eye(12), abs=0.25)
    noise = np.random.default_rng(2).normal(size=400)
    panel = panel_of(10.0 + 3.0 * controls[:, 0] + noise, ["one"] * 400, {"one": 1.0})
    found = next(one for one in savings(panel, "A", seeds, DAYS) if "paths" in one.way)
    assert found.gain == pytest.approx(10.0, rel=0.25)
    assert found.mean_after == pytest.approx(10.0, abs=0.2)


def test_the_mean_over_some_cells_by_hand() -> None:
    panel = panel_of(
        np.array([1.0, 3.0, 10.0, 14.0, 99.0]),
        ["a", "a", "b", "b", "c"],
        {"a": 0.6, "b": 0.2, "c": 0.2},
    )
    mean, error = mean_over(panel, ["a", "b"])
    assert mean == pytest.approx(0.75 * 2.0 + 0.25 * 12.0)
    assert error**2 == pytest.approx(0.75**2 * 1.0 + 0.25**2 * 4.0)
    assert np.isnan(mean_over(panel, ["a", "c"])[0])  # of one run nothing is known


def test_the_part_of_a_cell_in_the_variance_by_hand() -> None:
    loss = np.array([1.0, 3.0, 10.0, 14.0])
    panel = panel_of(loss, ["a", "a", "b", "b"], {"a": 0.75, "b": 0.25})
    # w²s²/n: 0.5625 · 2 / 2 of a, 0.0625 · 8 / 2 of b.
    assert share_of(panel, "a") == pytest.approx(0.5625 / 0.8125)
    assert np.isnan(share_of(panel, "c"))


def test_what_decides_a_price_is_found_and_luck_is_not() -> None:
    generator = np.random.default_rng(3)
    places = generator.random((200, 40))
    loss = 10.0 * places[:, 7] + generator.random(200)
    panel = panel_of(loss, ["one"] * 200, {"one": 1.0})
    names = [f"a.b{k}" for k in range(40)]
    deciding = Deciding(panel, Drawn(names, places), "A", np.array([0]))
    (found,) = deciding.strongest("loans", np.array([0]))
    assert found.fact == "a.b7" and found.correlation > 0.9
    assert found.low.value < 0.05 < found.high.value
    facts = deciding.facts("loans", np.array([0]), 0.05)
    assert [fact.fact for fact in facts] == ["whether A fails", "a.b7"]
    assert all(fact.tells for fact in facts)
    assert not any(fact.tells for fact in deciding.facts("loans", np.array([0]), 5.0))


def test_few_runs_or_no_beliefs_decide_nothing() -> None:
    panel = panel_of(np.arange(8.0), ["one"] * 8, {"one": 1.0})
    nothing = Deciding(panel, Drawn([], np.zeros((8, 0))), "A", np.array([1]))
    assert nothing.facts("loans", np.array([0]), 0.05) == []


def test_shares_of_a_source_by_exchange() -> None:
    generator = np.random.default_rng(4)
    one, other, both = generator.normal(size=(3, 4000))
    assert trials.share(one, one) == 0.0
    assert trials.share(one, other) == pytest.approx(1.0, abs=0.06)
    # A source of a quarter of the variance.
    root = np.sqrt(3.0)
    assert trials.share(one + root * both, other + root * both) == pytest.approx(0.25, abs=0.02)


def test_trials_come_back_as_they_were_written(tmp_path: Path) -> None:
    row = trials.Trial("a way, of two", "all loans", 48, 1.5, 1.5, 4.0, 2.0, 1.2, 3.4)
    trials.write([row], tmp_path / "trials.csv")
    assert trials.read(tmp_path / "trials.csv") == [row] and row.gain == 2.0
    assert trials.read(tmp_path / "none.csv") == []


def test_pairs_pay_for_a_difference_and_cost_a_mean() -> None:
    # Cells that move together: their weighted mean varies as each does, their difference hardly.
    generator = np.random.default_rng(5)
    common = generator.normal(size=200)
    cells = np.stack([common + 0.1 * generator.normal(size=200) for _ in trials.CELLS])
    exchanged = np.stack([generator.normal(size=200) for _ in trials.SOURCES])
    weight = np.array([0.7, 0.1, 0.1, 0.1])
    gains = {one.way: one.gain for one in trials._of("x", weight, cells, exchanged)}
    assert gains[trials.WAYS["same"]] == pytest.approx(0.52, abs=0.05)  # the sum of w²
    assert gains[trials.WAYS["weight"]] == pytest.approx(4 * 0.52, abs=0.1)
    assert gains[trials.WAYS["pair"]] > 50.0
