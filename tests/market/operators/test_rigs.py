"""New rigs: the network's growth answers to what they earn; miners buy their part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from by_hand import RIG, Bench
from hypothesis import given
from hypothesis import strategies as st

from firesale.agents.miner import growth_answer
from firesale.agents.party import Kind, Outside
from firesale.market.operators.rigs import (
    OWN_MONEY_SHARE,
    buy_rigs,
    new_rig_usd,
    rig_value_to_price,
    wanted_share,
)
from firesale.market.prices.network import grow_network
from firesale.market.state.events import Event


@given(st.floats(0.0, 10.0), st.floats(0.0, 10.0))
def test_the_network_grows_as_planned_at_the_opening_return(q: float, sensitivity: float) -> None:
    assert growth_answer(1.0, sensitivity) == 1.0
    answer = growth_answer(q, sensitivity)
    assert answer >= 0.0
    assert growth_answer(q + 0.1, sensitivity) >= answer
    assert growth_answer(q, 0.0) == 1.0  # whatever they earn


def miner(*, cash: float = 1e9, growth: float = 0.40, **terms: Any) -> Bench:
    """A miner with a million TH/s in a network that is planned to grow; a day before its turn."""
    plain: dict[str, Any] = dict(
        rig_site_usd_per_kw=350.0,
        hashrate_answer=1.0,
        rigs=True,
        owners_required_return=0.20,
        asic_life_years=6.0,
        hashprice_drift=0.0,
        hashprice_volatility=0.0,
        new_price_decline=0.0,
    )
    bench = Bench(fleets=[(0, RIG, 1e6)], cash=[cash], **(plain | terms))
    s = bench.s
    s.parties.kind[0] = Kind.MINER
    s.borrowers.creditworthy[0] = True
    s.miners.power_usd_mwh[0] = 50.0
    s.prices.hashprice_usd_ph_day = 50.0
    s.crypto = s.crypto._replace(hashrate_growth=(1.0 + growth) ** (np.arange(3651) / 365.0))
    s.opening.rig_value_to_price = rig_value_to_price(s)
    s.today.day = 91
    return bench


def test_what_a_rig_is_worth_by_hand() -> None:
    bench = miner()
    # 50 dollars a PH/s and day less 20 watts a TH/s at 50 dollars a MWh, for six years at 20 %
    margin = 365.0 * (0.050 - 0.020 * 0.024 * 50.0)
    worth = margin * (1.0 - np.exp(-0.20 * 6.0)) / 0.20
    assert new_rig_usd(bench.s, 50.0) == pytest.approx(worth, rel=0.05)  # by the month
    assert rig_value_to_price(bench.s) == pytest.approx(new_rig_usd(bench.s, 50.0) / 20.0)
    assert new_rig_usd(bench.s, 200.0) == 0.0  # power costs more than they mine


def test_a_miner_buys_its_part_of_the_growth() -> None:
    bench = miner()
    s = bench.s
    share = 1.40 ** (91 / 365.0) - 1.0
    assert wanted_share(s) == pytest.approx(share)
    bench.day(91, "grow")
    unit = 20.0 + 350.0 * 0.020  # twice the mark, and its site
    units = share * 1e6
    assert s.holdings.units[0] == pytest.approx(1e6 + units)
    assert bench.cash(0) == pytest.approx(1e9 - units * unit)
    assert bench.cash(bench.outside(Outside.SUPPLIER)) == pytest.approx(units * unit)
    assert s.borrowers.site_usd[0] == pytest.approx(units * 350.0 * 0.020)
    assert s.prices.rigs_bought_usd == pytest.approx(units * unit)
    (order,) = bench.events(Event.ORDERED)
    assert order["amount_usd"] == pytest.approx(units * unit)


def test_money_bounds_what_it_buys() -> None:
    bench = miner(cash=4e6)
    bench.day(91, "grow")
    assert bench.cash(0) == pytest.approx(4e6 * (1.0 - OWN_MONEY_SHARE))
    assert bench.s.holdings.units[0] == pytest.approx(1e6 + 2e6 / 27.0)


@pytest.mark.parametrize(
    "change",
    [
        dict(rigs=False),
        dict(growth=0.0),
        dict(growth=-0.3),
        dict(cash=1e6),  # less than the smallest order
    ],
)
def test_nothing_is_bought(change: dict[str, Any]) -> None:
    bench = miner(**change)
    bench.day(91, "grow")
    assert bench.s.holdings.units[0] == 1e6


def test_nobody_buys_what_does_not_pay_at_its_power_price() -> None:
    bench = miner()
    bench.s.miners.power_usd_mwh[0] = 95.0
    assert 0.0 < new_rig_usd(bench.s, 95.0) < 27.0
    bench.day(91, "grow")
    assert bench.s.holdings.units[0] == 1e6


def test_growth_of_the_rest_is_what_miners_do_not_buy() -> None:
    bench = miner()
    s = bench.s
    path = s.crypto.hashrate_growth
    planned = 1000.0 * (path[91] - path[90])
    assert grow_network(s) == pytest.approx(planned)
    s.prices.grown_eh_s = 0.0
    s.prices.rig_q = 0.25
    assert grow_network(s) == pytest.approx(0.25 * planned)  # a quarter of the return
    s.prices.grown_eh_s, s.prices.rig_q = 0.0, 1.0
    s.prices.bought_eh_s = 1.5 * planned
    assert grow_network(s) == 0.0  # miners bought it all, and half of tomorrow's
    s.today.day = 92
    tomorrow = 1000.0 * (path[92] - path[91])
    assert grow_network(s) == pytest.approx(tomorrow - 0.5 * planned)
    assert s.prices.bought_eh_s == 0.0


def test_a_network_that_is_planned_to_shrink_does() -> None:
    bench = miner(growth=-0.5)
    bench.s.prices.rig_q = 5.0
    path = bench.s.crypto.hashrate_growth
    assert grow_network(bench.s) == pytest.approx(1000.0 * (path[91] - path[90]))


def test_q_follows_hashprice() -> None:
    bench = miner()
    bench.s.prices.hashprice_usd_ph_day = 40.0
    buy_rigs(bench.s)
    assert 0.5 < bench.s.prices.rig_q < 0.65  # margin falls from 26 to 16


def test_q_of_rigs_that_were_worth_nothing_at_the_opening_stays_one() -> None:
    bench = miner()
    bench.s.opening.rig_value_to_price = 0.0  # no return from nothing is known: 0 / 0
    buy_rigs(bench.s)
    assert bench.s.prices.rig_q == 1.0
