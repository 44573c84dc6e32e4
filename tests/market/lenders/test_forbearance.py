"""Waive, extend or enforce; surrender; standstill: decisions against what either side would get."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from by_hand import GPU, Bench
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.lender import annuity_factor, continuing_value_usd, waives
from firesale.agents.party import Outside, Status
from firesale.market.debt.surrender import keeping_usd
from firesale.market.lenders import forbearance
from firesale.market.state.events import Cause, Event
from firesale.market.state.history import log_event
from firesale.market.state.loans import Collateral, LoanStatus

NO_HAZARD = {"hazard_per_year": 0.0, "surrender_ratio": 0.0}
FREE: dict[str, Any] = dict(
    legal_cost_share=0.0, removal_usd_per_gpu=0.0, bankruptcy_cost_share=0.0, cross_default=True
)
DEEP = [{"budget": 1e9, "needs_slots": False}]
EMPTY = [{"budget": 0.0, "needs_slots": False}]


def market(
    buyers: list[dict[str, Any]],
    *,
    loan: dict[str, Any] | None = None,
    beside: tuple[dict[str, Any], ...] = (),
    income: float = 0.05,
    decay: float = 1.0,
    patience: tuple[float, float] = (0.0, 730.0),
    credit: dict[str, Any] | None = None,
    **more: Any,
) -> Bench:
    """A non-recourse 1,000 against ten GPUs marked at 100, in breach since the opening day."""
    row: dict[str, Any] = dict(
        principal_usd=1000.0,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        collateral_units=10.0,
        recourse=False,
        maturity_day=375,
    )
    more.setdefault("liquidation", {})
    sections = {
        "credit": NO_HAZARD | {"max_waivers": 2, "waiver_days": 90} | (credit or {}),
        "liquidation": {"window_days": 365, "buyer_view_deviation": 0.01} | more.pop("liquidation"),
        "policy": more.pop("policy", {}),
    }
    bench = Bench(
        [row | (loan or {}), *beside],
        fleets=[(0, GPU, 10.0)],
        buyers=buyers,
        patience=[patience],
        scenario=sections,
        **(FREE | more),
    )
    bench.s.hardware.annual_depreciation[GPU] = decay
    bench.s.holdings.income_usd_unit_day[bench.s.loans.holding[0]] = income
    return bench


def breached(bench: Bench, cause: Cause = Cause.DSCR, *, day: int = 0, cure: int = 10) -> int:
    """Open a breach by hand; returns its event."""
    loans = bench.s.loans
    bench.market.today.day = day
    event = log_event(bench.market, Event.COVENANT_BREACH, cause, (0, 1, 0), 0.0, -1)
    loans.breach[0], loans.breach_day[0], loans.sheets.cure_days[0] = cause, day, cure
    loans.breach_event[0] = event
    return int(event)


def brings(bench: Bench) -> float:
    """What enforcing the first loan would bring [USD]."""
    proceeds = forbearance.proceeds_of(bench.market, 0)
    return forbearance.enforcement_usd(bench.market, proceeds, 0)


def decided(bench: Bench, *days: int) -> None:
    for day in days:
        bench.day(day, "decide", "default")


# --- rules ----------------------------------------------------------------------------------------


def test_what_goes_on_is_worth_its_flow_and_then_what_secures_it() -> None:
    assert annuity_factor(0.0, 3.0) == 3.0
    years = np.linspace(0.0, 3.0, 300_001)
    twin = np.trapezoid(np.exp(-0.1 * years), years)
    assert annuity_factor(0.1, 3.0) == pytest.approx(twin, rel=1e-9)
    expected = 50.0 * twin + 200.0 * math.exp(-0.3)
    assert continuing_value_usd(1000.0, 50.0, 200.0, 0.1, 3.0) == pytest.approx(expected)
    assert continuing_value_usd(100.0, 50.0, 200.0, 0.1, 3.0) == 100.0  # no more than is owed
    assert continuing_value_usd(1000.0, -50.0, -1.0, 0.1, 3.0) == 0.0


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 2))
def test_whoever_expects_more_of_waiting_waits(
    goes_on: float, more: float, brings: float, margin: float
) -> None:
    assert waives(goes_on + more, brings, margin) or not waives(goes_on, brings, margin)
    assert waives((1.0 + margin) * brings, brings, margin)
    if brings > 1e-3:
        assert not waives(0.999 * (1.0 + margin) * brings, brings, margin)


def test_both_sides_of_the_decision_by_hand() -> None:
    # 182.5 a year for two years, then ten machines that have decayed for two years.
    bench = market(DEEP)
    bench.market.today.day = 10
    goes_on = 365.0 + 1000.0 * math.exp(-2)
    assert forbearance.continuing_usd(bench.market, 0) == pytest.approx(goes_on)
    # A dealer bids the mark, less a little for its view; the machine costs nothing to remove.
    assert brings(bench) == pytest.approx(1000.0, rel=0.02)
    assert brings(bench) <= 1000.0
    empty = market(EMPTY)
    scrap = 10.0 * 5.0
    assert brings(empty) == pytest.approx(scrap)
    # A buyer with money for half of it at the mark gets all of it at half the price.
    thin = market([{"budget": 500.0, "needs_slots": False}])
    assert brings(thin) == pytest.approx(500.0)
    # Costs, and the time it takes at 10 %.
    costly = market(EMPTY, loan=dict(rate_or_spread=0.1), legal_days=355)
    expected = 50.0 * math.exp(-0.1 * 365.0 / 365.0)  # ten days to ship
    assert brings(costly) == pytest.approx(expected)


def test_recourse_adds_the_estate() -> None:
    # An estate with 100 of cash and 2 free GPUs at scrap pays 110 on what 50 does not cover.
    bench = market(EMPTY, loan=dict(recourse=True), bankruptcy_days=1)
    bench.s.holdings.units[0] = 12.0
    bench.s.parties.cash_usd[0] = 100.0
    bench.s.parties.payables_usd[0] = 150.0
    share = 110.0 / (950.0 + 150.0)
    proceeds = forbearance.proceeds_of(bench.market, 0)
    assert forbearance.shares_of_estate(bench.market, proceeds, 0) == pytest.approx((1.0, share))
    assert brings(bench) == pytest.approx(50.0 + share * 950.0)


def test_a_general_lien_takes_the_estate_first() -> None:
    # 110 of estate (cash of 100, two free GPUs at scrap): 60 for the lien, 50 on 950 and 50.
    lien = dict(principal_usd=60.0, collateral=Collateral.GENERAL_LIEN)
    bench = market(EMPTY, loan=dict(recourse=True), beside=(lien,), bankruptcy_days=1)
    bench.s.holdings.units[0] = 12.0
    bench.s.parties.cash_usd[0] = 100.0
    bench.s.parties.payables_usd[0] = 50.0
    proceeds = forbearance.proceeds_of(bench.market, 0)
    assert forbearance.shares_of_estate(bench.market, proceeds, 0) == pytest.approx((1.0, 0.05))
    assert forbearance.enforcement_usd(bench.market, proceeds, 1) == pytest.approx(60.0)
    bench.s.parties.cash_usd[0] = 20.0  # 30 in all, half of the lien
    assert forbearance.shares_of_estate(bench.market, proceeds, 0) == pytest.approx((0.5, 0.0))
    assert forbearance.enforcement_usd(bench.market, proceeds, 1) == pytest.approx(30.0)
    assert forbearance.enforcement_usd(bench.market, proceeds, 0) == pytest.approx(50.0)


# --- waive ----------------------------------------------------------------------------------------


def test_an_empty_order_book_breeds_forbearance() -> None:
    for buyers, waits in ((DEEP, False), (EMPTY, True)):
        bench = market(buyers)
        event = breached(bench)
        decided(bench, 9)
        assert bench.s.loans.waivers[0] == 0 and len(bench.s.events) == 1  # still curing
        decided(bench, 10)
        assert (bench.s.loans.status[0] == LoanStatus.PERFORMING) == waits
        waived = bench.events(Event.WAIVED)
        assert len(waived) == int(waits) == bench.s.loans.waivers[0]
        if waits:
            assert (waived["parent"][0], waived["cause"][0]) == (event, Cause.DSCR)
            gain = 365.0 + 1000.0 * math.exp(-2.0) - 50.0
            assert waived["amount_usd"][0] == pytest.approx(gain)


def test_a_margin_asks_for_more() -> None:
    # Waiting brings 500.3 against 50: ten times as much, and no more than that.
    for margin, waits in ((8.9, True), (9.1, False)):
        bench = market(EMPTY, credit={"waiver_margin": margin})
        breached(bench)
        decided(bench, 10)
        assert bool(bench.s.loans.waivers[0]) == waits


def test_a_waiver_restarts_the_clock_and_there_are_only_so_many() -> None:
    bench = market(EMPTY, credit={"max_waivers": 2, "waiver_days": 90})
    breached(bench, cure=10)
    decided(bench, *range(1, 190))
    assert list(bench.events(Event.WAIVED)["day"]) == [10, 100]
    assert bench.s.loans.status[0] == LoanStatus.PERFORMING
    decided(bench, 190)
    assert bench.s.loans.status[0] == LoanStatus.DEFAULTED
    assert bench.s.loans.waivers[0] == 2


@pytest.mark.parametrize(
    "impatient",
    [
        {"patience": (1.0, 730.0)},  # callable
        {"patience": (0.0, 89.0)},  # repays its own funders first
        {"credit": {"max_waivers": 0}},
        {"supply": 0.0},
    ],
)
def test_who_cannot_wait_enforces(impatient: dict[str, Any]) -> None:
    supply = impatient.pop("supply", 1.0)
    bench = market(EMPTY, **impatient)
    bench.s.lenders.supply[0] = supply
    breached(bench)
    decided(bench, 10)
    assert bench.s.loans.status[0] == LoanStatus.DEFAULTED
    assert not len(bench.events(Event.WAIVED))


def test_patience_of_exactly_a_waiver_is_enough() -> None:
    bench = market(EMPTY, patience=(0.5, 180.0))
    breached(bench)
    decided(bench, 10)
    assert bench.s.loans.waivers[0] == 1


# --- extend ---------------------------------------------------------------------------------------


def test_missed_payments_are_added_to_the_debt() -> None:
    bench = market(EMPTY, loan=dict(maturity_day=5), income=0.5)
    loans = bench.s.loans
    loans.arrears_interest_usd[0], loans.arrears_principal_usd[0] = 20.0, 1000.0
    loans.due_cause[0] = Cause.MATURITY
    event = breached(bench, Cause.MATURITY)
    decided(bench, 10)
    assert loans.principal_usd[0] == pytest.approx(1020.0)
    assert loans.arrears_interest_usd[0] == loans.arrears_principal_usd[0] == 0.0
    assert (loans.breach[0], loans.due_cause[0]) == (Cause.NONE, Cause.NONE)
    assert loans.maturity_day[0] == 10 + 365
    assert bench.s.lenders.book_usd[0] == pytest.approx(1020.0)
    assert bench.cash(0) == 0.0
    assert bench.cash(bench.lender()) == pytest.approx(1e6 - 20.0)  # passed on to its funders
    assert bench.cash(bench.outside(Outside.INVESTORS)) == pytest.approx(20.0)
    (extended,) = bench.events(Event.EXTENDED)
    assert (extended["cause"], extended["parent"]) == (Cause.MATURITY, event)
    assert bench.s.parties.trail_event[0] == 1
    decided(bench, *range(11, 200))
    assert loans.status[0] == LoanStatus.PERFORMING and loans.waivers[0] == 1


def test_what_matures_later_is_extended_from_there() -> None:
    bench = market(EMPTY, loan=dict(maturity_day=300))
    bench.s.loans.arrears_interest_usd[0] = 20.0
    breached(bench, Cause.INTEREST)
    decided(bench, 10)
    assert bench.s.loans.maturity_day[0] == 665


def test_an_extended_loan_falls_due_a_year_later() -> None:
    bench = market(EMPTY, loan=dict(maturity_day=5, next_payment_day=5, interval_days=5))
    bench.s.loans.sheets.cure_days[0] = 10
    for day in range(1, 381):
        bench.day(day, "service", "pay", "decide", "default")
        if 15 <= day < 380:
            assert bench.s.loans.breach[0] == Cause.NONE, day
    missed = bench.events(Event.MISSED_PAYMENT)
    assert list(missed["day"]) == [5, 380]
    assert list(missed["cause"]) == [Cause.MATURITY] * 2


# --- surrender ------------------------------------------------------------------------------------


def keys(
    worth: float,
    *,
    ratio: float = 0.9,
    recourse: bool = False,
    earns: float = 0.0,
    resale: float = 0.0,
) -> Bench:
    """Ten GPUs, marked at 100 each, that earn so much in the next five years, against 1,000."""
    bench = market(
        EMPTY,
        loan=dict(recourse=recourse, maturity_day=7 + 365),
        income=earns / (10.0 * 365.0),
        credit={"surrender_ratio": ratio},
        liquidation={
            "gpu_rent_drift": 0.0,
            "seller_required_return": 0.0,
            "resale_share": resale,
        },
    )
    bench.s.prices.rent_h100_usd_h = worth / (10.0 * 5.0 * 365.0 * 24.0)
    return bench


def kept_usd(bench: Bench) -> float:
    """What the first loan's machines are worth to their owner."""
    worth: float = bench.kernel(keeping_usd, loan=0)
    return worth


