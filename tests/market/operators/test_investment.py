"""Investment and the credit cycle: what is ordered, on whose money, and what lenders learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import GPU, RIG, Bench
from hypothesis import given
from hypothesis import strategies as st
from runs import finished, fresh

from firesale.agents.borrower import affordable_machines, desired_investment_share, sized_debt_usd
from firesale.agents.buyer import Outlook, income_paths
from firesale.agents.lender import advance_rate, lending_ease, perceived_loss_rate
from firesale.agents.party import Kind, Outside, Status
from firesale.market.operators.investment import (
    OWN_MONEY_SHARE,
    capital_kw,
    deliver_orders,
    grow_room,
    pay_out,
    place_orders,
)
from firesale.market.state.events import Event
from firesale.market.state.frontier import machine_price_usd, value_to_price
from firesale.market.state.loans import ANY_GROWTH, Amortisation, Collateral, Instrument, LoanStatus

SHARE = st.floats(0.0, 1.0)


# --- rules ----------------------------------------------------------------------------------------


@given(st.floats(0, 10), st.floats(0, 5))
def test_nothing_is_wanted_below_the_opening_return(q: float, sensitivity: float) -> None:
    wanted = desired_investment_share(q, sensitivity)
    assert wanted >= 0.0
    if q <= 1.0:
        assert wanted == 0.0
    assert desired_investment_share(q + 1.0, sensitivity) >= wanted


@given(
    st.floats(1, 1e4),
    SHARE,
    st.floats(-0.5, 0.2),
    st.floats(0.5, 3),
    st.floats(0, 0.3),
    st.floats(0.2, 20),
)
def test_debt_is_covered_by_expected_income_in_each_month(
    income: float, costs: float, drift: float, dscr: float, rate: float, years: float
) -> None:
    ahead = income_paths(Outlook(drift, 0.3, 0.5), years).growth
    debt = sized_debt_usd(income, costs * income, ahead, dscr, rate, years)
    months = (np.arange(len(ahead)) + 0.5) / 12.0
    service = debt * (1.0 / years + rate * np.maximum(0.0, 1.0 - months / years))
    earned = 365.0 * income * (ahead - costs)
    if debt > 0.0:
        assert (earned >= dscr * service * (1.0 - 1e-9)).all()
        assert min(earned / service) == pytest.approx(dscr)  # and not a dollar less
    else:
        assert earned.min() <= 1e-9
    assert sized_debt_usd(income, costs * income, ahead, 2.0 * dscr, rate, years) <= debt


def test_a_facility_by_hand() -> None:
    """$10 a day for two years, $4 of costs, 10 %, DSCR 1.2; rents fall by half in year two.

    Month 1: $6 a day = $2,190 a year; service of a dollar 0.5 + 0.1 x (1 - 1/48) = 0.5979: $3,052.
    Month 13: $1 a day = $365 a year; 0.5 + 0.1 x (1 - 25/48) = 0.5479: $555; month 24: $606.
    """
    ahead = np.repeat([1.0, 0.5], 12)
    flat = sized_debt_usd(10.0, 4.0, np.ones(24), 1.2, 0.1, 2.0)
    assert flat == pytest.approx(2190 / (1.2 * (0.5 + 0.1 * 47 / 48)))
    assert flat == pytest.approx(3052, abs=1)
    assert sized_debt_usd(10.0, 4.0, ahead, 1.2, 0.1, 2.0) == pytest.approx(555, abs=1)
    assert sized_debt_usd(4.0, 4.0, ahead, 1.2, 0.1, 2.0) == 0.0


@given(st.floats(1, 1e5), SHARE, st.floats(0, 1e9), st.floats(0, 1e9))
def test_machines_are_paid_in_full(cost: float, advance: float, own: float, room: float) -> None:
    debt = advance * cost
    units = affordable_machines(cost, debt, own, room)
    borrowed = min(units * debt, room)
    assert units >= 0.0
    assert units * cost <= (own + borrowed) * (1.0 + 1e-9) + 1e-6
    more = affordable_machines(cost, debt, own + 1000.0, room)
    assert more >= units * (1.0 - 1e-12)


def test_lenders_learn_from_what_they_live_through() -> None:
    rate = 0.0
    for _ in range(365 * 60):
        rate = perceived_loss_rate(rate, 0.03 / 365.0, 5.0)
    assert rate == pytest.approx(0.03, rel=1e-3)  # steady losses are expected in the end
    calm = rate
    for _ in range(round(365 * 5 * np.log(2.0))):
        calm = perceived_loss_rate(calm, 0.0, 5.0)
    assert calm == pytest.approx(rate / 2.0, rel=1e-3)  # half forgotten
    assert perceived_loss_rate(0.02, 0.1, 5.0) == pytest.approx(0.02 + 0.1 / 5.0, rel=1e-3)


@given(st.floats(0, 1), st.floats(0.001, 1))
def test_ease_is_bounded_and_falls_with_losses(perceived: float, priced: float) -> None:
    ease = lending_ease(perceived, priced)
    assert -1.0 <= ease <= 1.0
    assert lending_ease(perceived + 0.01, priced) <= ease
    assert lending_ease(priced, priced) == pytest.approx(0.0, abs=1e-12)


@given(SHARE, st.floats(-1, 1), SHARE, SHARE)
def test_the_advance_rate_follows_ease(base: float, ease: float, swing: float, most: float):
    rate = advance_rate(base, ease, swing, most)
    assert 0.0 <= rate <= most
    assert advance_rate(base, ease, 0.0, 1.0) == base
    assert advance_rate(base, max(ease, 0.0), swing, most) >= min(base, most)


# --- orders ---------------------------------------------------------------------------------------


def operator(*, room: float = 1e9, cash: float = 1e8, **terms: Any) -> Bench:
    """50,000 GPUs of 1 kW at a rent of 1 an hour, and a facility for new ones at 200."""
    loan = dict(
        instrument=Instrument.GPU_LOAN,
        collateral=Collateral.HARDWARE,
        hardware=GPU,
        floating=True,
        amortisation=Amortisation.LINEAR,
        interval_days=91,
        maturity_day=2**30,
        growth=ANY_GROWTH,
    )
    plain: dict[str, Any] = dict(
        investment__sensitivity=4.0,
        growth_advance_rate=0.8,
        most_advance=0.95,
        growth_min_dscr=1.2,
        growth_years=5.0,
        growth_spread=0.06,
        order_deposit_share=0.1,
        order_days=30,
        refinancing_appetite=1.0,
        refit_usd_per_kw=0.0,
    )
    bench = Bench(
        [loan],
        fleets=[(0, GPU, 50_000.0), (0, RIG, 0.0)],
        cash=[cash],
        lender_cash=1e9,
        **(plain | terms),
    )
    s = bench.s
    s.prices.rent_h100_usd_h = 1.0
    s.neoclouds.spot_realisation[0] = 1.0
    s.borrowers.creditworthy[0] = True
    s.orders.facility[0] = 0
    s.orders.holding[0] = 0
    s.lenders.growth_room_usd[0] = room
    return bench


def order(bench: Bench, q: float = 1.4, price: float = 200.0) -> float:
    """The bench's only borrower decides in week 0, 13, ..."""
    bench.s.prices.q = q
    bench.s.hardware.new_usd[GPU] = price
    return float(bench.kernel(place_orders))


