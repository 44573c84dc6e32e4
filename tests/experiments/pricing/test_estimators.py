"""Estimators of prices, each against a calculation by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from firesale.experiments.pricing.estimators import (
    Estimate,
    bond_floor,
    break_even,
    capital_charge,
    controlled,
    default_probabilities,
    expected_shortfall,
    fair_interval,
    fair_probability,
    grouped,
    hazards,
    loss_given_default,
    ratio_interval,
    resampled,
    sum_error,
)


def test_probability_of_default_is_over_survivors() -> None:
    # 100 stand; 10 fail; 40 of the 90 others are repaid; 5 of the 50 left fail.
    at_risk, defaulted = np.array([100.0, 50.0]), np.array([10.0, 5.0])
    assert hazards(at_risk, defaulted) == pytest.approx([0.1, 0.1])
    assert default_probabilities(at_risk, defaulted) == pytest.approx([0.10, 0.19])


def test_a_year_without_anybody_at_risk_adds_nothing() -> None:
    at_risk, defaulted = np.array([10.0, 0.0]), np.array([2.0, 0.0])
    assert math.isnan(hazards(at_risk, defaulted)[1])
    assert default_probabilities(at_risk, defaulted) == pytest.approx([0.2, 0.2])


def test_loss_given_default_is_in_dollars_of_the_claim() -> None:
    assert loss_given_default(np.array([30.0, 0.0]), np.array([50.0, 50.0])) == pytest.approx(0.3)
    assert math.isnan(loss_given_default(np.zeros(2), np.zeros(2)))


def test_break_even_is_a_ratio_of_means_and_not_a_mean_of_ratios() -> None:
    # A bullet of 100 over 2 years: stands in three draws, fails after half a year in the fourth
    # and loses 40. Sum of losses 40, of balance-years 3 * 200 + 50.
    loss, years = np.array([0.0, 0.0, 0.0, 40.0]), np.array([200.0, 200.0, 200.0, 50.0])
    assert break_even(loss, years) == pytest.approx(40.0 / 650.0)
    assert break_even(loss, years) != pytest.approx(np.mean(loss / years))


def test_an_interval_holds_the_number_and_shrinks_with_draws() -> None:
    rng = np.random.default_rng(3)
    wide = rng.exponential(1.0, 50), np.full(50, 20.0)
    narrow = rng.exponential(1.0, 5000), np.full(5000, 20.0)
    a, b = ratio_interval(*wide), ratio_interval(*narrow)
    assert a.low < a.value < a.high
    assert (b.high - b.low) == pytest.approx(2 * 1.96 * 0.05 / math.sqrt(5000), rel=0.15)
    assert b.high - b.low < 0.3 * (a.high - a.low)


def test_two_draws_give_students_interval_and_one_an_open_one() -> None:
    # Off the ratio of 0.065: 6 - 0.065 · 100 and 7 - 0.065 · 100, that is -0.5 and 0.5 on 100;
    # Student's quantile of one degree of freedom is 12.706, the deviation of the mean 0.005.
    found = ratio_interval(np.array([6.0, 7.0]), np.array([100.0, 100.0]))
    expected = (0.065, 0.065 - 12.7062 * 0.005, 0.065 + 12.7062 * 0.005)
    assert found == pytest.approx(expected, abs=1e-6)
    only = ratio_interval(np.array([6.0]), np.array([100.0]))
    assert only == (0.06, 0.0, math.inf)


def test_few_draws_cover_the_truth() -> None:
    generator = np.random.default_rng(4)
    hits = 0
    for _ in range(200):
        fails = generator.random(4) < 0.5
        found = ratio_interval(generator.normal(8.0, 2.0, 4), np.where(fails, 150.0, 250.0))
        hits += found.low <= 8.0 / 200.0 <= found.high
    assert hits >= 175  # of 190: a few draws of something so skewed cover less


def test_what_never_loses_costs_nothing_for_sure() -> None:
    assert ratio_interval(np.zeros(5), np.ones(5)) == Estimate(0.0, 0.0, 0.0)
    assert math.isnan(ratio_interval(np.zeros(5), np.zeros(5)).value)


def test_a_number_is_vague_if_its_interval_is_wider_than_itself() -> None:
    assert Estimate(1.0, 0.2, 1.5).is_vague
    assert not Estimate(1.0, 0.8, 1.5).is_vague
    assert Estimate(math.nan, math.nan, math.nan).is_vague


def test_expected_shortfall_takes_the_edge_in_part() -> None:
    # worst tenth of 100, 50, 0, 0 with weights 5, 10, 45, 40: all of the first, half of the second
    loss, weights = np.array([0.0, 100.0, 50.0, 0.0]), np.array([45.0, 5.0, 10.0, 40.0])
    assert expected_shortfall(loss, weights, 0.9) == pytest.approx((5 * 100 + 5 * 50) / 10)


def test_capital_costs_its_share_of_the_balance() -> None:
    assert capital_charge(30.0, 10.0, 100.0, 0.1) == pytest.approx(0.02)
    assert capital_charge(10.0, 30.0, 100.0) == 0.0


def test_at_the_fair_probability_the_contract_breaks_even() -> None:
    otherwise, crash, contract = (1.0, 100.0), (30.0, 80.0), 0.04
    p = fair_probability(contract, otherwise, crash)
    loss = (1 - p) * otherwise[0] + p * crash[0]
    years = (1 - p) * otherwise[1] + p * crash[1]
    assert loss / years == pytest.approx(contract)


def test_fair_probability_ends_at_zero_and_one() -> None:
    assert fair_probability(0.005, (1.0, 100.0), (30.0, 80.0)) == 0.0
    assert fair_probability(0.5, (1.0, 100.0), (30.0, 80.0)) == 1.0


def test_the_fair_probability_has_an_interval_that_holds_it() -> None:
    rng = np.random.default_rng(5)
    otherwise = rng.exponential(1.0, 200), np.full(200, 100.0)
    crash = rng.exponential(30.0, 200), np.full(200, 80.0)
    found = fair_interval(0.04, otherwise, crash)
    assert found.low < found.value < found.high
    sums = [(float(a.sum()), float(b.sum())) for a, b in (otherwise, crash)]
    assert found.value == fair_probability(0.04, *sums)


def test_the_error_of_a_stratified_sum_is_that_within_strata() -> None:
    # Strata of 1, 3 and of 10, 10, 10, 14: n times the variance of each, 2 · 2 + 4 · 4.
    draws = np.array([1.0, 10.0, 10.0, 3.0, 10.0, 14.0])
    strata = np.array([5, 7, 7, 5, 7, 7])
    error = sum_error(draws[None, :], grouped(6, strata))
    assert error.variance[0] == pytest.approx(2 * 2.0 + 4 * 4.0)
    assert error.degrees[0] == pytest.approx(20.0**2 / (4.0**2 / 1 + 16.0**2 / 3))


def test_resamples_of_strata_vary_as_their_sums_do() -> None:
    rng = np.random.default_rng(7)
    draws, strata = rng.exponential(1.0, 24), np.repeat([0, 1, 2], [3, 5, 16])
    groups = grouped(24, strata)
    found = resampled(groups.sizes, 20_000) @ draws[groups.order]
    assert found.mean() == pytest.approx(draws.sum(), rel=0.01)
    assert found.var() == pytest.approx(sum_error(draws[None, :], groups).variance[0], rel=0.05)


def test_lone_draws_of_strata_stand_together() -> None:
    assert grouped(4, np.array([1, 2, 3, 3])).sizes == (2, 2)
    assert grouped(3, np.array([1, 3, 3])).sizes == (3,)
    assert grouped(1, np.array([4])).sizes == (1,)


def test_cells_that_differ_add_nothing_to_the_error() -> None:
    loss = np.array([1.0, 1.1, 0.9, 1.0] * 3 + [9.0, 9.1, 8.9, 9.0] * 3)
    years, strata = np.full(24, 20.0), np.repeat([0, 1], 12)
    pooled, apart = ratio_interval(loss, years), ratio_interval(loss, years, strata)
    assert pooled.value == apart.value
    assert apart.high - apart.low < 0.05 * (pooled.high - pooled.low)


@pytest.mark.parametrize("runs", [3, 6, 40])
def test_fair_odds_of_few_draws_cover_the_truth(runs: int) -> None:
    generator = np.random.default_rng(6)
    hits = 0
    for _ in range(200):
        calm, bad = generator.exponential(2.0, runs), generator.exponential(12.0, runs)
        nothing = np.zeros(runs)
        otherwise = np.concatenate((calm, nothing)), np.repeat([100.0, 0.0], runs)
        crash = np.concatenate((nothing, bad)), np.repeat([0.0, 100.0], runs)
        found = fair_interval(0.04, otherwise, crash, np.repeat([0, 1], runs))
        hits += found.low <= 0.2 <= found.high  # 2 + 0.2 · (12 - 2) is what the contract pays
    assert hits >= 175  # of 190: a few draws of something so skewed cover less


def test_one_draw_rules_no_probability_out() -> None:
    one = np.array([1.0]), np.array([100.0])
    found = fair_interval(0.04, one, (np.array([30.0]), np.array([80.0])))
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_control_keeps_the_mean_and_takes_what_it_explains() -> None:
    rng = np.random.default_rng(1)
    control = rng.normal(size=4000)
    loss = 3.0 + 2.0 * control + 0.1 * rng.normal(size=4000)
    left, slope = controlled(loss, control)
    assert slope == pytest.approx(2.0, abs=0.05)
    assert left.mean() == pytest.approx(3.0, abs=0.01)
    assert left.var() < 0.02 * loss.var()


def test_no_control_changes_nothing() -> None:
    left, slope = controlled(np.array([1.0, 2.0]), np.zeros(2))
    assert list(left) == [1.0, 2.0] and slope == 0.0


def test_a_note_is_worth_par_where_its_coupon_is_the_rate_and_the_spread() -> None:
    assert bond_floor(0.07, 0.04, 0.03, 5.0) == pytest.approx(1.0)
    assert bond_floor(0.0, 0.04, 0.03, 5.0) == pytest.approx(math.exp(-0.35))
