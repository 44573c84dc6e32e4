"""Launches in the market of 2025: when they come, what they lower, and what they leave alone."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from runs import finished, fresh

from firesale.market.simulation import Simulation
from firesale.market.state.hardware import NEVER
from firesale.market.state.loans import ANY_GROWTH

pytestmark = pytest.mark.compiled

ON_TIME: tuple[str, ...] = ()
EARLY = ("launches.vr200.shift_days=-180", "launches.vr300.shift_days=-180")
LATE = ("launches.vr200.shift_days=180", "launches.vr300.shift_days=180")
CHEAP = ("launches.vr200.price_factor=0.7", "launches.vr300.price_factor=0.7")
BETTER = ("launches.vr200.performance_factor=1.4", "launches.vr300.performance_factor=1.4")
CANCELLED = ("launches.vr200.cancelled=true", "launches.vr300.cancelled=true")
OFF = ("launches.dated=false",)
LONG = "days=1095"
OLD = ("A100", "H100", "H200", "B200")


@cache
def opened(settings: tuple[str, ...]) -> Simulation:
    return fresh("baseline", settings)


def worth(settings: tuple[str, ...], name: str) -> float:
    """What the segment that pays most would pay for a unit on the first day [USD]."""
    market = opened(settings).market
    return float(np.nanmax(market.strips[:, market.names.hardware.index(name)]))


def after(settings: tuple[str, ...]) -> Simulation:
    return finished("baseline", (LONG, *settings))


# --- at once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OLD)
def test_news_of_a_launch_moves_the_worth_of_older_classes_at_once(name: str) -> None:
    usual = worth(ON_TIME, name)
    for sooner in (EARLY, CHEAP, BETTER):
        assert worth(sooner, name) < 0.999 * usual
    for later in (LATE, CANCELLED):
        assert worth(later, name) > 1.001 * usual
    assert worth(CANCELLED, name) > worth(LATE, name)


def test_a_launch_after_the_horizon_is_known_as_well() -> None:
    last = ("days=30", "launches.vr300.cancelled=true")
    assert worth(last, "B200") > worth(("days=30",), "B200")


def test_lenders_schedules_and_reports_know_nothing_of_launches() -> None:
    """So news of an early launch widens the gap between what is reported and what is bid."""
    usual, early = (opened(settings).market for settings in (ON_TIME, EARLY))
    old = usual.hardware.launch_day == 0
    assert np.array_equal(usual.schedule_usd[old], early.schedule_usd[old])
    assert np.array_equal(usual.marks_usd[old], early.marks_usd[old])
    first, second = (sim.series().iloc[0] for sim in (opened(ON_TIME), opened(EARLY)))
    assert first["gpu_reported_ltv"] == second["gpu_reported_ltv"]
    assert first["gpu_realisable_ltv"] < second["gpu_realisable_ltv"]


def test_the_opening_stays_where_the_quotes_have_it() -> None:
    """Views are implied under the roadmap of the books; what a scenario changes is news."""
    usual = opened(ON_TIME).market
    for settings in (EARLY, CHEAP, CANCELLED):
        market = opened(settings).market
        assert np.array_equal(market.buyer_view, usual.buyer_view)
        assert market.prices.rent_h100_usd_h == usual.prices.rent_h100_usd_h
        assert market.prices.q == 1.0
    views = dict(zip(usual.names.hardware, usual.buyer_view, strict=True))
    off = dict(zip(usual.names.hardware, opened(OFF).market.buyer_view, strict=True))
    for name in OLD:  # what launches explain of the discount, views need not
        assert off[name] < views[name] < 1.0


# --- later ----------------------------------------------------------------------------------------


def test_nothing_is_ordered_before_its_launch() -> None:
    sim = fresh("baseline", (LONG,))
    market = sim.market
    names = market.names.hardware
    new = [names.index(name) for name in ("VR200", "VR300")]
    wait = sim.scenario.investment.order_days
    come = dict.fromkeys(new, -1)
    while sim.day < 900:
        sim.step()
        for k in new:
            rows = np.flatnonzero(market.holdings.hardware == k)
            if come[k] < 0 and market.holdings.units[rows].sum() > 0.0:
                come[k] = sim.day
            if sim.day < market.hardware.launch_day[k]:
                of_class = market.holdings.hardware[market.orders.holding] == k
                assert market.orders.units[of_class].sum() == 0.0
        if market.prices.outside_gpus > 0.0:
            assert sim.day >= market.hardware.launch_day[new[0]] + wait
    assert come[new[0]] >= market.hardware.launch_day[new[0]] + wait
    assert market.prices.outside_gpus > 0.0
    assert sim.series()["conservation_error"].max() < 1e-9


def test_the_sooner_work_gets_cheap_the_lower_rents_are_then() -> None:
    day = 1000
    rents = [
        after(settings).series()["rent_h100_usd_h"].iloc[day]
        for settings in (CHEAP, EARLY, ON_TIME, LATE, CANCELLED)
    ]
    assert rents == sorted(rents)
    assert rents[0] < 0.95 * rents[2] < 0.9 * rents[-1]


def test_rents_do_not_move_before_machines_can_come() -> None:
    """Only what orders and failures do: until then the rest of the market adds nothing."""
    usual, never = after(ON_TIME).series(), after(CANCELLED).series()
    ratio = usual["rent_h100_usd_h"][:336] / never["rent_h100_usd_h"][:336]
    assert ratio.sub(1.0).abs().max() < 0.02


def test_buyers_pay_less_for_old_machines_when_work_gets_cheap() -> None:
    prices = {
        settings: after(settings).series()["clearing_H100_usd"].iloc[700:1000].mean()
        for settings in (CHEAP, ON_TIME, CANCELLED)
    }
    assert prices[CHEAP] < prices[ON_TIME] < prices[CANCELLED]


# --- off ------------------------------------------------------------------------------------------


def test_with_launches_off_none_of_it_is_there() -> None:
    market = finished("baseline", ("days=400", *OFF)).market
    names = market.names.hardware
    new = [names.index(name) for name in ("VR200", "VR300")]
    assert (market.hardware.launch_day[new] == NEVER).all()
    assert market.work_price_ahead.tolist() == [1.0] * len(market.work_price_ahead)
    assert not np.isin(market.holdings.hardware, new).any()
    assert not np.isin(market.loans.hardware[market.loans.growth == ANY_GROWTH], new).any()
    assert not market.buyers.accepts[:, new].any()
    assert not market.has_in_place_buyers[new].any()
    assert market.prices.outside_gpus == 0.0
    assert market.prices.frontier == names.index("B200")
    assert market.opening.roadmap_end_day == 0


def test_synthetic_markets_have_launches_too() -> None:
    settings = ("opening.start=synthetic", "synthetic.parties=500", "days=600")
    market = finished("baseline", settings).market
    classes = market.holdings.hardware[market.orders.holding]
    owner = market.orders.borrower
    assert np.array_equal(classes, market.loans.hardware[market.orders.facility])
    assert np.array_equal(owner, market.loans.borrower[market.orders.facility])
    new = market.names.hardware.index("VR200")
    assert market.holdings.units[market.holdings.hardware == new].sum() > 0.0
