"""Margin calls, coverage tests, sweeps and cure clocks, day by day on hand-made paths."""

import numpy as np
import pytest
from by_hand import GPU, NAN, RIG, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.party import Outside, Status
from firesale.market.debt import covenants
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, LoanStatus

PHASES = ("service", "pay", "test", "default", "lenders")


def btc_loan(**changes: object) -> dict[str, object]:
    """5,000 against 100 coins: LTV 50 % at 100 USD, called above 75 %, sold above 85 %."""
    loan: dict[str, object] = dict(
        principal_usd=5000.0,
        collateral=Collateral.BTC,
        collateral_btc=100.0,
        initial_ltv=0.60,
        margin_call_ltv=0.75,
        liquidation_ltv=0.85,
        cure_days=2,
    )
    return loan | changes


def live(bench: Bench, prices: list[float], first: int = 1) -> None:
    for day, price in enumerate(prices, start=first):
        bench.day(day, *PHASES, btc_usd=price)


def ltv(bench: Bench) -> float:
    s = bench.s
    return float(s.loans.principal_usd[0] / (s.loans.collateral_btc[0] * s.prices.btc_usd))


# --- margin calls on coins ------------------------------------------------------------------------


def test_a_call_comes_above_the_margin_and_not_at_it() -> None:
    # 75 of debt on 1 coin: LTV is 75 % at 100 exactly.
    loan = btc_loan(principal_usd=75.0, collateral_btc=1.0)
    bench = Bench([loan])
    live(bench, [120.0, 100.0])
    assert bench.kinds() == []
    live(bench, [99.99], first=3)
    call = bench.events(Event.MARGIN_CALL)[0]
    assert bench.kinds() == ["MARGIN_CALL"]
    assert call["day"] == 3 and call["cause"] == Cause.BTC_PRICE
    assert call["amount_usd"] == pytest.approx(75.0 - 0.6 * 99.99)


def test_free_coins_top_up_to_the_initial_level() -> None:
    bench = Bench([btc_loan()], btc=[50.0], cash=[10_000.0])
    live(bench, [66.0])  # LTV 75.8 %
    s = bench.s
    assert bench.kinds() == ["MARGIN_CALL", "MARGIN_MET"]
    assert ltv(bench) == pytest.approx(0.60, rel=1e-12)
    added = 5000.0 / (0.60 * 66.0) - 100.0
    assert s.loans.collateral_btc[0] == pytest.approx(100.0 + added)
    assert s.parties.btc[0] == pytest.approx(50.0 - added)
    assert bench.cash(0) == 10_000.0  # coins first
    assert s.loans.breach[0] == Cause.NONE


def test_cash_pays_down_what_coins_do_not_cover() -> None:
    bench = Bench([btc_loan()], btc=[10.0], cash=[10_000.0])
    live(bench, [66.0])
    paid = 5000.0 - 0.60 * 110.0 * 66.0
    assert bench.kinds() == ["MARGIN_CALL", "MARGIN_MET"]
    assert bench.s.loans.principal_usd[0] == pytest.approx(5000.0 - paid)
    assert bench.cash(0) == pytest.approx(10_000.0 - paid)
    assert ltv(bench) == pytest.approx(0.60)


def test_an_unmet_call_is_liquidated_when_the_clock_runs_out_and_not_before() -> None:
    bench = Bench([btc_loan()], liquidation_bonus=0.02)
    live(bench, [66.0, 66.0])
    assert bench.kinds() == ["MARGIN_CALL"]
    assert bench.s.loans.collateral_btc[0] == 100.0
    live(bench, [66.0], first=3)
    # Debt x repaid by selling 1.02 x of coins: (5000 - x) / (6600 - 1.02 x) = 0.6.
    x = (5000.0 - 0.6 * 6600.0) / (1.0 - 0.6 * 1.02)
    s = bench.s
    assert bench.kinds() == ["MARGIN_CALL", "BTC_LIQUIDATION"]
    assert s.loans.principal_usd[0] == pytest.approx(5000.0 - x)
    assert s.loans.collateral_btc[0] == pytest.approx(100.0 - 1.02 * x / 66.0)
    assert ltv(bench) == pytest.approx(0.60, rel=1e-9)
    assert bench.cash(bench.lender()) == pytest.approx(1e6 + x)
    # The bonus stays with the liquidator: coins worth 1.02 x for x.
    assert s.ledger.outside_btc[0] * 66.0 == pytest.approx(1.02 * x)
    assert bench.cash(bench.outside(Outside.EXCHANGE)) == pytest.approx(-x)
    assert s.log.forced_usd[0] == pytest.approx(1.02 * x)
    # Nobody defaulted, and the loan goes on.
    live(bench, [66.0] * 10, first=4)
    assert s.loans.status[0] == LoanStatus.PERFORMING
    assert s.parties.status[0] == Status.ACTIVE
    assert len(bench.kinds()) == 2


