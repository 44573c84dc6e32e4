"""Lines that lenders stop once a borrower has changed for the worse, by pen and paper."""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import GPU, NAN, SITE, Bench
from runs import finished

from firesale.agents.commitment import stops_drawing
from firesale.agents.party import Status
from firesale.market.debt.waterfall import drawable_usd, raise_cash
from firesale.market.operators.purchases import build
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, Instrument, LoanStatus

REVOLVER: dict[str, Any] = dict(
    instrument=Instrument.REVOLVER, principal_usd=70.0, undrawn_usd=50.0, min_dscr=NAN
)
OTHER: dict[str, Any] = dict(principal_usd=100.0, perimeter=0, min_dscr=1.2, lender=1)


def lines(other: dict[str, Any] | None = None, supply: float = 1.0, dscr: float = 2.0) -> Bench:
    """A borrower with a revolver of one lender and another loan of a second, tested at ``dscr``."""
    bench = Bench([REVOLVER, OTHER | (other or {})], lenders=2)
    bench.s.lenders.supply[0] = supply
    bench.s.perimeters.dscr[0] = dscr
    return bench


def drawable(bench: Bench) -> float:
    bench.market.today.day = 5
    return float(bench.kernel(drawable_usd, loan=0))


def test_the_rule() -> None:
    assert not stops_drawing(False, False, 1.0)
    assert not stops_drawing(False, False, 0.01)  # a sound borrower draws as agreed
    assert stops_drawing(True, False, 1.0)  # a default is a condition of every draw
    assert not stops_drawing(False, True, 1.0)  # a lender in good health goes on
    assert stops_drawing(False, True, 0.99)
    assert stops_drawing(False, False, 0.0)  # nothing to lend


@pytest.mark.parametrize(
    ("other", "left"),
    [
        ({}, 50.0),
        ({"breach": Cause.INTEREST}, 0.0),
        ({"breach": Cause.DSCR}, 0.0),
        ({"breach": Cause.BTC_PRICE}, 50.0),  # a margin call that may still be met
        ({"status": LoanStatus.DEFAULTED}, 0.0),  # a vehicle of its own has failed
        ({"status": LoanStatus.CLOSED, "principal_usd": 0.0}, 50.0),
    ],
)
def test_what_happens_to_another_loan_stops_a_revolver(other: dict[str, Any], left: float) -> None:
    assert drawable(lines(other)) == left


@pytest.mark.parametrize(
    ("dscr", "supply", "left"),
    [
        (1.19, 1.0, 50.0),
        (1.19, 0.9, 0.0),
        (1.2, 0.9, 50.0),
        (NAN, 0.9, 50.0),  # not tested yet
        (2.0, 0.0, 0.0),
    ],
)
def test_low_coverage_stops_it_where_the_lender_is_short(
    dscr: float, supply: float, left: float
) -> None:
    assert drawable(lines(supply=supply, dscr=dscr)) == left


def test_coverage_counts_from_its_first_test_on() -> None:
    assert drawable(lines({"dscr_test_day": 6}, supply=0.5, dscr=0.5)) == 50.0
    assert drawable(lines({"dscr_test_day": 5}, supply=0.5, dscr=0.5)) == 0.0


def test_a_failed_owner_stops_it() -> None:
    bench = Bench([REVOLVER], borrowers=2)
    bench.s.parties.parent[0] = 1
    assert drawable(bench) == 50.0
    bench.s.parties.status[1] = Status.DEFAULTED
    assert drawable(bench) == 0.0


@pytest.mark.parametrize("other", [{"breach": Cause.INTEREST}, {"status": LoanStatus.DEFAULTED}])
def test_with_the_channel_off_only_its_own_breach_does(other: dict[str, Any]) -> None:
    bench = lines(other, supply=0.0, dscr=0.5)
    bench.set("channels__material_change", False)
    assert drawable(bench) == 50.0
    bench.s.loans.breach[0] = Cause.DSCR
    assert drawable(bench) == 0.0


def test_a_refusal_is_an_event_until_the_next_draw() -> None:
    bench = lines({"breach": Cause.INTEREST})
    s = bench.s
    for day in (1, 2):
        bench.market.today.day = day
        bench.kernel(raise_cash, b=0, need_usd=10.0)
    assert bench.kinds() == ["LINE_STOPPED"] and bench.cash(0) == 0.0
    (event,) = bench.events(Event.LINE_STOPPED)
    assert (event["cause"], event["amount_usd"], event["loan"]) == (Cause.INTEREST, 50.0, 0)
    assert s.parties.trail_event[0] == 0
    s.loans.breach[1] = Cause.NONE
    bench.kernel(raise_cash, b=0, need_usd=10.0)
    assert bench.cash(0) == 10.0 and s.loans.undrawn_usd[0] == 40.0
    s.loans.breach[1] = Cause.DSCR
    bench.kernel(raise_cash, b=0, need_usd=20.0)
    assert bench.kinds() == ["LINE_STOPPED", "DRAW", "LINE_STOPPED"]


def test_who_needs_nothing_is_refused_nothing() -> None:
    bench = lines({"breach": Cause.INTEREST})
    bench.s.parties.cash_usd[0] = 10.0
    bench.kernel(raise_cash, b=0, need_usd=10.0)
    assert bench.kinds() == []


def site(supply: float, **changes: Any) -> Bench:
    """Building work of 10 a day, paid by a site facility with 1,000 left."""
    facility = dict(
        instrument=Instrument.PROJECT_FINANCE,
        principal_usd=100.0,
        undrawn_usd=1000.0,
        collateral=Collateral.SITE,
        hardware=SITE,
        initial_ltv=0.8,
    )
    bench = Bench([facility, OTHER | changes], lenders=2, fleets=[(0, GPU, 1.0)])
    bench.s.borrowers.capex_usd_day[0] = 10.0
    bench.s.lenders.supply[0] = supply
    bench.s.perimeters.dscr[0] = 1.0
    bench.market.today.day = 5
    return bench


def test_a_site_that_is_stopped_is_late() -> None:
    sound = site(1.0)
    sound.kernel(build)
    assert sound.s.loans.undrawn_usd[0] == 990.0
    assert sound.s.borrowers.capex_unpaid_days[0] == 0.0
    for stopped in (site(0.5), site(1.0, breach=Cause.AMORTISATION), site(0.0)):
        stopped.kernel(build)
        assert stopped.s.loans.undrawn_usd[0] == 1000.0
        assert stopped.s.borrowers.capex_unpaid_days[0] == 1.0
        assert stopped.kinds() == ["LINE_STOPPED"]
    assert site(0.0).s.lenders.supply[0] == 0.0
    off = site(0.0, breach=Cause.AMORTISATION)
    off.set("channels__material_change", False)
    off.kernel(build)
    assert off.s.loans.undrawn_usd[0] == 990.0 and off.kinds() == ["DRAW"]


def test_stopped_lines_are_drawn_less_and_never_without_the_channel() -> None:
    """In a crunch of five years; where nothing is stopped both runs are one."""
    stopped, drawn = [], []
    for on in ("true", "false"):
        log = finished("credit-crunch", (f"channels.material_change={on}",), 2).events()
        stopped.append(int((log["kind"] == "line_stopped").sum()))
        drawn.append(log[log["kind"] == "draw"]["amount_usd"].sum())
    assert stopped[0] > 0 and stopped[1] == 0
    assert drawn[0] != drawn[1]
