"""How new classes spread, and what they leave of the worth of older ones: by hand, and limits."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.buyer import Outlook, income_paths, machine_value_usd, option_to_run_usd
from firesale.agents.maker import made_share, q_after_entry, same_work_usd


def test_nothing_is_made_before_the_launch_and_all_that_is_wanted_after_the_ramp() -> None:
    assert made_share(-1.0, 365.0) == 0.0
    assert made_share(0.0, 365.0) == 0.0
    assert made_share(73.0, 365.0) == pytest.approx(0.2)
    assert made_share(365.0, 365.0) == made_share(4000.0, 365.0) == 1.0


def test_entry_takes_q_to_one_by_hand() -> None:
    """1 - 1/q falls by exp(-rate) a year: from q = 2 it is half of a half where that halves."""
    halves = math.log(2.0)
    assert q_after_entry(2.0, halves, 1.0) == pytest.approx(1.0 / (1.0 - 0.25))
    assert q_after_entry(2.0, halves, 2.0) == pytest.approx(1.0 / (1.0 - 0.125))
    assert q_after_entry(1.4, 0.7, 200.0) == pytest.approx(1.0)
    assert q_after_entry(0.8, 0.7, 5.0) == 0.8  # nobody leaves


@given(st.floats(1.01, 5.0), st.floats(0.01, 3.0), st.floats(0.0, 10.0))
def test_entry_solves_the_law_of_supply(q: float, rate: float, years: float) -> None:
    """Step by step: supply grows by s (q - 1), rents fall by 1/eps of that, and q with them."""
    steps = 20_000
    stepped = q
    for _ in range(steps if years > 0.0 else 0):
        stepped *= 1.0 - rate * (stepped - 1.0) * years / steps
        if stepped < 1.0 + 1e-9:
            break
    assert q_after_entry(q, rate, years) == pytest.approx(stepped, rel=5e-3)


def test_two_half_years_are_a_year() -> None:
    half = q_after_entry(1.6, 0.7, 0.5)
    assert q_after_entry(half, 0.7, 0.5) == pytest.approx(q_after_entry(1.6, 0.7, 1.0))


def test_what_the_same_work_costs_new_by_hand() -> None:
    """New machines for 500, of whose seven years one is used, save a dollar a day of power.

    With no discount and no decline a seventh of the price counts. At ten cents a day 36.5 is saved.
    """
    assert same_work_usd(500.0, 1.0, 1.0, 7.0, 0.0, 0.0) == 0.0  # power alone is more
    assert same_work_usd(500.0, 0.1, 1.0, 7.0, 0.0, 0.0) == pytest.approx(500 / 7 - 36.5)
    whole = same_work_usd(500.0, 0.0, 7.0, 7.0, 0.1, 0.2)
    assert whole == pytest.approx(500.0)  # as long a life: all of the price
    assert same_work_usd(1000.0, 0.0, 9.0, 7.0, 0.1, 0.2) == pytest.approx(1000.0)
    year = (1.0 - math.exp(-0.3)) / (1.0 - math.exp(-2.1))
    assert same_work_usd(1000.0, 0.0, 1.0, 7.0, 0.1, 0.2) == pytest.approx(1000.0 * year)


@given(st.floats(0.1, 7.0), st.floats(0.0, 20.0), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_a_cap_falls_with_age_with_power_and_with_the_new_price(
    years: float, extra: float, rate: float, decline: float
) -> None:
    cap = same_work_usd(27_000.0, extra, years, 7.0, rate, decline)
    assert 0.0 <= cap <= 27_000.0 * (1.0 + 1e-12)
    assert same_work_usd(18_900.0, extra, years, 7.0, rate, decline) <= cap
    assert same_work_usd(27_000.0, extra + 1.0, years, 7.0, rate, decline) <= cap
    if extra == 0.0:
        assert same_work_usd(27_000.0, 0.0, 0.9 * years, 7.0, rate, decline) <= cap


# --- obsolescence is not linear -------------------------------------------------------------------


def margins(price_of_work: list[float], work: float, power: float) -> list[float]:
    return [max(0.0, work * price - power) for price in price_of_work]


def test_the_margin_of_an_old_class_ends_where_its_power_begins() -> None:
    """Both classes earn 24 dollars a day for a unit of work; the old one draws twice the power.

    As the price of work falls by 5 a step, the new one loses 5 each time; the old one's margin is
    gone at 10 and stays gone.
    """
    prices = [24.0, 19.0, 14.0, 9.0, 4.0]
    assert margins(prices, 1.0, 10.0) == [14.0, 9.0, 4.0, 0.0, 0.0]
    assert margins(prices, 1.0, 5.0) == pytest.approx([19.0, 14.0, 9.0, 4.0, 0.0])


def test_value_is_convex_in_the_price_of_work_and_kinked_without_doubt_about_it() -> None:
    """A tenth off the price of work takes more than a tenth off the worth, and more the older."""
    outlook = Outlook(-0.15, 0.0, 0.5)
    paths = income_paths(outlook, 4.0)

    def worth(income: float) -> float:
        return machine_value_usd(income, 5.0, paths, 0.2, 4.0, 1.0)

    incomes = [5.0 * 1.1**n for n in range(-8, 25)]
    values = [worth(income) for income in incomes]
    points = pairwise(zip(incomes, values, strict=True))
    slopes = [(b - a) / (y - x) for (x, a), (y, b) in points]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(slopes))
    assert worth(4.9) == 0.0 and worth(5.5) > 0.0  # the kink: power
    lost = [1.0 - worth(0.9 * income) / worth(income) for income in (50.0, 20.0, 10.0, 6.5)]
    assert lost == sorted(lost) and lost[0] < 0.12 and lost[-1] > 0.3


def test_doubt_about_rents_rounds_the_kink() -> None:
    assert option_to_run_usd(4.9, 5.0, 0.0) == 0.0
    assert option_to_run_usd(4.9, 5.0, 0.3) > 0.0
