"""Default, custody, sale and the end of a claim: one lender, one borrower, one lot, on paper."""

import math
from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, SITE, Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from firesale.agents.party import Outside, Status
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, LoanStatus, of_claims
from firesale.market.state.lots import LotState

ALL = ("service", "pay", "test", "default", "lenders", "liquidate")
AT_MARK = {"name": "bench", "days": 3650, "channels": {"fire_sale": False}} | {
    "credit": {"hazard_per_year": 0.0}
}
FREE_CUSTODY = dict(
    idle_cost_share=0.0,
    storage_usd_per_gpu_day=0.0,
    removal_usd_per_gpu=0.0,
    removal_usd_per_th=0.0,
)


def live(bench: Bench, first: int, last: int) -> None:
    for day in range(first, last + 1):
        bench.day(day, *ALL)


def machines(**changes: object) -> dict[str, object]:
    """1,500 against ten machines marked at 100, due on day 10, five days to cure."""
    loan: dict[str, object] = dict(
        principal_usd=1500.0,
        maturity_day=10,
        cure_days=5,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        collateral_units=10.0,
    )
    return loan | changes


def broken(bench: Bench, *loans: int, day: int = 1, cause: Cause = Cause.MATURITY) -> None:
    """Open a breach by hand whose clock has run out, and let the borrowers default."""
    for loan in loans:
        bench.s.loans.breach[loan] = cause
        bench.s.loans.breach_day[loan] = 0
        bench.s.loans.sheets.cure_days[bench.s.loans.sheet[loan]] = 0
    bench.day(day, "default")


# --- one machine, from default to the last dollar -------------------------------------------------


def test_a_seized_lot_on_paper() -> None:
    bench = Bench(
        [machines()],
        fleets=[(0, GPU, 10.0)],
        scenario=AT_MARK,
        legal_days=20,
        legal_cost_share=0.03,
        bankruptcy_days=180,
        **FREE_CUSTODY | dict(removal_usd_per_gpu=2.0),
    )
    s, lender = bench.s, bench.lender()
    live(bench, 1, 14)
    assert s.parties.status[0] == Status.ACTIVE
    live(bench, 15, 15)
    # Default: ten machines at the mark bring 1000, less 30 to the court; the estate is empty.
    assert s.loans.status[0] == LoanStatus.DEFAULTED
    assert s.holdings.units[0] == 0.0 and s.lots.units[0] == 10.0
    assert s.lots.state[0] == LotState.LEGAL and s.lots.owner[0] == lender
    assert s.lenders.loss_usd[0] == pytest.approx(530.0)
    live(bench, 16, 34)
    assert s.lots.state[0] == LotState.LEGAL
    live(bench, 35, 35)  # twenty days later the court lets go; it costs 2 a machine to take it out
    assert s.lots.state[0] == LotState.MOVING
    assert s.lenders.loss_usd[0] == pytest.approx(550.0)
    live(bench, 36, 44)
    assert s.lots.state[0] == LotState.MOVING and len(bench.events(Event.HARDWARE_SALE)) == 0
    live(bench, 45, 45)  # ten days on the road; offered and, here, sold at the mark
    assert s.lots.state[0] == LotState.SOLD and s.lots.offered_day[0] == 45
    assert bench.events(Event.OFFERED)[0]["day"] == 45
    assert s.lots.proceeds_usd[0] == pytest.approx(1000.0)
    assert s.lots.unit_days[0] == pytest.approx(10 * 30.0)
    assert bench.cash(lender) == pytest.approx(1e6 + 970.0 - 20.0)
    assert s.loans.principal_usd[0] == pytest.approx(530.0)
    assert s.lenders.loss_usd[0] == pytest.approx(530.0 + 20.0)  # as expected all along
    live(bench, 46, 194)
    assert s.loans.status[0] == LoanStatus.DEFAULTED  # the estate is still open
    live(bench, 195, 195)
    assert s.loans.status[0] == LoanStatus.CLOSED
    assert s.parties.status[0] == Status.WOUND_UP
    assert s.lenders.loss_usd[0] == pytest.approx(550.0)
    assert s.lenders.capital_usd[0] == pytest.approx(0.5e6 - 550.0)
    assert s.lenders.book_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert of_claims("recovered_usd", s.loans)[0] == pytest.approx(950.0)
    assert s.ledger.outside_units[GPU] == pytest.approx(10.0)
    courts = bench.cash(bench.outside(Outside.COURTS))
    assert courts == pytest.approx(30.0 + 20.0)
    # Every event of the story hangs on the missed payment.
    log = s.events
    for event in range(1, len(log)):
        root = event
        while log["parent"][root] >= 0:
            assert log["parent"][root] < root
            root = int(log["parent"][root])
        assert root == 0 and log["kind"][0] == Event.MISSED_PAYMENT


