"""Groups of firms: who files because its parent has failed, and who is ring-fenced."""

from __future__ import annotations

import pytest
import runs
from by_hand import Bench

from firesale.agents.party import Status
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import LoanStatus

FAR = dict(principal_usd=100.0, maturity_day=3_000)


def group(parent: int, child: int, **terms: bool) -> Bench:
    """Two borrowers with a sound loan each; one owns the other and pays no suppliers from day 0."""
    bench = Bench(
        [FAR | dict(borrower=0), FAR | dict(borrower=1)], borrowers=2, payables_days=1, **terms
    )
    bench.s.parties.parent[child] = parent
    bench.s.parties.payables_usd[parent] = 1.0
    bench.s.parties.payables_day[parent] = 0
    return bench


@pytest.mark.parametrize(("parent", "child"), [(0, 1), (1, 0)])
def test_a_borrower_files_the_day_after_its_parent_whatever_their_order(
    parent: int, child: int
) -> None:
    bench = group(parent, child)
    s = bench.s
    bench.day(1, "default")
    assert s.parties.status[parent] == Status.DEFAULTED
    assert s.parties.status[child] == Status.ACTIVE and s.loans.status[child] == 0
    bench.day(2, "default")
    assert s.parties.status[child] == Status.DEFAULTED and s.parties.default_day[child] == 2
    assert s.loans.status[child] == LoanStatus.DEFAULTED
    filing = bench.events(Event.DEFAULT)[-1]
    assert filing["cause"] == Cause.PARENT_FAILED and filing["party"] == child
    assert filing["parent"] == s.parties.default_event[parent]
    bench.day(3, "default")
    assert len(bench.events(Event.DEFAULT)) == 2


def test_who_has_no_parent_or_does_not_file_with_it_stands() -> None:
    alone, apart = group(0, 1), group(0, 1, group_filing=False)
    alone.s.parties.parent[1] = -1
    for bench in (alone, apart):
        for day in (1, 2, 3):
            bench.day(day, "default")
        assert bench.s.parties.status[0] == Status.DEFAULTED
        assert bench.s.parties.status[1] == Status.ACTIVE


def test_a_lender_that_fails_takes_the_borrower_it_owns_along() -> None:
    bench = Bench([FAR])
    s, lender = bench.s, bench.lender()
    s.parties.parent[0] = lender
    s.lenders.capital_usd[0] = -1.0
    bench.day(1, "default", "lenders")
    assert s.parties.status[lender] == Status.DEFAULTED and s.parties.status[0] == Status.ACTIVE
    bench.day(2, "default")
    assert s.parties.status[0] == Status.DEFAULTED
    failed = bench.events(Event.LENDER_FAILED)[0]
    assert failed["party"] == lender
    assert s.events["party"][bench.events(Event.DEFAULT)[0]["parent"]] == lender


# --- the books of 2021 ----------------------------------------------------------------------------


def owners(*settings: str) -> dict[str, str]:
    state = runs.fresh("backtest-2022", settings, 1, "2021").market
    names = state.names.parties
    return {
        names[p]: names[owner]
        for p, owner in enumerate(state.parties.parent.tolist())
        if owner >= 0
    }


@pytest.mark.parametrize("draws", ["none", "all"])
def test_vehicles_without_recourse_are_ring_fenced(draws: str) -> None:
    """Four borrowers have a parent in the tables; three of them owe without recourse only."""
    assert owners(f"facts.draws={draws}") == {"CEL-MIN": "CELSIUS"}


def test_if_no_debt_has_recourse_everybody_with_collateral_is_ring_fenced() -> None:
    assert owners("credit.all_non_recourse=true") == {}


@pytest.mark.parametrize("seed", [1, 7])
def test_owned_borrowers_fail_with_their_parent_and_nobody_else_does_for_that(seed: int) -> None:
    sim = runs.finished("backtest-2022", (), seed, "2021")
    log = sim.events()
    failed = log[log["kind"] == "lender_failed"].set_index("party")["day"]
    filed = log[(log["kind"] == "default") & (log["cause"] == "parent_failed")]
    expected = {
        child: failed[parent] + 1 for child, parent in owners().items() if parent in failed.index
    }
    assert dict(zip(filed["party"], filed["day"], strict=True)) == expected
    assert len(expected) > 0
    apart = runs.finished("backtest-2022", ("credit.group_filing=false",), seed, "2021").events()
    assert (apart["cause"] != "parent_failed").all()
