"""What a note is worth by pen and paper: distance to default, spread, bond, option, mark."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.note import (
    bond_value,
    conversion_value,
    default_spread,
    market_default_chance,
    normal_share,
    note_mark,
)

POSITIVE = st.floats(1e-3, 1e3)
YEARS = st.floats(0.1, 10.0)


def test_the_chance_of_default_is_that_of_mertons_firm() -> None:
    # ln 2 and a drift of 5 (4 % - 18 %) over 0.6 root 5: a distance of -0.0051.
    assert market_default_chance(200.0, 100.0, 0.6, 0.04, 5.0) == pytest.approx(0.502038, abs=1e-5)
    # Without drift a firm worth its debt fails in half of all cases.
    assert market_default_chance(100.0, 100.0, 0.4, 0.08, 3.0) == pytest.approx(0.5)
    assert market_default_chance(100.0, 0.0, 0.6, 0.04, 5.0) == 0.0
    assert market_default_chance(0.0, 100.0, 0.6, 0.04, 5.0) == 1.0
    assert normal_share(1.959964) == pytest.approx(0.975)


def test_a_spread_pays_for_expected_losses() -> None:
    # Half default and lose 63 %: 68.5 cents of a dollar are expected, in five years.
    assert default_spread(0.5, 5.0) == pytest.approx(-math.log(0.685) / 5.0)
    assert default_spread(0.0, 5.0) == 0.0
    assert math.isfinite(default_spread(1.0, 0.0))


@given(POSITIVE, POSITIVE, YEARS, st.floats(1.0, 3.0))
def test_more_firm_on_the_same_debt_is_safer(
    firm: float, debt: float, years: float, times: float
) -> None:
    low = market_default_chance(firm, debt, 0.6, 0.04, years)
    high = market_default_chance(times * firm, debt, 0.6, 0.04, years)
    assert 0.0 <= high <= low <= 1.0
    assert 0.0 <= default_spread(high, years) <= default_spread(low, years)


def test_a_bond_is_at_par_at_its_coupon_and_below_at_a_higher_yield() -> None:
    assert bond_value(0.09, 0.09, 5.0) == pytest.approx(1.0)
    # 9 cents a year at 11 %: 0.346132, and e^-0.55 of the dollar: 0.576950.
    assert bond_value(0.09, 0.11, 5.0) == pytest.approx(0.923082, abs=1e-6)
    assert bond_value(0.0, 0.05, 4.0) == pytest.approx(math.exp(-0.2))
    assert bond_value(0.09, 0.3, 0.0) == 1.0


def test_the_right_to_convert_is_a_call() -> None:
    # At the money for a year, 60 % and 4 %: N(0.3667) - e^-0.04 N(-0.2333).
    assert conversion_value(10.0, 10.0, 0.6, 0.04, 1.0) == pytest.approx(0.251303, abs=1e-5)
    assert conversion_value(30.0, 10.0, 0.6, 0.04, 1e-6) == pytest.approx(2.0, abs=1e-3)
    assert conversion_value(0.0, 10.0, 0.6, 0.04, 1.0) == 0.0
    assert conversion_value(10.0, math.nan, 0.6, 0.04, 1.0) == 0.0


def test_a_mark_is_todays_value_over_the_openings_at_most_par() -> None:
    assert note_mark(0.8, 1.0, 1.0) == pytest.approx(0.8)
    assert note_mark(0.6, 0.8, 1.0) == pytest.approx(0.75)
    assert note_mark(0.9, 0.8, 1.0) == 1.0
    assert note_mark(1.5, 2.0, 1.0) == 1.0  # worth more as shares, now as then
    assert note_mark(0.9, 2.0, 1.0) == pytest.approx(0.9)
    assert note_mark(0.8, 1.0, 0.5) == pytest.approx(0.4)  # sales press what trades