def test_a_surplus_goes_back_to_the_borrower_and_then_to_its_owners() -> None:
    bench = Bench(
        [machines(principal_usd=400.0)],
        fleets=[(0, GPU, 10.0)],
        scenario=AT_MARK,
        legal_days=0,
        legal_cost_share=0.03,
        bankruptcy_cost_share=0.05,
        bankruptcy_days=100,
        **FREE_CUSTODY,
    )
    live(bench, 1, 30)
    assert bench.s.lenders.loss_usd[0] == 0.0
    assert bench.s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert bench.cash(0) == pytest.approx(970.0 - 400.0)
    before = bench.cash(bench.outside(Outside.INVESTORS))
    live(bench, 31, 115)
    assert bench.s.parties.status[0] == Status.WOUND_UP
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
    rest = 570.0 * 0.95
    assert bench.cash(bench.outside(Outside.INVESTORS)) - before == pytest.approx(rest)
    assert bench.s.loans.status[0] == LoanStatus.CLOSED
    assert bench.s.lenders.loss_usd[0] == pytest.approx(0.0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    st.floats(100.0, 3000.0),
    st.floats(1.0, 40.0),
    st.floats(0.0, 0.2),
    st.floats(0.0, 500.0),
    st.just(0.0) | st.floats(0.01, 30.0),
)
def test_a_lender_loses_what_it_lent_less_what_came_in(
    principal: float, units: float, fee: float, cash: float, own: float
) -> None:
    """Net proceeds first, then pari passu of the estate; where all is sold at marks, as told."""
    bench = Bench(
        [machines(principal_usd=principal, collateral_units=units)],
        fleets=[(0, GPU, units + own)],
        cash=[cash],
        scenario=AT_MARK,
        legal_days=0,
        legal_cost_share=fee,
        bankruptcy_cost_share=0.0,
        bankruptcy_days=20,
        **FREE_CUSTODY,
    )
    broken(bench, 0)
    net = 100.0 * units * (1 - fee)
    secured = min(principal, net)
    estate = cash + (net - secured) + 100.0 * own * (1 - fee)
    paid = secured + min(principal - secured, estate)
    s = bench.s
    for day in range(2, 30):
        bench.day(day, "lenders", "liquidate")
        assert s.lenders.loss_usd[0] == pytest.approx(principal - paid, rel=1e-9, abs=1e-5)
    assert s.loans.status[0] == LoanStatus.CLOSED
    assert of_claims("recovered_usd", s.loans)[0] == pytest.approx(paid, rel=1e-9, abs=1e-6)
    assert s.lenders.loss_usd[0] == pytest.approx(principal - paid, rel=1e-9, abs=1e-5)
    assert s.lenders.written_down_usd[0] == pytest.approx(0.0, abs=1e-6)
    assert bench.cash(bench.lender()) == pytest.approx(1e6 + paid, rel=1e-9)


