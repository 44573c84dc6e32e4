"""Lenders' funders leave because money is tight: by hand, by sign, and not at all without it."""

from __future__ import annotations

import math

import pytest
from by_hand import Bench
from runs import finished
from test_lines import WARE, line, owed

from firesale.agents.party import Status
from firesale.market.lenders import funding
from firesale.market.lenders.lines import call_lines
from firesale.market.state.events import Cause, Event


def funded(fund: bool = False, **terms: float) -> Bench:
    """A lender with 1,000,000 of funding, half of it callable, and stress of 2."""
    bench = Bench(lenders=1, funding_run=True, **terms)
    bench.balance(0, cash=1e5, other=2e6, owes=1e6, runnable_share=0.5, redeemable=fund)
    bench.s.prices.stress = 2.0
    return bench


def test_a_fifth_of_callable_money_leaves_in_a_quarter() -> None:
    bench = funded(macro__funding_loading=0.1)
    bench.market.today.day = 1
    bench.kernel(funding.redeem)
    asked = (1.0 - math.exp(-0.2 / 91.0)) * 0.5e6
    assert bench.s.lenders.funding_usd[0] == pytest.approx(1e6 - asked)
    (run,) = bench.events(Event.FUNDING_RUN)
    assert run["cause"] == Cause.SCENARIO and run["amount_usd"] == pytest.approx(asked)


def test_a_fund_pays_no_more_than_its_gate_and_gives_nothing() -> None:
    bench = funded(fund=True, macro__funding_loading=0.3, gate_share_per_quarter=0.05)
    bench.market.today.day = 1
    capital = float(bench.s.lenders.capital_usd[0])
    bench.kernel(funding.redeem)
    assert bench.s.lenders.redeemed_usd[0] == pytest.approx(0.05 * capital / 91.0)
    bench.kernel(funding.set_supply)
    assert bench.s.lenders.supply[0] == 0.0


@pytest.mark.parametrize("why", ["no loading", "no stress", "channel off"])
def test_nobody_leaves_without_reason(why: str) -> None:
    bench = funded(macro__funding_loading=0.0 if why == "no loading" else 0.1)
    bench.s.prices.stress = 0.0 if why == "no stress" else 2.0
    bench.set("channels__funding_run", why != "channel off")
    bench.market.today.day = 1
    bench.kernel(funding.redeem)
    assert bench.s.lenders.funding_usd[0] == 1e6 and bench.kinds() == []


def test_lines_are_called_when_haircuts_rise() -> None:
    bench = line()  # 600,000 on 2,000,000, at the advance of the opening
    bench.s.prices.stress = 2.0
    bench.market.today.day = 7
    bench.kernel(call_lines)
    assert owed(bench) == 6e5
    bench.set("macro__advance_loading", 0.1)
    bench.kernel(call_lines)
    paid = (6e5 - 0.24 * 2e6) / (1.0 - 0.24)
    assert owed(bench) == pytest.approx(6e5 - paid)
    assert bench.s.parties.status[bench.lender(WARE)] == Status.ACTIVE


def test_in_a_crunch_money_leaves_and_less_is_lent_while_coins_and_demand_stay() -> None:
    days = ("days=400", "macro.volatility=0")
    crunch = finished("credit-crunch", days, 1)
    calm = finished("credit-crunch", (*days, "macro.shock=0"), 1)
    with_, without = (run.summary()["lenders"] for run in (crunch, calm))
    assert with_["withdrawn_usd"] > 10.0 * without["withdrawn_usd"]
    assert with_["credit_supply_worst"] < without["credit_supply_worst"]
    ours, theirs = (run.series() for run in (crunch, calm))
    assert ours["rent_planned_usd_h"].equals(theirs["rent_planned_usd_h"])
    exogenous = [run.market.crypto.btc_usd.tolist() for run in (crunch, calm)]
    assert exogenous[0] == exogenous[1]