def test_above_the_liquidation_level_nobody_waits() -> None:
    bench = Bench([btc_loan()])
    live(bench, [58.0])  # LTV 86.2 %
    assert bench.kinds() == ["MARGIN_CALL", "BTC_LIQUIDATION"]
    assert ltv(bench) == pytest.approx(0.60, rel=1e-9)


def test_a_call_may_turn_into_a_liquidation_during_its_days() -> None:
    bench = Bench([btc_loan(cure_days=10)])
    live(bench, [66.0, 62.0, 59.0])  # LTV 75.8, 80.6, 84.7 %
    assert bench.kinds() == ["MARGIN_CALL"]
    live(bench, [58.0], first=4)  # 86.2 %
    assert bench.kinds() == ["MARGIN_CALL", "BTC_LIQUIDATION"]


def test_a_price_that_recovers_closes_the_call() -> None:
    bench = Bench([btc_loan()])
    live(bench, [66.0, 70.0])
    assert bench.kinds() == ["MARGIN_CALL", "MARGIN_MET"]
    live(bench, [70.0] * 10, first=3)
    assert len(bench.kinds()) == 2
    assert bench.s.loans.collateral_btc[0] == 100.0
    assert bench.s.parties.status[0] == Status.ACTIVE
    # A second fall is a new call with a clock of its own.
    live(bench, [66.0, 66.0], first=13)
    assert bench.kinds()[2:] == ["MARGIN_CALL"]
    live(bench, [66.0], first=15)
    assert bench.kinds()[2:] == ["MARGIN_CALL", "BTC_LIQUIDATION"]


@pytest.mark.parametrize(
    "day",
    [
        1,
        2,
    ],
)
def test_coins_that_bring_ltv_below_the_call_end_it(day: int) -> None:
    # A few mined coins arrive while the clock runs: LTV is below the margin call again, so there is
    # nothing left to cure, on the last day of the clock as on any other.
    bench = Bench([btc_loan()])
    live(bench, [66.0] * day)
    bench.s.parties.btc[0] = 5.0  # LTV 5000 / (105 x 66) = 72.2 %
    live(bench, [66.0] * 5, first=day + 1)
    assert bench.s.parties.status[0] == Status.ACTIVE
    assert bench.s.loans.status[0] == LoanStatus.PERFORMING
    assert bench.s.loans.breach[0] == Cause.NONE


def test_everything_goes_where_selling_makes_it_worse_and_the_rest_is_due() -> None:
    # LTV 5000 / 4900 = 102 % > 1 / 1.02: all coins are sold, 4900 / 1.02 comes in.
    bench = Bench([btc_loan()], liquidation_bonus=0.02)
    live(bench, [49.0])
    left = 5000.0 - 4900.0 / 1.02
    s = bench.s
    assert s.loans.principal_usd[0] == pytest.approx(left)
    assert s.loans.collateral_btc[0] == pytest.approx(0.0, abs=1e-9)
    assert s.loans.arrears_principal_usd[0] == pytest.approx(left)
    assert s.loans.due_cause[0] == Cause.DEFICIENCY
    live(bench, [49.0], first=2)
    missed = bench.events(Event.MISSED_PAYMENT)[0]
    assert missed["cause"] == Cause.DEFICIENCY and missed["amount_usd"] == pytest.approx(left)
    live(bench, [49.0], first=3)
    assert s.parties.status[0] == Status.ACTIVE
    live(bench, [49.0], first=4)
    assert s.parties.status[0] == Status.DEFAULTED
    assert bench.events(Event.DEFAULT)[0]["cause"] == Cause.DEFICIENCY


