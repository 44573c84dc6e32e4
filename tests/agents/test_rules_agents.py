"""Rules of miners, neoclouds, lenders and buyers, called by hand."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firesale.agents.buyer import (
    Outlook,
    affordable_units,
    bid_usd,
    normal_cdf,
    option_to_run_usd,
    strip_value_usd,
)
from firesale.agents.lender import (
    capital_ratio,
    estate_shares,
    expected_recovery_usd,
    liquidation_debt_usd,
    mark_usd,
    patience_days,
    reserve_price_usd,
)
from firesale.agents.miner import (
    break_even_efficiency,
    network_share,
    online_share,
    power_cost_usd_day,
)
from firesale.agents.neocloud import (
    covered_share,
    served_share,
    spot_margin_usd_day,
    unit_income_usd_day,
)

quick = settings(deadline=None, max_examples=80)


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


# --- miners ---------------------------------------------------------------------------------------


def test_break_even_of_a_quoted_day() -> None:
    # 1 PH/s at e J/TH draws e kW: 24 e kWh a day. At 60 USD/MWh that is 1.44 e USD, so a hashprice
    # of 49.6 USD pays for 49.6 / 1.44 = 34.44 J/TH: rigs of 2020 (above 35) are off, S19j (30) on.
    assert break_even_efficiency(49.6, 60.0) == pytest.approx(49.6 / 1.44, rel=1e-12)


@quick
@given(floats(5.0, 200.0), floats(5.0, 200.0), floats(8.0, 40.0), floats(0.5, 15.0))
def test_rigs_run_if_their_revenue_covers_their_power(
    hashprice: float, power: float, lo: float, width: float
) -> None:
    rigs = 2000
    j_th = lo + width * (np.arange(rigs) + 0.5) / rigs  # one TH/s each
    revenue = hashprice / 1000.0
    bill = j_th * 24.0 * power / 1e6  # watts, 24 hours, USD/MWh
    on = bill < revenue
    share = online_share(hashprice, power, lo, lo + width)
    assert share == pytest.approx(on.mean(), abs=1.0 / rigs)
    bill_all = power_cost_usd_day(float(rigs), share, power, lo, lo + width)
    assert bill_all == pytest.approx(bill[on].sum(), rel=3e-3, abs=2.0 * bill.max())
    # Nobody runs at a loss: the bill of what runs is at most its revenue.
    assert bill_all <= rigs * share * revenue * (1.0 + 1e-12)


@quick
@given(floats(1.0, 300.0), floats(1.0, 300.0), floats(1.0, 300.0), floats(1.0, 60.0))
def test_more_hashprice_or_cheaper_power_never_switches_a_rig_off(
    hashprice: float, more: float, power: float, lo: float
) -> None:
    share = online_share(hashprice, power, lo, lo + 5.0)
    assert 0.0 <= share <= 1.0
    assert online_share(hashprice + more, power, lo, lo + 5.0) >= share
    assert online_share(hashprice, power + more, lo, lo + 5.0) <= share


def test_a_class_is_off_above_break_even_and_all_on_below() -> None:
    hashprice, power = 50.0, 50.0
    e = break_even_efficiency(hashprice, power)
    assert online_share(hashprice, power, e, e + 3.0) == 0.0
    assert online_share(hashprice, power, e - 3.0, e) == pytest.approx(1.0, abs=1e-12)
    assert online_share(hashprice, power, e - 1.0, e + 3.0) == pytest.approx(0.25, rel=1e-9)
    assert online_share(hashprice, 0.0, 30.0, 60.0) == 1.0  # free power: everything runs


def test_the_networks_share_by_hand() -> None:
    """At $12, rigs of 8 to 11 J/TH: a fifth each pays 34, 42, 50, 58, 66.

    Break-even at 14.7, 11.9, 10, 8.62, 7.58 J/TH: all, all, 2/3, 0.207, none.
    """
    assert network_share(12.0, 8.0, 11.0) == pytest.approx(
        (2.0 + 2.0 / 3.0 + 0.2069) / 5.0, abs=1e-4
    )
    assert network_share(6.0, 8.0, 11.0) == 0.0 and network_share(18.0, 8.0, 11.0) == 1.0


@given(st.floats(6.5, 17.0))
def test_the_network_answers_less_than_retargets_can_follow(hashprice: float) -> None:
    """Else it swings between all and nobody: the next retarget changes hashprice by as much."""
    more = network_share(1.1 * hashprice, 8.0, 11.0) - network_share(hashprice, 8.0, 11.0)
    assert 0.0 < more < 0.2


# --- neoclouds ------------------------------------------------------------------------------------


@quick
@given(floats(0.0, 1e6), floats(0.0, 1e6))
def test_contracts_cover_machines_one_to_one(contracted: float, installed: float) -> None:
    covered, served = covered_share(contracted, installed), served_share(contracted, installed)
    assert 0.0 <= covered <= 1.0 and 0.0 <= served <= 1.0
    # Machines at work for contracts = contracts served, whatever is short.
    both = min(contracted, installed)
    assert covered * installed == pytest.approx(both, rel=1e-9, abs=1e-6)
    assert served * contracted == pytest.approx(both if contracted > 0 else 0.0, rel=1e-9, abs=1e-6)


@quick
@given(floats(0.0, 1.0), floats(0.0, 100.0), floats(-50.0, 50.0), floats(0.0, 50.0))
def test_income_of_a_unit_is_that_of_its_two_parts(
    covered: float, contract: float, margin: float, cost: float
) -> None:
    fleet = 1000.0
    under_contract = fleet * contract - fleet * covered * cost  # rent per unit of the whole fleet
    at_spot = fleet * (1.0 - covered) * margin if margin > 0 else 0.0  # else switched off
    expected = (under_contract + at_spot) / fleet
    assert unit_income_usd_day(covered, contract, margin, cost) == pytest.approx(
        expected, rel=1e-12, abs=1e-9
    )


def test_spot_margin_by_hand() -> None:
    # 2.20 USD/h, 70 % realised: 36.96 a day; 1.66 kW at 0.13 USD/kWh costs 5.1792.
    cost = 1.66 * 24 * 0.13
    assert spot_margin_usd_day(2.20, 0.70, cost) == pytest.approx(36.96 - 5.1792, rel=1e-12)


# --- lenders --------------------------------------------------------------------------------------


def test_capital_ratio_by_hand() -> None:
    assert capital_ratio(4.0, 96.0) == pytest.approx(0.04)
    assert capital_ratio(-10.0, 110.0) == pytest.approx(-0.10)
    assert capital_ratio(0.0, 0.0) == 0.0


@quick
@given(floats(1.0, 1e5), floats(1.0, 1e5), floats(0.0, 2000.0), floats(0.0, 1.0), floats(1, 500))
def test_a_mark_lies_between_schedule_and_evidence_and_evidence_fades(
    schedule: float, clearing: float, age: float, weight: float, half_life: float
) -> None:
    mark = mark_usd(schedule, clearing, age, weight, half_life)
    low, high = min(schedule, clearing), max(schedule, clearing)
    assert low * (1 - 1e-12) <= mark <= high * (1 + 1e-12)
    fresh = mark_usd(schedule, clearing, 0.0, weight, half_life)
    assert fresh == pytest.approx((1 - weight) * schedule + weight * clearing, rel=1e-12)
    # One half-life later the distance from the schedule is half of what it was.
    later = mark_usd(schedule, clearing, age + half_life, weight, half_life)
    assert later - schedule == pytest.approx((mark - schedule) / 2, rel=1e-6, abs=1e-9 * high)


def test_without_a_trade_or_without_weight_the_mark_is_the_schedule() -> None:
    assert mark_usd(100.0, math.nan, 3.0, 0.5, 120.0) == 100.0
    assert mark_usd(100.0, 10.0, 3.0, 0.0, 120.0) == 100.0


def test_callable_money_cannot_wait_and_locked_money_waits_two_years_at_most() -> None:
    assert patience_days(1.0, 3650.0) == 0.0
    assert patience_days(0.0, 365.0) == 365.0
    assert patience_days(0.0, 3650.0) == 730.0
    assert patience_days(0.25, 400.0) == pytest.approx(300.0)


@quick
@given(floats(0.0, 1e5), floats(0.0, 1e4), floats(0.0, 900.0), floats(0.0, 730.0))
def test_a_reserve_falls_from_the_value_of_holding_to_scrap(
    hold: float, scrap: float, waited: float, patience: float
) -> None:
    reserve = reserve_price_usd(hold, scrap, waited, patience)
    assert scrap <= reserve <= max(hold, scrap)
    assert reserve_price_usd(hold, scrap, waited + 10.0, patience) <= reserve
    if patience > 0:
        assert reserve_price_usd(hold, scrap, 0.0, patience) == max(hold, scrap)
    if waited >= patience:
        assert reserve == scrap


def test_a_reserve_falls_in_a_straight_line() -> None:
    prices = [reserve_price_usd(1000.0, 10.0, 10.0 * t, 100.0) for t in range(10)]
    steps = np.diff(prices)
    assert np.all(steps < 0)
    assert steps == pytest.approx(np.full(9, steps[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("assets", "liens", "others", "shares"),
    [
        (100.0, 60.0, 80.0, (1.0, 0.5)),  # 60 first, then 40 on 80
        (45.0, 60.0, 80.0, (0.75, 0.0)),
        (60.0, 60.0, 80.0, (1.0, 0.0)),
        (500.0, 60.0, 80.0, (1.0, 1.0)),
        (20.0, 0.0, 80.0, (1.0, 0.25)),
        (-5.0, 60.0, 80.0, (0.0, 0.0)),
        (20.0, 60.0, 0.0, (1.0 / 3.0, 1.0)),
    ],
)
def test_general_liens_are_paid_first(
    assets: float, liens: float, others: float, shares: tuple[float, float]
) -> None:
    assert estate_shares(assets, liens, others) == pytest.approx(shares)


@quick
@given(floats(0.0, 1e6), floats(-10.0, 2e6), floats(0.0, 1.0))
def test_expected_recovery_is_collateral_first(claim: float, value: float, prior: float) -> None:
    recovery = expected_recovery_usd(claim, value, prior)
    assert 0.0 <= recovery <= claim * (1 + 1e-12)
    if value >= claim:
        assert recovery == claim
    if value <= 0:
        assert recovery == pytest.approx(prior * claim)
    # The loss is the uncovered part times one less the prior.
    uncovered = max(0.0, claim - max(value, 0.0))
    assert claim - recovery == pytest.approx((1 - prior) * uncovered, rel=1e-9, abs=1e-9 * claim)


@quick
@given(floats(1.0, 1e9), floats(0.5, 1.2), floats(0.3, 0.8), floats(0.0, 0.2))
def test_liquidation_hits_the_target_exactly_where_it_can(
    collateral: float, ltv: float, target: float, bonus: float
) -> None:
    debt = ltv * collateral
    x = liquidation_debt_usd(debt, collateral, target, bonus)
    assert 0.0 <= x <= debt * (1 + 1e-12)
    assert (1.0 + bonus) * x <= collateral * (1 + 1e-9)
    rest_debt, rest_collateral = debt - x, collateral - (1.0 + bonus) * x
    if ltv <= target:
        assert x == pytest.approx(0.0, abs=1e-9 * collateral)
    elif ltv < (1.0 - 1e-6) / (1.0 + bonus):
        assert rest_debt / rest_collateral == pytest.approx(target, rel=1e-6)
    elif ltv > 1.0 / (1.0 + bonus):  # selling makes LTV worse: everything goes
        assert rest_collateral == pytest.approx(0.0, abs=1e-9 * collateral)
        assert rest_debt >= 0.0


@pytest.mark.parametrize(("bonus", "critical"), [(0.05, 0.952381), (0.10, 0.909091)])
def test_published_toxic_liquidation_threshold(bonus: float, critical: float) -> None:
    # Below 1 / (1 + bonus) the rule sells a part and stops; above it sells everything.
    below = liquidation_debt_usd(critical - 1e-4, 1.0, 0.6, bonus)
    above = liquidation_debt_usd(critical + 1e-4, 1.0, 0.6, bonus)
    assert below * (1 + bonus) < 1.0
    assert above * (1 + bonus) == pytest.approx(1.0, rel=1e-12)
    assert (critical - 1e-4 - below) / (1.0 - (1 + bonus) * below) == pytest.approx(0.6, rel=1e-6)


def test_nothing_to_sell_repays_nothing() -> None:
    assert liquidation_debt_usd(10.0, 0.0, 0.6, 0.02) == 0.0


# --- buyers ---------------------------------------------------------------------------------------


def black_by_integration(mean: float, strike: float, deviation: float) -> float:
    """E[max(X - strike, 0)] for lognormal X, as a plain sum over a fine grid of normal draws."""
    z = np.linspace(-9.0, 9.0, 36001)
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    pay = np.maximum(mean * np.exp(deviation * z - 0.5 * deviation**2) - strike, 0.0)
    return float(np.sum(pay * density) * (z[1] - z[0]))


@quick
@given(floats(0.2, 50.0), floats(0.2, 50.0), floats(0.02, 1.5))
def test_option_is_the_expectation_it_says_it_is(income: float, cost: float, dev: float) -> None:
    expected = black_by_integration(income, cost, dev)
    value = option_to_run_usd(income, cost, dev)
    assert value == pytest.approx(expected, rel=1e-4, abs=1e-5 * (income + cost))


def test_option_on_a_textbook_future() -> None:
    # Hull, Options Futures and Other Derivatives, Black's model: F = X = 20, r = 9 %, sigma = 25 %,
    # four months: the put, which at the money equals the call, is worth 1.12.
    years = 4 / 12
    value = math.exp(-0.09 * years) * option_to_run_usd(20.0, 20.0, 0.25 * math.sqrt(years))
    assert value == pytest.approx(1.12, abs=0.005)


@quick
@given(floats(0.1, 100.0), floats(0.1, 100.0), floats(0.001, 2.0), floats(0.001, 1.0))
def test_option_bounds_symmetry_and_order(
    income: float, cost: float, dev: float, more: float
) -> None:
    value = option_to_run_usd(income, cost, dev)
    scale = income + cost
    assert max(income - cost, 0.0) - 1e-9 * scale <= value <= income + 1e-9 * scale
    assert option_to_run_usd(income, cost, dev + more) >= value - 1e-9 * scale
    # Put-call parity with Black's symmetry: C(F, K) - C(K, F) = F - K.
    assert value - option_to_run_usd(cost, income, dev) == pytest.approx(
        income - cost, abs=1e-9 * scale
    )


def test_option_limits() -> None:
    assert option_to_run_usd(10.0, 6.0, 0.0) == pytest.approx(4.0)
    assert option_to_run_usd(6.0, 10.0, 0.0) == 0.0
    assert option_to_run_usd(10.0, 6.0, 1e-6) == pytest.approx(4.0, abs=1e-6)
    assert option_to_run_usd(10.0, 0.0, 0.7) == pytest.approx(10.0)  # free to run: the income
    assert option_to_run_usd(0.0, 5.0, 0.7) == 0.0
    # At the money: F (2 N(s/2) - 1) = F erf(s / (2 sqrt 2)).
    assert option_to_run_usd(10.0, 10.0, 0.3) == pytest.approx(
        10.0 * math.erf(0.3 / (2 * math.sqrt(2))), rel=1e-12
    )


def test_normal_distribution_at_tabulated_points() -> None:
    for x, p in ((0.0, 0.5), (1.0, 0.841344746), (1.959963985, 0.975), (-2.326347874, 0.01)):
        assert normal_cdf(x) == pytest.approx(p, abs=1e-9)


def test_without_volatility_the_strip_is_a_discounted_sum() -> None:
    total = 0.0
    for month in range(30):
        t = (month + 0.5) / 12
        total += max(20.0 * math.exp(-0.4 * t) - 12.0, 0.0) * 365 / 12 / 1.22**t
    value = strip_value_usd(20.0, 12.0, Outlook(-0.4, 0.0, 0.5), 0.22, 2.5)
    assert value == pytest.approx(total, rel=1e-12)
    # ... and it stops when income no longer covers cost: after ln(20/12)/0.4 = 1.28 years.
    longer = strip_value_usd(20.0, 12.0, Outlook(-0.4, 0.0, 0.5), 0.22, 8.0)
    assert longer == pytest.approx(value, rel=1e-12)


@settings(deadline=None, max_examples=15)
@given(
    floats(5.0, 60.0),
    floats(1.0, 40.0),
    floats(-0.5, 0.2),
    floats(0.1, 0.9),
    floats(0.0, 2.0),
    floats(0.05, 0.4),
    st.sampled_from([0.5, 1.5, 3.0]),
)
def test_the_strip_is_the_integral_over_its_life(
    income: float,
    cost: float,
    drift: float,
    volatility: float,
    kappa: float,
    required: float,
    years: float,
) -> None:
    steps = 600
    total = 0.0
    for i in range(steps):
        t = (i + 0.5) * years / steps
        variance = volatility**2 * t
        if kappa > 1e-3:
            variance *= (1 - math.exp(-2 * kappa * t)) / (2 * kappa * t)
        s = math.sqrt(variance)
        mean = income * math.exp(drift * t)
        d = math.log(mean / cost) / s + s / 2
        phi = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in (d, d - s)]
        total += (mean * phi[0] - cost * phi[1]) * (1 + required) ** -t
    total *= 365 * years / steps
    value = strip_value_usd(income, cost, Outlook(drift, volatility, kappa), required, years)
    assert value == pytest.approx(total, rel=0.01, abs=0.002 * income * 365 * years)


@quick
@given(floats(1.0, 50.0), floats(1.0, 50.0), floats(0.05, 1.0), floats(0.1, 3.0))
def test_a_strip_is_worth_more_with_income_and_volatility_and_less_with_reversion(
    income: float, cost: float, volatility: float, kappa: float
) -> None:
    base = strip_value_usd(income, cost, Outlook(-0.1, volatility, 0.0), 0.2, 3.0)
    assert strip_value_usd(income * 1.1, cost, Outlook(-0.1, volatility, 0.0), 0.2, 3.0) >= base
    assert strip_value_usd(income, cost * 1.1, Outlook(-0.1, volatility, 0.0), 0.2, 3.0) <= base
    assert (
        strip_value_usd(income, cost, Outlook(-0.1, volatility * 1.1, 0.0), 0.2, 3.0) >= base - 1e-9
    )
    assert strip_value_usd(income, cost, Outlook(-0.1, volatility, kappa), 0.2, 3.0) <= base + 1e-9
    assert strip_value_usd(income, cost, Outlook(-0.1, volatility, 0.0), 0.3, 3.0) <= base
    assert strip_value_usd(income, cost, Outlook(-0.1, volatility, 0.0), 0.2, 4.0) >= base


def test_the_deterministic_value_is_far_too_steep() -> None:
    # The reason for the option: with income 5 % below cost the plain value is zero.
    assert strip_value_usd(9.5, 10.0, Outlook(0.0, 0.0, 0.5), 0.2, 3.0) == 0.0
    assert strip_value_usd(9.5, 10.0, Outlook(0.0, 0.6, 0.5), 0.2, 3.0) > 0.1 * 10.0 * 365


@quick
@given(floats(0.0, 1e5), floats(0.0, 1e5), floats(0.0, 2e3), floats(0.1, 3.0))
def test_no_bid_above_new_or_below_zero(
    strip: float, cap: float, relocation: float, view: float
) -> None:
    bid = bid_usd(strip, cap, relocation, view)
    assert 0.0 <= bid <= cap
    assert bid <= strip * view
    if bid > 0:
        assert bid + relocation == pytest.approx(min(strip * view, cap), rel=1e-9)


@quick
@given(floats(0.0, 1e5), floats(-10.0, 1e8), floats(-10.0, 1e5), floats(1e-3, 10.0))
def test_a_buyer_takes_what_money_and_racks_allow(
    bid: float, budget: float, slots: float, per_unit: float
) -> None:
    assume(bid == 0.0 or bid > 1e-3)
    units = affordable_units(bid, budget, slots, per_unit, True)
    assert units >= 0.0
    if bid == 0.0:
        assert units == 0.0
        return
    assert units * bid <= max(budget, 0.0) * (1 + 1e-12)
    assert units * per_unit <= max(slots, 0.0) * (1 + 1e-12)
    if units > 0:  # one of the two binds
        assert units == pytest.approx(min(budget / bid, slots / per_unit), rel=1e-12)
    # A dealer needs no racks.
    assert affordable_units(bid, budget, 0.0, per_unit, False) == pytest.approx(
        max(budget, 0.0) / bid
    )
