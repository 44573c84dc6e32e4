"""Without ``channels.lender_distress`` what befalls a lender stays its own: credit goes on."""

from __future__ import annotations

import math

import pytest
from by_hand import Bench

from firesale.agents.party import Status
from firesale.market.lenders import funding
from firesale.market.state.events import Event
from firesale.market.state.loans import Instrument

LINEAR = 1
STILL = dict(news_half_life_days=math.inf, loan_price_half_life_days=math.inf, loan_impact=0.0)
ON_AND_OFF = pytest.mark.parametrize("reaches", [True, False])


@ON_AND_OFF
def test_investors_leave_in_both_worlds_and_credit_in_one(reaches: bool) -> None:
    told = dict(funding_run=True, flow_threshold=0.0, flow_sensitivity=100.0)
    told |= dict(gate_share_per_quarter=1.0, news_half_life_days=30.0, loan_impact=0.0)
    bench = Bench(lenders=1, lender_distress=reaches, **told)
    bench.balance(0, cash=50.0, other=950.0, owes=600.0, runnable_share=0.5, news=1.0,
                  redeemable=True, worst_event=4)  # fmt: skip
    bench.day(1, "lenders")
    assert bench.s.lenders.run_usd[0] == pytest.approx(400.0 / 91.0)  # what its gate lets out
    assert bench.s.lenders.supply[0] == (0.0 if reaches else 1.0)


@ON_AND_OFF
def test_who_has_failed_goes_on_lending_through_who_takes_over(reaches: bool) -> None:
    loan = dict(
        principal_usd=100.0, undrawn_usd=50.0, instrument=Instrument.REVOLVER, maturity_day=20
    )
    bench = Bench([loan], lenders=2, lender_distress=reaches, similar_failure_news=0.3, **STILL)
    bench.balance(0, cash=0.0, other=50.0, owes=200.0, worst_event=11)
    bench.s.borrowers.creditworthy[:] = True
    bench.day(1, "lenders", "roll_over")
    s = bench.s
    assert s.parties.status[bench.lender(0)] == Status.DEFAULTED
    assert list(s.lenders.supply) == [0.0 if reaches else 1.0, 1.0]
    assert s.loans.undrawn_usd[0] == (0.0 if reaches else 50.0)
    assert s.lenders.news[1] == (0.3 if reaches else 0.0)
    assert len(bench.events(Event.NOT_REFINANCED)) == int(reaches)


@ON_AND_OFF
def test_what_one_sells_presses_prices_in_one_world(reaches: bool) -> None:
    bench = Bench(lenders=1, loan_impact=0.5, loan_impact_law=LINEAR,
                  loan_price_half_life_days=10.0, lender_distress=reaches)  # fmt: skip
    bench.balance(0, cash=0.0, other=1000.0, owes=800.0, marked=True)
    bench.market.opening.other_loans_usd = 500.0
    bench.kernel(funding.mark_other_loans, sold_usd=100.0)
    assert bench.s.prices.loan_price == pytest.approx(0.9 if reaches else 1.0)
    assert bench.s.lenders.capital_usd[0] == pytest.approx(100.0 if reaches else 200.0)