def test_recovery_is_discounted_at_the_rate_of_the_loan() -> None:
    loan = machines(principal_usd=1000.0, rate_or_spread=0.10, next_payment_day=100_000)
    bench = Bench(
        [loan], fleets=[(0, GPU, 10.0)], scenario=AT_MARK, legal_days=60, legal_cost_share=0.0,
        **FREE_CUSTODY,
    )  # fmt: skip
    broken(bench, 0, day=5)
    for day in range(6, 76):
        bench.day(day, "lenders", "liquidate")
    # Sold seventy days after the default, ten of them on the road.
    assert bench.s.lots.state[0] == LotState.SOLD
    assert of_claims("recovered_value_usd", bench.s.loans)[0] == pytest.approx(
        1000.0 * math.exp(-0.10 * 70 / 365), rel=1e-9
    )


def test_cost_of_custody_is_discounted_as_proceeds_are() -> None:
    loan = machines(principal_usd=1000.0, rate_or_spread=0.30, next_payment_day=100_000)
    bench = Bench(
        [loan], fleets=[(0, GPU, 10.0)], legal_days=400,
        idle_cost_share=0.5, receiver_share=0.0,
    )  # fmt: skip
    broken(bench, 0, day=1)
    for day in range(2, 302):
        bench.day(day, "lenders", "liquidate")
    # Idle: half of 1 kW for 24 hours at 0.12, for ten machines: 14.40 a day.
    daily = 0.5 * 24 * 0.12 * 10
    assert of_claims("recovered_usd", bench.s.loans)[0] == pytest.approx(-daily * 300)
    value = -daily * sum(math.exp(-0.30 * n / 365) for n in range(1, 301))
    assert of_claims("recovered_value_usd", bench.s.loans)[0] == pytest.approx(value, rel=1e-9)


# --- custody --------------------------------------------------------------------------------------


def seized(**terms: object) -> Bench:
    bench = Bench(
        [machines(collateral_units=200.0)],
        fleets=[(0, GPU, 200.0)],
        buyers=[dict(in_place=True, min_lot=100.0), dict()],
        scenario={
            "name": "bench",
            "days": 3650,
            "liquidation": {"window_days": 365},
            "credit": {"hazard_per_year": 0.0},
        },
        **terms,
    )
    broken(bench, 0)
    return bench


def test_a_large_cluster_is_offered_where_it_stands_and_then_removed() -> None:
    bench = seized(legal_days=5, in_place_days=90, **FREE_CUSTODY)
    states = {}
    for day in range(2, 125):
        bench.day(day, "lenders", "liquidate")
        states.setdefault(LotState(int(bench.s.lots.state[0])).name, day)
    # Default on day 1; legal until 6; in place until 96; ten days on the road.
    assert states == {"LEGAL": 2, "IN_PLACE": 6, "MOVING": 96, "REMOVED": 106}
    assert bench.s.lots.offered_day[0] == 6
    assert len(bench.events(Event.OFFERED)) == 1


def test_a_small_lot_is_removed_at_once() -> None:
    bench = Bench(
        [machines(collateral_units=60.0)],
        fleets=[(0, GPU, 60.0)],
        buyers=[dict(in_place=True, min_lot=100.0)],
        legal_days=5,
        **FREE_CUSTODY,
    )
    broken(bench, 0)
    for day in range(2, 7):
        bench.day(day, "lenders", "liquidate")
    assert bench.s.lots.state[0] == LotState.MOVING
    assert bench.s.lots.offered_day[0] == -1  # not offered on the road


def test_what_nobody_buys_removed_stays_where_it_is() -> None:
    bench = Bench(
        [machines(collateral_units=60.0)],
        fleets=[(0, GPU, 60.0)],
        buyers=[dict(in_place=True, min_lot=100.0)],
        legal_days=5,
        in_place_days=20,
        **FREE_CUSTODY,
    )
    bench.market.has_removed_buyers[GPU] = False
    broken(bench, 0)
    for day in range(2, 40):
        bench.day(day, "lenders", "liquidate")
    assert bench.s.lots.state[0] == LotState.IN_PLACE
    assert bench.s.lots.offered_day[0] == 6


