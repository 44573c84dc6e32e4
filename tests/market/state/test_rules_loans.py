"""Schedules of loans, interest and loan to value."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.market.state.loans import (
    Amortisation,
    annual_rate,
    loan_to_value,
    payments_left,
    scheduled_principal_usd,
    service_usd_day,
)

quick = settings(deadline=None, max_examples=80)
BULLET, LINEAR, ANNUITY = (int(kind) for kind in Amortisation)


def amortise(
    kind: int, principal: float, rate: float, interval: int, payments: int, fixed: float = 0.0
) -> list[tuple[float, float]]:
    """(principal, interest) of every payment of a loan whose maturity is its last payment date."""
    maturity = interval * payments
    flows = []
    for day in range(interval, maturity + 1, interval):
        left = payments_left(day, maturity, interval)
        interest = principal * rate * interval / 365
        due = scheduled_principal_usd(principal, kind, fixed, rate, interval, left)
        principal -= due
        flows.append((due, interest))
    assert principal == pytest.approx(0.0, abs=1e-6)
    return flows


@quick
@given(
    st.sampled_from([LINEAR, ANNUITY]),
    st.floats(1e3, 1e9),
    st.floats(0.0, 0.3),
    st.sampled_from([30, 91, 182]),
    st.integers(1, 60),
)
def test_schedules_amortise_to_zero_on_the_last_date(
    kind: int, principal: float, rate: float, interval: int, payments: int
) -> None:
    flows = amortise(kind, principal, rate, interval, payments)
    assert len(flows) == payments
    assert math.fsum(due for due, _ in flows) == pytest.approx(principal, rel=1e-9)
    assert all(due > 0 for due, _ in flows)
    if kind == LINEAR:  # equal principal
        assert [due for due, _ in flows] == pytest.approx([principal / payments] * payments)
    else:  # equal payments, worth the principal at the loan's own rate
        r = rate * interval / 365
        total = [due + interest for due, interest in flows]
        assert total == pytest.approx([total[0]] * payments, rel=1e-6)
        worth = math.fsum(pay / (1 + r) ** (n + 1) for n, pay in enumerate(total))
        assert worth == pytest.approx(principal, rel=1e-6)


def test_annuity_of_a_textbook_loan() -> None:
    # 100,000 over 12 payments at 1 % each: level payment 100000 * 0.01 / (1 - 1.01^-12) = 8884.88.
    flows = amortise(ANNUITY, 100_000.0, 0.01 * 365 / 30, 30, 12)
    assert sum(flows[0]) == pytest.approx(8884.88, abs=0.005)
    assert flows[0] == pytest.approx((7884.88, 1000.0), abs=0.005)


@quick
@given(st.floats(1e3, 1e6), st.floats(0.01, 2.0), st.integers(1, 40))
def test_a_fixed_principal_per_payment_takes_precedence(
    principal: float, share: float, payments: int
) -> None:
    fixed = share * principal
    flows = amortise(LINEAR, principal, 0.1, 91, payments, fixed)
    left = principal
    for due, _ in flows[:-1]:
        assert due == pytest.approx(min(fixed, left), rel=1e-9, abs=1e-6)
        left -= due
    assert flows[-1][0] == pytest.approx(left, rel=1e-9, abs=1e-6)  # the rest at maturity


def test_bullets_are_not_scheduled() -> None:
    assert scheduled_principal_usd(100.0, BULLET, 5.0, 0.1, 91, 1) == 0.0
    assert service_usd_day(365.0, BULLET, 0.0, 0.1, 91, 4) == pytest.approx(0.1)


@quick
@given(st.sampled_from([LINEAR, ANNUITY]), st.floats(0.0, 0.3), st.integers(1, 40))
def test_service_a_day_adds_up_to_the_payment(kind: int, rate: float, payments: int) -> None:
    interval = 91
    due = scheduled_principal_usd(1000.0, kind, 0.0, rate, interval, payments)
    daily = service_usd_day(1000.0, kind, 0.0, rate, interval, payments)
    assert daily * interval == pytest.approx(due + 1000.0 * rate * interval / 365, rel=1e-12)


@quick
@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 40), st.integers(0, 199))
def test_payments_left_counts_dates_and_a_maturity_between_them(
    interval: int, number: int, paid: int, stub: int
) -> None:
    """Dates every ``interval`` days, and the maturity ``stub`` days after the last of them."""
    stub %= interval
    maturity = interval * number + stub
    day = interval * min(paid, number)
    dates = {*range(day, maturity + 1, interval), maturity}
    assert payments_left(day, maturity, interval) == len(dates)


def test_a_floating_rate_is_reference_plus_spread() -> None:
    assert annual_rate(0.06, True, 0.043) == pytest.approx(0.103)
    assert annual_rate(0.06, False, 0.043) == pytest.approx(0.06)


def test_loan_to_value_and_its_limits() -> None:
    assert loan_to_value(60.0, 100.0) == pytest.approx(0.6)
    assert loan_to_value(0.0, 0.0) == 0.0
    assert loan_to_value(1.0, 0.0) == math.inf
    assert loan_to_value(1.0, -5.0) == math.inf
    assert loan_to_value(-1.0, 100.0) == 0.0


def test_no_lender_pays_interest_to_its_borrower() -> None:
    assert annual_rate(0.02, True, -0.05) == 0.0
    assert annual_rate(-0.01, False, 0.05) == 0.0
    assert annual_rate(0.02, True, -0.01) == pytest.approx(0.01)