def test_what_machines_are_worth_to_their_owner() -> None:
    bench = keys(800.0, earns=300.0)
    bench.market.today.day = 7
    assert kept_usd(bench) == pytest.approx(800.0)
    assert kept_usd(keys(200.0, earns=300.0)) == pytest.approx(300.0 * 372.0 / 365.0)


@pytest.mark.parametrize(
    ("case", "hands_over"),
    [
        (dict(worth=890.0), True),
        (dict(worth=910.0), False),
        (dict(worth=890.0, ratio=0.88), False),
        (dict(worth=890.0, recourse=True), False),
        (dict(worth=890.0, earns=910.0), False),  # its contract pays for it
        (dict(worth=200.0, resale=0.91), False),  # sold they would bring 910
        (dict(worth=0.0, ratio=0.0), False),  # switched off
    ],
)
def test_keys_go_back_when_machines_are_worth_less_than_debt(
    case: dict[str, Any], hands_over: bool
) -> None:
    bench = keys(**case)
    decided(bench, 6)
    assert not len(bench.s.events)  # once a week
    decided(bench, 7)
    loans, parties = bench.s.loans, bench.s.parties
    assert (loans.status[0] == LoanStatus.DEFAULTED) == hands_over
    assert parties.status[0] == Status.ACTIVE  # its owner stands
    given_up = bench.events(Event.SURRENDERED)
    assert len(given_up) == int(hands_over)
    if hands_over:
        assert given_up["cause"][0] == Cause.SURRENDER
        assert given_up["amount_usd"][0] == pytest.approx(1000.0 - case["worth"])
        assert bench.events(Event.PERIMETER_DEFAULT)["parent"][0] == 0
        assert bench.s.lots.units[0] == 10.0 and bench.s.holdings.units[0] == 0.0
        assert loans.waivers[0] == 2  # nobody is asked to wait


