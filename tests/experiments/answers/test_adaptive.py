"""Adaptive designs: intervals by hand, and what stopping does to skewed draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from firesale.experiments.answers.adaptive import (
    ABOVE,
    BELOW,
    FEWEST,
    OPEN,
    Rounds,
    interval,
    saved,
    side,
    undecided,
    unlike,
)
from firesale.experiments.look.intervals import mean_interval, skewed_mean_interval

ROUNDS = Rounds(FEWEST, 16, 40)
CELLS = 1500


def test_rounds_add_up_and_each_look_costs_confidence() -> None:
    rounds = Rounds(first=8, more=8, most=20)
    assert rounds.sizes() == [8, 8, 4]
    assert rounds.looks == 3
    assert rounds.confidence == pytest.approx(1.0 - 0.05 / 3)
    assert Rounds(5, 5, 5).sizes() == [5]
    assert Rounds(5, 5, 5).confidence == 0.95


def test_saved_is_what_a_plain_grid_would_have_made_besides() -> None:
    assert saved({"a": 4, "b": 8, "c": 4}, Rounds(4, 4, 8)) == 8


def test_the_ends_of_an_interval_are_those_of_the_transformed_statistic() -> None:
    """At either end the statistic of Hall (1992) is Student's quantile."""
    draws = np.array([0.0, 0.0, 1.0, 0.0, 7.0, 2.0, 0.0, 3.0])
    n, deviation = len(draws), draws.std(ddof=1)
    skew = np.mean((draws - draws.mean()) ** 3) / draws.std() ** 3
    found = skewed_mean_interval(draws, 0.9)
    for end, quantile in ((found.low, 0.95), (found.high, 0.05)):
        t = math.sqrt(n) * (draws.mean() - end) / deviation
        moved = t + skew * (t**2 / 3 + 1 / 6) / math.sqrt(n) + skew**2 * t**3 / (27 * n)
        assert moved == pytest.approx(student.ppf(quantile, n - 1))


def test_an_interval_leans_to_the_side_of_the_long_tail() -> None:
    draws = np.array([0.0, 0.0, 1.0, 0.0, 7.0, 2.0, 0.0, 3.0])
    plain, found, mirrored = (
        mean_interval(draws), skewed_mean_interval(draws), skewed_mean_interval(-draws)
    )  # fmt: skip
    assert found.value == plain.value
    assert found.high > plain.high
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
    even = np.array([1.0, 2.0, 3.0])
    assert skewed_mean_interval(even) == mean_interval(even)
    assert skewed_mean_interval(np.ones(4)).width == 0.0
    assert skewed_mean_interval(np.array([2.0])).high == math.inf
    assert math.isnan(skewed_mean_interval(np.empty(0)).value)
    assert skewed_mean_interval(np.array([0.0, 0.0, 1e-200])).high > 0.0, "powers may underflow"


def test_a_cell_is_decided_by_the_interval_of_its_look() -> None:
    # mean 1, deviation 1 of four: t(3) at 1 - 0.05/4 is 4.18, so 1 +- 2.09 contains 0; not 4.
    cell = np.array([1.0, 2.0, 0.0, 1.0]) * math.sqrt(3.0 / 2.0) + 1.0 - math.sqrt(3.0 / 2.0)
    rounds = Rounds(4, 4, 8)
    assert cell.std(ddof=1) == pytest.approx(1.0)
    assert interval(cell, rounds).high - 1.0 == pytest.approx(4.1765 / 2.0, rel=1e-3)
    assert side(cell, 0.0, rounds) == OPEN
    assert side(cell, 4.0, rounds) == BELOW
    assert side(cell, -2.0, rounds) == ABOVE


def test_a_cell_in_which_almost_all_draws_are_alike_is_not_decided_early() -> None:
    few = np.where(np.arange(FEWEST) < 4, 1.0 + np.arange(FEWEST), 0.0)
    more = np.where(np.arange(FEWEST) < 5, 1.0 + np.arange(FEWEST), 0.0)
    assert (unlike(few), unlike(more), unlike(np.zeros(3))) == (4, 5, 0)
    assert side(few, 50.0, ROUNDS) == BELOW
    assert undecided({"few": few, "more": more}, 50.0, ROUNDS) == ["few"]
    assert undecided({"open": np.arange(FEWEST) - 10.0}, 0.0, ROUNDS) == ["open"]


def _losses(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """A fifth of loans lose something, 25 % on average: 5 % in the mean but for what is cut."""
    lost = np.minimum(rng.gamma(2.0, 12.5, shape), 100.0)
    return np.where(rng.random(shape) < 0.2, lost, 0.0)


def _naive(draws: NDArray[np.float64], boundary: float) -> tuple[bool, float]:
    """Looks from eight draws on, Student's interval, and the mean of all draws that it took."""
    for n in range(8, 41, 8):
        one = mean_interval(draws[:n], 1.0 - 0.05 / 5)
        if wrong := not one.low <= boundary <= one.high:
            break
    return wrong, float(draws[:n].mean())


def _ours(draws: NDArray[np.float64], boundary: float) -> tuple[bool, float]:
    first = draws[:FEWEST]
    has = draws if undecided({"cell": first}, boundary, ROUNDS) else first
    return side(has, boundary, ROUNDS) != OPEN, float(first.mean())


def test_skewed_cells_at_their_boundary_are_seldom_decided_and_shown_without_bias() -> None:
    """Their mean is the boundary, so each decision is wrong: at most one in twenty."""
    rng = np.random.default_rng(11)
    mean = float(_losses(rng, (1000, 1000)).mean())
    cells = _losses(rng, (CELLS, ROUNDS.most))
    wrong, shown = np.array([_ours(cell, mean) for cell in cells]).T
    error = float(np.std(shown, ddof=1)) / math.sqrt(CELLS)
    assert wrong.mean() <= 0.05
    assert abs(shown.mean() - mean) < 3.0 * error
    naive_wrong, naive_shown = np.array([_naive(cell, mean) for cell in cells]).T
    assert naive_wrong.mean() > 0.2, "what this design is there to avoid"
    assert naive_shown.mean() < mean - 3.0 * error
