"""Reorganisation by hand: who owes less and goes on, what each creditor gets, who does not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from by_hand import GPU, Bench
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.borrower import going_concern_usd, plan_usd
from firesale.agents.party import Status
from firesale.market.debt.covenants import test_hardware_loans as check_hardware_loans
from firesale.market.lenders.reorganisation import (
    TEST_AFTER_DAYS,
    carried_usd,
    exit_lender,
    operating_value_usd,
    shared_usd,
)
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Amortisation, Collateral, LoanStatus, of_claims

USD = st.floats(0.0, 1e12)


@given(USD, USD, USD, st.floats(0.0, 1.0))
def test_a_plan_gives_out_no_more_than_there_is_or_is_owed(
    worth: float, carried: float, owed: float, discount: float
) -> None:
    debt, shares = plan_usd(worth, carried, owed, discount)
    assert 0.0 <= debt <= carried
    assert shares >= 0.0
    assert debt + shares <= owed * (1.0 + 1e-12) and debt + shares <= worth * (1.0 + 1e-12)


def test_a_going_concern_by_hand() -> None:
    # 100 a year that shrinks by 15 % a year, at 20 % a year, for five years
    value = 100.0 * (1.0 - math.exp(-0.35 * 5.0)) / 0.35
    assert going_concern_usd(100.0, 0.15, 0.20, 5.0) == pytest.approx(value)
    assert value == pytest.approx(236.06, abs=0.01)
    assert going_concern_usd(-1.0, 0.15, 0.20, 5.0) == 0.0


def firm(
    *more: dict[str, Any], flow: float = 100.0, cause: Cause = Cause.INTEREST, **terms: Any
) -> Bench:
    """500 GPUs marked at 100 that earn 100 a day; 80,000 on them and 60,000 without security.

    The secured loan has not paid interest and its time is up. Nobody bids for machines.
    """
    machines = dict(
        principal_usd=80_000.0,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        collateral_units=500.0,
        breach=cause,
        breach_day=0,
        arrears_interest_usd=2_000.0,
        lender=0,
    )
    plain = dict(principal_usd=60_000.0, lender=1, min_dscr=1.2, lock_up=True)
    settings: dict[str, Any] = dict(bankruptcy_cost_share=0.05)
    bench = Bench(
        [machines, plain, *more],
        lenders=2,
        fleets=[(0, GPU, 500.0)],
        cash=[10_000.0],
        buyers=[dict(budget=0.0)],
        **(settings | terms),
    )
    bench.s.today.day = 100
    bench.s.borrowers.trailing_cash_flow_usd[0] = flow
    bench.s.prices.reference_rate = 0.043
    return bench


IN_OPERATION = 36_500.0 * (1.0 - math.exp(-0.35 * 5.0)) / 0.35
WORTH = IN_OPERATION + 9_500.0  # and cash, less the court's cost
# In the last of 60 months income has fallen to 36,500 * exp(-0.15 * 59.5 / 12) = 17,349, and the
# service of a dollar to 1/5 + 0.103 * 0.5 / 60; 85 % of what the firm is worth would be 81,310.
DEBT = 36_500.0 * math.exp(-0.15 * 59.5 / 12.0) / (1.15 * (0.2 + 0.103 / 120.0))
SHARES = 0.75 * (WORTH - DEBT)


def test_the_plan_by_hand() -> None:
    bench = firm()
    loans, parties = bench.s.loans, bench.s.parties
    assert operating_value_usd(bench.s, 0) == pytest.approx(WORTH - 9_500.0)
    assert carried_usd(bench.s, 0, WORTH) == pytest.approx(DEBT)
    bench.day(100, "reorganise")
    whole = DEBT + SHARES
    share = (whole - 50_000.0) / 90_000.0  # what is left on 30,000 of deficiency and 60,000
    gets = (50_000.0 + share * 30_000.0, share * 60_000.0)
    paper = SHARES / whole
    assert loans.principal_usd == pytest.approx([g * (1.0 - paper) for g in gets])
    assert sum(loans.principal_usd) == pytest.approx(DEBT)
    lenders = [bench.cash(bench.lender(row)) - 1e6 for row in (0, 1)]
    assert lenders == pytest.approx([g * paper for g in gets])
    assert bench.s.lenders.loss_usd == pytest.approx([80_000.0 - gets[0], 60_000.0 - gets[1]])
    claims = loans.claims
    assert claims.claim_usd[:2] == pytest.approx([82_000.0, 60_000.0])  # with unpaid interest
    assert claims.recovered_usd[:2] == pytest.approx(gets)
    assert bench.cash(0) == pytest.approx(10_000.0 - 500.0)
    # it goes on: nothing is seized, payments wait for the court, covenants after that
    assert parties.status[0] == Status.ACTIVE and parties.reorganised_day[0] == 100
    assert bench.s.lots.count[0] == 0 and bench.s.holdings.units[0] == 500.0
    assert list(loans.status) == [LoanStatus.PERFORMING] * 2
    assert list(loans.breach) == [Cause.NONE] * 2 and not loans.lock_up.any()
    assert list(loans.next_payment_day) == [280] * 2
    assert list(loans.dscr_test_day) == [280 + TEST_AFTER_DAYS] * 2
    assert list(loans.amortisation) == [Amortisation.LINEAR] * 2
    # It defaults on what is claimed, 82,000 and 60,000; what is forgiven is principal.
    for kind, amount in ((Event.DEFAULT, 142_000.0), (Event.REORGANISED, 140_000.0 - DEBT)):
        (event,) = bench.events(kind)
        assert event["amount_usd"] == pytest.approx(amount)
        assert event["cause"] == Cause.INTEREST
    assert bench.events(Event.SEIZURE).size == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict(reorganise=False), "switched off"),
        (dict(flow=-1.0), "it loses money"),
        (dict(flow=0.5), "in parts it is worth more"),
        (dict(cross_default=False, cause=Cause.DSCR), "the loan falls alone"),
    ],
)
def test_who_does_not_reorganise(change: dict[str, Any], why: str) -> None:
    bench = firm(**change)
    bench.day(100, "reorganise")
    assert bench.s.parties.reorganised_day[0] == -1, why
    assert bench.s.loans.principal_usd.tolist() == [80_000.0, 60_000.0]


def test_creditors_enforce_where_machines_sell_well() -> None:
    """One loan of 40,000 on 500 GPUs; in operation they are worth 17,231, sold 250 each."""
    for budget in (1e9, 0.0):
        bench = Bench(
            [
                dict(
                    principal_usd=40_000.0,
                    collateral=Collateral.HARDWARE,
                    hardware=GPU,
                    collateral_units=500.0,
                    breach=Cause.INTEREST,
                    breach_day=0,
                )
            ],
            fleets=[(0, GPU, 500.0)],
            buyers=[dict(budget=budget, needs_slots=False)],
            removal_usd_per_gpu=0.0,
        )
        bench.s.borrowers.trailing_cash_flow_usd[0] = 20.0
        bench.s.prices.rent_h100_usd_h = 2.0
        bench.day(100, "reorganise")
        assert (bench.s.parties.reorganised_day[0] == 100) == (budget == 0.0)


def test_bills_are_paid_with_exit_money_or_there_is_no_plan() -> None:
    for room in (0.0, 1e6):
        bench = firm()
        bench.s.parties.cash_usd[0] = 0.0
        bench.s.parties.cash_usd[bench.first_outside] += 10_000.0
        bench.s.parties.payables_usd[0], bench.s.parties.payables_day[0] = 5_000.0, 90
        bench.s.borrowers.fixed_cost_usd_day[0] = 50.0
        bench.s.lenders.growth_room_usd[:] = (0.0, room)
        need = 5_000.0 + 90.0 * 50.0
        assert exit_lender(bench.s, 0, need) == (1 if room else -1)
        bench.day(100, "reorganise")
        if not room:
            assert bench.s.parties.reorganised_day[0] == -1
            continue
        assert bench.s.parties.payables_usd[0] == 0.0
        assert bench.cash(0) == pytest.approx(90.0 * 50.0)  # a quarter's overhead is left
        assert bench.s.lenders.growth_room_usd[1] == pytest.approx(1e6 - need)
        worth = WORTH - 9_500.0 - 5_000.0  # the bills come first
        assert sum(bench.s.loans.principal_usd) == pytest.approx(0.85 * worth)


def test_pledged_coins_are_sold_and_a_lien_comes_first() -> None:
    coins = dict(principal_usd=1_000.0, collateral=Collateral.BTC, collateral_btc=50.0)
    lien = dict(principal_usd=30_000.0, collateral=Collateral.GENERAL_LIEN)
    bench = firm(coins, lien)
    got = shared_usd(bench.s, 0, 81_000.0)
    # 50,000 secured, 30,000 of lien, 1,000 on 30,000 + 60,000 + 1,000 that rank alike
    assert got[3] == pytest.approx(30_000.0)
    assert got[1] == pytest.approx(60_000.0 / 91_000.0 * 1_000.0)
    bench.day(100, "reorganise")
    assert bench.s.loans.principal_usd[2] == pytest.approx(0.0)
    assert bench.s.loans.collateral_btc[2] == 0.0
    assert bench.s.parties.btc[0] == pytest.approx(50.0 - 1_000.0 * 1.02 / 100.0)


def test_the_second_failure_is_a_liquidation() -> None:
    bench = firm()
    bench.day(100, "reorganise")
    first = bench.s.lenders.loss_usd.sum()
    loans = bench.s.loans
    loans.breach[0], loans.breach_day[0] = Cause.INTEREST, 300
    bench.day(400, "reorganise", "default")
    assert bench.s.parties.status[0] == Status.DEFAULTED
    assert loans.claims.count[0] == 4
    assert of_claims("claim_usd", loans).sum() == pytest.approx(142_000.0 + DEBT)
    assert of_claims("written_down_usd", loans).sum() == pytest.approx(first)


def test_interest_overdue_on_a_loan_that_coins_have_repaid_ends_with_the_plan() -> None:
    """Else the clock of that interest brings the firm down on the day on which it is saved."""
    repaid = dict(
        principal_usd=0.0,
        collateral=Collateral.BTC,
        breach=Cause.INTEREST,
        breach_day=0,
        arrears_interest_usd=50.0,
    )
    bench = firm(repaid)
    bench.day(100, "reorganise", "default")
    assert bench.s.parties.reorganised_day[0] == 100
    assert bench.s.parties.status[0] == Status.ACTIVE
    assert bench.s.loans.arrears_interest_usd[2] == 0.0


def test_nobody_calls_margin_on_a_plans_notes() -> None:
    """Exit notes are carried by cash flow, not by what rigs would sell for."""
    for plan in (False, True):
        bench = firm()
        loans = bench.s.loans
        loans.sheets.initial_ltv[loans.sheet[0]] = 0.01
        loans.sheets.margin_call_ltv[loans.sheet[0]] = 0.02
        if plan:
            bench.day(100, "reorganise")
        else:
            loans.breach[0] = Cause.NONE
        assert loans.principal_usd[0] > 0.02 * 500.0 * 100.0
        bench.kernel(check_hardware_loans)
        assert (loans.breach[0] == Cause.HARDWARE_MARK) != plan