def test_a_deficiency_that_is_paid_ends_the_loan() -> None:
    bench = Bench([btc_loan()], cash=[100.0], liquidation_bonus=0.0)
    live(bench, [49.5])  # 50 short
    live(bench, [49.5], first=2)
    assert bench.s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert bench.cash(0) == pytest.approx(50.0)
    live(bench, [49.5] * 5, first=3)
    assert bench.s.parties.status[0] == Status.ACTIVE


def test_coins_of_a_repaid_loan_go_home() -> None:
    bench = Bench([btc_loan(maturity_day=3)], cash=[6000.0])
    live(bench, [100.0] * 4)
    assert bench.s.parties.btc[0] == pytest.approx(100.0)
    assert bench.s.loans.collateral_btc[0] == 0.0


def test_with_margin_off_nothing_is_called() -> None:
    bench = Bench([btc_loan()], crypto_margin=False)
    live(bench, [60.0, 50.0, 40.0, 20.0])
    assert bench.kinds() == []


@pytest.mark.parametrize(("impact", "forced"), [(-0.05, True), (-0.01, False), (0.0, False)])
def test_a_call_is_blamed_on_forced_sales_only_but_for_them(impact: float, forced: bool) -> None:
    # At 66 the LTV is 75.8 %. Without 5 % of impact it would be 72.1 %, without 1 % still 75.0+.
    bench = Bench([btc_loan()])
    s = bench.s
    s.log.forced_event[0] = 77
    s.today.shock_event = 55
    s.prices.btc_impact_log = impact
    live(bench, [66.0])
    assert bench.events(Event.MARGIN_CALL)[0]["parent"] == (77 if forced else 55)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.45, 1.0),
    st.floats(0.0, 60.0),
    st.floats(0.0, 4000.0),
    st.sampled_from([0.0, 0.02, 0.1]),
)
def test_after_a_day_ltv_is_safe_or_somebody_was_told(
    fall: float, coins: float, cash: float, bonus: float
) -> None:
    bench = Bench([btc_loan()], btc=[coins], cash=[cash], liquidation_bonus=bonus)
    s = bench.s
    live(bench, [100.0 * fall])
    called = len(bench.events(Event.MARGIN_CALL)) == 1
    assert called == (5000.0 / (10_000.0 * fall) > 0.75)
    met = len(bench.events(Event.MARGIN_MET)) == 1
    sold = len(bench.events(Event.BTC_LIQUIDATION)) == 1
    if not called:
        assert s.loans.collateral_btc[0] == 100.0 and s.parties.btc[0] == coins
    elif met or sold:
        if s.loans.collateral_btc[0] * s.prices.btc_usd > 1.0:
            assert ltv(bench) <= 0.60 * (1 + 1e-9) or (not sold and ltv(bench) <= 0.75)
        assert not (met and sold)
    else:
        assert s.loans.breach[0] == Cause.BTC_PRICE
        assert ltv(bench) <= 0.85
    # Coins are somewhere, to the last.
    held = s.loans.collateral_btc[0] + s.parties.btc[0] + s.ledger.outside_btc[0]
    assert held == pytest.approx(100.0 + coins)


@pytest.mark.parametrize(("bonus", "critical"), [(0.05, 0.952381), (0.10, 0.909091)])
@pytest.mark.parametrize("share", [0.01, 0.3])
def test_published_toxic_liquidation(bonus: float, critical: float, share: float) -> None:
    # Liquidating debt x against (1 + b) x of collateral lowers LTV if and only if LTV < 1/(1+b).
    for offset in (-1e-4, 1e-4):
        before = critical + offset
        loan = btc_loan(principal_usd=before * 10_000.0, collateral_btc=100.0)
        bench = Bench([loan], liquidation_bonus=bonus)
        repaid = bench.kernel(
            covenants.sell_pledged_btc,
            loan=0,
            debt_usd=share * before * 10_000.0,
            exchange=bench.outside(Outside.EXCHANGE),
            cause=int(Cause.BTC_PRICE),
            parent=-1,
        )
        assert repaid == pytest.approx(share * before * 10_000.0)
        if offset < 0:
            assert ltv(bench) < before
        else:
            assert ltv(bench) > before


