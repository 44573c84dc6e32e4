"""Convertible notes: they become shares, are put, or are paid; and what a refinanced one costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import NAN, Bench
from hypothesis import given
from hypothesis import strategies as st
from runs import fresh

from firesale.agents.borrower import in_the_money, puts, share_price_usd
from firesale.agents.party import Outside
from firesale.market.debt.convertibles import NOTICE_DAYS, exercise, market_rate
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Instrument, LoanStatus

MONEY = st.floats(0.01, 1e6)


@given(MONEY, MONEY)
def test_the_money_is_where_shares_are_worth_par(share: float, price: float) -> None:
    par = 1000.0
    assert in_the_money(share, price) == (par / price * share >= par * (1 - 1e-12)) or (
        share == pytest.approx(price)
    )
    assert not in_the_money(share, NAN)


@given(MONEY, MONEY, st.floats(0, 0.2), st.floats(0, 0.2))
def test_nobody_puts_what_is_worth_more(share: float, price: float, coupon: float, rate: float):
    if puts(share, price, coupon, rate):
        assert share < price and coupon < rate
    if in_the_money(share, price):
        assert not puts(share, price, coupon, rate)


def test_a_share_is_a_part_of_the_whole() -> None:
    assert share_price_usd(500.0, 100.0) == 5.0
    assert share_price_usd(500.0, 0.0) == 0.0  # not listed


def note(share_usd: float, **more: Any) -> Bench:
    """A note of 1,000 that converts at 20, due on day 100, of a firm of 100 shares."""
    loan = dict(
        instrument=Instrument.CONVERTIBLE,
        principal_usd=1000.0,
        rate_or_spread=0.01,
        rate_open=0.01,
        conversion_usd=20.0,
        maturity_day=100,
    )
    bench = Bench([loan | more], cash=[5000.0])
    bench.s.borrowers.shares[0] = 100.0
    bench.s.borrowers.equity_usd[0] = 100.0 * share_usd
    return bench


@pytest.mark.parametrize(("share_usd", "converts"), [(19.9, False), (20.0, True), (50.0, True)])
def test_at_maturity_it_becomes_shares_or_is_paid(share_usd: float, converts: bool) -> None:
    bench = note(share_usd)
    for day in range(1, 101):
        bench.day(day, "service", "pay")
    assert bench.s.loans.principal_usd[0] == 0.0
    assert len(bench.events(Event.CONVERTED)) == converts
    lender, investors = bench.cash(bench.lender()), bench.cash(bench.outside(Outside.INVESTORS))
    assert lender == pytest.approx(1e6 + 1000.0)  # par, from the firm or from who buys the shares
    if converts:
        assert bench.s.borrowers.shares[0] == 100.0 + 1000.0 / 20.0
        assert bench.cash(0) == 5000.0
        assert investors == pytest.approx(-1000.0)
        assert bench.s.loans.status[0] == LoanStatus.CLOSED
    else:
        assert bench.s.borrowers.shares[0] == 100.0
        interest = 1000.0 * 0.01 * 100.0 / 365.0
        assert bench.cash(0) == pytest.approx(4000.0 - interest)


def test_not_before_maturity() -> None:
    bench = note(50.0)
    for day in range(1, 100):
        bench.day(day, "service")
    assert bench.s.loans.principal_usd[0] == 1000.0


@pytest.mark.parametrize(
    ("share_usd", "coupon", "put"),
    [(10.0, 0.01, True), (25.0, 0.01, False), (10.0, 0.5, False)],
)
def test_holders_put_what_pays_too_little(share_usd: float, coupon: float, put: bool) -> None:
    bench = note(share_usd, maturity_day=1000, put_day=60, rate_or_spread=coupon)
    assert market_rate(bench.market) < 0.5
    for day in range(1, 60 - NOTICE_DAYS):
        bench.day(day, "service")
    assert bench.s.loans.maturity_day[0] == 1000
    bench.day(60 - NOTICE_DAYS, "service")
    assert bench.s.loans.maturity_day[0] == (60 if put else 1000)
    assert [int(event["cause"]) for event in bench.events(Event.PUT)] == [Cause.SHARE_PRICE] * put
    for day in range(60 - NOTICE_DAYS + 1, 62):
        bench.day(day, "service", "pay")
    assert bench.s.loans.principal_usd[0] == pytest.approx(0.0 if put else 1000.0)


def test_a_put_that_cannot_be_paid_is_a_missed_payment() -> None:
    bench = note(10.0, maturity_day=1000, put_day=60)
    bench.s.parties.cash_usd[0] = 100.0
    for day in range(1, 62):
        bench.day(day, "service", "pay")
    missed = bench.events(Event.MISSED_PAYMENT)
    assert [int(event["cause"]) for event in missed] == [Cause.MATURITY]
    assert int(missed[0]["day"]) == 60
    assert bench.s.events[int(missed[0]["parent"])]["kind"] == Event.PUT


def test_a_refinanced_note_is_straight_debt_at_the_market_rate() -> None:
    bench = note(10.0, maturity_day=1000, put_day=60)
    bench.s.borrowers.creditworthy[0] = True
    rate = market_rate(bench.market)
    for day in range(1, 61):
        bench.day(day, "service", "pay", "roll_over", "give_credit", "grow")
    loans = bench.s.loans
    assert loans.principal_usd[0] == 1000.0
    assert loans.maturity_day[0] > 365
    assert loans.rate_or_spread[0] == pytest.approx(rate)
    assert np.isnan(loans.conversion_usd[0]) and loans.put_day[0] == -1
    assert len(bench.events(Event.ROLLED_OVER)) == 1


@pytest.mark.parametrize(("share_usd", "converts"), [(10.0, False), (30.0, True)])
def test_what_is_worth_more_as_shares_is_not_refinanced(share_usd: float, converts: bool) -> None:
    bench = note(share_usd)
    bench.s.borrowers.creditworthy[0] = True
    for day in range(60, 101):
        if day % 7 != 0:  # no underwriting: the share keeps its price
            bench.day(day, "service", "pay", "roll_over", "give_credit", "grow")
    assert len(bench.events(Event.CONVERTED)) == converts
    assert len(bench.events(Event.ROLLED_OVER)) == 1 - converts
    assert bench.s.loans.principal_usd[0] == (0.0 if converts else 1000.0)


def test_other_loans_are_left_alone() -> None:
    bench = note(50.0, instrument=Instrument.HIGH_YIELD)
    bench.market.today.day = 100
    bench.kernel(exercise)
    assert bench.s.loans.principal_usd[0] == 1000.0


@pytest.mark.compiled
def test_the_opening_shares_are_worth_the_market_cap() -> None:
    s = fresh("calm").market
    b = s.names.parties.index("IREN")
    assert s.borrowers.shares[b] * 46.93 == pytest.approx(12.8e9)
    note_ = s.names.loans.index("MARA-CV-04-CONVARB")
    assert s.loans.conversion_usd[note_] == 25.91
    assert s.loans.put_day[note_] == 792  # 2027-12-01