def test_an_order_is_a_share_of_capital_and_pays_its_deposit() -> None:
    bench = operator()
    total = order(bench)
    units = bench.s.orders.units[0]
    assert units == pytest.approx(50_000.0 * 4.0 * 0.4 / 4.0)  # a quarter of the yearly share
    assert total == pytest.approx(units * 200.0)
    assert bench.cash(0) == pytest.approx(1e8 - 0.1 * total)
    assert bench.s.orders.debt_usd[0] == pytest.approx(0.8 * total)
    assert bench.s.lenders.growth_room_usd[0] == pytest.approx(1e9 - 0.8 * total)
    assert len(bench.events(Event.ORDERED)) == 1
    assert order(bench) == 0.0  # one order at a time


@pytest.mark.parametrize(
    "why", ["q", "credit", "payables", "breach", "cash", "failed", "no machines"]
)
def test_who_orders_nothing(why: str) -> None:
    bench = operator(cash=0.0 if why == "cash" else 1e8)
    s = bench.s
    if why == "credit":
        s.borrowers.creditworthy[0] = False
    if why == "payables":
        s.parties.payables_usd[0] = 1.0
    if why == "breach":
        s.loans.lock_up[0] = True
    if why == "failed":
        s.parties.status[0] = Status.DEFAULTED
    if why == "no machines":
        s.holdings.units[:] = 0.0
    assert order(bench, q=1.0 if why == "q" else 1.4) == 0.0
    assert bench.s.orders.units[0] == 0.0


