"""A treasurer's day by hand: sources of cash against uses, what is kept and what is sold."""

from typing import Any

import pytest
from by_hand import Bench

from firesale.agents.miner import coins_sold_usd, held_share
from firesale.agents.party import Kind, Status
from firesale.market.operators.treasury import manage_treasuries
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Amortisation, Collateral, Instrument
from firesale.market.state.money import conservation_error

DAYS = 91


def treasurer(*loans: dict[str, Any], cash: float = 100.0, **terms: Any) -> Bench:
    """A miner with 10 coins at 100 and no rigs, that burns 10 a day: 910 in the days ahead."""
    bench = Bench(loans, cash=[cash], btc=[10.0], **terms)
    s = bench.s
    s.parties.kind[0] = Kind.MINER
    s.borrowers.fixed_cost_usd_day[0] = 10.0
    s.miners.hold_policy[0] = s.miners.hold_share[0] = 0.8
    return bench


def manage(bench: Bench, day: int = 1) -> None:
    """Run the kernel, and check that nothing was lost."""
    bench.market.today.day = day
    before = bench.stocks()
    bench.s.ledger.flows[:] = 0.0
    bench.kernel(manage_treasuries)
    assert conservation_error(before, bench.stocks(), bench.s.ledger.flows) < 1e-12


def sold(bench: Bench) -> float:
    return 10.0 - float(bench.s.parties.btc[0] + bench.s.loans.collateral_btc.sum())


def on_coins(**changes: Any) -> dict[str, Any]:
    """500 against ten coins at 100, lent at 60 %: LTV 50 %."""
    loan: dict[str, Any] = dict(
        principal_usd=500.0,
        instrument=Instrument.BTC_LOAN,
        collateral=Collateral.BTC,
        collateral_btc=10.0,
        initial_ltv=0.60,
        margin_call_ltv=0.75,
        liquidation_ltv=0.85,
        cure_days=2,
    )
    return loan | changes


# --- the rules ------------------------------------------------------------------------------------


def test_what_sources_lack_is_sold_over_the_days() -> None:
    assert coins_sold_usd(1e6, 100.0, 400.0, 30.0) == pytest.approx(10.0)
    assert coins_sold_usd(7.0, 100.0, 400.0, 30.0) == 7.0  # no more than there is
    assert coins_sold_usd(1e6, 400.0, 400.0, 30.0) == 0.0
    assert coins_sold_usd(-5.0, 100.0, 400.0, 30.0) == 0.0


def test_production_is_kept_as_far_as_sources_go() -> None:
    assert held_share(0.8, 455.0, 910.0) == pytest.approx(0.4)
    assert held_share(0.8, 2000.0, 910.0) == 0.8
    assert held_share(0.8, -1.0, 910.0) == 0.0
    assert held_share(0.8, 0.0, 0.0) == 0.0


# --- a day ----------------------------------------------------------------------------------------


def test_a_day_by_hand() -> None:
    # 910 to pay, 100 in the bank: 810 are missing, a thirtieth of it is sold today.
    bench = treasurer()
    manage(bench)
    assert sold(bench) == pytest.approx(810.0 / 30.0 / 100.0)
    assert bench.cash(0) == pytest.approx(100.0 + 27.0)
    assert bench.s.miners.hold_share[0] == pytest.approx(0.8 * 100.0 / 910.0)
    (event,) = bench.events(Event.FORCED_SALE)
    assert event["cause"] == Cause.TREASURY and event["amount_usd"] == pytest.approx(27.0)


@pytest.mark.parametrize("source", ["cash", "shares", "line", "income"])
def test_nothing_is_sold_while_a_source_covers_it(source: str) -> None:
    line = dict(instrument=Instrument.REVOLVER, undrawn_usd=810.0)
    bench = treasurer(line) if source == "line" else treasurer()
    s = bench.s
    if source == "cash":
        s.parties.cash_usd[0] = 910.0
    elif source == "shares":
        s.borrowers.equity_room_usd[0] = 810.0
    elif source == "income":  # of halls: 10 a day
        s.neoclouds.hosting_usd_day[0] = 10.0
    manage(bench)
    assert sold(bench) == 0.0 and len(bench.events(Event.FORCED_SALE)) == 0
    assert s.miners.hold_share[0] == pytest.approx(0.8)


def test_once_the_market_takes_no_shares_coins_are_sold() -> None:
    bench = treasurer()
    bench.s.borrowers.equity_room_usd[0] = 810.0
    manage(bench)
    bench.s.borrowers.equity_room_usd[0] = 0.0
    manage(bench, day=2)
    assert sold(bench) > 0.0