def test_lots_of_one_borrower_make_a_cluster_together() -> None:
    loans = [machines(collateral_units=60.0), machines(collateral_units=60.0, lender=1)]
    bench = Bench(
        loans,
        lenders=2,
        fleets=[(0, GPU, 120.0)],
        buyers=[dict(in_place=True, min_lot=100.0)],
        legal_days=5,
        **FREE_CUSTODY,
    )
    broken(bench, 0)
    assert bench.s.lots.count[0] == 2
    for day in range(2, 7):
        bench.day(day, "lenders", "liquidate")
    assert list(bench.s.lots.state[:2]) == [LotState.IN_PLACE, LotState.IN_PLACE]


@settings(deadline=None, max_examples=30)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 4.0))
def test_a_receiver_keeps_part_of_the_machines_rented(
    receiver: float, discount: float, realisation: float, rent: float
) -> None:
    bench = seized(
        legal_days=50,
        receiver_share=receiver,
        hosting_discount=discount,
        idle_cost_share=0.35,
    )
    s = bench.s
    s.neoclouds.spot_realisation[0] = realisation
    s.prices.rent_h100_usd_h = rent
    bench.day(2, "liquidate")
    running = 24 * 0.12  # 1 kW
    margin = rent * realisation * (1 - discount) * 24 - running
    rented = receiver if margin > 0 else 0.0
    income = 200.0 * rented * max(margin, 0.0)
    cost = 200.0 * (1 - rented) * 0.35 * running
    assert s.prices.receiver_gpus == pytest.approx(200.0 * rented)
    applied = min(income, 1500.0)
    assert s.loans.principal_usd[0] == pytest.approx(1500.0 - applied, abs=1e-6)
    assert bench.cash(0) == pytest.approx(income - applied, abs=1e-6)  # beyond the claim: estate
    assert bench.cash(bench.lender()) == pytest.approx(1e6 + applied - cost)
    # The day's cost is lost, on top of what the default itself wrote down (collateral covers all).
    assert s.lenders.loss_usd[0] == pytest.approx(cost, abs=1e-6)


def test_removed_machines_cost_storage() -> None:
    bench = Bench(
        [machines()], fleets=[(0, GPU, 10.0)], legal_days=0, storage_usd_per_gpu_day=0.4,
        removal_usd_per_gpu=0.0, idle_cost_share=0.0,
    )  # fmt: skip
    broken(bench, 0)
    bench.day(2, "liquidate")  # carried where it stands for free, then on the road
    assert bench.cash(bench.lender()) == pytest.approx(1e6)
    for day in range(3, 13):
        bench.day(day, "liquidate")
    assert bench.cash(bench.lender()) == pytest.approx(1e6 - 10 * 0.4 * 10)


def test_a_lender_without_cash_sells_other_loans_to_pay_for_custody() -> None:
    bench = Bench(
        [machines()], fleets=[(0, GPU, 10.0)], lender_cash=0.0, idle_cost_share=1.0,
        receiver_share=0.0,
    )  # fmt: skip
    broken(bench, 0)
    bench.day(2, "liquidate")
    cost = 10 * 24 * 0.12
    assert bench.cash(bench.lender()) == pytest.approx(0.0, abs=1e-9)
    assert bench.s.lenders.other_loans_usd[0] == pytest.approx(1e6 - cost)


def test_an_estate_pays_custody_only_as_far_as_its_cash_goes() -> None:
    bench = Bench(
        [dict(principal_usd=100.0)], fleets=[(0, GPU, 10.0)], cash=[30.0],
        idle_cost_share=1.0, receiver_share=0.0,
    )  # fmt: skip
    broken(bench, 0)
    assert bench.s.lots.owner[0] == 0 and bench.s.lots.loan[0] == -1
    bench.day(2, "liquidate")
    assert bench.cash(0) == pytest.approx(30.0 - 28.8)
    bench.day(3, "liquidate")
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
    bench.day(4, "liquidate")
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)