def test_another_breach_does_not_shield_coins_from_liquidation() -> None:
    bench = Bench([btc_loan(breach=Cause.DSCR, breach_day=0, cure_days=50)])
    live(bench, [66.0, 66.0, 66.0])  # LTV 75.8 %: the clock of the other breach goes on
    assert bench.kinds() == []
    live(bench, [55.0], first=4)  # 91 %
    assert bench.kinds() == ["BTC_LIQUIDATION"]
    assert bench.s.loans.breach[0] == Cause.DSCR


# --- margin calls on rigs -------------------------------------------------------------------------


def rig_loan(**changes: object) -> dict[str, object]:
    """500 against 100 TH/s at a mark of 10: LTV 50 %, called above 75 %."""
    loan: dict[str, object] = dict(
        principal_usd=500.0,
        collateral=Collateral.HARDWARE,
        hardware=RIG,
        collateral_units=100.0,
        initial_ltv=0.60,
        margin_call_ltv=0.75,
        liquidation_ltv=0.85,
        cure_days=10,
    )
    return loan | changes


def remark(bench: Bench, mark: float) -> None:
    bench.s.marks_usd[RIG] = mark


def test_a_fallen_mark_calls_for_a_prepayment() -> None:
    bench = Bench([rig_loan()], fleets=[(0, RIG, 100.0)], cash=[200.0])
    live(bench, [100.0])
    remark(bench, 6.0)  # LTV 83 %
    live(bench, [100.0], first=2)
    assert bench.kinds() == ["MARGIN_CALL", "MARGIN_MET"]
    assert bench.events(Event.MARGIN_CALL)[0]["cause"] == Cause.HARDWARE_MARK
    assert bench.s.loans.principal_usd[0] == pytest.approx(0.60 * 600.0)
    assert bench.cash(0) == pytest.approx(200.0 - 140.0)


def test_an_unmet_call_on_rigs_defaults_on_its_day() -> None:
    bench = Bench([rig_loan()], fleets=[(0, RIG, 100.0)], cash=[139.0])
    remark(bench, 6.0)
    live(bench, [100.0] * 10)
    assert bench.kinds() == ["MARGIN_CALL"]
    assert bench.s.parties.status[0] == Status.ACTIVE
    live(bench, [100.0], first=11)  # called on day 1, ten days to cure
    assert bench.s.parties.status[0] == Status.DEFAULTED
    assert bench.events(Event.DEFAULT)[0]["cause"] == Cause.HARDWARE_MARK


def test_a_mark_that_recovers_ends_the_call() -> None:
    bench = Bench([rig_loan()], fleets=[(0, RIG, 100.0)])
    remark(bench, 6.0)
    live(bench, [100.0] * 10)
    remark(bench, 7.0)
    live(bench, [100.0] * 5, first=11)
    assert bench.kinds() == ["MARGIN_CALL", "MARGIN_MET"]
    assert bench.s.parties.status[0] == Status.ACTIVE


def test_loans_without_a_trigger_are_not_called() -> None:
    bench = Bench([rig_loan(margin_call_ltv=NAN)], fleets=[(0, RIG, 100.0)])
    remark(bench, 0.01)
    live(bench, [100.0] * 3)
    assert bench.kinds() == []


@pytest.mark.parametrize(("scheduled", "parent"), [(10.0, 77), (6.5, 55)])
def test_a_call_on_rigs_is_blamed_on_a_trade_only_but_for_it(scheduled: float, parent: int) -> None:
    bench = Bench([rig_loan()], fleets=[(0, RIG, 100.0)])
    bench.market.schedule_usd = np.array([100.0, scheduled, 0.0])
    bench.s.clearing_event[RIG] = 77
    bench.s.today.shock_event = 55
    remark(bench, 6.0)
    live(bench, [100.0])
    assert bench.events(Event.MARGIN_CALL)[0]["parent"] == parent


