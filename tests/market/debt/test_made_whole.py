"""A party that does not fail: outside pays what it lacks, and nothing of its is for sale."""

from __future__ import annotations

import pytest
from by_hand import GPU, RIG, Bench

from firesale.agents.party import Outside, Status
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.scenario import Scenario
from firesale.market.simulation import Simulation
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, LoanStatus


def owing(**terms: object) -> Bench:
    """It owes 1,500 on 10 GPUs and 200 without security, has 100, and 250 are in arrears."""
    pledged = dict(
        principal_usd=1500.0, collateral=Collateral.HARDWARE, hardware=GPU, collateral_units=10.0
    )
    bench = Bench(
        [pledged, dict(principal_usd=200.0, arrears_principal_usd=200.0, due_cause=Cause.MATURITY)],
        fleets=[(0, GPU, 25.0), (0, RIG, 50.0)],
        cash=[100.0],
        **terms,
    )
    s = bench.s
    s.loans.arrears_interest_usd[0] = 50.0
    for loan, cause in ((0, Cause.DSCR), (1, Cause.MATURITY)):
        s.loans.breach[loan], s.loans.breach_day[loan] = cause, 0
    s.parties.made_whole[0] = True
    return bench


def test_outside_pays_what_it_owes_and_cannot_and_no_covenant_counts() -> None:
    bench = owing()
    bench.day(1, "default")
    s = bench.s
    assert s.parties.status[0] == Status.ACTIVE and not len(bench.events(Event.DEFAULT))
    assert bench.cash(0) == 250.0  # 150 more
    assert bench.cash(bench.outside(Outside.INVESTORS)) == -150.0
    assert list(s.loans.breach) == [Cause.NONE] * 2
    assert set(s.loans.status) == {LoanStatus.PERFORMING} and s.lots.count[0] == 0
    bench.day(2, "pay")
    assert s.loans.arrears_principal_usd[1] == s.loans.arrears_interest_usd[0] == 0.0
    bench.day(2, "default")
    # It gave nothing more; the 50 of interest went on to those who fund the lender.
    assert bench.cash(bench.outside(Outside.INVESTORS)) == pytest.approx(-150.0 + 50.0)


def test_no_accident_befalls_it() -> None:
    bench = owing(hazard_per_day=1.0)
    bench.day(1, "default")
    assert bench.s.parties.status[0] == Status.ACTIVE and not len(bench.events(Event.HAZARD))


def test_it_lists_nothing() -> None:
    for whole in (True, False):
        bench = owing()
        bench.s.parties.made_whole[0] = whole
        bench.day(1, "pay")
        assert bool(len(bench.events(Event.LISTED))) != whole


@pytest.mark.parametrize("whole", [True, False])
def test_a_lender_gets_back_what_it_lost_and_lends_on(whole: bool) -> None:
    bench = Bench([dict(principal_usd=100.0)], lender_capital=True)
    bench.balance(0, cash=0.0, other=1000.0, owes=1050.0, capital_open_usd=200.0, supply=1.0)
    s = bench.s
    s.parties.made_whole[bench.lender()] = whole
    assert s.lenders.capital_usd[0] == pytest.approx(50.0)
    s.lenders.capital_usd[0] -= 60.0  # it is lost, and more
    s.lenders.other_loans_usd[0] -= 60.0
    bench.opened = bench.stocks()
    bench.day(1, "lenders")
    party = bench.lender()
    assert (s.parties.status[party] == Status.ACTIVE) == whole
    assert s.lenders.supply[0] == float(whole)
    if whole:
        assert s.lenders.capital_usd[0] == pytest.approx(200.0)
        assert bench.cash(party) == pytest.approx(210.0)


def test_without_nobody_is_refused_with_who_may_be_meant() -> None:
    with pytest.raises(InputError, match="ANTALPHA"):
        Simulation(Scenario.load("calm"), without=("ANTALPA",))


def test_by_name_or_id_and_only_if_it_would_fail_anything_changes() -> None:
    scenario = Scenario.load("crypto-crash").with_settings(["days=300"])
    plain = Simulation(scenario, 1).run()
    stands = plain.market.names.parties[0]
    fails = next(iter(plain.summary()["defaulted"]["miner"]))
    title = plain.names()[fails]
    by_id, by_title = (Simulation(scenario, 1, without=(one,)).run() for one in (fails, title))
    assert by_id.summary() == by_title.summary() != plain.summary()
    assert fails not in by_id.summary()["defaulted"]["miner"]
    assert stands not in plain.summary()["defaulted"]["miner"]
