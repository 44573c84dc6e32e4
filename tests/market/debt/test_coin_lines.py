"""Machines on order paid by loans on coins: what a line lends, and what follows from its price."""

from typing import Any

import pytest
from by_hand import GPU, Bench

from firesale.agents.party import Status
from firesale.market.debt.coin_lines import coin_room_usd, fund_growth
from firesale.market.operators.investment import deliver_orders
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, Instrument
from firesale.market.state.money import conservation_error


def line(undrawn: float = 400.0, **changes: Any) -> dict[str, Any]:
    """A line on coins at half of their price, with nothing drawn and nothing pledged."""
    loan: dict[str, Any] = dict(
        undrawn_usd=undrawn,
        instrument=Instrument.BTC_LOAN,
        collateral=Collateral.BTC,
        initial_ltv=0.50,
        margin_call_ltv=0.75,
        liquidation_ltv=0.85,
        cure_days=2,
        maturity_day=365,
        term_days=365,
    )
    return loan | changes


def holder(*loans: dict[str, Any], btc: float = 10.0, **terms: Any) -> Bench:
    return Bench(loans, cash=[0.0], btc=[btc], **terms)


def fund(bench: Bench, need: float, day: int = 1) -> float:
    bench.market.today.day = day
    before = bench.stocks()
    bench.s.ledger.flows[:] = 0.0
    got: float = bench.kernel(fund_growth, b=0, need_usd=need)
    assert conservation_error(before, bench.stocks(), bench.s.ledger.flows) < 1e-12
    return got


def test_a_draw_by_hand() -> None:
    # 80 at half of the price takes 1.6 coins at 100.
    bench = holder(line())
    assert bench.kernel(coin_room_usd, b=0) == pytest.approx(400.0)
    assert fund(bench, 80.0) == pytest.approx(80.0)
    loans = bench.s.loans
    assert bench.cash(0) == pytest.approx(80.0)
    assert loans.principal_usd[0] == pytest.approx(80.0)
    assert loans.undrawn_usd[0] == pytest.approx(320.0)
    assert loans.collateral_btc[0] == pytest.approx(1.6)
    assert bench.s.parties.btc[0] == pytest.approx(8.4)
    assert loans.maturity_day[0] == 366  # its term begins with the draw
    (event,) = bench.events(Event.DRAW)
    assert event["amount_usd"] == pytest.approx(80.0)


def test_coins_pledged_twice_lend_once() -> None:
    bench = holder(line(), line())
    assert bench.kernel(coin_room_usd, b=0) == pytest.approx(500.0)  # ten coins, at half
    assert fund(bench, 1000.0) == pytest.approx(500.0)
    assert bench.s.parties.btc[0] == pytest.approx(0.0)
    assert bench.s.loans.principal_usd.tolist() == pytest.approx([400.0, 100.0])


def test_what_coins_do_not_lend_comes_from_new_shares() -> None:
    bench = holder(line(undrawn=50.0))
    bench.s.borrowers.equity_room_usd[0] = 20.0
    bench.s.borrowers.shares[0] = bench.s.borrowers.equity_usd[0] = 1e3
    assert fund(bench, 100.0) == pytest.approx(70.0)
    assert bench.s.borrowers.equity_room_usd[0] == 0.0


def test_half_the_price_lends_half() -> None:
    bench = holder(line(undrawn=1e6))
    assert bench.kernel(coin_room_usd, b=0) == pytest.approx(500.0)
    bench.s.prices.btc_usd = 50.0
    assert bench.kernel(coin_room_usd, b=0) == pytest.approx(250.0)


@pytest.mark.parametrize("why", ["switch", "breach", "lender", "matured", "not coins"])
def test_when_a_line_lends_nothing(why: str) -> None:
    bench = holder(line(principal_usd=10.0, collateral_btc=1.0))
    s = bench.s
    if why == "switch":
        bench.terms.channels.treasury_funding = False
    elif why == "breach":
        s.loans.breach[0] = Cause.BTC_PRICE
    elif why == "lender":
        s.lenders.supply[0] = 0.0
    elif why == "matured":
        s.today.day = 365
    else:
        s.loans.collateral[0] = Collateral.SITE
    assert bench.kernel(coin_room_usd, b=0) == 0.0
    assert fund(bench, 10.0, day=int(s.today.day)) == 0.0


def test_coins_pledged_for_growth_are_called_as_any() -> None:
    bench = holder(line(undrawn=500.0))
    fund(bench, 500.0)  # every coin is pledged
    bench.s.parties.cash_usd[0] = 0.0  # and the money is spent
    bench.day(2, "test", btc_usd=60.0)  # 500 on 600: 83 %
    assert bench.kinds().count("MARGIN_CALL") == 1
    bench.day(4, "test", btc_usd=60.0)  # the two days to answer are over
    assert bench.kinds().count("BTC_LIQUIDATION") == 1
    left = bench.s.loans.principal_usd[0] / (bench.s.loans.collateral_btc[0] * 60.0)
    assert left == pytest.approx(0.50)


def ordered(btc_usd: float) -> Bench:
    """Two machines at 200 come today, a tenth paid: 360 are due, and nothing is in the bank."""
    bench = Bench([line(undrawn=1e6)], fleets=[(0, GPU, 0.0)], cash=[0.0], btc=[10.0])
    s, orders = bench.s, bench.s.orders
    orders.units[0], orders.unit_usd[0], orders.due_day[0] = 2.0, 200.0, 120
    orders.facility[0], orders.holding[0] = -1, 0
    s.borrowers.deposits_usd[0] = 40.0
    s.prices.btc_usd = btc_usd
    s.today.day = 120
    return bench


def test_an_order_depends_on_the_price_of_coins_when_it_comes() -> None:
    dear, cheap = ordered(100.0), ordered(50.0)
    assert dear.kernel(deliver_orders) == pytest.approx(2.0)
    assert dear.s.loans.principal_usd[0] == pytest.approx(360.0)
    assert cheap.kernel(deliver_orders) == 0.0  # ten coins at 50 lend 250
    assert cheap.s.orders.unfunded_days[0] == 1
    for day in range(121, 215):
        cheap.market.today.day = day
        cheap.kernel(deliver_orders)
    (event,) = cheap.events(Event.ORDER_CANCELLED)
    assert event["amount_usd"] == pytest.approx(40.0)  # the deposit
    assert cheap.s.parties.status[0] == Status.ACTIVE