def test_a_machine_that_earns_little_gets_little_credit() -> None:
    earns = operator()
    order(earns)
    poor = operator()
    poor.s.neoclouds.spot_realisation[0] = 0.002
    order(poor)
    last = 4.0 + 11.5 / 12.0  # years: the month in which rents have fallen most
    income = 365.0 * 24.0 * 0.002 * np.exp(poor.s.terms.liquidation.gpu_rent_drift * last)
    service = 1.0 / 5.0 + 0.06 * (1.0 - last / 5.0)  # a reference rate of zero
    per_unit = poor.s.orders.debt_usd[0] / poor.s.orders.units[0]
    assert per_unit == pytest.approx(income / (1.2 * service))
    assert earns.s.orders.debt_usd[0] / earns.s.orders.units[0] == pytest.approx(160.0)


def test_a_deposit_is_own_money_whatever_the_lender_gives() -> None:
    bench = operator(cash=1.5e6, order_deposit_share=0.5)
    total = order(bench)
    assert bench.s.orders.debt_usd[0] == pytest.approx(0.8 * total)
    assert bench.cash(0) == pytest.approx(1.5e6 * (1.0 - OWN_MONEY_SHARE))


def test_a_lender_without_room_lends_nothing() -> None:
    bench = operator(room=0.0)
    order(bench)
    assert bench.s.orders.debt_usd[0] == 0.0
    assert bench.s.orders.units[0] > 0.0  # own money


def test_a_miner_builds_halls_and_counts_idle_power() -> None:
    bench = operator(refit_usd_per_kw=50.0)
    s = bench.s
    s.parties.kind[0] = Kind.MINER
    s.holdings.units[:] = [0.0, 1e7]  # rigs of 0.02 kW
    s.holdings.online[:] = [1.0, 0.75]
    assert capital_kw(bench.market, 0) == pytest.approx(1e7 * 0.02 * 0.25)
    order(bench)
    units = bench.s.orders.units[0]
    assert units == pytest.approx(50_000.0 * 0.4)
    assert s.borrowers.site_usd[0] == pytest.approx(50.0 * units)
    assert bench.cash(0) == pytest.approx(1e8 - 0.1 * 200.0 * units - 50.0 * units)


def deliver(bench: Bench, day: int) -> float:
    bench.market.today.day = day
    before = bench.stocks()
    delivered = float(bench.kernel(deliver_orders))
    after = bench.stocks()
    assert after.cash_usd == pytest.approx(before.cash_usd)
    assert np.allclose(after.units, before.units)
    return delivered


def test_delivery_is_paid_by_the_lender_and_pledged() -> None:
    bench = operator()
    total = order(bench)
    units = float(bench.s.orders.units[0])
    assert deliver(bench, 29) == 0.0
    assert deliver(bench, 30) == pytest.approx(units)
    s = bench.s
    assert s.loans.principal_usd[0] == pytest.approx(0.8 * total)
    assert s.loans.collateral_units[0] == s.holdings.pledged[0] == pytest.approx(units)
    assert bench.cash(0) == pytest.approx(1e8 - 0.2 * total)
    assert s.borrowers.deposits_usd[0] == pytest.approx(0.0)
    assert s.loans.maturity_day[0] == 30 + 5 * 365
    assert deliver(bench, 31) == 0.0


def test_a_repaid_facility_frees_its_machines_and_stays_open() -> None:
    bench = operator()
    order(bench)
    assert deliver(bench, 30) == bench.s.holdings.pledged[0] > 0.0
    bench.s.parties.cash_usd[bench.lender()] += bench.s.loans.principal_usd[0]
    bench.s.loans.principal_usd[0] = bench.s.lenders.book_usd[0] = 0.0
    bench.day(200, "service")
    assert bench.s.holdings.pledged[0] == bench.s.loans.collateral_units[0] == 0.0
    assert bench.s.loans.status[0] == LoanStatus.PERFORMING


def test_what_finds_no_money_is_cancelled_and_its_deposit_lost() -> None:
    bench = operator()
    total = order(bench)
    bench.s.parties.cash_usd[0] = 0.0
    bench.s.lenders.supply[0] = 0.0  # its lender has no capital to lend against
    for day in range(30, 121):
        assert deliver(bench, day) == 0.0
    assert bench.s.orders.units[0] == 0.0
    assert bench.s.loans.principal_usd[0] == 0.0
    cancelled = bench.events(Event.ORDER_CANCELLED)
    assert [float(event["amount_usd"]) for event in cancelled] == [pytest.approx(0.1 * total)]
    supplier = bench.cash(bench.outside(Outside.SUPPLIER))
    assert supplier == pytest.approx(0.1 * total)


