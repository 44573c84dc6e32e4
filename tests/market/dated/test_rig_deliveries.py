"""Rigs on order by hand: paid for when they are due, and running when they have power."""

import numpy as np
import pytest
from by_hand import RIG, Bench

from firesale.agents.columns import empty
from firesale.agents.miner import powered_share
from firesale.agents.party import Kind
from firesale.market.dated.rig_deliveries import take_deliveries
from firesale.market.operators.production import run_rigs
from firesale.market.state.facts import DatedFacts, RigOrders, no_facts
from firesale.market.state.money import conservation_error

DUE, LAG = 10, 30


def miner(th: float = 100.0, cash: float = 1e4, own: float = 0.0) -> Bench:
    """A hosted miner; ``th`` due on day 10 with 5 a TH left to pay, where rigs fetch 10."""
    bench = Bench(fleets=[(0, RIG, own)], cash=[cash], btc_usd=100.0)
    s = bench.s
    s.parties.kind[0] = Kind.MINER
    s.miners.energised[0] = s.holdings.online[0] = 1.0
    s.miners.power_usd_mwh[0] = 1.0
    s.prices.hashprice_usd_ph_day = 50.0
    orders = empty(RigOrders, 1, due_day=[DUE], th=[th], deposit_usd=[50.0], payment_usd=[5.0 * th])
    columns = no_facts()._asdict() | dict(orders=orders, hosted_share=np.ones(1))
    s.dated = DatedFacts(**columns)
    s.borrowers.deposits_usd[0] = 50.0
    s.ledger.outside_units[RIG] = 1e6
    bench.terms.facts.energise_days = LAG
    return bench


def deliver(bench: Bench, day: int) -> float:
    bench.market.today.day = day
    before = bench.stocks()
    bench.s.ledger.flows[:] = 0.0
    delivered: float = bench.kernel(take_deliveries)
    assert conservation_error(before, bench.stocks(), bench.s.ledger.flows) < 1e-12
    return delivered


def hashrate(bench: Bench) -> float:
    online: float = bench.kernel(run_rigs, btc_per_day=450.0)
    return online


def test_a_share_waits() -> None:
    assert powered_share(200.0, 50.0) == pytest.approx(0.75)
    assert powered_share(200.0, 300.0) == 0.0
    assert powered_share(0.0, 0.0) == 1.0


def test_rigs_are_paid_when_due_and_run_when_powered() -> None:
    bench = miner()
    assert deliver(bench, DUE - 1) == 0.0
    assert deliver(bench, DUE) == pytest.approx(100.0)
    assert bench.cash(0) == pytest.approx(1e4 - 500.0)
    assert bench.s.holdings.units[0] == bench.s.holdings.waiting_units[0] == 100.0
    assert hashrate(bench) == 0.0
    deliver(bench, DUE + LAG - 1)
    assert hashrate(bench) == 0.0
    deliver(bench, DUE + LAG)
    assert bench.s.holdings.waiting_units[0] == 0.0
    assert hashrate(bench) == pytest.approx(100.0)


def test_rigs_that_wait_take_nothing_from_those_that_run() -> None:
    bench = miner(own=300.0)
    assert hashrate(bench) == pytest.approx(300.0)
    income = float(bench.s.holdings.income_usd_unit_day[0])
    deliver(bench, DUE)
    assert hashrate(bench) == pytest.approx(300.0)
    assert bench.s.holdings.income_usd_unit_day[0] == pytest.approx(income, rel=1e-2)
    deliver(bench, DUE + LAG)
    assert hashrate(bench) == pytest.approx(400.0)


def test_without_a_lag_they_run_at_once() -> None:
    bench = miner()
    bench.terms.facts.energise_days = 0
    deliver(bench, DUE)
    assert hashrate(bench) == pytest.approx(100.0)


def test_a_tranche_paid_in_two_parts_runs_on_its_mean_day() -> None:
    # 250 pay for half on day 10, 250 for the rest on day 20: days 40 and 50, so day 45.
    bench = miner(cash=250.0)
    assert deliver(bench, DUE) == pytest.approx(50.0)
    bench.s.parties.cash_usd[0] = 250.0
    assert deliver(bench, DUE + 10) == pytest.approx(50.0)
    assert bench.s.dated.orders.powered_day[0] == pytest.approx(45.0)
    deliver(bench, 44)
    assert hashrate(bench) == 0.0
    deliver(bench, 45)
    assert hashrate(bench) == pytest.approx(100.0)


def test_rigs_seized_while_they_wait_are_gone() -> None:
    bench = miner()
    deliver(bench, DUE)
    bench.s.holdings.units[0] = 0.0
    deliver(bench, DUE + LAG)
    assert bench.s.holdings.waiting_units[0] == 0.0
    assert hashrate(bench) == 0.0
