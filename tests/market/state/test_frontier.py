"""The frontier by hand: two classes of GPUs, one of which comes on day 100."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench

from firesale.agents.columns import empty
from firesale.agents.maker import q_after_entry
from firesale.market.operators.investment import deliver_orders, invest, place_orders
from firesale.market.prices.marks import reported_usd, set_marks
from firesale.market.state.events import Event
from firesale.market.state.frontier import (
    TYPICAL_USD_KWH,
    foresee_entry,
    made_today,
    outside_orders,
    replacement_usd,
    set_frontier,
    value_to_price,
)
from firesale.market.state.hardware import NEVER, Family
from firesale.market.state.orders import Orders

NEW = RIG  # the bench's second class, made a GPU here
LAUNCH = 100
ORDERS = 50  # days from order to delivery


def bench(**terms: Any) -> Bench:
    """An operator of 50,000 old GPUs of 1 kW; from day 100 a class that does three times the work.

    It costs twice as much as an old one and draws 1.5 kW. Rents are a dollar an hour. Order and
    money are as plain as can be: no lender, cash for all that is wanted.
    """
    plain: dict[str, Any] = dict(
        investment__sensitivity=0.7,
        order_deposit_share=1.0,
        order_days=ORDERS,
        launches__ramp_days=200,
        launches__outside_share=0.5,
        gpu_rent_drift=0.0,
        gpu_rent_volatility=0.0,
        new_price_decline=0.0,
    )
    made = Bench(fleets=[(0, GPU, 50_000.0), (0, NEW, 0.0)], cash=[1e12], **(plain | terms))
    s = made.s
    hardware = s.hardware
    hardware.family[NEW] = Family.GPU
    hardware.kw[NEW] = 1.5
    hardware.quality[NEW] = 3.0
    hardware.launch_day[NEW] = LAUNCH
    hardware.age_years[NEW] = -LAUNCH / 365.0
    hardware.new_usd[:] = [10_000.0, 20_000.0, 0.0]
    hardware.replacement_usd[:] = hardware.new_usd
    s.prices.rent_h100_usd_h = 1.0
    s.neoclouds.spot_realisation[0] = 1.0
    s.borrowers.creditworthy[0] = True
    s.orders = empty(
        Orders, 2, borrower=[0, 0], facility=[-1, -1], holding=s.holdings.first[0] + np.arange(2)
    )
    s.outside_arrivals = np.zeros(3651)
    s.work_price_ahead = np.ones(84)
    s.opening.value_to_price = value_to_price(s, GPU)
    s.opening.roadmap_end_day = LAUNCH
    return made


def q_of(made: Bench, k: int) -> float:
    return float(value_to_price(made.market, k) / made.s.opening.value_to_price)


# --- value, price, choice -------------------------------------------------------------------------


def test_value_over_price_by_hand() -> None:
    """Work for work and power for power: with certain rents both are annuities of the margin."""
    made = bench()
    old = 24.0 - 24.0 * TYPICAL_USD_KWH
    new = 3.0 * 24.0 - 1.5 * 24.0 * TYPICAL_USD_KWH
    assert q_of(made, GPU) == 1.0
    assert q_of(made, NEW) == pytest.approx((new / 20_000.0) / (old / 10_000.0))


def test_makers_hold_prices_until_the_last_announced_launch() -> None:
    made = bench(new_price_decline=0.25)
    for day, price in ((0, 1.0), (LAUNCH, 1.0), (LAUNCH + 365, math.exp(-0.25))):
        made.market.today.day = day
        assert q_of(made, GPU) == pytest.approx(1.0 / price)
    made.s.opening.roadmap_end_day = 0  # launches off: from the opening on
    made.market.today.day = 365
    assert q_of(made, GPU) == pytest.approx(math.exp(0.25))


def test_orders_go_to_the_better_class_once_it_is_there() -> None:
    made = bench()
    for day in (0, LAUNCH - 1):
        made.market.today.day = day
        made.kernel(set_frontier)
        assert made.s.prices.frontier == GPU
        assert made.s.prices.q == 1.0
        assert made_today(made.market, NEW) == 0.0
    made.market.today.day = LAUNCH + 50
    made.kernel(set_frontier)
    assert made.s.prices.frontier == NEW
    assert made.s.prices.q == pytest.approx(q_of(made, NEW))
    assert made_today(made.market, NEW) == pytest.approx(0.25)


def test_a_class_of_worse_value_is_left_alone() -> None:
    made = bench()
    made.s.hardware.new_usd[NEW] = 40_000.0
    made.market.today.day = LAUNCH + 300
    made.kernel(set_frontier)
    assert made.s.prices.frontier == GPU


def test_while_little_is_made_the_old_class_may_be_what_one_gets() -> None:
    """At twice the rent the old class has a q of 2.2; a tenth of what is wanted is made of the new.

    More of q beyond one can be had of the old, until enough of the new is made.
    """
    made = bench()
    made.s.prices.rent_h100_usd_h = 2.0
    for day, frontier in ((LAUNCH + 20, GPU), (LAUNCH + 190, NEW)):
        made.market.today.day = day
        made.kernel(set_frontier)
        assert made.s.prices.frontier == frontier


# --- orders ---------------------------------------------------------------------------------------


def weeks(made: Bench, last: int) -> None:
    """Invest day by day, as the market does."""
    for day in range(1, last + 1):
        made.market.today.day = day
        before = made.stocks()
        made.kernel(invest)
        after = made.stocks()
        assert after.cash_usd == pytest.approx(before.cash_usd)
        assert np.allclose(after.units, before.units)


def test_nothing_of_a_class_is_ordered_or_delivered_before_its_time() -> None:
    made = bench()
    weeks(made, LAUNCH - 1)
    assert made.s.orders.units.tolist() == [0.0, 0.0]
    assert not len(made.events(Event.ORDERED))
    assert made.s.outside_arrivals.sum() == 0.0
    for day in range(LAUNCH, LAUNCH + 200):
        made.market.today.day = day
        made.kernel(invest)
        assert made.s.orders.units[0] == 0.0
        if made.s.holdings.units[1] > 0.0:
            break
    ordered = made.events(Event.ORDERED)["day"].min()
    assert ordered >= LAUNCH
    assert day == ordered + ORDERS
    assert made.s.holdings.units[0] == 50_000.0
    assert made.s.ledger.outside_units[NEW] == pytest.approx(-made.s.holdings.units[1])


def test_an_order_of_the_new_class_by_hand() -> None:
    """Sensitivity 0.7, a quarter of a year, a quarter made: for each q beyond one of its power."""
    made = bench()
    made.market.today.day = LAUNCH + 50
    made.kernel(set_frontier)
    made.market.today.day = 7 * 13 * 2  # the week in which the operator decides
    made.s.hardware.launch_day[NEW] = made.market.today.day - 50
    total = made.kernel(place_orders)
    units = 0.7 * (made.s.prices.q - 1.0) / 4.0 * 0.25 * 50_000.0 / 1.5
    assert made.s.orders.units.tolist() == [0.0, pytest.approx(units)]
    assert total == pytest.approx(20_000.0 * units)
    assert made.kernel(place_orders) == 0.0  # one order at a time
    made.s.prices.frontier, made.s.prices.q = GPU, 3.0
    assert made.kernel(place_orders) == 0.0  # of whatever class
    made.market.today.day += ORDERS
    assert made.kernel(deliver_orders) == pytest.approx(units)


def test_the_rest_of_the_market_buys_new_classes_by_hand() -> None:
    made = bench()
    made.s.planned_supply[:] = 1000.0
    made.market.today.day = LAUNCH + 100
    made.s.prices.frontier, made.s.prices.q = NEW, 1.4
    made.kernel(outside_orders)
    due = LAUNCH + 100 + ORDERS
    assert made.s.outside_arrivals[due] == pytest.approx(0.7 * 0.4 * 0.5 * 0.5 * 1000.0 * 7 / 365)
    assert made.s.outside_arrivals.sum() == made.s.outside_arrivals[due]
    made.s.prices.q = 0.9
    made.kernel(outside_orders)
    made.s.prices.frontier, made.s.prices.q = GPU, 1.4  # it buys as planned what there was
    made.kernel(outside_orders)
    assert made.s.outside_arrivals.sum() == made.s.outside_arrivals[due]


# --- what is expected -----------------------------------------------------------------------------


def ahead(made: Bench, day: int = 0) -> np.ndarray:
    made.market.today.day = day
    made.kernel(foresee_entry)
    return made.s.work_price_ahead.copy()


def test_the_expected_price_of_work_falls_to_the_cost_of_the_new_class() -> None:
    made = bench(elasticity=0.7)
    path = ahead(made)
    first = next(month for month in range(84) if path[month] < 1.0)
    assert (first - 0.5) * 365 / 12 <= LAUNCH + ORDERS <= (first + 0.5) * 365 / 12
    assert np.all(np.diff(path[first:]) < 0.0)
    assert path[-1] == pytest.approx(1.0 / q_of(made, NEW), rel=0.02)


def test_once_all_is_made_the_way_down_is_that_of_the_rule() -> None:
    made = bench(elasticity=0.7)
    made.s.hardware.launch_day[NEW] = 1
    path = ahead(made, 2000)
    q = q_of(made, NEW)
    for month in (0, 11, 35):
        left = q_after_entry(q, 1.0, (month + 0.5) / 12.0)
        assert path[month] == pytest.approx(left / q, rel=1e-9)


@pytest.mark.parametrize("change", ["earlier", "cheaper", "better"])
def test_what_brings_the_new_class_forward_lowers_the_expected_price(change: str) -> None:
    made = bench()
    usual = ahead(made)
    hardware = made.s.hardware
    if change == "earlier":
        hardware.launch_day[NEW] -= 60
    if change == "cheaper":
        hardware.new_usd[NEW] *= 0.7
    if change == "better":
        hardware.quality[NEW] *= 1.3
    sooner = ahead(made)
    assert np.all(sooner <= usual) and sooner[10] < usual[10]


@pytest.mark.parametrize("why", ["cancelled", "worse", "nobody invests", "rents are planned"])
def test_nothing_is_expected_of_what_changes_nothing(why: str) -> None:
    terms: dict[str, Any] = {}
    if why == "nobody invests":
        terms = dict(investment__sensitivity=0.0)
    if why == "rents are planned":
        terms = dict(channels__rent_feedback=False)
    made = bench(**terms)
    if why == "cancelled":
        made.s.hardware.launch_day[NEW] = NEVER
    if why == "worse":
        made.s.hardware.new_usd[NEW] = 40_000.0
    assert ahead(made).tolist() == [1.0] * 84


# --- the cap --------------------------------------------------------------------------------------


def test_the_cap_on_an_old_machine_by_hand() -> None:
    """A third of a new machine does its work, and saves half a kW of its power."""
    made = bench(gpu_rent_drift=-0.15, seller_required_return=0.15, gpu_life_years=7.0)
    made.market.today.day = LAUNCH - 1
    assert replacement_usd(made.market, GPU) == 10_000.0
    made.market.today.day = LAUNCH
    years = 7.0 * math.exp(-LAUNCH / 365.0 / 7.0)
    fall = math.log(1.15) + 0.15
    used = (1.0 - math.exp(-fall * years)) / (1.0 - math.exp(-fall * 7.0))
    power = 0.5 * 24.0 * TYPICAL_USD_KWH * 365.0
    power *= (1.0 - math.exp(-math.log(1.15) * years)) / math.log(1.15)
    assert replacement_usd(made.market, GPU) == pytest.approx(20_000.0 / 3.0 * used - power)
    made.s.hardware.kw[GPU] = 5.0  # so much power that new machines are cheaper for nothing
    assert replacement_usd(made.market, GPU) == 0.0


# --- lenders' values ------------------------------------------------------------------------------


def test_schedules_and_reports_of_a_later_class_start_at_its_launch() -> None:
    made = bench(book_life_years=5.0)
    made.s.hardware.used_open_usd[NEW] = 16_000.0
    made.s.hardware.annual_depreciation[:] = 0.4
    values = []
    for day in (0, LAUNCH, LAUNCH + 365):
        made.market.today.day = day
        made.kernel(set_marks)
        values.append((float(made.s.schedule_usd[NEW]), reported_usd(made.market, NEW)))
    assert values[0] == values[1] == (16_000.0, 20_000.0)
    assert values[2] == (pytest.approx(16_000.0 * math.exp(-0.4)), pytest.approx(16_000.0))
    assert made.s.schedule_usd[GPU] == pytest.approx(100.0 * math.exp(-0.4 * 465 / 365))