def site_loan(**row: Any) -> dict[str, Any]:
    """A loan on 30 MW of power and halls; the bench has one class for both."""
    known = dict(principal_usd=900.0, collateral=Collateral.SITE, hardware=SITE)
    return known | dict(collateral_units=1.0, site_mw=10.0, hall_mw=20.0) | row


def test_a_seized_site_is_a_lot_of_power_and_one_of_halls_at_their_marks() -> None:
    bench = Bench([site_loan()], marks=(100.0, 10.0, 40.0), site_days=100, legal_cost_share=0.0,
                  **FREE_CUSTODY)  # fmt: skip
    broken(bench, 0)
    s = bench.s
    assert list(s.lots.units[:2]) == [10.0, 20.0] and s.lots.count[0] == 2
    assert list(s.lots.mark_usd[:2]) == [40.0, 40.0]
    assert s.loans.claims.open_lots[0] == 2
    assert s.ledger.outside_units[SITE] == -30.0
    assert s.loans.site_mw[0] == s.loans.hall_mw[0] == 0.0
    # 30 MW at 40 cover 900; at 20 they cover 600.
    bench.day(1, "lenders")
    assert s.lenders.loss_usd[0] == pytest.approx(0.0, abs=1e-9)
    s.marks_usd[SITE] = 20.0
    bench.day(2, "lenders")
    assert s.lenders.loss_usd[0] == pytest.approx(300.0)


def test_a_site_is_sold_at_its_mark_after_its_own_delay_if_nothing_is_auctioned() -> None:
    bench = Bench([site_loan()], marks=(100.0, 10.0, 20.0), site_days=100, legal_cost_share=0.0,
                  bankruptcy_days=180, fire_sale=False, **FREE_CUSTODY)  # fmt: skip
    broken(bench, 0)
    for day in range(2, 101):
        bench.day(day, "liquidate", "lenders")
    assert bench.s.loans.principal_usd[0] == 900.0
    bench.day(101, "liquidate", "lenders")
    assert bench.s.loans.principal_usd[0] == pytest.approx(300.0)
    assert set(bench.s.lots.state[:2]) == {LotState.SOLD}


def test_who_stands_loses_the_rents_with_the_site() -> None:
    bench = Bench([site_loan(recourse=False, collateral_units=0.25)], **FREE_CUSTODY)
    broken(bench, 0)
    assert bench.s.parties.status[0] == Status.ACTIVE
    assert bench.s.borrowers.halls_kept[0] == pytest.approx(0.75)


# --- defaults -------------------------------------------------------------------------------------


def test_pledged_coins_are_sold_the_same_day_and_the_rest_joins_the_estate() -> None:
    loan = dict(principal_usd=1000.0, collateral=Collateral.BTC, collateral_btc=15.0)
    bench = Bench([loan], btc=[2.0], btc_usd=100.0, liquidation_bonus=0.02)
    bench.s.parties.btc_lent[0] = 1.0
    bench.s.parties.eth[0] = 3.0  # at 10 each
    broken(bench, 0)
    s = bench.s
    assert s.loans.principal_usd[0] == pytest.approx(0.0, abs=1e-9)
    assert of_claims("recovered_usd", s.loans)[0] == pytest.approx(1000.0)
    assert s.lenders.loss_usd[0] == pytest.approx(0.0, abs=1e-9)
    # 10.2 coins repay the loan; 4.8 and the free and lent ones are sold for the estate.
    assert bench.cash(0) == pytest.approx((4.8 + 3.0) * 100.0 + 30.0)
    assert s.parties.btc[0] == 0.0 and s.parties.btc_lent[0] == 0.0 and s.parties.eth[0] == 0.0
    assert s.ledger.outside_btc[0] == pytest.approx(18.0)
    exchange = bench.cash(bench.outside(Outside.EXCHANGE))
    assert exchange == pytest.approx(-1000.0 - 780.0 - 30.0)
    assert bench.cash(bench.lender()) == pytest.approx(1e6 + 1000.0)
    assert s.log.forced_usd[0] == pytest.approx(1800.0)


