"""Lenders by pen and paper: supply of credit, the leverage spiral, runs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from by_hand import Bench
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.funding import price_after_sales
from firesale.agents.lender import credit_supply, deleveraging_usd, redemption_share
from firesale.agents.party import Outside, Status
from firesale.market.lenders import funding
from firesale.market.state.events import Cause, Event
from firesale.market.state.history import log_event
from firesale.market.state.loans import Instrument, LoanStatus

LINEAR, EXPONENTIAL = 1, 2
ON = dict(lender_capital=True, funding_run=True)
STILL = dict(news_half_life_days=math.inf, loan_price_half_life_days=math.inf, loan_impact=0.0)


def outside_cash(bench: Bench, party: Outside) -> float:
    return bench.cash(bench.outside(party))


# --- supply ---------------------------------------------------------------------------------------


def test_supply_by_hand() -> None:
    # Opened at 16 % with a minimum of 8 %: half of that headroom is 4 points.
    found = [credit_supply(ratio, 0.08, 0.16, 0.5) for ratio in (0.16, 0.12, 0.11, 0.09, 0.08, 0.0)]
    assert found == pytest.approx([1.0, 1.0, 0.75, 0.25, 0.0, 0.0])
    assert credit_supply(-0.3, 0.08, 0.16, 0.5) == 0.0
    # Without headroom all or nothing.
    assert credit_supply(0.08, 0.08, 0.08, 0.5) == 1.0 and credit_supply(0.07, 0.08, 0.08, 0.5) == 0
    assert credit_supply(0.12, 0.08, 0.16, 0.0) == 1.0 and credit_supply(0.07, 0.08, 0.16, 0.0) == 0


@given(st.floats(-1, 1), st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 1))
def test_supply_is_a_share_and_rises_with_capital(
    ratio: float, more: float, minimum: float, headroom: float, buffer: float
) -> None:
    opening = minimum + headroom
    low, high = (credit_supply(x, minimum, opening, buffer) for x in (ratio, ratio + more))
    assert 0.0 <= low <= high <= 1.0
    assert credit_supply(opening + more, minimum, opening, buffer) == 1.0
    assert credit_supply(minimum - 1e-9 - more, minimum, opening, buffer) == 0.0


def test_supply_of_a_lender_follows_its_capital() -> None:
    bench = Bench(lenders=3, capital_buffer_share=0.5, **ON)
    for row, lost in enumerate((0.0, 5.0, 12.0)):
        bench.balance(row, cash=0.0, other=100.0 - lost, owes=84.0, min_capital_ratio=0.08,
                      target_leverage=100.0 / 16.0, worst_event=7)  # fmt: skip
    bench.kernel(funding.set_supply)
    ratio = 11.0 / 95.0
    assert bench.s.lenders.supply == pytest.approx([1.0, (ratio - 0.08) / 0.04, 0.0])
    assert list(bench.s.lenders.supply_event) == [-1, 7, 7]


def test_without_the_channel_supply_stays_at_one_but_for_who_is_gone() -> None:
    bench = Bench(lenders=3)
    for row in range(3):
        bench.balance(row, cash=0.0, other=85.0, owes=84.0, target_leverage=5.0,
                      min_capital_ratio=0.08)  # fmt: skip
    bench.s.lenders.closed_event[1] = 3
    bench.s.parties.status[bench.lender(2)] = Status.DEFAULTED
    bench.kernel(funding.set_supply)
    assert list(bench.s.lenders.supply) == [1.0, 0.0, 0.0]


# --- the leverage spiral --------------------------------------------------------------------------


def spiral(loss: float, impact: float) -> list[float]:
    """Falls of the price of loans, round by round, after lenders at 10 times lost a share."""
    sizes = [1e9, 3e9]
    bench = Bench(lenders=2, loan_impact=impact, loan_impact_law=LINEAR, leverage_band=0.0,
                  loan_price_half_life_days=math.inf, lender_capital=True)  # fmt: skip
    for row, size in enumerate(sizes):
        bench.balance(row, cash=0.0, other=size, owes=0.9 * size, marked=True)
        bench.s.lenders.other_loans_usd[row] -= loss * size
        bench.s.lenders.capital_usd[row] -= loss * size
    bench.market.opening.other_loans_usd = 4e9
    start = bench.stocks()
    assert start.lender_gap_usd < 1.0
    prices = [1.0]
    for _ in range(300):
        sold = bench.kernel(funding.target_leverage)
        bench.kernel(funding.mark_other_loans, sold_usd=sold)
        prices.append(bench.s.prices.loan_price)
        if prices[-2] - prices[-1] < 1e-15:
            break
    end = bench.stocks()
    assert end.cash_usd == pytest.approx(start.cash_usd, abs=1e-3)
    assert end.lender_gap_usd < 1.0
    lost = bench.s.lenders.capital_open_usd - bench.s.lenders.capital_usd
    assert lost / np.array(sizes) == pytest.approx([lost.sum() / 4e9] * 2)  # alike
    return [loss, *(-np.diff(prices))]


@pytest.mark.parametrize("loss", [1e-6, 1e-5, 1e-4])
def test_a_loss_is_multiplied_by_the_spiral(loss: float) -> None:
    """Selling 9 for every 1 lost, at 0.05 a share of the market: 1 / (1 - 0.45)."""
    falls = spiral(loss, 0.05)
    assert sum(falls) / loss == pytest.approx(1.0 / (1.0 - 0.05 * 9.0), rel=1e-3 + 10.0 * loss)
    assert falls[1] / falls[0] == pytest.approx(0.45, rel=1e-9)


def test_the_spiral_multiplies_more_the_deeper_sales_press() -> None:
    for impact, factor in ((0.0, 1.0), (0.02, 1.0 / 0.82), (0.08, 1.0 / 0.28)):
        assert sum(spiral(1e-7, impact)) / 1e-7 == pytest.approx(factor, rel=1e-3)


def test_the_spiral_runs_away_where_a_sale_costs_more_than_it_frees() -> None:
    stable, edge, beyond = (spiral(1e-7, impact) for impact in (0.10, 1.0 / 9.0, 0.12))
    assert all(later < earlier for earlier, later in pairwise(stable[:20]))
    assert edge[10] == pytest.approx(1e-7, rel=1e-3)  # neither grows nor fades
    assert all(later > earlier for earlier, later in pairwise(beyond[:60]))
    assert beyond[60] / beyond[0] == pytest.approx(1.08**60, rel=0.02)
    assert sum(stable) < 1.1e-6
    # It stops as far beyond the size x where 9 * 0.12 x = 1 as it began before it.
    assert sum(beyond) == pytest.approx(0.1 * 2.0 * (1.0 - 1.0 / 1.08), rel=0.1)


def test_only_who_marks_to_market_sells_and_only_beyond_the_band() -> None:
    assert deleveraging_usd(1000.0, 100.0, 10.0, 0.0) == 0.0
    assert deleveraging_usd(1000.0, 95.0, 10.0, 0.1) == 0.0
    assert deleveraging_usd(1000.0, 90.0, 10.0, 0.1) == pytest.approx(100.0)
    assert deleveraging_usd(1000.0, -1.0, 10.0, 0.1) == 1000.0
    bench = Bench(lenders=2, lender_capital=True, leverage_band=0.1)
    for row in range(2):
        bench.balance(row, cash=100.0, other=900.0, owes=910.0, target_leverage=10.0,
                      marked=row == 0)  # fmt: skip
    assert bench.kernel(funding.target_leverage) == pytest.approx(100.0)
    assert bench.s.lenders.other_loans_usd == pytest.approx([800.0, 900.0])
    assert bench.s.lenders.funding_usd == pytest.approx([810.0, 910.0])
    assert bench.cash(bench.lender(0)) == pytest.approx(100.0)


def test_the_excess_over_target_leverage_goes_day_by_day() -> None:
    """A tenth of what is left of it each day, if it has ten days."""
    bench = Bench(lender_capital=True, leverage_band=0.0, deleveraging_days=10.0)
    bench.balance(0, cash=0.0, other=1000.0, owes=910.0, target_leverage=10.0, marked=True)
    excess = 1000.0 - 10.0 * 90.0
    for _ in range(5):
        assert bench.kernel(funding.target_leverage) == pytest.approx(excess / 10.0)
        excess *= 0.9
    assert bench.s.lenders.other_loans_usd[0] == pytest.approx(900.0 + excess)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(90.0)


def test_prices_of_loans_come_back_to_par_and_so_does_capital() -> None:
    bench = Bench(lenders=1, loan_impact=0.5, loan_impact_law=LINEAR,
                  loan_price_half_life_days=10.0)  # fmt: skip
    bench.balance(0, cash=0.0, other=1000.0, owes=800.0, marked=True)
    bench.market.opening.other_loans_usd = 500.0
    bench.kernel(funding.mark_other_loans, sold_usd=100.0)
    assert bench.s.prices.loan_price == pytest.approx(0.9)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(100.0)
    for _ in range(10):
        bench.kernel(funding.mark_other_loans, sold_usd=0.0)
    assert bench.s.prices.loan_price == pytest.approx(math.sqrt(0.9))
    assert bench.s.lenders.capital_usd[0] == pytest.approx(1000.0 * math.sqrt(0.9) - 800.0)


def test_sales_press_a_price_towards_its_floor_and_never_past_it() -> None:
    assert price_after_sales(1.0, -math.log(2.0), 0.5) == pytest.approx(0.75)
    assert price_after_sales(1.0, -math.log(2.0), 0.0) == pytest.approx(0.5)
    assert price_after_sales(1.0, -100.0, 0.5) == pytest.approx(0.5)
    assert price_after_sales(0.4, -1.0, 0.5) == 0.4  # below it by other causes


def test_a_floor_holds_the_price_of_loans_whatever_is_sold() -> None:
    bench = Bench(lenders=1, loan_impact=1.0, loan_impact_law=EXPONENTIAL, loan_price_floor=0.6,
                  loan_price_half_life_days=math.inf)  # fmt: skip
    bench.balance(0, cash=0.0, other=1000.0, owes=500.0, marked=True)
    bench.market.opening.other_loans_usd = 100.0
    bench.kernel(funding.mark_other_loans, sold_usd=1e6)
    assert bench.s.prices.loan_price == pytest.approx(0.6)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(100.0)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_who_sells_bears_its_share_of_the_fall_and_owes_it(share: float) -> None:
    """Assets 1,000 at 10 times, 10 lost: 90 are sold; a tenth of the market off the price."""
    bench = Bench(lenders=1, loan_impact=0.1, loan_impact_law=LINEAR, leverage_band=0.0,
                  loan_price_half_life_days=math.inf, lender_capital=True,
                  seller_impact_share=share)  # fmt: skip
    bench.balance(0, cash=0.0, other=1000.0, owes=900.0, marked=True)
    lenders = bench.s.lenders
    lenders.other_loans_usd[0] -= 10.0
    lenders.capital_usd[0] -= 10.0
    bench.market.opening.other_loans_usd = 90.0
    sold = bench.kernel(funding.target_leverage)
    assert sold == pytest.approx(90.0)
    bench.kernel(funding.mark_other_loans, sold_usd=sold)
    assert lenders.capital_usd[0] == pytest.approx(90.0 - 0.1 * 900.0 - share * 0.1 * 90.0)
    assert lenders.funding_usd[0] == pytest.approx(900.0 - 90.0 + share * 9.0)
    assert bench.stocks().lender_gap_usd < 1e-9
    assert lenders.sold_loans_usd[0] == 0.0  # of that day only


def test_a_fund_that_gets_less_sells_more_for_what_it_pays_out() -> None:
    bench = Bench(lenders=1, loan_impact=0.1, loan_impact_law=LINEAR, funding_run=True,
                  loan_price_half_life_days=math.inf, seller_impact_share=1.0,
                  lenders__gate_share_per_quarter=91.0, flow_threshold=0.0)  # fmt: skip
    bench.balance(0, cash=0.0, other=1000.0, owes=0.0, redeemable=True)
    bench.s.lenders.sold_loans_usd[0] = 100.0  # paid out this morning
    bench.market.opening.other_loans_usd = 100.0
    bench.kernel(funding.mark_other_loans, sold_usd=100.0)
    assert bench.s.lenders.other_loans_usd[0] == pytest.approx(990.0)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(990.0)
    assert bench.s.lenders.funding_usd[0] == 0.0


# --- runs -----------------------------------------------------------------------------------------


def runner(rows: int = 1, **terms: Any) -> Bench:
    """Funders ask back half of what is callable a day per unit of news beyond 0.1."""
    told = dict(run_threshold=0.1, run_speed=math.log(2.0), gate_share_per_quarter=1.0)
    bench = Bench(lenders=rows, **(STILL | ON | told | terms))
    for row in range(rows):
        bench.balance(row, cash=50.0, other=950.0, owes=600.0, runnable_share=0.5,
                      news=1.1, worst_event=4)  # fmt: skip
    return bench


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0, 1), st.floats(0, 10))
def test_redemptions_are_a_share_and_rise_with_news(
    news: float, more: float, threshold: float, speed: float
) -> None:
    low, high = (redemption_share(x, threshold, speed) for x in (news, news + more))
    assert 0.0 <= low <= high <= 1.0
    assert redemption_share(threshold, threshold, speed) == 0.0


def test_a_run_takes_cash_first_and_then_loans() -> None:
    bench = runner()
    bench.day(1, "lenders")
    lenders = bench.s.lenders
    # Half of half of 600 is 150: 50 in cash, and loans for 100.
    assert lenders.run_usd[0] == pytest.approx(150.0)
    assert bench.cash(bench.lender(0)) == pytest.approx(0.0, abs=1e-9)
    assert lenders.other_loans_usd[0] == pytest.approx(850.0)
    assert (lenders.funding_usd[0], lenders.capital_usd[0]) == pytest.approx((450.0, 400.0))
    assert outside_cash(bench, Outside.INVESTORS) == pytest.approx(50.0)
    (event,) = bench.events(Event.FUNDING_RUN)
    assert (event["cause"], event["party"], event["parent"]) == (Cause.LOSSES, bench.lender(0), 4)
    assert event["amount_usd"] == pytest.approx(150.0)
    bench.day(2, "lenders")  # half of half of what is left; the same run
    assert bench.events(Event.FUNDING_RUN)["amount_usd"] == pytest.approx([150.0 + 112.5])


def test_news_fade_and_little_news_are_no_news() -> None:
    bench = runner(2, news_half_life_days=10.0)
    bench.s.lenders.news[:] = (0.2, 0.0)
    for day in range(1, 11):
        bench.day(day, "lenders")
    assert bench.s.lenders.news == pytest.approx([0.1, 0.0])
    assert bench.s.lenders.run_usd[0] > 0.0 and bench.s.lenders.run_usd[1] == 0.0
    before = bench.s.lenders.run_usd[0]
    bench.day(11, "lenders")
    assert bench.s.lenders.run_usd[0] == before


@pytest.mark.parametrize(
    "quiet", [{"funding_run": False}, {"sleeve": True}, {"runnable_share": 0.0}, {"news": 0.1}]
)
def test_who_does_not_run(quiet: dict[str, Any]) -> None:
    bench = runner(funding_run=quiet.pop("funding_run", True))
    for name, value in quiet.items():
        getattr(bench.s.lenders, name)[0] = value
    bench.day(1, "lenders")
    assert bench.s.lenders.run_usd[0] == 0.0 and bench.cash(bench.lender(0)) == 50.0
    assert not len(bench.events(Event.FUNDING_RUN))


def test_funds_pay_out_no_more_than_their_gate() -> None:
    bench = runner(gate_share_per_quarter=0.0455, news_half_life_days=30.0, flow_sensitivity=10.0)
    bench.s.lenders.redeemable[0] = True
    for day in range(1, 92):
        bench.day(day, "lenders")
    paid = bench.s.lenders.run_usd[0]
    assert paid == pytest.approx(400.0 * (1.0 - (1.0 - 0.0455 / 91.0) ** 91))
    # Investors take net assets out: what the fund owes stays. Shares redeemed are no loss.
    assert bench.s.lenders.funding_usd[0] == pytest.approx(600.0)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(400.0 - paid)
    assert bench.s.lenders.redeemed_usd[0] == pytest.approx(paid)
    assert bench.s.lenders.loss_usd[0] == 0.0
    assert bench.s.lenders.supply[0] == 0.0  # they ask for all that the gate lets out


def test_investors_of_a_fund_leave_with_its_losses_and_it_gives_less_credit() -> None:
    bench = runner(news_half_life_days=30.0, flow_threshold=0.1, flow_sensitivity=0.9)
    bench.s.lenders.redeemable[0] = True
    bench.s.lenders.news[0] = 0.2
    bench.day(1, "lenders")
    # News fade to 0.19543; of what is beyond 0.1 a share of 0.9 ln 2 / 30, by the half of 400
    # that may leave.
    asked = 0.9 * (0.2 * 0.5 ** (1.0 / 30.0) - 0.1) * math.log(2.0) / 30.0 * 0.5 * 400.0
    assert bench.s.lenders.run_usd[0] == pytest.approx(asked)
    gate = (400.0 - asked) / 91.0
    assert bench.s.lenders.supply[0] == pytest.approx(1.0 - asked / gate)
    assert bench.s.lenders.supply_event[0] == bench.s.lenders.run_event[0]
    calm = runner(news_half_life_days=30.0, flow_threshold=0.1)
    calm.s.lenders.redeemable[0], calm.s.lenders.news[0] = True, 0.1
    calm.day(1, "lenders")
    assert calm.s.lenders.run_usd[0] == 0.0 and calm.s.lenders.supply[0] == 1.0


@pytest.mark.parametrize("fund", [False, True])
def test_who_cannot_pay_fails_unless_it_is_a_fund(fund: bool) -> None:
    told = STILL | ON | dict(run_threshold=0.1, run_speed=math.log(2.0), flow_sensitivity=10.0)
    if fund:
        told["news_half_life_days"] = 30.0
    bench = Bench([dict(principal_usd=800.0)], fleets=[], gate_share_per_quarter=1.0, **told)
    cash = 2.0 if fund else 20.0
    bench.balance(0, cash=cash, other=0.0, owes=580.0 + cash, runnable_share=0.5, news=1.1,
                  redeemable=fund, worst_event=4)  # fmt: skip
    bench.day(1, "lenders")
    lenders = bench.s.lenders
    status = bench.s.parties.status[bench.lender(0)]
    if fund:
        assert status == Status.ACTIVE and lenders.run_usd[0] == pytest.approx(2.0)
        assert lenders.unpaid_run_usd[0] == pytest.approx(220.0 / 91.0 - 2.0)
        return
    # 150 asked, 20 there: 130 unpaid.
    assert status == Status.DEFAULTED
    (event,) = bench.events(Event.LENDER_FAILED)
    assert event["cause"] == Cause.FUNDING and event["amount_usd"] == pytest.approx(580.0)
    assert bench.s.events["kind"][event["parent"]] == Event.FUNDING_RUN
    # Its book of 800 is sold; 15 % go to courts, funders get their 580, owners the rest.
    assert outside_cash(bench, Outside.COURTS) == pytest.approx(120.0)
    assert outside_cash(bench, Outside.INVESTORS) == pytest.approx(20.0 - 800.0 + 680.0)
    assert bench.cash(bench.lender(0)) == pytest.approx(0.0, abs=1e-9)
    assert bench.s.prices.depositor_loss_usd == pytest.approx(0.0, abs=1e-9)


# --- what borrowers lose with their lender --------------------------------------------------------


def test_a_failed_lender_keeps_no_promise() -> None:
    loans = [
        dict(principal_usd=100.0, undrawn_usd=50.0, instrument=Instrument.REVOLVER,
             maturity_day=20),
        dict(principal_usd=100.0, undrawn_usd=50.0, instrument=Instrument.REVOLVER, lender=1,
             maturity_day=20),
    ]  # fmt: skip
    bench = Bench(loans, lenders=2, cash=[10.0], **STILL)
    bench.balance(0, cash=0.0, other=50.0, owes=200.0, worst_event=11)
    bench.s.borrowers.creditworthy[:] = True
    bench.day(1, "lenders", "roll_over", "give_credit", "grow")
    s = bench.s
    assert list(s.loans.undrawn_usd) == [0.0, 50.0]
    assert list(s.loans.maturity_day) == [20, 20 + 365]
    failed = np.flatnonzero(s.events["kind"] == Event.LENDER_FAILED)[0]
    (refused,) = bench.events(Event.NOT_REFINANCED)
    assert (refused["cause"], refused["loan"]) == (Cause.CREDIT_SUPPLY, 0)
    assert refused["parent"] == failed and refused["amount_usd"] == pytest.approx(100.0)
    assert s.loans.status[0] == LoanStatus.PERFORMING  # its claim goes on, with investors
    assert s.lenders.funding_usd[0] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("cash", "supply", "appetite", "cause"),
    [
        (25.0, 0.75, 1.0, None),  # it has the quarter that is not rolled
        (24.0, 0.75, 1.0, Cause.CREDIT_SUPPLY),
        (59.0, 0.75, 0.5, Cause.CREDIT_SUPPLY),  # it could have paid half
        (49.0, 0.75, 0.5, Cause.APPETITE),  # not even that
        (10.0, 1.0, 0.5, Cause.APPETITE),
        (0.0, 1.0, 1.0, None),
    ],
)
def test_a_lender_rolls_the_share_its_capital_allows(
    cash: float, supply: float, appetite: float, cause: Cause | None
) -> None:
    bench = Bench([dict(principal_usd=100.0, maturity_day=20, rate_or_spread=0.06, rate_open=0.06)],
                  cash=[cash], refinancing_appetite=appetite, stress_spread=0.05)  # fmt: skip
    s = bench.s
    parent = log_event(s, Event.LENDER_IMPAIRED, Cause.LOSSES, (1, -1, -1), 1.0, -1)
    s.lenders.supply[0], s.lenders.supply_event[0] = supply, parent
    s.borrowers.creditworthy[:] = True
    s.today.shock_event = log_event(s, Event.SHOCK, Cause.SCENARIO, (-1, -1, -1), 0.0, -1)
    bench.day(1, "roll_over", "give_credit", "grow")
    if cause is None:
        rolled = supply * appetite * 100.0
        assert s.loans.principal_usd[0] == pytest.approx(rolled)
        assert bench.cash(0) == pytest.approx(cash - (100.0 - rolled))
        assert s.loans.maturity_day[0] == 385
        assert s.loans.rate_or_spread[0] == pytest.approx(0.06 + 0.05 * (1.0 - supply))
        return
    (event,) = bench.events(Event.NOT_REFINANCED)
    assert event["cause"] == cause
    assert event["parent"] == (parent if cause == Cause.CREDIT_SUPPLY else s.today.shock_event)
    assert event["amount_usd"] == pytest.approx((1.0 - supply * appetite) * 100.0)
    assert s.loans.principal_usd[0] == 100.0 and s.loans.maturity_day[0] == 20
