"""Without forced supply: what is seized is kept and run, and owners sell as if alone."""

from __future__ import annotations

import numpy as np
import pytest
import runs
from by_hand import GPU, RIG, Bench
from seizures import FREE, LEGAL_DAYS, fails_on_day_one

from firesale.agents.party import Outside, Status
from firesale.market.liquidation.listed_alone import sell_listed_alone
from firesale.market.state.events import Event
from firesale.market.state.lots import LotState, new_lot

KEPT: dict[str, object] = dict(forced_supply=False, receiver_share=0.0)


def failed(kind: int, units: float, debt: float, pledged: float, **terms: object) -> Bench:
    """A failure whose machines nobody is forced to sell."""
    return fails_on_day_one(kind, units, debt, pledged, **KEPT | terms)


@pytest.mark.parametrize(
    ("kind", "a_unit"),
    [
        # 20 J/TH on average at 50 dollars a MWh, less 15 % for the host
        (RIG, 0.85 * (0.1 - 0.020 * 24 * 0.05)),
        # 24 hours at 2 dollars, less 15 %, less 1 kW at 12 cents
        (GPU, 24 * (2.0 * 0.85 - 0.12)),
    ],
)
def test_lenders_and_estates_keep_what_they_have_and_it_earns(kind: int, a_unit: float) -> None:
    bench = failed(kind, 1000.0, 1e9, pledged=600.0, hosting_discount=0.15)
    s = bench.s
    for day in range(2, 1 + LEGAL_DAYS):
        bench.day(day, "liquidate")
    owed, estate = float(s.loans.principal_usd[0]), bench.cash(0)
    for day in range(1 + LEGAL_DAYS, 1 + LEGAL_DAYS + 10):
        bench.day(day, "liquidate")
    assert owed - s.loans.principal_usd[0] == pytest.approx(10 * 600.0 * a_unit)
    assert bench.cash(0) - estate == pytest.approx(10 * 400.0 * a_unit)
    assert len(bench.events(Event.OFFERED)) == len(bench.events(Event.HARDWARE_SALE)) == 0
    assert set(s.lots.state[:2]) == {LotState.LEGAL} and s.lots.units[:2].sum() == 1000.0


def test_no_clearing_price_comes_from_what_is_kept() -> None:
    """The same seizure with forced supply lowers the mark; held back it leaves no evidence."""
    marks = []
    for supply in (True, False):
        bench = failed(RIG, 1000.0, 1e9, pledged=1000.0, forced_supply=supply)
        bench.s.lenders.supply[:] = 0.0  # its lender must sell
        for day in range(2, 30):
            bench.day(day, "liquidate")
        marks.append(float(bench.s.clearing_usd[RIG]))
    assert np.isfinite(marks[0]) and np.isnan(marks[1])


def test_when_the_courts_time_is_up_estates_get_what_hosting_is_worth() -> None:
    bench = failed(GPU, 1000.0, 1e9, pledged=600.0, estate_max_days=20)
    s = bench.s
    for day in range(2, 21):
        bench.day(day, "liquidate")
    hold, before = float(s.hold_usd[GPU]), bench.cash(0)
    assert hold > s.hardware.scrap_usd[GPU]
    bench.day(21, "liquidate")
    income = 24 * (2.0 * 0.85 - 0.12) * 400.0
    assert bench.cash(0) - before == pytest.approx(0.97 * 400.0 * hold + income, rel=1e-3)
    assert s.lots.units[:2].sum() == 0.0 and len(bench.events(Event.TAKEN_IN_KIND)) == 1


def listed(bench: Bench, b: int, units: float) -> int:
    """A standing owner's rigs, on sale."""
    lot = new_lot(bench.s.lots, 0, (b, -1, b), RIG, units, 0)
    bench.s.lots.state[lot] = LotState.IN_PLACE
    bench.s.lots.listed[lot] = True
    bench.s.lots.offered_day[lot] = 0
    return lot


def sold_alone(others: float, budget: float) -> tuple[float, Bench]:
    """What 100 TH/s bring an owner when others list so many, with so much money among buyers."""
    bench = Bench(
        [],
        borrowers=2,
        fleets=[(0, RIG, 0.0), (1, RIG, 0.0)],
        buyers=[dict(budget=budget)],
        legal_cost_share=0.0,
        forced_supply=False,
        **FREE,
    )
    bench.s.strips[:] = 30.0
    bench.s.hold_usd[:] = 0.0
    bench.s.prices.hashprice_usd_ph_day = 100.0
    listed(bench, 0, 100.0)
    if others > 0.0:
        listed(bench, 1, others)
    before = bench.cash(0)
    sell_listed_alone(bench.market)
    return bench.cash(0) - before, bench


def test_an_owner_gets_no_less_for_what_others_list_and_buyers_keep_their_money() -> None:
    alone, _ = sold_alone(0.0, budget=1000.0)
    together, bench = sold_alone(5000.0, budget=1000.0)
    assert alone == together > 0.0
    assert bench.s.buyers.budget_usd[0] == 1000.0
    assert np.isnan(bench.s.clearing_usd[RIG])
    assert bench.s.lots.state[0] == LotState.SOLD


def test_it_is_no_subsidy_a_small_purse_buys_little() -> None:
    """100 TH/s for all the money there is: no more than the purse, however dear they are."""
    brings, _ = sold_alone(0.0, budget=500.0)
    assert brings == pytest.approx(500.0, rel=1e-6)


def test_an_owner_that_fails_keeps_what_it_had_listed() -> None:
    bench = failed(RIG, 1000.0, 1e9, pledged=600.0)
    bench.s.parties.status[0] = Status.DEFAULTED
    lot = listed(bench, 0, 50.0)
    before = bench.cash(bench.outside(Outside.INVESTORS))
    sell_listed_alone(bench.market)
    assert bench.s.lots.state[lot] == LotState.IN_PLACE
    assert bench.cash(bench.outside(Outside.INVESTORS)) == before


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_crash_nothing_seized_is_sold_and_marks_still_follow_bids(seed: int) -> None:
    sim = runs.finished("crypto-crash", ("days=400", "channels.forced_supply=false"), seed)
    lots, count = sim.market.lots, int(sim.market.lots.count[0])
    seized = ~lots.listed[:count]
    assert seized.sum() > 10
    assert abs(float(lots.proceeds_usd[:count][seized].sum())) < 1.0
    # Rigs trade among ordinary owners and buyers: marks are no longer the schedule.
    rigs = [k for k in range(len(sim.market.marks_usd)) if sim.market.routine_units_year[k] > 0.0]
    assert rigs and np.all(np.isfinite(sim.market.clearing_usd[rigs]))
    assert np.all(sim.market.clearing_event[rigs] == -1)