def test_a_recourse_default_takes_every_loan_and_the_whole_fleet() -> None:
    loans = [
        machines(),
        machines(hardware=RIG, collateral_units=30.0, principal_usd=50.0, lender=1),
        dict(principal_usd=200.0),
        dict(principal_usd=70.0, recourse=False),
        dict(principal_usd=0.0, undrawn_usd=500.0),
    ]
    bench = Bench(loans, lenders=2, fleets=[(0, GPU, 25.0), (0, RIG, 100.0)])
    broken(bench, 2)
    s = bench.s
    status = [LoanStatus.DEFAULTED] * 4 + [LoanStatus.CLOSED]
    assert list(s.loans.status) == status
    assert np.all(s.loans.undrawn_usd == 0.0)
    rounds = {int(e["loan"]): int(e["round"]) for e in bench.events(Event.LOAN_DEFAULT)}
    assert rounds == {0: 1, 1: 1, 2: 0, 3: 1}  # the trigger first, the others by cross-default
    causes = {int(e["loan"]): int(e["cause"]) for e in bench.events(Event.LOAN_DEFAULT)}
    assert causes[2] == Cause.MATURITY and causes[0] == causes[1] == Cause.CROSS_DEFAULT
    default = bench.events(Event.DEFAULT)[0]
    assert default["amount_usd"] == pytest.approx(1820.0)
    # Seized: 10 of 25 machines and 30 of 100 TH/s by lenders, the rest by the estate.
    held = {
        (int(s.lots.owner[i]), int(s.lots.hardware[i])): float(s.lots.units[i])
        for i in range(int(s.lots.count[0]))
    }
    first, second = bench.lender(0), bench.lender(1)
    assert held == {(first, GPU): 10.0, (second, RIG): 30.0, (0, GPU): 15.0, (0, RIG): 70.0}


@pytest.mark.parametrize("recourse", [True, False])
def test_a_loan_repaid_since_its_last_payment_day_keeps_nothing(recourse: bool) -> None:
    """Its coins and machines are the borrower's again: the estate's if all of it fails."""
    inside = dict(recourse=recourse, vehicle=7)
    loans = [
        machines(**inside),
        machines(principal_usd=0.0, collateral_units=6.0, next_payment_day=30, **inside),
        dict(principal_usd=0.0, collateral=Collateral.BTC, collateral_btc=2.0, **inside),
    ]
    bench = Bench(loans, fleets=[(0, GPU, 25.0)], btc_usd=100.0)
    broken(bench, 0)
    s = bench.s
    assert list(s.loans.status) == [LoanStatus.DEFAULTED, LoanStatus.CLOSED, LoanStatus.CLOSED]
    assert list(s.loans.collateral_units[1:]) == [0.0, 0.0] and s.holdings.pledged[0] == 0.0
    assert s.loans.collateral_btc[2] == 0.0
    if recourse:
        assert list(s.lots.units[:2]) == [10.0, 15.0] and s.holdings.units[0] == 0.0
        assert s.parties.btc[0] == 0.0 and bench.cash(0) == pytest.approx(200.0)
    else:
        assert s.holdings.units[0] == 15.0 and s.parties.btc[0] == 2.0


@pytest.mark.parametrize("cross_default", [True, False])
def test_insolvency_needs_no_cross_default_clause(cross_default: bool) -> None:
    bench = Bench(
        [dict(principal_usd=200.0), machines()],
        fleets=[(0, GPU, 25.0)],
        cross_default=cross_default,
        payables_days=30,
    )
    bench.s.parties.payables_day[0] = 1
    bench.day(30, "default")
    assert not len(bench.events(Event.DEFAULT))
    bench.day(31, "default")
    (failed,) = bench.events(Event.DEFAULT)
    assert failed["cause"] == Cause.OPERATING_COSTS
    called = bench.events(Event.LOAN_DEFAULT)
    assert list(called["loan"]) == [0, 1] and set(called["cause"]) == {Cause.INSOLVENCY}