# --- standstill -----------------------------------------------------------------------------------


def shocked(bench: Bench, day: int) -> None:
    today = bench.market.today
    today.day = day
    today.shock_event = log_event(bench.market, Event.SHOCK, Cause.SCENARIO, (-1, -1, -1), 0.0, -1)


@pytest.mark.parametrize(("days", "fails"), [(0, 15), (50, 65)])
def test_a_standstill_stops_the_clocks(days: int, fails: int) -> None:
    bench = market(DEEP, policy={"standstill_days": days})
    breached(bench, day=5, cure=10)
    for day in range(6, fails + 1):
        if day == 10:
            shocked(bench, day)
        assert bench.s.loans.status[0] == LoanStatus.PERFORMING, day
        decided(bench, day)
    assert bench.s.loans.status[0] == LoanStatus.DEFAULTED


def test_suppliers_stand_still_too_and_nobody_hands_over_keys() -> None:
    bench = keys(500.0)
    bench.set("standstill_days", 30)
    bench.s.parties.payables_usd[0], bench.s.parties.payables_day[0] = 100.0, 1
    shocked(bench, 1)
    decided(bench, *range(2, 31))
    assert not len(bench.events(Event.SURRENDERED))
    assert bench.s.parties.payables_day[0] == 30
    decided(bench, *range(31, 60))
    assert bench.s.parties.status[0] == Status.ACTIVE
    assert len(bench.events(Event.SURRENDERED)) == 1
    decided(bench, 60)
    assert bench.s.parties.status[0] == Status.DEFAULTED


def test_coins_are_called_in_a_standstill_too() -> None:
    bench = market(DEEP, loan=dict(collateral=Collateral.BTC, hardware=-1, collateral_units=0.0,
                                   collateral_btc=20.0),
                   policy={"standstill_days": 50})  # fmt: skip
    breached(bench, Cause.BTC_PRICE, day=1, cure=3)
    shocked(bench, 1)
    decided(bench, 4)
    assert bench.s.loans.status[0] == LoanStatus.DEFAULTED
