"""Scores of the back-test: each against a value worked out by hand or by another formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm, t

from firesale.experiments.backtest import scores

NAMES = st.lists(
    st.tuples(st.integers(0, 4).map(lambda k: k / 4), st.booleans()), min_size=2, max_size=10
).filter(lambda rows: len({label for _, label in rows}) == 2)


def test_auc_by_hand_with_a_tie() -> None:
    assert scores.auc([0.9, 0.4, 0.4, 0.1], [True, False, True, False]) == 3.5 / 4.0


@given(NAMES)
def test_auc_is_the_statistic_of_mann_and_whitney(rows: list[tuple[float, bool]]) -> None:
    values, labels = (np.array(column) for column in zip(*rows, strict=True))
    statistic = mannwhitneyu(values[labels], values[~labels]).statistic
    assert scores.auc(values, labels) == pytest.approx(statistic / (labels.sum() * (~labels).sum()))


def test_auc_of_one_group_is_unknown() -> None:
    assert math.isnan(scores.auc([0.1, 0.2], [False, False]))
    assert math.isnan(scores.discrimination([0.1, 0.2], [True, True]).p_value)


@pytest.mark.parametrize(("value", "bad", "good"), [(0.8, 4, 8), (0.5, 3, 3), (1.0, 4, 8)])
def test_auc_interval_ends_where_hanley_and_mcneils_error_says(
    value: float, bad: int, good: int
) -> None:
    def error(theta: float) -> float:
        half = (bad + good) / 2 - 1
        first, second = theta / (2 - theta), 2 * theta**2 / (1 + theta)
        variance = theta * (1 - theta) + half * (first - theta**2) + half * (second - theta**2)
        return math.sqrt(variance / (bad * good))

    z = float(norm.ppf(0.975))
    low, high = scores.auc_interval(value, bad, good)
    assert value - low == pytest.approx(z * error(low))
    if value < 1.0:
        assert high - value == pytest.approx(z * error(high))
    else:
        assert high == 1.0 and low < 0.9  # twelve names never prove a perfect forecast


def test_a_perfect_ranking_is_one_ordering_of_all() -> None:
    labels = [True] * 4 + [False] * 8
    assert scores.orderings_at_least(range(12, 0, -1), labels) == 1 / math.comb(12, 4)
    assert scores.orderings_at_least([0.3] * 12, labels) == 1.0


def test_the_exact_test_counts_ties_as_the_auc_does() -> None:
    # Of the three ways to label one name, two put it among the tied best.
    assert scores.orderings_at_least([0.5, 0.5, 0.1], [True, False, False]) == 2 / 3


def test_too_many_names_for_the_exact_test_are_refused() -> None:
    with pytest.raises(ValueError, match="too many orderings"):
        scores.orderings_at_least(np.arange(60.0), [True] * 30 + [False] * 30)


def test_bootstrap_keeps_the_number_of_defaults() -> None:
    result = scores.discrimination([0.9, 0.2, 0.8, 0.1], [True, False, True, False])
    assert (result.bootstrap.low, result.bootstrap.value, result.bootstrap.high) == (1, 1, 1)
    assert result.score_interval.low < 0.7


def test_auc_difference_is_zero_against_itself_and_one_against_its_reverse() -> None:
    values, labels = np.array([0.9, 0.2, 0.8, 0.1]), [True, False, True, False]
    same = scores.auc_difference(values, values, labels)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert scores.auc_difference(values, -values, labels).value == 1.0


def test_brier_by_hand() -> None:
    assert scores.brier([1.0, 0.5, 0.0], [True, False, True]).value == pytest.approx(1.25 / 3)
    perfect = scores.brier([1.0, 0.0], [True, False])
    assert (perfect.low, perfect.value, perfect.high) == (0, 0, 0)


def test_brier_difference_is_negative_where_the_first_is_better() -> None:
    assert scores.brier_difference([1.0, 0.0], [0.5, 0.5], [True, False]).value == -0.25


def test_the_ratio_on_the_scale_of_probabilities_ranks_as_the_ratio() -> None:
    share = scores.odds_share([0.0, 10.0, 30.0, 5.0], [0.0, 30.0, 10.0, 0.0])
    assert share.tolist() == [0.0, 0.25, 0.75, 1.0]


def test_log_errors_are_symmetric_in_factors() -> None:
    errors = scores.log_errors([30.0, 7.5], [15.0, 15.0])
    assert errors == pytest.approx([math.log(2), -math.log(2)])
    assert scores.root_mean_square(errors) == pytest.approx(math.log(2))
    assert math.isnan(scores.root_mean_square([]))


def test_timing_has_students_interval() -> None:
    mean, size = scores.timing([-30.0, 10.0, 50.0])
    half = float(t.ppf(0.975, 2)) * 40.0 / math.sqrt(3)  # deviation 40
    assert (mean.value, mean.low, mean.high) == pytest.approx((10, 10 - half, 10 + half))
    assert size.value == 30.0
    assert size.low == 0.0  # a size is never negative
    assert math.isnan(scores.timing([])[0].value)


def test_concordance_by_hand() -> None:
    # Actual order A, B, C and D on the day of C; the model never sees D, and takes B before A.
    right, pairs = scores.concordance([20.0, 10.0, 30.0, math.nan], [1.0, 2.0, 3.0, 3.0])
    assert (right, pairs) == (4, 5)
    assert scores.concordance([math.nan, math.nan], [1.0, 2.0]) == (0, 0)
    assert scores.concordance([5.0, 5.0], [1.0, 2.0]) == (0, 1)


def test_crps_of_one_number_is_its_error_and_of_nothing_unknown() -> None:
    assert scores.crps([3.0], 5.0) == 2.0
    assert scores.crps([3.0, math.nan], 5.0) == 2.0
    assert math.isnan(scores.crps([], 5.0))


def test_crps_of_a_normal_ensemble_is_its_closed_form() -> None:
    sample = norm.ppf((np.arange(2000) + 0.5) / 2000)
    y = 0.7
    closed = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / math.sqrt(math.pi)
    assert scores.crps(sample, y) == pytest.approx(closed, abs=1e-3)


def test_no_forecast_can_be_surer_than_its_room() -> None:
    sure = scores.log_score([1.0, 0.0], [False, False], 0.01)
    assert sure.value == pytest.approx(-(math.log(0.01) + math.log(0.99)) / 2)


def test_runs_never_say_that_something_is_certain() -> None:
    assert scores.said_of_runs(0, 32) == pytest.approx(1 / 66)
    assert scores.said_of_runs(32, 32) == pytest.approx(65 / 66)
    assert scores.said_of_runs(1, 1) == 0.75
    said = [scores.said_of_runs(k, 5) for k in range(6)]
    assert said == sorted(said) and said[1] + said[4] == pytest.approx(1.0)
    assert math.isnan(scores.said_of_runs(0, 0))
