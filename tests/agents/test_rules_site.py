"""What a MW of power and of halls is worth, by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.site import (
    finished_usd_mw,
    hall_usd_mw,
    option_to_build_usd_mw,
    rig_site_usd_mw,
)


def test_a_hall_is_its_net_rent_over_its_life() -> None:
    # $1m a year for 20 years at 10 %: (1 - e^-2) / 0.1 = 8.647; a year empty: e^-0.1 of it.
    assert hall_usd_mw(1e6, 0.10, 20.0, 0.0) == pytest.approx(8.6466e6, rel=1e-4)
    assert hall_usd_mw(1e6, 0.10, 20.0, 1.0) == pytest.approx(7.8238e6, rel=1e-4)
    assert hall_usd_mw(1e6, 0.0, 20.0, 5.0) == pytest.approx(20e6)
    assert hall_usd_mw(-1e6, 0.10, 20.0, 0.0) == 0.0  # nobody is made to run it


def test_power_is_an_option_to_build() -> None:
    # At the money, deviation 0.25 * sqrt(2): 11 * (2 N(0.1768) - 1) = 1.5435; two years at 10 %.
    value = option_to_build_usd_mw(11.0, 11.0, 0.25, 2.0, 0.10)
    assert value == pytest.approx(11.0 * math.erf(0.1767767 / math.sqrt(2.0)) * math.exp(-0.2))
    assert option_to_build_usd_mw(13.0, 11.0, 0.0, 2.0, 0.10) == pytest.approx(2 * math.exp(-0.2))
    assert option_to_build_usd_mw(9.0, 11.0, 0.0, 2.0, 0.10) == 0.0
    assert option_to_build_usd_mw(0.0, 11.0, 0.25, 2.0, 0.10) == 0.0


def test_a_finished_mw_is_worth_its_power_at_least_and_building_another_at_most() -> None:
    assert finished_usd_mw(9.0, 1.0, 11.0) == 9.0
    assert finished_usd_mw(0.5, 1.0, 11.0) == 1.0
    assert finished_usd_mw(20.0, 1.0, 11.0) == 12.0


def test_miners_pay_what_a_site_costs_less_where_their_rents_fell() -> None:
    assert rig_site_usd_mw(0.45e6, 1.0, 0.25, 1.0) == pytest.approx(0.45e6)
    # Rents at 63 %: (0.63 - 0.25) / 0.75 = 0.5067 of it, at dearer money nine tenths of that.
    assert rig_site_usd_mw(0.45e6, 0.63, 0.25, 0.9) == pytest.approx(205.2e3, rel=1e-4)
    assert rig_site_usd_mw(0.45e6, 0.2, 0.25, 1.0) == 0.0


@given(
    st.floats(0.0, 3e6), st.floats(0.0, 1e6), st.floats(0.03, 0.3), st.floats(0.0, 0.1),
    st.floats(0.0, 3.0),
)  # fmt: skip
def test_values_rise_with_rents_and_fall_with_the_cost_of_money(
    net: float, more: float, rate: float, dearer: float, empty: float
) -> None:
    value = hall_usd_mw(net, rate, 20.0, empty)
    assert hall_usd_mw(net + more, rate, 20.0, empty) >= value
    assert hall_usd_mw(net, rate + dearer, 20.0, empty) <= value * (1 + 1e-12)
    power = option_to_build_usd_mw(value, 11e6, 0.25, 2.0, rate)
    assert 0.0 <= power <= value
    higher = hall_usd_mw(net + more, rate, 20.0, empty)
    assert option_to_build_usd_mw(higher, 11e6, 0.25, 2.0, rate) >= power - 1e-6


def test_nobody_gains_by_waiting_for_a_tenant_where_money_costs_less_than_nothing() -> None:
    waited, at_once = (hall_usd_mw(1e6, -0.2, 20.0, years) for years in (1e6, 0.0))
    assert waited == at_once > 20e6  # and no overflow
    assert hall_usd_mw(-1.0, -0.2, 20.0, 1e6) == 0.0