def test_a_non_recourse_default_takes_the_perimeter_only() -> None:
    loans = [machines(recourse=False), dict(principal_usd=200.0)]
    bench = Bench(
        loans,
        fleets=[(0, GPU, 25.0)],
        cash=[1000.0],
        scenario=AT_MARK,
        legal_days=0,
        legal_cost_share=0.0,
        **FREE_CUSTODY,
    )
    broken(bench, 0)
    s = bench.s
    assert s.parties.status[0] == Status.ACTIVE
    assert list(s.loans.status) == [LoanStatus.DEFAULTED, LoanStatus.PERFORMING]
    assert s.holdings.units[0] == 15.0
    assert bench.kinds()[0] == "PERIMETER_DEFAULT" and "DEFAULT" not in bench.kinds()
    for day in range(2, 20):
        bench.day(day, "lenders", "liquidate")
    # 1000 of 1500 came back; the parent's cash is out of reach.
    assert s.loans.status[0] == LoanStatus.CLOSED
    assert s.lenders.loss_usd[0] == pytest.approx(500.0)
    assert bench.cash(0) == 1000.0


def test_lenders_of_one_vehicle_fall_together() -> None:
    inside = dict(recourse=False, collateral_units=10.0, vehicle=7)
    loans = [
        machines(**inside),
        machines(**inside, lender=1),
        machines(**inside | dict(vehicle=8), lender=1),
    ]
    bench = Bench(loans, lenders=2, fleets=[(0, GPU, 40.0)], scenario=AT_MARK)
    broken(bench, 1)
    s = bench.s
    assert s.parties.status[0] == Status.ACTIVE
    fallen, stands = LoanStatus.DEFAULTED, LoanStatus.PERFORMING
    assert list(s.loans.status) == [fallen, fallen, stands]
    assert len(bench.events(Event.PERIMETER_DEFAULT)) == 1
    causes = {int(e["loan"]): int(e["cause"]) for e in bench.events(Event.LOAN_DEFAULT)}
    assert causes == {0: Cause.CROSS_DEFAULT, 1: Cause.MATURITY}
    assert s.holdings.units[0] == 20.0

    alone = Bench(loans, lenders=2, fleets=[(0, GPU, 40.0)], scenario=AT_MARK, cross_default=False)
    broken(alone, 1)
    assert list(alone.s.loans.status) == [stands, fallen, stands]


def test_a_default_is_on_what_lenders_claim_with_interest() -> None:
    """1,500 and 500 of principal, 40 accrued and 10 missed: on 2,050; an undrawn line adds none."""
    loans = [machines(), dict(principal_usd=500.0), dict(principal_usd=0.0, undrawn_usd=300.0)]
    bench = Bench(loans, fleets=[(0, GPU, 25.0)])
    bench.s.loans.accrued_usd[0], bench.s.loans.arrears_interest_usd[1] = 40.0, 10.0
    broken(bench, 0)
    (default,) = bench.events(Event.DEFAULT)
    claims = bench.events(Event.LOAN_DEFAULT)["amount_usd"]
    assert list(claims) == pytest.approx([1540.0, 510.0])
    assert default["amount_usd"] == pytest.approx(2050.0)


def test_a_vehicle_defaults_on_what_all_its_lenders_claim() -> None:
    inside = dict(recourse=False, collateral_units=10.0, vehicle=7)
    loans = [
        machines(**inside),
        machines(**inside, lender=1),
        machines(**inside | dict(vehicle=8), lender=1),
    ]
    bench = Bench(loans, lenders=2, fleets=[(0, GPU, 40.0)], scenario=AT_MARK)
    bench.s.loans.accrued_usd[0] = 25.0
    broken(bench, 1)
    (vehicle,) = bench.events(Event.PERIMETER_DEFAULT)
    assert vehicle["amount_usd"] == pytest.approx(1500.0 + 25.0 + 1500.0)