def test_room_is_a_share_of_assets_for_a_quarter_at_most() -> None:
    bench = operator(room=0.0, lender_growth_per_year=0.1)
    assets = float(bench.s.lenders.capital_usd[0] + bench.s.lenders.funding_usd[0])
    bench.kernel(grow_room)
    assert bench.s.lenders.growth_room_usd[0] == pytest.approx(0.1 * assets / 365.0)
    for _ in range(365):
        bench.kernel(grow_room)
    assert bench.s.lenders.growth_room_usd[0] == pytest.approx(0.1 * assets / 4.0)
    bench.s.lenders.supply[0] = 0.0
    bench.kernel(grow_room)
    assert bench.s.lenders.growth_room_usd[0] == 0.0


def test_new_machines_get_cheaper() -> None:
    bench = Bench(new_price_decline=0.25)
    bench.s.hardware.new_usd[GPU] = 1000.0
    assert machine_price_usd(bench.market, GPU) == 1000.0
    bench.market.today.day = 365
    assert machine_price_usd(bench.market, GPU) == pytest.approx(1000.0 * np.exp(-0.25))


# --- the market -----------------------------------------------------------------------------------


@pytest.mark.compiled
def test_q_is_one_at_the_opening_and_follows_rents_and_money() -> None:
    run = fresh("calm").market
    start = run.opening.value_to_price
    assert value_to_price(run, run.opening.machine_class) == pytest.approx(start)
    run.prices.rent_h100_usd_h *= 1.2
    assert value_to_price(run, run.opening.machine_class) > start
    run.prices.rent_h100_usd_h /= 1.2
    run.prices.reference_rate += 0.03
    assert value_to_price(run, run.opening.machine_class) < start
    run.prices.reference_rate -= 0.03
    run.prices.ease = 1.0
    assert value_to_price(run, run.opening.machine_class) > start


BOOM = ("days=365", "compute.adoption_growth=0.5")


@pytest.mark.compiled
def test_a_boom_is_built_on_credit_and_supply_lowers_rents() -> None:
    on = finished("calm", BOOM, 3)
    off = finished("calm", (*BOOM, "investment.sensitivity=0.0"), 3)
    assert on.summary()["investment"]["ordered_usd"] > 1e8
    assert on.summary()["investment"]["on_credit_usd"] > 1e7
    assert off.summary()["investment"]["ordered_usd"] == 0.0
    assert on.market.prices.rent_h100_usd_h < off.market.prices.rent_h100_usd_h
    supply = on.series()["effective_gpus"].iloc[-1]
    assert supply > off.series()["effective_gpus"].iloc[-1]


@pytest.mark.compiled
def test_a_slump_orders_less_than_a_boom() -> None:
    slump = finished("rental-deflation", ("days=365",), 3)
    boom = finished("calm", BOOM, 3)
    ordered = [run.summary()["investment"]["ordered_usd"] for run in (slump, boom)]
    assert ordered[0] < 0.2 * ordered[1]


@pytest.mark.compiled
def test_ease_grows_as_losses_are_forgotten_and_ends_with_losses() -> None:
    calm = finished("calm", ("days=100", "credit.hazard_per_year=0"), 3)
    assert calm.summary()["loss_usd"]["total"] == 0.0
    forgotten = 1.0 - np.exp(-100.0 / 365.0 / 5.0)  # of what five years' memory held
    assert calm.market.prices.ease == pytest.approx(forgotten, rel=1e-9)
    crash = finished("joint-crash", ("days=730",), 1).series()
    lost = crash["loss_usd"].diff().fillna(0.0).to_numpy()
    ease = crash["lending_ease"].to_numpy()
    for day in np.argsort(lost)[-5:]:  # learnt by the next day at the latest
        assert ease[min(day + 1, len(ease) - 1)] < ease[day - 1]


def test_owners_take_out_part_of_free_cash_flow_only() -> None:
    bench = operator(payout_share=0.5)
    s = bench.s
    s.borrowers.trailing_cash_flow_usd[0] = 1000.0
    out = float(bench.kernel(pay_out))
    assert out == pytest.approx(0.5 * 91 * 1000.0)
    assert bench.cash(bench.outside(Outside.INVESTORS)) == pytest.approx(out)
    s.borrowers.trailing_cash_flow_usd[0] = -1000.0
    assert bench.kernel(pay_out) == 0.0
    s.borrowers.trailing_cash_flow_usd[0] = 1000.0
    s.orders.units[0] = 1.0  # what it earns pays for machines
    assert bench.kernel(pay_out) == 0.0