def test_debt_service_building_and_orders_are_uses() -> None:
    loan = dict(
        principal_usd=1000.0,
        rate_or_spread=0.365,
        amortisation=Amortisation.BULLET,
        maturity_day=3000,
        next_payment_day=31,
    )
    for change, more in (
        ("service", 91.0),  # a dollar a day
        ("building", 2.0 * DAYS - 50.0),  # 50 of it are committed by owners
        ("late building", 5.0 * 2.0),  # five days of the year are left
        ("order", 0.9 * 3.0 * 100.0 - 150.0),  # three machines at 100 with a loan of 150
    ):
        bench = treasurer(loan) if change == "service" else treasurer()
        s, day = bench.s, 1
        if "building" in change:
            s.borrowers.capex_usd_day[0] = 2.0
            day = 360 if "late" in change else 1
            s.borrowers.committed_equity_usd[0] = 0.0 if "late" in change else 50.0
        if change == "order":
            s.orders.units[0], s.orders.unit_usd[0], s.orders.debt_usd[0] = 3.0, 100.0, 150.0
            s.orders.due_day[0] = day + DAYS
        manage(bench, day)
        assert sold(bench) == pytest.approx((810.0 + more) / 30.0 / 100.0), change


def test_a_bullet_that_will_not_be_rolled_is_a_use() -> None:
    for maturity, worthy, counts in ((60, False, True), (60, True, False), (200, False, False)):
        bench = treasurer(dict(principal_usd=300.0, maturity_day=maturity))
        bench.s.borrowers.creditworthy[0] = worthy
        manage(bench)
        more = 300.0 if counts else 0.0
        assert sold(bench) == pytest.approx((810.0 + more) / 30.0 / 100.0)


# --- coins that a lender would ask for -----------------------------------------------------------


def test_coins_that_answer_a_call_are_not_sold() -> None:
    # At 80 the LTV is 62.5 %: back to 60 % takes 500 / 0.6 / 80 - 10 = 0.4167 coins. Of 0.5 free
    # ones only 0.0833 may be sold, although 900 are missing.
    bench = treasurer(on_coins(), cash=10.0)
    bench.s.parties.btc[0] = 0.5
    bench.s.prices.btc_usd = 80.0
    bench.terms.miners.sale_days = 1
    manage(bench)
    assert bench.s.parties.btc[0] == pytest.approx(500.0 / 0.6 / 80.0 - 10.0)


def test_a_call_that_free_coins_cannot_answer_is_a_use_of_cash() -> None:
    # At 60: LTV 83 %, back to 60 % takes 140 in cash, and no coin is free.
    bench = treasurer(on_coins(), cash=910.0)
    s = bench.s
    s.parties.btc[0] = 0.0
    s.prices.btc_usd = 60.0
    manage(bench)
    assert s.miners.hold_share[0] == pytest.approx(0.8 * 910.0 / (910.0 + 140.0))
    s.parties.btc[0] = 0.5 * (500.0 / 0.6 / 60.0 - 10.0)  # half of what would answer it
    manage(bench)
    assert s.miners.hold_share[0] == pytest.approx(0.8 * 910.0 / (910.0 + 70.0))


# --- switched off, and who is no treasurer -------------------------------------------------------


def test_without_a_horizon_coins_are_kept_whatever_the_cash() -> None:
    bench = treasurer(hold_buffer_days=0)
    manage(bench)
    assert sold(bench) == 0.0 and bench.s.miners.hold_share[0] == 0.8


def test_without_days_of_sale_only_production_answers() -> None:
    bench = treasurer(sale_days=0)
    manage(bench)
    assert sold(bench) == 0.0 and bench.s.miners.hold_share[0] < 0.8


@pytest.mark.parametrize("who", ["failed", "neocloud", "opening"])
def test_who_does_not_sell(who: str) -> None:
    bench = treasurer()
    if who == "failed":
        bench.s.parties.status[0] = Status.DEFAULTED
    if who == "neocloud":
        bench.s.parties.kind[0] = Kind.NEOCLOUD
    manage(bench, day=0 if who == "opening" else 1)
    assert sold(bench) == 0.0


def test_who_keeps_nothing_of_production_still_has_a_stock_to_sell() -> None:
    bench = treasurer()
    bench.s.miners.hold_policy[0] = bench.s.miners.hold_share[0] = 0.0
    manage(bench)
    assert sold(bench) == pytest.approx(810.0 / 30.0 / 100.0)
    assert bench.s.miners.hold_share[0] == 0.0