def one_of_two_falls(cause: Cause, cash: float) -> Bench:
    """Without clauses a loan of 1,500 on machines that bring 1,000 is called; 200 are not."""
    loans = [machines(lender=1), dict(principal_usd=200.0)]
    bench = Bench(
        loans,
        lenders=2,
        fleets=[(0, GPU, 25.0)],
        cash=[cash],
        scenario=AT_MARK,
        cross_default=False,
        legal_days=0,
        legal_cost_share=0.0,
        bankruptcy_days=50,
        **FREE_CUSTODY,
    )
    broken(bench, 0, cause=cause)
    return bench


def test_without_cross_default_a_broken_covenant_takes_its_own_loan_and_collects_from_cash() -> (
    None
):
    bench = one_of_two_falls(Cause.DSCR, cash=120.0)
    s = bench.s
    assert s.parties.status[0] == Status.ACTIVE
    assert s.loans.status[1] == LoanStatus.PERFORMING
    for day in range(2, 51):
        bench.day(day, "default", "lenders", "liquidate")
    # 1000 from the machines, 120 from cash; the rest is owed.
    assert bench.cash(0) == pytest.approx(0.0, abs=1e-9)
    assert s.loans.principal_usd[0] == pytest.approx(380.0)
    assert s.parties.status[0] == Status.ACTIVE and s.lenders.loss_usd[0] == 0.0
    # Nobody forgives it: when the court's time is up its lender files.
    bench.day(51, "default", "lenders")
    (failed,) = bench.events(Event.DEFAULT)
    assert failed["cause"] == Cause.DEFICIENCY and s.parties.status[0] != Status.ACTIVE
    assert s.loans.status[1] == LoanStatus.DEFAULTED
    assert {int(e["cause"]) for e in bench.events(Event.LOAN_DEFAULT)} == {
        Cause.DSCR,
        Cause.INSOLVENCY,
    }


def test_without_cross_default_a_claim_that_cash_covers_ends_there() -> None:
    bench = one_of_two_falls(Cause.HARDWARE_MARK, cash=700.0)
    s = bench.s
    for day in range(2, 60):
        bench.day(day, "default", "lenders", "liquidate")
    assert s.loans.status[0] == LoanStatus.CLOSED and s.lenders.loss_usd.sum() == 0.0
    assert bench.cash(0) == pytest.approx(200.0)
    assert s.parties.status[0] == Status.ACTIVE and s.loans.status[1] == LoanStatus.PERFORMING


@pytest.mark.parametrize("cause", [Cause.INTEREST, Cause.AMORTISATION, Cause.MATURITY])
def test_who_does_not_pay_fails_without_any_clause(cause: Cause) -> None:
    bench = one_of_two_falls(cause, cash=0.0)
    (failed,) = bench.events(Event.DEFAULT)
    assert failed["cause"] == cause
    causes = {int(e["loan"]): int(e["cause"]) for e in bench.events(Event.LOAN_DEFAULT)}
    assert causes == {0: cause, 1: Cause.INSOLVENCY}


def test_the_hazard_strikes_everybody_alike_and_about_as_often_as_told() -> None:
    daily = 1 - math.exp(-0.20 / 365)
    count, days = 300, 200
    bench = Bench(borrowers=count, hazard_per_day=daily)
    for day in range(1, days + 1):
        bench.day(day, "default")
    hit = int(np.sum(bench.s.parties.status[:count] != Status.ACTIVE))
    expected = count * (1 - math.exp(-0.20 * days / 365))
    assert hit == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert set(bench.events(Event.DEFAULT)["cause"]) == {Cause.HAZARD}
    assert len(np.unique(bench.events(Event.DEFAULT)["party"])) == hit