def test_a_prepayment_never_leaves_more_due_than_is_owed() -> None:
    # The loan matures unpaid during a call; then cash arrives for the call, not for everything.
    bench = Bench([rig_loan(maturity_day=5)], fleets=[(0, RIG, 100.0)], cash=[0.0])
    remark(bench, 6.0)
    live(bench, [100.0] * 6)
    bench.s.parties.cash_usd[0] = 150.0  # the call is 140
    live(bench, [100.0], first=7)
    s = bench.s
    assert s.loans.arrears_principal_usd[0] <= s.loans.principal_usd[0] + 1e-9
    bench.s.parties.cash_usd[0] = 1000.0
    live(bench, [100.0] * 2, first=8)
    assert s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert bench.cash(0) == pytest.approx(1000.0 - 360.0)


# --- coverage -------------------------------------------------------------------------------------


def covenanted(cash_flow: float, **changes: object) -> dict[str, object]:
    """36,500 at 10 %: 10 of service a day; at least 1.20 is promised, locked up below 1.30."""
    loan: dict[str, object] = dict(
        principal_usd=36_500.0,
        rate_or_spread=0.10,
        perimeter=0,
        min_dscr=1.20,
        base_cash_flow_usd_day=cash_flow,
        cure_days=30,
    )
    return loan | changes


def quarters(bench: Bench, first: int, last: int) -> None:
    live(bench, [100.0] * (last - first + 1), first=first)


def test_enough_coverage_does_nothing() -> None:
    bench = Bench([covenanted(13.01)], cash=[1e6], lockup_margin=0.10)
    quarters(bench, 1, 91)
    assert bench.s.perimeters.dscr[0] == pytest.approx(1.301)
    assert bench.kinds() == []
    assert not bench.s.loans.lock_up[0]


def test_nobody_sweeps_a_rounding() -> None:
    bench = Bench([covenanted(12.5)], cash=[1e6], lockup_margin=0.10)
    quarters(bench, 1, 90)
    bench.s.parties.cash_usd[0] = 3e-11
    bench.day(91, "service", "test")
    assert bench.kinds() == ["LOCK_UP"]


def test_lock_up_sweeps_the_surplus() -> None:
    bench = Bench([covenanted(12.5)], cash=[1e6], lockup_margin=0.10)
    quarters(bench, 1, 90)
    assert bench.kinds() == []
    quarters(bench, 91, 91)
    assert bench.kinds() == ["LOCK_UP", "CASH_SWEEP"]
    assert bench.s.loans.lock_up[0]
    assert bench.events(Event.CASH_SWEEP)[0]["amount_usd"] == pytest.approx(91 * 2.5)
    assert bench.s.loans.principal_usd[0] == pytest.approx(36_500.0 - 91 * 2.5)
    # Not again before the next quarter ends, and no lock-up twice.
    quarters(bench, 92, 182)
    assert bench.kinds().count("CASH_SWEEP") == 2
    assert bench.kinds().count("LOCK_UP") == 1


def test_lock_up_ends_when_coverage_is_back() -> None:
    bench = Bench([covenanted(12.5)], cash=[1e6], lockup_margin=0.10)
    quarters(bench, 1, 91)
    bench.s.loans.base_cash_flow_usd_day[0] = 20.0
    quarters(bench, 92, 182)
    assert not bench.s.loans.lock_up[0]


def test_a_breach_is_cured_by_a_prepayment_that_holds() -> None:
    bench = Bench([covenanted(11.0)], cash=[1e6], lockup_margin=0.10)
    quarters(bench, 1, 91)
    assert bench.kinds() == ["LOCK_UP", "CASH_SWEEP", "COVENANT_BREACH", "CURED"]
    s = bench.s
    assert s.loans.breach[0] == Cause.NONE
    # What is left of the debt is covered 1.2 times by 11 a day.
    assert 11.0 / (s.loans.principal_usd[0] * 0.10 / 365) >= 1.20 * (1 - 1e-9)
    quarters(bench, 92, 182)
    assert s.perimeters.dscr[0] >= 1.20 * (1 - 1e-9)
    assert bench.kinds().count("COVENANT_BREACH") == 1


