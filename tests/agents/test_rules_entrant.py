"""Rules of entry: signs, limits, and a loan's terms on another day."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.entrant import (
    chance_of_entry,
    entries_per_year,
    opening_equity_usd,
    vintage_rate,
)

Q, CREDIT, FIRMS = st.floats(0, 10), st.floats(0, 2), st.floats(0, 1e3)


@given(Q, CREDIT, FIRMS, st.floats(0, 20))
def test_nobody_enters_below_the_opening_return_or_without_credit(
    q: float, credit: float, firms: float, sensitivity: float
) -> None:
    entries = entries_per_year(q, credit, firms, sensitivity)
    assert entries >= 0.0
    assert entries_per_year(min(q, 1.0), credit, firms, sensitivity) == 0.0
    assert entries_per_year(q, 0.0, firms, sensitivity) == 0.0
    assert entries_per_year(q, -1.0, firms, sensitivity) == 0.0
    assert entries_per_year(q, credit, firms, 0.0) == 0.0


@given(st.floats(1, 10), st.floats(0.01, 1), st.floats(1, 1e3), st.floats(0.01, 20))
def test_more_enter_the_higher_q_and_the_more_lenders_give(
    q: float, credit: float, firms: float, sensitivity: float
) -> None:
    entries = entries_per_year(q, credit, firms, sensitivity)
    assert entries_per_year(q + 0.5, credit, firms, sensitivity) > entries
    assert entries_per_year(q, 1.0, firms, sensitivity) >= entries
    assert entries_per_year(q, 3.0, firms, sensitivity) == entries_per_year(
        q, 1.0, firms, sensitivity
    )


def test_entries_by_hand() -> None:
    # half a firm a year for each of 60 and unit of q: 18 a year at q = 1.8 and three quarters
    assert entries_per_year(1.8, 0.75, 60.0, 0.5) == pytest.approx(18.0)


@given(st.floats(0, 1e3), st.integers(1, 500), st.floats(0.1, 30))
def test_expected_entries_are_shared_by_those_who_wait(
    entries: float, waiting: int, days: float
) -> None:
    chance = chance_of_entry(entries, waiting, days)
    assert 0.0 <= chance <= 1.0
    expected = entries * days / 365.0
    assert waiting * chance <= expected * (1.0 + 1e-9) + 1e-9
    assert waiting * chance == pytest.approx(waiting * -math.expm1(-expected / waiting), abs=1e-9)
    assert chance_of_entry(entries, 0, days) == 0.0


def test_owners_pay_what_is_not_lent_and_a_cushion() -> None:
    assert opening_equity_usd(100.0, 65.0, 10.0) == 45.0


def test_a_loan_of_today_has_todays_spread_and_if_fixed_todays_rate() -> None:
    assert vintage_rate(0.11, 0.02, 0.01, False) == pytest.approx(0.14)
    assert vintage_rate(0.06, 0.02, 0.01, True) == pytest.approx(0.08)
    assert vintage_rate(0.06, -0.10, 0.0, True) == 0.0
