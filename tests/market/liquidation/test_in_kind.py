"""What finds no buyer ends: in kind to the lender that seized it, or for scrap."""

from __future__ import annotations

import numpy as np
import pytest
import runs
from by_hand import GPU, RIG, Bench

from firesale.agents.lender import in_kind_usd
from firesale.agents.party import Outside, Status
from firesale.market.scenario.scenario import Scenario
from firesale.market.state.events import Cause, Event
from firesale.market.state.loans import Collateral, LoanStatus, of_claims
from firesale.market.state.lots import LotState

LIMIT = 40
FREE = dict(
    idle_cost_share=0.0, removal_usd_per_th=0.0, removal_usd_per_gpu=0.0, receiver_share=0.0,
    storage_usd_per_gpu_day=0.0, legal_cost_share=0.03, bankruptcy_cost_share=0.0,
)  # fmt: skip


def failed(kind: int, pledged: float, owned: float, debt: float) -> Bench:
    """A borrower fails on day 1; nobody ever bids, for what it pledged or what else it owns."""
    loan = dict(
        principal_usd=debt, collateral=Collateral.HARDWARE, hardware=kind, collateral_units=pledged
    )
    terms = FREE | dict(estate_max_days=LIMIT, bankruptcy_days=10, legal_days=5)
    bench = Bench([loan], fleets=[(0, kind, owned)], scrap=(5.0, 1.0, 0.0), **terms)
    bench.s.loans.breach[0] = Cause.MATURITY
    bench.day(1, "default")
    assert bench.s.parties.status[0] == Status.DEFAULTED
    return bench


def until(bench: Bench, last: int, hold: float = 0.0) -> None:
    """Days up to one, with machines worth ``hold`` to who keeps them."""
    for day in range(2, last + 1):
        bench.s.hold_usd[:] = hold
        bench.day(day, "lenders", "liquidate")


@pytest.mark.parametrize(("hold", "scrap", "value"), [(30.0, 5.0, 30.0), (2.0, 5.0, 5.0)])
def test_machines_are_taken_at_what_they_are_worth_kept_or_as_scrap(
    hold: float, scrap: float, value: float
) -> None:
    assert in_kind_usd(hold, scrap) == value


def test_the_lender_takes_its_machines_at_their_holding_value_on_the_last_day() -> None:
    bench = failed(GPU, 10.0, 10.0, debt=1000.0)
    s = bench.s
    outside = float(s.ledger.outside_units[GPU])
    until(bench, LIMIT, hold=30.0)
    assert s.lots.state[0] != LotState.SOLD and s.loans.status[0] == LoanStatus.DEFAULTED
    until(bench, 1 + LIMIT, hold=30.0)
    assert s.lots.state[0] == LotState.SOLD and s.lots.units[0] == 0.0
    # 10 at 30, less 3 % of legal cost, are paid on the claim; they run for a new owner.
    assert of_claims("recovered_usd", s.loans)[0] == pytest.approx(291.0)
    assert s.loans.principal_usd[0] == pytest.approx(1000.0 - 291.0)
    assert s.ledger.outside_units[GPU] - outside == pytest.approx(10.0)
    assert s.outside_online[GPU] == pytest.approx(10.0)
    (taken,) = bench.events(Event.TAKEN_IN_KIND)
    assert (taken["party"], taken["counterparty"], taken["loan"]) == (bench.lender(), 0, 0)
    assert taken["amount_usd"] == pytest.approx(300.0)
    bench.day(2 + LIMIT, "lenders", "liquidate")
    assert s.loans.status[0] == LoanStatus.CLOSED
    assert s.lenders.loss_usd[0] == pytest.approx(1000.0 - 291.0)


def test_what_no_buyer_took_is_no_sale_and_has_no_price() -> None:
    """Ten in kind and six for scrap: sixteen ended, none sold, no price over mark, no days."""
    bench = failed(GPU, 10.0, 16.0, debt=1000.0)
    until(bench, 1 + LIMIT, hold=30.0)
    lots = bench.s.lots
    assert list(lots.ended_units[:2]) == pytest.approx([10.0, 6.0])
    assert list(lots.proceeds_usd[:2]) == pytest.approx([0.0, 0.0], abs=1e-9)
    assert list(lots.unit_days[:2]) == pytest.approx([0.0, 0.0], abs=1e-9)
    assert list(lots.units[:2]) == [0.0, 0.0]


def test_what_is_not_worth_keeping_goes_for_scrap_and_does_not_run() -> None:
    bench = failed(RIG, 100.0, 100.0, debt=1000.0)
    until(bench, 2 + LIMIT, hold=0.5)
    assert of_claims("recovered_usd", bench.s.loans)[0] == pytest.approx(97.0)  # at 1 each
    assert bench.s.outside_online[RIG] == 0.0
    assert bench.s.loans.status[0] == LoanStatus.CLOSED


def test_what_machines_are_worth_beyond_the_claim_is_the_estates() -> None:
    bench = failed(GPU, 10.0, 10.0, debt=200.0)
    until(bench, 1 + LIMIT, hold=30.0)
    assert of_claims("recovered_usd", bench.s.loans)[0] == pytest.approx(200.0)
    assert bench.cash(0) == pytest.approx(91.0)


def test_an_estates_own_machines_go_for_scrap_and_creditors_get_it() -> None:
    bench = failed(GPU, 10.0, 16.0, debt=1000.0)
    until(bench, 2 + LIMIT, hold=30.0)
    s = bench.s
    # Ten in kind at 30, six of the estate at 5, less 3 %: all of it is the one creditor's.
    assert of_claims("recovered_usd", s.loans)[0] == pytest.approx(291.0 + 29.1)
    assert s.parties.status[0] == Status.WOUND_UP
    assert bench.cash(bench.outside(Outside.COURTS)) == pytest.approx(0.03 * 330.0)
    assert s.outside_online[GPU] == pytest.approx(10.0)  # scrap is gone


def test_the_limit_counts_every_step_that_a_claim_may_wait_for() -> None:
    credit = {"bankruptcy_days": 30, "estate_max_days": 50}
    scenario = Scenario.from_dict(
        {"name": "x", "credit": credit, "liquidation": {"site_days": 70}}, "x"
    )
    # A site is offered after 70 days, for as long as the court waits; the claim ends a day later.
    assert scenario.longest_claim_days == 70 + 50 + 1
    apart = scenario.with_settings(["channels.cross_default=false"])
    # A claim on who still stands, and that fails on the last day, waits for its estate too.
    assert apart.longest_claim_days == 2 * 121


@pytest.mark.parametrize("name", ["joint-crash", "crypto-crash", "rental-deflation"])
def test_no_claim_is_open_longer_than_the_limit(name: str) -> None:
    settings = ("days=300", "credit.estate_max_days=90", "credit.bankruptcy_days=60",
                "liquidation.site_days=80", "credit.hazard_per_year=0.3")  # fmt: skip
    sim = runs.fresh(name, settings, 3)
    longest = sim.scenario.longest_claim_days
    assert longest == 90 + 80 + 1
    seen, s = 0, sim.market
    while not sim.finished:
        sim.step()
        days = of_claims("default_day", s.loans, -1)
        open_ = s.loans.status == LoanStatus.DEFAULTED
        assert np.all(s.day - days[open_] <= longest)
        seen = max(seen, int((s.day - days[open_]).max(initial=0)))
    assert seen >= 80  # some did wait