def test_an_uncured_breach_defaults_on_its_day() -> None:
    bench = Bench([covenanted(11.0)], cash=[0.0])
    quarters(bench, 1, 91)
    assert bench.kinds() == ["LOCK_UP", "COVENANT_BREACH"]
    quarters(bench, 92, 120)
    assert bench.s.parties.status[0] == Status.ACTIVE
    quarters(bench, 121, 121)
    assert bench.s.parties.status[0] == Status.DEFAULTED
    assert bench.events(Event.DEFAULT)[0]["cause"] == Cause.DSCR


def test_cash_that_comes_while_the_clock_runs_cures() -> None:
    bench = Bench([covenanted(11.0)], cash=[0.0])
    quarters(bench, 1, 119)
    bench.s.parties.cash_usd[0] = 36_500.0 * (1 - 1.1 / 1.2) + 1.0
    quarters(bench, 120, 130)
    assert bench.kinds()[-1] == "CURED"
    assert bench.s.parties.status[0] == Status.ACTIVE
    assert bench.cash(0) == pytest.approx(1.0, abs=1e-6)


def test_no_test_before_its_day_and_none_after_repayment() -> None:
    bench = Bench([covenanted(5.0, dscr_test_day=100)])
    quarters(bench, 1, 181)
    assert bench.kinds() == []
    quarters(bench, 182, 182)
    assert "COVENANT_BREACH" in bench.kinds()
    free = Bench([covenanted(5.0, principal_usd=0.0)])
    quarters(free, 1, 91)
    assert free.kinds() == []


def test_a_new_quarter_of_good_coverage_heals_a_breach() -> None:
    bench = Bench([covenanted(11.0, cure_days=200)], cash=[0.0])
    quarters(bench, 1, 91)
    bench.s.loans.base_cash_flow_usd_day[0] = 14.0
    quarters(bench, 92, 182)
    assert bench.kinds()[-1] == "CURED"
    assert bench.s.loans.breach[0] == Cause.NONE


def test_lenders_of_one_perimeter_share_its_surplus() -> None:
    # Two loans of one perimeter: 20 of service a day against 25; the quarter leaves 91 x 5.
    bench = Bench([covenanted(12.5), covenanted(12.5, lender=1)], lenders=2, cash=[1e6])
    quarters(bench, 1, 91)
    swept = 36_500.0 - bench.s.loans.principal_usd
    assert swept.sum() == pytest.approx(91 * 5.0, rel=1e-9)
    assert swept[0] == pytest.approx(swept[1], rel=1e-9)


def test_a_perimeter_is_tested_as_a_whole() -> None:
    # One loan alone is covered 0.9 times, the other 1.6 times; together 1.25: lock-up, no breach.
    bench = Bench([covenanted(9.0), covenanted(16.0)], cash=[0.0])
    quarters(bench, 1, 91)
    assert bench.s.perimeters.dscr[0] == pytest.approx(1.25)
    assert set(bench.kinds()) == {"LOCK_UP"}


def test_pledged_machines_carry_their_income_into_coverage() -> None:
    loan = covenanted(0.0, collateral=Collateral.HARDWARE, hardware=GPU, collateral_units=5.0)
    bench = Bench([loan], fleets=[(0, GPU, 8.0)], cash=[1e6])
    bench.s.holdings.income_usd_unit_day[0] = 2.6  # 13 a day on the five pledged ones
    quarters(bench, 1, 91)
    assert bench.s.perimeters.dscr[0] == pytest.approx(1.30)


def test_coins_go_home_even_if_repaid_on_the_eve_of_a_payment_date() -> None:
    # Repaid after the day's margin tests (a roll-over that lenders refuse), with interest due next.
    bench = Bench([btc_loan(principal_usd=0.0, next_payment_day=5)])
    live(bench, [100.0], first=5)
    assert bench.s.parties.btc[0] == pytest.approx(100.0)
    assert bench.s.loans.collateral_btc[0] == 0.0
